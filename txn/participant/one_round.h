// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_ONE_ROUND_H_
#define ISOCHRON_TXN_PARTICIPANT_ONE_ROUND_H_

// The one-round commit: a transaction that read and wrote in this group alone (rule 4) commits with
// one log entry, which carries the record that makes a retry find it (rule 21).
//
// Lock what is written, propose (s is assigned in the same step), wait until applied, wait until
// TT.after(s) (the wait began when s was assigned, so replication hides most of it), unlock,
// answer.
//
// Answers. TXN_ABORTED and REFUSED: never proposed, and never will be: a commit that named a
// lock-table epoch leaves a marker, and one without (blind writes, which a late copy could replay
// at any leader) logs an abort first. A key that moved away aborts, with the descriptors.
// NOT_LEADER: nothing happened. TXN_UNKNOWN: ask again.

#include <memory>

#include "common/request_context.h"
#include "common/task.h"
#include "proto/peer.pb.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

Task<peer::GroupResponse> CommitOneRound(std::shared_ptr<LedGroup> group, Ctx ctx,
                                         peer::CommitRequest request);

// The answer for an attempt whose record exists here: after TT.after(s) for a commit.
Task<peer::GroupResponse> AnswerFinished(std::shared_ptr<LedGroup> group,
                                         peer::FinishedAttempt finished);

// Waits for the replication of a proposed commit and then out its commit timestamp, and accounts
// for both: OK when the effect may be told, UNKNOWN when leadership ended first.
Task<absl::Status> FinishCommit(std::shared_ptr<LedGroup> group, Ctx ctx, Proposed proposed);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_ONE_ROUND_H_
