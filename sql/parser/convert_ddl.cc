// SPDX-License-Identifier: Apache-2.0
//
// CREATE INDEX, ALTER TABLE and what else changes a schema that stands.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

absl::StatusOr<ast::IndexElement> Element(State* state, const pg::IndexElem& elem) {
  if (elem.collation_size() > 0) return Unsupported("COLLATE", -1);
  if (elem.opclass_size() > 0) return Unsupported("an operator class", -1);
  ast::IndexElement out;
  out.column = elem.name();
  if (elem.has_expr()) {
    ISO_ASSIGN_OR_RETURN(out.expression, Expression(state, elem.expr()));
    ISO_ASSIGN_OR_RETURN(out.sql, Deparse(elem.expr()));
    // In parentheses it may be a column all the same.
    if (out.expression->kind == ast::ExprKind::kColumn && out.expression->names.size() == 1) {
      out.column = out.expression->names[0];
      out.expression = nullptr;
    }
  }
  out.descending = elem.ordering() == pg::SORTBY_DESC;
  out.nulls_first = elem.nulls_ordering() == pg::SORTBY_NULLS_DEFAULT
                        ? out.descending
                        : elem.nulls_ordering() == pg::SORTBY_NULLS_FIRST;
  return out;
}

absl::StatusOr<std::vector<std::string>> ColumnNames(
    const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<std::string> out;
  for (const pg::Node& node : nodes) {
    if (node.index_elem().has_expr()) return Unsupported("an expression in INCLUDE", -1);
    out.push_back(node.index_elem().name());
  }
  return out;
}

char ActionOf(const std::string& action) { return action.empty() ? 'a' : action[0]; }

absl::Status AddConstraint(State* state, const pg::Constraint& c, ast::AlterCommand* out) {
  if (c.deferrable() && c.contype() != pg::CONSTR_FOREIGN) {
    return Unsupported("a deferrable constraint", c.location());
  }
  if (!c.indexname().empty()) return Unsupported("USING INDEX", c.location());
  out->position = c.location();
  switch (c.contype()) {
    case pg::CONSTR_UNIQUE:
    case pg::CONSTR_PRIMARY:
      out->kind = c.contype() == pg::CONSTR_UNIQUE ? ast::AlterKind::kAddUnique
                                                   : ast::AlterKind::kAddPrimaryKey;
      out->unique = {c.conname(), Strings(c.keys()), Strings(c.including()), c.location()};
      return absl::OkStatus();
    case pg::CONSTR_CHECK: {
      out->kind = ast::AlterKind::kAddCheck;
      ISO_ASSIGN_OR_RETURN(ast::Check check, CheckOf(state, c));
      out->checks.push_back(std::move(check));
      return absl::OkStatus();
    }
    case pg::CONSTR_FOREIGN: {
      out->kind = ast::AlterKind::kAddForeignKey;
      ISO_ASSIGN_OR_RETURN(out->foreign_key, ForeignKeyOf(c, ""));
      return absl::OkStatus();
    }
    default:
      return Unsupported("this constraint", c.location());
  }
}

absl::Status AddColumn(State* state, const pg::ColumnDef& def, ast::AlterCommand* out) {
  out->kind = ast::AlterKind::kAddColumn;
  out->name = def.colname();
  return ConvertColumn(state, def, &out->added);
}

absl::StatusOr<ast::AlterCommand> SetType(State* state, const pg::AlterTableCmd& cmd,
                                          ast::AlterCommand* out) {
  const pg::ColumnDef& def = cmd.def().column_def();
  out->kind = ast::AlterKind::kSetType;
  pg::ColumnDef alone;
  *alone.mutable_type_name() = def.type_name();
  alone.set_colname(cmd.name());
  if (def.has_coll_clause()) return Unsupported("COLLATE", def.coll_clause().location());
  ISO_RETURN_IF_ERROR(ConvertColumn(state, alone, &out->added));
  if (def.has_raw_default()) {
    ISO_ASSIGN_OR_RETURN(out->default_value, Expression(state, def.raw_default()));
    ISO_ASSIGN_OR_RETURN(out->default_sql, Deparse(def.raw_default()));
  }
  return std::move(*out);
}

