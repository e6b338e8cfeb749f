// SPDX-License-Identifier: Apache-2.0
//
// CREATE TABLE.
#include <pg_query.h>

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

constexpr std::array<std::pair<absl::string_view, absl::string_view>, 6> kSerials = {{
    {"serial", "int4"},
    {"serial4", "int4"},
    {"bigserial", "int8"},
    {"serial8", "int8"},
    {"smallserial", "int2"},
    {"serial2", "int2"},
}};

absl::Status AddCheck(State* state, const pg::Constraint& c, ast::CreateTable* out) {
  ISO_ASSIGN_OR_RETURN(ast::Check check, CheckOf(state, c));
  // A new table has no rows to look at.
  check.validate = true;
  out->checks.push_back(std::move(check));
  return absl::OkStatus();
}

}  // namespace

absl::Status ConvertColumn(State* state, const pg::ColumnDef& def, ast::CreateTable* out) {
  ast::ColumnDef column;
  column.name = def.colname();
  column.position = def.location();
  column.type_position = def.type_name().location();
  ISO_ASSIGN_OR_RETURN(ast::TypeName type, TypeNameOf(def.type_name()));
  column.type = std::move(type.name);
  column.type_modifiers = std::move(type.modifiers);
  for (const auto& [serial, stands_for] : kSerials) {
    if (column.type != serial) continue;
    column.type = std::string(stands_for);
    column.serial = true;
    column.not_null = true;
    break;
  }
  if (def.has_coll_clause()) return Unsupported("COLLATE", def.coll_clause().location());
  bool foreign = false;
  for (const pg::Node& node : def.constraints()) {
    const pg::Constraint& c = node.constraint();
    if (c.contype() < pg::CONSTR_ATTR_DEFERRABLE) foreign = c.contype() == pg::CONSTR_FOREIGN;
    switch (c.contype()) {
      case pg::CONSTR_NULL:
        break;
      case pg::CONSTR_NOTNULL:
        column.not_null = true;
        break;
      case pg::CONSTR_DEFAULT: {
        ISO_ASSIGN_OR_RETURN(column.default_value, Expression(state, c.raw_expr()));
        ISO_ASSIGN_OR_RETURN(column.default_sql, Deparse(c.raw_expr()));
        break;
      }
      case pg::CONSTR_PRIMARY:
        column.primary_key = true;
        if (!c.conname().empty()) out->primary_key_name = c.conname();
        break;
      case pg::CONSTR_UNIQUE:
        out->uniques.push_back({c.conname(), {column.name}, {}, c.location()});
        break;
      // NOT DEFERRABLE is what constraints are anyway.
      case pg::CONSTR_ATTR_NOT_DEFERRABLE:
      case pg::CONSTR_ATTR_IMMEDIATE:
        break;
      case pg::CONSTR_ATTR_DEFERRABLE:
      case pg::CONSTR_ATTR_DEFERRED:
        // Of what stands before it.
        if (!foreign) return Unsupported("a deferrable constraint", c.location());
        out->foreign_keys.back().deferrable = true;
        if (c.contype() == pg::CONSTR_ATTR_DEFERRED) out->foreign_keys.back().deferred = true;
        break;
      case pg::CONSTR_CHECK:
        ISO_RETURN_IF_ERROR(AddCheck(state, c, out));
        break;
      case pg::CONSTR_FOREIGN: {
        ISO_ASSIGN_OR_RETURN(ast::ForeignKeyConstraint key, ForeignKeyOf(c, column.name));
        out->foreign_keys.push_back(std::move(key));
        break;
      }
      case pg::CONSTR_IDENTITY:
        (c.generated_when() == "a" ? column.identity_always : column.identity_by_default) = true;
        {
          ISO_ASSIGN_OR_RETURN(ast::SequenceClause clause, SequenceOptions(c.options()));
          clause.position = c.location();
          column.sequence = std::make_shared<const ast::SequenceClause>(std::move(clause));
        }
        break;
      case pg::CONSTR_GENERATED: {
        ISO_ASSIGN_OR_RETURN(column.generated, Expression(state, c.raw_expr()));
        ISO_ASSIGN_OR_RETURN(column.generated_sql, Deparse(c.raw_expr()));
        break;
      }
      default:
        return Unsupported("this constraint", c.location());
    }
  }
  out->columns.push_back(std::move(column));
  return absl::OkStatus();
}

