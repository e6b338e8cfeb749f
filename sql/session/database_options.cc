// SPDX-License-Identifier: Apache-2.0
#include "txn/api/database_options.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/session/databases.h"
#include "sql/session/session_impl.h"
#include "sql/types/time_text.h"

// ALTER DATABASE ... SET: options of the database, rows of the catalog that the nodes look at.

namespace isochron::sql {
namespace {

constexpr char kVersionRetention[] = "spanner.version_retention_period";

// What is stored for it; empty to go back to what the nodes were told.
absl::StatusOr<std::string> ValueOf(const ast::Set& set) {
  if (set.reset_all) return std::string();
  if (set.name != kVersionRetention) {
    return SqlError(sqlstate::kUndefinedObject,
                    absl::StrCat("unrecognized option of a database \"", set.name, "\""), -1,
                    absl::StrCat("There is one: ", kVersionRetention, "."));
  }
  if (!set.value.has_value()) return std::string();
  ISO_ASSIGN_OR_RETURN(const Micros us, ParseDuration(*set.value, 1'000'000));
  if (us < txn::kMinVersionRetentionUs || us > txn::kMaxVersionRetentionUs) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat(kVersionRetention, " is between 1s and 7d"), -1,
                    absl::StrCat("\"", *set.value, "\" was asked for."));
  }
  return absl::StrCat(us);
}

std::string Shown(Micros us) {
  constexpr Micros kSecond = 1'000'000;
  if (us % (86'400 * kSecond) == 0) return absl::StrCat(us / (86'400 * kSecond), "d");
  if (us % (3'600 * kSecond) == 0) return absl::StrCat(us / (3'600 * kSecond), "h");
  if (us % (60 * kSecond) == 0) return absl::StrCat(us / (60 * kSecond), "m");
  if (us % kSecond == 0) return absl::StrCat(us / kSecond, "s");
  return absl::StrCat(us / 1'000, "ms");
}

}  // namespace

Task<SessionImpl::Result> SessionImpl::AlterDatabase(Ctx ctx, const ast::Set* set) {
  if (set->database != kFirstDatabase) {
    ISO_CO_ASSIGN_OR_RETURN(const bool stands,
                            co_await engine_->databases().Stands(ctx, set->database));
    if (!stands && !IsTemplateDatabase(set->database)) co_return NoDatabase(set->database);
    co_return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("settings of database \"", set->database, "\" are not supported yet"), -1,
        absl::StrCat(kVersionRetention, " is the universe's; it is set with ALTER ", "DATABASE ",
                     kFirstDatabase, "."));
  }
  ISO_CO_ASSIGN_OR_RETURN(const std::string value, ValueOf(*set));
  txn::Store* const store = engine_->deps().store;
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store->Begin(ctx));
  for (int attempt = 0;; ++attempt) {
    ISO_CO_RETURN_IF_ERROR(value.empty() ? txn->Delete(txn::VersionRetentionKey())
                                         : txn->Put(txn::VersionRetentionKey(), value));
    auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
    if (committed.ok()) {
      StatementResult result;
      result.tag = "ALTER DATABASE";
      result.commit_timestamp = committed->commit_timestamp;
      settings_->SetCommitTimestamp(committed->commit_timestamp);
      co_return result;
    }
    if (!absl::IsAborted(committed.status())) co_return CommitError(committed.status());
    ISO_CO_RETURN_IF_ERROR(co_await engine_->Backoff(ctx, attempt, committed.status()));
    ISO_CO_ASSIGN_OR_RETURN(txn, store->Retry(ctx, *txn));
  }
}

Task<absl::StatusOr<std::vector<Row>>> EngineImpl::DatabaseOptions(Ctx ctx,
                                                                   txn::ReadTransaction* reader) {
  auto stored = co_await reader->Get(ctx, txn::VersionRetentionKey(), txn::LockMode::kShared);
  if (!stored.ok()) co_return stored.status();
  std::optional<Micros> us;
  if (stored->has_value()) us = txn::ParseVersionRetention(**stored);
  std::vector<Row> rows(1);
  for (const std::string& text :
       {database_, std::string("public"), std::string("version_retention_period"),
        std::string("character varying"), Shown(us.value_or(options_.version_retention_us))}) {
    rows[0].push_back(Datum::String(text));
  }
  co_return rows;
}

}  // namespace isochron::sql
