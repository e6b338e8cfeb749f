// SPDX-License-Identifier: Apache-2.0
#include "sql/session/prepared.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/system_tables.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/parser.h"
#include "sql/planner/planner.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxCachedText = 16 << 10;

// What SHOW of a table-like thing stands for; empty if it is a setting.
std::string ShowQuery(const std::string& name) {
  if (name == "tables") {
    return "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
           "ORDER BY table_name";
  }
  if (name == "spanner.version_retention_period") {
    return absl::StrCat("SELECT option_value AS \"", name,
                        "\" FROM information_schema.database_options "
                        "WHERE option_name = 'version_retention_period'");
  }
  if (FindSystemTable(name) != nullptr) return absl::StrCat("SELECT * FROM isochron.", name);
  return "";
}

// The name of a call like SELECT isochron.split(...); empty for any other SELECT.
std::string AdminCall(const ast::Select& s) {
  const bool call = s.ctes.empty() && s.from.empty() && s.items.size() == 1 && s.where == nullptr &&
                    s.items[0].expr->kind == ast::ExprKind::kFunc &&
                    s.items[0].expr->names.size() == 2 && s.items[0].expr->names[0] == "isochron";
  return call ? s.items[0].expr->names[1] : "";
}

Verb VerbOf(const ast::Select& s) {
  if (IsAdvisoryCall(s)) return Verb::kAdvisory;
  const std::string call = AdminCall(s);
  if (call == "split") return Verb::kSplit;
  if (call == "merge") return Verb::kMerge;
  if (call == "checksum") return Verb::kChecksum;
  if (call == "add_replica" || call == "remove_replica" || call == "transfer") {
    return Verb::kMembers;
  }
  return Verb::kPlanned;
}

// SELECT columns FROM table.
ast::Select SelectOf(const ast::Copy& copy) {
  ast::Select out;
  out.from.emplace_back().table = copy.table;
  for (const std::string& name : copy.columns) {
    auto column = std::make_unique<ast::Expr>();
    column->kind = ast::ExprKind::kColumn;
    column->names = {name};
    out.items.push_back({std::move(column), ""});
  }
  if (copy.columns.empty()) {
    auto star = std::make_unique<ast::Expr>();
    star->kind = ast::ExprKind::kStar;
    star->text = "stored";
    out.items.push_back({std::move(star), ""});
  }
  return out;
}

// FOR UPDATE, NOWAIT, SKIP LOCKED, or a WITH query that writes.
bool Writes(const ast::Select& select) {
  return select.for_update || select.lock_wait != ast::LockWait::kWait ||
         std::any_of(select.ctes.begin(), select.ctes.end(),
                     [](const ast::CtePtr& c) { return c->dml != nullptr; });
}

void ClassifyCopy(Prepared* p) {
  p->copy = std::get<ast::Copy>(std::move(p->ast.node));
  if (p->copy->from) {
    p->verb = Verb::kCopyFrom;
    p->writes = true;
    p->tables = {p->copy->table};
    p->ast.node = ast::Copy();
    return;
  }
  p->ast.node = p->copy->query != nullptr ? std::move(*p->copy->query) : SelectOf(*p->copy);
  p->copy->query = nullptr;
  p->verb = Verb::kPlanned;
  p->writes = Writes(std::get<ast::Select>(p->ast.node));
  p->tables = TablesOf(p->ast);
}

