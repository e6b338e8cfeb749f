// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_SERVICE_SPLIT_BARRIER_H_
#define ISOCHRON_TXN_SERVICE_SPLIT_BARRIER_H_

// A split, seen from the lock table: the half that moves is locked exclusively by an attempt older
// than any transaction, then the split is proposed (rule 36).
//
// So nothing in that half is prepared, read-voted or in flight when the child begins, active
// transactions there are wounded and run again, and later ones wait until the range has changed:
// the child inherits data, finished attempts and a smallest next timestamp, but no locks.

#include <memory>

#include "common/request_context.h"
#include "common/task.h"
#include "proto/peer.pb.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

// OK with the descriptors of the group and its children; also when the key begins a group already.
Task<peer::GroupResponse> SplitGroup(std::shared_ptr<LedGroup> group, Ctx ctx,
                                     peer::SplitRequest request);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_SERVICE_SPLIT_BARRIER_H_
