// SPDX-License-Identifier: Apache-2.0

// A foreign key comes and goes, by itself and inside transactions, while rows that refer and rows
// that are referred to come and go at any gateway; tables are emptied and columns added inside
// transactions that also write rows. The key may be deferred. What must hold, in any snapshot:
// where the catalog says that the key is valid, no row refers to one that is not there; and what a
// transaction that changed the schema wrote is there with its column or not at all.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr int64_t kParents = 8;
constexpr int64_t kChildren = 16;
// A change takes two leases of descriptions.
constexpr Micros kChangeTimeoutUs = 25'000'000;

class References final : public SqlSteps {
 public:
  explicit References(Random /*random*/) : SqlSteps("references") {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    for (const char* statement :
         {"CREATE TABLE IF NOT EXISTS par (id bigint PRIMARY KEY)",
          // With the index whoever deletes a parent meets only the writers of its own children.
          "BEGIN", "CREATE TABLE IF NOT EXISTS chi (id bigint PRIMARY KEY, par bigint)",
          "CREATE INDEX IF NOT EXISTS chi_of ON chi (par)", "COMMIT",
          "CREATE TABLE IF NOT EXISTS notes (id bigint PRIMARY KEY, what text)"}) {
      auto made = co_await Execute(&session, sql.get(), statement);
      if (!made.ok()) co_return made.status();
    }
    // The two sides of the key shall lie in different groups; without it they do not.
    (void)co_await Execute(&session, sql.get(), "SELECT isochron.split('chi', 0)");
    co_return absl::OkStatus();
  }

  Task<void> Step(Session session) override {
    const double how = session.random.NextDouble();
    const int64_t parent = session.random.Between(1, kParents);
    const int64_t child = session.random.Between(1, kChildren);
    if (how < 0.08 && !busy_) {
      co_await Change(std::move(session));
    } else if (how < 0.2) {
      co_await Defer(std::move(session));
    } else if (how < 0.35) {
      co_await Look(std::move(session));
    } else if (how < 0.5) {
      co_await Run(std::move(session),
                   absl::StrCat("INSERT INTO par VALUES (", parent, ") ON CONFLICT DO NOTHING"));
    } else if (how < 0.7) {
      co_await Run(std::move(session), absl::StrCat("DELETE FROM par WHERE id = ", parent));
    } else if (how < 0.9) {
      co_await Run(std::move(session),
                   absl::StrCat("INSERT INTO chi (id, par) VALUES (", child, ", ", parent,
                                ") ON CONFLICT (id) DO UPDATE SET par = excluded.par"));
    } else {
      co_await Run(std::move(session), absl::StrCat("DELETE FROM chi WHERE id = ", child));
    }
  }

  Task<absl::Status> End(Session session) override { co_return co_await Judge(&session); }

 private:
  class Busy {
   public:
    explicit Busy(bool* busy) : busy_(busy) { *busy_ = true; }
    ~Busy() { *busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    bool* const busy_;
  };

  void Note(const std::string& statement, const absl::Status& status) {
    if (IsMistake(status)) Report("schema-lost", Told(statement, status));
  }

  Task<void> Run(Session session, std::string statement) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "references " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    Note(statement, ran.status());
  }

  Task<void> Change(Session session) {
    const Busy busy(&busy_);
    const double how = session.random.NextDouble();
    std::vector<std::string> statements;
    const std::string add =
        absl::StrCat("ALTER TABLE chi ADD CONSTRAINT chi_par FOREIGN KEY (par) REFERENCES par",
                     session.random.OneIn(0.5) ? " DEFERRABLE INITIALLY DEFERRED" : "");
    if (how < 0.25) {
      statements = {"ALTER TABLE chi DROP CONSTRAINT IF EXISTS chi_par"};
    } else if (how < 0.55) {
      statements = {add};
    } else if (how < 0.75) {
      // All at once: whoever sees the key sees no row that breaks it.
      statements = {"BEGIN",
                    "ALTER TABLE chi DROP CONSTRAINT IF EXISTS chi_par",
                    "DELETE FROM chi WHERE id <= 8",
                    "TRUNCATE chi",
                    "INSERT INTO chi VALUES (1)",
                    add,
                    "COMMIT"};
    } else {
      const int64_t n = ++notes_;
      statements = {"BEGIN", absl::StrCat("ALTER TABLE notes ADD COLUMN c", n, " bigint"),
                    absl::StrCat("INSERT INTO notes (id, what, c", n, ") VALUES (", n, ", 'c", n,
                                 "', ", n, ")"),
                    "COMMIT"};
    }
    const Ctx ctx =
        std::make_shared<RequestContext>(session.executor->MonotonicNow() + kChangeTimeoutUs);
    co_await All(std::move(session), std::move(statements), ctx);
  }

