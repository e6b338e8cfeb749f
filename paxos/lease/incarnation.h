// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LEASE_INCARNATION_H_
#define ISOCHRON_PAXOS_LEASE_INCARNATION_H_

// The number of this process among all that ever served this data folder (rule 14).

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/disk.h"

namespace isochron::paxos {

struct Incarnation {
  uint64_t now = 0;
  uint64_t first = 0;  // of the first process of this folder
};

// Raises the counter kept in `path` and returns it once it is durable. A folder without one begins
// with `first`: 1 for a folder that a universe begins with, else something that grows with time, so
// that a node whose folder was lost never uses a number again (rule 28). 0: it is not known yet,
// and a new folder is refused with UNAVAILABLE. DATA_LOSS when the file cannot be understood; the
// disk's errors otherwise. Synchronous; call once a start.
absl::StatusOr<Incarnation> RaiseIncarnation(Disk* disk, const std::string& path, uint64_t first);

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LEASE_INCARNATION_H_
