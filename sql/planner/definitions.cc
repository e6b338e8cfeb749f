// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/definitions.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/parser.h"
#include "sql/planner/builder.h"
#include "sql/planner/sequence_def.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxName = 63;

// The first expression within `e` for which `is` holds; null if there is none.
template <typename Is>
const ast::Expr* Find(const ast::Expr& e, const Is& is) {
  if (is(e)) return &e;
  for (const ast::ExprPtr& a : e.args) {
    if (const ast::Expr* found = Find(*a, is)) return found;
  }
  return e.filter == nullptr ? nullptr : Find(*e.filter, is);
}

// Gives another answer at another time, or to another session.
bool IsVolatile(const Expr& e) {
  static constexpr std::array<absl::string_view, 16> kNames = {"now",
                                                               "transaction_timestamp",
                                                               "statement_timestamp",
                                                               "clock_timestamp",
                                                               "timeofday",
                                                               "random",
                                                               "gen_random_uuid",
                                                               "nextval",
                                                               "currval",
                                                               "lastval",
                                                               "setval",
                                                               "version",
                                                               "current_user",
                                                               "current_database",
                                                               "current_schema",
                                                               "current_setting"};
  if (e.kind == ExprKind::kCall &&
      std::find(kNames.begin(), kNames.end(), e.function->name) != kNames.end()) {
    return true;
  }
  // A label may get another name.
  if (e.kind == ExprKind::kCast && IsEnum(e.type) != IsEnum(e.args[0]->type)) return true;
  for (const ExprPtr& a : e.args) {
    if (IsVolatile(*a)) return true;
  }
  return false;
}

void Columns(const Expr& e, std::set<int>* out) {
  if (e.kind == ExprKind::kColumn) out->insert(e.index);
  for (const ExprPtr& a : e.args) Columns(*a, out);
}

absl::StatusOr<ExprPtr> BindGenerated(const ast::Expr& e, const TableDescriptor& table,
                                      const ColumnDescriptor& column) {
  const Scope scope = planner::TableScope(table, "");
  const TypeNames types = TypesIn(table);
  Binder binder(&scope, nullptr, nullptr, "column generation expressions");
  binder.Types(&types);
  return binder.BindAssignment(e, column.name, column.type, column.typmod);
}

absl::StatusOr<ExprPtr> BindCheck(const ast::Expr& e, const TableDescriptor& table) {
  const Scope scope = planner::TableScope(table, "");
  const TypeNames types = TypesIn(table);
  Binder binder(&scope, nullptr, nullptr, "check constraints");
  binder.Types(&types);
  return binder.BindAs(e, Type::kBool, "CHECK");
}

// Names of sequences in a definition's text mean those of public where they say no schema: the
// search path of whoever runs a statement does not matter.
void NameSchemas(ast::Expr* e) {
  const std::string& call = e->kind == ast::ExprKind::kFunc ? e->names.back() : "";
  if (!e->args.empty() && (call == "nextval" || call == "currval" || call == "setval")) {
    ast::Expr* name = e->args[0].get();
    while (name->kind == ast::ExprKind::kCast) name = name->args[0].get();
    auto parts = SplitName(name->text);
    if (name->kind == ast::ExprKind::kString && parts.ok() && parts->size() == 1) {
      name->text = absl::StrCat(kPublicSchema, ".", QuoteIfNeeded((*parts)[0]));
    }
  }
  for (const ast::ExprPtr& a : e->args) NameSchemas(a.get());
}

// What is kept of a default: of one that only draws from a sequence, what its own column has.
std::string SequenceDefault(const ast::Expr& value, const std::string& sql) {
  if (value.kind != ast::ExprKind::kFunc || value.names.back() != "nextval" ||
      value.args.size() != 1) {
    return sql;
  }
  const ast::Expr* name = value.args[0].get();
  while (name->kind == ast::ExprKind::kCast) name = name->args[0].get();
  auto parts = SplitName(name->text);
  if (name->kind != ast::ExprKind::kString || !parts.ok() || parts->size() > 2) return sql;
  return NextValueSql(FullName(parts->size() > 1 ? (*parts)[0] : "", parts->back()));
}

