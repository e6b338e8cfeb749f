// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_ROW_TABLE_H_
#define ISOCHRON_BENCH_ROW_TABLE_H_

// A table (k bigint PRIMARY KEY, v text) of keys 0..keys-1 that is cut into groups of equal size,
// and the operations that the workloads do on it. Const after Make: clients share one.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/workload.h"

namespace isochron::bench {

using ReadBound = google::spanner::v1::TransactionOptions::ReadOnly;

class RowTable {
 public:
  RowTable(std::string name, int64_t keys, int64_t groups, int64_t value_bytes);

  // Creates, cuts and fills it; what is there already stays.
  absl::Status Make(client::Client* client) const;
  // DATA_LOSS when there are fewer rows than were made. Notes their number in the report.
  absl::Status Check(client::Client* client, Json* report) const;

  // Rows first .. first+rows-1, in one transaction, with new random values.
  absl::StatusOr<client::Result> Upsert(ClientRun* run, int64_t first, int64_t rows) const;
  // Any rows, in one transaction.
  absl::StatusOr<client::Result> UpsertKeys(ClientRun* run, const std::vector<int64_t>& keys) const;
  // Strong.
  absl::StatusOr<client::Result> Read(ClientRun* run, int64_t first, int64_t rows) const;
  absl::StatusOr<client::Result> ReadAt(ClientRun* run, const ReadBound& bound, int64_t first,
                                        int64_t rows) const;
  // At most `rows` rows from `first` on, in the order of keys.
  absl::StatusOr<client::Result> Scan(ClientRun* run, int64_t first, int64_t rows) const;
  // Reads a row under lock and changes it, in one transaction.
  absl::StatusOr<client::CommitInfo> ReadModifyWrite(ClientRun* run, int64_t key) const;

  // The greatest first key of `rows` rows.
  int64_t FirstOf(int64_t key, int64_t rows) const;
  int64_t FirstKeyOfGroup(int64_t group) const { return group * keys_ / groups_; }
  int64_t GroupOf(int64_t key) const;
  int64_t keys() const { return keys_; }
  int64_t groups() const { return groups_; }

 private:
  std::string RandomValue(Random* random) const;

  const std::string name_;
  const int64_t keys_;
  const int64_t groups_;
  const int64_t value_bytes_;
  const std::string point_read_;
  const std::string range_read_;
};

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_ROW_TABLE_H_
