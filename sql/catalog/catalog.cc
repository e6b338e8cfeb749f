// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr Micros kRefreshTimeoutUs = 5'000'000;
constexpr size_t kMaxWarming = 64;

absl::Status UndefinedTable(absl::string_view name) {
  return SqlError(sqlstate::kUndefinedTable,
                  absl::StrCat("relation \"", LocalName(name), "\" does not exist"), -1,
                  "SHOW TABLES lists the tables.");
}

absl::Status AlreadyThere(const TableDescriptor& t) {
  if (t.kind == RelationKind::kSchema) {
    return SqlError("42P06", absl::StrCat("schema \"", SchemaIn(t.name), "\" already exists"));
  }
  if (t.kind == RelationKind::kDatabase) {
    return SqlError(sqlstate::kDuplicateDatabase,
                    absl::StrCat("database \"", t.local_name(), "\" already exists"));
  }
  if (t.is_enum()) {
    return SqlError(sqlstate::kDuplicateObject,
                    absl::StrCat("type \"", t.local_name(), "\" already exists"));
  }
  return SqlError(sqlstate::kDuplicateTable,
                  absl::StrCat("relation \"", t.local_name(), "\" already exists"));
}

class DropEdit : public SchemaEdit {
 public:
  explicit DropEdit(std::string name) : name_(std::move(name)) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    co_return co_await change->Drop(ctx, name_);
  }

 private:
  const std::string name_;
};

}  // namespace

Catalog::Catalog(txn::Store* store, Executor* executor, TrueTime* truetime, Random* random,
                 Options options)
    : store_(store),
      executor_(executor),
      truetime_(truetime),
      random_(random),
      options_(std::move(options)) {}

bool Catalog::Standing(const TableDescriptor& t, Timestamp now_latest) const {
  return now_latest < t.drop_at;
}

