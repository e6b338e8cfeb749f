// SPDX-License-Identifier: Apache-2.0
//
// ALTER TABLE ... ALTER COLUMN ... TYPE: what of the description changes, and how the values of
// rows of before become the new ones. Where every value is held as it was, no row is touched.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/binder/cast.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/parser.h"
#include "sql/planner/definitions.h"
#include "sql/planner/index_rules.h"
#include "sql/planner/planner.h"
#include "sql/session/schema_edits.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Values of the one are held, in rows and in keys, as values of the other, and none is refused.
bool SameStored(const ColumnDescriptor& from, const ColumnDescriptor& to) {
  if (from.type == to.type && from.typmod == to.typmod) return true;
  const auto is_text = [](Type t) { return t == Type::kText || t == Type::kVarchar; };
  if (is_text(from.type) && is_text(to.type)) {
    return to.typmod < 0 || (from.typmod >= 0 && from.typmod <= to.typmod);
  }
  if (IsInteger(from.type) && IsInteger(to.type)) return SizeOf(from.type) <= SizeOf(to.type);
  if (from.type != to.type) return false;
  switch (to.type) {
    case Type::kNumeric:
      // As many digits behind the point, and no fewer in all.
      return to.typmod < 0 ||
             (from.typmod >= 0 && ((from.typmod - 4) & 0x7ff) == ((to.typmod - 4) & 0x7ff) &&
              ((from.typmod - 4) >> 16) <= ((to.typmod - 4) >> 16));
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return to.typmod < 0 || (from.typmod >= 0 && from.typmod <= to.typmod);
    default:
      return false;
  }
}

std::string NameOf(const ColumnDescriptor& c) { return TypeNameWithModifier(c.type, c.typmod); }

absl::Status UsedBy(absl::string_view what, std::string detail) {
  return WithFields(
      SqlError(sqlstate::kUnsupported, absl::StrCat("cannot alter type of a column ", what)),
      {std::move(detail)});
}

absl::Status NotAutomatic(const std::string& what, const ColumnDescriptor& to,
                          const std::string& hint) {
  return SqlError(sqlstate::kDatatypeMismatch,
                  absl::StrCat(what, " cannot be cast automatically to type ", NameOf(to)), -1,
                  hint);
}

// What stands for the default under the new type.
absl::Status ConvertDefault(const ColumnDescriptor& from, ColumnDescriptor* to) {
  const absl::Status refused =
      NotAutomatic(absl::StrCat("default for column \"", from.name, "\""), *to, "");
  if (from.default_kind == DefaultKind::kNow && from.type != to->type) {
    to->default_kind = DefaultKind::kExpression;
    to->default_sql = "now()";
  }
  if (to->default_kind == DefaultKind::kNone) return absl::OkStatus();
  if (to->default_kind == DefaultKind::kValue) {
    if (from.type != to->type && !CanCoerce(from.type, to->type, CastContext::kAssignment)) {
      return refused;
    }
    Datum d = from.default_value;
    if (from.type != to->type) {
      ISO_RETURN_IF_ERROR(CastDatum(from.type, to->type, from.default_value, &d));
    }
    to->default_value = std::move(d);
    return absl::OkStatus();
  }
  ISO_ASSIGN_OR_RETURN(
      const ast::ExprPtr parsed,
      ParseExpression(to->default_kind == DefaultKind::kNow ? "now()" : to->default_sql));
  const std::string text = to->default_sql;
  const absl::Status bound = DefineDefault(*parsed, text, to);
  return SqlStateOf(bound) == sqlstate::kDatatypeMismatch ? refused : bound;
}

}  // namespace

