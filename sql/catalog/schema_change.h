// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_
#define ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_

// One attempt at a change of the schema: reads and writes the catalog's rows in one transaction.
// Catalog::Change (catalog.h) makes attempts until one commits, then waits until what it wrote is
// in force.
//
// What an edit does to the tables it asked for takes effect at one timestamp, for all of them.
//
// Inside a transaction (SchemaScope) the descriptions that an edit leaves are written into that
// transaction and in force with its commit; whoever uses their tables in the transaction reads them
// through it. A fence (catalog.h) stands before each by then.
//
// Rules: it takes tables by Table(), changes the descriptions in place and returns OK; an error
// undoes everything.
//
// Loop-thread only; lives within Catalog::Change.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/truetime.h"
#include "sql/catalog/table_record.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

class SchemaChange;

class SchemaEdit {
 public:
  virtual ~SchemaEdit() = default;
  // May be called again after an attempt that failed.
  virtual Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) = 0;
};

// What a transaction has done to the schema so far, in one attempt.
struct SchemaScope {
  // Puts a fence on a relation, if there is one of that name and no fence of this transaction's.
  std::function<Task<absl::Status>(Ctx, std::string)> fence;
  std::set<std::string>* fenced = nullptr;  // by any attempt of the transaction
  // Ids of indexes are given once, whatever becomes of an attempt: each has a range of its own.
  uint64_t index_ids = 0;
  std::set<std::string> names;    // what these mean, the transaction's own reads tell
  std::set<std::string> written;  // those that it has described anew
  std::set<TableId> made;         // nobody else knows of their rows
  // When the commit may be.
  Timestamp from, until = Timestamp::Max();
};

class SchemaChange {
 public:
  SchemaChange(txn::ReadWriteTransaction* txn, TrueTime* truetime, SchemaScope* scope = nullptr)
      : txn_(txn), truetime_(truetime), scope_(scope) {}

  // Null for a change that takes effect at a time of its own.
  SchemaScope* scope() const { return scope_; }

  // How `name` is described now: to be changed by the caller. Stays valid. 42P01. ABORTED while
  // another change of it is on its way: blocked_until() then says how long.
  Task<absl::StatusOr<TableDescriptor*>> Table(Ctx ctx, std::string name);
  // Takes the name that the index has, or one that is free where it has none. 42P07.
  Task<absl::Status> ClaimIndexName(Ctx ctx, const TableDescriptor& table, IndexDescriptor* index);
  absl::Status ReleaseIndexName(const TableDescriptor& table, const std::string& name);
  // The table of that index, by full names. 42704.
  Task<absl::StatusOr<std::string>> TableOfIndex(Ctx ctx, std::string index);
  // The relation is known by another name, of another schema maybe, from the change on. 42P07.
  Task<absl::Status> Rename(Ctx ctx, std::string from, std::string to);
  // The table ends with the change; its indexes' names are free at once.
  Task<absl::Status> Drop(Ctx ctx, std::string name);

  // Whether no relation and no index has that full name, now locked.
  Task<absl::StatusOr<bool>> IsFree(Ctx ctx, std::string name);
  // The schema in which a relation of that name lies stands, and does so until the transaction
  // ends. 3F000.
  Task<absl::Status> HoldSchema(Ctx ctx, std::string full_name);
  // The types of the table's columns that users made stand, and stay as they are until the
  // transaction ends; the columns get them as they are now. 42704.
  Task<absl::Status> HoldTypes(Ctx ctx, TableDescriptor* table);
  // The role stands, and does so until the transaction ends. 42704.
  Task<absl::Status> HoldRole(Ctx ctx, uint64_t role);
  // Whether it is known by another name from the change on.
  bool Renames(const std::string& name) const;
  // Tables whose names end with the change.
  std::vector<std::string> Ended() const;

  txn::ReadWriteTransaction* txn() { return txn_; }
  Timestamp blocked_until() const { return blocked_until_; }

  // Buffers the changed records, in force from `at` on, or with the transaction of the scope. False
  // if nothing has changed.
  absl::StatusOr<bool> Write(Timestamp at);

 private:
  struct Held {
    TableDescriptor before;
    TableDescriptor after;
    std::string new_name;  // empty: as it was
    bool dropped = false;
  };

  txn::ReadWriteTransaction* const txn_;
  absl::Status WriteInside(const std::string& name, Held* held);

  TrueTime* const truetime_;
  SchemaScope* const scope_;
  std::map<std::string, std::unique_ptr<Held>> held_;
  Timestamp blocked_until_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_
