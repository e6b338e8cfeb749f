// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_SALVAGE_H_
#define ISOCHRON_TABLET_GROUP_SALVAGE_H_

// A store with damaged files, made usable for the groups that the damage does not touch (rule 33).
//
// Damaged blocks cannot be cut out of a store, and its next compaction would fail at them. So what
// is whole is copied into a new store, group by group; of a group that is hurt only a row is left
// that says why, by which GroupHost keeps it out. Blocking: for the start of a node.

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/types.h"
#include "storage/engine/engine.h"

namespace isochron::tablet {

// The groups of which something cannot be read, and why: reads all of the store. DATA_LOSS when not
// even the groups can be listed, so that the damage cannot be put down to any.
absl::StatusOr<std::map<GroupId, std::string>> FindHurtGroups(storage::Engine* store);

// Fills the empty store `to`, durably. Errors of reading and writing.
absl::Status Salvage(storage::Engine* from, const std::map<GroupId, std::string>& hurt,
                     storage::Engine* to);

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_SALVAGE_H_