namespace {

// Frees the library's result at the end of the scope.
struct DeparseGuard {
  explicit DeparseGuard(PgQueryProtobuf tree) : result(pg_query_deparse_protobuf(tree)) {}
  ~DeparseGuard() { pg_query_free_deparse_result(result); }
  PgQueryDeparseResult result;
};

}  // namespace

absl::StatusOr<std::string> DeparseQuery(const pg::Node& query) {
  pg::ParseResult tree;
  *tree.add_stmts()->mutable_stmt() = query;
  std::string bytes = tree.SerializeAsString();
  const DeparseGuard text(PgQueryProtobuf{bytes.size(), bytes.data()});
  if (text.result.error != nullptr || text.result.query == nullptr) {
    return Unsupported("a query or an expression of this kind in a definition", -1);
  }
  return std::string(text.result.query);
}

absl::StatusOr<std::string> Deparse(const pg::Node& expression) {
  pg::Node query;
  pg::SelectStmt* select = query.mutable_select_stmt();
  select->set_limit_option(pg::LIMIT_OPTION_DEFAULT);
  select->set_op(pg::SETOP_NONE);
  *select->add_target_list()->mutable_res_target()->mutable_val() = expression;
  ISO_ASSIGN_OR_RETURN(std::string text, DeparseQuery(query));
  return std::string(absl::StripPrefix(text, "SELECT "));
}

absl::Status StorageOptions(const google::protobuf::RepeatedPtrField<pg::Node>& options) {
  // How PostgreSQL lays out and cleans its pages: there are none here to be told of.
  for (const pg::Node& node : options) {
    const pg::DefElem& option = node.def_elem();
    const std::string& name = option.defname();
    if (name == "fillfactor" || name == "parallel_workers" || name == "toast_tuple_target" ||
        absl::StartsWith(name, "autovacuum_")) {
      continue;
    }
    if (name == "oids" && option.arg().has_boolean() && !option.arg().boolean().boolval()) continue;
    return Unsupported(absl::StrCat("WITH (", name, ")"), option.location());
  }
  return absl::OkStatus();
}

absl::StatusOr<ast::CreateTable> CreateStatement(State* state, const pg::CreateStmt& stmt) {
  ast::CreateTable out;
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  out.if_not_exists = stmt.if_not_exists();
  if (stmt.relation().relpersistence() != "p") {
    return SqlError(sqlstate::kUnsupported, "temporary tables are not supported", -1,
                    "Make a table under a name of its own, and drop it.");
  }
  if (stmt.inh_relations_size() > 0) return Unsupported("INHERITS", -1);
  if (stmt.has_partbound() || stmt.has_partspec()) return Unsupported("partitioning", -1);
  ISO_RETURN_IF_ERROR(StorageOptions(stmt.options()));
  for (const pg::Node& node : stmt.table_elts()) {
    if (node.has_column_def()) {
      ISO_RETURN_IF_ERROR(ConvertColumn(state, node.column_def(), &out));
      continue;
    }
    if (!node.has_constraint()) return Unsupported("LIKE in CREATE TABLE", -1);
    const pg::Constraint& c = node.constraint();
    if (c.contype() == pg::CONSTR_CHECK) {
      ISO_RETURN_IF_ERROR(AddCheck(state, c, &out));
      continue;
    }
    if (c.deferrable() && c.contype() != pg::CONSTR_FOREIGN) {
      return Unsupported("a deferrable constraint", c.location());
    }
    if (c.contype() == pg::CONSTR_UNIQUE) {
      out.uniques.push_back({c.conname(), Strings(c.keys()), Strings(c.including()), c.location()});
      continue;
    }
    if (c.contype() == pg::CONSTR_FOREIGN) {
      ISO_ASSIGN_OR_RETURN(ast::ForeignKeyConstraint key, ForeignKeyOf(c, ""));
      out.foreign_keys.push_back(std::move(key));
      continue;
    }
    if (c.contype() != pg::CONSTR_PRIMARY) {
      return Unsupported("this constraint", c.location());
    }
    if (out.has_primary_key_clause) {
      return SqlError(sqlstate::kInvalidTableDefinition, "multiple primary keys are not allowed",
                      c.location());
    }
    out.has_primary_key_clause = true;
    out.primary_key_name = c.conname();
    for (const std::string& name : Strings(c.keys())) {
      out.primary_key.emplace_back(name, c.location());
    }
  }
  return out;
}

}  // namespace isochron::sql::convert
