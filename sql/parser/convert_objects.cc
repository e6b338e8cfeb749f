// SPDX-License-Identifier: Apache-2.0
//
// Sequences, views, comments, and small statements that drivers and pg_dump send.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// The word that stands for BIT_REVERSED_POSITIVE (parser.cc).
constexpr char kBitReversed[] = "bit_rev";

absl::StatusOr<int64_t> Number(const pg::DefElem& option) {
  const pg::Node& arg = option.arg();
  if (arg.has_integer()) return arg.integer().ival();
  int64_t v;
  if (arg.has_float_() && absl::SimpleAtoi(arg.float_().fval(), &v)) return v;
  return SqlError(
      sqlstate::kValueOutOfRange,
      absl::StrCat("value \"", arg.float_().fval(), "\" is out of range for type bigint"),
      option.location());
}

absl::Status SetNumber(const pg::DefElem& option, std::optional<int64_t>* to) {
  ISO_ASSIGN_OR_RETURN(*to, Number(option));
  return absl::OkStatus();
}

absl::Status SequenceOption(const pg::DefElem& option, ast::SequenceClause* out) {
  const std::string& name = option.defname();
  if (name == "as") {
    ISO_ASSIGN_OR_RETURN(ast::TypeName type, TypeNameOf(option.arg().type_name()));
    out->type = std::move(type.name);
    return absl::OkStatus();
  }
  if (name == "start") return SetNumber(option, &out->start);
  if (name == "increment") return SetNumber(option, &out->increment);
  if (name == "cache") return SetNumber(option, &out->cache);
  if (name == "minvalue") {
    out->no_min = !option.has_arg();
    return option.has_arg() ? SetNumber(option, &out->min) : absl::OkStatus();
  }
  if (name == "maxvalue") {
    out->no_max = !option.has_arg();
    return option.has_arg() ? SetNumber(option, &out->max) : absl::OkStatus();
  }
  if (name == "cycle") {
    out->cycle = option.arg().boolean().boolval();
    return absl::OkStatus();
  }
  if (name == "restart") {
    out->restart = true;
    return option.has_arg() ? SetNumber(option, &out->restart_with) : absl::OkStatus();
  }
  if (name == "owned_by") {
    out->owned = true;
    out->owner = Strings(option.arg().list().items());
    if (out->owner.size() == 1 && out->owner[0] == "none") out->owner.clear();
    return absl::OkStatus();
  }
  if (name == "sequence_name") {
    const std::vector<std::string> names = Strings(option.arg().list().items());
    if (names.size() == 1 && names[0] == kBitReversed) {
      out->bit_reversed = true;
    } else {
      out->name = names.empty() ? "" : names.back();
    }
    return absl::OkStatus();
  }
  return Unsupported(absl::StrCat("the option ", name, " of a sequence"), option.location());
}

absl::StatusOr<ast::TableName> NameOf(const google::protobuf::RepeatedPtrField<pg::Node>& nodes,
                                      int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(nodes[i].string().sval());
  return QualifiedName(names, -1);
}

absl::StatusOr<ast::CreateView> View(State* state, const pg::ViewStmt& stmt) {
  if (stmt.view().relpersistence() != "p") return Unsupported("a temporary view", -1);
  if (stmt.options_size() > 0) return Unsupported("WITH (...) of a view", -1);
  if (stmt.with_check_option() == pg::LOCAL_CHECK_OPTION ||
      stmt.with_check_option() == pg::CASCADED_CHECK_OPTION) {
    return Unsupported("WITH CHECK OPTION", -1);
  }
  ast::CreateView out;
  ISO_ASSIGN_OR_RETURN(out.name, Table(stmt.view()));
  out.replace = stmt.replace();
  out.columns = Strings(stmt.aliases());
  ISO_ASSIGN_OR_RETURN(out.query, SelectStatement(state, stmt.query().select_stmt()));
  ISO_ASSIGN_OR_RETURN(out.sql, DeparseQuery(stmt.query()));
  return out;
}

absl::StatusOr<ast::CreateTableAs> TableAs(State* state, const pg::Node& query,
                                           const pg::IntoClause& into) {
  if (into.rel().relpersistence() != "p") {
    return SqlError(sqlstate::kUnsupported, "temporary tables are not supported", -1,
                    "Make a table under a name of its own, and drop it.");
  }
  ast::CreateTableAs out;
  ISO_ASSIGN_OR_RETURN(out.name, Table(into.rel()));
  out.columns = Strings(into.col_names());
  out.with_data = !into.skip_data();
  // For the errors, with positions in the statement.
  ISO_ASSIGN_OR_RETURN(const ast::Select unused, SelectStatement(state, query.select_stmt()));
  (void)unused;
  ISO_ASSIGN_OR_RETURN(out.sql, DeparseQuery(query));
  return out;
}

