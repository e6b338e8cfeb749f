// SPDX-License-Identifier: Apache-2.0

// A role is given the rights on a table and loses them, itself or by way of another role that it is
// a member of, while sessions at all gateways read and write as that role. What must hold: from
// when a REVOKE has returned nobody does anything by it, neither in a new statement nor by
// committing what was written before; and from when a GRANT has returned nobody is refused. Asked
// of what no change overlaps.

#include <array>
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
constexpr Micros kLongestOpenUs = 4'000'000;
constexpr int kRows = 16;
// On the table itself; as a member of the role that has them.
constexpr size_t kWays = 2;
constexpr char kRefused[] = "42501";
constexpr char kTurn[] = "rights";

class Rights final : public SqlSteps {
 public:
  explicit Rights(Random /*random*/) : SqlSteps("rights") {}

  Task<absl::Status> Setup(Session session) override {
    co_return co_await Make(
        &session,
        {"CREATE TABLE safe (id bigint PRIMARY KEY, v bigint NOT NULL)",
         "INSERT INTO safe SELECT g, 0 FROM generate_series(0, 15) g ON CONFLICT (id) DO NOTHING",
         "CREATE ROLE club", "CREATE ROLE reader", "GRANT SELECT, UPDATE ON safe TO club"});
  }

  Task<void> Step(Session session) override {
    const double how = session.random.NextDouble();
    if (how < 0.2 && !changing_) {
      co_await Change(std::move(session));
    } else if (how < 0.6) {
      co_await Read(&session);
    } else {
      co_await Write(std::move(session));
    }
  }

  Task<absl::Status> End(Session session) override {
    co_await Read(&session);
    co_return absl::OkStatus();
  }

 private:
  // One change at a time. However it ends, what it may have done is not known until it says so.
  class Changing {
   public:
    Changing(Rights* rights, size_t way) : rights_(rights) {
      rights_->changing_ = true;
      rights_->has_[way].reset();
      ++rights_->changes_;
    }
    ~Changing() { rights_->changing_ = false; }
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;

   private:
    Rights* const rights_;
  };

  // What was known when something began, held against how it ended.
  class Judged {
   public:
    Judged(Rights* rights, std::string statement)
        : rights_(rights),
          statement_(std::move(statement)),
          changes_(rights->changes_),
          allowed_(rights->Allowed()) {}
    void End(const absl::Status& status) {
      if (rights_->changes_ != changes_ || !allowed_.has_value()) return;
      const bool refused = sql::SqlStateOf(status) == kRefused;
      if (status.ok() && !*allowed_) {
        rights_->Report("right-kept", absl::StrCat("`", statement_, "` after REVOKE had returned"));
      } else if (refused && *allowed_) {
        rights_->Report("right-lost", Told(statement_, status));
      }
    }

   private:
    Rights* const rights_;
    const std::string statement_;
    const int64_t changes_;
    const std::optional<bool> allowed_;
  };

  // Nothing: not known.
  std::optional<bool> Allowed() const {
    bool known = true;
    for (const std::optional<bool>& has : has_) {
      if (has == true) return true;
      known = known && has.has_value();
    }
    return known ? std::optional<bool>(false) : std::nullopt;
  }

  Task<void> Change(Session session) {
    const size_t way = session.random.Below(kWays);
    const bool gives = session.random.OneIn(0.5);
    const char* what = way == 0 ? "SELECT, UPDATE ON safe" : "club";
    const std::string statement =
        absl::StrCat(gives ? "GRANT " : "REVOKE ", what, gives ? " TO " : " FROM ", "reader");
    const Changing changing(this, way);
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const Ctx ctx =
        std::make_shared<RequestContext>(session.executor->MonotonicNow() + kChangeTimeoutUs);
    Recorded op(&session, "rights " + statement, kTurn);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(ctx, statement, {}, &sink);
    op.End(ran.status());
    if (IsMistake(ran.status())) Report("role-lost", Told(statement, ran.status()));
    if (ran.ok()) has_[way] = gives;
  }

  // One that the rights decide about, as the role.
  Task<absl::Status> Ask(Session* session, sql::Session* sql, std::string statement) {
    Recorded op(session, "rights " + statement);
    Judged judged(this, statement);
    auto ran = co_await Execute(session, sql, statement);
    op.End(ran.status());
    judged.End(ran.status());
    if (IsMistake(ran.status()) && sql::SqlStateOf(ran.status()) != kRefused) {
      Report("table-lost", Told(statement, ran.status()));
    }
    co_return ran.status();
  }

  Task<void> Read(Session* session) {
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    const uint64_t id = session->random.Below(kRows);
    (void)co_await Ask(session, sql.get(),
                       absl::StrCat("SET ROLE reader; SELECT v FROM safe WHERE id = ", id));
  }

  // Clients have a row each: one that keeps its transaction open is in nobody's way.
  Task<void> Write(Session session) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const absl::Status written =
        co_await Ask(&session, sql.get(),
                     absl::StrCat("SET ROLE reader; BEGIN; UPDATE safe SET v = v + 1 WHERE id = ",
                                  session.client % kRows));
    if (!written.ok()) co_return;
    co_await SleepFor(session.executor, session.random.Between(0, kLongestOpenUs));
    (void)co_await Ask(&session, sql.get(), "COMMIT");
  }

  bool changing_ = false;
  int64_t changes_ = 0;
  std::array<std::optional<bool>, kWays> has_ = {false, false};
};

}  // namespace

std::unique_ptr<Workload> NewRights(Random random) { return std::make_unique<Rights>(random); }

}  // namespace isochron::sim
