// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/index_entries.h"

#include <utility>

#include "common/status_macros.h"

namespace isochron::sql {

absl::StatusOr<std::optional<IndexEntry>> MakeEntry(const TableDescriptor& table,
                                                    const IndexDescriptor& index,
                                                    const IndexRules& rules, const Row& row,
                                                    Row* full) {
  const IndexRules::One* rule = rules.Find(index.id);
  if (rule == nullptr) {
    if (full != nullptr) *full = row;
    return EncodeIndexEntry(table, index, row);
  }
  const EvalContext nothing;
  if (rule->predicate != nullptr) {
    bool in = false;
    ISO_RETURN_IF_ERROR(EvalPredicate(*rule->predicate, nothing, row, &in));
    if (!in) return std::nullopt;
  }
  Row computed(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table.columns.size()));
  for (const auto& [column, value] : rule->values) {
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*value, nothing, row, &d));
    computed[column] = std::move(d);
  }
  IndexEntry entry = EncodeIndexEntry(table, index, computed);
  if (full != nullptr) *full = std::move(computed);
  return entry;
}

std::optional<IndexEntry> StandingEntry(const TableDescriptor& table, const IndexDescriptor& index,
                                        const IndexRules& rules, const Row& row) {
  absl::StatusOr<std::optional<IndexEntry>> entry = MakeEntry(table, index, rules, row);
  return entry.ok() ? *std::move(entry) : std::nullopt;
}

}  // namespace isochron::sql