absl::StatusOr<std::vector<ast::TableName>> Relations(
    const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<ast::TableName> out;
  for (const pg::Node& node : nodes) {
    ISO_ASSIGN_OR_RETURN(ast::TableName name, Table(node.range_var()));
    out.push_back(std::move(name));
  }
  return out;
}

absl::StatusOr<ast::Comment> CommentOn(const pg::CommentStmt& stmt) {
  ast::Comment out;
  if (!stmt.comment().empty()) out.text = stmt.comment();
  const auto& names = stmt.object().list().items();
  switch (stmt.objtype()) {
    case pg::OBJECT_TABLE:
    case pg::OBJECT_VIEW:
    case pg::OBJECT_SEQUENCE: {
      out.kind = stmt.objtype() == pg::OBJECT_TABLE  ? ast::ObjectKind::kTable
                 : stmt.objtype() == pg::OBJECT_VIEW ? ast::ObjectKind::kView
                                                     : ast::ObjectKind::kSequence;
      ISO_ASSIGN_OR_RETURN(out.relation, NameOf(names, names.size()));
      return out;
    }
    case pg::OBJECT_COLUMN:
    case pg::OBJECT_TABCONSTRAINT: {
      out.kind = stmt.objtype() == pg::OBJECT_COLUMN ? ast::ObjectKind::kColumn
                                                     : ast::ObjectKind::kConstraint;
      if (names.size() < 2) {
        return SqlError(sqlstate::kSyntaxError, "column name must be qualified");
      }
      ISO_ASSIGN_OR_RETURN(out.relation, NameOf(names, names.size() - 1));
      out.part = names[names.size() - 1].string().sval();
      return out;
    }
    case pg::OBJECT_INDEX: {
      out.kind = ast::ObjectKind::kIndex;
      ISO_ASSIGN_OR_RETURN(out.relation, NameOf(names, names.size()));
      return out;
    }
    default:
      return Unsupported("COMMENT ON this kind of object", -1);
  }
}

absl::Status NoNotifications(absl::string_view verb) {
  return SqlError(sqlstate::kUnsupported, absl::StrCat(verb, " is not supported"), -1,
                  "Nodes pass no notifications on: keep events in a table and read it, by its "
                  "commit timestamps.");
}

}  // namespace

absl::StatusOr<ast::SequenceClause> SequenceOptions(
    const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  ast::SequenceClause out;
  std::vector<std::string> seen;
  for (const pg::Node& node : nodes) {
    const pg::DefElem& option = node.def_elem();
    for (const std::string& name : seen) {
      if (name == option.defname() && name != "sequence_name") {
        return SqlError(sqlstate::kSyntaxError, "conflicting or redundant options",
                        option.location());
      }
    }
    seen.push_back(option.defname());
    ISO_RETURN_IF_ERROR(SequenceOption(option, &out));
  }
  return out;
}

absl::StatusOr<ast::ObjectStatement> DropObjects(const pg::DropStmt& stmt) {
  ast::DropObjects out;
  out.kind =
      stmt.remove_type() == pg::OBJECT_VIEW ? ast::ObjectKind::kView : ast::ObjectKind::kSequence;
  out.if_exists = stmt.missing_ok();
  out.cascade = stmt.behavior() == pg::DROP_CASCADE;
  for (const pg::Node& node : stmt.objects()) {
    ISO_ASSIGN_OR_RETURN(ast::TableName name,
                         NameOf(node.list().items(), node.list().items_size()));
    out.names.push_back(std::move(name));
  }
  return ast::ObjectStatement{std::move(out)};
}

absl::StatusOr<ast::ObjectStatement> SelectInto(State* state, const pg::SelectStmt& stmt) {
  pg::Node query;
  *query.mutable_select_stmt() = stmt;
  query.mutable_select_stmt()->clear_into_clause();
  ISO_ASSIGN_OR_RETURN(ast::CreateTableAs as, TableAs(state, query, stmt.into_clause()));
  return ast::ObjectStatement{std::move(as)};
}

