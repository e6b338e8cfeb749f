// SPDX-License-Identifier: Apache-2.0

// An enum's labels get other names and new ones come between them, while rows are written by label
// and read at all gateways, and tables with columns of the enum are made and dropped. A label is
// called by a number that it keeps and one that grows with each name: "2_7". What must hold: a row
// has the label that it was written with, by the name that it has when a query begins that no
// change overlaps; rows sort by their labels' order; and no two tables have the enum in two
// versions: they compare.

#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

// A change takes two leases of descriptions.
constexpr Micros kChangeTimeoutUs = 25'000'000;
constexpr size_t kLabels = 4;
constexpr uint64_t kSides = 3;
// A change of the type is one of all its tables.
constexpr char kTurn[] = "hue";

class Enums final : public SqlSteps {
 public:
  explicit Enums(Random /*random*/) : SqlSteps("enums") {}

  Task<absl::Status> Setup(Session session) override {
    co_return co_await Make(&session,
                            {"CREATE TYPE hue AS ENUM ('0_0', '1_0', '2_0', '3_0')",
                             "CREATE TABLE paint (id bigint PRIMARY KEY, c hue NOT NULL)"});
  }

  Task<void> Step(Session session) override {
    const double how = session.random.NextDouble();
    if (how < 0.1 && !changing_) {
      co_await Change(std::move(session));
    } else if (how < 0.2) {
      co_await Side(std::move(session));
    } else if (how < 0.4) {
      (void)co_await Compare(&session, session.random.Below(kSides));
    } else if (how < 0.7) {
      co_await Write(std::move(session));
    } else {
      (void)co_await Read(&session);
    }
  }

  Task<absl::Status> End(Session session) override {
    for (uint64_t side = 0; side < kSides; ++side) {
      ISO_CO_RETURN_IF_ERROR(co_await Compare(&session, side));
    }
    co_return co_await Read(&session);
  }

 private:
  // One change at a time. However it ends, what it may have done is not known until it says so.
  class Changing {
   public:
    explicit Changing(Enums* enums) : enums_(enums) {
      enums_->changing_ = true;
      ++enums_->changes_;
    }
    ~Changing() {
      enums_->changing_ = false;
      ++enums_->changes_;
    }
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;

   private:
    Enums* const enums_;
  };

  static std::string Label(size_t label, int64_t name) { return absl::StrCat(label, "_", name); }

  Task<void> Change(Session session) {
    const Changing changing(this);
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const Ctx ctx =
        std::make_shared<RequestContext>(session.executor->MonotonicNow() + kChangeTimeoutUs);
    const size_t label = session.random.Below(kLabels);
    const bool renames = added_ > 40 || session.random.OneIn(0.7);
    std::string statement;
    if (renames) {
      // Whether it is the next already is not known after a change whose answer was lost.
      statement = absl::StrCat("ALTER TYPE hue RENAME VALUE '", Label(label, names_[label]),
                               "' TO '", Label(label, names_[label] + 1), "'");
    } else {
      statement = absl::StrCat("ALTER TYPE hue ADD VALUE 'n", ++added_, "_0' ",
                               session.random.OneIn(0.5) ? "BEFORE '" : "AFTER '",
                               Label(label, names_[label]), "'");
    }
    const bool known = known_[label];
    if (renames) known_[label] = false;  // whoever is abandoned here never says what came of it
    Recorded op(&session, "enums " + statement, kTurn);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(ctx, statement, {}, &sink);
    op.End(ran.status());
    const std::string state = sql::SqlStateOf(ran.status());
    if (renames && ran.ok()) {
      ++names_[label];
      known_[label] = true;
    } else if (state == sql::sqlstate::kInvalidParameter) {
      // No label of that name: the change before has come.
      if (known) Report("label-lost", Told(statement, ran.status()));
      ++names_[label];
      known_[label] = true;
    }
  }

