// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/promise_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"

namespace isochron::tablet {
namespace {

constexpr NodeId kA(1);
constexpr NodeId kB(2);
constexpr Ballot kBallot{3, kA};

class Pair {
 public:
  explicit Pair(uint64_t incarnation_of_b = 1) { Restart(incarnation_of_b); }
  void Restart(uint64_t incarnation) {
    b = std::make_unique<PromiseExchange>(
        incarnation, [this](GroupId g, const SharedPromise& p) { ended.emplace_back(g, p); });
  }
  // One message each way.
  void Exchange(int64_t t) {
    now += 100;
    EXPECT_TRUE(b->Step(kA, a.Message(kB, Timestamp(t), Timestamp(70), now), now + 10).ok());
    EXPECT_TRUE(a.Step(kB, b->Message(kA, Timestamp(), Timestamp::Max(), now + 20), now + 30).ok());
  }
  Timestamp KnownAtB(uint64_t group) {
    auto known = b->Known(GroupId(group));
    return known ? known->t : Timestamp();
  }

  std::vector<std::pair<GroupId, SharedPromise>> ended;
  PromiseExchange a{5, [](GroupId, const SharedPromise&) {}};
  std::unique_ptr<PromiseExchange> b;
  Micros now = 1000;
};

TEST(PromiseExchangeTest, OneMessagePromisesForAllThatIsShared) {
  Pair p;
  p.a.Join(GroupId(1), kBallot, 10, {kB});
  p.a.Join(GroupId(2), kBallot, 20, {kB});
  p.a.Join(GroupId(3), kBallot, 30, {NodeId(9)});
  p.Exchange(100);
  EXPECT_EQ(p.KnownAtB(1), Timestamp(100));
  EXPECT_EQ(p.b->Known(GroupId(2))->index, 20u);
  EXPECT_EQ(p.KnownAtB(3), Timestamp()) << "not for this node";
  p.Exchange(200);
  EXPECT_EQ(p.KnownAtB(2), Timestamp(200));
  EXPECT_EQ(p.b->OldestRead(0), Timestamp(70));
  EXPECT_EQ(p.b->OldestRead(p.now + 1000), Timestamp::Max()) << "not heard of for long";
}

TEST(PromiseExchangeTest, AGroupThatLeftKeepsItsLastPromise) {
  Pair p;
  p.a.Join(GroupId(1), kBallot, 10, {kB});
  p.Exchange(100);
  p.a.Leave(GroupId(1));
  p.Exchange(200);
  EXPECT_EQ(p.KnownAtB(1), Timestamp());
  ASSERT_EQ(p.ended.size(), 1u);
  EXPECT_EQ(p.ended[0].second.index, 10u);
  EXPECT_EQ(p.ended[0].second.t, Timestamp(100));
}

TEST(PromiseExchangeTest, AnIdlePairSendsLittle) {
  Pair p;
  for (uint64_t g = 1; g <= 10'000; ++g) p.a.Join(GroupId(g), kBallot, g, {kB});
  p.Exchange(100);
  p.Exchange(200);
  const std::string message = p.a.Message(kB, Timestamp(300), Timestamp::Max(), p.now);
  EXPECT_LT(message.size(), 100u);
  EXPECT_EQ(p.KnownAtB(10'000), Timestamp(200));
}

TEST(PromiseExchangeTest, MeasuresTheDistance) {
  Pair p;
  p.Exchange(100);
  p.Exchange(200);
  EXPECT_EQ(p.a.RoundTrip(kB), 20);  // 10 each way; B holds its answer for 10
  EXPECT_EQ(p.a.RoundTrip(NodeId(9)), 0);
  EXPECT_EQ(p.b->HeardAt(kA), p.now + 10);
}

TEST(PromiseExchangeTest, ARestartedReceiverGetsTheWholeSet) {
  Pair p;
  p.a.Join(GroupId(1), kBallot, 10, {kB});
  p.Exchange(100);
  p.Exchange(110);
  p.Restart(2);
  p.a.Join(GroupId(2), kBallot, 20, {kB});
  p.Exchange(120);
  EXPECT_EQ(p.KnownAtB(1), Timestamp()) << "it cannot know what it missed";
  p.Exchange(130);
  EXPECT_EQ(p.KnownAtB(1), Timestamp(130));
  EXPECT_EQ(p.KnownAtB(2), Timestamp(130));
}

TEST(PromiseExchangeTest, RefusesGarbage) {
  Pair p;
  EXPECT_FALSE(p.b->Step(kA, "", 1).ok());
  EXPECT_FALSE(p.b->Step(kA, "garbage", 1).ok());
  std::string cut = p.a.Message(kB, Timestamp(1), Timestamp::Max(), 1);
  cut.pop_back();
  EXPECT_FALSE(p.b->Step(kA, cut, 1).ok());
}

// Groups join and leave, messages are lost, doubled and late, both ends restart: whatever B knows
// of a group stays true of what A then assigned.
TEST(PromiseExchangeTest, NeverPromisesWhatDoesNotHold) {
  struct Group {
    LogIndex index = 1;
    int64_t min_next = 0;
    bool shared = false;
    std::vector<std::pair<LogIndex, int64_t>> assigned;
  };
  int known = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<std::pair<GroupId, SharedPromise>> given;
    auto ended = [&](GroupId g, const SharedPromise& promise) { given.emplace_back(g, promise); };
    uint64_t incarnation = 1;
    auto a = std::make_unique<PromiseExchange>(1, [](GroupId, const SharedPromise&) {});
    auto b = std::make_unique<PromiseExchange>(1, ended);
    std::map<uint64_t, Group> groups;
    for (uint64_t g = 1; g <= 5; ++g) groups[g];
    std::vector<std::string> to_a, to_b;
    int64_t clock = 100, last = 0;
    for (int i = 0; i < 300; ++i) {
      clock += random.Between(1, 5);
      auto& [id, g] = *std::next(groups.begin(), static_cast<int64_t>(random.Below(5)));
      if (random.OneIn(0.2) && !g.shared) {
        a->Join(GroupId(id), kBallot, g.index, {kB});
        g.shared = true;
      } else if (random.OneIn(0.2)) {
        if (g.shared) g.min_next = std::max(g.min_next, last + 1);
        if (g.shared) a->Leave(GroupId(id));
        g.shared = false;
        g.assigned.emplace_back(++g.index, std::max(g.min_next, clock - 20));
        g.min_next = g.assigned.back().second + 1;
      }
      if (random.OneIn(0.3)) {
        last = std::max(last, clock);
        to_b.push_back(a->Message(kB, Timestamp(clock), Timestamp::Max(), i));
      }
      if (random.OneIn(0.3)) to_a.push_back(b->Message(kA, Timestamp(), Timestamp::Max(), i));
      for (auto* queue : {&to_a, &to_b}) {
        while (!queue->empty() && random.OneIn(0.6)) {
          const size_t at = random.Below(std::min<size_t>(queue->size(), 3));
          if (random.OneIn(0.7)) {
            PromiseExchange* to = queue == &to_a ? a.get() : b.get();
            EXPECT_TRUE(to->Step(queue == &to_a ? kB : kA, (*queue)[at], i).ok());
          }
          if (random.OneIn(0.9)) queue->erase(queue->begin() + static_cast<int64_t>(at));
        }
      }
      for (const auto& [number, group] : groups) {
        if (auto k = b->Known(GroupId(number))) given.emplace_back(GroupId(number), *k), ++known;
      }
      if (random.OneIn(0.01)) b = std::make_unique<PromiseExchange>(++incarnation, ended);
      if (random.OneIn(0.01)) {
        // A's next process: what it had promised binds it through its lease.
        a = std::make_unique<PromiseExchange>(100 + ++incarnation,
                                              [](GroupId, const SharedPromise&) {});
        for (auto& [number, group] : groups) {
          group.shared = false;
          group.min_next = std::max(group.min_next, last + 1);
        }
      }
      if (given.size() > 2000) given.erase(given.begin(), given.begin() + 1000);
    }
    for (const auto& [id, promise] : given) {
      for (const auto& [index, s] : groups[id.value].assigned) {
        EXPECT_FALSE(index > promise.index && s <= promise.t.us)
            << "seed " << seed << ": " << s << " at " << index << " although " << promise.t.us
            << " was promised behind " << promise.index;
      }
    }
  }
  EXPECT_GT(known, 1000);
}

}  // namespace
}  // namespace isochron::tablet
