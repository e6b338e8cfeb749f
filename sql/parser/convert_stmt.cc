// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql::convert {
namespace {

absl::Status ConvertOnConflict(State* state, const pg::OnConflictClause& clause, ast::Insert* out) {
  ast::OnConflict conflict;
  conflict.position = clause.location();
  conflict.update = clause.action() == pg::ONCONFLICT_UPDATE;
  if (clause.has_infer()) {
    if (clause.infer().has_where_clause()) {
      ISO_ASSIGN_OR_RETURN(conflict.predicate, Expression(state, clause.infer().where_clause()));
    }
    conflict.constraint = clause.infer().conname();
    for (const pg::Node& node : clause.infer().index_elems()) {
      if (!node.index_elem().has_expr()) {
        conflict.columns.push_back(node.index_elem().name());
        continue;
      }
      ISO_ASSIGN_OR_RETURN(ast::ExprPtr e, Expression(state, node.index_elem().expr()));
      if (e->kind == ast::ExprKind::kColumn && e->names.size() == 1) {
        conflict.columns.push_back(e->names[0]);
      } else {
        conflict.expressions.push_back(std::move(e));
      }
    }
  }
  ISO_ASSIGN_OR_RETURN(conflict.set, Assignments(state, clause.target_list()));
  if (clause.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(conflict.where, Expression(state, clause.where_clause()));
  }
  out->on_conflict = std::move(conflict);
  return absl::OkStatus();
}

absl::StatusOr<ast::Insert> InsertStatement(State* state, const pg::InsertStmt& stmt) {
  ast::Insert out;
  if (stmt.has_with_clause()) {
    ISO_ASSIGN_OR_RETURN(out.ctes, With(state, stmt.with_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  for (const pg::Node& node : stmt.cols()) {
    out.columns.emplace_back(node.res_target().name(), node.res_target().location());
  }
  if (stmt.has_select_stmt()) {
    ISO_ASSIGN_OR_RETURN(ast::Select source,
                         SelectStatement(state, stmt.select_stmt().select_stmt()));
    out.source = std::make_unique<ast::Select>(std::move(source));
  }
  if (stmt.override() == pg::OVERRIDING_SYSTEM_VALUE) {
    out.overriding = ast::Insert::Overriding::kSystem;
  } else if (stmt.override() == pg::OVERRIDING_USER_VALUE) {
    out.overriding = ast::Insert::Overriding::kUser;
  }
  if (stmt.has_on_conflict_clause()) {
    ISO_RETURN_IF_ERROR(ConvertOnConflict(state, stmt.on_conflict_clause(), &out));
  }
  ISO_ASSIGN_OR_RETURN(out.returning, SelectItems(state, stmt.returning_list()));
  return out;
}

absl::StatusOr<ast::Update> UpdateStatement(State* state, const pg::UpdateStmt& stmt) {
  ast::Update out;
  if (stmt.has_with_clause()) {
    ISO_ASSIGN_OR_RETURN(out.ctes, With(state, stmt.with_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  ISO_ASSIGN_OR_RETURN(out.set, Assignments(state, stmt.target_list()));
  for (const pg::Node& node : stmt.from_clause()) {
    ISO_ASSIGN_OR_RETURN(ast::FromItem item, From(state, node));
    out.from.push_back(std::move(item));
  }
  if (stmt.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(out.where, Expression(state, stmt.where_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.returning, SelectItems(state, stmt.returning_list()));
  return out;
}

absl::StatusOr<ast::Delete> DeleteStatement(State* state, const pg::DeleteStmt& stmt) {
  ast::Delete out;
  if (stmt.has_with_clause()) {
    ISO_ASSIGN_OR_RETURN(out.ctes, With(state, stmt.with_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  for (const pg::Node& node : stmt.using_clause()) {
    ISO_ASSIGN_OR_RETURN(ast::FromItem item, From(state, node));
    out.from.push_back(std::move(item));
  }
  if (stmt.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(out.where, Expression(state, stmt.where_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.returning, SelectItems(state, stmt.returning_list()));
  return out;
}

absl::StatusOr<ast::DropTable> DropStatement(const pg::DropStmt& stmt) {
  if (stmt.remove_type() != pg::OBJECT_TABLE)
    return Unsupported("dropping this kind of object", -1);
  ast::DropTable out;
  out.if_exists = stmt.missing_ok();
  out.cascade = stmt.behavior() == pg::DROP_CASCADE;
  for (const pg::Node& node : stmt.objects()) {
    ISO_ASSIGN_OR_RETURN(ast::TableName table, QualifiedName(Strings(node.list().items()), -1));
    out.tables.push_back(std::move(table));
  }
  return out;
}

// READ ONLY and ISOLATION LEVEL. Every level runs as serializable (interfaces.md).
absl::Status TransactionModes(const google::protobuf::RepeatedPtrField<pg::Node>& options,
                              std::optional<bool>* read_only) {
  for (const pg::Node& node : options) {
    const pg::DefElem& option = node.def_elem();
    if (option.defname() == "transaction_read_only") {
      *read_only = option.arg().a_const().ival().ival() != 0;
    } else if (option.defname() == "transaction_deferrable") {
      continue;
    } else if (option.defname() != "transaction_isolation") {
      return Unsupported(absl::StrCat("the transaction mode ", option.defname()),
                         option.location());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ast::Transaction> TransactionStatement(const pg::TransactionStmt& stmt) {
  ast::Transaction out;
  if (stmt.chain()) return Unsupported("AND CHAIN", -1);
  switch (stmt.kind()) {
    case pg::TRANS_STMT_BEGIN:
    case pg::TRANS_STMT_START:
      out.verb = ast::TxnVerb::kBegin;
      break;
    case pg::TRANS_STMT_COMMIT:
      out.verb = ast::TxnVerb::kCommit;
      break;
    case pg::TRANS_STMT_ROLLBACK:
      out.verb = ast::TxnVerb::kRollback;
      break;
    case pg::TRANS_STMT_SAVEPOINT:
      out.verb = ast::TxnVerb::kSavepoint;
      break;
    case pg::TRANS_STMT_RELEASE:
      out.verb = ast::TxnVerb::kRelease;
      break;
    case pg::TRANS_STMT_ROLLBACK_TO:
      out.verb = ast::TxnVerb::kRollbackTo;
      break;
    default:
      return Unsupported("PREPARE TRANSACTION", -1);
  }
  out.savepoint = stmt.savepoint_name();
  ISO_RETURN_IF_ERROR(TransactionModes(stmt.options(), &out.read_only));
  return out;
}

absl::StatusOr<std::string> SettingValue(const pg::VariableSetStmt& stmt) {
  std::vector<std::string> words;
  for (const pg::Node& node : stmt.args()) {
    const pg::Node& value = node.has_type_cast() ? node.type_cast().arg() : node;
    if (!value.has_a_const()) return Unsupported("this value of a setting", -1);
    const pg::A_Const& c = value.a_const();
    switch (c.val_case()) {
      case pg::A_Const::kIval:
        words.push_back(absl::StrCat(c.ival().ival()));
        break;
      case pg::A_Const::kFval:
        words.push_back(c.fval().fval());
        break;
      case pg::A_Const::kBoolval:
        words.push_back(c.boolval().boolval() ? "on" : "off");
        break;
      default:
        words.push_back(c.sval().sval());
    }
    // Each is a name.
    if (absl::EqualsIgnoreCase(stmt.name(), "search_path")) {
      words.back() = QuoteIfNeeded(words.back());
    }
    // An interval for a time zone: east of UTC, where a text of the same form would be west.
    if (node.has_type_cast()) words.back().insert(0, "interval ");
  }
  std::string out;
  for (const std::string& w : words) absl::StrAppend(&out, out.empty() ? "" : ", ", w);
  return out;
}

absl::StatusOr<ast::Set> SetStatement(const pg::VariableSetStmt& stmt) {
  ast::Set out;
  out.name = absl::AsciiStrToLower(stmt.name());
  out.is_local = stmt.is_local();
  switch (stmt.kind()) {
    case pg::VAR_SET_VALUE: {
      ISO_ASSIGN_OR_RETURN(out.value, SettingValue(stmt));
      return out;
    }
    case pg::VAR_SET_MULTI: {
      if (out.name != "transaction" && out.name != "session characteristics") {
        return Unsupported(absl::StrCat("SET ", stmt.name()), -1);
      }
      out.is_transaction = true;
      ISO_RETURN_IF_ERROR(TransactionModes(stmt.args(), &out.read_only));
      return out;
    }
    case pg::VAR_RESET_ALL:
      out.reset_all = true;
      return out;
    case pg::VAR_SET_DEFAULT:
    case pg::VAR_RESET:
      return out;
    default:
      return Unsupported("SET ... FROM CURRENT", -1);
  }
}

absl::StatusOr<bool> OnOff(const pg::DefElem& option) {
  if (!option.has_arg()) return true;
  const pg::Node& arg = option.arg();
  if (arg.has_integer()) return arg.integer().ival() != 0;
  const std::string text = absl::AsciiStrToLower(
      arg.has_boolean() ? (arg.boolean().boolval() ? "on" : "off") : arg.string().sval());
  if (text == "on" || text == "true") return true;
  if (text == "off" || text == "false") return false;
  return SqlError(sqlstate::kSyntaxError,
                  absl::StrCat(option.defname(), " requires a Boolean value"), option.location());
}

absl::Status ExplainOption(const pg::DefElem& option, ast::Explain* out) {
  const std::string& name = option.defname();
  if (name == "format") {
    const std::string format = absl::AsciiStrToLower(option.arg().string().sval());
    out->json = format == "json";
    if (format == "json" || format == "text") return absl::OkStatus();
    if (format == "xml" || format == "yaml") {
      return Unsupported(absl::StrCat("EXPLAIN (FORMAT ", format, ")"), option.location());
    }
    return SqlError(
        sqlstate::kInvalidParameter,
        absl::StrCat("unrecognized value for EXPLAIN option \"format\": \"", format, "\""),
        option.location());
  }
  ISO_ASSIGN_OR_RETURN(const bool on, OnOff(option));
  if (name == "analyze") {
    out->analyze = on;
  } else if (name == "timing") {
    out->timing = on;
  } else if (name == "summary") {
    out->summary = on;
  } else if (name != "verbose" && name != "costs" && name != "buffers" && name != "settings" &&
             name != "wal") {
    return SqlError(sqlstate::kSyntaxError,
                    absl::StrCat("unrecognized EXPLAIN option \"", name, "\""), option.location());
  }
  return absl::OkStatus();
}

absl::Status ExplainStatement(State* state, const pg::ExplainStmt& stmt, ast::Statement* out) {
  ast::Explain explain;
  for (const pg::Node& node : stmt.options()) {
    ISO_RETURN_IF_ERROR(ExplainOption(node.def_elem(), &explain));
  }
  explain.statement = std::make_unique<ast::Statement>();
  ISO_RETURN_IF_ERROR(StatementNode(state, stmt.query(), explain.statement.get()));
  out->node = std::move(explain);
  return absl::OkStatus();
}

}  // namespace

absl::Status StatementNode(State* state, const pg::Node& node, ast::Statement* out) {
  if (IsNamesNode(node)) {
    ISO_ASSIGN_OR_RETURN(ast::ObjectStatement names, NamesNode(node));
    out->node = std::make_shared<ast::ObjectStatement>(std::move(names));
    return absl::OkStatus();
  }
  if (IsRoleNode(node)) {
    ISO_ASSIGN_OR_RETURN(ast::ObjectStatement role, RoleNode(node));
    out->node = std::make_shared<ast::ObjectStatement>(std::move(role));
    return absl::OkStatus();
  }
  if (IsDatabaseNode(node)) {
    ISO_ASSIGN_OR_RETURN(ast::ObjectStatement database, DatabaseNode(node));
    out->node = std::make_shared<ast::ObjectStatement>(std::move(database));
    return absl::OkStatus();
  }
  if (IsTypeNode(node)) {
    ISO_ASSIGN_OR_RETURN(ast::ObjectStatement type, TypeNode(node));
    out->node = std::make_shared<ast::ObjectStatement>(std::move(type));
    return absl::OkStatus();
  }
  switch (node.node_case()) {
    case pg::Node::kSelectStmt: {
      if (node.select_stmt().has_into_clause()) {
        ISO_ASSIGN_OR_RETURN(ast::ObjectStatement into, SelectInto(state, node.select_stmt()));
        out->node = std::make_shared<ast::ObjectStatement>(std::move(into));
        return absl::OkStatus();
      }
      ISO_ASSIGN_OR_RETURN(out->node, SelectStatement(state, node.select_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kInsertStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, InsertStatement(state, node.insert_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kUpdateStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, UpdateStatement(state, node.update_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kDeleteStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, DeleteStatement(state, node.delete_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kMergeStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, MergeStatement(state, node.merge_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kCreateStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, CreateStatement(state, node.create_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kDropStmt: {
      const pg::ObjectType type = node.drop_stmt().remove_type();
      if (type == pg::OBJECT_SEQUENCE || type == pg::OBJECT_VIEW) {
        ISO_ASSIGN_OR_RETURN(ast::ObjectStatement drop, DropObjects(node.drop_stmt()));
        out->node = std::make_shared<ast::ObjectStatement>(std::move(drop));
        return absl::OkStatus();
      }
      if (type == pg::OBJECT_INDEX) {
        ISO_ASSIGN_OR_RETURN(out->node, DropIndexStatement(node.drop_stmt()));
        return absl::OkStatus();
      }
      ISO_ASSIGN_OR_RETURN(out->node, DropStatement(node.drop_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kTransactionStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, TransactionStatement(node.transaction_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kVariableSetStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, SetStatement(node.variable_set_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kAlterDatabaseSetStmt: {
      const pg::AlterDatabaseSetStmt& alter = node.alter_database_set_stmt();
      ISO_ASSIGN_OR_RETURN(ast::Set set, SetStatement(alter.setstmt()));
      set.database = alter.dbname();
      out->node = std::move(set);
      return absl::OkStatus();
    }
    case pg::Node::kVariableShowStmt: {
      ast::Show show;
      show.name = absl::AsciiStrToLower(node.variable_show_stmt().name());
      out->node = std::move(show);
      return absl::OkStatus();
    }
    case pg::Node::kExplainStmt:
      return ExplainStatement(state, node.explain_stmt(), out);
    case pg::Node::kAlterTableStmt: {
      if (ChangesOwner(node.alter_table_stmt())) {
        ISO_ASSIGN_OR_RETURN(ast::ObjectStatement owner, OwnerStatement(node.alter_table_stmt()));
        out->node = std::make_shared<ast::ObjectStatement>(std::move(owner));
        return absl::OkStatus();
      }
      ISO_ASSIGN_OR_RETURN(out->node, AlterStatement(state, node.alter_table_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kAlterObjectSchemaStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, SetSchemaStatement(node.alter_object_schema_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kRenameStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, RenameStatement(node.rename_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kIndexStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, IndexStatement(state, node.index_stmt()));
      return absl::OkStatus();
    }
    case pg::Node::kCopyStmt: {
      ISO_ASSIGN_OR_RETURN(out->node, CopyStatement(state, node.copy_stmt()));
      return absl::OkStatus();
    }
    default: {
      ISO_ASSIGN_OR_RETURN(ast::ObjectStatement object, ObjectNode(state, node));
      out->node = std::make_shared<ast::ObjectStatement>(std::move(object));
      return absl::OkStatus();
    }
  }
}

}  // namespace isochron::sql::convert
