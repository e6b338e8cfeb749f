// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_CATALOG_H_
#define ISOCHRON_SQL_CATALOG_CATALOG_H_

// Table descriptors: read through a cache whose entries state until when they hold (rule 37,
// invariant 12).
//
//   - An entry fetched after TT.now().earliest = e holds for transactions at timestamps up to
//     e + lease, and below the timestamp at which the next description takes its place. Whoever
//     commits under it passes that bound as s_max, so no transaction commits under a schema that
//     has ended.
//   - CREATE TABLE is visible at once: there is no negative entry, a name that is not cached is
//     read.
//   - Any other change (Change) writes the next description beside the one in force, with the
//     timestamp T of its beginning, in a commit at T - lease or earlier. A fetch that does not see
//     it began before that commit, so what it fetched has run out by T. Everybody who reads the
//     record knows T exactly: at each timestamp one description holds, on every node, whether or
//     not whoever ordered the change lives on.
//   - A read-only transaction at an old timestamp reads the record at that timestamp.
//   - A transaction that changes descriptions with its own commit (BEGIN; ALTER TABLE ...; COMMIT)
//     puts a fence on them first (fence.cc), in a commit of its own, a lease before it may commit
//     itself. Nothing that was fetched before the fence holds until then; what is fetched behind it
//     holds at the read's timestamp only, and who writes under it reads the record again, locked,
//     before the commit: the lock orders it and the change.
//
// Loop-thread only. Outlives the tasks it returned.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "sql/catalog/database_store.h"
#include "sql/catalog/descriptor.h"
#include "sql/catalog/schema_change.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

// A table as a transaction used it.
struct UsedTable {
  std::string name;
  TableId id;
  uint64_t version = 0;
};

class Catalog {
 public:
  struct Options {
    Micros lease_us = 2'000'000;
    Micros drop_margin_us = 300'000;
    SabotageSet sabotage;
    // Whose catalog it is: what is used of it is so up to the database's end. Nothing for the first
    // database, which has none. `store` is then that database's (database_store.h).
    std::optional<DatabaseId> database;
  };
  Catalog(txn::Store* store, Executor* executor, TrueTime* truetime, Random* random,
          Options options);

  // The descriptor of `name` if the cache can answer now; null otherwise. Starts a refresh in the
  // background when the entry is half way through its lease.
  TablePtr Peek(const std::string& name);

  // What the cache last knew of `name`, true or not; null if nothing.
  TablePtr Hint(const std::string& name) const;

  // The table of that name for transactions from now on. 42P01.
  Task<absl::StatusOr<TablePtr>> Resolve(Ctx ctx, std::string name);
  // Whether there is something of that name for transactions from now on. Of a schema that there is
  // not may be remembered for a lease, unless *may_come: a fence stands where it is to be made.
  Task<absl::StatusOr<bool>> Stands(Ctx ctx, std::string name, bool* may_come);
  // For a transaction that reads at t: as of t, read through `txn` where the cache does not cover
  // t; the cache is then brought up to date in the background, for those that read later.
  Task<absl::StatusOr<TablePtr>> ResolveAt(Ctx ctx, std::string name, Timestamp t,
                                           txn::ReadTransaction* txn);
  // OK while the database stands. 3D000.
  Task<absl::Status> CheckDatabase(Ctx ctx);
  // Whether the cache alone can say, with time left to commit in, that all of `tables` are as they
  // were used; *until is then the greatest commit timestamp for which it holds.
  bool ValidNow(const std::vector<UsedTable>& tables, Timestamp* until);
  // The same, asking the store if need be: the greatest commit timestamp up to which all of
  // `tables` are as they were used. ABORTED when one has changed or gone. `writer` is the
  // transaction that is about to commit, null for one that only reads.
  Task<absl::StatusOr<Timestamp>> Validate(Ctx ctx, std::vector<UsedTable> tables,
                                           txn::ReadWriteTransaction* writer = nullptr);

