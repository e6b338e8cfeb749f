// SPDX-License-Identifier: Apache-2.0

// Changes of the schema while rows change: indexes are made and dropped, columns come and go, at
// any gateway, under transfers that delete, insert and update rows. What must hold, in any
// snapshot: the sum of all amounts, what an index tells is what the table has, and no two rows have
// one value of a unique index while it is there.

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sim/workloads/single_statements.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr int64_t kOwners = 4;
constexpr int64_t kOpening = 100;
// A change takes two leases of descriptors, and a build in between.
constexpr Micros kChangeTimeoutUs = 25'000'000;
// At a time: they take turns, and each is long.
constexpr int kMostChanges = 2;

class Schema final : public SqlSteps {
 public:
  // `single`: what it changes it changes by single statements that read, delete, insert and update.
  Schema(Random random, bool single)
      : SqlSteps(single ? "merge" : "schema"),
        single_(single),
        rows_(static_cast<int64_t>(random.Between(10, 40))) {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    auto made = co_await Execute(&session, sql.get(),
                                 "CREATE TABLE IF NOT EXISTS sch (id bigint PRIMARY KEY, "
                                 "owner bigint, slot bigint NOT NULL, amount bigint NOT NULL)");
    if (!made.ok()) co_return made.status();
    std::string insert = "INSERT INTO sch VALUES ";
    for (int64_t id = 1; id <= rows_; ++id) {
      absl::StrAppend(&insert, id > 1 ? ", (" : "(", id, ", ", id % kOwners, ", ", id, ", ",
                      kOpening, ")");
    }
    auto filled = co_await Execute(&session, sql.get(), insert + " ON CONFLICT DO NOTHING");
    if (!filled.ok()) co_return filled.status();
    // Rows and their entries shall lie in different groups; without it they do not.
    (void)co_await Execute(&session, sql.get(),
                           absl::StrCat("SELECT isochron.split('sch', ", rows_ / 2, ")"));
    opened_us_ = session.scheduler->now();
    co_return absl::OkStatus();
  }

  Task<void> Step(Session session) override {
    const double how = session.random.NextDouble();
    if (how < 0.1 && changing_ < kMostChanges) {
      for (Index& index : indexes_) {
        if (index.busy || session.random.OneIn(0.5)) continue;
        co_await ChangeIndex(std::move(session), &index);
        co_return;
      }
      co_await ChangeColumn(std::move(session));
    } else if (how < 0.35) {
      co_await Look(std::move(session), sql::ReadBound());
    } else if (single_) {
      const std::string statement = DrawSingleStatement(&session.random, rows_, kOwners);
      (void)co_await Run(&session, statement, session.NewContext());
    } else if (how < 0.7) {
      co_await Update(std::move(session));
    } else {
      co_await Move(std::move(session));
    }
  }

  Task<absl::Status> End(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    co_return co_await Compare(&session, sql.get(), sql::ReadBound());
  }

 private:
  using Rows = std::vector<sql::Row>;
  struct Index {
    const char* name;
    const char* definition;
    bool unique;
    bool busy = false;
    std::optional<bool> exists = false;  // nullopt: not known
    // Counts what could take the index away: while it stays the same, an index that is there stays.
    int changes = 0;
  };
  // While it is held nobody else changes the index; what it has become is not known until it is
  // said.
  class Claim {
   public:
    explicit Claim(Index* index) : index_(index) {
      index_->busy = true;
      index_->exists.reset();
      ++index_->changes;
    }
    ~Claim() { index_->busy = false; }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    void Became(bool exists) { index_->exists = exists; }

   private:
    Index* const index_;
  };

  // A statement of its own; whether it ran. What the database makes no sense of is a finding.
  Task<absl::Status> Run(Session* session, std::string statement, const Ctx& ctx,
                         std::string turn = "") {
    std::unique_ptr<sql::Session> sql = session->sql->NewSession();
    Recorded op(session, "schema " + statement, std::move(turn));
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(ctx, statement, {}, &sink);
    op.End(ran.status());
    Note(statement, ran.status());
    co_return ran.status();
  }

