// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LOG_SEGMENT_NAME_H_
#define ISOCHRON_PAXOS_LOG_SEGMENT_NAME_H_

// Segment files are named by their sequence number: log/000001.log.

#include <cstdint>
#include <optional>
#include <string>

namespace isochron::paxos {

// The file that says which segments there are.
std::string HeadPath(const std::string& folder);
std::string SegmentPath(const std::string& folder, uint64_t sequence);
// The sequence in a file name (without folder); nothing for other files.
std::optional<uint64_t> SegmentSequence(const std::string& name);

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LOG_SEGMENT_NAME_H_
