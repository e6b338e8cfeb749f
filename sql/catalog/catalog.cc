// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr Micros kRefreshTimeoutUs = 5'000'000;
constexpr size_t kMaxWarming = 64;

absl::Status UndefinedTable(absl::string_view name) {
  return SqlError(sqlstate::kUndefinedTable, absl::StrCat("relation \"", name, "\" does not exist"),
                  -1, "SHOW TABLES lists the tables.");
}

}  // namespace

Catalog::Catalog(txn::Store* store, Executor* executor, TrueTime* truetime, Random* random,
                 Options options)
    : store_(store), executor_(executor), truetime_(truetime), random_(random), options_(options) {}

bool Catalog::Standing(const TableDescriptor& t, Timestamp now_latest) const {
  return now_latest < t.drop_at;
}

TablePtr Catalog::Peek(const std::string& name) {
  auto it = entries_.find(name);
  if (it == entries_.end()) return nullptr;
  Entry& e = it->second;
  auto now = truetime_->Now();
  if (!now.ok() || now->latest > e.valid_until || !Standing(*e.table, now->latest)) return nullptr;
  if (!e.refreshing && now->latest + options_.lease_us / 2 > e.valid_until) {
    e.refreshing = true;
    background_.Spawn(Refresh(name));
  }
  return e.table;
}

TablePtr Catalog::Hint(const std::string& name) const {
  auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : it->second.table;
}

Task<void> Catalog::Warm(std::string name) {
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + kRefreshTimeoutUs);
  (void)co_await Fetch(ctx, name);  // without it reads go on asking for themselves
  warming_.erase(name);
}

Task<void> Catalog::Refresh(std::string name) {
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + kRefreshTimeoutUs);
  auto fetched = co_await Fetch(ctx, name);
  auto it = entries_.find(name);
  if (it != entries_.end()) it->second.refreshing = false;
  (void)fetched;  // a failed refresh leaves the entry to run out
}

Task<absl::StatusOr<Catalog::Fetched>> Catalog::Fetch(Ctx ctx, std::string name) {
  ISO_CO_ASSIGN_OR_RETURN(TTInterval before, truetime_->Now());
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> txn,
                          store_->BeginReadOnly(ctx, std::nullopt));
  auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  Fetched out;
  out.valid_from = txn->read_timestamp();
  if (out.valid_from.us == 0) {
    ISO_CO_ASSIGN_OR_RETURN(TTInterval after, truetime_->Now());
    out.valid_from = after.latest;
  }
  out.valid_until = before.earliest + options_.lease_us;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DecodeDescriptor(**value));
    out.table = std::make_shared<const TableDescriptor>(std::move(table));
    out.valid_until = std::min(out.valid_until, out.table->drop_at.Prev());
  }
  Remember(name, out);
  co_return out;
}

void Catalog::Remember(const std::string& name, const Fetched& fetched) {
  auto it = entries_.find(name);
  if (fetched.table == nullptr) {
    if (it != entries_.end()) {
      entries_.erase(it);
      ++epoch_;
    }
    return;
  }
  if (it == entries_.end()) {
    entries_[name] = Entry{fetched.table, fetched.valid_from, fetched.valid_until, false};
    ++epoch_;
    return;
  }
  Entry& e = it->second;
  if (e.table->id == fetched.table->id && e.table->version == fetched.table->version) {
    e.valid_until = std::max(e.valid_until, fetched.valid_until);
    return;
  }
  // Answers of overlapping fetches may arrive out of order: keep the later one.
  if (fetched.valid_until < e.valid_until && fetched.table->drop_at == Timestamp::Max()) return;
  e.table = fetched.table;
  e.valid_from = fetched.valid_from;
  e.valid_until = fetched.valid_until;
  ++epoch_;
}

Task<absl::StatusOr<TablePtr>> Catalog::Resolve(Ctx ctx, std::string name) {
  if (TablePtr cached = Peek(name)) co_return cached;
  ISO_CO_ASSIGN_OR_RETURN(Fetched fetched, co_await Fetch(ctx, name));
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  if (fetched.table == nullptr || !Standing(*fetched.table, now.latest)) {
    co_return UndefinedTable(name);
  }
  co_return fetched.table;
}

