// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_DEPENDENCY_GRAPH_H_
#define ISOCHRON_SIM_CHECKERS_DEPENDENCY_GRAPH_H_

// Which transaction must come before which, and the cycles in that: the graph under
// dependency_cycles.h.
//
// Nodes are numbers: operations, and barriers. A barrier stands between many that come before and
// many that come after, so that "each of these before each of those" takes linear space. What leads
// into a barrier says what it means; what leaves it is kPass.
//
// Everything is linear in nodes and edges while there is no cycle.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isochron::sim {

enum class EdgeKind : uint8_t {
  kWw,    // overwrote, or appended behind
  kWr,    // read from
  kRw,    // read what the other replaced
  kRt,    // ended before the other began
  kRwRt,  // as kRw; that it is older than the other's write follows from real time
  kPass,  // out of a barrier
};

inline constexpr uint32_t Mask(EdgeKind kind) { return 1u << static_cast<int>(kind); }

class DependencyGraph {
 public:
  struct Edge {
    uint32_t from;
    uint32_t to;
    uint32_t key;  // what it is about; the caller's number
    EdgeKind kind;
  };
  // The first `operations` nodes are not barriers.
  explicit DependencyGraph(size_t operations)
      : operations_(static_cast<uint32_t>(operations)), nodes_(operations_) {}

  uint32_t AddBarrier() { return nodes_++; }
  // From a node to itself: ignored.
  void Add(uint32_t from, uint32_t to, EdgeKind kind, uint32_t key = 0);
  // After the last Add.
  void Seal();

  uint32_t nodes() const { return nodes_; }
  bool is_barrier(uint32_t node) const { return node >= operations_; }
  size_t edge_count() const { return edges_.size(); }

  // The strongly connected components with more than one node, by edges of the kinds in `mask`.
  std::vector<std::vector<uint32_t>> Components(uint32_t mask) const;

  // A way with the fewest operations from `from` to `to` within the nodes for which `inside` holds;
  // empty when there is none. `from` may be `to`: a cycle.
  std::vector<Edge> Shortest(uint32_t from, uint32_t to, uint32_t mask,
                             const std::vector<bool>& inside) const;

  // Edges out of `node`.
  const Edge* begin(uint32_t node) const { return edges_.data() + first_[node]; }
  const Edge* end(uint32_t node) const { return edges_.data() + first_[node + 1]; }

 private:
  const uint32_t operations_;
  uint32_t nodes_;
  std::vector<Edge> edges_;      // by `from` once sealed
  std::vector<uint32_t> first_;  // by node: its first edge
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_DEPENDENCY_GRAPH_H_
