// SPDX-License-Identifier: Apache-2.0
//
// Fences: what lets a transaction change descriptions with its own commit (catalog.h).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"

namespace isochron::sql {
namespace {

// No transaction lives longer. One whose node died leaves its fence for so long: it costs those who
// write a locked read each.
constexpr Micros kFenceUs = 660'000'000;
// Index ids that a transaction may give away (schema_transaction.cc parts them by attempts). One
// that it took and lost is not given again: what it had filled in outside of itself stays behind.
constexpr uint64_t kIndexIds = 1000;
constexpr Micros kUnfenceTimeoutUs = 10'000'000;

}  // namespace

void Catalog::ForgetAll() {
  entries_.clear();
  ++epoch_;
}

Task<absl::StatusOr<TableId>> Catalog::NewTableIds(Ctx ctx, uint64_t count) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store_->Begin(ctx));
  for (int attempt = 0;; ++attempt) {
    auto found = co_await txn->Get(ctx, NextTableIdKey(), txn::LockMode::kExclusive);
    absl::Status done = found.status();
    uint64_t next = kFirstTableId;
    if (done.ok()) {
      if (found->has_value()) {
        Reader in(**found);
        if (!in.Varint(&next)) co_return absl::DataLossError("the table id counter cannot be read");
      }
      std::string counter;
      Writer(&counter).Varint(next + count);
      done = txn->Put(NextTableIdKey(), std::move(counter));
    }
    if (done.ok()) done = (co_await txn->Commit(ctx, txn::CommitOptions{})).status();
    if (done.ok()) co_return TableId(next);
    // Whatever became of it: these ids are used by nobody.
    const bool again =
        done.code() == absl::StatusCode::kAborted || done.code() == absl::StatusCode::kUnknown;
    if (done.code() != absl::StatusCode::kUnknown) txn->Rollback();
    if (!again) co_return done;
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done));
    ISO_CO_ASSIGN_OR_RETURN(txn, store_->Begin(ctx));
  }
}

Task<absl::StatusOr<bool>> Catalog::FenceOnce(Ctx ctx, txn::ReadWriteTransaction* txn,
                                              std::string name, Timestamp* blocked_until) {
  auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  const bool may_come = IsSchemaFullName(name);
  if (!value->has_value() && !may_come) co_return false;
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  const Timestamp drop_at = record.now.has_value() ? record.now->drop_at : Timestamp::Max();
  const Timestamp pending = std::min(record.at, drop_at);
  if (pending != Timestamp::Max() && !truetime_->After(pending)) {
    *blocked_until = pending;
    co_return absl::AbortedError(
        absl::StrCat("another change of relation ", name, " is about to take effect"));
  }
  TableRecord fenced;
  fenced.now = record.changes() ? record.next : record.now;
  const bool stands = fenced.now.has_value() && fenced.now->drop_at == Timestamp::Max();
  if (!stands && !may_come) co_return false;
  if (stands) {
    fenced.now->next_index_id += kIndexIds;
  } else {
    fenced.now.reset();
  }
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  // As in ChangeOnce: who does not see this commit fetched before it, and that has run out by
  // `from`.
  const Micros lease = options_.sabotage.Is(Sabotage::kFenceAtOnce) ? 0 : options_.lease_us;
  fenced.fence_from = now.latest + lease + options_.drop_margin_us;
  fenced.fence_until = now.latest + kFenceUs;
  ISO_CO_RETURN_IF_ERROR(txn->Put(DescriptorKey(name), EncodeTableRecord(fenced)));
  txn::CommitOptions commit_options;
  commit_options.s_max = fenced.fence_from - lease;
  auto committed = co_await txn->Commit(ctx, commit_options);
  if (!committed.ok()) co_return committed.status();
  co_return true;
}

Task<absl::Status> Catalog::Fence(Ctx ctx, std::string name,
                                  const txn::ReadWriteTransaction* within) {
  if (!IsSchemaFullName(name)) {
    // Where there is nothing, its own transaction may have locked the name already, to take it.
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                            store_->BeginReadOnly(ctx, std::nullopt));
    auto standing = co_await reader->Get(ctx, DescriptorKey(name), txn::LockMode::kShared);
    if (!standing.ok()) co_return standing.status();
    if (!standing->has_value()) co_return absl::OkStatus();
  }
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn,
                          store_->BeginWithin(ctx, *within));
  for (int attempt = 0;; ++attempt) {
    Timestamp blocked_until;
    auto done = co_await FenceOnce(ctx, txn.get(), name, &blocked_until);
    if (done.status().code() != absl::StatusCode::kUnknown && !(done.ok() && *done)) {
      txn->Rollback();
    }
    // A fence too many does no harm: one whose fate is unknown is put up once more.
    const bool again = done.status().code() == absl::StatusCode::kAborted ||
                       done.status().code() == absl::StatusCode::kUnknown;
    if (!again) co_return done.status();
    if (blocked_until.us > 0) {
      ISO_CO_RETURN_IF_ERROR(co_await WaitUntilPast(ctx, blocked_until));
    } else {
      ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done.status()));
    }
    ISO_CO_ASSIGN_OR_RETURN(txn, store_->BeginWithin(ctx, *within));
  }
}

Task<absl::Status> Catalog::HoldStill(Ctx ctx, UsedTable used, txn::ReadWriteTransaction* writer) {
  auto value = co_await writer->Get(ctx, DescriptorKey(used.name), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  // Changes that wait for their time hold by leases; there is none beside a fence.
  const bool same = record.now.has_value() && !record.changes() && record.now->id == used.id &&
                    record.now->version == used.version && record.now->drop_at == Timestamp::Max();
  if (same) co_return absl::OkStatus();
  co_return absl::AbortedError(
      absl::StrCat("table ", used.name, " was changed or dropped during the transaction"));
}

void Catalog::Unfence(std::vector<std::string> names) {
  if (!names.empty()) background_.Spawn(TakeFencesAway(std::move(names)));
}

Task<void> Catalog::TakeFencesAway(std::vector<std::string> names) {
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + kUnfenceTimeoutUs);
  for (const std::string& name : names) {
    for (int attempt = 0;; ++attempt) {
      auto txn = store_->Begin(ctx);
      if (!txn.ok()) co_return;
      auto value = co_await (*txn)->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
      absl::Status done = value.status();
      if (done.ok() && value->has_value()) {
        auto record = DecodeTableRecord(**value);
        if (!record.ok() || record->fence_until.us == 0) break;
        record->fence_from = record->fence_until = Timestamp();
        const bool bare = !record->now.has_value() && !record->changes();
        done = bare ? (*txn)->Delete(DescriptorKey(name))
                    : (*txn)->Put(DescriptorKey(name), EncodeTableRecord(*record));
      }
      if (done.ok()) done = (co_await (*txn)->Commit(ctx, txn::CommitOptions{})).status();
      if (done.code() != absl::StatusCode::kAborted) break;
      (*txn)->Rollback();
      if (!(co_await Backoff(ctx, attempt, done)).ok()) co_return;
    }
  }
}

}  // namespace isochron::sql
