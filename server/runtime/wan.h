// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_WAN_H_
#define ISOCHRON_SERVER_RUNTIME_WAN_H_

// WAN emulation: what a link between two regions is like, so that regions can be tried on one
// machine without kernel support. The transport's sender delays each message by its link's one-way
// time, in order.
//
// The built-in figures are typical public-cloud round trips between regions, rounded; they are
// emulation input, not measurements of any network. A file gives others, a line each:
//
//     # comment
//     us-east europe-west 80      round trip in milliseconds, either direction
//     local 0.5                   round trip between nodes of one region
//     default 150                 between regions that no line names
//     jitter 0.05                 each message takes up to this share longer
//     loss 0.001                  share of messages that vanish

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::runtime {

struct LinkProfile {
  Micros one_way_us = 0;
  double jitter = 0;  // share of one_way_us
  double loss = 0;    // probability a message
};

class WanMatrix {
 public:
  // The built-in figures.
  static WanMatrix Typical();
  // INVALID_ARGUMENT names the line.
  static absl::StatusOr<WanMatrix> Parse(absl::string_view text);
  // NOT_FOUND when the file cannot be read.
  static absl::StatusOr<WanMatrix> Load(const std::string& file);

  LinkProfile Link(absl::string_view from_region, absl::string_view to_region) const;

 private:
  using Pair = std::pair<std::string, std::string>;  // sorted

  std::map<Pair, double> rtt_ms_;
  double local_rtt_ms_ = 0.5;
  double default_rtt_ms_ = 150;
  double jitter_ = 0;
  double loss_ = 0;
};

// Region names of the built-in matrix, far ones first: the demo takes them in this order.
const std::vector<std::string>& TypicalRegions();

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_WAN_H_
