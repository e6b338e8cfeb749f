// SPDX-License-Identifier: Apache-2.0
//
// The workloads append and register: what each transaction saw and did is kept with --history, for
// the checkers of the simulator.
//
//   append     each transaction reads some lists and adds an element to others; a list is a row
//   register   each reads, overwrites, blindly writes or deletes some rows
//
// Every value is written once: its elements are numbers of attempts. A list that grew long is left
// for a new one in the same group, so that rows stay small however long a run is. Beside them,
// read-only transactions: strong of several rows, strong of one, and in the past.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "bench/flag_values.h"
#include "bench/history.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kMaxSlots = 64;
constexpr int64_t kLongestList = 40;
// Keys of a slot: one for each list that it had.
constexpr int64_t kGenerations = 1'000'000;
// Reads in the past look back at most so far, and begin when the tables are older than that.
constexpr int64_t kMaxStalenessUs = 3'000'000;

using Value = std::optional<std::string>;

class Recorded : public Workload {
 public:
  Recorded(const shell::Flags& flags, bool lists)
      : lists_(lists),
        table_(lists ? "bench_append" : "bench_register"),
        slots_(std::min(kMaxSlots, NumberOr(flags, "keys", 12))),
        groups_(std::min(slots_, NumberOr(flags, "groups", 3))),
        recorder_(flags.Text("history")) {}

  absl::Status Setup(client::Client* client) override {
    ISO_RETURN_IF_ERROR(recorder_.Open());
    ISO_RETURN_IF_ERROR(
        ExecutePatiently(client, absl::StrCat("CREATE TABLE IF NOT EXISTS ", table_,
                                              " (k bigint PRIMARY KEY, v text NOT NULL)"))
            .status());
    // What an earlier run left was written by nobody of this one.
    ISO_RETURN_IF_ERROR(ExecutePatiently(client, absl::StrCat("DELETE FROM ", table_)).status());
    for (int64_t g = 1; g < groups_; ++g) {
      const std::string sql = absl::StrCat("SELECT isochron.split('", table_, "', ",
                                           g * slots_ / groups_ * kGenerations, ")");
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
    }
    began_us_ = NowUs();
    return absl::OkStatus();
  }

  void Step(ClientRun* run) override {
    const uint64_t dice = run->random.Below(10);
    if (dice < 6) {
      ReadWrite(run);
    } else if (dice < 8) {
      ReadSeveral(run);
    } else if (dice < 9 || NowUs() < began_us_ + 2 * kMaxStalenessUs) {
      ReadOne(run);
    } else {
      ReadPast(run);
    }
  }

  absl::Status Check(client::Client* client, Json* report) override {
    // All that was acknowledged must be there in the end; the checkers hold it against the rest.
    const std::string sql = absl::StrCat("SELECT k, v FROM ", table_);
    absl::Status status;
    const int64_t until = NowUs() + 60'000'000;
    do {
      status = ReadAll(client, sql);
    } while (!status.ok() && NowUs() < until);
    ISO_RETURN_IF_ERROR(status);
    (*report)["rows"] = static_cast<int64_t>(seen_.size());
    (*report)["reads_in_past"] = past_.load();
    return recorder_.Close();
  }

 private:
  std::string KeyName(int64_t key) const { return std::to_string(key); }
  int64_t Group(int64_t key) const { return key / kGenerations * groups_ / slots_; }

  std::vector<int64_t> SomeKeys(ClientRun* run) {
    std::set<int64_t> keys;
    const size_t wanted = 1 + run->random.Below(3);
    for (int tries = 0; keys.size() < wanted && tries < 10; ++tries) {
      const auto slot = static_cast<int64_t>(run->random.Below(static_cast<uint64_t>(slots_)));
      keys.insert(slot * kGenerations + generations_[static_cast<size_t>(slot)].load());
    }
    return {keys.begin(), keys.end()};
  }

