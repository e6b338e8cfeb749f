// SPDX-License-Identifier: Apache-2.0
#include "txn/lock/lock_table.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron::txn {
namespace {

TxnAttempt At(int64_t age, uint32_t attempt = 0) {
  return TxnAttempt{TxnId{Timestamp(age), NodeId(1), 1, 1}, attempt};
}

LockSpan Point(std::string key, LockMode mode) { return {KeyRange::Point(std::move(key)), mode}; }
LockSpan S(std::string key) { return Point(std::move(key), LockMode::kShared); }
LockSpan X(std::string key) { return Point(std::move(key), LockMode::kExclusive); }

class LockTableTest : public ::testing::Test {
 protected:
  explicit LockTableTest(LockTable::Options options = {})
      : table_(options, {[this](const TxnAttempt& a) { wounded_.push_back(a); },
                         [this](const TxnAttempt& a) { blocked_.push_back(a); }}) {}

  // The slot of the request's result.
  int Ask(const TxnAttempt& a, std::vector<LockSpan> spans, Micros now = 0) {
    const int slot = static_cast<int>(results_.size());
    results_.emplace_back();
    ids_.push_back(table_.Acquire(a, std::move(spans), now,
                                  [this, slot](absl::Status s) { results_[slot] = s; }));
    table_.CheckInvariants();
    return slot;
  }
  bool Granted(int slot) { return results_[slot].has_value() && results_[slot]->ok(); }
  bool Waits(int slot) { return !results_[slot].has_value(); }
  bool Aborted(int slot) {
    return results_[slot].has_value() && results_[slot]->code() == absl::StatusCode::kAborted;
  }

