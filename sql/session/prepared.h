// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_PREPARED_H_
#define ISOCHRON_SQL_SESSION_PREPARED_H_

// Parsed and planned statements, kept by their text and declared parameter types.
//
// A repeated statement then costs neither parse nor plan. Texts are compared whole: a program that
// writes literals into its statements gains nothing; parameters do. A kept plan names the versions
// of the tables it was made for, and is made anew when one differs.

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/parser/ast.h"
#include "sql/planner/plan.h"
#include "sql/session/search_path.h"
#include "sql/types/datum.h"

namespace isochron::sql {

enum class Verb : uint8_t {
  kPlanned,  // SELECT, INSERT, UPDATE, DELETE
  kCreateTable,
  kDropTable,
  kTransaction,
  kSet,
  kShow,
  kExplain,
  kSplit,     // SELECT isochron.split(...)
  kMembers,   // SELECT isochron.add_replica(...), remove_replica(...), transfer(...)
  kMerge,     // SELECT isochron.merge(...)
  kAdvisory,  // SELECT pg_advisory_lock(...) and its kin
  kChecksum,  // SELECT isochron.checksum(...)
  kAlterDatabase,
  kObject,   // ast_objects.h
  kSession,  // ast_session.h
  kCopyFrom,
  kSchema,  // CREATE INDEX, DROP INDEX, ALTER TABLE
};

struct Prepared {
  ast::Statement ast;
  Verb verb = Verb::kPlanned;
  bool writes = false;  // needs a read-write transaction
  bool draws = false;   // asks a sequence: it may be run again before its rows are passed on
  // Of a COPY. One that goes TO is the SELECT of what it copies, and kPlanned.
  std::optional<ast::Copy> copy;
  std::vector<ast::TableName> tables;
  PathPtr path;                   // its text's
  bool by_several_paths = false;  // a name of it may mean something in several schemas
  // The last plan made of it; replaced when a table changed.
  mutable std::shared_ptr<const Plan> plan;
};

// advisory_calls.cc: a SELECT of calls of pg_advisory_lock and its kin, and of nothing else.
bool IsAdvisoryCall(const ast::Select& select);
std::vector<ColumnInfo> AdvisoryColumns(const ast::Select& select);

struct PreparedText {
  std::string text;
  std::vector<Type> param_types;
  PathPtr path;  // where its names without a schema are looked for
  std::vector<Prepared> statements;
};
using PreparedPtr = std::shared_ptr<const PreparedText>;

// Parses `text` and sorts out its statements. 42601, 0A000.
absl::StatusOr<PreparedPtr> Prepare(absl::string_view text, std::vector<Type> param_types,
                                    PathPtr path = PublicPath());
// The same, for a caller that changes it.
absl::StatusOr<std::shared_ptr<PreparedText>> PrepareAnew(absl::string_view text,
                                                          std::vector<Type> param_types,
                                                          PathPtr path);

// OK unless the name says another database. 0A000.
absl::Status RefuseOtherDatabase(const ast::TableName& name, const std::string& database);

class PreparedCache {
 public:
  // `database`: whose names are meant; a name that says another is refused.
  PreparedCache(size_t capacity, std::string database)
      : capacity_(capacity), database_(std::move(database)) {}

  // From the cache, or prepared now. Errors as of Prepare and RefuseOtherDatabase.
  absl::StatusOr<PreparedPtr> Get(const std::string& text, const Params& params,
                                  const PathPtr& path = PublicPath());
  size_t size() const { return index_.size(); }
  uint64_t hits() const { return hits_; }

 private:
  using List = std::list<std::pair<std::string, PreparedPtr>>;  // most recent first
  const size_t capacity_;
  const std::string database_;
  List list_;
  absl::flat_hash_map<absl::string_view, List::iterator> index_;  // lint: no iteration
  uint64_t hits_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_PREPARED_H_