absl::Status AlterTableEdit::CheckRetypable(int position) const {
  const ColumnDescriptor& c = table_->columns[static_cast<size_t>(position)];
  ISO_ASSIGN_OR_RETURN(const ColumnDescriptor* generated, GeneratedFrom(*table_, position));
  if (generated != nullptr) {
    return UsedBy("used by a generated column",
                  absl::StrCat("Column \"", c.name, "\" is used by generated column \"",
                               generated->name, "\"."));
  }
  for (const TablePtr& view : all) {
    const bool reads = std::any_of(view->depends_on.begin(), view->depends_on.end(),
                                   [&](const Dependency& d) { return d.relation == table_->id; });
    if (!reads) continue;
    ISO_ASSIGN_OR_RETURN(const bool named, MayNameColumn(view->view_sql, c.name));
    if (!named) continue;
    return UsedBy("used by a view or rule",
                  absl::StrCat("rule _RETURN on view ", PlainSqlName(view->name),
                               " depends on column \"", c.name, "\""));
  }
  for (const IndexDescriptor& index : table_->indexes) {
    if (index.state == IndexState::kPublic) continue;
    return SqlError(sqlstate::kObjectInUse,
                    absl::StrCat("index \"", index.name, "\" of table \"", table_->local_name(),
                                 "\" is being built"),
                    -1, "Try again when it is there.");
  }
  return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::CheckKeysOf(Ctx ctx, SchemaChange* change, uint32_t position,
                                               bool same_stored) {
  const ColumnDescriptor column = table_->columns[position];
  for (const ForeignKey& key : table_->foreign_keys) {
    if (std::find(key.columns.begin(), key.columns.end(), position) == key.columns.end()) continue;
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * parent, co_await change->Table(ctx, key.parent_name));
    for (size_t i = 0; i < key.columns.size(); ++i) {
      if (key.columns[i] != position) continue;
      const int at = parent->FindColumnId(key.parent_columns[i]);
      if (at < 0) continue;
      const ColumnDescriptor& to = parent->columns[static_cast<size_t>(at)];
      ISO_CO_RETURN_IF_ERROR(CheckKeyTypes(key.name, column, to));
    }
    if (!same_stored && key.validated) foreign_keys.emplace_back(key.name, false);
  }
  if (same_stored) co_return absl::OkStatus();
  for (const ReferencingTable& r : table_->referencing) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * child, co_await change->Table(ctx, r.name));
    for (const ForeignKey& key : child->foreign_keys) {
      const bool refers = key.parent == table_->id &&
                          std::find(key.parent_columns.begin(), key.parent_columns.end(),
                                    column.id) != key.parent_columns.end();
      if (!refers) continue;
      co_return SqlError(
          sqlstate::kUnsupported,
          absl::StrCat("cannot alter the type of column \"", column.name, "\": foreign key \"",
                       key.name, "\" of table \"", child->local_name(), "\" refers to it"),
          -1, "Drop the foreign key, alter both columns, and add it again.");
    }
  }
  co_return absl::OkStatus();
}

