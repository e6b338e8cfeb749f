// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_OBSERVER_H_
#define ISOCHRON_COMMON_OBSERVER_H_

// The Observer seam: what the protocol tells the outside about itself. Real: counters for metrics.
// Simulated: checkers. An observer never changes behaviour, never blocks, runs on the loop.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron {

class Observer {
 public:
  virtual ~Observer() = default;

  // Adds to a named counter ("log.syncs", "txn.commits", "paxos.proposals", ...).
  virtual void Count(absl::string_view /*name*/, int64_t /*delta*/) {}
  // A rare branch was taken; the simulator fails a range of seeds that never reached it (rule 39).
  virtual void Reached(absl::string_view /*name*/) {}

  // `node` may lead `group` at `ballot` until `end` (called on each extension; end only grows
  // within a ballot). Invariant 2: intervals of different nodes never overlap.
  virtual void OnLease(NodeId /*node*/, GroupId /*group*/, Ballot /*ballot*/, Timestamp /*start*/,
                       Timestamp /*end*/) {}
  // `node` gave its lease at `ballot` up before its end: it will not use it from `end` on.
  virtual void OnLeaseReleased(NodeId /*node*/, GroupId /*group*/, Ballot /*ballot*/,
                               Timestamp /*end*/) {}
  // The leader assigned s to a commit, prepare or split of `group` (invariant 3).
  virtual void OnAssigned(NodeId /*node*/, GroupId /*group*/, Ballot /*ballot*/, Timestamp /*s*/) {}
  // The replica applied `index`; `digest` covers the group's whole state after it, or 0 if not
  // kept.
  virtual void OnApplied(NodeId /*node*/, GroupId /*group*/, LogIndex /*index*/,
                         uint64_t /*entry_digest*/) {}
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_OBSERVER_H_
