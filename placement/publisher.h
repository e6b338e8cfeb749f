// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_PUBLISHER_H_
#define ISOCHRON_PLACEMENT_PUBLISHER_H_

// Writes the tablet map: the leader of each group publishes the group's descriptor as a row of the
// system group, when it begins to lead and whenever the descriptor changes.
//
// A row is replaced only by a descriptor of a greater generation, in a small read-write transaction
// of up to 64 rows, so that a slow old leader never undoes what a new one wrote. It tries, with
// growing pauses, until that is done or a newer descriptor takes its place. The map is a hint for
// routers (common/router.h): nothing breaks while a row is late.
//
// Loop-thread only. The store outlives it.

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/router.h"
#include "common/task.h"
#include "txn/api/transaction.h"

namespace isochron::placement {

class Publisher {
 public:
  Publisher(txn::Store* store, Observer* observer, Random random)
      : store_(store), observer_(observer), random_(random) {}

  // The newest descriptor of a group that this node leads. Returns at once.
  void Publish(const GroupDescriptor& descriptor);
  // Groups whose newest descriptor is not yet known to be published.
  size_t pending() const { return wanted_.size(); }

 private:
  // Runs while something is wanted.
  Task<void> Work();
  // OK once the rows are at least as new.
  Task<absl::Status> WriteRows(std::vector<GroupDescriptor> rows);

  txn::Store* const store_;
  Observer* const observer_;
  Random random_;
  std::map<GroupId, GroupDescriptor> wanted_;
  bool working_ = false;
  std::map<GroupId, uint64_t> published_;  // generation known to be in the map
  TaskScope scope_;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_PUBLISHER_H_