  // Those that refer come before, or those that are referred to go before: where the key is
  // deferred, it holds at the end or nothing of it was.
  Task<void> Defer(Session session) {
    const int64_t child = session.random.Between(1, kChildren);
    const int64_t parent = session.random.Between(1, kParents);
    std::vector<std::string> statements = {
        "BEGIN", absl::StrCat("INSERT INTO chi (id, par) VALUES (", child, ", ", parent,
                              ") ON CONFLICT (id) DO UPDATE SET par = excluded.par")};
    if (session.random.OneIn(0.5)) {
      statements.push_back(absl::StrCat("DELETE FROM par WHERE id = ", parent % kParents + 1));
    }
    if (session.random.OneIn(0.7)) {
      statements.push_back(
          absl::StrCat("INSERT INTO par VALUES (", parent, ") ON CONFLICT DO NOTHING"));
    }
    statements.push_back("COMMIT");
    const Ctx ctx = session.NewContext();
    co_await All(std::move(session), std::move(statements), ctx);
  }

  // One after the other in one session, up to the first that fails.
  Task<void> All(Session session, std::vector<std::string> statements, Ctx ctx) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "references " + statements.back());
    absl::Status done;
    for (const std::string& statement : statements) {
      sql::CollectingSink sink;
      auto ran = co_await sql->Execute(ctx, statement, {}, &sink);
      done = ran.status();
      if (!done.ok()) break;
    }
    op.End(done);
  }

  Task<absl::StatusOr<std::string>> Query(Ctx ctx, sql::SqlTransaction* txn,
                                          std::string statement) {
    sql::CollectingSink sink;
    auto ran = co_await txn->Execute(ctx, std::move(statement), {}, &sink);
    if (!ran.ok()) co_return ran.status();
    co_return sink.statements.empty() ? "" : Render(sink.statements.back());
  }

  Task<void> Look(Session session) {
    Recorded op(&session, "references look");
    absl::Status looked = co_await Judge(&session);
    op.End(looked);
    Note("look", looked);
  }

  // All of one snapshot.
  Task<absl::Status> Judge(Session* session) {
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    sql::TransactionOptions options;
    options.read_only = true;
    const Ctx ctx = session->NewContext();
    auto txn = sql->Begin(ctx, options);
    if (!txn.ok()) co_return txn.status();
    ISO_CO_ASSIGN_OR_RETURN(
        const std::string orphans,
        co_await Query(ctx, txn->get(),
                       "SELECT c.id, c.par FROM chi c LEFT JOIN par p ON p.id = c.par "
                       "WHERE c.par IS NOT NULL AND p.id IS NULL ORDER BY 1"));
    ISO_CO_ASSIGN_OR_RETURN(const std::string valid,
                            co_await Query(ctx, txn->get(),
                                           "SELECT count(*) FROM pg_constraint WHERE "
                                           "conname = 'chi_par' AND convalidated"));
    ISO_CO_ASSIGN_OR_RETURN(
        const std::string lost,
        co_await Query(ctx, txn->get(),
                       "SELECT n.what FROM notes n WHERE NOT EXISTS (SELECT 1 FROM "
                       "information_schema.columns WHERE table_name = 'notes' AND "
                       "column_name = n.what)"));
    ISO_CO_ASSIGN_OR_RETURN(
        const std::string empty,
        co_await Query(ctx, txn->get(),
                       "SELECT column_name FROM information_schema.columns WHERE "
                       "table_name = 'notes' AND column_name LIKE 'c%' AND NOT EXISTS "
                       "(SELECT 1 FROM notes n WHERE n.what = column_name)"));
    if (valid.find('1') != std::string::npos && !orphans.empty()) {
      Report("orphan", absl::StrCat("rows refer to none: ", orphans));
    }
    if (!lost.empty()) Report("half-schema", absl::StrCat("rows without their column: ", lost));
    if (!empty.empty()) Report("half-schema", absl::StrCat("columns without their row: ", empty));
    co_return absl::OkStatus();
  }

  bool busy_ = false;
  int64_t notes_ = 0;
};

}  // namespace

std::unique_ptr<Workload> NewReferences(Random random) {
  return std::make_unique<References>(random);
}

}  // namespace isochron::sim
