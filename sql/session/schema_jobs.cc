// SPDX-License-Identifier: Apache-2.0
#include "sql/session/schema_jobs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/index_entries.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr uint64_t kPageRows = 200;
constexpr Micros kClaimUs = 6'000'000;
constexpr Micros kStepTimeoutUs = 30'000'000;
constexpr Micros kPollUs = 20'000, kSlowPollUs = 250'000;
constexpr Micros kRetryUs = 200'000;

bool MayPass(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

// The index of a job as an edit meets it; null when it has gone.
class JobEdit : public SchemaEdit {
 public:
  explicit JobEdit(const SchemaJob* job) : job_(*job) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    auto name = co_await change->TableOfIndex(ctx, IndexFullName(job_.table_name, job_.index_name));
    if (SqlStateOf(name.status()) == sqlstate::kUndefinedObject) co_return absl::OkStatus();
    if (!name.ok()) co_return name.status();
    auto table = co_await change->Table(ctx, *name);
    if (SqlStateOf(table.status()) == sqlstate::kUndefinedTable) co_return absl::OkStatus();
    if (!table.ok()) co_return table.status();
    if ((*table)->id != job_.table) co_return absl::OkStatus();
    for (size_t i = 0; i < (*table)->indexes.size(); ++i) {
      if ((*table)->indexes[i].id != job_.index) continue;
      co_return With(change, *table, i);
    }
    co_return absl::OkStatus();
  }

 protected:
  virtual absl::Status With(SchemaChange* change, TableDescriptor* table, size_t index) = 0;
  const SchemaJob job_;
};

class PublishEdit : public JobEdit {
 public:
  using JobEdit::JobEdit;

 protected:
  absl::Status With(SchemaChange* change, TableDescriptor* table, size_t index) override {
    table->indexes[index].state = IndexState::kPublic;
    return change->txn()->Delete(SchemaJobKey(job_.table, job_.index));
  }
};

class UndoEdit : public JobEdit {
 public:
  using JobEdit::JobEdit;

 protected:
  absl::Status With(SchemaChange* change, TableDescriptor* table, size_t index) override {
    ISO_RETURN_IF_ERROR(change->ReleaseIndexName(*table, table->indexes[index].name));
    table->RemoveIndex(index);
    return change->txn()->Put(SchemaJobKey(job_.table, job_.index), EncodeSchemaJob(job_));
  }
};

// Ends a build that nobody wants any more. It may have become public meanwhile: its statement has
// failed all the same. Only what a foreign key may stand on by now stays.
class AbandonEdit : public JobEdit {
 public:
  using JobEdit::JobEdit;

 protected:
  absl::Status With(SchemaChange* change, TableDescriptor* table, size_t index) override {
    const bool built = table->indexes[index].state == IndexState::kPublic;
    if (built && table->indexes[index].unique && !table->referencing.empty()) {
      return absl::OkStatus();
    }
    ISO_RETURN_IF_ERROR(change->ReleaseIndexName(*table, table->indexes[index].name));
    table->RemoveIndex(index);
    return change->txn()->Delete(SchemaJobKey(job_.table, job_.index));
  }
};

}  // namespace

absl::Status DuplicatedKey(const TableDescriptor& table, const IndexDescriptor& index,
                           const Row& row) {
  std::vector<std::string> names, values;
  for (const IndexColumn& c : index.columns) {
    const ColumnDescriptor& column = table.columns[c.column];
    names.push_back(column.computed_sql.empty() ? column.name : column.computed_sql);
    values.push_back(DatumToText(table.columns[c.column].type, row[c.column]));
  }
  return WithFields(SqlError(sqlstate::kUniqueViolation,
                             absl::StrCat("could not create unique index \"", index.name, "\"")),
                    {absl::StrCat("Key (", absl::StrJoin(names, ", "), ")=(",
                                  absl::StrJoin(values, ", "), ") is duplicated."),
                     SchemaIn(table.name), table.local_name(), "", index.name});
}

SchemaJobs::SchemaJobs(Deps deps) : deps_(deps), self_(deps.random->Next() | 1) {}

Ctx SchemaJobs::NewContext() {
  return std::make_shared<RequestContext>(deps_.executor->MonotonicNow() + kStepTimeoutUs);
}

void SchemaJobs::Reached(absl::string_view what) {
  if (deps_.observer != nullptr) deps_.observer->Reached(what);
}

