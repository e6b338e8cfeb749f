// SPDX-License-Identifier: Apache-2.0

// Schemas come, go and are renamed, tables are made in them, and queries at all gateways name a
// table that lies in one schema or in two. What must hold: a table that hides another along the
// search path is found by every query that begins after the statement that made it has returned,
// until somebody begins to take it away; and no table lies in a schema that is not there.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

// A change takes two leases of descriptions.
constexpr Micros kChangeTimeoutUs = 25'000'000;
constexpr int64_t kSides = 4;

class Names final : public SqlSteps {
 public:
  explicit Names(Random /*random*/) : SqlSteps("names") {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    for (const char* statement :
         {"CREATE TABLE IF NOT EXISTS who (id bigint PRIMARY KEY, at text)",
          "INSERT INTO who VALUES (1, 'public') ON CONFLICT (id) DO NOTHING"}) {
      auto made = co_await Execute(&session, sql.get(), statement);
      if (!made.ok()) co_return made.status();
    }
    co_return absl::OkStatus();
  }

  Task<void> Step(Session session) override {
    const double how = session.random.NextDouble();
    if (how < 0.15 && !changing_) {
      co_await Change(std::move(session));
    } else if (how < 0.2) {
      co_await Side(std::move(session));
    } else if (how < 0.25) {
      co_await Look(std::move(session));
    } else {
      co_await Read(std::move(session));
    }
  }

  Task<absl::Status> End(Session session) override { co_return co_await Judge(&session); }

 private:
  // One change at a time. However it ends, what it may have done is not known until it says so.
  class Changing {
   public:
    explicit Changing(Names* names) : names_(names) {
      names_->changing_ = true;
      names_->hides_.reset();
      ++names_->changes_;
    }
    ~Changing() { names_->changing_ = false; }
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;

   private:
    Names* const names_;
  };

  Task<void> Change(Session session) {
    const double how = session.random.NextDouble();
    const Changing changing(this);
    std::string statement;
    std::optional<bool> hides;
    if (how < 0.25) {
      statement = "CREATE SCHEMA nam";
      hides = false;
    } else if (how < 0.6) {
      statement =
          "BEGIN; CREATE TABLE nam.who (id bigint PRIMARY KEY, at text); "
          "INSERT INTO nam.who VALUES (1, 'nam'); COMMIT";
      hides = true;
    } else if (how < 0.7) {
      statement = "DROP TABLE nam.who";
      hides = false;
    } else if (how < 0.8) {
      statement = "DROP SCHEMA nam CASCADE";
      hides = false;
    } else if (how < 0.85) {
      statement = "DROP TABLE IF EXISTS nam.who; DROP SCHEMA nam";
      hides = false;
    } else if (how < 0.92) {
      statement = "ALTER SCHEMA nam RENAME TO mem";
      hides = false;
    } else {
      statement = "ALTER SCHEMA mem RENAME TO nam";
    }
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "names " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(
        std::make_shared<RequestContext>(session.executor->MonotonicNow() + kChangeTimeoutUs),
        statement, {}, &sink);
    op.End(ran.status());
    if (ran.ok()) hides_ = hides;
  }

  // Races with the schema's end.
  Task<void> Side(Session session) {
    const std::string statement =
        absl::StrCat("CREATE TABLE nam.side", ++sides_ % kSides, " (id bigint PRIMARY KEY)");
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "names " + statement);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
  }

  Task<void> Read(Session session) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const std::string statement = "SET search_path TO nam, public; SELECT at FROM who WHERE id = 1";
    const int64_t changes = changes_;
    const std::optional<bool> hides = hides_;
    Recorded op(&session, "names " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    if (changes != changes_ || !hides.has_value()) co_return;
    if (IsMistake(ran.status())) Report("name-lost", Told(statement, ran.status()));
    if (!ran.ok()) co_return;
    const std::string found = Render(sink.statements.back());
    const std::string wanted = *hides ? "nam" : "public";
    if (found != wanted) {
      Report("other-table", absl::StrCat("\"who\" was ", found, "'s, where ", wanted, "'s is"));
    }
  }

  Task<void> Look(Session session) {
    Recorded op(&session, "names look");
    op.End(co_await Judge(&session));
  }

  Task<absl::Status> Judge(Session* session) {
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    sql::CollectingSink sink;
    auto ran = co_await sql->ExecuteReadOnly(
        session->NewContext(),
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN "
        "('nam', 'mem') AND table_schema NOT IN (SELECT schema_name FROM "
        "information_schema.schemata) ORDER BY 1, 2",
        {}, sql::ReadBound(), &sink);
    if (!ran.ok()) co_return ran.status();
    const std::string homeless = Render(sink.statements.back());
    if (!homeless.empty()) Report("homeless", absl::StrCat("in no schema: ", homeless));
    co_return absl::OkStatus();
  }

  bool changing_ = false;
  int64_t changes_ = 0;
  int64_t sides_ = 0;
  std::optional<bool> hides_;  // nam.who hides public.who; nothing: not known
};

}  // namespace

std::unique_ptr<Workload> NewNames(Random random) { return std::make_unique<Names>(random); }

}  // namespace isochron::sim