// GENERATED ... AS IDENTITY of a column that stands: its sequence is all that it says.
void Identity(const std::string& when, ast::AlterKind kind, ast::AlterCommand* out) {
  out->kind = kind;
  ast::ColumnDef column;
  column.name = out->name;
  (when == "a" ? column.identity_always : column.identity_by_default) = true;
  out->added.columns.push_back(std::move(column));
}

absl::StatusOr<ast::AlterCommand> SetIdentity(const pg::AlterTableCmd& cmd,
                                              ast::AlterCommand* out) {
  const auto& options = cmd.def().list().items();
  if (options.size() != 1 || options[0].def_elem().defname() != "generated") {
    return SqlError(sqlstate::kUnsupported,
                    "ALTER COLUMN ... SET of an identity column's sequence is not supported yet",
                    -1, "ALTER SEQUENCE ... RESTART and setval() set its value.");
  }
  const int32_t when = options[0].def_elem().arg().integer().ival();
  Identity(std::string(1, static_cast<char>(when)), ast::AlterKind::kSetIdentity, out);
  return std::move(*out);
}

absl::StatusOr<ast::AlterCommand> Command(State* state, const pg::AlterTableCmd& cmd) {
  ast::AlterCommand out;
  out.name = cmd.name();
  out.missing_ok = cmd.missing_ok();
  out.cascade = cmd.behavior() == pg::DROP_CASCADE;
  switch (cmd.subtype()) {
    case pg::AT_AddColumn:
      ISO_RETURN_IF_ERROR(AddColumn(state, cmd.def().column_def(), &out));
      return out;
    case pg::AT_DropColumn:
      out.kind = ast::AlterKind::kDropColumn;
      return out;
    case pg::AT_ColumnDefault:
      out.kind = cmd.has_def() ? ast::AlterKind::kSetDefault : ast::AlterKind::kDropDefault;
      if (cmd.has_def()) {
        ISO_ASSIGN_OR_RETURN(out.default_value, Expression(state, cmd.def()));
        ISO_ASSIGN_OR_RETURN(out.default_sql, Deparse(cmd.def()));
      }
      return out;
    case pg::AT_SetNotNull:
      out.kind = ast::AlterKind::kSetNotNull;
      return out;
    case pg::AT_DropNotNull:
      out.kind = ast::AlterKind::kDropNotNull;
      return out;
    case pg::AT_AddConstraint:
      ISO_RETURN_IF_ERROR(AddConstraint(state, cmd.def().constraint(), &out));
      return out;
    case pg::AT_ValidateConstraint:
      out.kind = ast::AlterKind::kValidate;
      return out;
    case pg::AT_DropConstraint:
      out.kind = ast::AlterKind::kDropConstraint;
      return out;
    case pg::AT_ChangeOwner:
      return Unsupported("OWNER TO together with other changes", -1);
    case pg::AT_AddIdentity: {
      const pg::Constraint& c = cmd.def().constraint();
      Identity(c.generated_when(), ast::AlterKind::kAddIdentity, &out);
      ISO_ASSIGN_OR_RETURN(ast::SequenceClause clause, SequenceOptions(c.options()));
      out.added.columns[0].sequence =
          std::make_shared<const ast::SequenceClause>(std::move(clause));
      return out;
    }
    case pg::AT_SetIdentity:
      return SetIdentity(cmd, &out);
    case pg::AT_DropIdentity:
      out.kind = ast::AlterKind::kDropIdentity;
      return out;
    case pg::AT_AlterColumnType:
      return SetType(state, cmd, &out);
    default:
      return Unsupported("this form of ALTER TABLE", -1);
  }
}

}  // namespace

absl::StatusOr<ast::Check> CheckOf(State* state, const pg::Constraint& c) {
  ast::Check check;
  check.name = c.conname();
  check.position = c.location();
  check.validate = !c.skip_validation();
  ISO_ASSIGN_OR_RETURN(check.condition, Expression(state, c.raw_expr()));
  ISO_ASSIGN_OR_RETURN(check.sql, Deparse(c.raw_expr()));
  return check;
}

