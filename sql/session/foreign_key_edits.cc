// SPDX-License-Identifier: Apache-2.0
//
// Foreign keys come and go: the descriptions of both tables change, at one timestamp.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/index_def.h"
#include "sql/planner/planner.h"
#include "sql/session/schema_edits.h"
#include "sql/types/error.h"

namespace isochron::sql {

// Takes a foreign key out of `table`, and `table` from those that its parent is told of.
Task<absl::Status> RemoveForeignKey(Ctx ctx, SchemaChange* change, TableDescriptor* table,
                                    size_t at) {
  const ForeignKey key = table->foreign_keys[at];
  table->SetPartComment(false, key.id, "");
  table->foreign_keys.erase(table->foreign_keys.begin() + static_cast<std::ptrdiff_t>(at));
  for (const ForeignKey& other : table->foreign_keys) {
    if (other.parent == key.parent) co_return absl::OkStatus();
  }
  TableDescriptor* parent = table;
  if (key.parent != table->id) {
    ISO_CO_ASSIGN_OR_RETURN(parent, co_await change->Table(ctx, key.parent_name));
  }
  std::erase_if(parent->referencing,
                [table](const ReferencingTable& r) { return r.id == table->id; });
  co_return absl::OkStatus();
}

Task<absl::Status> AddForeignKey(Ctx ctx, SchemaChange* change, TableDescriptor* table,
                                 const ast::ForeignKeyConstraint* definition, bool validated) {
  TableDescriptor* parent = table;
  const std::string parent_name = FullNameOf(definition->parent);
  if (parent_name != table->name) {
    ISO_CO_ASSIGN_OR_RETURN(parent, co_await change->Table(ctx, parent_name));
  }
  ISO_CO_ASSIGN_OR_RETURN(ForeignKey key, MakeForeignKey(*definition, *table, *parent));
  key.id = table->next_index_id++;
  key.validated = validated;
  table->foreign_keys.push_back(std::move(key));
  for (const ReferencingTable& r : parent->referencing) {
    if (r.id == table->id) co_return absl::OkStatus();
  }
  parent->referencing.push_back({table->id, table->name});
  co_return absl::OkStatus();
}

// 2BP01 when a foreign key refers to just those columns, or, for one column, to it.
Task<absl::Status> CheckUnreferenced(Ctx ctx, SchemaChange* change, const TableDescriptor* table,
                                     std::vector<uint32_t> columns, std::string what) {
  for (const ReferencingTable& r : table->referencing) {
    const TableDescriptor* child = table;
    if (r.id != table->id) {
      ISO_CO_ASSIGN_OR_RETURN(child, co_await change->Table(ctx, r.name));
    }
    for (const ForeignKey& key : child->foreign_keys) {
      if (key.parent != table->id) continue;
      const bool all = std::all_of(columns.begin(), columns.end(), [&](uint32_t c) {
        return std::find(key.parent_columns.begin(), key.parent_columns.end(),
                         table->columns[c].id) != key.parent_columns.end();
      });
      if (!all) continue;
      co_return WithFields(
          SqlError(sqlstate::kDependentObjects,
                   absl::StrCat("cannot drop ", what, " because other objects depend on it"), -1,
                   "Drop the foreign key first."),
          {absl::StrCat("constraint ", key.name, " on table ", child->local_name(), " depends on ",
                        what)});
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AddForeignKeysEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table,
                          co_await change->Table(ctx, FullNameOf(create_->table)));
  for (const ast::ForeignKeyConstraint& key : create_->foreign_keys) {
    ISO_CO_RETURN_IF_ERROR(co_await AddForeignKey(ctx, change, table, &key, true));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> ForeignKeyEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, table_));
  for (size_t i = 0; i < table->foreign_keys.size(); ++i) {
    if (table->foreign_keys[i].name != name_) continue;
    if (!valid_) co_return co_await RemoveForeignKey(ctx, change, table, i);
    table->foreign_keys[i].validated = true;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> CheckEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, table_));
  for (CheckConstraint& c : table->checks) {
    if (c.name == name_ && valid_) c.validated = true;
  }
  if (valid_) co_return absl::OkStatus();
  std::erase_if(table->checks, [this](const CheckConstraint& c) { return c.name == name_; });
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
