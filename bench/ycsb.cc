// SPDX-License-Identifier: Apache-2.0
//
// The workloads ycsb-a to ycsb-f: the mixes of the Yahoo! Cloud Serving Benchmark (Cooper et al.,
// 2010) over one table with one value a row.
//
//   a  half reads, half updates          d  reads of the latest rows, 5 % inserts
//   b  95 % reads, 5 % updates           e  scans of 1 to 100 rows, 5 % inserts
//   c  reads                             f  half reads, half read-modify-writes

#include <atomic>

#include "absl/strings/str_cat.h"
#include "bench/flag_values.h"
#include "bench/key_choice.h"
#include "bench/row_table.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

enum class Op { kRead, kUpdate, kInsert, kScan, kReadModifyWrite };

struct Mix {
  Op often;          // what most operations are
  Op seldom;         // the others
  uint64_t percent;  // of `often`
  bool latest;
};

Mix MixOf(char letter) {
  switch (letter) {
    case 'a':
      return {Op::kRead, Op::kUpdate, 50, false};
    case 'b':
      return {Op::kRead, Op::kUpdate, 95, false};
    case 'c':
      return {Op::kRead, Op::kRead, 100, false};
    case 'd':
      return {Op::kRead, Op::kInsert, 95, true};
    case 'e':
      return {Op::kScan, Op::kInsert, 95, false};
    default:
      return {Op::kRead, Op::kReadModifyWrite, 50, false};
  }
}

class Ycsb : public Workload {
 public:
  Ycsb(char letter, const shell::Flags& flags)
      : mix_(MixOf(letter)),
        table_("usertable", NumberOr(flags, "keys", 10'000), NumberOr(flags, "groups", 3),
               ValueSize(flags, 1000)),
        choice_(table_.keys(), SkewOr(flags, 0.99)) {}

  absl::Status Setup(client::Client* client) override {
    ISO_RETURN_IF_ERROR(table_.Make(client));
    // Earlier runs inserted behind the last key.
    ISO_ASSIGN_OR_RETURN(client::Result last,
                         ExecutePatiently(client, "SELECT max(k) AS k FROM usertable"));
    ISO_ASSIGN_OR_RETURN(const int64_t key, last.rows.at(0).Get<int64_t>(0));
    next_key_ = key + 1;
    newest_ = key;
    return absl::OkStatus();
  }

  void Step(ClientRun* run) override {
    const Op op = run->random.Below(100) < mix_.percent ? mix_.often : mix_.seldom;
    const int64_t key = mix_.latest ? choice_.Latest(&run->random, newest_.load())
                                    : choice_.Scattered(&run->random);
    const int64_t began = NowUs();
    absl::StatusOr<client::Result> result;
    switch (op) {
      case Op::kRead:
        result = table_.Read(run, key, 1);
        // Without inserts by others in flight every key up to the newest is there.
        if (result.ok() && result->rows.empty() && !mix_.latest) missing_.fetch_add(1);
        break;
      case Op::kUpdate:
        result = table_.Upsert(run, key, 1);
        break;
      case Op::kInsert:
        result = Insert(run);
        break;
      case Op::kScan:
        result = table_.Scan(run, key, run->random.Between(1, 100));
        break;
      case Op::kReadModifyWrite: {
        const absl::StatusOr<client::CommitInfo> done = table_.ReadModifyWrite(run, key);
        result = client::Result();
        if (done.ok()) {
          result->latency = done->latency;
        } else {
          result = done.status();
        }
        break;
      }
    }
    if (result.ok()) {
      run->stats.Succeeded(began, NowUs(), result->latency);
    } else {
      run->stats.Failed(result.status());
    }
  }

  absl::Status Check(client::Client* client, Json* report) override {
    (*report)["missing"] = missing_.load();
    ISO_RETURN_IF_ERROR(table_.Check(client, report));
    if (missing_ == 0) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(missing_.load(), " reads did not find their row"));
  }

 private:
  absl::StatusOr<client::Result> Insert(ClientRun* run) {
    const int64_t key = next_key_.fetch_add(1);
    absl::StatusOr<client::Result> result = table_.Upsert(run, key, 1);
    int64_t seen = newest_.load();
    while (result.ok() && seen < key && !newest_.compare_exchange_weak(seen, key)) {
    }
    return result;
  }

  const Mix mix_;
  const RowTable table_;
  const KeyChoice choice_;
  std::atomic<int64_t> next_key_{0};
  std::atomic<int64_t> newest_{0};  // acknowledged
  std::atomic<int64_t> missing_{0};
};

}  // namespace

std::unique_ptr<Workload> MakeYcsb(char letter, const shell::Flags& flags) {
  return std::make_unique<Ycsb>(letter, flags);
}

}  // namespace isochron::bench
