// SPDX-License-Identifier: Apache-2.0
//
// Roles, and what they own and may do.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_roles.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<pg::Node>;

ast::RoleSpec Spec(const pg::RoleSpec& role) {
  ast::RoleSpec out;
  out.position = role.location();
  switch (role.roletype()) {
    case pg::ROLESPEC_CURRENT_USER:
    case pg::ROLESPEC_CURRENT_ROLE:
      out.kind = ast::RoleSpec::Kind::kCurrent;
      break;
    case pg::ROLESPEC_SESSION_USER:
      out.kind = ast::RoleSpec::Kind::kSession;
      break;
    case pg::ROLESPEC_PUBLIC:
      out.kind = ast::RoleSpec::Kind::kPublic;
      break;
    default:
      out.name = role.rolename();
  }
  return out;
}

std::vector<ast::RoleSpec> Specs(const Nodes& nodes) {
  std::vector<ast::RoleSpec> out;
  for (const pg::Node& node : nodes) out.push_back(Spec(node.role_spec()));
  return out;
}

absl::Status CheckName(const std::string& name) {
  if (absl::StartsWith(name, "pg_")) {
    return WithFields(SqlError("42939", absl::StrCat("role name \"", name, "\" is reserved")),
                      {"Role names starting with \"pg_\" are reserved."});
  }
  if (name == "public" || name == "none") {
    return SqlError("42939", absl::StrCat("role name \"", name, "\" is reserved"));
  }
  return absl::OkStatus();
}

absl::Status Option(const pg::DefElem& option, ast::RoleOptions* out) {
  const std::string& name = option.defname();
  const pg::Node& arg = option.arg();
  const auto flag = [&arg] { return arg.has_boolean() && arg.boolean().boolval(); };
  if (name == "superuser") {
    out->superuser = flag();
  } else if (name == "createrole") {
    out->create_role = flag();
  } else if (name == "createdb") {
    out->create_db = flag();
  } else if (name == "inherit") {
    out->inherit = flag();
  } else if (name == "canlogin") {
    out->login = flag();
  } else if (name == "password") {
    out->says_password = true;
    if (option.has_arg()) out->password = arg.string().sval();
  } else if (name == "validUntil") {
    out->valid_until = arg.string().sval();
  } else if (name == "addroleto") {
    out->in_roles = Specs(arg.list().items());
  } else if (name == "rolemembers") {
    out->members = Specs(arg.list().items());
  } else if (name == "adminmembers") {
    out->admins = Specs(arg.list().items());
  } else if ((name == "isreplication" || name == "bypassrls") && !flag()) {
    return absl::OkStatus();
  } else if (name == "connectionlimit") {
    if (arg.integer().ival() != -1) return Unsupported("CONNECTION LIMIT of a role", -1);
  } else if (name == "sysid") {
    return absl::OkStatus();
  } else {
    return Unsupported(absl::StrCat("the option ", name, " of a role"), option.location());
  }
  return absl::OkStatus();
}

absl::StatusOr<ast::RoleOptions> Options(const Nodes& nodes) {
  ast::RoleOptions out;
  std::vector<std::string> seen;
  for (const pg::Node& node : nodes) {
    const std::string& name = node.def_elem().defname();
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return SqlError(sqlstate::kSyntaxError, "conflicting or redundant options",
                      node.def_elem().location());
    }
    seen.push_back(name);
    ISO_RETURN_IF_ERROR(Option(node.def_elem(), &out));
  }
  return out;
}

absl::StatusOr<ast::CreateRole> Create(const pg::CreateRoleStmt& stmt) {
  ast::CreateRole out;
  out.name = stmt.role();
  ISO_RETURN_IF_ERROR(CheckName(out.name));
  ISO_ASSIGN_OR_RETURN(out.options, Options(stmt.options()));
  if (stmt.stmt_type() == pg::ROLESTMT_USER && !out.options.login.has_value()) {
    out.options.login = true;
  }
  return out;
}

