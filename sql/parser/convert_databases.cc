// SPDX-License-Identifier: Apache-2.0
//
// Databases.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_databases.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// As it is written: a word, a number or a truth value.
std::string ValueOf(const pg::Node& arg) {
  if (arg.has_string()) return arg.string().sval();
  if (arg.has_integer()) return absl::StrCat(arg.integer().ival());
  if (arg.has_boolean()) return arg.boolean().boolval() ? "true" : "false";
  return "";
}

// The values that say what is the case anyway, in small letters, by option.
bool IsSo(const std::string& name, const std::string& value) {
  const std::string v = absl::AsciiStrToLower(value);
  if (name == "template") return v == "template0" || v == "template1";
  if (name == "encoding") return v == "utf8" || v == "utf-8" || v == "unicode" || v == "6";
  if (name == "locale" || name == "lc_collate" || name == "lc_ctype") {
    return v == "c" || v == "posix";
  }
  if (name == "locale_provider") return v == "libc";
  if (name == "connection_limit") return v == "-1";
  if (name == "allow_connections") return v == "true" || v == "on" || v == "1";
  if (name == "is_template") return v == "false" || v == "off" || v == "0";
  if (name == "tablespace") return v == "pg_default";
  if (name == "strategy") return v == "wal_log" || v == "file_copy";
  return false;
}

absl::Status Option(const pg::DefElem& option, ast::CreateDatabase* out) {
  const std::string& name = option.defname();
  if (!option.has_arg()) return absl::OkStatus();  // DEFAULT
  const std::string value = ValueOf(option.arg());
  if (name == "owner" && out != nullptr) {
    out->owner = ast::RoleSpec{ast::RoleSpec::Kind::kNamed, value, option.location()};
    return absl::OkStatus();
  }
  if (IsSo(name, value)) return absl::OkStatus();
  return Unsupported(absl::StrCat("the option ", name, " ", value, " of a database"),
                     option.location());
}

absl::Status Options(const google::protobuf::RepeatedPtrField<pg::Node>& nodes,
                     ast::CreateDatabase* out) {
  std::vector<std::string> seen;
  for (const pg::Node& node : nodes) {
    const std::string& name = node.def_elem().defname();
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return SqlError(sqlstate::kSyntaxError, "conflicting or redundant options",
                      node.def_elem().location());
    }
    seen.push_back(name);
    ISO_RETURN_IF_ERROR(Option(node.def_elem(), out));
  }
  return absl::OkStatus();
}

absl::StatusOr<ast::DatabaseStatement> Statement(const pg::Node& node) {
  ast::DatabaseStatement out;
  switch (node.node_case()) {
    case pg::Node::kCreatedbStmt: {
      ast::CreateDatabase create;
      create.name = node.createdb_stmt().dbname();
      ISO_RETURN_IF_ERROR(Options(node.createdb_stmt().options(), &create));
      out.node = std::move(create);
      return out;
    }
    case pg::Node::kDropdbStmt: {
      const pg::DropdbStmt& stmt = node.dropdb_stmt();
      // FORCE is the only option that the grammar has.
      out.node = ast::DropDatabase{stmt.dbname(), stmt.missing_ok(), stmt.options_size() > 0};
      return out;
    }
    case pg::Node::kAlterDatabaseStmt:
      ISO_RETURN_IF_ERROR(Options(node.alter_database_stmt().options(), nullptr));
      out.node = ast::AlterDatabase{node.alter_database_stmt().dbname()};
      return out;
    case pg::Node::kRenameStmt:
      out.node = ast::RenameDatabase{node.rename_stmt().subname(), node.rename_stmt().newname()};
      return out;
    default: {
      ast::CommentOnDatabase comment;
      comment.name = node.comment_stmt().object().string().sval();
      if (!node.comment_stmt().comment().empty()) comment.text = node.comment_stmt().comment();
      out.node = std::move(comment);
      return out;
    }
  }
}

}  // namespace

bool IsDatabaseNode(const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kCreatedbStmt:
    case pg::Node::kDropdbStmt:
    case pg::Node::kAlterDatabaseStmt:
      return true;
    case pg::Node::kRenameStmt:
      return node.rename_stmt().rename_type() == pg::OBJECT_DATABASE;
    case pg::Node::kCommentStmt:
      return node.comment_stmt().objtype() == pg::OBJECT_DATABASE;
    default:
      return false;
  }
}

absl::StatusOr<ast::ObjectStatement> DatabaseNode(const pg::Node& node) {
  ISO_ASSIGN_OR_RETURN(ast::DatabaseStatement out, Statement(node));
  return ast::ObjectStatement{std::make_shared<const ast::DatabaseStatement>(std::move(out))};
}

}  // namespace isochron::sql::convert
