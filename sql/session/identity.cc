// SPDX-License-Identifier: Apache-2.0
//
// ALTER COLUMN ... ADD GENERATED, SET GENERATED, DROP IDENTITY. The sequence comes and goes with
// the transaction that changes the column.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/schema_edits.h"
#include "sql/types/error.h"

namespace isochron::sql {

Task<absl::Status> AlterTableEdit::OfIdentity(Ctx ctx, SchemaChange* change,
                                              const ast::AlterCommand* command) {
  const int position = table_->FindColumn(command->name);
  const std::string named =
      absl::StrCat("column \"", command->name, "\" of relation \"", table_->local_name(), "\"");
  if (position < 0) {
    co_return SqlError(sqlstate::kUndefinedColumn, absl::StrCat(named, " does not exist"));
  }
  ColumnDescriptor& c = table_->columns[static_cast<size_t>(position)];
  if (command->kind == ast::AlterKind::kAddIdentity) {
    co_return co_await AddIdentity(ctx, change, command, &c);
  }
  if (c.identity == Identity::kNone) {
    const std::string what = absl::StrCat(named, " is not an identity column");
    if (!command->missing_ok) co_return SqlError(sqlstate::kNotInPrerequisiteState, what);
    notices.push_back({"NOTICE", "00000", absl::StrCat(what, ", skipping")});
    co_return absl::OkStatus();
  }
  if (command->kind == ast::AlterKind::kSetIdentity) {
    c.identity =
        command->added.columns[0].identity_always ? Identity::kAlways : Identity::kByDefault;
    co_return absl::OkStatus();
  }
  c.identity = Identity::kNone;
  c.default_kind = DefaultKind::kNone;
  c.default_sql.clear();
  for (const TablePtr& t : all) {
    if (t->owner_table != table_->id || t->owner_column != c.id) continue;
    ISO_CO_RETURN_IF_ERROR(co_await change->Drop(ctx, t->name));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::AddIdentity(Ctx ctx, SchemaChange* change,
                                               const ast::AlterCommand* command,
                                               ColumnDescriptor* column) {
  const std::string named =
      absl::StrCat("column \"", column->name, "\" of relation \"", table_->local_name(), "\"");
  if (!column->not_null && !column->not_null_pending) {
    co_return SqlError(
        sqlstate::kNotInPrerequisiteState,
        absl::StrCat(named, " must be declared NOT NULL before identity can be added"));
  }
  if (column->identity != Identity::kNone) {
    co_return SqlError(sqlstate::kNotInPrerequisiteState,
                       absl::StrCat(named, " is already an identity column"));
  }
  if (column->default_kind != DefaultKind::kNone || !column->generated_sql.empty()) {
    co_return SqlError(sqlstate::kNotInPrerequisiteState,
                       absl::StrCat(named, " already has a default value"));
  }
  const ast::ColumnDef& def = command->added.columns[0];
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor sequence, DefineIdentity(def, *table_, column));
  const std::string wanted = sequence.name;
  // Its making says that a name which the statement gives is taken.
  for (int n = 1; def.sequence->name.empty(); ++n) {
    ISO_CO_ASSIGN_OR_RETURN(const bool free, co_await change->IsFree(ctx, sequence.name));
    if (free) break;
    sequence.name = absl::StrCat(wanted, n);
  }
  column->default_sql = NextValueSql(sequence.name);
  sequence.owner_table = table_->id;
  co_return co_await make_sequence(ctx, std::move(sequence));
}

}  // namespace isochron::sql