bool HasCheck(const TableDescriptor& table, const std::string& name) {
  return std::any_of(table.checks.begin(), table.checks.end(),
                     [&name](const CheckConstraint& c) { return c.name == name; });
}

// The longest beginning of `name` of at most `size` bytes that ends between two characters.
std::string Clipped(const std::string& name, size_t size) {
  if (name.size() <= size) return name;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  return name.substr(0, size);
}

}  // namespace

TypeNames TypesIn(const ColumnDescriptor& column) {
  TypeNames out;
  if (const EnumType* type = EnumOf(column.type)) {
    const Type plain = ElementOf(column.type);
    out[{"", type->name}] = plain;
    out[{SchemaIn(type->full_name), type->name}] = plain;
  }
  return out;
}

TypeNames TypesIn(const TableDescriptor& table) {
  TypeNames out;
  for (const ColumnDescriptor& c : table.columns) out.merge(TypesIn(c));
  return out;
}

absl::Status RefuseSubquery(const ast::Expr& e, absl::string_view where) {
  const ast::Expr* found =
      Find(e, [](const ast::Expr& x) { return x.kind == ast::ExprKind::kSubquery; });
  if (found == nullptr) return absl::OkStatus();
  return SqlError(sqlstate::kUnsupported, absl::StrCat("cannot use subquery in ", where),
                  found->position);
}

std::string ObjectName(const std::string& table, const std::string& column,
                       const std::string& label) {
  size_t first = table.size(), second = column.size();
  const size_t rest = label.size() + 1 + (column.empty() ? 0 : 1);
  // The longer of the two gives way.
  while (first + second + rest > kMaxName) --(first > second ? first : second);
  std::string out = Clipped(table, first);
  if (!column.empty()) absl::StrAppend(&out, "_", Clipped(column, second));
  return absl::StrCat(out, "_", label);
}

absl::Status DefineDefault(const ast::Expr& value, const std::string& sql,
                           ColumnDescriptor* column) {
  const ast::Expr* named =
      Find(value, [](const ast::Expr& x) { return x.kind == ast::ExprKind::kColumn; });
  if (named != nullptr) {
    return SqlError(sqlstate::kUnsupported, "cannot use column reference in DEFAULT expression",
                    named->position);
  }
  ISO_RETURN_IF_ERROR(RefuseSubquery(value, "DEFAULT expression"));
  Scope nothing;
  const TypeNames types = TypesIn(*column);
  Binder binder(&nothing, nullptr, nullptr, "DEFAULT expressions");
  binder.Types(&types);
  ISO_ASSIGN_OR_RETURN(ExprPtr e,
                       binder.BindAssignment(value, column->name, column->type, column->typmod));
  column->default_value = Datum::Null();
  column->default_sql.clear();
  column->default_kind = DefaultKind::kNone;
  if (e->kind == ExprKind::kCall && absl::string_view(e->function->name) == "now") {
    column->default_kind = DefaultKind::kNow;
  } else if (e->kind != ExprKind::kConst) {
    column->default_kind = DefaultKind::kExpression;
    column->default_sql = SequenceDefault(value, sql);
  } else if (!e->value.is_null()) {
    column->default_kind = DefaultKind::kValue;
    column->default_value = e->value;
  }
  return absl::OkStatus();
}