  absl::StatusOr<Value> ValueOf(const absl::StatusOr<client::Result>& result) const {
    ISO_RETURN_IF_ERROR(result.status());
    if (result->rows.empty()) return Value();
    ISO_ASSIGN_OR_RETURN(std::string v, result->rows[0].Get<std::string>(0));
    return Value(std::move(v));
  }
  std::string PointRead() const { return absl::StrCat("SELECT v FROM ", table_, " WHERE k = $1"); }

  absl::Status Write(client::Transaction& txn, Attempt* attempt, int64_t key, bool there,
                     Value value) {
    attempt->writes.emplace_back(KeyName(key), value);
    if (!value.has_value()) {
      return txn.Execute(absl::StrCat("DELETE FROM ", table_, " WHERE k = $1"), {key}).status();
    }
    const std::string sql =
        there ? absl::StrCat("UPDATE ", table_, " SET v = $2 WHERE k = $1")
              : absl::StrCat("INSERT INTO ", table_,
                             " VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v");
    return txn.Execute(sql, {key, *value}).status();
  }

  // Reads some keys, and changes most of them.
  absl::Status Body(client::Transaction& txn, ClientRun* run, const std::vector<int64_t>& keys,
                    Attempt* attempt) {
    attempt->lists = lists_;
    const std::string element = std::to_string(attempt->id);
    for (const int64_t key : keys) {
      const uint64_t dice = run->random.Below(10);
      const bool blind = !lists_ && dice == 9;
      Value old;
      if (!blind) {
        ISO_ASSIGN_OR_RETURN(old, ValueOf(txn.Execute(PointRead(), {key})));
        attempt->reads.emplace_back(KeyName(key), old);
      }
      if (dice < 3) continue;
      if (!lists_) {
        const bool deletes = dice == 3 && old.has_value();
        ISO_RETURN_IF_ERROR(
            Write(txn, attempt, key, old.has_value(), deletes ? Value() : Value(element)));
        continue;
      }
      ISO_RETURN_IF_ERROR(Write(txn, attempt, key, old.has_value(),
                                old.has_value() ? absl::StrCat(*old, ",", element) : element));
      attempt->appends.emplace_back(KeyName(key), element);
      if (old.has_value() && std::count(old->begin(), old->end(), ',') >= kLongestList) {
        Leave(key);
      }
    }
    return absl::OkStatus();
  }

  // Later transactions take another list of the slot.
  void Leave(int64_t key) {
    int64_t generation = key % kGenerations;
    generations_[static_cast<size_t>(key / kGenerations)].compare_exchange_strong(generation,
                                                                                  generation + 1);
  }

  void ReadWrite(ClientRun* run) {
    const std::vector<int64_t> keys = SomeKeys(run);
    std::optional<Attempt> attempt;
    const int64_t began = NowUs();
    const auto body = [&](client::Transaction& txn) -> absl::Status {
      if (attempt.has_value()) recorder_.End(*attempt, absl::AbortedError("tried again"));
      attempt = recorder_.Begin(run->number, false);
      return Body(txn, run, keys, &*attempt);
    };
    const absl::StatusOr<client::CommitInfo> done =
        run->client->ReadWrite(body, &run->stats.aborts);
    if (done.ok() && !attempt->writes.empty()) attempt->ts = done->commit_timestamp;
    if (attempt.has_value()) recorder_.End(*attempt, done.status());
    if (!done.ok()) {
      run->stats.Failed(done.status());
      return;
    }
    run->stats.Succeeded(began, NowUs(), done->latency);
    if (Group(keys.front()) != Group(keys.back())) ++run->stats.multi_group;
  }

  void EndRead(ClientRun* run, int64_t began, const Attempt& attempt, const absl::Status& status) {
    recorder_.End(attempt, status);
    if (status.ok()) {
      run->stats.Succeeded(began, NowUs(), {});
    } else {
      run->stats.Failed(status);
    }
  }

  absl::Status ReadKeys(client::Snapshot* snapshot, const std::vector<int64_t>& keys,
                        Attempt* attempt) {
    attempt->lists = lists_;
    for (const int64_t key : keys) {
      ISO_ASSIGN_OR_RETURN(Value value, ValueOf(snapshot->Execute(PointRead(), {key})));
      attempt->reads.emplace_back(KeyName(key), std::move(value));
      attempt->ts = snapshot->read_timestamp();
    }
    return absl::OkStatus();
  }

