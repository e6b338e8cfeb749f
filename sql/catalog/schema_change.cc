// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/schema_change.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/schema_job.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxName = 63;

// "table_columns_label", cut as PostgreSQL cuts names: the longer part first.
std::string ObjectName(std::string table, std::string columns, absl::string_view label) {
  const size_t overhead = label.size() + 1 + (columns.empty() ? 0 : 1);
  while (table.size() + columns.size() + overhead > kMaxName) {
    (table.size() > columns.size() ? table : columns).pop_back();
  }
  return absl::StrCat(table, columns.empty() ? "" : "_", columns, "_", label);
}

std::string ColumnsPart(const TableDescriptor& table, const IndexDescriptor& index) {
  std::vector<uint32_t> columns;
  for (const IndexColumn& c : index.columns) columns.push_back(c.column);
  columns.insert(columns.end(), index.include.begin(), index.include.end());
  std::string out;
  for (uint32_t c : columns) {
    absl::StrAppend(&out, out.empty() ? "" : "_", table.columns[c].name);
    if (out.size() > kMaxName) break;
  }
  return out;
}

absl::Status Taken(const std::string& name) {
  return SqlError(sqlstate::kDuplicateTable,
                  absl::StrCat("relation \"", LocalName(name), "\" already exists"));
}

}  // namespace

Task<absl::StatusOr<TableDescriptor*>> SchemaChange::Table(Ctx ctx, std::string name) {
  auto it = held_.find(name);
  if (it != held_.end()) co_return &it->second->after;
  for (const auto& [before, held] : held_) {
    if (held->new_name == name) co_return &held->after;
  }
  if (scope_ != nullptr && !scope_->names.contains(name)) {
    ISO_CO_RETURN_IF_ERROR(co_await scope_->fence(ctx, name));
    scope_->names.insert(name);
  }
  auto value = co_await txn_->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  const Timestamp drop_at = record.now.has_value() ? record.now->drop_at : Timestamp::Max();
  const Timestamp pending = std::min(record.at, drop_at);
  if (pending != Timestamp::Max() && !truetime_->After(pending)) {
    blocked_until_ = pending;
    co_return absl::AbortedError(
        absl::StrCat("another change of table ", name, " is about to take effect"));
  }
  const std::optional<TableDescriptor>& table = record.changes() ? record.next : record.now;
  if (!table.has_value() || table->drop_at != Timestamp::Max()) {
    co_return SqlError(sqlstate::kUndefinedTable,
                       absl::StrCat("relation \"", LocalName(name), "\" does not exist"));
  }
  if (scope_ != nullptr && record.fence_until.us != 0) {
    scope_->from = std::max(scope_->from, record.fence_from);
    scope_->until = std::min(scope_->until, record.fence_until);
  } else if (scope_ != nullptr && !scope_->written.contains(name)) {
    scope_->fenced->erase(name);
    co_return absl::AbortedError(
        absl::StrCat("another change of relation ", name, " came in between"));
  }
  auto held = std::make_unique<Held>(Held{*table, *table, ""});
  if (scope_ != nullptr && record.fence_until.us != 0) {
    held->before.next_index_id += scope_->index_ids;
    held->after.next_index_id += scope_->index_ids;
  }
  co_return &(held_[name] = std::move(held))->after;
}

Task<absl::StatusOr<bool>> SchemaChange::IsFree(Ctx ctx, std::string name) {
  std::vector<std::string> keys = {IndexNameKey(name), DescriptorKey(name)};
  auto found = co_await txn_->MultiGet(ctx, std::move(keys), txn::LockMode::kExclusive);
  if (!found.ok()) co_return found.status();
  if ((*found)[0].has_value()) co_return false;
  if (!(*found)[1].has_value()) co_return true;
  ISO_CO_ASSIGN_OR_RETURN(TableRecord record, DecodeTableRecord(*(*found)[1]));
  // A name that is on its way out is taken until then.
  if (record.changes()) co_return !record.next.has_value() && truetime_->After(record.at);
  if (!record.now.has_value()) co_return true;  // a fence alone
  co_return record.now->drop_at != Timestamp::Max() && truetime_->After(record.now->drop_at);
}

