// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_TRUETIME_H_
#define ISOCHRON_COMMON_TRUETIME_H_

// The TrueTime seam (OSDI 2012, section 3): a clock that states its own uncertainty.
//
// Now() returns an interval that contains the real instant of the call, or an error when the
// source cannot vouch for one (invariant 1, rule 5). Callers never guess on an error: they do not
// lead, vote for leases, choose timestamps or answer gated reads. Now() never blocks, is safe from
// any thread and computes the bound from the sample's age at the call (rule 26).

#include "absl/status/statusor.h"
#include "common/types.h"

namespace isochron {

struct TTInterval {
  Timestamp earliest;
  Timestamp latest;
};

class TrueTime {
 public:
  virtual ~TrueTime() = default;

  // UNAVAILABLE when no bound can be vouched for; the message says why and what to do.
  virtual absl::StatusOr<TTInterval> Now() = 0;

  // A peer's interval, seen in a message, that cannot be reconciled with ours (rule 25). The source
  // may fence itself: later Now() calls then fail. Default: ignored.
  virtual void Accuse(NodeId /*peer*/, TTInterval /*theirs*/, TTInterval /*ours*/) {}

  // TT.after(t): t has definitely passed. False when the clock cannot vouch.
  bool After(Timestamp t) {
    auto now = Now();
    return now.ok() && now->earliest > t;
  }
  // TT.before(t): t has definitely not arrived. False when the clock cannot vouch.
  bool Before(Timestamp t) {
    auto now = Now();
    return now.ok() && now->latest < t;
  }
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_TRUETIME_H_