TablePtr Catalog::Peek(const std::string& name) {
  auto it = entries_.find(name);
  if (it == entries_.end()) return nullptr;
  Entry& e = it->second;
  auto now = truetime_->Now();
  if (!now.ok() || now->latest > e.valid_until || !Standing(*e.table, now->latest)) return nullptr;
  if (!e.refreshing && !e.ends && now->latest + options_.lease_us / 2 > e.valid_until) {
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
  Timestamp valid_from = txn->read_timestamp();
  if (valid_from.us == 0) {
    ISO_CO_ASSIGN_OR_RETURN(TTInterval after, truetime_->Now());
    valid_from = after.latest;
  }
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  ISO_CO_ASSIGN_OR_RETURN(
      Fetched out, co_await Choose(ctx, record, valid_from, before.earliest + options_.lease_us));
  Remember(name, out);
  if (out.table != nullptr && watcher_) watcher_(out.table);
  co_return out;
}

Task<absl::StatusOr<Catalog::Fetched>> Catalog::Choose(Ctx ctx, const TableRecord& record,
                                                       Timestamp valid_from,
                                                       Timestamp leased_until) {
  Fetched out;
  out.valid_from = valid_from;
  out.valid_until = leased_until;
  std::optional<TableDescriptor> table = record.now;
  if (record.fenced_at(valid_from)) {
    out.fenced = true;
    out.valid_until = std::min(out.valid_until, valid_from);
  }
  if (record.changes()) {
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
    if (now.latest < record.at) {
      // What a transaction does now may still come before the change: if not, its bound says so.
      out.ends = record.at.Prev() < out.valid_until;
      out.valid_until = std::min(out.valid_until, record.at.Prev());
    } else {
      ISO_CO_RETURN_IF_ERROR(co_await WaitUntilPast(ctx, record.at));
      table = record.next;
      out.valid_from = std::max(out.valid_from, record.at);
    }
  }
  if (table.has_value()) {
    out.table = std::make_shared<const TableDescriptor>(*std::move(table));
    out.valid_until = std::min(out.valid_until, out.table->drop_at.Prev());
  }
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
    entries_[name] =
        Entry{fetched.table, fetched.valid_from, fetched.valid_until, fetched.ends, false};
    ++epoch_;
    return;
  }
  Entry& e = it->second;
  if (e.table->id == fetched.table->id && e.table->version == fetched.table->version) {
    e.valid_until = std::max(e.valid_until, fetched.valid_until);
    e.ends = e.ends || fetched.ends;
    return;
  }
  // Answers of overlapping fetches may arrive out of order: keep the later one.
  if (fetched.valid_until < e.valid_until && fetched.table->drop_at == Timestamp::Max()) return;
  e.ends = fetched.ends;
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

Task<absl::StatusOr<bool>> Catalog::Stands(Ctx ctx, std::string name, bool* may_come) {
  *may_come = false;
  if (Peek(name) != nullptr) co_return true;
  ISO_CO_ASSIGN_OR_RETURN(Fetched fetched, co_await Fetch(ctx, name));
  *may_come = fetched.fenced;
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  const bool stands = fetched.table != nullptr && Standing(*fetched.table, now.latest);
  co_return stands;
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
  ISO_CO_ASSIGN_OR_RETURN(TableRecord record, DecodeTableRecord(**value));
  const TableDescriptor* table = record.At(t);
  if (table == nullptr) co_return UndefinedTable(name);
  // Versions only grow: what was read is what is cached, so it was that at every time in between.
  it = entries_.find(name);
  if (it != entries_.end() && it->second.table->id == table->id &&
      it->second.table->version == table->version) {
    it->second.valid_from = std::min(it->second.valid_from, t);
  }
  co_return std::make_shared<const TableDescriptor>(*table);
}

Task<absl::Status> Catalog::CheckDatabase(Ctx ctx) {
  if (!options_.database.has_value()) co_return absl::OkStatus();
  auto found = co_await Resolve(std::move(ctx), options_.database->full_name);
  if (found.ok() && (*found)->id == options_.database->id) co_return absl::OkStatus();
  const bool gone = found.ok() || SqlStateOf(found.status()) == sqlstate::kUndefinedTable;
  co_return gone ? DatabaseIsGone(*options_.database) : found.status();
}

// Its version is no matter: what follows from what it grants is checked where that was asked.
bool Catalog::DatabaseValidNow(Timestamp now_latest, Timestamp* until) const {
  if (!options_.database.has_value()) return true;
  auto it = entries_.find(options_.database->full_name);
  if (it == entries_.end() || it->second.table->id != options_.database->id ||
      now_latest + options_.lease_us / 4 > it->second.valid_until) {
    return false;
  }
  *until = std::min(*until, it->second.valid_until);
  return true;
}

Task<absl::StatusOr<Timestamp>> Catalog::ValidateDatabase(Ctx ctx,
                                                          txn::ReadWriteTransaction* writer) {
  if (!options_.database.has_value()) co_return Timestamp::Max();
  ISO_CO_ASSIGN_OR_RETURN(Fetched fetched, co_await Fetch(ctx, options_.database->full_name));
  if (fetched.table == nullptr || fetched.table->id != options_.database->id) {
    co_return DatabaseIsGone(*options_.database);
  }
  if (!fetched.fenced || writer == nullptr) co_return fetched.valid_until;
  // Whoever put the fence up may be the writer itself.
  ISO_CO_RETURN_IF_ERROR(co_await HoldDatabase(ctx, writer, *options_.database));
  co_return Timestamp::Max();
}

bool Catalog::ValidNow(const std::vector<UsedTable>& tables, Timestamp* until) {
  *until = Timestamp::Max();
  if (tables.empty() && !options_.database.has_value()) return true;
  auto now = truetime_->Now();
  if (!now.ok() || !DatabaseValidNow(now->latest, until)) return false;
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

Task<absl::StatusOr<Timestamp>> Catalog::Validate(Ctx ctx, std::vector<UsedTable> tables,
                                                  txn::ReadWriteTransaction* writer) {
  Timestamp bound;
  if (ValidNow(tables, &bound)) co_return bound;
  ISO_CO_ASSIGN_OR_RETURN(bound, co_await ValidateDatabase(ctx, writer));
  for (const UsedTable& used : tables) {
    ISO_CO_ASSIGN_OR_RETURN(Fetched fetched, co_await Fetch(ctx, used.name));
    if (fetched.fenced && writer != nullptr && fetched.table != nullptr) {
      ISO_CO_RETURN_IF_ERROR(co_await HoldStill(ctx, used, writer));
      continue;
    }
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

Task<absl::StatusOr<bool>> Catalog::CreateIn(Ctx ctx, txn::ReadWriteTransaction* txn,
                                             TableDescriptor table, bool if_not_exists,
                                             std::vector<TableDescriptor> sequences, Made* made) {
  std::vector<std::string> keys = {DescriptorKey(table.name), IndexNameKey(table.name)};
  auto found = co_await txn->MultiGet(ctx, keys, txn::LockMode::kExclusive);
  if (!found.ok()) co_return found.status();
  if ((*found)[0].has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(TableRecord old, DecodeTableRecord(*(*found)[0]));
    // A fence alone stands for nothing.
    const Timestamp ends = old.changes()         ? old.at
                           : old.now.has_value() ? old.now->drop_at
                                                 : Timestamp();
    if (ends == Timestamp::Max() || old.next.has_value()) {
      if (if_not_exists) co_return false;
      co_return AlreadyThere(table);
    }
    if (!truetime_->After(ends)) {
      co_return SqlError(sqlstate::kObjectInUse,
                         absl::StrCat(table.kind == RelationKind::kDatabase ? "database" : "table",
                                      " \"", table.local_name(), "\" is being dropped"),
                         -1, "Try again in a few seconds.");
    }
  }
  if ((*found)[1].has_value()) {
    co_return AlreadyThere(table);
  }
  SchemaChange names(txn, truetime_);
  const bool lies_in_one = table.is_relation() || table.is_enum();
  if (lies_in_one && !options_.sabotage.Is(Sabotage::kSchemaUnheld)) {
    ISO_CO_RETURN_IF_ERROR(co_await names.HoldSchema(ctx, table.name));
  } else if (lies_in_one && !table.schema.empty() &&
             Hint(SchemaFullName(table.schema)) == nullptr) {
    ISO_CO_RETURN_IF_ERROR((co_await Resolve(ctx, SchemaFullName(table.schema))).status());
  }
  ISO_CO_RETURN_IF_ERROR(co_await names.HoldTypes(ctx, &table));
  ISO_CO_RETURN_IF_ERROR(co_await names.HoldRole(ctx, table.owner));
  for (IndexDescriptor& index : table.indexes) {
    ISO_CO_RETURN_IF_ERROR(co_await names.ClaimIndexName(ctx, table, &index));
  }
  ISO_CO_ASSIGN_OR_RETURN(const TableId id, co_await NewTableIds(ctx, 1 + sequences.size()));
  table.id = id;
  made->relations.emplace_back(table.name, id);
  ISO_CO_RETURN_IF_ERROR(
      co_await AddSequences(ctx, txn, &table, std::move(sequences), id.value + 1, made));
  if (table.kind == RelationKind::kSequence) {
    ISO_CO_RETURN_IF_ERROR(co_await StartSequence(ctx, table));
  }
  ISO_CO_RETURN_IF_ERROR(txn->Put(keys[0], EncodeDescriptor(table)));
  co_return true;
}

Task<absl::StatusOr<bool>> Catalog::CreateOnce(Ctx ctx, txn::ReadWriteTransaction* txn,
                                               TableDescriptor table, bool if_not_exists,
                                               std::vector<TableDescriptor> sequences,
                                               txn::CommitResult* commit) {
  Made ids;
  ISO_CO_ASSIGN_OR_RETURN(bool made, co_await CreateIn(ctx, txn, std::move(table), if_not_exists,
                                                       std::move(sequences), &ids));
  if (!made) co_return false;
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

Task<absl::Status> Catalog::WaitUntilPast(Ctx ctx, Timestamp t) {
  while (!truetime_->After(t)) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor_->MonotonicNow()));
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
    co_await SleepFor(executor_, std::clamp<Micros>(t.us - now.earliest.us, 100, 20'000));
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> Catalog::ChangeOnce(Ctx ctx, SchemaEdit* edit, SchemaChange* change,
                                               Micros margin_us, Timestamp* at,
                                               txn::CommitResult* commit) {
  ISO_CO_RETURN_IF_ERROR(co_await edit->Apply(ctx, change));
  ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  // A fetch that does not see this commit began before its timestamp, which is a lease before *at
  // or earlier: what it fetched has run out by then.
  const Micros lease = options_.sabotage.Is(Sabotage::kUnregisteredGroup) ? 0 : options_.lease_us;
  *at = now.latest + lease + margin_us;
  txn::CommitOptions commit_options;
  commit_options.s_max = *at - lease;
  ISO_CO_ASSIGN_OR_RETURN(bool changes, change->Write(*at));
  if (!changes && !change->txn()->has_writes()) co_return false;
  auto committed = co_await change->txn()->Commit(ctx, commit_options);
  if (!committed.ok()) co_return committed.status();
  *commit = *committed;
  co_return changes;
}

Task<absl::Status> Catalog::Change(Ctx ctx, SchemaEdit* edit, txn::CommitResult* commit) {
  auto first = store_->Begin(ctx);
  if (!first.ok()) co_return first.status();
  std::unique_ptr<txn::ReadWriteTransaction> txn = std::move(*first);
  Timestamp at;
  std::vector<std::string> ended;
  for (int attempt = 0;; ++attempt) {
    // Where commits take long, the margin grows with the attempts.
    const Micros margin = options_.drop_margin_us << std::min(attempt, 5);
    SchemaChange change(txn.get(), truetime_);
    auto changed = co_await ChangeOnce(ctx, edit, &change, margin, &at, commit);
    if (changed.ok() && !*changed) {
      txn->Rollback();
      co_return absl::OkStatus();
    }
    if (changed.ok()) {
      ended = change.Ended();
      break;
    }
    if (changed.status().code() != absl::StatusCode::kUnknown) txn->Rollback();
    if (changed.status().code() != absl::StatusCode::kAborted) co_return changed.status();
    if (change.blocked_until().us > 0) {
      ISO_CO_RETURN_IF_ERROR(co_await WaitUntilPast(ctx, change.blocked_until()));
    } else {
      ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, changed.status()));
    }
    auto again = store_->Retry(ctx, *txn);
    if (!again.ok()) co_return again.status();
    txn = std::move(*again);
  }
  ForgetAll();
  ISO_CO_RETURN_IF_ERROR(co_await WaitUntilPast(ctx, at));
  // From here on everybody treats the change as made; the rest is housekeeping.
  if (!ended.empty()) co_await Unlink(ctx, std::move(ended));
  co_return absl::OkStatus();
}

Task<void> Catalog::Unlink(Ctx ctx, std::vector<std::string> names) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    auto txn = store_->Begin(ctx);
    if (!txn.ok()) co_return;
    absl::Status done;
    for (const std::string& name : names) {
      auto value = co_await (*txn)->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
      done = value.status();
      if (!done.ok()) break;
      if (!value->has_value()) continue;
      auto record = DecodeTableRecord(**value);
      // Somebody may have made a new one.
      if (!record.ok() || !record->changes() || record->next.has_value()) continue;
      if (truetime_->After(record->at)) done = (*txn)->Delete(DescriptorKey(name));
    }
    if (done.ok()) done = (co_await (*txn)->Commit(ctx, txn::CommitOptions{})).status();
    if (done.code() != absl::StatusCode::kAborted) co_return;
    (*txn)->Rollback();
    if (!(co_await Backoff(ctx, attempt, done)).ok()) co_return;
  }
}

Task<absl::StatusOr<bool>> Catalog::Drop(Ctx ctx, std::string name, txn::CommitResult* commit) {
  DropEdit edit(name);
  absl::Status dropped = co_await Change(ctx, &edit, commit);
  if (SqlStateOf(dropped) == sqlstate::kUndefinedTable) co_return false;
  if (!dropped.ok()) co_return dropped;
  co_return true;
}

Task<absl::StatusOr<TablePtr>> Catalog::Settled(Ctx ctx, std::string name) {
  for (;;) {
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> txn,
                            store_->BeginReadOnly(ctx, std::nullopt));
    auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kShared);
    if (!value.ok()) co_return value.status();
    if (!value->has_value()) co_return UndefinedTable(name);
    ISO_CO_ASSIGN_OR_RETURN(TableRecord record, DecodeTableRecord(**value));
    if (record.changes() && !truetime_->After(record.at)) {
      ISO_CO_RETURN_IF_ERROR(co_await WaitUntilPast(ctx, record.at));
      continue;
    }
    const TableDescriptor* table = record.At(Timestamp::Max().Prev());
    if (table == nullptr) co_return UndefinedTable(name);
    co_return std::make_shared<const TableDescriptor>(*table);
  }
}