absl::StatusOr<ast::ForeignKeyConstraint> ForeignKeyOf(const pg::Constraint& c,
                                                       const std::string& column) {
  if (c.fk_del_set_cols_size() > 0) {
    return Unsupported("ON DELETE SET ... of some columns", c.location());
  }
  ast::ForeignKeyConstraint out;
  out.name = c.conname();
  out.position = c.location();
  ISO_ASSIGN_OR_RETURN(out.parent, Table(c.pktable()));
  out.columns = column.empty() ? Strings(c.fk_attrs()) : std::vector<std::string>{column};
  out.parent_columns = Strings(c.pk_attrs());
  out.on_delete = ActionOf(c.fk_del_action());
  out.on_update = ActionOf(c.fk_upd_action());
  out.match_full = c.fk_matchtype() == "f";
  out.validate = !c.skip_validation();
  out.deferrable = c.deferrable();
  out.deferred = c.initdeferred();
  return out;
}

absl::StatusOr<ast::CreateIndex> IndexStatement(State* state, const pg::IndexStmt& stmt) {
  ast::CreateIndex out;
  out.name = stmt.idxname();
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  out.unique = stmt.unique();
  out.if_not_exists = stmt.if_not_exists();
  if (!stmt.access_method().empty() && stmt.access_method() != "btree") {
    return Unsupported(absl::StrCat("access method \"", stmt.access_method(), "\""), -1);
  }
  if (stmt.nulls_not_distinct()) return Unsupported("NULLS NOT DISTINCT", -1);
  ISO_RETURN_IF_ERROR(StorageOptions(stmt.options()));
  for (const pg::Node& node : stmt.index_params()) {
    ISO_ASSIGN_OR_RETURN(ast::IndexElement element, Element(state, node.index_elem()));
    out.columns.push_back(std::move(element));
  }
  ISO_ASSIGN_OR_RETURN(out.include, ColumnNames(stmt.index_including_params()));
  if (stmt.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(out.predicate, Expression(state, stmt.where_clause()));
    ISO_ASSIGN_OR_RETURN(out.predicate_sql, Deparse(stmt.where_clause()));
  }
  return out;
}

absl::StatusOr<ast::DropIndex> DropIndexStatement(const pg::DropStmt& stmt) {
  ast::DropIndex out;
  out.if_exists = stmt.missing_ok();
  for (const pg::Node& node : stmt.objects()) {
    ISO_ASSIGN_OR_RETURN(ast::TableName index, QualifiedName(Strings(node.list().items()), -1));
    out.indexes.push_back(std::move(index));
  }
  return out;
}

absl::StatusOr<ast::AlterTable> AlterStatement(State* state, const pg::AlterTableStmt& stmt) {
  if (stmt.objtype() != pg::OBJECT_TABLE) {
    return Unsupported("altering this kind of object", -1);
  }
  ast::AlterTable out;
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  out.if_exists = stmt.missing_ok();
  for (const pg::Node& node : stmt.cmds()) {
    ISO_ASSIGN_OR_RETURN(ast::AlterCommand command, Command(state, node.alter_table_cmd()));
    out.commands.push_back(std::move(command));
  }
  return out;
}

absl::StatusOr<ast::AlterTable> RenameStatement(const pg::RenameStmt& stmt) {
  ast::AlterTable out;
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  out.if_exists = stmt.missing_ok();
  ast::AlterCommand command;
  command.name = stmt.subname();
  command.new_name = stmt.newname();
  switch (stmt.rename_type()) {
    case pg::OBJECT_TABLE:
      command.kind = ast::AlterKind::kRenameTable;
      break;
    case pg::OBJECT_COLUMN:
      if (stmt.relation_type() != pg::OBJECT_TABLE) {
        return Unsupported("renaming a column of this kind of object", -1);
      }
      command.kind = ast::AlterKind::kRenameColumn;
      break;
    case pg::OBJECT_TABCONSTRAINT:
      command.kind = ast::AlterKind::kRenameConstraint;
      break;
    case pg::OBJECT_INDEX:
      // The relation is the index.
      command.kind = ast::AlterKind::kRenameIndex;
      command.name = out.table.name;
      break;
    default:
      return Unsupported("renaming this kind of object", -1);
  }
  out.commands.push_back(std::move(command));
  return out;
}

}  // namespace isochron::sql::convert
