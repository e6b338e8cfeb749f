// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_DEPENDENCY_CYCLES_H_
#define ISOCHRON_SIM_CHECKERS_DEPENDENCY_CYCLES_H_

// The dependency-cycle checker: the history of a strictly serializable database has an order in
// which each transaction comes after all that it depends on, and after all that ended before it
// began (Adya, Liskov and O'Neil 2000; Kingsbury and Alvaro, Elle, 2020). It uses no timestamps, so
// it would notice a database whose timestamps agree with each other and not with what clients saw.
//
// The order of versions is inferred, never assumed:
//
//   lists       what is read is the order. All reads of a list are prefixes of the longest; what
//               nobody read comes behind it.
//   registers   values are unique, so a read names the version's writer. Who reads a version and
//               writes the register comes next after it. A version that ended before another's
//               writer began is older. The absent row is the oldest version, unless some
//               transaction deletes the row: then reads of absent rows are left out.
//   real time   what ended before another began. Reads in the past are not held to what ended
//               before them; a read that stands alone (local) is held to that on its own keys only.
//
// An unknown transaction takes part once something of it was read. Anomalies, worst first:
//
//   G1a, G1b             saw what was aborted; saw a transaction's value before its last
//   incompatible-order   two reads of a list of which neither is a prefix of the other
//   duplicate-element    an element is twice in a list
//   read-from-nowhere, duplicate-value      nobody wrote it; two did, and nothing can be inferred
//   lost-update          two replaced the same version
//   G0, G1c, G-single, G2-item      cycles of ww; ww and wr; one rw; more (write skew, long fork)
//   the same with -realtime         cycles that need real time
//
// Linear in the history while it is legal, but for sorting. Not thread-safe.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "sim/checkers/dependency_graph.h"
#include "sim/checkers/history.h"

namespace isochron::sim {

class DependencyCycleChecker {
 public:
  // The history outlives the checker.
  explicit DependencyCycleChecker(const History* history);

  // All anomalies, at most `limit`, one a cycle's component; empty when the history is legal.
  std::vector<Anomaly> Check(size_t limit = 10);

  size_t edges() const { return graph_.edge_count(); }

 private:
  using Edge = DependencyGraph::Edge;
  static constexpr uint32_t kNobody = UINT32_MAX;
  struct Write {  // of a value or an element
    uint32_t op;
    bool last;             // of its transaction, to the key
    bool ordered = false;  // an element that was read
  };
  // Both for lookups alone.
  using ByValue = absl::flat_hash_map<absl::string_view, Write>;    // lint: no iteration
  using ByName = absl::flat_hash_map<absl::string_view, uint32_t>;  // lint: no iteration
  struct Register {
    struct Read {
      uint32_t op;
      uint32_t from;  // the writer; kNobody: read nothing
    };
    absl::string_view name;
    ByValue writes;
    std::vector<uint32_t> writers;  // that took effect, in the order they began
    std::vector<Read> reads;
    bool deleted = false;
    uint32_t seen = kNobody;  // the operation looked at last
  };
  struct List {
    struct Read {
      uint32_t op;
      const std::vector<std::string>* elements;
      size_t size;  // without own appends
    };
    absl::string_view name;
    ByValue appends;
    std::vector<uint32_t> unread;  // that took effect, with an append that nobody read
    std::vector<Read> reads;
    Read longest{kNobody, nullptr, 0};
    uint32_t seen = kNobody;
  };
  // Operations with a barrier before each: members[i] and all behind it come after barriers[i].
  struct Chain {
    std::vector<uint32_t> members, barriers;
  };

  template <typename Thing>
  static Thing& Indexed(ByName* index, std::vector<Thing>* things, absl::string_view key);
  void Report(std::string name, std::string what, std::vector<size_t> ops);
  Register& RegisterOf(absl::string_view key);
  List& ListOf(absl::string_view key);
  void CollectWrites();
  void NoteWrite(ByValue* writes, absl::string_view name, absl::string_view value, Write write);
  // Of all that took effect; what they saw took effect too.
  void CollectReads();
  void CollectRegisterRead(const Operation& op, const ObservedRead& read);
  void CollectListRead(const Operation& op, const ListRead& read);
  // Null when it was reported: nobody wrote it, or it was aborted. Else who wrote it, which then
  // took effect.
  const Write* SourceOf(const Operation& op, absl::string_view name, absl::string_view value,
                        const ByValue& writes);
  void CollectWriters();
  // In the order in which they began.
  Chain MakeChain(std::vector<uint32_t> members);
  // The first that began after that event.
  size_t PlaceIn(const Chain& chain, uint64_t began_after) const;
  // `op` before those from `at` on, but for itself.
  void Before(uint32_t op, const Chain& chain, size_t at, EdgeKind kind, uint32_t key);
  void LinkRegister(uint32_t key);
  void OrderList(List* list);
  void CollectUnread();
  void LinkList(uint32_t key);
  void LinkRealTime();
  void LinkLocalReads();
  void FindCycles();
  // Within a component: with one edge of kind rw if there is such a cycle.
  std::vector<Edge> ShortestCycle(const std::vector<uint32_t>& component, uint32_t mask) const;
  void ReportCycle(std::vector<Edge> cycle);
  std::string Tell(const Edge& edge) const;
  const Operation& op(size_t id) const { return history_->operations()[id]; }

  const History* history_;
  DependencyGraph graph_;
  size_t limit_ = 10;
  std::vector<Anomaly> anomalies_;
  std::vector<bool> effective_;    // by operation: committed, or seen
  std::vector<uint32_t> to_read_;  // that took effect, and whose reads are to be looked at
  std::vector<Register> registers_;
  std::vector<List> lists_;  // their keys are numbered on from the registers'
  ByName register_index_, list_index_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_DEPENDENCY_CYCLES_H_
