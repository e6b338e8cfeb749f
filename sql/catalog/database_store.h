// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_DATABASE_STORE_H_
#define ISOCHRON_SQL_CATALOG_DATABASE_STORE_H_

// The store as one database sees it (docs/internals/databases.md).
//
// Each database has a part of the catalog's key space for itself, and all that stands above the
// store has one without a word of it: whoever reads or writes a key of the catalog here reads or
// writes the database's own. So no name can mean another database's object, and no message can
// show where a database lies. Rows of tables lie where they always do, by ids that are the
// universe's; so do roles, databases and options.
//
// A transaction that writes into the database's catalog holds the database's description from
// before its commit on, so nothing is made in a database that was dropped.
//
// Of the first database there is none: its catalog lies where the universe's does. Loop-thread
// only.

#include <memory>
#include <string>

#include "txn/api/transaction.h"

namespace isochron::sql {

// A database other than the first.
struct DatabaseId {
  TableId id;
  std::string full_name;  // of its description (full_name.h)
};

// 3D000: the database ended, or got another name, under a session.
absl::Status DatabaseIsGone(const DatabaseId& database);

// The database stands, and goes on to do so until `writer`, a transaction of either store, ends:
// whoever drops it locks its description. 3D000.
Task<absl::Status> HoldDatabase(Ctx ctx, txn::ReadWriteTransaction* writer, DatabaseId database);

class DatabaseStore : public txn::Store {
 public:
  DatabaseStore(txn::Store* store, DatabaseId database);

  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Begin(Ctx ctx) override;
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Retry(
      Ctx ctx, const txn::ReadWriteTransaction& previous) override;
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> BeginWithin(
      Ctx ctx, const txn::ReadWriteTransaction& parent) override;
  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginReadOnly(
      Ctx ctx, std::optional<Timestamp> t) override;
  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginRead(
      Ctx ctx, txn::ReadOptions options) override;
  // What follows is about keys of rows, groups and nodes.
  Task<absl::Status> SplitAt(Ctx ctx, std::string key) override;
  Task<absl::Status> SplitBySize(Ctx ctx, std::string key) override;
  Task<absl::Status> ChangeReplica(Ctx ctx, GroupId group, NodeId node,
                                   txn::ReplicaChange change) override;
  Task<absl::Status> TransferLeader(Ctx ctx, GroupId group, NodeId to) override;
  Task<absl::Status> MergeAt(Ctx ctx, std::string key) override;
  Executor* executor() override { return store_->executor(); }

 private:
  txn::Store* const store_;
  const DatabaseId database_;
};

// A read of the database's catalog, by a transaction of the universe's, which outlives it.
std::unique_ptr<txn::ReadTransaction> InDatabase(txn::ReadTransaction* reader, TableId database);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_DATABASE_STORE_H_
