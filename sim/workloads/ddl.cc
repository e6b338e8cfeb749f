// SPDX-License-Identifier: Apache-2.0

// Tables that are made, filled, read and dropped through SQL, at any gateway, while all else goes
// on. A table has one client at a time that changes it, so what it must hold is known: as many rows
// as were acknowledged, none of a former table of the same name, and none at all once it is
// dropped. Others read it meanwhile. A table of which an outcome is not known is left alone, and
// another name takes its place.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr size_t kTables = 4;

class Ddl final : public SqlSteps {
 public:
  explicit Ddl(Random /*random*/) : SqlSteps("ddl") {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    auto ran = co_await Execute(&session, sql.get(), "SELECT 1");
    co_return ran.status();
  }

  Task<void> Step(Session session) override {
    const size_t which = session.random.Below(kTables);
    if (tables_[which].busy || session.random.OneIn(0.3)) {
      co_await Look(std::move(session), which);
    } else {
      Claim claim(&tables_[which]);
      co_await Change(std::move(session), &claim);
    }
  }

 private:
  struct Table {
    int generation = 0;  // of its name
    bool busy = false;
    bool exists = false;
    int64_t rows = 0;
  };
  // While it is held nobody else changes the table. One that is not given back, because the client
  // or its gateway died or an outcome is not known, leaves another name behind.
  class Claim {
   public:
    explicit Claim(Table* table) : table_(table) { table_->busy = true; }
    ~Claim() {
      if (!known_) *table_ = Table{table_->generation + 1, false, false, 0};
      table_->busy = false;
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    Table* table() { return table_; }
    void Known() { known_ = true; }

   private:
    Table* table_;
    bool known_ = false;
  };

  std::string NameOf(const Table* table) const {
    return absl::StrCat("d", table - tables_, "_", table->generation);
  }

  Task<void> Change(Session session, Claim* claim) {
    Table* table = claim->table();
    const std::string name = NameOf(table);
    const double how = session.random.NextDouble();
    std::string statement;
    if (!table->exists) {
      statement = absl::StrCat("CREATE TABLE ", name, " (id bigint PRIMARY KEY, v text NOT NULL)");
    } else if (how < 0.5) {
      statement = absl::StrCat("INSERT INTO ", name, " VALUES (", table->rows + 1, ", 'v')");
    } else if (how < 0.8) {
      statement = absl::StrCat("SELECT count(*) FROM ", name);
    } else {
      statement = absl::StrCat("DROP TABLE ", name);
    }
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "ddl " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    if (!ran.ok()) {
      // Whoever holds the claim knows whether the table is there and which rows it has.
      const std::string state = sql::SqlStateOf(ran.status());
      const bool strange = IsMistake(ran.status()) || state == sql::sqlstate::kUniqueViolation;
      if (strange) Report("table-lost", Told(statement, ran.status()));
      co_return;
    }
    if (!table->exists) {
      *table = Table{table->generation, true, true, 0};
    } else if (how < 0.5) {
      ++table->rows;
    } else if (how < 0.8) {
      const std::string seen = Render(sink.statements.back());
      if (seen != absl::StrCat(table->rows)) {
        Report("rows-lost",
               absl::StrCat(name, " has ", seen, " rows; ", table->rows, " were acknowledged"));
      }
    } else {
      table->exists = false;
    }
    claim->Known();
  }

  // Whatever is there while others change it; there is nothing to compare with.
  Task<void> Look(Session session, size_t which) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const std::string statement = absl::StrCat("SELECT count(*) FROM ", NameOf(&tables_[which]));
    Recorded op(&session, "ddl " + statement);
    op.End((co_await Execute(&session, sql.get(), statement)).status());
  }

  Table tables_[kTables];
};

}  // namespace

std::unique_ptr<Workload> NewDdl(Random random) { return std::make_unique<Ddl>(random); }

}  // namespace isochron::sim