absl::Status DefineGenerated(const ast::ColumnDef& def, TableDescriptor* table, size_t column) {
  ColumnDescriptor& c = table->columns[column];
  if (def.default_value != nullptr) {
    return SqlError(sqlstate::kSyntaxError,
                    absl::StrCat("both default and generation expression specified for column \"",
                                 c.name, "\" of table \"", table->local_name(), "\""),
                    def.position);
  }
  ISO_RETURN_IF_ERROR(RefuseSubquery(*def.generated, "column generation expression"));
  ISO_ASSIGN_OR_RETURN(ExprPtr e, BindGenerated(*def.generated, *table, c));
  if (IsVolatile(*e)) {
    return SqlError(sqlstate::kInvalidObjectDefinition, "generation expression is not immutable");
  }
  c.generated_sql = def.generated_sql;
  std::set<int> used;
  Columns(*e, &used);
  for (int i : used) {
    const ColumnDescriptor& other = table->columns[static_cast<size_t>(i)];
    if (other.generated_sql.empty()) continue;
    const ast::Expr* named = Find(*def.generated, [&other](const ast::Expr& x) {
      return x.kind == ast::ExprKind::kColumn && x.names.back() == other.name;
    });
    return WithFields(SqlError(sqlstate::kInvalidObjectDefinition,
                               absl::StrCat("cannot use generated column \"", other.name,
                                            "\" in column generation expression"),
                               named == nullptr ? -1 : named->position),
                      {"A generated column cannot reference another generated column."});
  }
  return absl::OkStatus();
}

