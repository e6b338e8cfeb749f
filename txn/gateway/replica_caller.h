// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_REPLICA_CALLER_H_
#define ISOCHRON_TXN_GATEWAY_REPLICA_CALLER_H_

// Reads that any replica of a group may serve: the nearest first, then the others.
//
// This node itself comes first if it holds the rows (no message then), then nodes by measured
// distance, those that are not heard of last. One that does not answer in time, has no replica or
// cannot get at a safe time is passed over. When all were asked, a leader is looked for the
// ordinary way, and the round begins again, until the context ends; the error then says what each
// of them answered.

#include <vector>

#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/gateway/gateway_env.h"

namespace isochron::txn {

// The nodes that hold the group's rows, nearest first.
std::vector<NodeId> NearestReplicas(const Gateway& gateway, GroupId group);

// An answer other than "ask another": GROUP_OK, WRONG_RANGE, REFUSED. Errors of ctx.
Task<absl::StatusOr<peer::GroupResponse>> CallReplicas(Gateway* gateway, Ctx ctx, GroupId group,
                                                       peer::GroupRequest request);

// A read at a fixed timestamp, by the leader; if that has not answered after
// GatewayLimits::straggler_us, by another replica, too: whichever answers first.
Task<absl::StatusOr<peer::GroupResponse>> CallOrStandIn(Gateway* gateway, Ctx ctx, GroupId group,
                                                        peer::GroupRequest request);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_REPLICA_CALLER_H_