absl::StatusOr<ast::GrantRole> OfRoles(const pg::GrantRoleStmt& stmt) {
  ast::GrantRole out;
  out.is_grant = stmt.is_grant();
  out.admin = stmt.admin_opt();
  if (stmt.has_grantor()) return Unsupported("GRANTED BY", -1);
  for (const pg::Node& node : stmt.granted_roles()) {
    if (node.access_priv().cols_size() > 0) {
      return SqlError("0LP01", "column names cannot be included in GRANT/REVOKE ROLE");
    }
    out.roles.push_back(node.access_priv().priv_name());
  }
  out.grantees = Specs(stmt.grantee_roles());
  return out;
}

absl::StatusOr<ast::GrantOn> On(pg::ObjectType type) {
  switch (type) {
    case pg::OBJECT_TABLE:
      return ast::GrantOn::kTable;
    case pg::OBJECT_SEQUENCE:
      return ast::GrantOn::kSequence;
    case pg::OBJECT_SCHEMA:
      return ast::GrantOn::kSchema;
    case pg::OBJECT_DATABASE:
      return ast::GrantOn::kDatabase;
    default:
      return Unsupported("GRANT and REVOKE on this kind of object", -1);
  }
}

absl::StatusOr<ast::Grant> OfRights(const pg::GrantStmt& stmt) {
  ast::Grant out;
  out.is_grant = stmt.is_grant();
  out.option = stmt.grant_option();
  out.cascade = stmt.behavior() == pg::DROP_CASCADE;
  if (stmt.has_grantor()) return Unsupported("GRANTED BY", -1);
  ISO_ASSIGN_OR_RETURN(out.on, On(stmt.objtype()));
  out.all_in_schema = stmt.targtype() == pg::ACL_TARGET_ALL_IN_SCHEMA;
  const bool plain =
      out.all_in_schema || out.on == ast::GrantOn::kSchema || out.on == ast::GrantOn::kDatabase;
  for (const pg::Node& node : stmt.objects()) {
    if (plain) {
      out.plain.push_back(node.string().sval());
      continue;
    }
    ISO_ASSIGN_OR_RETURN(ast::TableName name, Table(node.range_var()));
    out.relations.push_back(std::move(name));
  }
  for (const pg::Node& node : stmt.privileges()) {
    if (node.access_priv().cols_size() > 0) {
      return Unsupported("a privilege on columns", -1);
    }
    out.rights.push_back(absl::AsciiStrToUpper(node.access_priv().priv_name()));
  }
  out.grantees = Specs(stmt.grantees());
  return out;
}

absl::StatusOr<ast::RoleStatement> Statement(const pg::Node& node) {
  ast::RoleStatement out;
  switch (node.node_case()) {
    case pg::Node::kCreateRoleStmt: {
      ISO_ASSIGN_OR_RETURN(out.node, Create(node.create_role_stmt()));
      return out;
    }
    case pg::Node::kAlterRoleStmt: {
      ast::AlterRole alter;
      alter.role = Spec(node.alter_role_stmt().role());
      alter.drops_members = node.alter_role_stmt().action() < 0;
      ISO_ASSIGN_OR_RETURN(alter.options, Options(node.alter_role_stmt().options()));
      out.node = std::move(alter);
      return out;
    }
    case pg::Node::kDropRoleStmt:
      out.node =
          ast::DropRole{Specs(node.drop_role_stmt().roles()), node.drop_role_stmt().missing_ok()};
      return out;
    case pg::Node::kRenameStmt:
      ISO_RETURN_IF_ERROR(CheckName(node.rename_stmt().newname()));
      out.node = ast::RenameRole{node.rename_stmt().subname(), node.rename_stmt().newname()};
      return out;
    case pg::Node::kCommentStmt: {
      ast::CommentOnRole comment{node.comment_stmt().object().string().sval(), std::nullopt};
      if (!node.comment_stmt().comment().empty()) comment.text = node.comment_stmt().comment();
      out.node = std::move(comment);
      return out;
    }
    case pg::Node::kGrantRoleStmt: {
      ISO_ASSIGN_OR_RETURN(out.node, OfRoles(node.grant_role_stmt()));
      return out;
    }
    case pg::Node::kGrantStmt: {
      ISO_ASSIGN_OR_RETURN(out.node, OfRights(node.grant_stmt()));
      return out;
    }
    case pg::Node::kAlterOwnerStmt: {
      const pg::AlterOwnerStmt& stmt = node.alter_owner_stmt();
      ast::AlterOwner owner;
      owner.owner = Spec(stmt.newowner());
      if (stmt.object_type() == pg::OBJECT_SCHEMA || stmt.object_type() == pg::OBJECT_DATABASE) {
        owner.kind = stmt.object_type() == pg::OBJECT_SCHEMA ? ast::OwnedKind::kSchema
                                                             : ast::OwnedKind::kDatabase;
        owner.name.name = stmt.object().string().sval();
      } else {
        owner.kind = ast::OwnedKind::kType;
        const Nodes& names = stmt.object().has_type_name() ? stmt.object().type_name().names()
                                                           : stmt.object().list().items();
        ISO_ASSIGN_OR_RETURN(owner.name, QualifiedName(Strings(names), -1));
      }
      out.node = std::move(owner);
      return out;
    }
    case pg::Node::kReassignOwnedStmt:
      out.node = ast::ReassignOwned{Specs(node.reassign_owned_stmt().roles()),
                                    Spec(node.reassign_owned_stmt().newrole())};
      return out;
    case pg::Node::kDropOwnedStmt:
      out.node = ast::DropOwned{Specs(node.drop_owned_stmt().roles()),
                                node.drop_owned_stmt().behavior() == pg::DROP_CASCADE};
      return out;
    case pg::Node::kAlterRoleSetStmt:
      return Unsupported("ALTER ROLE ... SET", -1);
    default:
      return Unsupported("ALTER DEFAULT PRIVILEGES", -1);
  }
}

}  // namespace

