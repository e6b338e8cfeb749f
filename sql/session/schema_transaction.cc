// SPDX-License-Identifier: Apache-2.0
#include "sql/session/schema_transaction.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/planner/planner.h"
#include "sql/session/relation_edits.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxPlans = 64;
constexpr int kAttemptsAFence = 20;
constexpr uint64_t kIndexIdsAnAttempt = 50;

}  // namespace

SchemaTransaction::SchemaTransaction(EngineImpl* engine, Settings* settings,
                                     txn::ReadWriteTransaction* inner,
                                     const std::set<TableId>* dirty, std::set<std::string>* fenced,
                                     int attempt)
    : engine_(engine),
      settings_(settings),
      inner_(inner),
      dirty_(dirty),
      writer_(engine->deps().store, inner) {
  // A fence reserves ids for so many attempts; behind them another one is put up.
  if (attempt % kAttemptsAFence == 0) fenced->clear();
  scope_.fenced = fenced;
  scope_.index_ids = kIndexIdsAnAttempt * static_cast<uint64_t>(attempt % kAttemptsAFence);
  scope_.fence = [this](Ctx ctx, std::string name) -> Task<absl::Status> {
    if (scope_.fenced->contains(name)) co_return absl::OkStatus();
    ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().Fence(ctx, name, inner_));
    scope_.fenced->insert(name);
    co_return absl::OkStatus();
  };
}

Task<absl::Status> SchemaTransaction::Refresh(Ctx ctx) {
  plans_.clear();
  relations_.clear();
  for (const std::string& name : scope_.names) {
    auto value = co_await inner_->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
    if (!value.ok()) co_return value.status();
    TableRecord record;
    if (value->has_value()) {
      ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
    }
    const TableDescriptor* table = record.At(Timestamp::Max().Prev());
    relations_[name] = table == nullptr ? nullptr : std::make_shared<const TableDescriptor>(*table);
    if (table == nullptr) continue;
    found_.try_emplace(name, UsedTable{name, table->id, table->version});
    if (scope_.made.contains(table->id)) HideRowsOf(*table);
  }
  co_return absl::OkStatus();
}

void SchemaTransaction::HideRowsOf(const TableDescriptor& table) {
  if (!table.is_table()) return;
  writer_.Add(RowPrefix(table));
  for (const IndexDescriptor& index : table.indexes) writer_.Add(IndexPrefix(table, index));
}

absl::Status SchemaTransaction::CheckUsed(const std::map<std::string, UsedTable>& used) const {
  for (const auto& [name, table] : used) {
    auto it = found_.find(name);
    if (it == found_.end() || scope_.made.contains(table.id)) continue;
    if (it->second.id != table.id || it->second.version != table.version) {
      return absl::AbortedError(
          absl::StrCat("table ", name, " was changed or dropped during the transaction"));
    }
  }
  return absl::OkStatus();
}

Task<absl::StatusOr<Timestamp>> SchemaTransaction::Finish(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(co_await writer_.Finish(ctx));
  ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().WaitUntilPast(ctx, scope_.from));
  co_return scope_.until;
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> SchemaTransaction::PlanHere(
    Ctx ctx, PreparedPtr text, const Prepared* statement) {
  auto it = plans_.find(statement);
  if (it != plans_.end()) co_return it->second.second;
  ISO_CO_ASSIGN_OR_RETURN(
      EngineImpl::TableMap tables,
      co_await engine_->ResolveTablesAt(ctx, statement, Timestamp(), nullptr, &relations_));
  const bool touched = std::any_of(tables.begin(), tables.end(), [this](const auto& named) {
    return scope_.names.contains(named.second->name);
  });
  if (!touched) co_return co_await engine_->PlanNow(ctx, text, statement);
  ISO_CO_ASSIGN_OR_RETURN(Plan plan, MakePlan(statement->ast, tables, text->param_types));
  auto made = std::make_shared<const Plan>(std::move(plan));
  if (plans_.size() >= kMaxPlans) plans_.clear();
  plans_[statement] = {text, made};
  co_return made;
}

Task<SchemaTransaction::Result> SchemaTransaction::Run(Ctx ctx, const Prepared* statement) {
  const ast::Statement& ast = statement->ast;
  if (const auto* create = std::get_if<ast::CreateTable>(&ast.node)) {
    co_return co_await CreateTable(ctx, create);
  }
  if (const auto* drop = std::get_if<ast::DropTable>(&ast.node)) {
    co_return co_await Drop(ctx, drop->tables, RelationKind::kTable, drop->if_exists,
                            drop->cascade);
  }
  if (const auto* create = std::get_if<ast::CreateIndex>(&ast.node)) {
    CreateIndexEdit edit(create);
    ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await Edit(ctx, &edit, "CREATE INDEX"));
    ISO_CO_RETURN_IF_ERROR(co_await FillIndexes(ctx, std::move(edit.jobs)));
    result.notices = std::move(edit.notices);
    co_return result;
  }
  if (const auto* drop = std::get_if<ast::DropIndex>(&ast.node)) {
    DropIndexEdit edit(drop);
    ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await Edit(ctx, &edit, "DROP INDEX"));
    result.notices = std::move(edit.notices);
    co_return result;
  }
  if (const auto* alter = std::get_if<ast::AlterTable>(&ast.node)) {
    co_return co_await AlterTable(ctx, alter);
  }
  co_return co_await Object(ctx, std::get<ast::ObjectPtr>(ast.node).get());
}