  Task<absl::Status> Change(Session* session, std::string statement) {
    struct Running {
      explicit Running(int* n) : n_(n) { ++*n_; }
      ~Running() { --*n_; }
      int* const n_;
    };
    Running running(&changing_);
    const Ctx ctx =
        std::make_shared<RequestContext>(session->executor->MonotonicNow() + kChangeTimeoutUs);
    if (session->random.OneIn(0.15)) {
      session->executor->PostAfter(session->random.Between(100'000, 6'000'000),
                                   [ctx] { ctx->Cancel(); });
    }
    co_return co_await Run(session, std::move(statement), ctx, "the schema of sch");
  }

  void Note(const std::string& statement, const absl::Status& status) {
    if (IsMistake(status)) Report("schema-lost", Told(statement, status));
    // A damaged block is told as such, and the nemesis makes some (rule 33); all else is ours.
    if (status.code() == absl::StatusCode::kDataLoss &&
        !absl::StrContains(status.message(), "block checksum mismatch")) {
      Report("index-broken", Told(statement, status));
    }
  }

  Task<void> ChangeIndex(Session session, Index* index) {
    const std::optional<bool> before = index->exists;
    Claim claim(index);
    if (!before.has_value() || *before) {
      absl::Status dropped =
          co_await Change(&session, absl::StrCat("DROP INDEX IF EXISTS ", index->name));
      if (dropped.ok()) claim.Became(false);
      co_return;
    }
    absl::Status made =
        co_await Change(&session, absl::StrCat("CREATE ", index->unique ? "UNIQUE " : "", "INDEX ",
                                               index->name, " ON sch ", index->definition));
    if (made.ok()) claim.Became(true);
    // Two rows had one value: it is gone again.
    if (sql::SqlStateOf(made) == sql::sqlstate::kUniqueViolation) claim.Became(false);
  }

  Task<void> ChangeColumn(Session session) {
    const bool add = session.random.OneIn(0.5);
    (void)co_await Change(&session,
                          add ? "ALTER TABLE sch ADD COLUMN IF NOT EXISTS extra bigint DEFAULT 5"
                              : "ALTER TABLE sch DROP COLUMN IF EXISTS extra");
  }

  Task<void> Update(Session session) {
    const int64_t id = session.random.Between(1, rows_), other = session.random.Between(1, rows_);
    const double how = session.random.NextDouble();
    std::string statement;
    if (how < 0.4) {
      statement = absl::StrCat("UPDATE sch SET owner = ", other % kOwners, " WHERE id = ", id);
    } else if (how < 0.6) {
      statement = absl::StrCat("UPDATE sch SET owner = NULL WHERE id = ", id);
    } else if (how < 0.7) {
      statement = absl::StrCat("UPDATE sch SET owner = owner + 1 WHERE owner = ", other % kOwners);
    } else if (how < 0.75) {
      statement = absl::StrCat("UPDATE sch SET slot = ", other, " WHERE id = ", id);
    } else {
      statement = absl::StrCat("UPDATE sch SET slot = id WHERE slot = ", other);
    }
    (void)co_await Run(&session, statement, session.NewContext());
  }

  // A row goes and leaves its amount to another, or comes and takes half of another's.
  Task<void> Move(Session session) {
    const int64_t one = session.random.Between(1, rows_);
    int64_t two = session.random.Between(1, rows_ - 1);
    if (two >= one) ++two;
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, absl::StrCat("schema move ", one, " ", two));
    absl::Status moved = co_await MoveIn(&session, sql.get(), one, two);
    op.End(moved);
    Note("move", moved);
  }

  Task<absl::StatusOr<Rows>> Query(Ctx ctx, sql::SqlTransaction* txn, std::string statement) {
    sql::CollectingSink sink;
    auto ran = co_await txn->Execute(ctx, std::move(statement), {}, &sink);
    if (!ran.ok()) co_return ran.status();
    co_return sink.statements.empty() ? Rows() : std::move(sink.statements.back().rows);
  }

  Task<absl::Status> MoveIn(Session* session, sql::Session* sql, int64_t one, int64_t two) {
    const Ctx ctx = session->NewContext();
    auto txn = sql->Begin(ctx, sql::TransactionOptions());
    if (!txn.ok()) co_return txn.status();
    ISO_CO_ASSIGN_OR_RETURN(
        Rows rows, co_await Query(ctx, txn->get(),
                                  absl::StrCat("SELECT id, amount FROM sch WHERE id IN (", one,
                                               ", ", two, ") ORDER BY id FOR UPDATE")));
    std::map<int64_t, int64_t> amounts;
    for (const sql::Row& row : rows) amounts[row[0].int_value()] = row[1].int_value();
    if (amounts.count(two) == 0) co_return absl::OkStatus();
    int64_t rest = amounts[two];
    std::string statement;
    if (amounts.count(one) > 0) {
      rest += amounts[one];
      statement = absl::StrCat("DELETE FROM sch WHERE id = ", one);
    } else {
      rest -= amounts[two] / 2;
      statement = absl::StrCat("INSERT INTO sch (id, owner, slot, amount) VALUES (", one, ", ",
                               two % kOwners, ", ", one, ", ", amounts[two] / 2, ")");
    }
    auto changed = co_await Query(ctx, txn->get(), statement);
    if (!changed.ok()) co_return changed.status();
    changed = co_await Query(ctx, txn->get(),
                             absl::StrCat("UPDATE sch SET amount = ", rest, " WHERE id = ", two));
    if (!changed.ok()) co_return changed.status();
    auto committed = co_await (*txn)->Commit(ctx);
    co_return committed.status();
  }

