// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/history.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

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
  if (!op.note.empty()) absl::StrAppend(&out, " (", op.note, ")");
  return out;
}

}  // namespace isochron::sim
