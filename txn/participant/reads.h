// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_READS_H_
#define ISOCHRON_TXN_PARTICIPANT_READS_H_

// Reads at a group's leader, and snapshot reads at its other replicas.
//
// A locked read belongs to a read-write transaction: it locks all of the spans asked for, gaps
// included, then reads the newest versions. A snapshot read takes no lock and costs no Paxos round.
// Either answers only after TT.after(the greatest version examined) (rule 2). A read that was
// limited says what is left. WRONG_RANGE is checked again after each wait (rule 36), and so is the
// version-GC horizon: below it a read is refused, with the earliest readable timestamp (rule 32).

#include <memory>

#include "common/request_context.h"
#include "common/task.h"
#include "proto/peer.pb.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

Task<peer::GroupResponse> LockedRead(std::shared_ptr<LedGroup> group, Ctx ctx,
                                     peer::LockedReadRequest request);
Task<peer::GroupResponse> SnapshotRead(std::shared_ptr<LedGroup> group, Ctx ctx,
                                       peer::SnapshotReadRequest request);
// At a replica that does not lead: waits for its safe time (invariant 7).
Task<peer::GroupResponse> ReplicaSnapshotRead(const ServerEnv* env,
                                              std::shared_ptr<GroupAccess> replica, Ctx ctx,
                                              peer::SnapshotReadRequest request);
// The leader's promise about timestamps (rules 6, 12 and 13).
Task<peer::GroupResponse> Promise(std::shared_ptr<LedGroup> group, Ctx ctx,
                                  peer::PromiseRequest request);
// What any replica could serve at once.
peer::GroupResponse SafeTimeOf(GroupAccess* replica, const peer::SafeTimeRequest& request);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_READS_H_
