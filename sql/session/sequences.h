// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SEQUENCES_H_
#define ISOCHRON_SQL_SESSION_SEQUENCES_H_

// Values of sequences, for statements.
//
// A node takes values by small transactions of their own, outside the caller's, as many at once as
// the sequence's CACHE says (1000 without one), and hands them out from memory: unique for ever,
// never given back, in order on one node. With CACHE 1 nothing is kept: each statement takes what
// it needs, so values are in the order of the calls, and each costs a commit.
//
// setval and RESTART void the blocks that were taken before: they change the row's generation, and
// return when no node trusts an older one. A node trusts its block until TT.now().earliest before
// it looked at the row, plus a lease; then it looks again. A look that does not see the change
// began before its commit, so waiting for commit + lease is enough; where nobody else can hold a
// block, nothing is waited for.
//
// Evaluation cannot wait. A statement that finds no value at hand fails, gets what it lacked, and
// runs again from its beginning (Draws::Supply): what it drew before, it draws again. The same
// holds for a transaction's replay: the values are kept with its statements, so a replay shows the
// client the same ones.
//
// Loop thread only.

#include <cstdint>
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
#include "common/task.h"
#include "common/truetime.h"
#include "sql/binder/sequence_access.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/sequence.h"
#include "sql/session/search_path.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

class Settings;

// The blocks of a node. One an engine; outlives the tasks it returned.
class SequenceBlocks {
 public:
  SequenceBlocks(txn::Store* store, Executor* executor, TrueTime* truetime, Random* random,
                 Micros lease_us);

  // The next counted value of this node's block; nothing when it has none or may not trust it.
  std::optional<int64_t> Take(const TableDescriptor& sequence);
  // Makes Take answer; looks at the row, or takes `count` values or more. 2200H.
  Task<absl::Status> Fill(Ctx ctx, TablePtr sequence, int64_t count);
  // Takes exactly `count` values, or what is left before the end, for the caller alone.
  Task<absl::StatusOr<SequenceRun>> TakeAlone(Ctx ctx, TablePtr sequence, int64_t count);
  // setval. Returns when no node hands out a value of before.
  Task<absl::Status> Set(Ctx ctx, TablePtr sequence, int64_t value, bool is_called);

 private:
  struct Block {
    int64_t next = 0;
    int64_t left = 0;
    int64_t generation = 0;
    Timestamp valid_until;
  };
  bool CanTake(TableId sequence) const;
  // Changes the row in a transaction of its own, until it commits.
  template <typename Change>
  Task<absl::StatusOr<Timestamp>> Update(Ctx ctx, TablePtr sequence, Change change,
                                         SequenceState* state);
  Task<absl::Status> Renew(Ctx ctx, TablePtr sequence);
  Task<absl::Status> Backoff(Ctx ctx, int attempt, absl::Status last);

  txn::Store* const store_;
  Executor* const executor_;
  TrueTime* const truetime_;
  Random* const random_;
  const Micros lease_us_;
  const int64_t self_;               // what this node is called in a sequence's row
  std::map<TableId, Block> blocks_;  // at most kMaxBlocks
  std::set<TableId> filling_;
  WaitList filled_;
};

// What currval and lastval answer. Of a session.
struct SequenceMemory {
  std::map<TableId, int64_t> values;
  std::optional<TableId> last;
};

// What a statement drew, or set.
struct Draw {
  TableId sequence;
  int64_t value = 0;
  bool set = false;
};

// What a statement lacked.
struct WantedDraw {
  std::string name;                // as written
  std::vector<std::string> means;  // one of these, by full names
  TablePtr sequence;               // null: it is the description that is lacking
  int64_t count = 1;
  bool set = false;
  int64_t value = 0;
  bool is_called = false;
};

// The sequences as one statement sees them, over its attempts.
class Draws : public SequenceAccess {
 public:
  // The settings say who draws.
  Draws(Catalog* catalog, SequenceBlocks* blocks, Settings* settings, bool read_only);

  // What these names mean, instead of what the catalog says; null for nothing. Outlives the draws.
  void SeeInside(const std::map<std::string, TablePtr>* relations) { inside_ = relations; }
  // Before each attempt. The draws of an earlier one are made again.
  void NewAttempt();
  // The attempt lacked something: Supply, then another attempt, whatever this one gave.
  bool wanting() const { return wanted_.has_value(); }
  Task<absl::Status> Supply(Ctx ctx);
  // Since the last attempt something was supplied.
  bool again() const { return supplied_; }

  const std::vector<Draw>& log() const { return log_; }
  void set_log(std::vector<Draw> log) { log_ = std::move(log); }

  absl::Status Next(const std::string& name, bool for_identity, Datum* out) override;
  absl::Status Current(const std::string& name, Datum* out) override;
  absl::Status Last(Datum* out) override;
  absl::Status Set(const std::string& name, int64_t value, bool is_called, Datum* out) override;
  void Expect(size_t rows) override;

 private:
  Task<absl::Status> Bring(Ctx ctx, WantedDraw wanted);
  // Null, with the wish noted, where it is not at hand.
  absl::StatusOr<TablePtr> Find(const std::string& name);
  // The draw that the last attempt made here, if it is of that kind.
  const Draw* Again(TableId sequence, bool set);
  // That it may, by one of these rights. 42501.
  absl::Status Allowed(const TableDescriptor& sequence, uint32_t rights) const;
  void Drew(const TableDescriptor& sequence, int64_t value);

  Catalog* const catalog_;
  SequenceBlocks* const blocks_;
  const Settings* const settings_;
  SequenceMemory* const memory_;
  const bool read_only_;
  const PathPtr path_;
  const std::map<std::string, TablePtr>* inside_ = nullptr;
  std::vector<Draw> log_;
  size_t cursor_ = 0;
  std::optional<WantedDraw> wanted_;
  bool supplied_ = false;
  std::map<TableId, SequenceRun> alone_;  // values of CACHE 1, taken for this statement
  std::map<std::string, TablePtr> found_;
};

// What the name that SQL text gives in quotes may mean, by full names, in this order. It is folded
// as PostgreSQL folds it: 'S' is s, '"S"' is S. 42602.
absl::StatusOr<std::vector<std::string>> SequenceNames(const std::string& text,
                                                       const SearchPath& path);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SEQUENCES_H_
