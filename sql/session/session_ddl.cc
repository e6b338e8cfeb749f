// SPDX-License-Identifier: Apache-2.0
//
// Statements that change the schema of tables that stand. Each is in force everywhere when it
// returns; one whose node dies in between is in force all the same.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/session/referential.h"
#include "sql/session/schema_edits.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {

absl::Status NoNullsIn(const TableDescriptor& table, const std::vector<uint32_t>& columns,
                       const Row& row) {
  for (uint32_t id : columns) {
    const int position = table.FindColumnId(id);
    if (position < 0 || !row[static_cast<size_t>(position)].is_null()) continue;
    const std::string& column = table.columns[static_cast<size_t>(position)].name;
    ErrorFields fields;
    fields.schema = SchemaIn(table.name);
    fields.table = table.local_name();
    fields.column = column;
    return WithFields(SqlError(sqlstate::kNotNullViolation,
                               absl::StrCat("column \"", column, "\" of relation \"",
                                            table.local_name(), "\" contains null values")),
                      fields);
  }
  return absl::OkStatus();
}

Task<SessionImpl::Result> SessionImpl::Change(Ctx ctx, SchemaEdit* edit, std::string tag) {
  txn::CommitResult commit;
  absl::Status changed = co_await engine_->catalog().Change(ctx, edit, &commit);
  if (!changed.ok()) co_return CommitError(changed);
  StatementResult result;
  result.tag = std::move(tag);
  if (commit.commit_timestamp.us != 0) {
    result.commit_timestamp = commit.commit_timestamp;
    settings_->SetCommitTimestamp(commit.commit_timestamp);
  }
  co_return result;
}

Task<absl::Status> SessionImpl::AwaitJobs(Ctx ctx, std::vector<SchemaJob> jobs) {
  for (const SchemaJob& job : jobs) {
    // Whoever resolves the table sees to its jobs.
    (void)co_await engine_->catalog().Resolve(ctx, job.table_name);
    absl::Status done =
        co_await engine_->schema_jobs().Wait(ctx, job.table_name, job.table, job.index);
    if (ctx->cancelled() && done.code() == absl::StatusCode::kCancelled) {
      for (const SchemaJob& begun : jobs) co_await engine_->schema_jobs().Abandon(begun);
      co_return done;
    }
    if (SqlStateOf(done) == sqlstate::kQueryCanceled &&
        done.code() != absl::StatusCode::kCancelled) {
      co_return SqlError(
          sqlstate::kQueryCanceled,
          absl::StrCat("no longer waiting for index \"", job.index_name, "\": ", done.message()),
          -1, "It is still being built; DROP INDEX ends it.");
    }
    ISO_CO_RETURN_IF_ERROR(done);
  }
  co_return absl::OkStatus();
}

Task<SessionImpl::Result> SessionImpl::ChangeSchema(Ctx ctx, const ast::Statement* statement) {
  if (const auto* create = std::get_if<ast::CreateIndex>(&statement->node)) {
    co_return co_await CreateIndex(ctx, create);
  }
  if (const auto* drop = std::get_if<ast::DropIndex>(&statement->node)) {
    co_return co_await DropIndex(ctx, drop);
  }
  const auto* alter = &std::get<ast::AlterTable>(statement->node);
  co_return co_await AlterTable(ctx, alter);
}

Task<SessionImpl::Result> SessionImpl::CreateIndex(Ctx ctx, const ast::CreateIndex* create) {
  CreateIndexEdit edit(create);
  Result changed = co_await Change(ctx, &edit, "CREATE INDEX");
  if (!changed.ok() && ctx->cancelled()) {
    // It may have begun all the same.
    for (const SchemaJob& begun : edit.jobs) co_await engine_->schema_jobs().Abandon(begun);
  }
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result, std::move(changed));
  ISO_CO_RETURN_IF_ERROR(co_await AwaitJobs(ctx, edit.jobs));
  result.notices = std::move(edit.notices);
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::DropIndex(Ctx ctx, const ast::DropIndex* drop) {
  DropIndexEdit edit(drop);
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await Change(ctx, &edit, "DROP INDEX"));
  result.notices = std::move(edit.notices);
  co_return result;
}

// Looks for NULL in `columns` of all rows.
Task<absl::Status> SessionImpl::ValidateNotNull(Ctx ctx, TablePtr table,
                                                std::vector<uint32_t> columns) {
  txn::Store* const store = engine_->deps().store;
  // After the timestamp from which on writers keep NULL out.
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          store->BeginReadOnly(ctx, std::nullopt));
  txn::ScanRequest request;
  request.range = PrefixRange(RowPrefix(*table));
  request.limit_rows = 1000;
  for (;;) {
    auto page = co_await reader->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    for (const txn::KeyValue& kv : page->rows) {
      Row row;
      ISO_CO_RETURN_IF_ERROR(DecodeRow(*table, kv.key, kv.value, &row));
      ISO_CO_RETURN_IF_ERROR(NoNullsIn(*table, columns, row));
    }
    if (!page->rest.has_value()) co_return absl::OkStatus();
    request.range = *page->rest;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(engine_->deps().executor->MonotonicNow()));
  }
}

