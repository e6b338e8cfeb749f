// SPDX-License-Identifier: Apache-2.0
//
// The workload bank: transfers between random accounts of a table that is cut into groups, each
// noted in a ledger by the same transaction; beside them, read-only transactions that add all
// balances up. In the end every transfer that was acknowledged must be in the ledger, nothing may
// be there that no client tried, and no sum may ever have differed.

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kFirstBalance = 1000;

class Bank : public Workload {
 public:
  explicit Bank(const shell::Flags& flags)
      : accounts_(flags.Number("accounts", 2, 10'000'000).value_or(900)),
        groups_(flags.Number("groups", 1, 1000).value_or(3)),
        run_(NowUs()) {}

  absl::Status Setup(client::Client* client) override {
    for (const char* sql :
         {"CREATE TABLE IF NOT EXISTS bank_accounts (id bigint PRIMARY KEY, balance bigint NOT "
          "NULL)",
          "CREATE TABLE IF NOT EXISTS bank_ledger (run bigint, client bigint, seq bigint, "
          "source bigint NOT NULL, target bigint NOT NULL, amount bigint NOT NULL, "
          "PRIMARY KEY (run, client, seq))"}) {
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
    }
    for (int64_t g = 0; g < groups_; ++g) {
      const std::string sql =
          absl::StrCat("SELECT isochron.split('bank_accounts', ", FirstOf(g), ")");
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
    }
    constexpr int64_t kBatch = 200;
    for (int64_t from = 0; from < accounts_; from += kBatch) {
      std::string sql = "INSERT INTO bank_accounts VALUES ";
      for (int64_t id = from; id < std::min(from + kBatch, accounts_); ++id) {
        absl::StrAppend(&sql, id > from ? "," : "", "(", id, ",", kFirstBalance, ")");
      }
      absl::StrAppend(&sql, " ON CONFLICT DO NOTHING");
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
    }
    ISO_ASSIGN_OR_RETURN(
        client::Result sum,
        ExecutePatiently(client, "SELECT CAST(sum(balance) AS bigint) AS s FROM bank_accounts"));
    ISO_ASSIGN_OR_RETURN(sum_, sum.rows.at(0).Get<int64_t>(0));
    return absl::OkStatus();
  }

  void Step(ClientRun* run) override {
    const int64_t source = RandomAccount(run);
    int64_t target = RandomAccount(run);
    if (target == source) target = (source + 1) % accounts_;
    const auto amount = static_cast<int64_t>(1 + run->random.Below(10));
    const int64_t seq = run->stats.latency.count() + run->stats.errors + run->stats.unknown;
    const int64_t client = run->number;
    const auto body = [&](client::Transaction& txn) -> absl::Status {
      // In the order of ids, so that fewer transactions stand in each other's way.
      const std::pair<int64_t, int64_t> steps[2] = {{source, -amount}, {target, amount}};
      for (int i = 0; i < 2; ++i) {
        const auto& [id, change] = steps[source < target ? i : 1 - i];
        ISO_ASSIGN_OR_RETURN(
            client::Result r,
            txn.Execute("UPDATE bank_accounts SET balance = balance + $1 WHERE id = $2",
                        {change, id}));
        if (r.row_count != 1) return absl::DataLossError(absl::StrCat("account ", id, " is gone"));
      }
      return txn
          .Execute("INSERT INTO bank_ledger VALUES ($1, $2, $3, $4, $5, $6)",
                   {run_, client, seq, source, target, amount})
          .status();
    };
    const int64_t began = NowUs();
    absl::StatusOr<client::CommitInfo> done = run->client->ReadWrite(body, &run->stats.aborts);
    if (done.ok()) {
      run->stats.Succeeded(began, NowUs(), done->latency);
      if (GroupOf(source) != GroupOf(target)) ++run->stats.multi_group;
    } else {
      run->stats.Failed(done.status());
    }
    std::lock_guard<std::mutex> lock(mutex_);
    if (done.ok()) {
      acknowledged_.insert({client, seq});
    } else {
      open_.insert({client, seq});  // failed or unknown: may be there or not
    }
  }

