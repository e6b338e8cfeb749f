// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/dependency_graph.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace isochron::sim {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

// Tarjan's components, without recursion: a chain of transactions may be a million long.
class Tarjan {
 public:
  Tarjan(const DependencyGraph& graph, uint32_t nodes, uint32_t mask)
      : graph_(graph), mask_(mask), order_(nodes, kNone), low_(nodes), on_stack_(nodes, false) {}

  void From(uint32_t root, std::vector<std::vector<uint32_t>>* components) {
    if (order_[root] != kNone) return;
    Enter(root);
    while (!path_.empty()) {
      Frame& frame = path_.back();
      if (frame.next == graph_.end(frame.node)) {
        Leave(components);
        continue;
      }
      const DependencyGraph::Edge& edge = *frame.next++;
      if ((Mask(edge.kind) & mask_) == 0) continue;
      if (order_[edge.to] == kNone) {
        Enter(edge.to);  // `frame` is not valid any more
      } else if (on_stack_[edge.to]) {
        low_[frame.node] = std::min(low_[frame.node], order_[edge.to]);
      }
    }
  }

 private:
  struct Frame {
    uint32_t node;
    const DependencyGraph::Edge* next;
  };
  void Enter(uint32_t node) {
    order_[node] = low_[node] = count_++;
    stack_.push_back(node);
    on_stack_[node] = true;
    path_.push_back({node, graph_.begin(node)});
  }
  void Leave(std::vector<std::vector<uint32_t>>* components) {
    const uint32_t node = path_.back().node;
    path_.pop_back();
    if (!path_.empty()) low_[path_.back().node] = std::min(low_[path_.back().node], low_[node]);
    if (low_[node] != order_[node]) return;
    auto first = std::find(stack_.rbegin(), stack_.rend(), node).base() - 1;
    for (auto it = first; it != stack_.end(); ++it) on_stack_[*it] = false;
    if (stack_.end() - first > 1) components->emplace_back(first, stack_.end());
    stack_.erase(first, stack_.end());
  }

  const DependencyGraph& graph_;
  const uint32_t mask_;
  std::vector<uint32_t> order_, low_;
  std::vector<bool> on_stack_;
  std::vector<uint32_t> stack_;
  std::vector<Frame> path_;
  uint32_t count_ = 0;
};

}  // namespace

void DependencyGraph::Add(uint32_t from, uint32_t to, EdgeKind kind, uint32_t key) {
  if (from != to) edges_.push_back(Edge{from, to, key, kind});
}

void DependencyGraph::Seal() {
  first_.assign(nodes_ + 1, 0);
  for (const Edge& e : edges_) ++first_[e.from + 1];
  for (uint32_t i = 0; i < nodes_; ++i) first_[i + 1] += first_[i];
  std::vector<Edge> sorted(edges_.size());
  std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
  for (const Edge& e : edges_) sorted[next[e.from]++] = e;
  edges_ = std::move(sorted);
}

std::vector<std::vector<uint32_t>> DependencyGraph::Components(uint32_t mask) const {
  std::vector<std::vector<uint32_t>> components;
  Tarjan tarjan(*this, nodes_, mask);
  for (uint32_t node = 0; node < nodes_; ++node) tarjan.From(node, &components);
  for (auto& component : components) std::sort(component.begin(), component.end());
  return components;
}

std::vector<DependencyGraph::Edge> DependencyGraph::Shortest(
    uint32_t from, uint32_t to, uint32_t mask, const std::vector<bool>& inside) const {
  std::vector<const Edge*> came(nodes_, nullptr);
  std::vector<uint32_t> distance(nodes_, kNone);
  std::deque<uint32_t> queue = {from};
  distance[from] = 0;
  bool started = false, found = false;
  while (!queue.empty() && !found) {
    const uint32_t node = queue.front();
    queue.pop_front();
    for (const Edge* e = begin(node); e != end(node); ++e) {
      if ((Mask(e->kind) & mask) == 0 || !inside[e->to]) continue;
      const uint32_t steps = distance[node] + (is_barrier(e->to) ? 0 : 1);
      const bool closes = e->to == to && came[to] == nullptr;
      if (!closes && distance[e->to] <= steps) continue;
      came[e->to] = e;
      found |= e->to == to;
      if (found) break;
      distance[e->to] = steps;
      if (is_barrier(e->to)) {
        queue.push_front(e->to);
      } else {
        queue.push_back(e->to);
      }
    }
    started = true;
  }
  std::vector<Edge> way;
  if (!started || !found) return way;
  uint32_t at = to;
  do {
    way.push_back(*came[at]);
    at = came[at]->from;
  } while (at != from);
  std::reverse(way.begin(), way.end());
  return way;
}

}  // namespace isochron::sim
