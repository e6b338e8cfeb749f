// SPDX-License-Identifier: Apache-2.0
//
// Names in statements about the schema: each gets the schema that the search path means.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/type_names.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_roles.h"
#include "sql/parser/ast_types.h"
#include "sql/parser/parser.h"
#include "sql/planner/planner.h"
#include "sql/session/engine_impl.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// What a statement says of relations that stand, of indexes, and of those that are to be made.
struct Names {
  std::vector<ast::TableName*> relations, indexes, made;
  std::vector<std::string*> queries;     // texts of views and the like
  std::vector<ast::CreateTable*> typed;  // with columns
};

void Collect(ast::ObjectStatement* object, Names* out) {
  if (auto* create = std::get_if<ast::CreateSequence>(&object->node)) {
    out->made.push_back(&create->name);
  } else if (auto* alter = std::get_if<ast::AlterSequence>(&object->node)) {
    out->relations.push_back(&alter->name);
  } else if (auto* drop = std::get_if<ast::DropObjects>(&object->node)) {
    for (ast::TableName& name : drop->names) out->relations.push_back(&name);
  } else if (auto* view = std::get_if<ast::CreateView>(&object->node)) {
    out->made.push_back(&view->name);
    out->queries.push_back(&view->sql);
  } else if (auto* as = std::get_if<ast::CreateTableAs>(&object->node)) {
    out->made.push_back(&as->name);
    out->queries.push_back(&as->sql);
  } else if (auto* truncate = std::get_if<ast::Truncate>(&object->node)) {
    for (ast::TableName& name : truncate->tables) out->relations.push_back(&name);
  } else if (auto* comment = std::get_if<ast::Comment>(&object->node)) {
    const bool of_index = comment->kind == ast::ObjectKind::kIndex;
    (of_index ? out->indexes : out->relations).push_back(&comment->relation);
  } else if (auto* type = std::get_if<ast::TypePtr>(&object->node)) {
    auto* statement = const_cast<ast::TypeStatement*>(type->get());
    if (auto* made = std::get_if<ast::CreateEnum>(&statement->node)) {
      out->made.push_back(&made->name);
    } else if (auto* altered = std::get_if<ast::AlterEnum>(&statement->node)) {
      out->relations.push_back(&altered->name);
    } else if (auto* named = std::get_if<ast::CommentOnType>(&statement->node)) {
      out->relations.push_back(&named->name);
    } else if (auto* dropped = std::get_if<ast::DropType>(&statement->node)) {
      for (ast::TableName& name : dropped->names) out->relations.push_back(&name);
    }
  } else if (auto* role = std::get_if<ast::RolePtr>(&object->node)) {
    auto* statement = const_cast<ast::RoleStatement*>(role->get());
    if (auto* grant = std::get_if<ast::Grant>(&statement->node)) {
      for (ast::TableName& name : grant->relations) out->relations.push_back(&name);
    } else if (auto* owner = std::get_if<ast::AlterOwner>(&statement->node)) {
      if (owner->kind != ast::OwnedKind::kSchema) out->relations.push_back(&owner->name);
    }
  } else if (auto* maintain = std::get_if<ast::Maintain>(&object->node)) {
    for (ast::TableName& name : maintain->tables) out->relations.push_back(&name);
  }
}

void Collect(ast::Statement* statement, Names* out) {
  if (auto* create = std::get_if<ast::CreateTable>(&statement->node)) {
    out->made.push_back(&create->table);
    out->typed.push_back(create);
    for (ast::ForeignKeyConstraint& key : create->foreign_keys) {
      // It may refer to itself.
      const bool self = key.parent.schema.empty() && key.parent.name == create->table.name;
      (self ? out->made : out->relations).push_back(&key.parent);
    }
  } else if (auto* table = std::get_if<ast::DropTable>(&statement->node)) {
    for (ast::TableName& name : table->tables) out->relations.push_back(&name);
  } else if (auto* index = std::get_if<ast::CreateIndex>(&statement->node)) {
    out->relations.push_back(&index->table);
  } else if (auto* drop = std::get_if<ast::DropIndex>(&statement->node)) {
    for (ast::TableName& name : drop->indexes) out->indexes.push_back(&name);
  } else if (auto* alter = std::get_if<ast::AlterTable>(&statement->node)) {
    const bool of_index = alter->commands[0].kind == ast::AlterKind::kRenameIndex;
    (of_index ? out->indexes : out->relations).push_back(&alter->table);
    for (ast::AlterCommand& command : alter->commands) {
      out->typed.push_back(&command.added);
      if (command.kind == ast::AlterKind::kAddForeignKey) {
        out->relations.push_back(&command.foreign_key.parent);
      }
      for (ast::ForeignKeyConstraint& key : command.added.foreign_keys) {
        out->relations.push_back(&key.parent);
      }
    }
  } else if (auto* object = std::get_if<ast::ObjectPtr>(&statement->node)) {
    // Nobody else has it: it was parsed for this.
    Collect(const_cast<ast::ObjectStatement*>(object->get()), out);
  }
}