Task<absl::Status> SchemaChange::ClaimIndexName(Ctx ctx, const TableDescriptor& table,
                                                IndexDescriptor* index) {
  const bool chosen = index->name.empty();
  for (int number = 0;; ++number) {
    if (chosen) {
      const std::string label =
          absl::StrCat(index->constraint ? "key" : "idx", number == 0 ? "" : absl::StrCat(number));
      index->name = ObjectName(table.local_name(), ColumnsPart(table, *index), label);
    }
    const std::string full = IndexFullName(table.name, index->name);
    ISO_CO_ASSIGN_OR_RETURN(bool free, co_await IsFree(ctx, full));
    if (free && full != table.name) break;
    if (!chosen) co_return Taken(index->name);
  }
  co_return txn_->Put(IndexNameKey(IndexFullName(table.name, index->name)), table.name);
}

absl::Status SchemaChange::ReleaseIndexName(const TableDescriptor& table, const std::string& name) {
  return txn_->Delete(IndexNameKey(IndexFullName(table.name, name)));
}

Task<absl::StatusOr<std::string>> SchemaChange::TableOfIndex(Ctx ctx, std::string index) {
  auto value = co_await txn_->Get(ctx, IndexNameKey(index), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) {
    co_return SqlError(sqlstate::kUndefinedObject,
                       absl::StrCat("index \"", LocalName(index), "\" does not exist"));
  }
  co_return **std::move(value);
}