  int watchers() const override { return 1; }
  void Watch(ClientRun* run) override {
    absl::StatusOr<client::Snapshot> snapshot = run->client->StrongSnapshot();
    if (!snapshot.ok()) return;  // the universe may be failing over
    const absl::StatusOr<client::Result> result =
        snapshot->Execute("SELECT CAST(sum(balance) AS bigint) AS s FROM bank_accounts");
    if (!result.ok()) return;
    const absl::StatusOr<int64_t> sum = result->rows.at(0).Get<int64_t>(0);
    std::lock_guard<std::mutex> lock(mutex_);
    ++sums_;
    if (!sum.ok() || *sum != sum_) {
      ++wrong_sums_;
      finding_ = absl::StrCat("a read-only transaction at ", ToString(snapshot->read_timestamp()),
                              " saw the sum ", sum.ok() ? *sum : -1, " instead of ", sum_);
    }
  }

  absl::Status Check(client::Client* client, Json* report) override {
    ISO_ASSIGN_OR_RETURN(
        client::Result ledger,
        ExecutePatiently(client, "SELECT client, seq FROM bank_ledger WHERE run = $1", {run_}));
    std::set<std::pair<int64_t, int64_t>> found;
    int64_t strangers = 0;
    for (const client::Row& row : ledger.rows) {
      ISO_ASSIGN_OR_RETURN(const int64_t number, row.Get<int64_t>(0));
      ISO_ASSIGN_OR_RETURN(const int64_t seq, row.Get<int64_t>(1));
      found.insert({number, seq});
      if (!acknowledged_.contains({number, seq}) && !open_.contains({number, seq})) ++strangers;
    }
    int64_t lost = 0;
    for (const auto& a : acknowledged_) lost += found.contains(a) ? 0 : 1;
    ISO_ASSIGN_OR_RETURN(
        client::Result sum,
        ExecutePatiently(client, "SELECT CAST(sum(balance) AS bigint) AS s FROM bank_accounts"));
    ISO_ASSIGN_OR_RETURN(const int64_t last, sum.rows.at(0).Get<int64_t>(0));
    (*report)["acknowledged"] = acknowledged_.size();
    (*report)["lost"] = lost;
    (*report)["sums_checked"] = sums_;
    (*report)["wrong_sums"] = wrong_sums_ + (last == sum_ ? 0 : 1);
    (*report)["sum"] = last;
    if (lost > 0) {
      return absl::DataLossError(
          absl::StrCat(lost, " acknowledged transfers are not in the ledger"));
    }
    if (strangers > 0) {
      return absl::DataLossError(
          absl::StrCat("the ledger holds ", strangers, " transfers that no client tried"));
    }
    if (last != sum_) {
      return absl::DataLossError(absl::StrCat("the sum is ", last, ", it was ", sum_));
    }
    return finding_.empty() ? absl::OkStatus() : absl::DataLossError(finding_);
  }

 private:
  int64_t FirstOf(int64_t group) const { return group * accounts_ / groups_; }
  int64_t GroupOf(int64_t id) const {
    int64_t g = id * groups_ / accounts_;
    while (g + 1 < groups_ && FirstOf(g + 1) <= id) ++g;
    while (g > 0 && FirstOf(g) > id) --g;
    return g;
  }
  int64_t RandomAccount(ClientRun* run) const {
    return static_cast<int64_t>(run->random.Below(static_cast<uint64_t>(accounts_)));
  }

  const int64_t accounts_;
  const int64_t groups_;
  const int64_t run_;  // tells this run's ledger rows from earlier ones
  int64_t sum_ = 0;

  std::mutex mutex_;  // of what follows
  std::set<std::pair<int64_t, int64_t>> acknowledged_;
  std::set<std::pair<int64_t, int64_t>> open_;
  int64_t sums_ = 0;
  int64_t wrong_sums_ = 0;
  std::string finding_;
};

}  // namespace

std::unique_ptr<Workload> MakeBank(const shell::Flags& flags) {
  return std::make_unique<Bank>(flags);
}

}  // namespace isochron::bench
