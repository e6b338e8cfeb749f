// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_INVARIANTS_H_
#define ISOCHRON_PAXOS_CORE_INVARIANTS_H_

// What must hold of a replica at any instant, since the last look, and between all replicas of a
// group. For tests and the simulator: each check returns the first thing that is wrong, or OK.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/types.h"
#include "paxos/core/replica.h"

namespace isochron::paxos {

// Follows one replica within one process lifetime.
class ReplicaInvariants {
 public:
  // INTERNAL that says what is wrong.
  absl::Status Check(const Replica& r);

 private:
  absl::Status CheckNow(const Replica& r) const;

  bool seen_ = false;
  HardState hard_;
  LogIndex chosen_ = 0;
  LogIndex emitted_ = 0;
  LogIndex base_ = 0;
};

// One value an index, whoever hands it out (invariant 8), and origins that never go down.
class ChosenLedger {
 public:
  absl::Status Add(NodeId node, const Entry& entry);
  LogIndex last() const { return chosen_.empty() ? 0 : chosen_.rbegin()->first; }
  size_t size() const { return chosen_.size(); }

 private:
  struct Value {
    Ballot origin;
    EntryKind kind;
    std::string payload;
    NodeId first_seen_at;
  };
  std::map<LogIndex, Value> chosen_;
};

// Leases of different (node, incarnation) of one group never overlap in real time (invariant 2).
class LeaseLedger {
 public:
  // At real time `now`, `node` computed that it leads at `ballot`, which it won at `won`, until
  // `end`.
  absl::Status Extend(NodeId node, uint64_t incarnation, Ballot ballot, Timestamp won,
                      Timestamp end);
  // `node` gave up what it had, at real time `now`.
  void Release(NodeId node, uint64_t incarnation, Timestamp now);

 private:
  struct Term {
    NodeId node;
    uint64_t incarnation = 0;
    Ballot ballot;
    Timestamp won;
    Timestamp end;
    bool released = false;
  };
  std::vector<Term> terms_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_INVARIANTS_H_