Task<absl::Status> SessionImpl::ValidateForeignKey(Ctx ctx, std::string table,
                                                   std::string constraint) {
  ISO_CO_ASSIGN_OR_RETURN(TablePtr child, co_await engine_->catalog().Settled(ctx, table));
  const ForeignKey* key = child->FindForeignKey(constraint);
  if (key == nullptr) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(TablePtr parent,
                          co_await engine_->catalog().Settled(ctx, key->parent_name));
  // After the timestamp from which on writers keep it.
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          engine_->deps().store->BeginReadOnly(ctx, std::nullopt));
  co_return co_await Referential::CheckTable(ctx, engine_->deps().executor, child.get(), key,
                                             parent.get(), reader.get());
}

Task<absl::Status> SessionImpl::ValidateCheck(Ctx ctx, std::string table, CheckConstraint check) {
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text,
                          engine_->cache().Get(CheckQuery(table, check), Params()));
  CollectingSink sink;
  auto ran = co_await ReadOnlyOnce(ctx, text, &text->statements[0], Params(), ReadBound(),
                                   Timestamp(), &sink);
  if (!ran.ok()) co_return ran.status();
  if (ran->rows == 0) co_return absl::OkStatus();
  co_return CheckBroken(table, check);
}

std::string CheckQuery(const std::string& table, const CheckConstraint& check) {
  return absl::StrCat("SELECT 1 FROM ", SqlName(table), " WHERE NOT (", check.sql, ") LIMIT 1");
}

absl::Status CheckBroken(const std::string& table, const CheckConstraint& check) {
  return WithFields(SqlError(sqlstate::kCheckViolation,
                             absl::StrCat("check constraint \"", check.name, "\" of relation \"",
                                          LocalName(table), "\" is violated by some row")),
                    {"", SchemaIn(table), LocalName(table), "", check.name});
}

Task<SessionImpl::Result> SessionImpl::AlterTable(Ctx ctx, const ast::AlterTable* alter) {
  ISO_CO_ASSIGN_OR_RETURN(Timestamp now, engine_->SqlNow());
  const bool index = alter->commands[0].kind == ast::AlterKind::kRenameIndex;
  AlterTableEdit edit(alter, now);
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result,
                          co_await Change(ctx, &edit, index ? "ALTER INDEX" : "ALTER TABLE"));
  result.notices = std::move(edit.notices);
  if (!edit.not_null.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(TablePtr table, co_await engine_->catalog().Settled(ctx, edit.table));
    std::vector<uint32_t> columns;
    for (const auto& [id, added] : edit.not_null) columns.push_back(id);
    absl::Status valid = co_await ValidateNotNull(ctx, table, std::move(columns));
    NotNullEdit end(edit.table, table->id, edit.not_null, valid.ok());
    ISO_CO_ASSIGN_OR_RETURN(StatementResult ended, co_await Change(ctx, &end, ""));
    ISO_CO_RETURN_IF_ERROR(valid);
    result.commit_timestamp = ended.commit_timestamp;
  }
  for (const CheckConstraint& check : edit.checks) {
    absl::Status valid = co_await ValidateCheck(ctx, edit.table, check);
    if (valid.ok()) continue;
    CheckEdit end(edit.table, check.name, false);
    ISO_CO_RETURN_IF_ERROR((co_await Change(ctx, &end, "")).status());
    co_return valid;
  }
  for (const CheckConstraint& check : edit.validated_checks) {
    ISO_CO_RETURN_IF_ERROR(co_await ValidateCheck(ctx, edit.table, check));
    CheckEdit end(edit.table, check.name, true);
    ISO_CO_RETURN_IF_ERROR((co_await Change(ctx, &end, "")).status());
  }
  for (const auto& [name, added] : edit.foreign_keys) {
    absl::Status valid = co_await ValidateForeignKey(ctx, edit.table, name);
    if (!valid.ok() && !added) co_return valid;
    ForeignKeyEdit end(edit.table, name, valid.ok());
    ISO_CO_ASSIGN_OR_RETURN(StatementResult ended, co_await Change(ctx, &end, ""));
    ISO_CO_RETURN_IF_ERROR(valid);
    result.commit_timestamp = ended.commit_timestamp;
  }
  ISO_CO_RETURN_IF_ERROR(co_await AwaitJobs(ctx, std::move(edit.jobs)));
  co_return result;
}

}  // namespace isochron::sql
