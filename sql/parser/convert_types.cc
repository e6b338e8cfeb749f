// SPDX-License-Identifier: Apache-2.0
//
// Types that users make.
#include "common/status_macros.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_types.h"
#include "sql/parser/convert.h"

namespace isochron::sql::convert {
namespace {

using Names = google::protobuf::RepeatedPtrField<pg::Node>;

absl::StatusOr<ast::TableName> NameOf(const Names& parts) {
  return QualifiedName(Strings(parts), -1);
}

absl::StatusOr<ast::DropType> Drop(const pg::DropStmt& stmt) {
  ast::DropType out;
  out.if_exists = stmt.missing_ok();
  out.cascade = stmt.behavior() == pg::DROP_CASCADE;
  for (const pg::Node& object : stmt.objects()) {
    ISO_ASSIGN_OR_RETURN(ast::TableName name, NameOf(object.type_name().names()));
    name.position = object.type_name().location();
    out.names.push_back(std::move(name));
  }
  return out;
}

absl::StatusOr<ast::AlterEnum> Alter(const pg::AlterEnumStmt& stmt) {
  ast::AlterEnum out;
  ISO_ASSIGN_OR_RETURN(out.name, NameOf(stmt.type_name()));
  if (!stmt.old_val().empty()) {
    out.kind = ast::AlterEnumKind::kRenameValue;
    out.label = stmt.old_val();
    out.new_name = stmt.new_val();
    return out;
  }
  out.label = stmt.new_val();
  out.neighbour = stmt.new_val_neighbor();
  out.after = stmt.new_val_is_after();
  out.if_not_exists = stmt.skip_if_new_val_exists();
  return out;
}

absl::StatusOr<ast::TypeStatement> Statement(const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreateEnumStmt: {
      ast::CreateEnum out;
      ISO_ASSIGN_OR_RETURN(out.name, NameOf(node.create_enum_stmt().type_name()));
      out.labels = Strings(node.create_enum_stmt().vals());
      return ast::TypeStatement{std::move(out)};
    }
    case pg::Node::kAlterEnumStmt: {
      ISO_ASSIGN_OR_RETURN(ast::AlterEnum out, Alter(node.alter_enum_stmt()));
      return ast::TypeStatement{std::move(out)};
    }
    case pg::Node::kDropStmt: {
      ISO_ASSIGN_OR_RETURN(ast::DropType out, Drop(node.drop_stmt()));
      return ast::TypeStatement{std::move(out)};
    }
    case pg::Node::kRenameStmt: {
      ast::AlterEnum out;
      out.kind = ast::AlterEnumKind::kRename;
      ISO_ASSIGN_OR_RETURN(out.name, NameOf(node.rename_stmt().object().list().items()));
      out.new_name = node.rename_stmt().newname();
      return ast::TypeStatement{std::move(out)};
    }
    case pg::Node::kAlterObjectSchemaStmt: {
      ast::AlterEnum out;
      out.kind = ast::AlterEnumKind::kSetSchema;
      ISO_ASSIGN_OR_RETURN(out.name,
                           NameOf(node.alter_object_schema_stmt().object().list().items()));
      out.new_name = node.alter_object_schema_stmt().newschema();
      return ast::TypeStatement{std::move(out)};
    }
    default: {
      const pg::CommentStmt& stmt = node.comment_stmt();
      ast::CommentOnType out;
      ISO_ASSIGN_OR_RETURN(out.name, NameOf(stmt.object().type_name().names()));
      if (!stmt.comment().empty()) out.text = stmt.comment();
      return ast::TypeStatement{std::move(out)};
    }
  }
}

}  // namespace

bool IsTypeNode(const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreateEnumStmt:
    case pg::Node::kAlterEnumStmt:
      return true;
    case pg::Node::kDropStmt:
      return node.drop_stmt().remove_type() == pg::OBJECT_TYPE;
    case pg::Node::kRenameStmt:
      return node.rename_stmt().rename_type() == pg::OBJECT_TYPE;
    case pg::Node::kAlterObjectSchemaStmt:
      return node.alter_object_schema_stmt().object_type() == pg::OBJECT_TYPE;
    case pg::Node::kCommentStmt:
      return node.comment_stmt().objtype() == pg::OBJECT_TYPE;
    default:
      return false;
  }
}

absl::StatusOr<ast::ObjectStatement> TypeNode(const pg::Node& node) {
  ISO_ASSIGN_OR_RETURN(ast::TypeStatement out, Statement(node));
  return ast::ObjectStatement{std::make_shared<const ast::TypeStatement>(std::move(out))};
}

}  // namespace isochron::sql::convert
