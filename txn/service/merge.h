// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_SERVICE_MERGE_H_
#define ISOCHRON_TXN_SERVICE_MERGE_H_

// A merge, driven by the left-hand group's leader (rule 36; docs/internals/split.md).
//
//   1. both groups have the same replicas, all of them close behind; the right is led here too
//   2. all of the right is locked by an attempt older than any transaction: what is prepared there
//      is waited for, other attempts are wounded
//   3. Freeze in the right's log, at s_max above everything it assigned, served or promised; from
//      its proposal on the right serves nothing
//   4. every replica of the right durably has its log that far
//   5. Merge in the left's log, above s_max
//
// A freeze belongs to one try of one leadership, named by its token. When the try ends without a
// merge it is taken back; when its leader is gone, the frozen group's leader asks the owner, which
// answers only as a leader that has applied all it recovered: what is not merged by then never will
// be by that token.

#include <functional>
#include <memory>

#include "common/request_context.h"
#include "common/task.h"
#include "proto/peer.pb.h"
#include "tablet/group/group.h"
#include "txn/coordinator/coordinator.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

// The groups of this node.
struct MergeHost {
  std::function<tablet::Group*(GroupId)> find_group;
  std::function<std::shared_ptr<LedGroup>(GroupId)> find_led;
};

// OK with the descriptors when `right` is part of the group, since now or before. Refused with
// FAILED_PRECONDITION when the replicas differ or one is down or far behind.
Task<peer::GroupResponse> MergeGroup(std::shared_ptr<LedGroup> left, MergeHost host, Ctx ctx,
                                     peer::MergeRequest request);

// Whether a group that is frozen for `left` may go on by itself.
peer::GroupResponse MayThaw(LedGroup* left, const MergeHost& host,
                            const peer::FreezeRequest& request);
// Asks that for the frozen group, and thaws it if so.
Task<void> AskToThaw(std::shared_ptr<LedGroup> frozen, MergeHost host);

// A request for a group that was merged into `group`, which answers for it: what became of attempts
// there, votes and wounds for its coordinator; for anything else, where its keys are now.
Task<peer::GroupResponse> ServeMerged(std::shared_ptr<LedGroup> group,
                                      std::shared_ptr<Coordinator> coordinator, MergeHost host,
                                      Ctx ctx, peer::GroupRequest request);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_SERVICE_MERGE_H_
