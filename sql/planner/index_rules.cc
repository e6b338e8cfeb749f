// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/index_rules.h"

#include <algorithm>
#include <set>

#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"
#include "sql/planner/builder.h"
#include "sql/planner/definitions.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

void Columns(const Expr& e, std::set<uint32_t>* out) {
  if (e.kind == ExprKind::kColumn) out->insert(static_cast<uint32_t>(e.index));
  for (const ExprPtr& a : e.args) Columns(*a, out);
}

Type ElementOrSelf(Type t) { return IsArray(t) ? ElementOf(t) : t; }

bool IsText(Type t) {
  return t == Type::kText || t == Type::kVarchar || t == Type::kBpchar || t == Type::kUnknown;
}

bool IsTime(Type t) {
  return t == Type::kDate || t == Type::kTimestamp || t == Type::kTimestamptz || t == Type::kTime ||
         t == Type::kInterval;
}

// What a conversion means may hang on the session's zone and styles, as with PostgreSQL.
bool StableCast(Type from, Type to) {
  from = ElementOrSelf(from);
  to = ElementOrSelf(to);
  if ((from == Type::kTimestamptz) != (to == Type::kTimestamptz)) return true;
  if (IsText(from) && IsTime(to)) return true;
  if (IsEnum(from) != IsEnum(to)) return true;  // a label may get another name
  return IsText(to) && (from == Type::kDate || from == Type::kTimestamp);
}

bool IsComparison(absl::string_view name) {
  return name == "=" || name == "<>" || name == "<" || name == "<=" || name == ">" || name == ">=";
}

bool ImmutableFunction(const Expr& e) {
  const Function& f = *e.function;
  if (f.is_volatile || f.asks_catalog) return false;
  static constexpr absl::string_view kStable[] = {
      "now",           "transaction_timestamp",
      "random",        "statement_timestamp",
      "timeofday",     "clock_timestamp",
      "nextval",       "gen_random_uuid",
      "currval",       "lastval",
      "setval",        "version",
      "current_user",  "current_database",
      "session_user",  "current_schema",
      "current_date",  "current_schemas",
      "localtime",     "localtimestamp",
      "set_config",    "current_setting",
      "to_char",       "to_number",
      "to_date",       "concat",
      "concat_ws",     "format",
      "to_json",       "to_jsonb",
      "array_to_json", "array_to_string",
      "row_to_json",   "quote_literal",
      "format_type",   "quote_nullable",
  };
  const absl::string_view name = f.name;
  if (std::find(std::begin(kStable), std::end(kStable), name) != std::end(kStable)) return false;
  if (name.substr(0, 10) == "json_build" || name.substr(0, 11) == "jsonb_build") return false;
  if (name == "to_timestamp") return e.args.size() == 1;
  if (name == "age" && e.args.size() == 1) return false;
  size_t zoned = 0;
  for (const ExprPtr& a : e.args) zoned += a->type == Type::kTimestamptz ? 1 : 0;
  if (zoned == 0) return e.type != Type::kTimestamptz || name == "timezone";
  if (name == "timezone" || name == "date_bin" || name == "isfinite") return true;
  return zoned == e.args.size() && (IsComparison(name) || name == "-" || name == "age");
}

}  // namespace

const IndexRules::One* IndexRules::Find(uint64_t index) const {
  for (const One& one : indexes) {
    if (one.index == index) return &one;
  }
  return nullptr;
}

bool IsImmutable(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kParam:
    case ExprKind::kOuter:
    case ExprKind::kRegister:
    case ExprKind::kSubquery:
      return false;
    case ExprKind::kCall:
    case ExprKind::kAnyArray:
      if (!ImmutableFunction(e)) return false;
      break;
    case ExprKind::kCast:
      if (StableCast(e.args[0]->type, e.type)) return false;
      break;
    default:
      break;
  }
  return std::all_of(e.args.begin(), e.args.end(),
                     [](const ExprPtr& a) { return IsImmutable(*a); });
}

absl::StatusOr<IndexRules> BindIndexRules(const TableDescriptor& table) {
  IndexRules rules;
  for (const IndexDescriptor& index : table.indexes) {
    if (!table.Computes(index)) continue;
    const Scope scope = planner::TableScope(table, "");
    const TypeNames types = TypesIn(table);
    IndexRules::One one;
    one.index = index.id;
    std::set<uint32_t> reads;
    if (!index.predicate_sql.empty()) {
      ISO_ASSIGN_OR_RETURN(ast::ExprPtr parsed, ParseExpression(index.predicate_sql));
      Binder binder(&scope, nullptr, nullptr, "index predicates");
      binder.Types(&types);
      ISO_ASSIGN_OR_RETURN(one.predicate, binder.BindAs(*parsed, Type::kBool, "WHERE"));
      Columns(*one.predicate, &reads);
    }
    for (const IndexColumn& c : index.columns) {
      const ColumnDescriptor& column = table.columns[c.column];
      if (column.computed_sql.empty()) continue;
      ISO_ASSIGN_OR_RETURN(ast::ExprPtr parsed, ParseExpression(column.computed_sql));
      Binder binder(&scope, nullptr, nullptr, "index expressions");
      binder.Types(&types);
      ISO_ASSIGN_OR_RETURN(ExprPtr value, binder.BindOutput(*parsed));
      Columns(*value, &reads);
      one.values.emplace_back(c.column, std::move(value));
    }
    one.reads.assign(reads.begin(), reads.end());
    rules.indexes.push_back(std::move(one));
  }
  return rules;
}

}  // namespace isochron::sql