  // Races with changes of the type.
  Task<void> Side(Session session) {
    const std::string name = absl::StrCat("side", session.random.Below(kSides));
    const double how = session.random.NextDouble();
    std::string statement;
    if (how < 0.4) {
      statement = absl::StrCat("DROP TABLE IF EXISTS ", name);
    } else if (how < 0.7) {
      statement = absl::StrCat("CREATE TABLE ", name, " (id bigint PRIMARY KEY, c hue, d hue[])");
    } else if (how < 0.85) {
      statement =
          absl::StrCat("BEGIN; CREATE TABLE ", name, " (id bigint PRIMARY KEY); ALTER TABLE ", name,
                       " ADD COLUMN c hue; COMMIT");
    } else {
      statement = absl::StrCat("ALTER TABLE ", name, " ADD COLUMN e", ++columns_, " hue");
    }
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "enums " + statement, kTurn);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
  }

  Task<void> Write(Session session) {
    const int64_t id = ++rows_;
    const auto label = static_cast<size_t>(id) % kLabels;
    const std::string statement =
        absl::StrCat("INSERT INTO paint VALUES (", id, ", '", Label(label, names_[label]), "')");
    const int64_t changes = changes_;
    const bool known = known_[label] && !changing_;
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "enums " + statement);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
    if (known && changes == changes_ && sql::SqlStateOf(ran.status()) == "22P02") {
      Report("label-lost", Told(statement, ran.status()));
    }
  }

  Task<absl::Status> Read(Session* session) {
    const int64_t changes = changes_;
    const bool calm = !changing_;
    const std::array<int64_t, kLabels> names = names_;
    const std::array<bool, kLabels> known = known_;
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    const std::string statement = "SELECT id, c FROM paint ORDER BY c, id";
    Recorded op(session, "enums " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->ExecuteReadOnly(session->NewContext(), statement, {}, sql::ReadBound(),
                                             &sink);
    op.End(ran.status());
    if (IsMistake(ran.status())) Report("table-lost", Told(statement, ran.status()));
    if (!ran.ok()) co_return ran.status();
    const sql::CollectingSink::Statement& result = sink.statements.back();
    size_t last = 0;
    for (const sql::Row& row : result.rows) {
      const int64_t id = row[0].int_value();
      const auto label = static_cast<size_t>(id) % kLabels;
      const std::string text = sql::DatumToText(result.columns[1].type, row[1]);
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(text, absl::MaxSplits('_', 1));
      int64_t name = 0;
      if (parts.first != absl::StrCat(label) || !absl::SimpleAtoi(parts.second, &name)) {
        Report("other-label", absl::StrCat("row ", id, " has label ", text));
      } else if (calm && changes == changes_ && known[label] && name != names[label]) {
        Report("old-name", absl::StrCat("row ", id, " has label ", text, ", which is called ",
                                        Label(label, names[label])));
      }
      if (label < last) Report("disorder", absl::StrCat("row ", id, " comes behind ", last));
      last = label;
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Compare(Session* session, uint64_t side) {
    const std::string statement =
        absl::StrCat("SELECT count(*) FROM side", side, " s JOIN paint p ON s.c = p.c");
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    Recorded op(session, "enums " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->ExecuteReadOnly(session->NewContext(), statement, {}, sql::ReadBound(),
                                             &sink);
    op.End(ran.status());
    const std::string state = sql::SqlStateOf(ran.status());
    if (state == sql::sqlstate::kUndefinedFunction) {
      Report("two-versions", Told(statement, ran.status()));
    }
    if (state == sql::sqlstate::kUndefinedTable) co_return absl::OkStatus();
    co_return ran.status();
  }

  bool changing_ = false;
  int64_t changes_ = 0;
  int64_t rows_ = 0;
  int64_t added_ = 0;
  int64_t columns_ = 0;
  std::array<int64_t, kLabels> names_ = {};  // the last that is known to have come, or one after it
  std::array<bool, kLabels> known_ = {true, true, true, true};
};

}  // namespace

std::unique_ptr<Workload> NewEnums(Random random) { return std::make_unique<Enums>(random); }

}  // namespace isochron::sim
