// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace isochron::sim {

Operation& History::Invoke(OpKind kind, int client, Micros now) {
  Operation& op = operations_.emplace_back();
  op.id = operations_.size() - 1;
  op.client = client;
  op.kind = kind;
  op.invoke_seq = next_seq_++;
  op.invoke_us = now;
  return op;
}

void History::Complete(Operation& op, Outcome outcome, Micros now) {
  op.outcome = outcome;
  op.complete_seq = next_seq_++;
  op.complete_us = now;
}

Operation& History::Add(Operation op) {
  op.id = operations_.size();
  next_seq_ = std::max({next_seq_, op.invoke_seq + 1, op.complete_seq + 1});
  return operations_.emplace_back(std::move(op));
}

void History::OrderByTime() {
  std::vector<std::pair<Micros, uint64_t*>> events;
  for (Operation& op : operations_) {
    op.complete_seq = 0;
    events.emplace_back(2 * op.invoke_us, &op.invoke_seq);
    if (op.complete_us != 0) events.emplace_back(2 * op.complete_us + 1, &op.complete_seq);
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  next_seq_ = 1;
  for (auto& [when, seq] : events) *seq = next_seq_++;
}

std::string ToString(const Operation& op) {
  static constexpr const char* kOutcomes[] = {"open", "committed", "aborted", "unknown"};
  std::string out = absl::StrCat(
      "op ", op.id, " client ", op.client, op.kind == OpKind::kReadWrite ? " rw " : " ro ",
      kOutcomes[static_cast<int>(op.outcome)], " at ", op.ts.us, " real [", op.invoke_us, ", ",
      op.complete_seq == 0 ? "never" : absl::StrCat(op.complete_us), "]");
  auto value = [](const std::optional<std::string>& v) {
    return v ? absl::CHexEscape(*v) : std::string("(none)");
  };
  for (const ObservedRead& r : op.reads) {
    absl::StrAppend(&out, " r ", absl::CHexEscape(r.key), "=", value(r.value));
  }
  for (const RecordedWrite& w : op.writes) {
    absl::StrAppend(&out, " w ", absl::CHexEscape(w.key), "=", value(w.value));
  }
  for (const ListRead& r : op.lists) {
    absl::StrAppend(&out, " l ", r.list, "=[", absl::StrJoin(r.elements, ","), "]");
  }
  for (const ListAppend& a : op.appends) absl::StrAppend(&out, " a ", a.list, "+", a.element);
  if (!op.note.empty()) absl::StrAppend(&out, " (", op.note, ")");
  return out;
}

}  // namespace isochron::sim
