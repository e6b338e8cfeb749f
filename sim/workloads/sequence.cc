// SPDX-License-Identifier: Apache-2.0

// Values of sequences, drawn at any gateway while all else goes on. No value is ever given twice,
// neither within a transaction that was run again nor after setval, which here only goes up; what
// is drawn after a setval has returned lies beyond it; and with CACHE 1 what is drawn after a draw
// has ended lies beyond what that one gave.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sim/workloads/sql_steps.h"

namespace isochron::sim {
namespace {

constexpr size_t kSequences = 2;
constexpr int64_t kJump = 1'000'000;

class Sequence final : public SqlSteps {
 public:
  explicit Sequence(Random /*random*/) : SqlSteps("sequence") {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    for (size_t i = 0; i < kSequences; ++i) {
      auto made = co_await Execute(
          &session, sql.get(),
          absl::StrCat("CREATE SEQUENCE IF NOT EXISTS ", NameOf(i), " CACHE ", i == 0 ? 20 : 1));
      if (!made.ok()) co_return made.status();
    }
    co_return absl::OkStatus();
  }

  Task<void> Step(Session session) override {
    const size_t which = session.random.Below(kSequences);
    if (session.random.OneIn(0.05) && !states_[which].setting) {
      co_await Jump(std::move(session), which);
    } else {
      co_await Draw(std::move(session), which);
    }
  }

 private:
  struct State {
    std::set<int64_t> given;
    int64_t floor = 0;     // what a setval that has returned set
    int64_t most = 0;      // given, or set by a setval whose outcome is not known
    bool setting = false;  // one client at a time
  };
  struct Setting {
    explicit Setting(State* s) : state(s) { state->setting = true; }
    ~Setting() { state->setting = false; }
    State* const state;
  };

  static std::string NameOf(size_t which) { return absl::StrCat("q", which); }

  Task<void> Draw(Session session, size_t which) {
    State* state = &states_[which];
    // With CACHE 1 every value given so far lies below those of a draw that begins now.
    const int64_t beyond =
        which == 0 ? state->floor
                   : std::max(state->floor, state->given.empty() ? 0 : *state->given.rbegin());
    const std::string statement =
        absl::StrCat("SELECT nextval('", NameOf(which), "') FROM generate_series(1, ",
                     session.random.Between(1, 3), ")");
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "sequence " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    if (!ran.ok()) {
      if (IsMistake(ran.status())) Report("sequence-lost", Told(statement, ran.status()));
      co_return;
    }
    for (const sql::Row& row : sink.statements.back().rows) {
      const int64_t value = row[0].int_value();
      if (!state->given.insert(value).second) {
        Report("value-twice", absl::StrCat(NameOf(which), " gave ", value, " twice"));
      }
      if (value <= beyond) {
        Report("value-too-low",
               absl::StrCat(NameOf(which), " gave ", value, " after ", beyond, " was passed"));
      }
      state->most = std::max(state->most, value);
    }
  }

  Task<void> Jump(Session session, size_t which) {
    State* state = &states_[which];
    Setting setting(state);
    const int64_t to = state->most + kJump;
    state->most = to;
    const std::string statement = absl::StrCat("SELECT setval('", NameOf(which), "', ", to, ")");
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "sequence " + statement);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
    if (ran.ok()) state->floor = std::max(state->floor, to);
  }

  State states_[kSequences];
};

}  // namespace

std::unique_ptr<Workload> NewSequence(Random random) { return std::make_unique<Sequence>(random); }

}  // namespace isochron::sim
