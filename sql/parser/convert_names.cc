// SPDX-License-Identifier: Apache-2.0
//
// Schemas, and what moves between them.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_names.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

absl::StatusOr<std::string> RoleOf(const pg::RoleSpec& role) {
  switch (role.roletype()) {
    case pg::ROLESPEC_CSTRING:
      return role.rolename();
    case pg::ROLESPEC_PUBLIC:
      return SqlError(sqlstate::kUndefinedObject, "role \"public\" does not exist",
                      role.location());
    default:
      return std::string();
  }
}

absl::StatusOr<ast::NamesStatement> CreateSchema(const pg::CreateSchemaStmt& stmt) {
  if (stmt.schema_elts_size() > 0) {
    return Unsupported("CREATE SCHEMA with the objects to be made in it", -1);
  }
  ast::CreateSchema out;
  out.name = stmt.schemaname();
  out.if_not_exists = stmt.if_not_exists();
  if (stmt.has_authrole()) {
    ISO_ASSIGN_OR_RETURN(out.owner, RoleOf(stmt.authrole()));
  }
  if (absl::StartsWith(out.name, "pg_")) {
    return WithFields(
        SqlError("42939", absl::StrCat("unacceptable schema name \"", out.name, "\"")),
        {"The prefix \"pg_\" is reserved for system schemas."});
  }
  return ast::NamesStatement{std::move(out)};
}

}  // namespace

bool IsNamesNode(const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreateSchemaStmt:
      return true;
    case pg::Node::kDropStmt:
      return node.drop_stmt().remove_type() == pg::OBJECT_SCHEMA;
    case pg::Node::kRenameStmt:
      return node.rename_stmt().rename_type() == pg::OBJECT_SCHEMA;
    case pg::Node::kCommentStmt:
      return node.comment_stmt().objtype() == pg::OBJECT_SCHEMA;
    default:
      return false;
  }
}

absl::StatusOr<ast::ObjectStatement> NamesNode(const pg::Node& node) {
  ast::NamesStatement out;
  if (node.has_create_schema_stmt()) {
    ISO_ASSIGN_OR_RETURN(out, CreateSchema(node.create_schema_stmt()));
  } else if (node.has_drop_stmt()) {
    ast::DropSchema drop;
    for (const pg::Node& name : node.drop_stmt().objects()) {
      drop.names.push_back(name.string().sval());
    }
    drop.if_exists = node.drop_stmt().missing_ok();
    drop.cascade = node.drop_stmt().behavior() == pg::DROP_CASCADE;
    out.node = std::move(drop);
  } else if (node.has_rename_stmt()) {
    out.node = ast::RenameSchema{node.rename_stmt().subname(), node.rename_stmt().newname()};
  } else {
    ast::CommentOnSchema comment;
    comment.name = node.comment_stmt().object().string().sval();
    if (!node.comment_stmt().comment().empty()) comment.text = node.comment_stmt().comment();
    out.node = std::move(comment);
  }
  return ast::ObjectStatement{std::make_shared<const ast::NamesStatement>(std::move(out))};
}

absl::StatusOr<ast::AlterTable> SetSchemaStatement(const pg::AlterObjectSchemaStmt& stmt) {
  if (stmt.object_type() != pg::OBJECT_TABLE && stmt.object_type() != pg::OBJECT_VIEW &&
      stmt.object_type() != pg::OBJECT_SEQUENCE) {
    return Unsupported("SET SCHEMA of this kind of object", -1);
  }
  ast::AlterTable out;
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  out.if_exists = stmt.missing_ok();
  ast::AlterCommand command;
  command.kind = ast::AlterKind::kSetSchema;
  command.new_name = stmt.newschema();
  command.name = stmt.object_type() == pg::OBJECT_VIEW       ? "ALTER VIEW"
                 : stmt.object_type() == pg::OBJECT_SEQUENCE ? "ALTER SEQUENCE"
                                                             : "ALTER TABLE";
  out.commands.push_back(std::move(command));
  return out;
}

}  // namespace isochron::sql::convert
