// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_ACCUSATIONS_H_
#define ISOCHRON_TRUETIME_ACCUSATIONS_H_

// Peers' intervals that cannot be reconciled with ours, and when to believe them (rule 25).
//
// Whoever calls TrueTime::Accuse drops the message that the interval came with: nothing is ever
// decided together with a node one disagrees with, and that alone keeps a single liar from doing
// harm. What is left to decide is who lies. With one peer nobody can tell; with several, a node
// that more than half of its peers contradict within a short time must take itself for the liar,
// while a node contradicted by a minority goes on: one lying clock may not stop a universe.
//
// A fenced node stays fenced for a minute after the last accusation. It is then told by the first
// messages it gets whether it still lies, before it can act on any of them.
//
// Times are boot-time microseconds. Not safe from several threads.

#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/truetime.h"
#include "common/types.h"

namespace isochron::truetime {

class Accusations {
 public:
  static constexpr Micros kWindowUs = 10'000'000;
  static constexpr Micros kFenceUs = 60'000'000;

  // How many other nodes there are; until it is told, one is assumed.
  void set_peer_count(int n) { peer_count_ = n < 1 ? 1 : n; }

  void Add(NodeId peer, TTInterval theirs, TTInterval ours, Micros now_us) {
    by_peer_[peer] = now_us;
    std::erase_if(by_peer_, [now_us](const auto& e) { return now_us - e.second > kWindowUs; });
    if (static_cast<int>(by_peer_.size()) * 2 <= peer_count_ && !fenced_until_us_) return;
    fenced_until_us_ = now_us + kFenceUs;
    why_ =
        absl::StrCat("the clocks of ", by_peer_.size(), " of ", peer_count_,
                     " peers contradict this node's (node ", peer.value, " says ",
                     theirs.earliest.us, " to ", theirs.latest.us, ", this node ", ours.earliest.us,
                     " to ", ours.latest.us, "); check the clock and its bound here");
  }

  // Why this node may not trust itself now, or nothing.
  std::optional<std::string> Fence(Micros now_us) {
    if (fenced_until_us_ && now_us < *fenced_until_us_) return why_;
    fenced_until_us_.reset();
    return std::nullopt;
  }

 private:
  int peer_count_ = 1;
  std::map<NodeId, Micros> by_peer_;
  std::optional<Micros> fenced_until_us_;
  std::string why_;
};

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_ACCUSATIONS_H_