  Task<void> Look(Session session, sql::ReadBound bound) {
    // Before that there were no rows.
    if (session.random.OneIn(0.3) && session.scheduler->now() > opened_us_ + 1'000'000) {
      bound.kind = sql::ReadBound::Kind::kExactStaleness;
      bound.value_us = session.random.Between(0, 150'000);
    }
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "schema look");
    absl::Status looked = co_await Compare(&session, sql.get(), bound);
    op.End(looked);
    Note("look", looked);
  }

  // All of one snapshot: the table along its primary key, then what indexes answer where there are
  // any.
  Task<absl::Status> Compare(Session* session, sql::Session* sql, sql::ReadBound bound) {
    const std::optional<bool> unique = indexes_[1].exists;
    const int changes = indexes_[1].changes;
    sql::TransactionOptions options;
    options.read_only = true;
    options.bound = bound;
    const Ctx ctx = session->NewContext();
    auto txn = sql->Begin(ctx, options);
    if (!txn.ok()) co_return txn.status();
    ISO_CO_ASSIGN_OR_RETURN(
        Rows all, co_await Query(ctx, txn->get(), "SELECT id, owner, slot, amount FROM sch"));
    ISO_CO_ASSIGN_OR_RETURN(Rows owners, co_await Query(ctx, txn->get(),
                                                        "SELECT id, owner, amount FROM sch "
                                                        "WHERE owner >= 0 ORDER BY id"));
    ISO_CO_ASSIGN_OR_RETURN(Rows slots, co_await Query(ctx, txn->get(),
                                                       "SELECT id, slot FROM sch "
                                                       "WHERE slot > 0 ORDER BY id"));
    ISO_CO_ASSIGN_OR_RETURN(Rows rich, co_await Query(ctx, txn->get(),
                                                      "SELECT id, amount FROM sch "
                                                      "WHERE amount >= 100 ORDER BY id"));
    ISO_CO_ASSIGN_OR_RETURN(Rows both, co_await Query(ctx, txn->get(),
                                                      "SELECT id, owner + slot FROM sch "
                                                      "WHERE owner + slot >= 0 ORDER BY id"));
    JudgeComputed(all, rich, both);
    ISO_CO_ASSIGN_OR_RETURN(Rows sums,
                            co_await Query(ctx, txn->get(),
                                           "SELECT count(*), count(owner), sum(amount), min(id), "
                                           "max(slot) FROM sch"));
    ISO_CO_ASSIGN_OR_RETURN(Rows groups,
                            co_await Query(ctx, txn->get(),
                                           "SELECT owner, count(*), sum(amount) FROM sch "
                                           "WHERE slot > 0 GROUP BY owner"));
    JudgeSums(all, sums, groups);
    const bool strong = bound.kind == sql::ReadBound::Kind::kStrong;
    Judge(all, owners, slots, strong && unique.value_or(false) && indexes_[1].changes == changes);
    co_return absl::OkStatus();
  }

