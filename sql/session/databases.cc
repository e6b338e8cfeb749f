// SPDX-License-Identifier: Apache-2.0
#include "sql/session/databases.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr Micros kSweepTimeoutUs = 30'000'000;
constexpr uint64_t kSweepRows = 500;
constexpr int kSweepAttempts = 10;

Engine::Deps WithStore(Engine::Deps deps, txn::Store* store) {
  deps.store = store;
  return deps;
}

// Many databases share what one has.
EngineOptions Smaller(EngineOptions options) {
  options.plan_cache_entries /= 8;
  return options;
}

}  // namespace

absl::Status NoDatabase(absl::string_view name) {
  return SqlError(sqlstate::kInvalidCatalog, absl::StrCat("database \"", name, "\" does not exist"),
                  -1, "SELECT datname FROM pg_database lists those that there are.");
}

std::unique_ptr<Engine> Engine::Create(Deps deps, EngineOptions options) {
  return std::make_unique<Databases>(deps, std::move(options));
}

const std::string& Session::database() const {
  static const auto* first = new std::string(kFirstDatabase);
  return *first;
}

Task<absl::StatusOr<std::unique_ptr<Session>>> Engine::Open(Ctx /*ctx*/, std::string database) {
  if (database != kFirstDatabase) co_return NoDatabase(database);
  co_return NewSession();
}

Task<absl::StatusOr<bool>> Engine::Stands(Ctx /*ctx*/, std::string database) {
  co_return database == kFirstDatabase;
}

Databases::Other::Other(const Deps& deps, const EngineOptions& options, Databases* databases,
                        DatabaseId id)
    : store(deps.store, id),
      engine(WithStore(deps, &store), Smaller(options), databases, std::move(id)) {}

Databases::Databases(Deps deps, EngineOptions options)
    : deps_(deps), options_(options), first_(deps, std::move(options), this, std::nullopt) {}

Task<absl::StatusOr<TablePtr>> Databases::Describe(Ctx ctx, std::string name) {
  const std::string full_name = DatabaseFullName(name);
  auto found = co_await first_.catalog().Resolve(ctx, full_name);
  if (found.ok() || SqlStateOf(found.status()) != sqlstate::kUndefinedTable) co_return found;
  if (name != kMaintenanceDatabase) co_return NoDatabase(name);
  TableDescriptor made;
  made.name = full_name;
  made.kind = RelationKind::kDatabase;
  made.comment = kMaintenanceComment;
  txn::CommitResult commit;
  ISO_CO_RETURN_IF_ERROR(
      (co_await first_.catalog().Create(ctx, std::move(made), true, &commit)).status());
  co_return co_await first_.catalog().Resolve(ctx, full_name);
}

Task<absl::StatusOr<std::vector<TablePtr>>> Databases::List(Ctx ctx, TableId database) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          deps_.store->BeginReadOnly(ctx, std::nullopt));
  if (database.value == 0) co_return co_await first_.catalog().List(ctx, reader.get());
  const std::unique_ptr<txn::ReadTransaction> there = InDatabase(reader.get(), database);
  co_return co_await first_.catalog().List(ctx, there.get());
}

Task<absl::StatusOr<std::unique_ptr<Session>>> Databases::Open(Ctx ctx, std::string database) {
  if (database == kFirstDatabase) co_return first_.NewSession();
  if (IsTemplateDatabase(database)) {
    co_return WithFields(
        SqlError(sqlstate::kNotInPrerequisiteState,
                 absl::StrCat("database \"", database, "\" is not currently accepting connections"),
                 -1, absl::StrCat("Connect to \"", kMaintenanceDatabase, "\".")),
        {"It is a name for the empty database that new ones are made of."});
  }
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr found, co_await Describe(ctx, database));
  DropIdle();
  std::unique_ptr<Other>& other = others_[{found->id.value, found->name}];
  if (other == nullptr) {
    other = std::make_unique<Other>(deps_, options_, this, DatabaseId{found->id, found->name});
  }
  other->last_use = ++uses_;
  co_return other->engine.NewSession();
}

Task<absl::StatusOr<bool>> Databases::Stands(Ctx ctx, std::string database) {
  if (database == kFirstDatabase) co_return true;
  if (IsTemplateDatabase(database)) co_return false;
  auto found = co_await Describe(ctx, database);
  if (SqlStateOf(found.status()) == sqlstate::kInvalidCatalog) co_return false;
  if (!found.ok()) co_return found.status();
  co_return true;
}