  void ReadSeveral(ClientRun* run) {
    const int64_t began = NowUs();
    const std::vector<int64_t> keys = SomeKeys(run);
    Attempt attempt = recorder_.Begin(run->number, true);
    absl::StatusOr<client::Snapshot> snapshot = run->client->StrongSnapshot();
    absl::Status status = snapshot.status();
    if (status.ok()) status = ReadKeys(&*snapshot, keys, &attempt);
    EndRead(run, began, attempt, status);
  }

  void ReadOne(ClientRun* run) {
    const int64_t began = NowUs();
    const int64_t key = SomeKeys(run).front();
    Attempt attempt = recorder_.Begin(run->number, true);
    attempt.local = true;
    attempt.lists = lists_;
    google::spanner::v1::TransactionOptions::ReadOnly bound;
    bound.set_strong(true);
    bound.set_return_read_timestamp(true);
    const absl::StatusOr<client::Result> result = run->client->ReadOnce(bound, PointRead(), {key});
    absl::StatusOr<Value> value = ValueOf(result);
    if (value.ok()) {
      attempt.ts = result->read_timestamp;
      attempt.reads.emplace_back(KeyName(key), *std::move(value));
    }
    EndRead(run, began, attempt, value.status());
  }

  void ReadPast(ClientRun* run) {
    const int64_t began = NowUs();
    const std::vector<int64_t> keys = SomeKeys(run);
    Attempt attempt = recorder_.Begin(run->number, true);
    attempt.strong = false;
    absl::StatusOr<client::Snapshot> snapshot = run->client->SnapshotAgo(
        static_cast<int64_t>(run->random.Below(static_cast<uint64_t>(kMaxStalenessUs))));
    absl::Status status = snapshot.status();
    if (status.ok()) status = ReadKeys(&*snapshot, keys, &attempt);
    if (status.ok()) past_.fetch_add(1);
    EndRead(run, began, attempt, status);
  }

  absl::Status ReadAll(client::Client* client, const std::string& sql) {
    Attempt attempt = recorder_.Begin(0, true);
    attempt.lists = lists_;
    seen_.clear();
    const auto read = [&]() -> absl::Status {
      ISO_ASSIGN_OR_RETURN(client::Snapshot snapshot, client->StrongSnapshot());
      ISO_ASSIGN_OR_RETURN(const client::Result result, snapshot.Execute(sql));
      attempt.ts = snapshot.read_timestamp();
      for (const client::Row& row : result.rows) {
        ISO_ASSIGN_OR_RETURN(const int64_t key, row.Get<int64_t>(0));
        ISO_ASSIGN_OR_RETURN(std::string value, row.Get<std::string>(1));
        seen_.insert(key);
        attempt.reads.emplace_back(KeyName(key), std::move(value));
      }
      // Rows that are not there were seen too.
      for (int64_t slot = 0; slot < slots_; ++slot) {
        const int64_t last = generations_[static_cast<size_t>(slot)].load();
        for (int64_t g = 0; g <= last; ++g) {
          const int64_t key = slot * kGenerations + g;
          if (!seen_.contains(key)) attempt.reads.emplace_back(KeyName(key), std::nullopt);
        }
      }
      return absl::OkStatus();
    };
    const absl::Status status = read();
    recorder_.End(attempt, status);
    return status;
  }

  const bool lists_;
  const std::string table_;
  const int64_t slots_;
  const int64_t groups_;
  Recorder recorder_;
  int64_t began_us_ = 0;
  std::array<std::atomic<int64_t>, kMaxSlots> generations_ = {};
  std::atomic<int64_t> past_{0};
  std::set<int64_t> seen_;  // of the last read of all
};

}  // namespace

std::unique_ptr<Workload> MakeAppend(const shell::Flags& flags) {
  return std::make_unique<Recorded>(flags, true);
}

std::unique_ptr<Workload> MakeRegister(const shell::Flags& flags) {
  return std::make_unique<Recorded>(flags, false);
}

}  // namespace isochron::bench
