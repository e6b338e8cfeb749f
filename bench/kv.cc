// SPDX-License-Identifier: Apache-2.0
//
// The workload kv: upserts and strong point reads of random keys of one table, which is cut into
// groups led in different regions.

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

class Kv : public Workload {
 public:
  explicit Kv(const shell::Flags& flags)
      : keys_(flags.Number("keys", 1, 100'000'000).value_or(10'000)),
        groups_(flags.Number("groups", 1, 1000).value_or(3)),
        value_bytes_(flags.Number("value-bytes", 0, 1 << 20).value_or(100)),
        read_percent_(flags.Number("read-percent", 0, 100).value_or(50)) {}

  absl::Status Setup(client::Client* client) override {
    ISO_RETURN_IF_ERROR(
        ExecutePatiently(client, "CREATE TABLE IF NOT EXISTS kv (k bigint PRIMARY KEY, v text)")
            .status());
    for (int64_t g = 0; g < groups_; ++g) {
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, absl::StrCat("SELECT isochron.split('kv', ",
                                                                g * keys_ / groups_, ")"))
                              .status());
    }
    const std::string value(static_cast<size_t>(value_bytes_), 'v');
    constexpr int64_t kBatch = 200;
    for (int64_t from = 0; from < keys_; from += kBatch) {
      std::string sql = "INSERT INTO kv VALUES ";
      for (int64_t k = from; k < std::min(from + kBatch, keys_); ++k) {
        absl::StrAppend(&sql, k > from ? "," : "", "(", k, ",'", value, "')");
      }
      absl::StrAppend(&sql, " ON CONFLICT DO NOTHING");
      ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
    }
    return absl::OkStatus();
  }

  void Step(ClientRun* run) override {
    const auto key = static_cast<int64_t>(run->random.Below(static_cast<uint64_t>(keys_)));
    const bool read = run->random.Below(100) < static_cast<uint64_t>(read_percent_);
    const int64_t began = NowUs();
    absl::StatusOr<client::Result> result;
    if (read) {
      result = run->client->Execute("SELECT v FROM kv WHERE k = $1", {key});
    } else {
      std::string value(static_cast<size_t>(value_bytes_), 'a');
      for (char& c : value) c = static_cast<char>('a' + run->random.Below(26));
      result = run->client->Execute(
          "INSERT INTO kv VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v",
          {key, std::move(value)});
    }
    if (result.ok()) {
      run->stats.Succeeded(began, NowUs(), result->latency);
    } else {
      run->stats.Failed(result.status());
    }
  }

  absl::Status Check(client::Client* client, Json* report) override {
    ISO_ASSIGN_OR_RETURN(client::Result count,
                         ExecutePatiently(client, "SELECT count(*) FROM kv WHERE k >= 0"));
    ISO_ASSIGN_OR_RETURN(const int64_t rows, count.rows.at(0).Get<int64_t>(0));
    (*report)["rows"] = rows;
    if (rows < keys_) {
      return absl::DataLossError(
          absl::StrCat("kv holds ", rows, " rows, ", keys_, " were written"));
    }
    return absl::OkStatus();
  }

 private:
  const int64_t keys_;
  const int64_t groups_;
  const int64_t value_bytes_;
  const int64_t read_percent_;
};

}  // namespace

std::unique_ptr<Workload> MakeKv(const shell::Flags& flags) { return std::make_unique<Kv>(flags); }

}  // namespace isochron::bench
