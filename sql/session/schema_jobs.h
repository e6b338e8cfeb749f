// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SCHEMA_JOBS_H_
#define ISOCHRON_SQL_SESSION_SCHEMA_JOBS_H_

// Fills indexes in the background (rule 37).
//
// An index begins in state kBuilding, at a timestamp; every write from then on maintains it.
// Whoever sees such a description tends its job: claims it for a while, renews the claim as it
// goes, and takes it over when a claim has run out. The work: pages of the table as it stands in a
// snapshot after that timestamp; for each page a transaction that reads the page's rows again,
// under locks, and writes their entries. So a row that was deleted or changed since the snapshot
// has the entry that its last writer left (backfill-overwrites-delete). Entries are functions of
// their rows: pages may be done twice, by two at once, too.
//
// At the end the index becomes public, at a timestamp. A unique index that finds two rows with one
// key is taken away again, and the job keeps the error for whoever waits for it.
//
// Loop-thread only. Runs nothing for tables that no statement of this node uses.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/schema_job.h"
#include "sql/pg_catalog/reader.h"
#include "sql/planner/index_rules.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

// 23505, of an index that cannot be made.
absl::Status DuplicatedKey(const TableDescriptor& table, const IndexDescriptor& index,
                           const Row& row);

class SchemaJobs {
 public:
  struct Deps {
    txn::Store* store;
    Executor* executor;
    TrueTime* truetime;
    Random* random;
    Catalog* catalog;
    Observer* observer;  // may be null
    SabotageSet sabotage;
  };
  explicit SchemaJobs(Deps deps);

  // Nothing is under way here.
  bool idle() const { return background_.size() == 0; }
  // Sees to the jobs of `table`, if it has any.
  void Tend(const TablePtr& table);
  // Until the job has ended. Its error; 57014 when the index was dropped meanwhile.
  Task<absl::Status> Wait(Ctx ctx, std::string table, TableId id, uint64_t index);
  // Takes an index that is still being built away again, whoever builds it: its statement was
  // cancelled. In the background, so that it is done even if the caller goes; returns when it is.
  Task<void> Abandon(SchemaJob job);
  // How far builds of indexes of `tables` are, as `reader` sees it; nothing is read where there are
  // none.
  Task<absl::StatusOr<std::vector<IndexProgress>>> Progress(Ctx ctx,
                                                            const std::vector<TablePtr>* tables,
                                                            txn::ReadTransaction* reader);
  // All that are there, by key.
  Task<absl::StatusOr<std::vector<SchemaJob>>> List(Ctx ctx, txn::ReadTransaction* reader);

 private:
  using JobId = std::pair<uint64_t, uint64_t>;  // table, index
  enum class Claim { kMine, kOthers, kGone };
  struct Page {
    std::vector<std::string> keys;
    std::vector<std::string> values;
    std::optional<KeyRange> rest;
  };

  Task<void> Run(std::string table, JobId id);
  // One try at claiming and doing the job. True when there is nothing left to do.
  Task<absl::StatusOr<bool>> Once(std::string table, JobId id);
  Task<absl::StatusOr<Claim>> TakeClaim(Ctx ctx, JobId id, SchemaJob* job);
  // Writes `job` unless it has gone or belongs to somebody else. False then.
  Task<absl::StatusOr<bool>> SaveClaim(Ctx ctx, SchemaJob* job);
  Task<absl::Status> Fill(TablePtr table, const IndexDescriptor* index, SchemaJob* job);
  Task<absl::StatusOr<Page>> ReadPage(Ctx ctx, KeyRange range);
  Task<absl::Status> FillPage(TablePtr table, const IndexDescriptor* index, const IndexRules* rules,
                              const Page* page);
  Task<absl::Status> FillOnce(Ctx ctx, const TableDescriptor* table, const IndexDescriptor* index,
                              const IndexRules* rules, const Page* page,
                              txn::ReadWriteTransaction* txn);
  Task<absl::Status> Publish(const SchemaJob* job);
  Task<absl::Status> Undo(SchemaJob* job, absl::Status why);
  Task<void> TakeAway(SchemaJob job, OneShot<bool> done);
  Ctx NewContext();
  void Reached(absl::string_view what);

  const Deps deps_;
  const uint64_t self_;
  std::map<JobId, bool> tended_;
  TaskScope background_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SCHEMA_JOBS_H_
