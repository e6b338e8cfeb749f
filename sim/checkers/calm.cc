// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/calm.h"

#include <algorithm>
#include <set>
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

bool Touches(const Operation& op, const std::set<std::string>& written, bool reads_too) {
  return (reads_too &&
          std::any_of(op.reads.begin(), op.reads.end(),
                      [&](const ObservedRead& r) { return written.contains(r.key); })) ||
         std::any_of(op.writes.begin(), op.writes.end(),
                     [&](const RecordedWrite& w) { return written.contains(w.key); });
}

// The longest time in the life of `op` in which nothing ended that it conflicts with.
Micros LongestWait(const Operation& op, const History& history) {
  const std::set<std::string> written = Written(op);
  std::vector<Micros> ends = {op.invoke_us, op.complete_us};
  for (const Operation& other : history.operations()) {
    if (other.id == op.id || other.complete_seq == 0) continue;
    if (other.complete_us <= op.invoke_us || other.complete_us >= op.complete_us) continue;
    if ((!op.turn.empty() && other.turn == op.turn) ||
        Touches(other, written, /*reads_too=*/other.kind == OpKind::kReadWrite) ||
        Touches(op, Written(other), /*reads_too=*/op.kind == OpKind::kReadWrite)) {
      ends.push_back(other.complete_us);
    }
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
                     " ms of them while nothing ended on its keys: ", op.note),
        op.id};
  }
  return std::nullopt;
}

}  // namespace isochron::sim
