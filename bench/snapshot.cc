// SPDX-License-Identifier: Apache-2.0
//
// The workload snapshot: reads in the past of one row, or of --batch consecutive ones, as a client
// asks for them through the API. Nothing writes meanwhile, so each must find every row.

#include <algorithm>
#include <atomic>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "bench/flag_values.h"
#include "bench/key_choice.h"
#include "bench/row_table.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

int64_t WallUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now()  // lint: allow(clock): a client names a time
                 .time_since_epoch())
      .count();
}

void SetTime(int64_t us, google::protobuf::Timestamp* out) {
  out->set_seconds(us / 1'000'000);
  out->set_nanos(static_cast<int32_t>(us % 1'000'000) * 1000);
}

void SetDuration(int64_t us, google::protobuf::Duration* out) {
  out->set_seconds(us / 1'000'000);
  out->set_nanos(static_cast<int32_t>(us % 1'000'000) * 1000);
}

class SnapshotReads : public Workload {
 public:
  explicit SnapshotReads(const shell::Flags& flags)
      : table_("kv", NumberOr(flags, "keys", 10'000), NumberOr(flags, "groups", 3),
               ValueSize(flags, 100)),
        choice_(table_.keys(), SkewOr(flags, 0)),
        batch_(std::min(NumberOr(flags, "batch", 1), table_.keys())),
        kind_(flags.Text("bound")),
        staleness_us_(NumberOr(flags, "staleness-ms", 10'000) * 1000) {}

  absl::Status Setup(client::Client* client) override {
    ISO_RETURN_IF_ERROR(table_.Make(client));
    // The rows must have been there as long ago as the reads look.
    constexpr int64_t kLongestWaitUs = 60'000'000;
    const int64_t until = NowUs() + std::min(staleness_us_, kLongestWaitUs) + 1'000'000;
    ClientRun run;
    run.client = client;
    absl::Status missing;
    do {
      const absl::StatusOr<client::Result> last =
          table_.ReadAt(&run, Bound(), table_.keys() - 1, 1);
      if (last.ok() && last->rows.size() == 1) return absl::OkStatus();
      missing = last.status();
      SleepMs(200);
    } while (NowUs() < until);
    if (!missing.ok()) return missing;
    return absl::FailedPreconditionError(
        absl::StrCat("the table kv was not yet filled ", staleness_us_ / 1000,
                     " ms ago; run again later, or with a smaller --staleness-ms"));
  }

  void Step(ClientRun* run) override {
    const int64_t first = table_.FirstOf(choice_.Scattered(&run->random), batch_);
    const int64_t began = NowUs();
    const absl::StatusOr<client::Result> result = table_.ReadAt(run, Bound(), first, batch_);
    if (!result.ok()) {
      run->stats.Failed(result.status());
      return;
    }
    if (static_cast<int64_t>(result->rows.size()) != batch_) short_reads_.fetch_add(1);
    run->stats.Succeeded(began, NowUs(), result->latency);
  }

  absl::Status Check(client::Client* /*client*/, Json* report) override {
    (*report)["rows_s"] = Round((*report)["ops_s"].get<double>() * static_cast<double>(batch_));
    (*report)["bound"] = kind_;
    (*report)["staleness_ms"] = staleness_us_ / 1000;
    (*report)["short_reads"] = short_reads_.load();
    if (short_reads_ == 0) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat(short_reads_.load(), " reads did not find all of their rows"));
  }

 private:
  ReadBound Bound() const {
    ReadBound bound;
    if (kind_ == "exact") SetDuration(staleness_us_, bound.mutable_exact_staleness());
    if (kind_ == "max") SetDuration(staleness_us_, bound.mutable_max_staleness());
    if (kind_ == "min") SetTime(WallUs() - staleness_us_, bound.mutable_min_read_timestamp());
    if (kind_ == "at") SetTime(WallUs() - staleness_us_, bound.mutable_read_timestamp());
    if (kind_ == "strong") bound.set_strong(true);
    return bound;
  }

  const RowTable table_;
  const KeyChoice choice_;
  const int64_t batch_;
  const std::string kind_;
  const int64_t staleness_us_;
  std::atomic<int64_t> short_reads_{0};
};

}  // namespace

std::unique_ptr<Workload> MakeSnapshot(const shell::Flags& flags) {
  return std::make_unique<SnapshotReads>(flags);
}

}  // namespace isochron::bench
