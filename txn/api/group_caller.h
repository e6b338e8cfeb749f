// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_GROUP_CALLER_H_
#define ISOCHRON_TXN_API_GROUP_CALLER_H_

// How the transaction layer reaches the leader of a group, wherever it is.
//
// Implemented by txn/gateway/group_caller.h over Router and Transport (or a direct call through the
// Executor when the leader is in this process). Used by the gateway's commit driver and, at group
// leaders, by participants (votes, wounds) and coordinators (outcomes).

#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"

namespace isochron::txn {

class GroupCaller {
 public:
  virtual ~GroupCaller() = default;

  // Sends `request` to the leader of `group` and returns what the leader answered. The call follows
  // leader hints, and retries NOT_LEADER, UNKNOWN_GROUP and lost messages until `ctx` ends: so a
  // request may be executed more than once, and every one of them is idempotent. An answer with any
  // other GroupError comes back as it is. `request.group` is filled in. Loop-thread only.
  // UNAVAILABLE, DEADLINE_EXCEEDED or CANCELLED (from ctx): whether it was executed is unknown.
  virtual Task<absl::StatusOr<peer::GroupResponse>> Call(Ctx ctx, GroupId group,
                                                         peer::GroupRequest request) = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_GROUP_CALLER_H_
