// SPDX-License-Identifier: Apache-2.0
//
// What a COPY is to its door.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {

absl::Status CopyMisplaced() {
  return SqlError(sqlstate::kUnsupported,
                  "COPY runs by itself, as the only statement of its string, and through the "
                  "PostgreSQL protocol",
                  -1, "Use psql or a PostgreSQL driver.");
}

Task<absl::StatusOr<CopyDescription>> SessionImpl::DescribeCopy(Ctx ctx,
                                                                const Prepared* statement) {
  const ast::Copy& copy = *statement->copy;
  CopyDescription out;
  out.from = copy.from;
  out.format = copy.format;
  out.table = copy.table.name;
  if (!copy.from) co_return out;
  ISO_CO_ASSIGN_OR_RETURN(EngineImpl::TableMap tables,
                          co_await engine_->ResolveTablesAt(
                              ctx, statement, Timestamp(), nullptr,
                              transaction_ != nullptr ? transaction_->relations() : nullptr));
  const TablePtr table = tables[WrittenName(copy.table)];
  if (copy.columns.empty()) {
    for (const ColumnDescriptor& c : table->columns) {
      if (!c.hidden && c.generated_sql.empty()) out.columns.push_back({c.name, c.type, c.typmod});
    }
  }
  for (const std::string& name : copy.columns) {
    const int i = table->FindColumn(name);
    if (i < 0) {
      co_return SqlError(sqlstate::kUndefinedColumn,
                         absl::StrCat("column \"", name, "\" of relation \"", table->local_name(),
                                      "\" does not exist"));
    }
    if (!table->columns[static_cast<size_t>(i)].generated_sql.empty()) {
      co_return WithFields(SqlError(sqlstate::kInvalidColumnReference,
                                    absl::StrCat("column \"", name, "\" is a generated column")),
                           {"Generated columns cannot be used in COPY."});
    }
    for (const ColumnInfo& c : out.columns) {
      if (c.name == name) {
        co_return SqlError(sqlstate::kDuplicateColumn,
                           absl::StrCat("column \"", name, "\" specified more than once"));
      }
    }
    const ColumnDescriptor& c = table->columns[static_cast<size_t>(i)];
    out.columns.push_back({name, c.type, c.typmod});
  }
  out.insert = absl::StrCat("INSERT INTO ", SqlName(table->name), " (");
  for (size_t i = 0; i < out.columns.size(); ++i) {
    absl::StrAppend(&out.insert, i > 0 ? ", " : "", QuoteIdentifier(out.columns[i].name));
  }
  // COPY gives every column its value, those that always count, too.
  out.insert += ") OVERRIDING SYSTEM VALUE VALUES ";
  co_return out;
}

}  // namespace isochron::sql