absl::Status Classify(Prepared* p) {
  if (std::holds_alternative<ast::Copy>(p->ast.node)) {
    ClassifyCopy(p);
    return absl::OkStatus();
  }
  if (const auto* show = std::get_if<ast::Show>(&p->ast.node)) {
    const std::string query = ShowQuery(show->name);
    if (!query.empty()) {
      ISO_ASSIGN_OR_RETURN(std::vector<ast::Statement> parsed, Parse(query));
      p->ast.node = std::move(parsed[0].node);
    }
  }
  if (const auto* select = std::get_if<ast::Select>(&p->ast.node)) {
    p->verb = VerbOf(*select);
    p->writes = Writes(*select) || DrawsFromSequence(*select, &p->draws);
  } else if (std::holds_alternative<ast::ObjectPtr>(p->ast.node)) {
    const auto& object = std::get<ast::ObjectPtr>(p->ast.node)->node;
    p->verb = std::holds_alternative<ast::SessionPtr>(object) ? Verb::kSession : Verb::kObject;
  } else if (std::holds_alternative<ast::Insert>(p->ast.node) ||
             std::holds_alternative<ast::Update>(p->ast.node) ||
             std::holds_alternative<ast::Merge>(p->ast.node) ||
             std::holds_alternative<ast::Delete>(p->ast.node)) {
    p->verb = Verb::kPlanned;
    p->writes = true;
  } else if (std::holds_alternative<ast::CreateTable>(p->ast.node)) {
    p->verb = Verb::kCreateTable;
  } else if (std::holds_alternative<ast::DropTable>(p->ast.node)) {
    p->verb = Verb::kDropTable;
  } else if (std::holds_alternative<ast::CreateIndex>(p->ast.node) ||
             std::holds_alternative<ast::DropIndex>(p->ast.node) ||
             std::holds_alternative<ast::AlterTable>(p->ast.node)) {
    p->verb = Verb::kSchema;
  } else if (std::holds_alternative<ast::Transaction>(p->ast.node)) {
    p->verb = Verb::kTransaction;
  } else if (const auto* set = std::get_if<ast::Set>(&p->ast.node)) {
    p->verb = set->database.empty() ? Verb::kSet : Verb::kAlterDatabase;
  } else if (std::holds_alternative<ast::Show>(p->ast.node)) {
    p->verb = Verb::kShow;
  } else {
    p->verb = Verb::kExplain;
    const auto& explain = std::get<ast::Explain>(p->ast.node);
    const ast::Statement& inner = *explain.statement;
    if (const auto* select = std::get_if<ast::Select>(&inner.node)) {
      p->writes = explain.analyze && (Writes(*select) || DrawsFromSequence(*select, &p->draws));
    } else {
      p->writes = explain.analyze;
    }
  }
  p->tables = TablesOf(p->ast);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<PreparedText>> PrepareAnew(absl::string_view text,
                                                          std::vector<Type> param_types,
                                                          PathPtr path) {
  ISO_ASSIGN_OR_RETURN(std::vector<ast::Statement> statements, Parse(text));
  auto out = std::make_shared<PreparedText>();
  out->text = std::string(text);
  out->param_types = std::move(param_types);
  for (ast::Statement& s : statements) {
    Prepared p;
    p.ast = std::move(s);
    ISO_RETURN_IF_ERROR(Classify(&p));
    p.path = path;
    p.by_several_paths =
        path->size() > 1 && std::any_of(p.tables.begin(), p.tables.end(),
                                        [](const auto& name) { return name.schema.empty(); });
    out->statements.push_back(std::move(p));
  }
  out->path = std::move(path);
  return out;
}

absl::StatusOr<PreparedPtr> Prepare(absl::string_view text, std::vector<Type> param_types,
                                    PathPtr path) {
  ISO_ASSIGN_OR_RETURN(PreparedPtr out, PrepareAnew(text, std::move(param_types), std::move(path)));
  return out;
}

absl::Status RefuseOtherDatabase(const ast::TableName& name, const std::string& database) {
  if (name.database.empty() || name.database == database) return absl::OkStatus();
  return SqlError(sqlstate::kUnsupported,
                  absl::StrCat("cross-database references are not implemented: \"", name.database,
                               ".", name.schema, ".", name.name, "\""),
                  name.position);
}

absl::StatusOr<PreparedPtr> PreparedCache::Get(const std::string& text, const Params& params,
                                               const PathPtr& path) {
  std::string key;
  key.reserve(text.size() + params.size() + 1);
  // An enum is known by a version of it: a statement may live longer, so it finds out what it is
  // whenever it is planned.
  std::vector<Type> types;
  for (const TypedDatum& p : params)
    types.push_back(EnumOf(p.type) == nullptr ? p.type : Type::kUnknown);
  for (Type t : types) key.push_back(static_cast<char>(t));
  if (path != PublicPath()) {
    for (const std::string& schema : *path) absl::StrAppend(&key, "\x7e", schema);
    key.push_back('\x7e');
  }
  key.push_back('\x7f');
  key.append(text);
  auto it = index_.find(key);
  if (it != index_.end()) {
    ++hits_;
    list_.splice(list_.begin(), list_, it->second);
    return it->second->second;
  }
  ISO_ASSIGN_OR_RETURN(PreparedPtr prepared, Prepare(text, std::move(types), path));
  for (const Prepared& statement : prepared->statements) {
    for (const ast::TableName& name : statement.tables) {
      ISO_RETURN_IF_ERROR(RefuseOtherDatabase(name, database_));
    }
  }
  if (text.size() > kMaxCachedText || capacity_ == 0) return prepared;
  list_.emplace_front(std::move(key), prepared);
  index_.emplace(list_.front().first, list_.begin());
  if (list_.size() > capacity_) {
    index_.erase(list_.back().first);
    list_.pop_back();
  }
  return prepared;
}

}  // namespace isochron::sql