absl::StatusOr<ast::ObjectStatement> ObjectNode(State* state, const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreateTableAsStmt: {
      const pg::CreateTableAsStmt& stmt = node.create_table_as_stmt();
      if (stmt.objtype() != pg::OBJECT_TABLE) return Unsupported("a materialized view", -1);
      if (!stmt.query().has_select_stmt()) return Unsupported("CREATE TABLE AS EXECUTE", -1);
      ISO_ASSIGN_OR_RETURN(ast::CreateTableAs as, TableAs(state, stmt.query(), stmt.into()));
      as.if_not_exists = stmt.if_not_exists();
      return ast::ObjectStatement{std::move(as)};
    }
    case pg::Node::kCreateSeqStmt: {
      const pg::CreateSeqStmt& stmt = node.create_seq_stmt();
      if (stmt.sequence().relpersistence() != "p") return Unsupported("a temporary sequence", -1);
      ast::CreateSequence out;
      ISO_ASSIGN_OR_RETURN(out.name, Table(stmt.sequence()));
      out.if_not_exists = stmt.if_not_exists();
      ISO_ASSIGN_OR_RETURN(out.options, SequenceOptions(stmt.options()));
      return ast::ObjectStatement{std::move(out)};
    }
    case pg::Node::kAlterSeqStmt: {
      const pg::AlterSeqStmt& stmt = node.alter_seq_stmt();
      ast::AlterSequence out;
      ISO_ASSIGN_OR_RETURN(out.name, Table(stmt.sequence()));
      out.if_exists = stmt.missing_ok();
      ISO_ASSIGN_OR_RETURN(out.options, SequenceOptions(stmt.options()));
      return ast::ObjectStatement{std::move(out)};
    }
    case pg::Node::kViewStmt: {
      ISO_ASSIGN_OR_RETURN(ast::CreateView view, View(state, node.view_stmt()));
      return ast::ObjectStatement{std::move(view)};
    }
    case pg::Node::kTruncateStmt: {
      ast::Truncate out;
      ISO_ASSIGN_OR_RETURN(out.tables, Relations(node.truncate_stmt().relations()));
      out.restart_identity = node.truncate_stmt().restart_seqs();
      out.cascade = node.truncate_stmt().behavior() == pg::DROP_CASCADE;
      return ast::ObjectStatement{std::move(out)};
    }
    case pg::Node::kCommentStmt: {
      ISO_ASSIGN_OR_RETURN(ast::Comment comment, CommentOn(node.comment_stmt()));
      return ast::ObjectStatement{std::move(comment)};
    }
    case pg::Node::kDiscardStmt: {
      ast::Discard out;
      const pg::DiscardMode mode = node.discard_stmt().target();
      out.kind = mode == pg::DISCARD_PLANS       ? ast::DiscardKind::kPlans
                 : mode == pg::DISCARD_SEQUENCES ? ast::DiscardKind::kSequences
                 : mode == pg::DISCARD_TEMP      ? ast::DiscardKind::kTemp
                                                 : ast::DiscardKind::kAll;
      return ast::ObjectStatement{out};
    }
    case pg::Node::kLockStmt: {
      ast::LockTable out;
      ISO_ASSIGN_OR_RETURN(out.tables, Relations(node.lock_stmt().relations()));
      return ast::ObjectStatement{std::move(out)};
    }
    case pg::Node::kVacuumStmt: {
      ast::Maintain out;
      out.tag = node.vacuum_stmt().is_vacuumcmd() ? "VACUUM" : "ANALYZE";
      for (const pg::Node& relation : node.vacuum_stmt().rels()) {
        ISO_ASSIGN_OR_RETURN(ast::TableName name, Table(relation.vacuum_relation().relation()));
        out.tables.push_back(std::move(name));
      }
      return ast::ObjectStatement{std::move(out)};
    }
    case pg::Node::kConstraintsSetStmt: {
      ast::SetConstraints set;
      set.deferred = node.constraints_set_stmt().deferred();
      ISO_ASSIGN_OR_RETURN(set.names, Relations(node.constraints_set_stmt().constraints()));
      return ast::ObjectStatement{ast::Accepted{"SET CONSTRAINTS", std::move(set)}};
    }
    case pg::Node::kUnlistenStmt:
      // There is nothing to stop; connection pools send it.
      return ast::ObjectStatement{ast::Accepted{"UNLISTEN"}};
    case pg::Node::kCheckPointStmt:
      return ast::ObjectStatement{ast::Accepted{ast::kCheckpoint}};
    case pg::Node::kListenStmt:
      return NoNotifications("LISTEN");
    case pg::Node::kNotifyStmt:
      return NoNotifications("NOTIFY");
    default:
      if (IsSessionNode(node)) return SessionNode(state, node);
      return Unsupported("this statement", -1);
  }
}

}  // namespace isochron::sql::convert
