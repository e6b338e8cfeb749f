// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/constraints.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of one value in a message.
constexpr size_t kMaxShown = 64;

std::string SchemaOf(const TableDescriptor& table) {
  return table.schema.empty() ? "public" : table.schema;
}

std::string Shown(const ColumnDescriptor& column, const Datum& d) {
  if (d.is_null()) return "null";
  std::string text = DatumToText(column.type, d);
  if (text.size() <= kMaxShown) return text;
  size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

std::string FailingRow(const TableDescriptor& table, const Row& row) {
  std::vector<std::string> values;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.columns[i].hidden) values.push_back(Shown(table.columns[i], row[i]));
  }
  return absl::StrCat("Failing row contains (", absl::StrJoin(values, ", "), ").");
}

absl::Status CheckNotNull(const TableDescriptor& table, const Row& row) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDescriptor& column = table.columns[i];
    if (!row[i].is_null() || (!column.not_null && !column.not_null_pending)) continue;
    return WithFields(
        SqlError(sqlstate::kNotNullViolation,
                 absl::StrCat("null value in column \"", column.name, "\" of relation \"",
                              table.local_name(), "\" violates not-null constraint")),
        {FailingRow(table, row), SchemaOf(table), table.local_name(), column.name, ""});
  }
  return absl::OkStatus();
}

absl::Status FinishRow(const TableDescriptor& table, const RowRules& rules, const EvalContext& eval,
                       Row* row) {
  for (const auto& [column, value] : rules.generated) {
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*value, eval, *row, &d));
    (*row)[static_cast<size_t>(column)] = std::move(d);
  }
  ISO_RETURN_IF_ERROR(CheckNotNull(table, *row));
  for (const RowRules::Check& check : rules.checks) {
    Datum passed;
    ISO_RETURN_IF_ERROR(Eval(*check.condition, eval, *row, &passed));
    if (!passed.is_null() && !passed.bool_value()) return CheckViolation(table, check.name, *row);
  }
  return absl::OkStatus();
}

absl::Status DuplicateKey(const TableDescriptor& table, const std::string& constraint,
                          const std::vector<uint32_t>& columns, const Row& row) {
  std::vector<std::string> names, values;
  for (uint32_t k : columns) {
    const ColumnDescriptor& column = table.columns[k];
    names.push_back(column.computed_sql.empty() ? column.name : column.computed_sql);
    values.push_back(row[k].is_null() ? "null" : DatumToText(table.columns[k].type, row[k]));
  }
  return WithFields(
      SqlError(sqlstate::kUniqueViolation,
               absl::StrCat("duplicate key value violates unique constraint \"", constraint, "\"")),
      {absl::StrCat("Key (", absl::StrJoin(names, ", "), ")=(", absl::StrJoin(values, ", "),
                    ") already exists."),
       SchemaOf(table), table.local_name(), "", constraint});
}

absl::Status CheckViolation(const TableDescriptor& table, const std::string& constraint,
                            const Row& row) {
  return WithFields(SqlError(sqlstate::kCheckViolation,
                             absl::StrCat("new row for relation \"", table.local_name(),
                                          "\" violates check constraint \"", constraint, "\"")),
                    {FailingRow(table, row), SchemaOf(table), table.local_name(), "", constraint});
}

}  // namespace isochron::sql
