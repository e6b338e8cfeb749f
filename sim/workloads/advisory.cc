// SPDX-License-Identifier: Apache-2.0

// Advisory locks taken at all gateways and held through faults, longer than a lease now and then.
// No two sessions hold one lock at once, as far as their nodes still vouch for it: a node that was
// cut off or stood still holds nothing any more when another has it.

#include <list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr int64_t kLocks = 3;
constexpr Micros kLookUs = 100'000;

class Advisory final : public SqlSteps {
 public:
  explicit Advisory(Random /*random*/) : SqlSteps("advisory") {}

  Task<absl::Status> Setup(Session /*session*/) override { co_return absl::OkStatus(); }

  Task<void> Step(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const int64_t key = session.random.Between(1, kLocks);
    const bool waits = session.random.OneIn(0.5);
    const std::string statement =
        absl::StrCat("SELECT pg_", waits ? "" : "try_", "advisory_lock(", key, ")");
    Recorded op(&session, statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    if (IsMistake(ran.status())) Report("advisory-mistake", Told(statement, ran.status()));
    if (!ran.ok()) co_return;
    if (!waits && !sink.statements.back().rows[0][0].bool_value()) co_return;
    {
      // Gone with the gateway, too.
      Holding holding(&holders_, key, session.sql, sql->id());
      Micros left = session.random.OneIn(0.2) ? session.random.Between(0, 4'000'000)
                                              : session.random.Between(0, 300'000);
      while (true) {
        Look(key);
        if (left <= 0) break;
        const Micros nap = std::min(left, kLookUs);
        co_await SleepFor(session.executor, nap);
        left -= nap;
      }
    }
    if (session.random.OneIn(0.5)) co_return;  // the session's end gives it back
    auto given_back =
        co_await Execute(&session, sql.get(), absl::StrCat("SELECT pg_advisory_unlock(", key, ")"));
    (void)given_back;
  }

 private:
  struct Holder {
    int64_t key;
    sql::Engine* engine;
    uint64_t session;
  };
  struct Holding {
    Holding(std::list<Holder>* all, int64_t key, sql::Engine* engine, uint64_t session)
        : all(all), at(all->insert(all->end(), Holder{key, engine, session})) {}
    ~Holding() { all->erase(at); }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;
    std::list<Holder>* const all;
    const std::list<Holder>::iterator at;
  };

  void Look(int64_t key) {
    int holders = 0;
    for (const Holder& h : holders_) {
      if (h.key == key && h.engine->VouchesForLocks(h.session)) ++holders;
    }
    if (holders > 1) {
      Report("two-holders", absl::StrCat(holders, " sessions hold advisory lock ", key));
    }
  }

  std::list<Holder> holders_;
};

}  // namespace

std::unique_ptr<Workload> NewAdvisory(Random random) { return std::make_unique<Advisory>(random); }

}  // namespace isochron::sim