  std::vector<TxnAttempt> wounded_;
  std::vector<TxnAttempt> blocked_;
  std::vector<std::optional<absl::Status>> results_;
  std::vector<LockTable::RequestId> ids_;
  LockTable table_;
};

TEST_F(LockTableTest, SharedLocksGoTogetherAndTheYoungerWriterWaits) {
  EXPECT_TRUE(Granted(Ask(At(1), {S("a")})));
  EXPECT_TRUE(Granted(Ask(At(2), {S("a")})));
  const int w = Ask(At(3), {X("a")});
  EXPECT_TRUE(Waits(w));
  table_.Release(At(1), false);
  EXPECT_TRUE(Waits(w));
  table_.Release(At(2), false);
  EXPECT_TRUE(Granted(w));
  EXPECT_TRUE(wounded_.empty());
}

TEST_F(LockTableTest, KnowsWhetherSomebodyHasHadLocksForLong) {
  EXPECT_FALSE(table_.HeldSince(Timestamp(100)));
  Ask(At(50), {S("a")});
  Ask(At(60), {S("b")});
  EXPECT_TRUE(table_.HeldSince(Timestamp(51)));
  EXPECT_FALSE(table_.HeldSince(Timestamp(50)));
  table_.Release(At(50), /*marker=*/true);
  EXPECT_FALSE(table_.HeldSince(Timestamp(60)));
  EXPECT_TRUE(table_.HeldSince(Timestamp(61)));
  table_.Release(At(60), /*marker=*/false);
  EXPECT_FALSE(table_.HeldSince(Timestamp(100)));
}

TEST_F(LockTableTest, AnOlderRequestWoundsAYoungerHolder) {
  EXPECT_TRUE(Granted(Ask(At(5), {X("a"), X("b")})));
  EXPECT_TRUE(Granted(Ask(At(1), {S("a")})));
  EXPECT_EQ(wounded_, std::vector<TxnAttempt>{At(5)});
  EXPECT_FALSE(table_.Alive(At(5)));
  EXPECT_TRUE(Aborted(Ask(At(5), {S("z")})));  // never silently again (rule 8)
  EXPECT_TRUE(Granted(Ask(At(6), {X("b")})));  // all its locks are gone
}

TEST_F(LockTableTest, ATryNeitherWaitsNorWoundsNorLeavesATrace) {
  EXPECT_TRUE(Granted(Ask(At(5), {X("a")})));
  // Older than the holder: it would wound it.
  EXPECT_EQ(*table_.TryAcquire(At(1), {X("a")}, 0), false);
  EXPECT_EQ(*table_.TryAcquire(At(9), {S("a")}, 0), false);
  EXPECT_TRUE(wounded_.empty());
  EXPECT_TRUE(table_.Alive(At(5)));
  EXPECT_EQ(table_.attempts(), 1u);
  EXPECT_EQ(table_.waiting(), 0u);
  // All or nothing.
  EXPECT_EQ(*table_.TryAcquire(At(1), {X("b"), X("a")}, 0), false);
  EXPECT_EQ(*table_.TryAcquire(At(9), {X("b")}, 0), true);
  EXPECT_EQ(*table_.TryAcquire(At(9), {X("b")}, 0), true);  // its own
  table_.Pin(At(9));
  EXPECT_EQ(*table_.TryAcquire(At(1), {S("b")}, 0), false);
  EXPECT_TRUE(blocked_.empty());
  // Nobody is overtaken: an older one waits for it.
  EXPECT_TRUE(Granted(Ask(At(4), {S("c")})));
  EXPECT_TRUE(Waits(Ask(At(6), {X("c")})));
  EXPECT_EQ(*table_.TryAcquire(At(8), {S("c")}, 0), false);
  EXPECT_EQ(*table_.TryAcquire(At(2), {S("c")}, 0), true);
  table_.Release(At(5), true);
  EXPECT_TRUE(absl::IsAborted(table_.TryAcquire(At(5), {X("z")}, 0).status()));
  table_.CheckInvariants();
}

TEST_F(LockTableTest, ARangeCoversTheGapsInIt) {
  EXPECT_TRUE(Granted(Ask(At(1), {{KeyRange{"b", "m"}, LockMode::kShared}})));
  EXPECT_TRUE(Waits(Ask(At(2), {X("c")})));
  EXPECT_TRUE(Waits(Ask(At(3), {X("b")})));
  EXPECT_TRUE(Granted(Ask(At(4), {X("m")})));
  EXPECT_TRUE(Granted(Ask(At(5), {X("a")})));
  EXPECT_TRUE(Waits(Ask(At(6), {{KeyRange{"", ""}, LockMode::kExclusive}})));
}

TEST_F(LockTableTest, AnEndlessRangeReachesTheEndOfTheKeySpace) {
  EXPECT_TRUE(Granted(Ask(At(1), {{KeyRange{"m", ""}, LockMode::kExclusive}})));
  EXPECT_TRUE(Waits(Ask(At(2), {S("zzz")})));
  EXPECT_TRUE(Granted(Ask(At(3), {S("l")})));
}

TEST_F(LockTableTest, UpgradeWoundsYoungerReadersAndWaitsForOlderOnes) {
  Ask(At(1), {S("a")});
  Ask(At(2), {S("a")});
  Ask(At(3), {S("a")});
  const int up = Ask(At(2), {X("a")});
  EXPECT_EQ(wounded_, std::vector<TxnAttempt>{At(3)});
  EXPECT_TRUE(Waits(up));
  table_.Release(At(1), false);
  EXPECT_TRUE(Granted(up));
  EXPECT_EQ(table_.SpansOf(At(2)).size(), 2u);
}

TEST_F(LockTableTest, WhatIsHeldIsNotAskedForAgain) {
  Ask(At(2), {X("a")});
  table_.Pin(At(2));
  const int old = Ask(At(1), {X("a")});
  EXPECT_TRUE(Waits(old));
  EXPECT_TRUE(Granted(Ask(At(2), {S("a")})));
  EXPECT_EQ(table_.held_spans(), 1u);
}

TEST_F(LockTableTest, APinnedHolderIsReportedNotWounded) {
  Ask(At(5), {X("a")});
  table_.Pin(At(5));
  const int old = Ask(At(1), {X("a")});
  EXPECT_TRUE(Waits(old));
  EXPECT_EQ(blocked_, std::vector<TxnAttempt>{At(5)});
  Ask(At(9), {X("a")});  // younger: no reason to abort anyone
  EXPECT_EQ(blocked_.size(), 1u);
  EXPECT_FALSE(table_.Wound(At(5)));
  table_.Release(At(5), false);
  EXPECT_TRUE(Granted(old));
}

TEST_F(LockTableTest, ARequestThatStillWaitsIsWoundableThroughWhatItHolds) {
  Ask(At(1), {X("b")});
  Ask(At(5), {X("a")});
  const int prepare = Ask(At(5), {X("b")});
  EXPECT_TRUE(Waits(prepare));
  EXPECT_TRUE(Granted(Ask(At(2), {X("a")})));
  EXPECT_TRUE(Aborted(prepare));
}

TEST_F(LockTableTest, QueuesAreOrderedByAge) {
  Ask(At(1), {X("a")});
  const int young = Ask(At(9), {X("a")});
  const int old = Ask(At(3), {X("a")});
  table_.Release(At(1), false);
  EXPECT_TRUE(Granted(old));
  EXPECT_TRUE(Waits(young));
}

TEST_F(LockTableTest, AYoungerRequestDoesNotPassAnOlderWaiter) {
  Ask(At(1), {X("a")});
  const int old = Ask(At(3), {X("a"), X("b")});
  const int young = Ask(At(9), {X("b")});
  EXPECT_TRUE(Waits(old));
  EXPECT_TRUE(Waits(young));
  const int between = Ask(At(2), {X("b")});  // older than the waiter: passes
  EXPECT_TRUE(Granted(between));
}

TEST_F(LockTableTest, ALaterAttemptReplacesAnEarlierOne) {
  Ask(At(5, 1), {X("a")});
  EXPECT_TRUE(Granted(Ask(At(5, 2), {X("a")})));
  EXPECT_FALSE(table_.Alive(At(5, 1)));
  table_.Release(At(5, 1), true);  // late: does not hit attempt 2
  EXPECT_TRUE(table_.Alive(At(5, 2)));
  const int stale = Ask(At(5, 0), {X("a")});
  EXPECT_TRUE(Waits(stale));
}

TEST_F(LockTableTest, ReleaseWithMarkerKeepsLateRequestsOut) {
  table_.Release(At(1), true);
  EXPECT_TRUE(Aborted(Ask(At(1), {X("a")})));
  table_.ForgetMarkers(1);
  EXPECT_TRUE(Granted(Ask(At(1), {X("a")})));
}

TEST_F(LockTableTest, CancelLetsTheNextPass) {
  Ask(At(1), {S("a")});
  const int w = Ask(At(2), {X("a")});
  const int r = Ask(At(3), {S("a")});
  EXPECT_TRUE(Waits(r));
  table_.Cancel(ids_[w], absl::DeadlineExceededError("late"));
  EXPECT_EQ(results_[w]->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Granted(r));
}

TEST_F(LockTableTest, ExpirySparesPinnedWaitingAndTouched) {
  Ask(At(1), {X("a")}, 10);
  Ask(At(2), {X("b")}, 10);
  table_.Pin(At(2));
  Ask(At(3), {X("c")}, 10);
  table_.Touch(At(3), 100);
  const int w = Ask(At(4), {X("b")}, 10);
  EXPECT_EQ(table_.Expire(50), std::vector<TxnAttempt>{At(1)});
  EXPECT_TRUE(table_.Ended(At(1)));
  EXPECT_TRUE(Waits(w));
}

TEST_F(LockTableTest, RestoreMakesPreparedLocksAgain) {
  table_.Restore(At(4), {X("a"), {KeyRange{"c", "f"}, LockMode::kShared}});
  EXPECT_TRUE(table_.Pinned(At(4)));
  EXPECT_TRUE(Waits(Ask(At(1), {X("d")})));
  EXPECT_EQ(blocked_, std::vector<TxnAttempt>{At(4)});
}

TEST_F(LockTableTest, FailAllEndsEverything) {
  Ask(At(1), {X("a")});
  const int w = Ask(At(2), {X("a")});
  table_.FailAll(absl::UnavailableError("leadership is over"));
  EXPECT_EQ(results_[w]->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(table_.attempts(), 0u);
  EXPECT_TRUE(table_.Describe().empty());
}

TEST_F(LockTableTest, DescribeShowsHeldAndWaiting) {
  Ask(At(1), {X("a")});
  Ask(At(2), {S("a")});
  const auto lines = table_.Describe();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].granted);
  EXPECT_FALSE(lines[1].granted);
}

