// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_DML_H_
#define ISOCHRON_SQL_EXEC_DML_H_

// What INSERT, UPDATE, DELETE and MERGE have in common.
//
// Each takes in all its rows before it writes any, so that it never meets its own writes; where
// what is asked between them must not see them either (RETURNING with subqueries, WITH queries that
// write) they are deferred to the statement's end. A failure leaves the writes done so far to the
// session, which rolls them back.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sql/exec/index_writer.h"
#include "sql/exec/subquery.h"

namespace isochron::sql {

class DmlOperator : public Operator {
 public:
  DmlOperator(const PlanNode& child, const TablePtr& table, const IndexRules& rules,
              const std::vector<ExprPtr>& returning, ExecContext* exec);
  ~DmlOperator() override;

  Task<absl::StatusOr<bool>> Next(Batch* out) override;

 protected:
  static constexpr size_t kKeysAtOnce = 1000;

  virtual Task<absl::Status> Apply(Batch* out) = 0;

  // Every so many rows a long statement lets the loop go on: leases hang on it.
  Task<absl::Status> Breathe(size_t row);
  absl::Status Put(const std::string& key, const Row& row);
  absl::Status Erase(const std::string& key);
  // Drops rows of input_ that were written before, and, where they come from a join, repeated ones.
  absl::Status OncePerRow(bool joined);
  // Counts the row, and gives what is returned of it.
  absl::Status Changed(Row row, Batch* out);
  // What becomes of a row, for foreign keys.
  absl::Status NoteReferences(const Row* before, const Row* after);
  // And for its index entries, too.
  absl::Status NoteIndexes(const Row* before, const std::string& before_key, const Row* after,
                           const std::string& after_key);
  // Another part of the statement has written this row: only the first change of a row counts.
  bool WrittenBefore(const std::string& key) const {
    return exec_->deferred != nullptr && exec_->deferred->Find(key) != nullptr;
  }

  const TableDescriptor& table_;
  const IndexRules& index_rules_;
  IndexWriter index_;
  Batch input_;

 private:
  absl::Status Return(const Row& row, Batch* out);

  const std::vector<ExprPtr>& returning_;
  const Settler returning_settler_;
  Batch to_return_;  // where `returning_` has subqueries
  OperatorPtr child_;
  int64_t bytes_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_DML_H_
