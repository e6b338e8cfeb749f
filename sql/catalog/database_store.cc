// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/database_store.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/table_record.h"
#include "sql/types/error.h"
#include "txn/api/groups_asked.h"
#include "txn/api/scan_program.h"

namespace isochron::sql {
namespace {

using txn::ReadTransaction;
using txn::ReadWriteTransaction;

// Keys to where the database has them, and back.
class Keys {
 public:
  explicit Keys(TableId database) : prefix_(DatabasePrefix(database)) {}

  bool Lies(absl::string_view key) const {
    if (key.size() < 2 || key[0] != kCatalogPrefix) return false;
    switch (key[1]) {
      case 'a':
      case 'j':
        return true;
      case 'n':
      case 'x':
        return key.size() == 2 || key[2] != '.';  // else a name of the universe's
      default:
        return false;
    }
  }
  std::string There(std::string key) const { return Lies(key) ? Moved(key) : std::move(key); }
  // All of a range lies where its beginning does: ranges of the catalog stay within one kind of
  // key. The end may be the first key of the next kind.
  KeyRange There(KeyRange range) const {
    if (!Lies(range.start)) return range;
    return {Moved(range.start), Moved(range.end)};
  }
  std::string Back(std::string key) const {
    if (!absl::StartsWith(key, prefix_)) return key;
    return absl::StrCat(absl::string_view(&kCatalogPrefix, 1), key.substr(prefix_.size()));
  }
  KeyRange Back(KeyRange range) const {
    return {Back(std::move(range.start)), Back(std::move(range.end))};
  }
  void Back(txn::ScanResponse* response) const {
    for (txn::KeyValue& row : response->rows) row.key = Back(std::move(row.key));
    if (response->rest.has_value()) response->rest = Back(*std::move(response->rest));
  }

 private:
  std::string Moved(absl::string_view key) const { return absl::StrCat(prefix_, key.substr(1)); }

  const std::string prefix_;
};

// What reading is, of either kind of transaction.
class Reads {
 public:
  Reads(ReadTransaction* inner, TableId database) : keys_(database), inner_(inner) {}

  Task<absl::Status> Settle(Ctx ctx, std::vector<KeyRange> ranges) {
    for (KeyRange& range : ranges) range = keys_.There(std::move(range));
    co_return co_await inner_->Settle(std::move(ctx), std::move(ranges));
  }
  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       txn::LockMode lock) {
    co_return co_await inner_->Get(std::move(ctx), keys_.There(std::move(key)), lock);
  }
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) {
    for (std::string& key : keys) key = keys_.There(std::move(key));
    co_return co_await inner_->MultiGet(std::move(ctx), std::move(keys), lock);
  }
  Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx ctx, txn::ScanRequest request) {
    request.range = keys_.There(std::move(request.range));
    auto response = co_await inner_->Scan(std::move(ctx), std::move(request));
    if (response.ok()) keys_.Back(&*response);
    co_return response;
  }
  const Keys& keys() const { return keys_; }
  ReadTransaction* inner() const { return inner_; }

 private:
  const Keys keys_;
  ReadTransaction* const inner_;
};

class DatabaseReader : public ReadTransaction {
 public:
  DatabaseReader(ReadTransaction* inner, TableId database) : reads_(inner, database) {}
  DatabaseReader(std::unique_ptr<ReadTransaction> inner, TableId database)
      : own_(std::move(inner)), reads_(own_.get(), database) {}

  Task<absl::Status> Settle(Ctx ctx, std::vector<KeyRange> ranges) override {
    return reads_.Settle(std::move(ctx), std::move(ranges));
  }
  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       txn::LockMode lock) override {
    return reads_.Get(std::move(ctx), std::move(key), lock);
  }
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) override {
    return reads_.MultiGet(std::move(ctx), std::move(keys), lock);
  }
  Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx ctx, txn::ScanRequest request) override {
    return reads_.Scan(std::move(ctx), std::move(request));
  }
  Timestamp read_timestamp() const override { return reads_.inner()->read_timestamp(); }

 private:
  const std::unique_ptr<ReadTransaction> own_;
  Reads reads_;
};

// Programs run over rows of tables alone, whose keys are the same in all databases.
class ReducingReader : public DatabaseReader, public txn::ReducingTransaction {
 public:
  ReducingReader(std::unique_ptr<ReadTransaction> inner, txn::ReducingTransaction* reducing,
                 TableId database)
      : DatabaseReader(std::move(inner), database), reducing_(reducing) {}

  Task<absl::StatusOr<txn::ReduceResponse>> Reduce(Ctx ctx, txn::ReduceRequest request) override {
    return reducing_->Reduce(std::move(ctx), std::move(request));
  }
  Task<absl::StatusOr<txn::ScanResponse>> Filter(Ctx ctx, txn::ScanRequest request,
                                                 std::string program) override {
    return reducing_->Filter(std::move(ctx), std::move(request), std::move(program));
  }

 private:
  txn::ReducingTransaction* const reducing_;
};

class DatabaseWriter : public ReadWriteTransaction, public txn::AsksGroups {
 public:
  DatabaseWriter(std::unique_ptr<ReadWriteTransaction> inner, DatabaseId database)
      : inner_(std::move(inner)),
        database_(std::move(database)),
        reads_(inner_.get(), database_.id) {}

  const ReadWriteTransaction& inner() const { return *inner_; }