class SmallTableTest : public LockTableTest {
 protected:
  SmallTableTest() : LockTableTest({.max_waiting = 1, .max_spans = 3, .sabotage = {}}) {}
};

TEST_F(SmallTableTest, BoundsAreKept) {
  Ask(At(1), {X("a"), X("b")});
  const int w1 = Ask(At(2), {X("a")});
  const int w2 = Ask(At(3), {X("a")});
  EXPECT_TRUE(Waits(w1));
  EXPECT_EQ(results_[w2]->code(), absl::StatusCode::kResourceExhausted);
  const int many = Ask(At(4), {X("x"), X("y")});
  EXPECT_EQ(results_[many]->code(), absl::StatusCode::kResourceExhausted);
}

class FifoTest : public LockTableTest {
 protected:
  FifoTest() : LockTableTest({.sabotage = SabotageSet(Sabotage::kFifoQueue)}) {}
};

TEST_F(FifoTest, PlainFifoDeadlocks) {
  Ask(At(1), {S("a")});
  const int young = Ask(At(2), {X("a"), X("b")});
  const int old = Ask(At(1), {X("b")});  // waits for a waiter that waits for it
  EXPECT_TRUE(Waits(young));
  EXPECT_TRUE(Waits(old));
}

// ---- Against a naive model: random work ends, and no two conflicting holders overlap. ----

