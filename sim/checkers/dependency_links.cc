// SPDX-License-Identifier: Apache-2.0

// The second half of the dependency-cycle checker: from who wrote and who read what to edges, and
// from cycles to their names and stories.

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/checkers/dependency_cycles.h"

namespace isochron::sim {
namespace {

// How far a component that has a cycle is looked through for a short one: nodes visited, and
// starts at least.
constexpr size_t kEffort = 50'000'000;
constexpr size_t kMinTries = 100;
// Those before an operation in a chain are linked one by one: in a legal history they are few.
constexpr size_t kMaxOneByOne = 64;
constexpr uint32_t kRwKinds = Mask(EdgeKind::kRw) | Mask(EdgeKind::kRwRt);

std::string Show(absl::string_view text) { return absl::StrCat("'", absl::CHexEscape(text), "'"); }

bool IsRw(EdgeKind kind) { return (Mask(kind) & kRwKinds) != 0; }

}  // namespace

size_t DependencyCycleChecker::PlaceIn(const Chain& chain, uint64_t began_after) const {
  return static_cast<size_t>(
      std::partition_point(chain.members.begin(), chain.members.end(),
                           [&](uint32_t m) { return op(m).invoke_seq <= began_after; }) -
      chain.members.begin());
}

DependencyCycleChecker::Chain DependencyCycleChecker::MakeChain(std::vector<uint32_t> members) {
  Chain chain;
  std::sort(members.begin(), members.end(),
            [this](uint32_t a, uint32_t b) { return op(a).invoke_seq < op(b).invoke_seq; });
  chain.members = std::move(members);
  chain.barriers.resize(chain.members.size());
  for (size_t i = chain.members.size(); i-- > 0;) {
    chain.barriers[i] = graph_.AddBarrier();
    graph_.Add(chain.barriers[i], chain.members[i], EdgeKind::kPass);
    if (i + 1 == chain.members.size()) continue;
    graph_.Add(chain.barriers[i], chain.barriers[i + 1], EdgeKind::kPass);
  }
  return chain;
}

void DependencyCycleChecker::Before(uint32_t id, const Chain& chain, size_t at, EdgeKind kind,
                                    uint32_t key) {
  size_t behind = at;
  const size_t self = PlaceIn(chain, op(id).invoke_seq - 1);
  if (self >= at && self < chain.members.size() && chain.members[self] == id) {
    for (size_t i = at; i < std::min(self, at + kMaxOneByOne); ++i) {
      graph_.Add(id, chain.members[i], kind, key);
    }
    behind = self + 1;
  }
  if (behind < chain.members.size()) graph_.Add(id, chain.barriers[behind], kind, key);
}

void DependencyCycleChecker::LinkRegister(uint32_t key) {
  Register& reg = registers_[key];
  if (reg.reads.empty()) return;
  const Chain chain = MakeChain(std::move(reg.writers));
  // Who read a version and wrote the register: the next version is theirs.
  std::map<uint32_t, std::vector<uint32_t>> next;
  for (const Register::Read& r : reg.reads) {
    if (r.from == kNobody && reg.deleted) continue;
    const size_t at = PlaceIn(chain, op(r.op).invoke_seq - 1);
    if (at == chain.members.size() || chain.members[at] != r.op) continue;
    std::vector<uint32_t>& all = next[r.from];
    if (!all.empty() && all.back() == r.op) continue;  // read it twice
    all.push_back(r.op);
    if (all.size() != 2) continue;
    Report(
        "lost-update",
        absl::StrCat(
            "op ", all[0], " and op ", all[1], " both replaced the version of ", Show(reg.name),
            r.from == kNobody ? " that was absent" : absl::StrCat(" that op ", r.from, " wrote")),
        {all[0], all[1]});
  }
  for (const Register::Read& r : reg.reads) {
    if (r.from == kNobody) {
      if (!reg.deleted) Before(r.op, chain, 0, EdgeKind::kRw, key);
      continue;
    }
    graph_.Add(r.from, r.op, EdgeKind::kWr, key);
    auto replaced = next.find(r.from);
    if (replaced != next.end()) {
      for (size_t i = 0; i < std::min(replaced->second.size(), kMaxOneByOne); ++i) {
        graph_.Add(r.op, replaced->second[i], EdgeKind::kRw, key);
        graph_.Add(r.from, replaced->second[i], EdgeKind::kWw, key);
      }
    }
    const Operation& from = op(r.from);
    if (from.outcome != Outcome::kCommitted || from.complete_seq == 0) continue;
    Before(r.op, chain, PlaceIn(chain, from.complete_seq), EdgeKind::kRwRt, key);
  }
}

void DependencyCycleChecker::LinkList(uint32_t index) {
  List& list = lists_[index];
  const uint32_t key = static_cast<uint32_t>(registers_.size()) + index;
  const Chain unread = MakeChain(std::move(list.unread));
  const auto writer = [&](const std::string& element) {
    return list.appends.find(element)->second.op;
  };
  const List::Read& longest = list.longest;
  for (size_t i = 1; i < longest.size; ++i) {
    graph_.Add(writer((*longest.elements)[i - 1]), writer((*longest.elements)[i]), EdgeKind::kWw,
               key);
  }
  if (longest.size > 0) {
    Before(writer((*longest.elements)[longest.size - 1]), unread, 0, EdgeKind::kWw, key);
  }
  for (const List::Read& r : list.reads) {
    if (r.size > 0) graph_.Add(writer((*r.elements)[r.size - 1]), r.op, EdgeKind::kWr, key);
    if (r.size < longest.size) {
      graph_.Add(r.op, writer((*longest.elements)[r.size]), EdgeKind::kRw, key);
    } else {
      Before(r.op, unread, 0, EdgeKind::kRw, key);
    }
  }
}

// One barrier for all that ended since the last one that somebody began behind.
void DependencyCycleChecker::LinkRealTime() {
  std::vector<std::pair<uint64_t, uint32_t>> events;  // 2 * operation, + 1 for its end
  for (const Operation& o : history_->operations()) {
    if (!effective_[o.id]) continue;
    events.emplace_back(o.invoke_seq, 2 * static_cast<uint32_t>(o.id));
    if (o.outcome == Outcome::kCommitted && o.complete_seq != 0) {
      events.emplace_back(o.complete_seq, 2 * static_cast<uint32_t>(o.id) + 1);
    }
  }
  std::sort(events.begin(), events.end());
  uint32_t barrier = kNobody;
  bool used = true;
  for (const auto& [seq, event] : events) {
    const uint32_t id = event / 2;
    if (event % 2 == 0) {
      const Operation& o = op(id);
      const bool bound = o.kind == OpKind::kReadWrite || (o.strong && !o.local);
      if (!bound || barrier == kNobody) continue;
      graph_.Add(barrier, id, EdgeKind::kPass);
      used = true;
    } else {
      if (used) {
        const uint32_t fresh = graph_.AddBarrier();
        if (barrier != kNobody) graph_.Add(barrier, fresh, EdgeKind::kPass);
        barrier = fresh;
        used = false;
      }
      graph_.Add(id, barrier, EdgeKind::kRt);
    }
  }
}

// On the keys that they read, local reads come after what showed or wrote them before.
void DependencyCycleChecker::LinkLocalReads() {
  struct Event {
    uint64_t seq;
    uint32_t op;
    bool end;
  };
  std::map<absl::string_view, std::vector<Event>> events;
  for (const Operation& o : history_->operations()) {
    if (!effective_[o.id] || !o.local || !o.strong || o.kind != OpKind::kReadOnly) continue;
    for (const ObservedRead& r : o.reads) {
      events[r.key].push_back(Event{o.invoke_seq, static_cast<uint32_t>(o.id), false});
    }
  }
  for (const Operation& o : history_->operations()) {
    if (o.outcome != Outcome::kCommitted || o.complete_seq == 0) continue;
    const auto note = [&](const std::string& key) {
      auto it = events.find(key);
      if (it == events.end()) return;
      it->second.push_back(Event{o.complete_seq, static_cast<uint32_t>(o.id), true});
    };
    for (const ObservedRead& r : o.reads) note(r.key);
    for (const RecordedWrite& w : o.writes) note(w.key);
  }
  for (auto& [key, all] : events) {
    std::sort(all.begin(), all.end(), [](const Event& a, const Event& b) { return a.seq < b.seq; });
    uint32_t barrier = kNobody;
    for (const Event& e : all) {
      if (e.end) {
        const uint32_t fresh = graph_.AddBarrier();
        if (barrier != kNobody) graph_.Add(barrier, fresh, EdgeKind::kPass);
        graph_.Add(e.op, barrier = fresh, EdgeKind::kRt);
      } else if (barrier != kNobody) {
        graph_.Add(barrier, e.op, EdgeKind::kPass);
      }
    }
  }
}

void DependencyCycleChecker::FindCycles() {
  constexpr uint32_t kPass = Mask(EdgeKind::kPass), kWw = Mask(EdgeKind::kWw),
                     kWr = Mask(EdgeKind::kWr), kRw = Mask(EdgeKind::kRw),
                     kRt = Mask(EdgeKind::kRt), kAll = kPass | kWw | kWr | kRwKinds | kRt;
  const auto components = graph_.Components(kAll);
  if (components.empty()) return;
  std::map<uint32_t, size_t> of;  // the component of a node
  for (size_t i = 0; i < components.size(); ++i) {
    for (uint32_t node : components[i]) of[node] = i;
  }
  std::vector<bool> told(components.size(), false);
  for (const uint32_t mask : {kPass | kWw, kPass | kWw | kWr, kPass | kWw | kWr | kRw,
                              kPass | kWw | kRt, kPass | kWw | kWr | kRt, kAll}) {
    for (const auto& component : graph_.Components(mask)) {
      if (anomalies_.size() >= limit_) return;
      const size_t whole = of[component.front()];
      if (told[whole]) continue;
      std::vector<Edge> cycle = ShortestCycle(component, mask);
      if (cycle.empty()) continue;
      told[whole] = true;
      ReportCycle(std::move(cycle));
    }
  }
}

std::vector<DependencyGraph::Edge> DependencyCycleChecker::ShortestCycle(
    const std::vector<uint32_t>& component, uint32_t mask) const {
  std::vector<bool> inside(graph_.nodes(), false);
  for (uint32_t node : component) inside[node] = true;
  const size_t most_tries = std::max(kMinTries, kEffort / graph_.nodes());
  std::vector<Edge> best;
  const auto keep = [&best](std::vector<Edge> cycle) {
    if (!cycle.empty() && (best.empty() || cycle.size() < best.size())) best = std::move(cycle);
  };
  size_t tries = 0;
  for (uint32_t node : component) {
    if ((mask & kRwKinds) == 0) break;
    for (const Edge* e = graph_.begin(node); e != graph_.end(node) && tries < most_tries; ++e) {
      if ((Mask(e->kind) & mask & kRwKinds) == 0 || !inside[e->to]) continue;
      ++tries;
      std::vector<Edge> back = graph_.Shortest(e->to, node, mask & ~kRwKinds, inside);
      if (back.empty()) continue;
      back.insert(back.begin(), *e);
      keep(std::move(back));
    }
  }
  if (!best.empty()) return best;
  tries = 0;
  for (uint32_t node : component) {
    if (graph_.is_barrier(node) || tries++ >= most_tries) continue;
    keep(graph_.Shortest(node, node, mask, inside));
  }
  return best;
}

// From operation to operation: what lies between barriers is one step, which its first edge names.
void DependencyCycleChecker::ReportCycle(std::vector<Edge> cycle) {
  auto first = std::find_if(cycle.begin(), cycle.end(),
                            [this](const Edge& e) { return !graph_.is_barrier(e.from); });
  std::rotate(cycle.begin(), first, cycle.end());
  std::vector<Edge> steps;
  for (const Edge& e : cycle) {
    if (graph_.is_barrier(e.from)) {
      steps.back().to = e.to;
    } else {
      steps.push_back(e);
    }
  }
  size_t rw = 0, wr = 0, rt = 0;
  std::string told;
  std::vector<size_t> ops;
  for (const Edge& e : steps) {
    rw += IsRw(e.kind);
    wr += e.kind == EdgeKind::kWr;
    rt += e.kind == EdgeKind::kRt || e.kind == EdgeKind::kRwRt;
    ops.push_back(e.from);
    absl::StrAppend(&told, "\n    ", Tell(e));
  }
  const std::string kind = rw > 1 ? "G2-item" : rw == 1 ? "G-single" : wr > 0 ? "G1c" : "G0";
  const bool fork =
      rw == 2 && wr == 2 && steps.size() == 4 && IsRw(steps[0].kind) == IsRw(steps[2].kind);
  const std::string known = rw == 2 && steps.size() == 2 ? " (write skew)"
                            : fork                       ? " (long fork)"
                                                         : "";
  Report(absl::StrCat(kind, rt > 0 ? "-realtime" : ""),
         absl::StrCat("a cycle of ", steps.size(), " operations", known, ", no order has them all:",
                      told, "\n    and so op ", ops.front(), " before itself"),
         ops);
}

std::string DependencyCycleChecker::Tell(const Edge& e) const {
  const Operation& a = op(e.from);
  const Operation& b = op(e.to);
  const bool list = e.key >= registers_.size();
  std::string key;
  if (e.kind != EdgeKind::kRt) {
    key = Show(list ? lists_[e.key - registers_.size()].name : registers_[e.key].name);
  }
  const auto before = absl::StrCat("op ", a.id, " before op ", b.id, ": ");
  switch (e.kind) {
    case EdgeKind::kWw:
      return absl::StrCat(before, b.id, list ? " appended behind it to " : " replaced its ", key);
    case EdgeKind::kWr:
      return absl::StrCat(before, b.id, " read what ", a.id, list ? " appended to " : " wrote to ",
                          key);
    case EdgeKind::kRw:
      return absl::StrCat(before, a.id, " read ", key, " without what ", b.id,
                          list ? " appended" : " wrote");
    case EdgeKind::kRwRt:
      return absl::StrCat(before, a.id, " read a version of ", key, " that was complete before ",
                          b.id, " began to write it");
    default:
      return absl::StrCat(before, a.id, " ended at ", a.complete_us, ", ", b.id, " began at ",
                          b.invoke_us);
  }
}

}  // namespace isochron::sim