  // What the tablets add up, against the rows.
  void JudgeSums(const Rows& all, const Rows& sums, const Rows& groups) {
    int64_t with_owner = 0, sum = 0;
    std::set<int64_t> ids, slots;
    std::map<std::string, std::pair<int64_t, int64_t>> want, said;
    for (const sql::Row& row : all) {
      ids.insert(row[0].int_value());
      slots.insert(row[2].int_value());
      sum += row[3].int_value();
      if (!row[1].is_null()) ++with_owner;
      if (row[2].int_value() <= 0) continue;
      auto& [count, amount] = want[OwnerText(row[1])];
      ++count;
      amount += row[3].int_value();
    }
    for (const sql::Row& row : groups) {
      said[OwnerText(row[0])] = {row[1].int_value(), NumberText(row[2])};
    }
    const sql::Row& s = sums.at(0);
    const bool same =
        s[0].int_value() == static_cast<int64_t>(all.size()) && s[1].int_value() == with_owner &&
        NumberText(s[2]) == sum &&
        (all.empty() || (s[3].int_value() == *ids.begin() && s[4].int_value() == *slots.rbegin()));
    if (!same) {
      Report("aggregate-differs",
             absl::StrCat("the table has ", all.size(), " rows and ", sum, ", its aggregates say ",
                          s[0].int_value(), " rows and ", NumberText(s[2])));
    }
    if (said != want) {
      Report("aggregate-differs",
             absl::StrCat("GROUP BY gives ", said.size(), " owners, of ", want.size()));
    }
  }
  // What a partial index tells, and one on an expression.
  void JudgeComputed(const Rows& all, const Rows& rich, const Rows& both) {
    std::string by_amount, by_both, said_amount, said_both;
    for (const sql::Row& row : all) {
      const int64_t id = row[0].int_value(), amount = row[3].int_value();
      if (amount >= 100) absl::StrAppend(&by_amount, id, ":", amount, " ");
      if (row[1].is_null()) continue;
      absl::StrAppend(&by_both, id, ":", row[1].int_value() + row[2].int_value(), " ");
    }
    for (const sql::Row& row : rich) {
      absl::StrAppend(&said_amount, row[0].int_value(), ":", row[1].int_value(), " ");
    }
    for (const sql::Row& row : both) {
      absl::StrAppend(&said_both, row[0].int_value(), ":", row[1].int_value(), " ");
    }
    if (by_amount != said_amount) {
      Report("index-differs",
             absl::StrCat("of amounts from 100 on: ", said_amount, "; the table: ", by_amount));
    }
    if (by_both != said_both) {
      Report("index-differs",
             absl::StrCat("by owner + slot: ", said_both, "; the table: ", by_both));
    }
  }
  static std::string OwnerText(const sql::Datum& d) {
    return d.is_null() ? "NULL" : absl::StrCat(d.int_value());
  }
  // Of a whole number, be it a bigint or a numeric; 0 for NULL.
  static int64_t NumberText(const sql::Datum& d) { return d.is_null() ? 0 : d.int_value(); }

  void Judge(const Rows& all, const Rows& owners, const Rows& slots, bool unique) {
    int64_t sum = 0;
    std::string by_owner, by_slot, said_owner, said_slot;
    std::set<int64_t> seen;
    for (const sql::Row& row : all) {
      sum += row[3].int_value();
      if (!row[1].is_null()) {
        absl::StrAppend(&by_owner, row[0].int_value(), ":", row[1].int_value(), "=",
                        row[3].int_value(), " ");
      }
      absl::StrAppend(&by_slot, row[0].int_value(), ":", row[2].int_value(), " ");
      if (unique && !seen.insert(row[2].int_value()).second) {
        Report("unique-broken", absl::StrCat("two rows have slot ", row[2].int_value()));
      }
    }
    for (const sql::Row& row : owners) {
      absl::StrAppend(&said_owner, row[0].int_value(), ":", row[1].int_value(), "=",
                      row[2].int_value(), " ");
    }
    for (const sql::Row& row : slots) {
      absl::StrAppend(&said_slot, row[0].int_value(), ":", row[1].int_value(), " ");
    }
    if (sum != rows_ * kOpening) {
      Report("schema-sum",
             absl::StrCat("the amounts are ", sum, " in all, not ", rows_ * kOpening));
    }
    if (by_owner != said_owner) {
      Report("index-differs", absl::StrCat("by owner: ", said_owner, "; the table: ", by_owner));
    }
    if (by_slot != said_slot) {
      Report("index-differs", absl::StrCat("by slot: ", said_slot, "; the table: ", by_slot));
    }
  }

  const bool single_;
  const int64_t rows_;
  int changing_ = 0;
  Micros opened_us_ = 0;
  Index indexes_[4] = {{"sch_owner", "(owner) INCLUDE (amount)", false},
                       {"sch_slot", "(slot DESC)", true},
                       {"sch_rich", "(amount, slot) WHERE amount >= 100", false},
                       {"sch_both", "((owner + slot) DESC) WHERE owner IS NOT NULL", false}};
};

}  // namespace

std::unique_ptr<Workload> NewSchema(Random random) {
  return std::make_unique<Schema>(random, false);
}
std::unique_ptr<Workload> NewMerge(Random random) { return std::make_unique<Schema>(random, true); }

}  // namespace isochron::sim