Task<absl::Status> Catalog::ListRange(Ctx ctx, txn::ReadTransaction* txn, KeyRange range,
                                      std::vector<TablePtr>* out) {
  txn::ScanRequest request;
  request.range = std::move(range);
  for (;;) {
    auto page = co_await txn->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
    const Timestamp t = txn->read_timestamp().us != 0 ? txn->read_timestamp() : now.latest;
    for (const txn::KeyValue& kv : page->rows) {
      ISO_CO_ASSIGN_OR_RETURN(TableRecord record, DecodeTableRecord(kv.value));
      const TableDescriptor* table = record.At(t);
      if (table != nullptr) out->push_back(std::make_shared<const TableDescriptor>(*table));
    }
    if (!page->rest.has_value()) co_return absl::OkStatus();
    request.range = *page->rest;
  }
}

Task<absl::StatusOr<std::vector<TablePtr>>> Catalog::List(Ctx ctx, txn::ReadTransaction* txn) {
  std::vector<TablePtr> out;
  ISO_CO_RETURN_IF_ERROR(co_await ListRange(ctx, txn, PrefixRange(DescriptorPrefix()), &out));
  if (!options_.database.has_value()) co_return out;
  // The universe's names lie among the first database's own.
  ISO_CO_RETURN_IF_ERROR(co_await ListRange(ctx, txn, PrefixRange(DescriptorKey(".")), &out));
  co_return out;
}

}  // namespace isochron::sql
