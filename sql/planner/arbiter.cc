// SPDX-License-Identifier: Apache-2.0
//
// Which unique index an ON CONFLICT is about.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/planner/definitions.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

absl::StatusOr<uint64_t> OfConstraint(const std::string& name, const TableDescriptor& table) {
  if (!table.has_hidden_key() && name == table.primary_key_name()) return 0;
  const IndexDescriptor* index = table.FindIndex(name);
  if (index != nullptr && index->constraint && index->state == IndexState::kPublic) {
    return index->id;
  }
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("constraint \"", name, "\" for table \"", table.local_name(),
                               "\" does not exist"));
}

bool Holds(const std::vector<ExprPtr>& list, const Expr& e) {
  return std::any_of(list.begin(), list.end(),
                     [&e](const ExprPtr& other) { return SameExpr(*other, e); });
}

// The index has these columns and expressions, no others, and all rows that `predicate` is about.
bool Matches(const TableDescriptor& table, const IndexDescriptor& index, const IndexRules& rules,
             const std::set<uint32_t>& columns, const std::vector<ExprPtr>& expressions,
             const std::vector<ExprPtr>& predicate) {
  if (!index.unique || index.state != IndexState::kPublic) return false;
  std::set<uint32_t> plain;
  for (const IndexColumn& c : index.columns) {
    if (table.columns[c.column].computed_sql.empty()) plain.insert(c.column);
  }
  if (plain != columns) return false;
  const IndexRules::One* computed = rules.Find(index.id);
  if (computed == nullptr) return expressions.empty();
  std::vector<ExprPtr> own;
  for (const auto& [column, value] : computed->values) own.push_back(Clone(*value));
  for (const ExprPtr& e : own) {
    if (!Holds(expressions, *e)) return false;
  }
  for (const ExprPtr& e : expressions) {
    if (!Holds(own, *e)) return false;
  }
  return computed->predicate == nullptr || Implied(predicate, *computed->predicate);
}

}  // namespace

absl::StatusOr<uint64_t> Arbiter(const ast::OnConflict& conflict, const TableDescriptor& table,
                                 const IndexRules& rules) {
  if (!conflict.constraint.empty()) return OfConstraint(conflict.constraint, table);
  std::set<uint32_t> columns;
  for (const std::string& name : conflict.columns) {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name, "\" does not exist"), conflict.position);
    }
    columns.insert(static_cast<uint32_t>(column));
  }
  const Scope scope = TableScope(table, "");
  const TypeNames types = TypesIn(table);
  std::vector<ExprPtr> expressions, predicate;
  for (const ast::ExprPtr& e : conflict.expressions) {
    Binder binder(&scope, nullptr, nullptr, "ON CONFLICT");
    binder.Types(&types);
    ISO_ASSIGN_OR_RETURN(ExprPtr bound, binder.BindOutput(*e));
    expressions.push_back(std::move(bound));
  }
  if (conflict.predicate != nullptr) {
    Binder binder(&scope, nullptr, nullptr, "ON CONFLICT");
    binder.Types(&types);
    ISO_ASSIGN_OR_RETURN(ExprPtr bound, binder.BindAs(*conflict.predicate, Type::kBool, "WHERE"));
    SplitAnd(std::move(bound), &predicate);
  }
  if (expressions.empty() && std::set<uint32_t>(table.key.begin(), table.key.end()) == columns) {
    return 0;
  }
  for (const IndexDescriptor& index : table.indexes) {
    if (Matches(table, index, rules, columns, expressions, predicate)) return index.id;
  }
  return SqlError(sqlstate::kInvalidColumnReference,
                  "there is no unique or exclusion constraint matching the ON CONFLICT "
                  "specification");
}

}  // namespace isochron::sql::planner