bool IsRoleNode(const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreateRoleStmt:
    case pg::Node::kAlterRoleStmt:
    case pg::Node::kAlterRoleSetStmt:
    case pg::Node::kDropRoleStmt:
    case pg::Node::kGrantStmt:
    case pg::Node::kGrantRoleStmt:
    case pg::Node::kAlterDefaultPrivilegesStmt:
    case pg::Node::kReassignOwnedStmt:
    case pg::Node::kDropOwnedStmt:
      return true;
    case pg::Node::kRenameStmt:
      return node.rename_stmt().rename_type() == pg::OBJECT_ROLE;
    case pg::Node::kCommentStmt:
      return node.comment_stmt().objtype() == pg::OBJECT_ROLE;
    case pg::Node::kAlterOwnerStmt:
      return node.alter_owner_stmt().object_type() == pg::OBJECT_SCHEMA ||
             node.alter_owner_stmt().object_type() == pg::OBJECT_DATABASE ||
             node.alter_owner_stmt().object_type() == pg::OBJECT_TYPE;
    default:
      return false;
  }
}

absl::StatusOr<ast::ObjectStatement> RoleNode(const pg::Node& node) {
  ISO_ASSIGN_OR_RETURN(ast::RoleStatement out, Statement(node));
  return ast::ObjectStatement{std::make_shared<const ast::RoleStatement>(std::move(out))};
}

bool ChangesOwner(const pg::AlterTableStmt& stmt) {
  return stmt.cmds_size() == 1 && stmt.cmds(0).alter_table_cmd().subtype() == pg::AT_ChangeOwner;
}

absl::StatusOr<ast::ObjectStatement> OwnerStatement(const pg::AlterTableStmt& stmt) {
  ast::AlterOwner out;
  out.kind = stmt.objtype() == pg::OBJECT_VIEW       ? ast::OwnedKind::kView
             : stmt.objtype() == pg::OBJECT_SEQUENCE ? ast::OwnedKind::kSequence
                                                     : ast::OwnedKind::kTable;
  ISO_ASSIGN_OR_RETURN(out.name, Table(stmt.relation()));
  out.if_exists = stmt.missing_ok();
  out.owner = Spec(stmt.cmds(0).alter_table_cmd().newowner());
  return ast::ObjectStatement{
      std::make_shared<const ast::RoleStatement>(ast::RoleStatement{std::move(out)})};
}

}  // namespace isochron::sql::convert
