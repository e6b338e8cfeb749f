// SPDX-License-Identifier: Apache-2.0
#include "sql/session/relation_edits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/session/schema_edits.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

absl::Status Changed(const std::string& name) {
  return SqlError(sqlstate::kObjectInUse,
                  absl::StrCat("relation \"", LocalName(name), "\" was changed meanwhile"), -1,
                  "Try again.");
}

}  // namespace

Task<absl::Status> DropEdit::Apply(Ctx ctx, SchemaChange* change) {
  for (const auto& [name, key] : set_->foreign_keys) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * child, co_await change->Table(ctx, name));
    for (size_t i = child->foreign_keys.size(); i > 0; --i) {
      if (child->foreign_keys[i - 1].name != key) continue;
      ISO_CO_RETURN_IF_ERROR(co_await RemoveForeignKey(ctx, change, child, i - 1));
    }
  }
  // All are held before a schema's are looked for: the lock on what lies in it would keep fences
  // out.
  for (const TablePtr& relation : set_->relations) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, relation->name));
    if (table->id != relation->id) co_return Changed(relation->name);
  }
  for (const TablePtr& relation : set_->relations) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, relation->name));
    if (table->kind == RelationKind::kSchema) {
      ISO_CO_RETURN_IF_ERROR(co_await CheckNoOthers(ctx, change, relation->name));
    }
    // One that came since must be seen.
    for (const ReferencingTable& r : table->referencing) {
      const bool goes = std::any_of(set_->relations.begin(), set_->relations.end(),
                                    [&r](const TablePtr& t) { return t->id == r.id; });
      if (!goes) co_return Changed(relation->name);
    }
    for (size_t i = table->foreign_keys.size(); i > 0; --i) {
      ISO_CO_RETURN_IF_ERROR(co_await RemoveForeignKey(ctx, change, table, i - 1));
    }
    ISO_CO_RETURN_IF_ERROR(co_await change->Drop(ctx, relation->name));
  }
  co_return absl::OkStatus();
}

// The schema is locked by now: who makes a relation in it locks it, too.
Task<absl::Status> DropEdit::CheckNoOthers(Ctx ctx, SchemaChange* change, std::string schema) {
  txn::ScanRequest request;
  request.range = PrefixRange(DescriptorKey(schema));
  for (;;) {
    auto page = co_await change->txn()->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    for (const txn::KeyValue& kv : page->rows) {
      ISO_CO_ASSIGN_OR_RETURN(const TableRecord record, DecodeTableRecord(kv.value));
      const TableDescriptor* standing = record.At(Timestamp::Max().Prev());
      if (standing == nullptr) continue;
      const bool goes = std::any_of(set_->relations.begin(), set_->relations.end(),
                                    [&](const TablePtr& t) { return t->id == standing->id; });
      if (!goes) co_return Changed(standing->name);
    }
    if (!page->rest.has_value()) co_return absl::OkStatus();
    request.range = *page->rest;
  }
}

TableId NewIds::Of(TableId id) const {
  auto it = ids_.find(id);
  return it == ids_.end() ? id : it->second;
}

void NewIds::Rename(TableDescriptor* t) const {
  t->owner_table = Of(t->owner_table);
  for (Dependency& d : t->depends_on) d.relation = Of(d.relation);
  for (ForeignKey& f : t->foreign_keys) f.parent = Of(f.parent);
  for (ReferencingTable& r : t->referencing) r.id = Of(r.id);
}

Task<absl::Status> NewIds::Apply(Ctx ctx, const std::vector<TablePtr>* all,
                                 SchemaChange* change) const {
  for (const TablePtr& relation : *all) {
    TableDescriptor copy = *relation;
    Rename(&copy);
    if (EncodeDescriptor(copy) == EncodeDescriptor(*relation)) continue;
    auto table = co_await change->Table(ctx, relation->name);
    if (SqlStateOf(table.status()) == sqlstate::kUndefinedTable) continue;
    if (!table.ok()) co_return table.status();
    Rename(*table);
  }
  co_return absl::OkStatus();
}

Task<absl::Status> TruncateEdit::Apply(Ctx ctx, SchemaChange* change) {
  NewIds ids;
  uint64_t next = first_.value;
  for (const TablePtr& target : *targets_) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, target->name));
    if (table->id != target->id) co_return Changed(target->name);
    for (const IndexDescriptor& index : table->indexes) {
      if (index.state == IndexState::kPublic) continue;
      co_return SqlError(sqlstate::kObjectInUse,
                         absl::StrCat("index \"", index.name, "\" of table \"", table->local_name(),
                                      "\" is being built"),
                         -1, "Try again when it is there.");
    }
    ids.Add(table->id, TableId(next));
    table->id = TableId(next++);
    change->scope()->made.insert(table->id);
  }
  co_return co_await ids.Apply(ctx, all_, change);
}

Task<absl::Status> ReplaceViewEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * old, co_await change->Table(ctx, view_->name));
  if (old->kind != RelationKind::kView) {
    co_return SqlError(sqlstate::kWrongObjectType,
                       absl::StrCat("\"", view_->local_name(), "\" is not a view"));
  }
  if (view_->columns.size() < old->columns.size()) {
    co_return SqlError(sqlstate::kInvalidTableDefinition, "cannot drop columns from view");
  }
  for (size_t i = 0; i < old->columns.size(); ++i) {
    const ColumnDescriptor& was = old->columns[i];
    const ColumnDescriptor& is = view_->columns[i];
    if (was.name != is.name) {
      co_return SqlError(
          sqlstate::kInvalidTableDefinition,
          absl::StrCat("cannot change name of view column \"", was.name, "\" to \"", is.name, "\""),
          -1,
          "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column "
          "instead.");
    }
    if (was.type != is.type || was.typmod != is.typmod) {
      co_return SqlError(sqlstate::kInvalidTableDefinition,
                         absl::StrCat("cannot change data type of view column \"", was.name,
                                      "\" from ", TypeName(was.type), " to ", TypeName(is.type)));
    }
  }
  old->columns = view_->columns;
  old->next_column_id = view_->next_column_id;
  old->view_sql = view_->view_sql;
  old->depends_on = view_->depends_on;
  co_return absl::OkStatus();
}

Task<absl::Status> OneEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, name_));
  co_return change_(table);
}

}  // namespace isochron::sql
