// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/calm.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

// Or kept from all others as if it were: what is read under an exclusive lock.
std::set<std::string> Written(const Operation& op) {
  std::set<std::string> keys = op.exclusive;
  for (const RecordedWrite& w : op.writes) keys.insert(w.key);
  return keys;
}

// All that it took locks on, or asked for: one that was wounded while it waited has read nothing.
std::set<std::string> Locked(const Operation& op) {
  std::set<std::string> keys = Written(op);
  if (op.kind != OpKind::kReadWrite) return keys;
  keys.insert(op.shared.begin(), op.shared.end());
  for (const ObservedRead& r : op.reads) keys.insert(r.key);
  return keys;
}

bool Meet(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& key) { return b.contains(key); });
}

// One may have to wait for the other.
bool Conflict(const Operation& a, const Operation& b) {
  return (!a.turn.empty() && a.turn == b.turn) || Meet(Locked(a), Written(b)) ||
         Meet(Written(a), Locked(b));
}

// Whether `op` may have waited for `last`, which ended: itself, or by way of others that were
// under way then and waited in turn.
bool Awaited(const Operation& op, const Operation& last, std::vector<const Operation*> alive) {
  std::vector<const Operation*> reached = {&op};
  while (!reached.empty()) {
    const Operation* next = reached.back();
    reached.pop_back();
    if (Conflict(*next, last)) return true;
    const auto rest = std::partition(alive.begin(), alive.end(),
                                     [&](const Operation* o) { return !Conflict(*next, *o); });
    reached.insert(reached.end(), rest, alive.end());
    alive.erase(rest, alive.end());
  }
  return false;
}

// The longest time in the life of `op` in which nothing ended that it waited for.
Micros LongestWait(const Operation& op, const History& history) {
  std::vector<const Operation*> beside;
  for (const Operation& other : history.operations()) {
    if (other.id == op.id || other.complete_us <= op.invoke_us) continue;
    if (other.invoke_us < op.complete_us) beside.push_back(&other);
  }
  std::vector<Micros> ends = {op.invoke_us, op.complete_us};
  for (const Operation* last : beside) {
    const Micros at = last->complete_us;
    if (at >= op.complete_us) continue;
    std::vector<const Operation*> alive;
    for (const Operation* o : beside) {
      if (o != last && o->invoke_us < at && at <= o->complete_us) alive.push_back(o);
    }
    if (Awaited(op, *last, std::move(alive))) ends.push_back(at);
  }
  std::sort(ends.begin(), ends.end());
  Micros longest = 0;
  for (size_t i = 1; i < ends.size(); ++i) longest = std::max(longest, ends[i] - ends[i - 1]);
  return longest;
}

}  // namespace

std::optional<CalmViolation> FindUncalm(const History& history, const CalmBounds& bounds) {
  for (const Operation& op : history.operations()) {
    const Micros took = op.complete_us - op.invoke_us;
    const bool given_up = op.outcome == Outcome::kUnknown && took >= bounds.window_us;
    if (!given_up && (op.outcome == Outcome::kUnknown || op.outcome == Outcome::kOpen)) {
      return CalmViolation{
          "unknown-in-calm",
          absl::StrCat("nothing was wrong, yet how it ended is not known: ", op.note), op.id};
    }
    if (took <= bounds.patience_us) continue;
    const Micros waited = LongestWait(op, history);
    if (took <= bounds.starved_us && waited <= bounds.patience_us) continue;
    return CalmViolation{
        "slow-in-calm",
        absl::StrCat("nothing was wrong, yet it took ", took / 1000, " ms, ", waited / 1000,
                     " ms of them while nothing ended that it waited for: ", op.note),
        op.id};
  }
  return std::nullopt;
}

}  // namespace isochron::sim