  Task<absl::Status> Settle(Ctx ctx, std::vector<KeyRange> ranges) override {
    return reads_.Settle(std::move(ctx), std::move(ranges));
  }
  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       txn::LockMode lock) override {
    return reads_.Get(std::move(ctx), std::move(key), lock);
  }
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) override {
    return reads_.MultiGet(std::move(ctx), std::move(keys), lock);
  }
  Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx ctx, txn::ScanRequest request) override {
    return reads_.Scan(std::move(ctx), std::move(request));
  }
  Timestamp read_timestamp() const override { return inner_->read_timestamp(); }

  TxnAttempt id() const override { return inner_->id(); }
  absl::Status Put(std::string key, std::string value) override {
    describes_ = describes_ || reads_.keys().Lies(key);
    return inner_->Put(reads_.keys().There(std::move(key)), std::move(value));
  }
  absl::Status Delete(std::string key) override {
    describes_ = describes_ || reads_.keys().Lies(key);
    return inner_->Delete(reads_.keys().There(std::move(key)));
  }
  size_t Mark() const override { return inner_->Mark(); }
  void RollbackToMark(size_t mark) override { inner_->RollbackToMark(mark); }
  bool has_writes() const override { return inner_->has_writes(); }
  Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx ctx, txn::CommitOptions options) override {
    if (describes_) {
      ISO_CO_RETURN_IF_ERROR(co_await HoldDatabase(ctx, inner_.get(), database_));
    }
    co_return co_await inner_->Commit(std::move(ctx), options);
  }
  void Rollback() override { inner_->Rollback(); }

  const std::set<GroupId>& groups_asked() const override {
    static const std::set<GroupId> none;
    const auto* asks = dynamic_cast<const txn::AsksGroups*>(inner_.get());
    return asks == nullptr ? none : asks->groups_asked();
  }

 private:
  const std::unique_ptr<ReadWriteTransaction> inner_;
  const DatabaseId database_;
  Reads reads_;
  bool describes_ = false;
};

const ReadWriteTransaction& InnerOf(const ReadWriteTransaction& wrapped) {
  return static_cast<const DatabaseWriter&>(wrapped).inner();
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> Wrapped(
    absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> inner, const DatabaseId& database) {
  if (!inner.ok()) return inner.status();
  return std::unique_ptr<ReadWriteTransaction>(new DatabaseWriter(*std::move(inner), database));
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> Wrapped(
    absl::StatusOr<std::unique_ptr<ReadTransaction>> inner, TableId database) {
  if (!inner.ok()) return inner.status();
  if (auto* reducing = dynamic_cast<txn::ReducingTransaction*>(inner->get())) {
    return std::unique_ptr<ReadTransaction>(
        new ReducingReader(*std::move(inner), reducing, database));
  }
  return std::unique_ptr<ReadTransaction>(new DatabaseReader(*std::move(inner), database));
}

}  // namespace

absl::Status DatabaseIsGone(const DatabaseId& database) {
  return WithFields(
      SqlError(sqlstate::kInvalidCatalog,
               absl::StrCat("database \"", LocalName(database.full_name), "\" does not exist"), -1,
               "Connect again, to a database that there is."),
      {"It was dropped or got another name while this session was connected to it."});
}

Task<absl::Status> HoldDatabase(Ctx ctx, ReadWriteTransaction* writer, DatabaseId database) {
  auto value = co_await writer->Get(ctx, DescriptorKey(database.full_name), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return DatabaseIsGone(database);
  ISO_CO_ASSIGN_OR_RETURN(const TableRecord record, DecodeTableRecord(**value));
  // One on its way out takes nothing in any more.
  const TableDescriptor* last = record.At(Timestamp::Max().Prev());
  if (last == nullptr || last->id != database.id) co_return DatabaseIsGone(database);
  co_return absl::OkStatus();
}

DatabaseStore::DatabaseStore(txn::Store* store, DatabaseId database)
    : store_(store), database_(std::move(database)) {}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> DatabaseStore::Begin(Ctx ctx) {
  return Wrapped(store_->Begin(std::move(ctx)), database_);
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> DatabaseStore::Retry(
    Ctx ctx, const ReadWriteTransaction& previous) {
  return Wrapped(store_->Retry(std::move(ctx), InnerOf(previous)), database_);
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> DatabaseStore::BeginWithin(
    Ctx ctx, const ReadWriteTransaction& parent) {
  return Wrapped(store_->BeginWithin(std::move(ctx), InnerOf(parent)), database_);
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> DatabaseStore::BeginReadOnly(
    Ctx ctx, std::optional<Timestamp> t) {
  return Wrapped(store_->BeginReadOnly(std::move(ctx), t), database_.id);
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> DatabaseStore::BeginRead(
    Ctx ctx, txn::ReadOptions options) {
  return Wrapped(store_->BeginRead(std::move(ctx), options), database_.id);
}

Task<absl::Status> DatabaseStore::SplitAt(Ctx ctx, std::string key) {
  return store_->SplitAt(std::move(ctx), std::move(key));
}

Task<absl::Status> DatabaseStore::SplitBySize(Ctx ctx, std::string key) {
  return store_->SplitBySize(std::move(ctx), std::move(key));
}

Task<absl::Status> DatabaseStore::ChangeReplica(Ctx ctx, GroupId group, NodeId node,
                                                txn::ReplicaChange change) {
  return store_->ChangeReplica(std::move(ctx), group, node, change);
}

Task<absl::Status> DatabaseStore::TransferLeader(Ctx ctx, GroupId group, NodeId to) {
  return store_->TransferLeader(std::move(ctx), group, to);
}

Task<absl::Status> DatabaseStore::MergeAt(Ctx ctx, std::string key) {
  return store_->MergeAt(std::move(ctx), std::move(key));
}

std::unique_ptr<ReadTransaction> InDatabase(ReadTransaction* reader, TableId database) {
  return std::make_unique<DatabaseReader>(reader, database);
}

}  // namespace isochron::sql
