// SPDX-License-Identifier: Apache-2.0
//
// The workload kv: upserts and strong reads of random keys of one table, which is cut into groups
// led in different regions. With --batch, each is of several consecutive rows.

#include "absl/strings/str_cat.h"
#include "bench/flag_values.h"
#include "bench/key_choice.h"
#include "bench/row_table.h"
#include "bench/workload.h"

namespace isochron::bench {
namespace {

class Kv : public Workload {
 public:
  explicit Kv(const shell::Flags& flags)
      : table_("kv", NumberOr(flags, "keys", 10'000), NumberOr(flags, "groups", 3),
               ValueSize(flags, 100)),
        choice_(table_.keys(), SkewOr(flags, 0)),
        batch_(std::min(NumberOr(flags, "batch", 1), table_.keys())),
        read_percent_(ReadPercent(flags)) {}

  absl::Status Setup(client::Client* client) override { return table_.Make(client); }

  void Step(ClientRun* run) override {
    const int64_t first = table_.FirstOf(choice_.Scattered(&run->random), batch_);
    const bool read = run->random.Below(100) < static_cast<uint64_t>(read_percent_);
    const int64_t began = NowUs();
    const absl::StatusOr<client::Result> result =
        read ? table_.Read(run, first, batch_) : table_.Upsert(run, first, batch_);
    if (result.ok()) {
      run->stats.Succeeded(began, NowUs(), result->latency);
      if (!read && table_.GroupOf(first) != table_.GroupOf(first + batch_ - 1)) {
        ++run->stats.multi_group;
      }
    } else {
      run->stats.Failed(result.status());
    }
  }

  absl::Status Check(client::Client* client, Json* report) override {
    (*report)["rows_s"] = Round((*report)["ops_s"].get<double>() * static_cast<double>(batch_));
    return table_.Check(client, report);
  }

 private:
  const RowTable table_;
  const KeyChoice choice_;
  const int64_t batch_;
  const int64_t read_percent_;
};

}  // namespace

std::unique_ptr<Workload> MakeKv(const shell::Flags& flags) { return std::make_unique<Kv>(flags); }

}  // namespace isochron::bench