struct ModelTxn {
  TxnAttempt id;
  std::vector<LockSpan> held;  // as granted
  std::vector<LockSpan> asked;
  bool waiting = false;
  bool pinned = false;
  bool dead = false;
  int steps_left = 0;
};

class RandomLocks {
 public:
  explicit RandomLocks(uint64_t seed)
      : random_(seed),
        table_({}, {[this](const TxnAttempt& a) { Kill(a); },
                    [this](const TxnAttempt& a) { blocked_.insert(a); }}) {}

  // Runs `txns` transactions, a few at a time, to their end.
  void Run(int txns) {
    int started = 0;
    int stuck = 0;
    while (started < txns || !open_.empty()) {
      ASSERT_LT(++stuck, txns * 400) << "no progress";
      if (started < txns && open_.size() < 12) Start(++started);
      auto it = open_.begin();
      std::advance(it, random_.Below(open_.size()));
      Step(it->first);
      Check();
    }
    EXPECT_EQ(table_.held_spans(), 0u);
    EXPECT_EQ(table_.waiting(), 0u);
  }

 private:
  void Start(int n) {
    ModelTxn t;
    t.id = At(1000 - static_cast<int64_t>(random_.Below(900)), static_cast<uint32_t>(n));
    t.id.txn.sequence = static_cast<uint64_t>(n);
    t.steps_left = 1 + static_cast<int>(random_.Below(5));
    open_[t.id] = t;
  }
  std::string Key() { return std::string(1, static_cast<char>('a' + random_.Below(8))); }
  LockSpan RandomSpan() {
    const LockMode mode = random_.OneIn(0.5) ? LockMode::kShared : LockMode::kExclusive;
    if (random_.OneIn(0.7)) return Point(Key(), mode);
    std::string a = Key();
    std::string b = Key();
    if (b < a) std::swap(a, b);
    if (random_.OneIn(0.1)) b.clear();
    return {KeyRange{a, b == a ? a + "x" : b}, mode};
  }
  void Kill(const TxnAttempt& a) {
    auto it = open_.find(a);
    ASSERT_NE(it, open_.end());
    EXPECT_FALSE(it->second.pinned);
    it->second.dead = true;
    it->second.held.clear();
  }
  void Step(const TxnAttempt& id) {
    ModelTxn& t = open_.at(id);
    if (t.dead) {
      table_.Release(id, false);
      open_.erase(id);
      return;
    }
    if (t.pinned) {  // ends by itself, or because an older one is blocked
      if (blocked_.contains(id) || random_.OneIn(0.2)) Finish(id);
      return;
    }
    if (t.waiting) return;
    if (t.steps_left-- > 0) {
      Ask(&t);
    } else if (random_.OneIn(0.5)) {
      table_.Pin(id);
      t.pinned = true;
    } else {
      Finish(id);
    }
  }
  void Ask(ModelTxn* t) {
    t->asked = {RandomSpan()};
    if (random_.OneIn(0.3)) t->asked.push_back(RandomSpan());
    t->waiting = true;
    table_.Acquire(t->id, t->asked, 0, [this, id = t->id](absl::Status s) {
      ModelTxn& me = open_.at(id);
      me.waiting = false;
      if (s.ok()) me.held.insert(me.held.end(), me.asked.begin(), me.asked.end());
    });
  }
  void Finish(const TxnAttempt& id) {
    open_.at(id).held.clear();
    table_.Release(id, false);
    blocked_.erase(id);
    open_.erase(id);
  }
  void Check() {
    table_.CheckInvariants();
    for (const auto& [ida, a] : open_) {
      for (const auto& [idb, b] : open_) {
        if (ida == idb) continue;
        for (const LockSpan& x : a.held) {
          for (const LockSpan& y : b.held) {
            ASSERT_FALSE((x.mode == LockMode::kExclusive || y.mode == LockMode::kExclusive) &&
                         x.range.Overlaps(y.range))
                << ToString(ida) << " and " << ToString(idb);
          }
        }
      }
    }
  }

  Random random_;
  std::map<TxnAttempt, ModelTxn> open_;
  std::set<TxnAttempt> blocked_;
  LockTable table_;
};

TEST(RandomLocksTest, ProgressAndNoConflicts) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomLocks(seed).Run(60);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace isochron::txn