  // Fills in ids and stores the table. True if it was made, false if it existed and
  // `if_not_exists`. 42P07, 55006 while a table of that name is on its way out.
  // `sequences` come with it, owned by its columns; where their names are taken, under others.
  Task<absl::StatusOr<bool>> Create(Ctx ctx, TableDescriptor table, bool if_not_exists,
                                    txn::CommitResult* commit,
                                    std::vector<TableDescriptor> sequences = {});
  // The same within a transaction, which commits it; *made gets the relations' names and ids.
  // Rows of sequences are written at once, so that they can count before the commit.
  struct Made {
    std::vector<std::pair<std::string, TableId>> relations;
  };
  Task<absl::StatusOr<bool>> CreateIn(Ctx ctx, txn::ReadWriteTransaction* txn,
                                      TableDescriptor table, bool if_not_exists,
                                      std::vector<TableDescriptor> sequences, Made* made);
  // fence.cc: ids that no relation has had or will get again.
  Task<absl::StatusOr<TableId>> NewTableIds(Ctx ctx, uint64_t count);
  // Writes the row of a sequence that nobody knows yet.
  Task<absl::Status> StartSequence(Ctx ctx, TableDescriptor sequence);
  // Puts a fence on `name` for `within`, the transaction that is about to change it and waits for
  // the fence. A schema may be one that is yet to be made; where there is no such relation nothing
  // is done.
  Task<absl::Status> Fence(Ctx ctx, std::string name, const txn::ReadWriteTransaction* within);
  // Takes fences away, in the background, where they still stand.
  void Unfence(std::vector<std::string> names);
  // After the commit of a transaction that changed descriptions, or before it reads them anew.
  void ForgetAll();
  Task<absl::Status> WaitUntilPast(Ctx ctx, Timestamp t);
  TrueTime* truetime() const { return truetime_; }
  SabotageSet sabotage() const { return options_.sabotage; }
  // Returns when the relation has ended. False if it did not exist.
  Task<absl::StatusOr<bool>> Drop(Ctx ctx, std::string name, txn::CommitResult* commit);
  // Changes what no plan depends on (a comment, a sequence's owner) at once, in place. 42P01, or
  // what `change` returns.
  Task<absl::Status> Annotate(Ctx ctx, std::string name,
                              std::function<absl::Status(TableDescriptor*)> change,
                              txn::CommitResult* commit);
  // Makes a change and returns when it is in force everywhere. If its caller goes in between, it
  // takes effect all the same. Writers are not held up: those that come to commit late are run
  // again under the new schema.
  Task<absl::Status> Change(Ctx ctx, SchemaEdit* edit, txn::CommitResult* commit);
  // The table, with no change of it on its way. 42P01.
  Task<absl::StatusOr<TablePtr>> Settled(Ctx ctx, std::string name);
  // All that stands at the transaction's timestamp: of the database, then of the universe.
  Task<absl::StatusOr<std::vector<TablePtr>>> List(Ctx ctx, txn::ReadTransaction* txn);

  // Called with each description that is fetched.
  void SetWatcher(std::function<void(const TablePtr&)> watcher) { watcher_ = std::move(watcher); }

  // Changes when any cached descriptor was replaced by another version or dropped: plans made under
  // another epoch look their tables up again.
  uint64_t epoch() const { return epoch_; }

 private:
  struct Entry {
    TablePtr table;
    Timestamp valid_from;
    Timestamp valid_until;  // inclusive
    bool ends = false;      // then: another description comes
    bool refreshing = false;
  };
  struct Fetched {
    TablePtr table;  // null: no such table
    Timestamp valid_from, valid_until;
    bool ends = false;
    bool fenced = false;
  };

  Task<absl::StatusOr<Fetched>> Fetch(Ctx ctx, std::string name);
  Task<void> Refresh(std::string name);
  Task<void> Warm(std::string name);
  void Remember(const std::string& name, const Fetched& fetched);
  // Whether the cache alone can say that the database stands; lowers *until.
  bool DatabaseValidNow(Timestamp now_latest, Timestamp* until) const;
  // The greatest commit timestamp up to which the database stands; asks the store. 3D000.
  Task<absl::StatusOr<Timestamp>> ValidateDatabase(Ctx ctx, txn::ReadWriteTransaction* writer);
  Task<absl::Status> ListRange(Ctx ctx, txn::ReadTransaction* txn, KeyRange range,
                               std::vector<TablePtr>* out);
  // Whether `t` stands for a transaction that runs now.
  bool Standing(const TableDescriptor& t, Timestamp now_latest) const;
  // One attempt at a transaction over the catalog's rows.
  Task<absl::StatusOr<bool>> CreateOnce(Ctx ctx, txn::ReadWriteTransaction* txn,
                                        TableDescriptor table, bool if_not_exists,
                                        std::vector<TableDescriptor> sequences,
                                        txn::CommitResult* commit);
  // fence.cc: the record is as `used`, and stays so until `writer` ends. ABORTED.
  Task<absl::Status> HoldStill(Ctx ctx, UsedTable used, txn::ReadWriteTransaction* writer);
  Task<absl::StatusOr<bool>> FenceOnce(Ctx ctx, txn::ReadWriteTransaction* txn, std::string name,
                                       Timestamp* blocked_until);
  Task<void> TakeFencesAway(std::vector<std::string> names);
  // companions.cc
  Task<absl::Status> AddSequences(Ctx ctx, txn::ReadWriteTransaction* txn, TableDescriptor* table,
                                  std::vector<TableDescriptor> sequences, uint64_t next,
                                  Made* made);
  // False: nothing to change. *at: when it takes effect.
  Task<absl::StatusOr<bool>> ChangeOnce(Ctx ctx, SchemaEdit* edit, SchemaChange* change,
                                        Micros margin_us, Timestamp* at, txn::CommitResult* commit);
  // Takes names that have ended out of the catalog, as far as that is possible now.
  Task<void> Unlink(Ctx ctx, std::vector<std::string> names);
  // What `record` says now; waits where now is not known well enough.
  Task<absl::StatusOr<Fetched>> Choose(Ctx ctx, const TableRecord& record, Timestamp valid_from,
                                       Timestamp leased_until);
  Task<absl::Status> Backoff(Ctx ctx, int attempt, absl::Status last);

  txn::Store* const store_;
  Executor* const executor_;
  TrueTime* const truetime_;
  Random* const random_;
  const Options options_;
  std::map<std::string, Entry> entries_;
  uint64_t epoch_ = 0;
  std::set<std::string> warming_;  // names that ResolveAt has sent for; at most kMaxWarming
  std::function<void(const TablePtr&)> watcher_;
  TaskScope background_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_CATALOG_H_
