// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_RECORDER_H_
#define ISOCHRON_SIM_WORKLOADS_RECORDER_H_

// Transactions that write their history while they run.
//
// RecordedTransaction is one attempt. Reads of keys that the attempt has written itself come from
// its buffer and are checked at once instead of recorded (rule 17).

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/workloads/workload.h"

namespace isochron::sim {

using Values = std::vector<std::optional<std::string>>;

class RecordedTransaction {
 public:
  // Begins a read-write attempt: the first, or a retry of `previous`. The status of Begin is kept:
  // all calls then fail with it.
  RecordedTransaction(Session* session, RecordedTransaction* previous);
  // Begins a read-only one.
  RecordedTransaction(Session* session, txn::ReadOptions options);
  ~RecordedTransaction();

  // Fixes the timestamp of a bounded one, for reads of anything between these keys.
  Task<absl::Status> Settle(std::string first, std::string last);
  Task<absl::StatusOr<std::optional<std::string>>> Get(std::string key, txn::LockMode lock);
  Task<absl::StatusOr<Values>> MultiGet(std::vector<std::string> keys, txn::LockMode lock);
  // Reads all of [first, last] where `keys` lists every key that may be in it; same order.
  Task<absl::StatusOr<Values>> ScanAll(std::vector<std::string> keys, txn::LockMode lock);

  // The value stored is `text` followed by '#' and the operation's id.
  absl::Status Put(const std::string& key, const std::string& text);
  absl::Status Delete(const std::string& key);

  // Ends the operation with the outcome that the status stands for.
  Task<absl::Status> Commit();
  // Ends a read-only operation, or a read-write one that is given up.
  void Finish(const absl::Status& status);

  Operation& operation() { return *op_; }
  int groups() const { return groups_; }

 private:
  // Before it waits for the locks.
  void Ask(const std::vector<std::string>& keys, txn::LockMode lock);
  void Step(std::string what);
  void Record(const std::string& key, const std::optional<std::string>& value);
  void End(Outcome outcome, const absl::Status& status);

  Session* session_;
  Ctx ctx_;
  Operation* op_;
  absl::Status begun_;
  std::unique_ptr<txn::ReadWriteTransaction> rw_;
  std::unique_ptr<txn::ReadTransaction> ro_;
  std::map<std::string, std::optional<std::string>> buffer_;
  int groups_ = 0;
  bool ended_ = false;
};

// The part of a stored value before the operation's id.
std::string TextOf(const std::string& value);

// What the client was told, as an outcome (txn/api/transaction.h).
Outcome OutcomeOf(const absl::Status& status);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_RECORDER_H_