absl::Status DefineCheck(const ast::Check& check, TableDescriptor* table) {
  ISO_RETURN_IF_ERROR(RefuseSubquery(*check.condition, "check constraint"));
  ISO_ASSIGN_OR_RETURN(ExprPtr e, BindCheck(*check.condition, *table));
  std::string name = check.name;
  if (name.empty()) {
    std::set<int> used;
    Columns(*e, &used);
    const std::string column =
        used.size() == 1 ? table->columns[static_cast<size_t>(*used.begin())].name : "";
    name = ObjectName(table->local_name(), column, "check");
    for (int n = 1; HasCheck(*table, name); ++n) {
      name = ObjectName(table->local_name(), column, absl::StrCat("check", n));
    }
  } else if (HasCheck(*table, name)) {
    return SqlError(sqlstate::kDuplicateObject,
                    absl::StrCat("check constraint \"", name, "\" already exists"));
  }
  table->checks.push_back({std::move(name), check.sql, "", check.validate});
  // In the order in which they are looked at, as with PostgreSQL.
  std::sort(table->checks.begin(), table->checks.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return absl::OkStatus();
}

absl::StatusOr<Datum> DefaultOfRowsBefore(const ColumnDescriptor& column, const EvalContext& eval) {
  ISO_ASSIGN_OR_RETURN(ExprPtr e, planner::DefaultExpr(column));
  Datum d;
  if (e == nullptr) return d;
  if (column.default_kind == DefaultKind::kExpression && IsVolatile(*e)) {
    return SqlError(sqlstate::kUnsupported,
                    "a new column whose default is computed for each row is not supported yet", -1,
                    "Add the column without it, fill it, then SET DEFAULT.");
  }
  ISO_RETURN_IF_ERROR(Eval(*e, eval, Row(), &d));
  return d;
}

absl::StatusOr<std::vector<std::string>> ChecksOn(const TableDescriptor& table, int column) {
  std::vector<std::string> names;
  ISO_ASSIGN_OR_RETURN(const RowRules rules, planner::BindRules(table));
  for (const RowRules::Check& check : rules.checks) {
    std::set<int> used;
    Columns(*check.condition, &used);
    if (used.count(column) > 0) names.push_back(check.name);
  }
  return names;
}

absl::StatusOr<const ColumnDescriptor*> GeneratedFrom(const TableDescriptor& table, int column) {
  ISO_ASSIGN_OR_RETURN(const RowRules rules, planner::BindRules(table));
  for (const auto& [generated, value] : rules.generated) {
    std::set<int> used;
    Columns(*value, &used);
    if (used.count(column) > 0) return &table.columns[static_cast<size_t>(generated)];
  }
  return nullptr;
}

namespace planner {

absl::StatusOr<ExprPtr> DefaultExpr(const ColumnDescriptor& column) {
  switch (column.default_kind) {
    case DefaultKind::kValue:
      return MakeConst(column.type, column.default_value);
    case DefaultKind::kNow:
      return MakeCall(&FunctionsNamed("now")[0], {}, -1);
    case DefaultKind::kExpression: {
      ISO_ASSIGN_OR_RETURN(ast::ExprPtr value, ParseExpression(column.default_sql));
      NameSchemas(value.get());
      Scope nothing;
      const TypeNames types = TypesIn(column);
      Binder binder(&nothing, nullptr, nullptr, "DEFAULT expressions");
      binder.Types(&types);
      ISO_ASSIGN_OR_RETURN(ExprPtr out,
                           binder.BindAssignment(*value, column.name, column.type, column.typmod));
      if (column.identity == Identity::kNone) return out;
      for (Expr* e = out.get(); e != nullptr; e = e->args.empty() ? nullptr : e->args[0].get()) {
        const bool draws =
            e->kind == ExprKind::kCall && e->function->name == std::string("nextval");
        if (draws) e->function = &NextIdentityFunction();
      }
      return out;
    }
    case DefaultKind::kNone:
      break;
  }
  return nullptr;
}

absl::StatusOr<RowRules> BindRules(const TableDescriptor& table) {
  RowRules rules;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDescriptor& c = table.columns[i];
    if (c.generated_sql.empty()) continue;
    ISO_ASSIGN_OR_RETURN(ast::ExprPtr parsed, ParseExpression(c.generated_sql));
    ISO_ASSIGN_OR_RETURN(ExprPtr e, BindGenerated(*parsed, table, c));
    rules.generated.emplace_back(static_cast<int>(i), std::move(e));
  }
  for (const CheckConstraint& check : table.checks) {
    ISO_ASSIGN_OR_RETURN(ast::ExprPtr parsed, ParseExpression(check.sql));
    ISO_ASSIGN_OR_RETURN(ExprPtr e, BindCheck(*parsed, table));
    rules.checks.push_back({check.name, std::move(e)});
  }
  ISO_ASSIGN_OR_RETURN(rules.indexes, BindIndexRules(table));
  return rules;
}

absl::Status RefuseGenerated(const ColumnDescriptor& column,
                             std::optional<ast::Insert::Overriding> insert, int position) {
  using Overriding = ast::Insert::Overriding;
  const bool always = column.identity == Identity::kAlways;
  if (column.generated_sql.empty()) {
    if (!always || insert.value_or(Overriding::kNone) != Overriding::kNone) {
      return absl::OkStatus();
    }
  }
  return WithFields(
      SqlError(
          sqlstate::kGeneratedAlways,
          insert.has_value()
              ? absl::StrCat("cannot insert a non-DEFAULT value into column \"", column.name, "\"")
              : absl::StrCat("column \"", column.name, "\" can only be updated to DEFAULT"),
          position, always && insert.has_value() ? "Use OVERRIDING SYSTEM VALUE to override." : ""),
      {absl::StrCat("Column \"", column.name,
                    always ? "\" is an identity column defined as GENERATED ALWAYS."
                           : "\" is a generated column.")});
}

absl::Status CheckWritable(const TableDescriptor& relation, absl::string_view verb) {
  switch (relation.kind) {
    case RelationKind::kTable:
    case RelationKind::kSchema:
    case RelationKind::kEnum:
    case RelationKind::kRoles:
    case RelationKind::kDatabase:
      break;
    case RelationKind::kSequence:
      return SqlError(sqlstate::kWrongObjectType,
                      absl::StrCat("cannot change sequence \"", relation.local_name(), "\""));
    case RelationKind::kView:
      return SqlError(sqlstate::kUnsupported,
                      absl::StrCat("cannot ", verb, " view \"", relation.local_name(),
                                   "\": views are only read"),
                      -1, "Write to the tables that it reads.");
  }
  return absl::OkStatus();
}

}  // namespace planner
}  // namespace isochron::sql