absl::Status AlterTableEdit::RetypeComputed(uint32_t position, bool* rewrite) {
  ISO_ASSIGN_OR_RETURN(const IndexRules rules, BindIndexRules(*table_));
  for (const IndexRules::One& rule : rules.indexes) {
    if (std::find(rule.reads.begin(), rule.reads.end(), position) == rule.reads.end()) continue;
    for (const auto& [column, value] : rule.values) {
      if (!IsImmutable(*value)) {
        return SqlError(sqlstate::kInvalidObjectDefinition,
                        "functions in index expression must be marked IMMUTABLE");
      }
      table_->columns[column].type = value->type;
    }
    if (rule.predicate != nullptr && !IsImmutable(*rule.predicate)) {
      return SqlError(sqlstate::kInvalidObjectDefinition,
                      "functions in index predicate must be marked IMMUTABLE");
    }
    *rewrite = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> AlterTableEdit::Conversion(const ast::AlterCommand& command,
                                                   const ColumnDescriptor& to) const {
  Scope scope;
  ScopeTable t;
  t.name = before_->local_name();
  for (const ColumnDescriptor& c : before_->columns) {
    t.columns.push_back({c.name, c.type, c.hidden, c.typmod, false, false, nullptr});
  }
  scope.tables.push_back(std::move(t));
  TypeNames types = TypesIn(*before_);
  types.merge(TypesIn(to));
  Binder binder(&scope, nullptr, nullptr, "transform expressions");
  binder.Types(&types);
  ast::ExprPtr own;
  const ast::Expr* value = command.default_value.get();
  if (value == nullptr) {
    ISO_ASSIGN_OR_RETURN(own, ParseExpression(to.generated_sql.empty() ? QuoteIdentifier(to.name)
                                                                       : to.generated_sql));
    value = own.get();
  }
  ISO_RETURN_IF_ERROR(RefuseSubquery(*value, "transform expression"));
  absl::StatusOr<ExprPtr> bound = binder.BindAssignment(*value, to.name, to.type, to.typmod);
  if (bound.ok() || SqlStateOf(bound.status()) != sqlstate::kDatatypeMismatch) return bound;
  if (command.default_value != nullptr) {
    return NotAutomatic(absl::StrCat("result of USING clause for column \"", to.name, "\""), to,
                        "You might need to add an explicit cast.");
  }
  return NotAutomatic(absl::StrCat("column \"", to.name, "\""), to,
                      absl::StrCat("You might need to specify \"USING ", QuoteIfNeeded(to.name),
                                   "::", NameOf(to), "\"."));
}

Task<absl::Status> AlterTableEdit::SetType(Ctx ctx, SchemaChange* change,
                                           const ast::AlterCommand* command) {
  const int found = table_->FindColumn(command->name);
  if (found < 0) {
    co_return SqlError(sqlstate::kUndefinedColumn,
                       absl::StrCat("column \"", command->name, "\" of relation \"",
                                    table_->local_name(), "\" does not exist"));
  }
  const auto position = static_cast<uint32_t>(found);
  ISO_CO_RETURN_IF_ERROR(CheckRetypable(found));
  const ast::ColumnDef& def = command->added.columns[0];
  ISO_CO_ASSIGN_OR_RETURN(
      const ResolvedType type,
      ResolveTypeName(def.type, def.type_modifiers, def.type_position, &command->added.types));
  const ColumnDescriptor before = table_->columns[position];
  ColumnDescriptor after = before;
  after.type = type.type;
  after.typmod = type.typmod;
  if (!before.generated_sql.empty() && command->default_value != nullptr) {
    co_return WithFields(
        SqlError("42611", "cannot specify USING when altering type of generated column"),
        {absl::StrCat("Column \"", before.name, "\" is a generated column.")});
  }
  ISO_CO_ASSIGN_OR_RETURN(ExprPtr value, Conversion(*command, after));
  ISO_CO_RETURN_IF_ERROR(ConvertDefault(before, &after));
  bool rewrite = command->default_value != nullptr || !SameStored(before, after);
  if (table_->KeyPosition(position) >= 0) ISO_CO_RETURN_IF_ERROR(CheckKeyType(after));
  if (rewrite) {
    // Every row is written under the new description, with a value of its own.
    after.has_missing = false;
    after.missing_value = Datum::Null();
  }
  table_->columns[position] = after;
  ISO_CO_RETURN_IF_ERROR(co_await change->HoldTypes(ctx, table_));
  ISO_CO_RETURN_IF_ERROR(co_await CheckKeysOf(ctx, change, position, !rewrite));
  const bool values = rewrite;
  ISO_CO_RETURN_IF_ERROR(RetypeComputed(position, &rewrite));
  // They must still mean something, and hold.
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<std::string> on, ChecksOn(*table_, found));
  for (const CheckConstraint& c : table_->checks) {
    const bool looks = std::find(on.begin(), on.end(), c.name) != on.end();
    if (values && looks && c.validated) checks.push_back(c);
  }
  if (values) conversions.emplace_back(before.id, std::move(value));
  if (rewrite) rewritten = before_;
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