Task<absl::StatusOr<TablePtr>> Catalog::ResolveAt(Ctx ctx, std::string name, Timestamp t,
                                                  txn::ReadTransaction* txn) {
  auto it = entries_.find(name);
  if (it != entries_.end() && t >= it->second.valid_from && t <= it->second.valid_until) {
    co_return it->second.table;
  }
  if (warming_.size() < kMaxWarming && warming_.insert(name).second) {
    background_.Spawn(Warm(name));
  }
  auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return UndefinedTable(name);
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DecodeDescriptor(**value));
  if (t >= table.drop_at) co_return UndefinedTable(name);
  // Versions only grow: what was read is what is cached, so it was that at every time in between.
  it = entries_.find(name);
  if (it != entries_.end() && it->second.table->id == table.id &&
      it->second.table->version == table.version) {
    it->second.valid_from = std::min(it->second.valid_from, t);
  }
  co_return std::make_shared<const TableDescriptor>(std::move(table));
}

bool Catalog::ValidNow(const std::vector<UsedTable>& tables, Timestamp* until) {
  *until = Timestamp::Max();
  if (tables.empty()) return true;
  auto now = truetime_->Now();
  if (!now.ok()) return false;
  for (const UsedTable& used : tables) {
    auto it = entries_.find(used.name);
    // Too little time left to commit within: fetch first.
    if (it == entries_.end() || it->second.table->id != used.id ||
        it->second.table->version != used.version ||
        now->latest + options_.lease_us / 4 > it->second.valid_until) {
      return false;
    }
    *until = std::min(*until, it->second.valid_until);
  }
  return true;
}

Task<absl::StatusOr<Timestamp>> Catalog::Validate(Ctx ctx, std::vector<UsedTable> tables) {
  Timestamp bound;
  if (ValidNow(tables, &bound)) co_return bound;
  bound = Timestamp::Max();
  for (const UsedTable& used : tables) {
    ISO_CO_ASSIGN_OR_RETURN(Fetched fetched, co_await Fetch(ctx, used.name));
    if (fetched.table == nullptr || fetched.table->id != used.id ||
        fetched.table->version != used.version) {
      co_return absl::AbortedError(
          absl::StrCat("table ", used.name, " was changed or dropped during the transaction"));
    }
    bound = std::min(bound, fetched.valid_until);
  }
  co_return bound;
}

Task<absl::Status> Catalog::Backoff(Ctx ctx, int attempt, absl::Status last) {
  absl::Status alive = ctx->Check(executor_->MonotonicNow());
  if (!alive.ok()) {
    co_return absl::Status(alive.code(),
                           absl::StrCat(alive.message(), "; last refusal: ", last.message()));
  }
  const Micros ceiling = std::min<Micros>(100'000, Micros{1000} << std::min(attempt, 7));
  co_await SleepFor(executor_, random_->Between(ceiling / 2, ceiling));
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> Catalog::CreateOnce(Ctx ctx, txn::ReadWriteTransaction* txn,
                                               TableDescriptor table, bool if_not_exists,
                                               std::vector<TableDescriptor> sequences,
                                               txn::CommitResult* commit) {
  std::vector<std::string> keys = {DescriptorKey(table.name), NextTableIdKey()};
  auto found = co_await txn->MultiGet(ctx, keys, txn::LockMode::kExclusive);
  if (!found.ok()) co_return found.status();
  if ((*found)[0].has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor old, DecodeDescriptor(*(*found)[0]));
    if (old.drop_at == Timestamp::Max()) {
      if (if_not_exists) co_return false;
      co_return SqlError(sqlstate::kDuplicateTable,
                         absl::StrCat("relation \"", table.name, "\" already exists"));
    }
    if (!truetime_->After(old.drop_at)) {
      co_return SqlError(sqlstate::kObjectInUse,
                         absl::StrCat("table \"", table.name, "\" is being dropped"), -1,
                         "Try again in a few seconds.");
    }
  }
  uint64_t next = kFirstTableId;
  if ((*found)[1].has_value()) {
    Reader in(*(*found)[1]);
    if (!in.Varint(&next)) co_return absl::DataLossError("the table id counter cannot be read");
  }
  table.id = TableId(next++);
  ISO_CO_RETURN_IF_ERROR(co_await AddSequences(ctx, txn, &table, std::move(sequences), &next));
  if (table.kind == RelationKind::kSequence) ISO_CO_RETURN_IF_ERROR(StartSequence(txn, table));
  std::string counter;
  Writer(&counter).Varint(next);
  ISO_CO_RETURN_IF_ERROR(txn->Put(keys[1], std::move(counter)));
  ISO_CO_RETURN_IF_ERROR(txn->Put(keys[0], EncodeDescriptor(table)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  if (!committed.ok()) co_return committed.status();
  *commit = *committed;
  co_return true;
}

Task<absl::StatusOr<bool>> Catalog::Create(Ctx ctx, TableDescriptor table, bool if_not_exists,
                                           txn::CommitResult* commit,
                                           std::vector<TableDescriptor> sequences) {
  auto first = store_->Begin(ctx);
  if (!first.ok()) co_return first.status();
  std::unique_ptr<txn::ReadWriteTransaction> txn = std::move(*first);
  for (int attempt = 0;; ++attempt) {
    auto done = co_await CreateOnce(ctx, txn.get(), table, if_not_exists, sequences, commit);
    if (done.status().code() != absl::StatusCode::kAborted) {
      if (!done.ok()) txn->Rollback();
      co_return done;
    }
    txn->Rollback();  // its locks go before the wait
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done.status()));
    auto again = store_->Retry(ctx, *txn);
    if (!again.ok()) co_return again.status();
    txn = std::move(*again);
  }
}

Task<absl::StatusOr<bool>> Catalog::MarkDropped(Ctx ctx, txn::ReadWriteTransaction* txn,
                                                std::string name, Micros margin_us,
                                                Timestamp* drop_at, TableId* id,
                                                txn::CommitResult* commit) {
  auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return false;
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DecodeDescriptor(**value));
  if (table.drop_at != Timestamp::Max() && truetime_->After(table.drop_at)) co_return false;
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  // A fetch that does not see this commit began before its timestamp, which is a lease before
  // drop_at or earlier: what it fetched has run out by then.
  *drop_at = now.latest + options_.lease_us + margin_us;
  txn::CommitOptions commit_options;
  commit_options.s_max = *drop_at - options_.lease_us;
  *id = table.id;
  table.drop_at = *drop_at;
  ++table.version;
  ISO_CO_RETURN_IF_ERROR(txn->Put(DescriptorKey(name), EncodeDescriptor(table)));
  auto committed = co_await txn->Commit(ctx, commit_options);
  if (!committed.ok()) co_return committed.status();
  *commit = *committed;
  co_return true;
}