void SchemaJobs::Tend(const TablePtr& table) {
  for (const IndexDescriptor& index : table->indexes) {
    if (index.state == IndexState::kPublic) continue;
    const JobId id(table->id.value, index.id);
    if (!tended_.emplace(id, true).second) continue;
    background_.Spawn(Run(table->name, id));
  }
}

Task<void> SchemaJobs::Run(std::string table, JobId id) {
  for (;;) {
    // Never within whoever saw the table.
    co_await SleepFor(deps_.executor, deps_.random->Between(0, kRetryUs));
    auto done = co_await Once(table, id);
    if (done.ok() && *done) break;
  }
  tended_.erase(id);
}

Task<absl::StatusOr<SchemaJobs::Claim>> SchemaJobs::TakeClaim(Ctx ctx, JobId id, SchemaJob* job) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  const std::string key = SchemaJobKey(TableId(id.first), id.second);
  auto value = co_await txn->Get(ctx, key, txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return Claim::kGone;
  ISO_CO_ASSIGN_OR_RETURN(*job, DecodeSchemaJob(**value));
  if (job->state == SchemaJobState::kFailed) co_return Claim::kGone;
  const bool others = job->owner != 0 && job->owner != self_;
  if (others && !deps_.truetime->After(job->claimed_until)) co_return Claim::kOthers;
  if (others) Reached("schema.job_taken_over");
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, deps_.truetime->Now());
  job->owner = self_;
  job->claimed_until = now.latest + kClaimUs;
  ISO_CO_RETURN_IF_ERROR(txn->Put(key, EncodeSchemaJob(*job)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  if (!committed.ok()) co_return committed.status();
  co_return Claim::kMine;
}

Task<absl::StatusOr<bool>> SchemaJobs::SaveClaim(Ctx ctx, SchemaJob* job) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  const std::string key = SchemaJobKey(job->table, job->index);
  auto value = co_await txn->Get(ctx, key, txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return false;
  ISO_CO_ASSIGN_OR_RETURN(SchemaJob stored, DecodeSchemaJob(**value));
  if (stored.owner != self_ || stored.state != SchemaJobState::kRunning) co_return false;
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, deps_.truetime->Now());
  job->claimed_until = now.latest + kClaimUs;
  ISO_CO_RETURN_IF_ERROR(txn->Put(key, EncodeSchemaJob(*job)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  if (!committed.ok()) co_return committed.status();
  co_return true;
}

Task<absl::StatusOr<bool>> SchemaJobs::Once(std::string name, JobId id) {
  const Ctx ctx = NewContext();
  SchemaJob job;
  ISO_CO_ASSIGN_OR_RETURN(Claim claim, co_await TakeClaim(ctx, id, &job));
  if (claim == Claim::kOthers) {
    co_await SleepFor(deps_.executor, kRetryUs);
    co_return false;
  }
  if (claim == Claim::kGone) co_return true;
  auto table = co_await deps_.catalog->Settled(ctx, name);
  // Under its new name it will be met again, if it has one.
  if (SqlStateOf(table.status()) == sqlstate::kUndefinedTable) co_return true;
  if (!table.ok()) co_return table.status();
  const IndexDescriptor* index =
      (*table)->id == job.table ? (*table)->FindIndex(job.index) : nullptr;
  if (index == nullptr || index->state == IndexState::kPublic) co_return true;
  absl::Status filled = co_await Fill(*table, index, &job);
  if (filled.ok()) filled = co_await Publish(&job);
  if (filled.ok()) co_return true;
  if (MayPass(filled)) co_return filled;
  ISO_CO_RETURN_IF_ERROR(co_await Undo(&job, filled));
  co_return true;
}

Task<absl::StatusOr<SchemaJobs::Page>> SchemaJobs::ReadPage(Ctx ctx, KeyRange range) {
  // Strong, so after the timestamp from which on all writers maintain the index.
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          deps_.store->BeginReadOnly(ctx, std::nullopt));
  txn::ScanRequest request;
  request.range = std::move(range);
  request.limit_rows = kPageRows;
  auto scanned = co_await reader->Scan(ctx, std::move(request));
  if (!scanned.ok()) co_return scanned.status();
  Page page;
  for (txn::KeyValue& kv : scanned->rows) {
    page.keys.push_back(std::move(kv.key));
    page.values.push_back(std::move(kv.value));
  }
  page.rest = std::move(scanned->rest);
  co_return page;
}

Task<absl::Status> SchemaJobs::Fill(TablePtr table, const IndexDescriptor* index, SchemaJob* job) {
  ISO_CO_ASSIGN_OR_RETURN(const IndexRules rules, BindIndexRules(*table));
  KeyRange range = PrefixRange(RowPrefix(*table));
  if (!job->position.empty()) range.start = job->position + '\0';
  Micros renew = deps_.executor->MonotonicNow() + kClaimUs / 3;
  while (!range.Empty()) {
    ISO_CO_ASSIGN_OR_RETURN(Page page, co_await ReadPage(NewContext(), range));
    if (!page.keys.empty()) {
      ISO_CO_RETURN_IF_ERROR(co_await FillPage(table, index, &rules, &page));
      job->position = page.keys.back();
      job->rows += page.keys.size();
    }
    if (!page.rest.has_value()) break;
    range = *std::move(page.rest);
    if (deps_.executor->MonotonicNow() < renew) continue;
    ISO_CO_ASSIGN_OR_RETURN(bool mine, co_await SaveClaim(NewContext(), job));
    if (!mine) co_return absl::AbortedError("somebody else sees to the index, or it has gone");
    renew = deps_.executor->MonotonicNow() + kClaimUs / 3;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaJobs::FillPage(TablePtr table, const IndexDescriptor* index,
                                        const IndexRules* rules, const Page* page) {
  const Ctx ctx = NewContext();
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  for (;;) {
    absl::Status filled = co_await FillOnce(ctx, table.get(), index, rules, page, txn.get());
    if (filled.ok()) co_return filled;
    if (filled.code() != absl::StatusCode::kUnknown) txn->Rollback();
    if (filled.code() != absl::StatusCode::kAborted) co_return filled;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(deps_.executor->MonotonicNow()));
    co_await SleepFor(deps_.executor, deps_.random->Between(1000, 20'000));
    ISO_CO_ASSIGN_OR_RETURN(txn, deps_.store->Retry(ctx, *txn));
  }
}

Task<absl::Status> SchemaJobs::FillOnce(Ctx ctx, const TableDescriptor* table,
                                        const IndexDescriptor* index, const IndexRules* rules,
                                        const Page* page, txn::ReadWriteTransaction* txn) {
  std::vector<std::optional<std::string>> rows;
  if (deps_.sabotage.Is(Sabotage::kBackfillOverwritesDelete)) {
    for (const std::string& value : page->values) rows.push_back(value);
  } else {
    // Again, and locked: what was deleted or changed since has what its writer left.
    auto values = co_await txn->MultiGet(ctx, page->keys, txn::LockMode::kShared);
    if (!values.ok()) co_return values.status();
    rows = *std::move(values);
  }
  std::vector<IndexEntry> entries;
  std::map<std::string, std::string> owners;  // of keys that only one row may have
  std::vector<std::string> exclusive;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].has_value()) {
      Reached("schema.backfill_met_delete");
      continue;
    }
    if (*rows[i] != page->values[i]) Reached("schema.backfill_met_update");
    Row row;
    ISO_CO_RETURN_IF_ERROR(DecodeRow(*table, page->keys[i], *rows[i], &row));
    Row full;
    ISO_CO_ASSIGN_OR_RETURN(std::optional<IndexEntry> entry,
                            MakeEntry(*table, *index, *rules, row, &full));
    if (!entry.has_value()) {
      Reached("schema.backfill_left_row_out");
      continue;
    }
    if (entry->exclusive) {
      if (!owners.emplace(entry->key, page->keys[i]).second) {
        co_return DuplicatedKey(*table, *index, full);
      }
      exclusive.push_back(entry->key);
    }
    entries.push_back(*std::move(entry));
  }
  if (!exclusive.empty()) {
    auto standing = co_await txn->MultiGet(ctx, exclusive, txn::LockMode::kExclusive);
    if (!standing.ok()) co_return standing.status();
    for (size_t i = 0; i < exclusive.size(); ++i) {
      if (!(*standing)[i].has_value()) continue;
      Row other;
      ISO_CO_RETURN_IF_ERROR(
          DecodeIndexEntry(*table, *index, exclusive[i], *(*standing)[i], &other));
      if (EncodeRowKey(*table, other) != owners[exclusive[i]]) {
        co_return DuplicatedKey(*table, *index, other);
      }
    }
  }
  for (IndexEntry& entry : entries) {
    ISO_CO_RETURN_IF_ERROR(txn->Put(std::move(entry.key), std::move(entry.value)));
  }
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  co_return committed.status();
}

Task<absl::Status> SchemaJobs::Publish(const SchemaJob* job) {
  PublishEdit edit(job);
  txn::CommitResult commit;
  ISO_CO_RETURN_IF_ERROR(co_await deps_.catalog->Change(NewContext(), &edit, &commit));
  Reached("schema.index_published");
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaJobs::Undo(SchemaJob* job, absl::Status why) {
  job->SetError(why);
  UndoEdit edit(job);
  txn::CommitResult commit;
  ISO_CO_RETURN_IF_ERROR(co_await deps_.catalog->Change(NewContext(), &edit, &commit));
  Reached("schema.index_undone");
  co_return absl::OkStatus();
}

Task<void> SchemaJobs::TakeAway(SchemaJob job, OneShot<bool> done) {
  AbandonEdit edit(&job);
  for (;;) {
    txn::CommitResult commit;
    const absl::Status changed = co_await deps_.catalog->Change(NewContext(), &edit, &commit);
    if (changed.ok() || !MayPass(changed)) break;
    co_await SleepFor(deps_.executor, kRetryUs);
  }
  Reached("schema.build_abandoned");
  done.Set(true);
}

Task<void> SchemaJobs::Abandon(SchemaJob job) {
  OneShot<bool> done(deps_.executor);
  background_.Spawn(TakeAway(std::move(job), done));
  co_await done;
}

Task<absl::Status> SchemaJobs::Wait(Ctx ctx, std::string table, TableId id, uint64_t index) {
  const std::string key = SchemaJobKey(id, index);
  for (Micros poll = kPollUs;; poll = std::min(poll * 2, kSlowPollUs)) {
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                            deps_.store->BeginReadOnly(ctx, std::nullopt));
    auto value = co_await reader->Get(ctx, key, txn::LockMode::kShared);
    if (!value.ok()) co_return value.status();
    if (!value->has_value()) break;
    ISO_CO_ASSIGN_OR_RETURN(SchemaJob job, DecodeSchemaJob(**value));
    if (job.state == SchemaJobState::kFailed) {
      // Told: it may go. If it cannot now, it is only kept for longer.
      auto txn = deps_.store->Begin(ctx);
      if (txn.ok() && (*txn)->Delete(key).ok()) {
        (void)co_await (*txn)->Commit(ctx, txn::CommitOptions{});
      }
      co_return job.Error();
    }
    ISO_CO_RETURN_IF_ERROR(ctx->Check(deps_.executor->MonotonicNow()));
    co_await SleepFor(deps_.executor, poll);
  }
  auto settled = co_await deps_.catalog->Settled(ctx, table);
  const IndexDescriptor* built =
      settled.ok() && (*settled)->id == id ? (*settled)->FindIndex(index) : nullptr;
  if (built != nullptr && built->state == IndexState::kPublic) co_return absl::OkStatus();
  if (!settled.ok() && SqlStateOf(settled.status()) != sqlstate::kUndefinedTable) {
    co_return settled.status();
  }
  co_return SqlError(sqlstate::kQueryCanceled, "the index was dropped while it was being built");
}

Task<absl::StatusOr<std::vector<IndexProgress>>> SchemaJobs::Progress(
    Ctx ctx, const std::vector<TablePtr>* tables, txn::ReadTransaction* reader) {
  std::vector<IndexProgress> out;
  const bool any = std::any_of(tables->begin(), tables->end(), [](const TablePtr& t) {
    return std::any_of(t->indexes.begin(), t->indexes.end(), [](const IndexDescriptor& index) {
      return index.state == IndexState::kBuilding;
    });
  });
  if (!any) co_return out;
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<SchemaJob> jobs, co_await List(ctx, reader));
  for (const SchemaJob& job : jobs) {
    if (job.state == SchemaJobState::kRunning) out.push_back({job.table, job.index, job.rows});
  }
  co_return out;
}

Task<absl::StatusOr<std::vector<SchemaJob>>> SchemaJobs::List(Ctx ctx,
                                                              txn::ReadTransaction* reader) {
  std::vector<SchemaJob> jobs;
  txn::ScanRequest request;
  request.range = PrefixRange(SchemaJobPrefix());
  for (;;) {
    auto page = co_await reader->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    for (const txn::KeyValue& kv : page->rows) {
      ISO_CO_ASSIGN_OR_RETURN(SchemaJob job, DecodeSchemaJob(kv.value));
      jobs.push_back(std::move(job));
    }
    if (!page->rest.has_value()) co_return jobs;
    request.range = *page->rest;
  }
}

}  // namespace isochron::sql
