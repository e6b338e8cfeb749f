// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_
#define ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_

// One attempt at a change of the schema: reads and writes the catalog's rows in one transaction.
// Catalog::Change (catalog.h) makes attempts until one commits, then waits until what it wrote is
// in force.
//
// What an edit does to the tables it asked for takes effect at one timestamp, for all of them.
// Rules: it takes tables by Table(), changes the descriptions in place and returns OK; an error
// undoes everything.
//
// Loop-thread only; lives within Catalog::Change.

#include <map>
#include <memory>
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

class SchemaChange {
 public:
  SchemaChange(txn::ReadWriteTransaction* txn, TrueTime* truetime)
      : txn_(txn), truetime_(truetime) {}

  // How `name` is described now: to be changed by the caller. Stays valid. 42P01. ABORTED while
  // another change of it is on its way: blocked_until() then says how long.
  Task<absl::StatusOr<TableDescriptor*>> Table(Ctx ctx, std::string name);
  // Takes the name that the index has, or one that is free where it has none. 42P07.
  Task<absl::Status> ClaimIndexName(Ctx ctx, const TableDescriptor& table, IndexDescriptor* index);
  absl::Status ReleaseIndexName(const std::string& name);
  // The table of that index; 42704 as `kind` ("index", "constraint").
  Task<absl::StatusOr<std::string>> TableOfIndex(Ctx ctx, std::string index);
  // The table is known by another name from the change on. 42P07.
  Task<absl::Status> Rename(Ctx ctx, std::string from, std::string to);
  // The table ends with the change; its indexes' names are free at once.
  Task<absl::Status> Drop(Ctx ctx, std::string name);

  // Whether no table and no index has that name, now locked.
  Task<absl::StatusOr<bool>> IsFree(Ctx ctx, std::string name);
  // Tables whose names end with the change.
  std::vector<std::string> Ended() const;

  txn::ReadWriteTransaction* txn() { return txn_; }
  Timestamp blocked_until() const { return blocked_until_; }

  // Buffers the changed records, in force from `at` on. False if nothing has changed.
  absl::StatusOr<bool> Write(Timestamp at);

 private:
  struct Held {
    TableDescriptor before;
    TableDescriptor after;
    std::string new_name;  // empty: as it was
    bool dropped = false;
  };

  txn::ReadWriteTransaction* const txn_;
  TrueTime* const truetime_;
  std::map<std::string, std::unique_ptr<Held>> held_;
  Timestamp blocked_until_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_SCHEMA_CHANGE_H_
