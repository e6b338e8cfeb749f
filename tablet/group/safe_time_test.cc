// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/safe_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/random.h"

namespace isochron::tablet {
namespace {

TEST(SafeTimeTest, IsWhatWasAssignedInTheAppliedPrefix) {
  SafeTime safe{SabotageSet()};
  EXPECT_EQ(safe.At(0, Timestamp()), Timestamp());
  EXPECT_EQ(safe.At(5, Timestamp(100)), Timestamp(100));
}

TEST(SafeTimeTest, APromiseCountsOnceItsIndexIsApplied) {
  SafeTime safe{SabotageSet()};
  safe.Promise(7, Timestamp(200));
  EXPECT_TRUE(safe.WillCover(Timestamp(200)));
  EXPECT_FALSE(safe.WillCover(Timestamp(201)));
  EXPECT_EQ(safe.At(6, Timestamp(100)), Timestamp(100));
  EXPECT_EQ(safe.At(7, Timestamp(150)), Timestamp(200));
  EXPECT_FALSE(safe.WillCover(Timestamp(200)));
  EXPECT_EQ(safe.At(8, Timestamp(190)), Timestamp(200)) << "a promise stays true";
  EXPECT_EQ(safe.At(9, Timestamp(300)), Timestamp(300));
}

TEST(SafeTimeTest, PromisesComeInAnyOrder) {
  SafeTime safe{SabotageSet()};
  safe.Promise(9, Timestamp(300));
  safe.Promise(7, Timestamp(200));
  safe.Promise(8, Timestamp(150));  // needs more and says less
  EXPECT_EQ(safe.waiting(), 2u);
  EXPECT_EQ(safe.At(7, Timestamp()), Timestamp(200));
  safe.Promise(3, Timestamp(100));
  EXPECT_EQ(safe.At(8, Timestamp()), Timestamp(200));
  EXPECT_EQ(safe.At(9, Timestamp()), Timestamp(300));
}

TEST(SafeTimeTest, SabotageUsesThePromiseAtOnce) {
  SafeTime safe{SabotageSet(Sabotage::kPromiseWithoutIndex)};
  safe.Promise(7, Timestamp(200));
  EXPECT_EQ(safe.At(1, Timestamp(100)), Timestamp(200));
}

// Against all promises ever given: never more than they allow, and bounded in memory.
TEST(SafeTimeTest, NeverSaysMoreThanThePromisesAllow) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    SafeTime safe{SabotageSet()};
    std::vector<std::pair<LogIndex, Timestamp>> all;
    LogIndex applied = 0, last = 0;
    Timestamp assigned, clock;
    for (int i = 0; i < 500; ++i) {
      last += random.Below(4);
      clock = clock + random.Between(1, 10);
      all.emplace_back(last, clock);
      if (random.OneIn(0.7)) {
        const auto& p = all[all.size() - 1 - random.Below(std::min<size_t>(all.size(), 30))];
        safe.Promise(p.first, p.second);
      }
      if (random.OneIn(0.5)) applied += random.Below(last - applied + 1);
      if (random.OneIn(0.3)) assigned = std::max(assigned, Timestamp(clock.us / 2));
      Timestamp most = assigned;
      for (const auto& [index, t] : all) {
        if (index <= applied) most = std::max(most, t);
      }
      const Timestamp got = safe.At(applied, assigned);
      EXPECT_LE(got, most);
      EXPECT_GE(got, assigned);
      EXPECT_LE(safe.waiting(), 16u);
    }
  }
}

}  // namespace
}  // namespace isochron::tablet
