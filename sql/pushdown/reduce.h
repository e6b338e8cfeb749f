// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PUSHDOWN_REDUCE_H_
#define ISOCHRON_SQL_PUSHDOWN_REDUCE_H_

// A program at work: rows to partial aggregates at the tablet, these to whole ones at the gateway.
//
//   map      Reducer::Add, a row where it lies: only the columns that are wanted are decoded
//   combine  the same Reducer: a group of a page becomes one partial aggregate
//   reduce   Partials::Merge at the gateway: partial aggregates of all pages and groups
//
// A result is a KeyValue: the key holds the values grouped by, encoded; the value a partial
// aggregate of each call.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/pushdown/program.h"
#include "sql/pushdown/row_decoder.h"
#include "txn/api/scan_program.h"

namespace isochron::sql {

// Of one call in one group.
struct Partial {
  int64_t count = 0;
  absl::int128 sum = 0;  // of integers
  Datum value;           // the extreme; the sum of numerics, NULL while there is none
};

// Groups and their partial aggregates, in the order in which groups were met.
class Partials {
 public:
  struct Group {
    std::string key;
    std::vector<Partial> calls;
  };
  explicit Partials(size_t calls) : calls_(calls) {}

  // The group of `key`; *fresh when it was not there.
  Group* Find(absl::string_view key, bool* fresh);
  // Adds a result of a run. DATA_LOSS if it is none.
  absl::Status Merge(const Program& program, const txn::KeyValue& result, bool* fresh);
  void Encode(std::vector<txn::KeyValue>* out) const;

  const std::vector<Group>& groups() const { return groups_; }

 private:
  const size_t calls_;
  absl::flat_hash_map<std::string, size_t> by_key_;  // lint: no iteration
  std::vector<Group> groups_;
};

// Adds `b` to `a`.
absl::Status MergePartial(ReduceOp op, const Partial& b, Partial* a);
// The values that a group's key was made of.
absl::Status GroupValues(const Program& program, absl::string_view key, Row* out);

class Reducer : public txn::ScanRun {
 public:
  explicit Reducer(Program program);
  absl::StatusOr<bool> Add(absl::string_view key, absl::string_view value) override;
  absl::Status Finish(std::vector<txn::KeyValue>* out) override;

 private:
  absl::Status Accumulate(const ReduceCall& call, Partial* p);
  // The value of an expression: in the row, or in *scratch.
  absl::StatusOr<const Datum*> Value(const Expr& e, Datum* scratch);

  const Program program_;
  EvalContext context_;  // of nothing: a program's expressions see only the row
  const RowDecoder decoder_;
  Row row_;
  std::string group_key_;
  Partials partials_;
  Partials::Group* only_ = nullptr;  // without GROUP BY
  int64_t bytes_ = 0;
};

// The programs of this version, for the tablets of a node. Stateless.
const txn::ScanPrograms* TabletPrograms();

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PUSHDOWN_REDUCE_H_
