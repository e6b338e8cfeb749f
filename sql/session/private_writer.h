// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_PRIVATE_WRITER_H_
#define ISOCHRON_SQL_SESSION_PRIVATE_WRITER_H_

// A transaction's writes, those apart that go to keys which nobody else knows of: rows of tables
// that the transaction made or emptied, entries of indexes that it is making. Their ids become
// known with its commit and are never given again. So such keys need no locks, and what does not
// fit into a transaction goes ahead of it, in transactions of its own: until the commit nobody
// looks there, and without it nobody ever will.
//
// Everything else goes to the transaction as it is. What has gone ahead cannot be taken back by a
// savepoint: then the transaction can only be rolled back (status()).
//
// Loop thread only; one attempt of one transaction.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

class PrivateWriter : public txn::ReadWriteTransaction {
 public:
  // Both outlive it.
  PrivateWriter(txn::Store* store, txn::ReadWriteTransaction* inner)
      : store_(store), inner_(inner) {}

  // What a mark of the inner transaction, of before, is here.
  size_t Adopt(size_t inner_mark);
  // All keys that begin so are private, from now on.
  void Add(std::string prefix);

  TxnAttempt id() const override { return inner_->id(); }
  Timestamp read_timestamp() const override { return inner_->read_timestamp(); }
  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       txn::LockMode lock) override;
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) override;
  Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx ctx, txn::ScanRequest request) override;
  absl::Status Put(std::string key, std::string value) override;
  absl::Status Delete(std::string key) override;
  size_t Mark() const override;
  void RollbackToMark(size_t mark) override;
  bool has_writes() const override { return inner_->has_writes() || !held_.empty(); }
  // By the owner of the inner transaction, behind Finish.
  Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx ctx, txn::CommitOptions options) override;
  void Rollback() override { inner_->Rollback(); }

  // Sends ahead what is held, where that is much.
  Task<absl::Status> Relieve(Ctx ctx);
  // Before the commit: what is held goes into the transaction or ahead of it.
  Task<absl::Status> Finish(Ctx ctx);
  absl::Status status() const;

 private:
  using Value = std::optional<std::string>;  // nothing: deleted
  struct Undo {
    std::string key;
    std::optional<Value> before;  // nothing: it was not held
  };
  struct Point {
    size_t inner = 0;
    size_t undo = 0;
    uint64_t gone = 0;
  };

  bool IsPrivate(absl::string_view key) const;
  absl::Status Hold(std::string key, Value value);
  Task<absl::Status> SendAhead(Ctx ctx);
  Task<absl::Status> SendSome(Ctx ctx, const std::vector<std::pair<std::string, Value>>* some);

  txn::Store* const store_;
  txn::ReadWriteTransaction* const inner_;
  std::vector<std::string> prefixes_;
  std::map<std::string, Value> held_;
  size_t held_bytes_ = 0;
  std::vector<Undo> undo_;
  mutable std::vector<Point> marks_;
  uint64_t gone_ = 0;  // times that something went ahead
  bool broken_ = false;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_PRIVATE_WRITER_H_
