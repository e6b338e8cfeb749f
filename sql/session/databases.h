// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_DATABASES_H_
#define ISOCHRON_SQL_SESSION_DATABASES_H_

// The Engine of a node: one EngineImpl a database, each over the store as that database sees it
// (sql/catalog/database_store.h). So caches of descriptions, plans, sequences and advisory locks
// are each one database's, and none of their keys has to name it.
//
// The first database's is there for good. Another one's comes with its first session and goes some
// time after the last: of those that nobody uses a few are kept, the most recently used.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sql/catalog/database_store.h"
#include "sql/session/engine_impl.h"
#include "sql/session/session.h"

namespace isochron::sql {

class Databases : public Engine {
 public:
  static constexpr size_t kMaxIdle = 16;

  Databases(Deps deps, EngineOptions options);

  std::unique_ptr<Session> NewSession() override { return first_.NewSession(); }
  Task<absl::StatusOr<std::unique_ptr<Session>>> Open(Ctx ctx, std::string database) override;
  Task<absl::StatusOr<bool>> Stands(Ctx ctx, std::string database) override;
  Task<absl::StatusOr<Login>> FindLogin(Ctx ctx, std::string name) override {
    return first_.FindLogin(std::move(ctx), std::move(name));
  }
  std::vector<ActiveStatement> ActiveStatements() const override;
  std::vector<SessionState> Sessions() const override;
  bool VouchesForLocks(uint64_t session) const override;
  size_t engines() const override { return 1 + others_.size(); }

  // Of a new session. No two of a node have the same.
  uint64_t NextSession() { return next_session_++; }
  // The description of a database other than the first; makes that of the one which is always
  // there. 3D000.
  Task<absl::StatusOr<TablePtr>> Describe(Ctx ctx, std::string name);
  // All that stands in the database of that id; of 0, the first one, with the universe's.
  Task<absl::StatusOr<std::vector<TablePtr>>> List(Ctx ctx, TableId database);
  // How many clients are connected to it, at any node that answers.
  Task<absl::StatusOr<int64_t>> Connections(Ctx ctx, std::string database);
  // Takes away what is left of databases that were dropped. In the background; what it does not
  // come to, the next one does.
  void SweepSoon() { background_.Spawn(Sweep()); }

 private:
  struct Other {
    Other(const Deps& deps, const EngineOptions& options, Databases* databases, DatabaseId id);
    DatabaseStore store;
    EngineImpl engine;
    uint64_t last_use = 0;
  };
  // A database that got another name has another one, lest names that are kept tell the old one.
  using Key = std::pair<uint64_t, std::string>;  // id, full name

  void DropIdle();
  Task<void> Sweep();
  Task<absl::Status> SweepOne(Ctx ctx, TableId id, std::string full_name);

  const Deps deps_;
  const EngineOptions options_;
  uint64_t next_session_ = 1;
  uint64_t uses_ = 0;
  EngineImpl first_;
  std::map<Key, std::unique_ptr<Other>> others_;
  TaskScope background_;
};

// 3D000
absl::Status NoDatabase(absl::string_view name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_DATABASES_H_