absl::Status OfTheCatalog(const ast::TableName& name) {
  return SqlError("42501",
                  absl::StrCat("permission denied: \"", name.name, "\" is a system catalog"),
                  name.position);
}

absl::Status CannotCreate(const ast::TableName& name) {
  return WithFields(
      SqlError("42501",
               absl::StrCat("permission denied to create \"", name.schema, ".", name.name, "\""),
               name.position),
      {"System catalog modifications are currently disallowed."});
}

}  // namespace

Task<absl::StatusOr<PreparedPtr>> EngineImpl::WithNames(Ctx ctx, PreparedPtr text, size_t index,
                                                        const TableMap* inside,
                                                        txn::ReadTransaction* reader) {
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<PreparedText> own,
                          PrepareAnew(text->text, text->param_types, text->path));
  const SearchPath& path = *own->path;
  Names names;
  Collect(&own->statements[index].ast, &names);
  for (const auto* list : {&names.made, &names.relations, &names.indexes}) {
    for (const ast::TableName* name : *list) ISO_CO_RETURN_IF_ERROR(CheckDatabaseOf(*name));
  }
  for (ast::TableName* name : names.made) {
    if (name->schema.empty() && path.empty()) {
      co_return SqlError(sqlstate::kInvalidSchema, "no schema has been selected to create in",
                         name->position);
    }
    if (name->schema.empty()) name->schema = path[0];
    if (IsVirtualSchema(name->schema)) co_return CannotCreate(*name);
  }
  for (ast::TableName* name : names.relations) {
    if (!VirtualSchemaOf(*name).empty()) {
      // VACUUM and ANALYZE may name them: there is nothing to do.
      const auto* object = std::get_if<ast::ObjectPtr>(&own->statements[index].ast.node);
      if (object != nullptr && std::holds_alternative<ast::Maintain>((*object)->node)) continue;
      co_return OfTheCatalog(*name);
    }
    if (!name->schema.empty()) continue;
    name->schema = path.empty() ? kPublicSchema : path[0];
    if (path.size() < 2) continue;
    ast::TableName bare = *name;
    bare.schema.clear();
    auto found = co_await ResolveName(ctx, bare, own->path, Timestamp(), nullptr, inside);
    if (found.ok()) name->schema = SchemaIn((*found)->name);
    if (!found.ok() && SqlStateOf(found.status()) != sqlstate::kUndefinedTable) {
      co_return found.status();
    }
  }
  for (ast::TableName* name : names.indexes) {
    if (!name->schema.empty()) continue;
    name->schema = path.empty() ? kPublicSchema : path[0];
    std::unique_ptr<txn::ReadTransaction> one;
    if (path.size() > 1 && reader == nullptr) {
      ISO_CO_ASSIGN_OR_RETURN(one, deps_.store->BeginReadOnly(ctx, std::nullopt));
    }
    for (size_t i = 0; i < path.size() && path.size() > 1; ++i) {
      auto value =
          co_await (reader != nullptr ? reader : one.get())
              ->Get(ctx, IndexNameKey(FullName(path[i], name->name)), txn::LockMode::kShared);
      if (!value.ok()) co_return value.status();
      if (!value->has_value()) continue;
      name->schema = path[i];
      break;
    }
  }
  for (ast::CreateTable* table : names.typed) {
    for (const ast::ColumnDef& column : table->columns) {
      for (const SchemaAndName& meant : TypesMeantBy(column.type)) {
        ast::TableName name;
        name.schema = meant.first;
        name.name = meant.second;
        auto found = co_await ResolveName(ctx, name, own->path, Timestamp(), nullptr, inside);
        if (found.ok() && (*found)->is_enum()) {
          const Type type = EnumTypeOf(**found);
          if (!IsReady(type)) co_return TooManyEnums();
          table->types[meant] = type;
        }
        if (!found.ok() && SqlStateOf(found.status()) != sqlstate::kUndefinedTable) {
          co_return found.status();
        }
      }
    }
  }
  for (std::string* query : names.queries) {
    ISO_CO_ASSIGN_OR_RETURN(PreparedPtr prepared, Prepare(*query, {}, own->path));
    std::map<std::string, std::string> schemas;
    for (const ast::TableName& name : prepared->statements[0].tables) {
      ISO_CO_RETURN_IF_ERROR(CheckDatabaseOf(name));
      if (!name.schema.empty()) continue;
      auto found = co_await ResolveName(ctx, name, own->path, Timestamp(), nullptr, inside);
      if (!found.ok()) continue;  // its plan will say so
      const std::string schema = SchemaIn((*found)->name);
      if (schema != kPublicSchema) schemas[name.name] = schema;
    }
    if (!schemas.empty()) {
      ISO_CO_ASSIGN_OR_RETURN(*query, QualifyTables(*query, schemas));
    }
  }
  co_return PreparedPtr(std::move(own));
}

}  // namespace isochron::sql