Task<absl::Status> SchemaChange::HoldSchema(Ctx ctx, std::string full_name) {
  const std::string schema = SchemaIn(full_name);
  if (schema == kPublicSchema) co_return absl::OkStatus();
  // One that gets the name now is locked already.
  for (const auto& [name, held] : held_) {
    if (held->new_name == SchemaFullName(schema)) co_return absl::OkStatus();
  }
  auto value =
      co_await txn_->Get(ctx, DescriptorKey(SchemaFullName(schema)), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  if (record.At(Timestamp::Max().Prev()) == nullptr) {
    co_return SqlError(sqlstate::kInvalidSchema,
                       absl::StrCat("schema \"", schema, "\" does not exist"));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaChange::HoldTypes(Ctx ctx, TableDescriptor* table) {
  for (ColumnDescriptor& c : table->columns) {
    const EnumType* type = EnumOf(c.type);
    if (type == nullptr) continue;
    auto value = co_await txn_->Get(ctx, DescriptorKey(type->full_name), txn::LockMode::kShared);
    if (!value.ok()) co_return value.status();
    TableRecord record;
    if (value->has_value()) {
      ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
    }
    const TableDescriptor* standing = record.At(Timestamp::Max().Prev());
    if (standing == nullptr || standing->id.value != type->id) {
      co_return SqlError(sqlstate::kUndefinedObject,
                         absl::StrCat("type \"", type->shown, "\" does not exist"));
    }
    const Type now = EnumTypeOf(*standing);
    c.type = IsArray(c.type) ? ArrayOf(now) : now;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaChange::HoldRole(Ctx ctx, uint64_t role) {
  if (role == kBootstrapRole || role == kPublicRole || role == kDatabaseOwnerRole) {
    co_return absl::OkStatus();
  }
  for (const auto& [name, held] : held_) {
    // Whoever changes the roles has them to itself.
    if (name == kRolesName) co_return absl::OkStatus();
  }
  auto value = co_await txn_->Get(ctx, DescriptorKey(kRolesName), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  const TableDescriptor* standing = record.At(Timestamp::Max().Prev());
  if (standing == nullptr || standing->roles == nullptr || standing->roles->Find(role) == nullptr) {
    co_return SqlError(sqlstate::kUndefinedObject,
                       absl::StrCat("role with OID ", role, " does not exist"));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaChange::Rename(Ctx ctx, std::string from, std::string to) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await Table(ctx, from));
  ISO_CO_ASSIGN_OR_RETURN(bool free, co_await IsFree(ctx, to));
  if (!free && SchemaIn(from) != SchemaIn(to) && table->is_relation()) {
    co_return SqlError(sqlstate::kDuplicateTable,
                       absl::StrCat("relation \"", LocalName(to), "\" already exists in schema \"",
                                    SchemaIn(to), "\""));
  }
  if (!free) co_return Taken(to);
  if (table->is_relation() && SchemaIn(from) != SchemaIn(to))
    ISO_CO_RETURN_IF_ERROR(co_await HoldSchema(ctx, to));
  // Its primary key keeps the name that it had.
  if (table->is_table() && !table->has_hidden_key()) table->key_name = table->primary_key_name();
  for (const IndexDescriptor& index : table->indexes) {
    const std::string index_to = IndexFullName(to, index.name);
    if (index_to != IndexFullName(from, index.name)) {
      ISO_CO_ASSIGN_OR_RETURN(free, co_await IsFree(ctx, index_to));
      if (!free) co_return Taken(index_to);
      ISO_CO_RETURN_IF_ERROR(ReleaseIndexName(*table, index.name));
    }
    ISO_CO_RETURN_IF_ERROR(txn_->Put(IndexNameKey(index_to), to));
  }
  table->name = to;
  table->schema = SchemaIn(to) == kPublicSchema ? "" : SchemaIn(to);
  held_[from]->new_name = to;
  // Those at the other ends of its foreign keys know it by name, too.
  for (ForeignKey& key : table->foreign_keys) {
    if (key.parent == table->id) key.parent_name = to;
    if (key.parent == table->id) continue;
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * parent, co_await Table(ctx, key.parent_name));
    for (ReferencingTable& r : parent->referencing) {
      if (r.id == table->id) r.name = to;
    }
  }
  for (ReferencingTable& r : table->referencing) {
    if (r.id == table->id) r.name = to;
    if (r.id == table->id) continue;
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * child, co_await Table(ctx, r.name));
    for (ForeignKey& key : child->foreign_keys) {
      if (key.parent == table->id) key.parent_name = to;
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaChange::Drop(Ctx ctx, std::string name) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await Table(ctx, name));
  held_[name]->dropped = true;
  for (const IndexDescriptor& index : table->indexes) {
    ISO_CO_RETURN_IF_ERROR(ReleaseIndexName(*table, index.name));
    ISO_CO_RETURN_IF_ERROR(txn_->Delete(SchemaJobKey(table->id, index.id)));
  }
  co_return absl::OkStatus();
}

bool SchemaChange::Renames(const std::string& name) const {
  auto it = held_.find(name);
  return it != held_.end() && !it->second->new_name.empty();
}

std::vector<std::string> SchemaChange::Ended() const {
  std::vector<std::string> names;
  for (const auto& [name, held] : held_) {
    if (held->dropped || !held->new_name.empty()) names.push_back(name);
  }
  return names;
}

absl::Status SchemaChange::WriteInside(const std::string& name, Held* held) {
  const bool same = EncodeDescriptor(held->before) == EncodeDescriptor(held->after);
  if (!held->dropped && same) return absl::OkStatus();
  scope_->written.insert(name);
  if (held->dropped) return txn_->Delete(DescriptorKey(name));
  held->after.version = held->before.version + 1;
  if (!held->new_name.empty()) {
    ISO_RETURN_IF_ERROR(txn_->Delete(DescriptorKey(name)));
    scope_->names.insert(held->new_name);
    scope_->written.insert(held->new_name);
  }
  return txn_->Put(DescriptorKey(held->after.name), EncodeDescriptor(held->after));
}

absl::StatusOr<bool> SchemaChange::Write(Timestamp at) {
  bool any = false;
  for (auto& [name, held] : held_) {
    if (scope_ != nullptr) {
      ISO_RETURN_IF_ERROR(WriteInside(name, held.get()));
      continue;
    }
    if (held->dropped) {
      any = true;
      const TableRecord ends{held->before, at, std::nullopt};
      ISO_RETURN_IF_ERROR(txn_->Put(DescriptorKey(name), EncodeTableRecord(ends)));
      continue;
    }
    if (EncodeDescriptor(held->before) == EncodeDescriptor(held->after)) continue;
    any = true;
    held->after.version = held->before.version + 1;
    if (held->new_name.empty()) {
      const TableRecord record{held->before, at, held->after};
      ISO_RETURN_IF_ERROR(txn_->Put(DescriptorKey(name), EncodeTableRecord(record)));
      continue;
    }
    const TableRecord leaves{held->before, at, std::nullopt};
    const TableRecord comes{std::nullopt, at, held->after};
    ISO_RETURN_IF_ERROR(txn_->Put(DescriptorKey(name), EncodeTableRecord(leaves)));
    ISO_RETURN_IF_ERROR(txn_->Put(DescriptorKey(held->new_name), EncodeTableRecord(comes)));
  }
  return any;
}

}  // namespace isochron::sql
