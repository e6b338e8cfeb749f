// SPDX-License-Identifier: Apache-2.0
#include "bench/row_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kMaxRowsOfAnInsert = 200;
constexpr int64_t kMaxBytesOfAnInsert = 256 << 10;

}  // namespace

RowTable::RowTable(std::string name, int64_t keys, int64_t groups, int64_t value_bytes)
    : name_(std::move(name)),
      keys_(std::max<int64_t>(1, keys)),
      groups_(std::clamp<int64_t>(groups, 1, keys_)),
      value_bytes_(value_bytes),
      point_read_(absl::StrCat("SELECT v FROM ", name_, " WHERE k = $1")),
      range_read_(absl::StrCat("SELECT k, v FROM ", name_, " WHERE k >= $1 AND k < $2")) {}

absl::Status RowTable::Make(client::Client* client) const {
  ISO_RETURN_IF_ERROR(ExecutePatiently(client, absl::StrCat("CREATE TABLE IF NOT EXISTS ", name_,
                                                            " (k bigint PRIMARY KEY, v text)"))
                          .status());
  for (int64_t g = 0; g < groups_; ++g) {
    ISO_RETURN_IF_ERROR(ExecutePatiently(client, absl::StrCat("SELECT isochron.split('", name_,
                                                              "', ", FirstKeyOfGroup(g), ")"))
                            .status());
  }
  const std::string value(static_cast<size_t>(value_bytes_), 'v');
  const int64_t batch = std::clamp<int64_t>(
      kMaxBytesOfAnInsert / std::max<int64_t>(1, value_bytes_), 1, kMaxRowsOfAnInsert);
  for (int64_t from = 0; from < keys_; from += batch) {
    std::string sql = absl::StrCat("INSERT INTO ", name_, " VALUES ");
    for (int64_t k = from; k < std::min(from + batch, keys_); ++k) {
      absl::StrAppend(&sql, k > from ? "," : "", "(", k, ",'", value, "')");
    }
    absl::StrAppend(&sql, " ON CONFLICT DO NOTHING");
    ISO_RETURN_IF_ERROR(ExecutePatiently(client, sql).status());
  }
  return absl::OkStatus();
}

absl::Status RowTable::Check(client::Client* client, Json* report) const {
  ISO_ASSIGN_OR_RETURN(
      client::Result count,
      ExecutePatiently(client, absl::StrCat("SELECT count(*) FROM ", name_, " WHERE k >= 0")));
  ISO_ASSIGN_OR_RETURN(const int64_t rows, count.rows.at(0).Get<int64_t>(0));
  (*report)["rows"] = rows;
  if (rows >= keys_) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(name_, " holds ", rows, " rows, ", keys_, " were written"));
}

std::string RowTable::RandomValue(Random* random) const {
  std::string value(static_cast<size_t>(value_bytes_), 'a');
  uint64_t bits = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    bits = i % 16 == 0 ? random->Next() : bits >> 4;
    value[i] = static_cast<char>('a' + (bits & 15));
  }
  return value;
}

absl::StatusOr<client::Result> RowTable::Upsert(ClientRun* run, int64_t first, int64_t rows) const {
  std::vector<int64_t> keys;
  for (int64_t k = first; k < first + rows; ++k) keys.push_back(k);
  return UpsertKeys(run, keys);
}

absl::StatusOr<client::Result> RowTable::UpsertKeys(ClientRun* run,
                                                    const std::vector<int64_t>& keys) const {
  std::string sql = absl::StrCat("INSERT INTO ", name_, " VALUES ");
  std::vector<client::Value> params;
  params.reserve(2 * keys.size());
  for (const int64_t key : keys) {
    absl::StrAppend(&sql, params.empty() ? "($" : ", ($", params.size() + 1, ", $",
                    params.size() + 2, ")");
    params.emplace_back(key);
    params.emplace_back(RandomValue(&run->random));
  }
  absl::StrAppend(&sql, " ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v");
  return run->client->Execute(sql, params);
}

absl::StatusOr<client::Result> RowTable::Read(ClientRun* run, int64_t first, int64_t rows) const {
  if (rows == 1) return run->client->Execute(point_read_, {first});
  return run->client->Execute(range_read_, {first, first + rows});
}

absl::StatusOr<client::Result> RowTable::ReadAt(ClientRun* run, const ReadBound& bound,
                                                int64_t first, int64_t rows) const {
  if (rows == 1) return run->client->ReadOnce(bound, point_read_, {first});
  return run->client->ReadOnce(bound, range_read_, {first, first + rows});
}

absl::StatusOr<client::Result> RowTable::Scan(ClientRun* run, int64_t first, int64_t rows) const {
  return run->client->Execute(
      absl::StrCat("SELECT k, v FROM ", name_, " WHERE k >= $1 ORDER BY k LIMIT ", rows), {first});
}

absl::StatusOr<client::CommitInfo> RowTable::ReadModifyWrite(ClientRun* run, int64_t key) const {
  const auto body = [&](client::Transaction& txn) -> absl::Status {
    ISO_ASSIGN_OR_RETURN(
        client::Result old,
        txn.Execute(absl::StrCat("SELECT v FROM ", name_, " WHERE k = $1 FOR UPDATE"), {key}));
    std::string value = RandomValue(&run->random);
    if (!old.rows.empty() && !value.empty()) {
      ISO_ASSIGN_OR_RETURN(const std::string before, old.rows[0].Get<std::string>(0));
      if (!before.empty()) value[0] = before[0] == 'z' ? 'a' : static_cast<char>(before[0] + 1);
    }
    return txn
        .Execute(absl::StrCat("UPDATE ", name_, " SET v = $2 WHERE k = $1"),
                 {key, std::move(value)})
        .status();
  };
  return run->client->ReadWrite(body, &run->stats.aborts);
}

int64_t RowTable::FirstOf(int64_t key, int64_t rows) const {
  return std::max<int64_t>(0, std::min(key, keys_ - rows));
}

int64_t RowTable::GroupOf(int64_t key) const {
  int64_t g = std::min(key * groups_ / keys_, groups_ - 1);
  while (g + 1 < groups_ && FirstKeyOfGroup(g + 1) <= key) ++g;
  while (g > 0 && FirstKeyOfGroup(g) > key) --g;
  return g;
}

}  // namespace isochron::bench
