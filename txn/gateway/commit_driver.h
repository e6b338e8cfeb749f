// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_COMMIT_DRIVER_H_
#define ISOCHRON_TXN_GATEWAY_COMMIT_DRIVER_H_

// Drives one attempt's commit (OSDI 2012, 4.2.1): the client library's part of two-phase commit.
//
//   one group over reads and writes    CommitRequest: one round, no prepare (rule 4)
//   several groups                     PrepareRequest to each but the coordinator's, which gets a
//                                      CoordinateRequest, side by side. Participants vote to the
//                                      coordinator directly; its answer is the outcome.
//   no writes                          a heartbeat to each group: all locks still held means that
//   all
//                                      were held at the instant before the first heartbeat left, so
//                                      what was read is true of that instant
//
// Outcomes (rules 3 and 21, invariant 10). The coordinator is fixed before the first send. Whatever
// is sent again is the same request: same attempt, same commit_start. ABORTED is reported only when
// a group said so (durable there), or when the deciding request was never executed: every try of it
// was answered, and refused. A lost answer and TXN_UNKNOWN mean ask again, until the commit window
// has passed; then the outcome is UNKNOWN.
//
// A driver runs in the gateway's scope, not in its client's coroutine: a client that gives up does
// not stop it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/api/transaction.h"
#include "txn/gateway/gateway_env.h"

namespace isochron::txn {

// One group's part in the transaction.
struct CommitPart {
  std::optional<peer::LockEpoch> epoch;  // of its locks; absent: none were taken here
  std::vector<peer::Write> writes;
};

struct CommitPlan {
  TxnAttempt id;
  std::map<GroupId, CommitPart> parts;
  Timestamp s_max = Timestamp::Max();
};

struct CommitReport {
  absl::StatusOr<CommitResult> result;
  LatencyAccount latency;
};

// OK; ABORTED or another refusal (nothing took effect); UNKNOWN.
Task<CommitReport> DriveCommit(Gateway* gateway, CommitPlan plan);

// Gives back what the attempt holds in `groups`. Best effort: locks expire by themselves.
void ReleaseLocks(Gateway* gateway, TxnAttempt id, const std::vector<GroupId>& groups);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_COMMIT_DRIVER_H_
