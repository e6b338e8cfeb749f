// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/segment_name.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace isochron::paxos {

std::string HeadPath(const std::string& folder) { return folder + "/HEAD"; }

std::string SegmentPath(const std::string& folder, uint64_t sequence) {
  return absl::StrFormat("%s/%06d.log", folder, sequence);
}

std::optional<uint64_t> SegmentSequence(const std::string& name) {
  absl::string_view digits = name;
  uint64_t sequence = 0;
  if (!absl::ConsumeSuffix(&digits, ".log") || !absl::SimpleAtoi(digits, &sequence)) {
    return std::nullopt;
  }
  return sequence;
}

}  // namespace isochron::paxos
