// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/system_tables.h"

namespace isochron::sql {

const std::vector<SystemTableDef>& SystemTableDefs() {
  static const auto* defs = new std::vector<SystemTableDef>{
      {"clocks",
       {{"node", Type::kInt8},
        {"source", Type::kText},
        {"state", Type::kText},
        {"earliest", Type::kTimestamptz},
        {"latest", Type::kTimestamptz},
        {"uncertainty_us", Type::kInt8}}},
      {"counters", {{"node", Type::kInt8}, {"name", Type::kText}, {"value", Type::kInt8}}},
      {"groups",
       {{"group_id", Type::kInt8},
        {"leader", Type::kInt8},
        {"leader_region", Type::kText},
        {"ballot", Type::kText},
        {"lease_end", Type::kTimestamptz},
        {"replicas", Type::kInt8},
        {"applied_index", Type::kInt8},
        {"start_key", Type::kText, true},
        {"end_key", Type::kText, true}}},
      {"hot_ranges",
       {{"group_id", Type::kInt8},
        {"leader", Type::kInt8},
        {"index", Type::kText, true},
        {"last_key", Type::kText, true},
        {"keys", Type::kText},
        {"writes_per_s", Type::kFloat8},
        {"share", Type::kFloat8}}},
      {"locks",
       {{"group_id", Type::kInt8},
        {"start_key", Type::kText, true},
        {"end_key", Type::kText, true},
        {"mode", Type::kText},
        {"transaction", Type::kText},
        {"state", Type::kText}}},
      {"nodes",
       {{"node", Type::kInt8},
        {"region", Type::kText},
        {"zone", Type::kText},
        {"address", Type::kText},
        {"state", Type::kText},
        {"groups", Type::kInt8},
        {"leaders", Type::kInt8},
        {"is_self", Type::kBool}}},
      {"regions",
       {{"region", Type::kText},
        {"nodes", Type::kInt8},
        {"live_nodes", Type::kInt8},
        {"leaders", Type::kInt8}}},
      {"replicas",
       {{"group_id", Type::kInt8},
        {"node", Type::kInt8},
        {"region", Type::kText},
        {"kind", Type::kText},
        {"is_leader", Type::kBool},
        {"applied_index", Type::kInt8},
        {"safe_time", Type::kTimestamptz},
        {"safe_lag_us", Type::kInt8},
        {"damage", Type::kText}}},
      {"sessions",
       {{"node", Type::kInt8},
        {"session", Type::kInt8},
        {"client", Type::kText},
        {"state", Type::kText},
        {"transaction", Type::kText},
        {"database", Type::kText}}},
      {"splits",
       {{"start_key", Type::kText, true},
        {"end_key", Type::kText, true},
        {"group_id", Type::kInt8},
        {"leader", Type::kInt8},
        {"leader_region", Type::kText}}},
      {"statements",
       {{"node", Type::kInt8},
        {"session", Type::kInt8},
        {"sql", Type::kText},
        {"elapsed_us", Type::kInt8},
        {"transaction", Type::kText}}},
  };
  return *defs;
}

const SystemTableDef* FindSystemTable(absl::string_view name) {
  for (const SystemTableDef& def : SystemTableDefs()) {
    if (name == def.name) return &def;
  }
  return nullptr;
}

}  // namespace isochron::sql
