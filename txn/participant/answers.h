// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_ANSWERS_H_
#define ISOCHRON_TXN_PARTICIPANT_ANSWERS_H_

// The one place where a Status becomes a GroupError.

#include "absl/status/status.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "proto/peer.pb.h"
#include "txn/participant/group_access.h"

namespace isochron::txn {

// For work of which nothing was proposed: FAILED_PRECONDITION and UNAVAILABLE are NOT_LEADER (with
// the hint), OUT_OF_RANGE is WRONG_RANGE (with the descriptors), ABORTED is TXN_ABORTED, UNKNOWN is
// TXN_UNKNOWN, a LockTimeout LOCK_TIMEOUT, a DiskFull DISK_FULL, anything else REFUSED.
peer::GroupResponse ErrorAnswer(const GroupAccess& group, const absl::Status& status);
peer::GroupResponse NotLeaderAnswer(NodeId hint, absl::string_view message);
// The proposal may still be chosen (rule 3).
peer::GroupResponse UnknownAnswer(absl::string_view message, SabotageSet sabotage);
peer::GroupResponse AbortedAnswer(absl::string_view message);
peer::GroupResponse RefusedAnswer(const absl::Status& status);
peer::GroupResponse CommittedAnswer(Timestamp s);
peer::GroupResponse VoteAnswer(bool decided, bool commit, Timestamp s);
void AddDescriptors(const GroupAccess& group, peer::GroupResponse* response);
void SetLatency(const LatencyAccount& account, peer::GroupResponse* response);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_ANSWERS_H_