Task<SchemaTransaction::Result> SchemaTransaction::Edit(Ctx ctx, SchemaEdit* edit,
                                                        std::string tag) {
  SchemaChange change(inner_, engine_->deps().truetime, &scope_);
  absl::Status applied = co_await edit->Apply(ctx, &change);
  if (change.blocked_until().us > 0) {
    ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().WaitUntilPast(ctx, change.blocked_until()));
  }
  ISO_CO_RETURN_IF_ERROR(applied);
  // The first time before it is written: as it was found.
  ISO_CO_RETURN_IF_ERROR(co_await Refresh(ctx));
  ISO_CO_RETURN_IF_ERROR(change.Write(Timestamp()).status());
  ISO_CO_RETURN_IF_ERROR(co_await Refresh(ctx));
  StatementResult result;
  result.tag = std::move(tag);
  co_return result;
}

Task<SchemaTransaction::Result> SchemaTransaction::AlterTable(Ctx ctx,
                                                              const ast::AlterTable* alter) {
  ISO_CO_ASSIGN_OR_RETURN(Timestamp now, engine_->SqlNow());
  const ast::AlterCommand& first = alter->commands[0];
  const std::string tag = first.kind == ast::AlterKind::kRenameIndex ? "ALTER INDEX"
                          : first.kind == ast::AlterKind::kSetSchema ? first.name
                                                                     : "ALTER TABLE";
  AlterTableEdit edit(alter, now);
  edit.make_sequence = [this](Ctx c, TableDescriptor sequence) -> Task<absl::Status> {
    co_return (co_await Create(c, std::move(sequence), false, {}, "")).status();
  };
  if (NeedsTransaction(*alter)) {
    ISO_CO_ASSIGN_OR_RETURN(edit.all, co_await Relations(ctx));
  }
  if (NeedsRewrite(*alter)) {
    ISO_CO_ASSIGN_OR_RETURN(edit.new_id, co_await engine_->catalog().NewTableIds(ctx, 1));
  }
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await Edit(ctx, &edit, tag));
  result.notices = std::move(edit.notices);
  if (edit.table.empty()) co_return result;
  ISO_CO_ASSIGN_OR_RETURN(TablePtr table, co_await Resolve(ctx, edit.table));
  if (!edit.not_null.empty()) {
    std::vector<uint32_t> columns;
    for (const auto& [id, added] : edit.not_null) columns.push_back(id);
    const TablePtr rows = edit.rewritten != nullptr ? edit.rewritten : table;
    ISO_CO_RETURN_IF_ERROR(co_await CheckNotNull(ctx, rows, std::move(columns)));
    NotNullEdit end(edit.table, table->id, edit.not_null, true);
    ISO_CO_RETURN_IF_ERROR((co_await Edit(ctx, &end, "")).status());
    ISO_CO_ASSIGN_OR_RETURN(table, co_await Resolve(ctx, edit.table));
  }
  if (edit.rewritten != nullptr) {
    ISO_CO_RETURN_IF_ERROR(co_await Rewrite(ctx, edit.rewritten, table, &edit.conversions));
  }
  ISO_CO_RETURN_IF_ERROR(co_await FillIndexes(ctx, std::move(edit.jobs)));
  for (const CheckConstraint& check : edit.checks) {
    ISO_CO_RETURN_IF_ERROR(co_await ValidateCheck(ctx, edit.table, check));
  }
  for (const CheckConstraint& check : edit.validated_checks) {
    ISO_CO_RETURN_IF_ERROR(co_await ValidateCheck(ctx, edit.table, check));
    CheckEdit end(edit.table, check.name, true);
    ISO_CO_RETURN_IF_ERROR((co_await Edit(ctx, &end, "")).status());
  }
  for (const auto& [name, added] : edit.foreign_keys) {
    ISO_CO_RETURN_IF_ERROR(co_await ValidateForeignKey(ctx, edit.table, name));
  }
  co_return result;
}

Task<absl::StatusOr<std::vector<TablePtr>>> SchemaTransaction::Relations(Ctx ctx) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          engine_->deps().store->BeginReadOnly(ctx, std::nullopt));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> all,
                          co_await engine_->catalog().List(ctx, reader.get()));
  std::erase_if(all, [this](const TablePtr& t) { return scope_.names.contains(t->name); });
  for (const auto& [name, table] : relations_) {
    if (table != nullptr) all.push_back(table);
  }
  co_return all;
}

Task<absl::StatusOr<TablePtr>> SchemaTransaction::Resolve(Ctx ctx, std::string name) {
  auto it = relations_.find(name);
  if (it == relations_.end()) co_return co_await engine_->catalog().Resolve(ctx, std::move(name));
  if (it->second != nullptr) co_return it->second;
  co_return SqlError(sqlstate::kUndefinedTable,
                     absl::StrCat("relation \"", LocalName(name), "\" does not exist"));
}

void SchemaTransaction::Made(const Catalog::Made& made) {
  for (const auto& [name, id] : made.relations) {
    scope_.names.insert(name);
    scope_.written.insert(name);
    scope_.made.insert(id);
  }
}

}  // namespace isochron::sql
