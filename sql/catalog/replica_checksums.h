// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_REPLICA_CHECKSUMS_H_
#define ISOCHRON_SQL_CATALOG_REPLICA_CHECKSUMS_H_

// What isochron.checksum asks the server for: what one replica of a group holds. Loop thread only.

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"

namespace isochron::sql {

struct ReplicaChecksum {
  uint64_t rows = 0;
  uint32_t checksum = 0;  // of their keys and values, in order
  KeyRange covered;       // what was asked for, less what is not the group's or not of this page
  bool more = false;      // the page ended before what was asked for did
};

class ReplicaChecksums {
 public:
  virtual ~ReplicaChecksums() = default;
  // The checksum of the rows of `span` (an empty end: to the group's) at `t`, as the replica on
  // `node` holds them; one page. UNAVAILABLE when the node does not answer, has no such replica or
  // lags; OUT_OF_RANGE when nothing of the span is the group's; DATA_LOSS when it cannot be read;
  // FAILED_PRECONDITION when the versions of `t` are gone.
  virtual Task<absl::StatusOr<ReplicaChecksum>> Checksum(Ctx ctx, GroupId group, NodeId node,
                                                         Timestamp t, KeyRange span) = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_REPLICA_CHECKSUMS_H_
