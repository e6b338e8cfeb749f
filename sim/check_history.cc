// SPDX-License-Identifier: Apache-2.0
#include "sim/check_history.h"

#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sim/checkers/dependency_cycles.h"
#include "sim/checkers/external_consistency.h"
#include "sim/checkers/history_io.h"

namespace isochron::sim {
namespace {

void Print(const std::string& line) { std::printf("%s\n", line.c_str()); }

// Of those that the external consistency checker cannot do without.
bool LacksTimestamp(const Operation& op) {
  return op.outcome == Outcome::kCommitted && op.ts == Timestamp() &&
         (op.kind == OpKind::kReadOnly || !op.writes.empty());
}

void Tell(const History& history, const Anomaly& a, bool json) {
  if (json) {
    nlohmann::json line = {{"name", a.name}, {"what", a.what}, {"operations", a.operations}};
    Print(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  Print(absl::StrCat(a.name, ": ", a.what));
  for (size_t id : a.operations) {
    Print(absl::StrCat("    ", ToString(history.operations()[id])));
  }
}

}  // namespace

int CheckHistoryFile(const std::string& path, bool json) {
  const auto history = ReadHistory(path);
  if (!history.ok()) {
    std::fprintf(stderr, "isochron sim: %s\n", std::string(history.status().message()).c_str());
    return 2;
  }
  std::vector<Anomaly> anomalies;
  const Operation* lacks = nullptr;
  for (const Operation& op : history->operations()) {
    if (lacks == nullptr && LacksTimestamp(op)) lacks = &op;
  }
  if (lacks == nullptr) {
    anomalies = ExternalConsistencyChecker(&*history, nullptr).Check();
  } else if (!json) {
    Print(absl::StrCat("op ", lacks->id, " has no \"ts\": external consistency by timestamps is ",
                       "not checked, only cycles"));
  }
  std::vector<Anomaly> cycles = DependencyCycleChecker(&*history).Check();
  anomalies.insert(anomalies.end(), std::make_move_iterator(cycles.begin()),
                   std::make_move_iterator(cycles.end()));
  for (const Anomaly& a : anomalies) Tell(*history, a, json);
  Print(
      absl::StrCat(history->operations().size(), " operations, ", anomalies.size(), " anomalies"));
  return anomalies.empty() ? 0 : 1;
}

}  // namespace isochron::sim
