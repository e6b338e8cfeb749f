// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LEASE_INCARNATION_H_
#define ISOCHRON_PAXOS_LEASE_INCARNATION_H_

// The number of this process among all that ever served this data folder (rule 14).

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/disk.h"

namespace isochron::paxos {

// Raises the counter kept in `path` and returns it, at least 1, once it is durable. DATA_LOSS when
// the file cannot be understood; the disk's errors otherwise. Synchronous; call once a start.
absl::StatusOr<uint64_t> RaiseIncarnation(Disk* disk, const std::string& path);

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LEASE_INCARNATION_H_