Task<absl::Status> Catalog::Unlink(Ctx ctx, txn::ReadWriteTransaction* txn, std::string name,
                                   TableId id) {
  auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DecodeDescriptor(**value));
  if (table.id != id) co_return absl::OkStatus();  // somebody made a new one
  ISO_CO_RETURN_IF_ERROR(txn->Delete(DescriptorKey(name)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  co_return committed.status();
}

Task<absl::StatusOr<bool>> Catalog::Drop(Ctx ctx, std::string name, txn::CommitResult* commit) {
  auto first = store_->Begin(ctx);
  if (!first.ok()) co_return first.status();
  std::unique_ptr<txn::ReadWriteTransaction> txn = std::move(*first);
  Timestamp drop_at;
  TableId id;
  for (int attempt = 0;; ++attempt) {
    // Where commits take long, the margin grows with the attempts.
    const Micros margin = options_.drop_margin_us << std::min(attempt, 5);
    auto marked = co_await MarkDropped(ctx, txn.get(), name, margin, &drop_at, &id, commit);
    if (marked.ok() && !*marked) {
      txn->Rollback();
      co_return false;
    }
    if (marked.ok()) break;
    txn->Rollback();
    if (marked.status().code() != absl::StatusCode::kAborted) co_return marked.status();
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, marked.status()));
    auto again = store_->Retry(ctx, *txn);
    if (!again.ok()) co_return again.status();
    txn = std::move(*again);
  }
  entries_.erase(name);
  ++epoch_;
  while (!truetime_->After(drop_at)) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor_->MonotonicNow()));
    co_await SleepFor(executor_, 20'000);
  }
  // From here on everybody treats the table as gone; removing the name is housekeeping.
  for (int attempt = 0; attempt < 10; ++attempt) {
    auto next = store_->Begin(ctx);
    if (!next.ok()) break;
    txn = std::move(*next);
    absl::Status done = co_await Unlink(ctx, txn.get(), name, id);
    txn->Rollback();
    if (done.code() != absl::StatusCode::kAborted) break;
    if (!(co_await Backoff(ctx, attempt, done)).ok()) break;
  }
  co_return true;
}

Task<absl::StatusOr<std::vector<TablePtr>>> Catalog::List(Ctx ctx, txn::ReadTransaction* txn) {
  std::vector<TablePtr> out;
  txn::ScanRequest request;
  request.range = PrefixRange(DescriptorPrefix());
  for (;;) {
    auto page = co_await txn->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
    const Timestamp t = txn->read_timestamp().us != 0 ? txn->read_timestamp() : now.latest;
    for (const txn::KeyValue& kv : page->rows) {
      ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DecodeDescriptor(kv.value));
      if (t < table.drop_at) out.push_back(std::make_shared<const TableDescriptor>(table));
    }
    if (!page->rest.has_value()) co_return out;
    request.range = *page->rest;
  }
}

}  // namespace isochron::sql
