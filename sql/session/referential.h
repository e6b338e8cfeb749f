// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_REFERENTIAL_H_
#define ISOCHRON_SQL_SESSION_REFERENTIAL_H_

// Foreign keys: what a statement must look at, and do, once its rows are written.
//
// A row that refers: the key that it refers to is read with a shared lock, the row's own or that of
// the unique index's entry, and must be there. So it stays until the commit: whoever deletes the
// row, or changes its key, locks the same key exclusively. A row that is referred to and goes:
// rows that refer to it are looked for, by a statement of its own within the transaction, whose
// range lock keeps new ones out until the commit; ON DELETE and ON UPDATE are such statements, too,
// and have their own consequences. All of it reads what the transaction has written.
//
// Which foreign keys there are, both tables' descriptions say, and both change at one timestamp
// (rule 37): no transaction commits that knew of one too few.
//
// Loop-thread only; lives for one statement, or for one validation.

#include <set>
#include <string>
#include <vector>

#include "sql/exec/operator.h"
#include "sql/session/deferred_keys.h"
#include "sql/session/session.h"

namespace isochron::sql {

class EngineImpl;

// The positions of the columns of `parent` that the key refers to; fewer where one has gone.
std::vector<uint32_t> ParentColumns(const TableDescriptor& parent, const ForeignKey& key);

class Referential {
 public:
  Referential(EngineImpl* engine, ExecContext* exec) : engine_(engine), exec_(exec) {}

  // What the statement noted. 23503.
  Task<absl::Status> Check(const ReferentialNotes* notes);

  // What a transaction put off to its end. 23503.
  Task<absl::Status> CheckDeferred(const std::vector<DeferredKeys::Key>* keys);

  // Whether `rows` of `child` refer to rows that `reader` sees. Keys in `known` are there, as is
  // known already; more are added. 23503.
  static Task<absl::Status> CheckRows(Ctx ctx, const TableDescriptor* child, const ForeignKey* key,
                                      const TableDescriptor* parent, const std::vector<Row>* rows,
                                      txn::ReadTransaction* reader, std::set<std::string>* known);
  // The same of all rows that `reader` sees.
  static Task<absl::Status> CheckTable(Ctx ctx, Executor* executor, const TableDescriptor* child,
                                       const ForeignKey* key, const TableDescriptor* parent,
                                       txn::ReadTransaction* reader);

 private:
  using Key = std::vector<Datum>;

  Task<absl::StatusOr<TablePtr>> Resolve(std::string name);
  // The rows of `table` refer to rows that are there.
  Task<absl::Status> CheckParent(const ReferentialNotes::Of* of, const ForeignKey* key);
  // What refers to rows of `table` that went or changed.
  Task<absl::Status> TellChild(const ReferentialNotes::Of* of, TablePtr child,
                               const ForeignKey* key);
  Task<absl::Status> Act(const TableDescriptor* table, TablePtr child, const ForeignKey* key,
                         const Key* old_key, const Key* new_key);
  Task<absl::StatusOr<bool>> Exists(const TableDescriptor* table, std::vector<uint32_t> columns,
                                    const TableDescriptor* of, std::vector<uint32_t> of_columns,
                                    Key key);
  Task<absl::Status> CheckDeferredKey(const DeferredKeys::Key* deferred);
  // Puts off what can be: rows with values in all columns of the key. The others are left.
  absl::StatusOr<bool> PutOff(const TableDescriptor& child, const ForeignKey& key,
                              std::vector<Row>* rows);
  Task<absl::StatusOr<int64_t>> Run(std::string sql, Params params);

  EngineImpl* const engine_;
  ExecContext* const exec_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_REFERENTIAL_H_