// Only where no session of theirs is on the stack.
void Databases::DropIdle() {
  std::vector<std::pair<uint64_t, Key>> idle;
  for (const auto& [key, other] : others_) {
    if (other->engine.idle()) idle.emplace_back(other->last_use, key);
  }
  std::sort(idle.begin(), idle.end());
  for (size_t i = 0; i + kMaxIdle < idle.size(); ++i) others_.erase(idle[i].second);
}

std::vector<Engine::ActiveStatement> Databases::ActiveStatements() const {
  std::vector<ActiveStatement> out = first_.ActiveStatements();
  for (const auto& [key, other] : others_) {
    for (ActiveStatement& a : other->engine.ActiveStatements()) out.push_back(std::move(a));
  }
  return out;
}

std::vector<Engine::SessionState> Databases::Sessions() const {
  std::vector<SessionState> out = first_.Sessions();
  for (const auto& [key, other] : others_) {
    for (SessionState& s : other->engine.Sessions()) out.push_back(std::move(s));
  }
  return out;
}

bool Databases::VouchesForLocks(uint64_t session) const {
  if (first_.VouchesForLocks(session)) return true;
  return std::any_of(others_.begin(), others_.end(), [session](const auto& other) {
    return other.second->engine.VouchesForLocks(session);
  });
}

Task<absl::StatusOr<int64_t>> Databases::Connections(Ctx ctx, std::string database) {
  if (deps_.system_tables != nullptr) {
    co_return co_await deps_.system_tables->Connections(std::move(ctx), std::move(database));
  }
  const std::vector<SessionState> all = Sessions();
  co_return std::count_if(all.begin(), all.end(), [&database](const SessionState& s) {
    return s.connected && s.database == database;
  });
}

Task<void> Databases::Sweep() {
  auto ctx = std::make_shared<RequestContext>(deps_.executor->MonotonicNow() + kSweepTimeoutUs);
  auto reader = deps_.store->BeginReadOnly(ctx, std::nullopt);
  if (!reader.ok()) co_return;
  txn::ScanRequest request;
  request.range = PrefixRange(DroppedDatabasePrefix());
  auto page = co_await (*reader)->Scan(ctx, std::move(request));
  if (!page.ok()) co_return;
  for (const txn::KeyValue& row : page->rows) {
    const TableId id = DroppedDatabaseOf(row.key);
    if (id.value != 0) (void)co_await SweepOne(ctx, id, row.value);
  }
}

// Nobody writes there any more: who would, holds the database's description (DatabaseStore).
Task<absl::Status> Databases::SweepOne(Ctx ctx, TableId id, std::string full_name) {
  for (int attempt = 0; attempt < kSweepAttempts;) {
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn,
                            deps_.store->Begin(ctx));
    auto value = co_await txn->Get(ctx, DescriptorKey(full_name), txn::LockMode::kShared);
    ISO_CO_RETURN_IF_ERROR(value.status());
    if (value->has_value()) {
      ISO_CO_ASSIGN_OR_RETURN(const TableRecord record, DecodeTableRecord(**value));
      const bool stands = record.now.has_value() && record.now->id == id &&
                          !(record.changes() && deps_.truetime->After(record.at));
      if (stands) co_return absl::OkStatus();  // it is being dropped
    }
    txn::ScanRequest request;
    request.range = PrefixRange(DatabasePrefix(id));
    request.limit_rows = kSweepRows;
    auto page = co_await txn->Scan(ctx, std::move(request));
    ISO_CO_RETURN_IF_ERROR(page.status());
    for (const txn::KeyValue& row : page->rows) ISO_CO_RETURN_IF_ERROR(txn->Delete(row.key));
    const bool last = !page->rest.has_value();
    if (last) ISO_CO_RETURN_IF_ERROR(txn->Delete(DroppedDatabaseKey(id)));
    auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
    if (committed.ok() && last) co_return absl::OkStatus();
    if (committed.ok()) continue;
    if (!absl::IsAborted(committed.status())) co_return committed.status();
    txn->Rollback();
    ++attempt;
    ISO_CO_RETURN_IF_ERROR(co_await first_.Backoff(ctx, attempt, committed.status()));
  }
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
