// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/write_trend.h"

#include <functional>

#include "absl/strings/str_format.h"
#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron::txn {
namespace {

// Transactions a millisecond apart, each of which writes one key, index "a" or "b" by its first
// byte.
class WriteTrendTest : public ::testing::Test {
 protected:
  void Run(int count, const std::function<std::string(int)>& key, Micros pause = 1'000) {
    for (int i = 0; i < count; ++i) {
      now_ += pause;
      trend_.NoteTransaction(now_);
      trend_.Note(key(n_++), 1, now_);
    }
  }
  static std::string Rising(int n) { return absl::StrFormat("a%09d", n); }
  std::optional<HotRange> Hot() { return trend_.Hot(now_); }

  WriteTrend trend_;
  Micros now_ = 1'000'000'000;
  int n_ = 0;
};

TEST_F(WriteTrendTest, KeysThatGrowAreFoundInThreeWindows) {
  Run(6'001, Rising);
  const auto hot = Hot();
  ASSERT_TRUE(hot.has_value());
  EXPECT_EQ(hot->prefix, "a");
  EXPECT_FALSE(hot->descending);
  EXPECT_NEAR(hot->writes_per_s, 1000, 20);
  EXPECT_EQ(hot->share, 1);
  EXPECT_GE(hot->last_key, Rising(3'900));
}

TEST_F(WriteTrendTest, DisorderAtTheEndDoesNotHideThem) {
  Random random(5);
  Run(6'001, [&](int n) { return Rising(n + static_cast<int>(random.Below(64))); });
  EXPECT_TRUE(Hot().has_value());
}

// As sequences give them: each node has a block of its own.
TEST_F(WriteTrendTest, BlocksOfCountersSideBySide) {
  int blocks = 3;
  int at[3] = {0, 1'000, 2'000};
  Run(40'001, [&](int n) {
    int& next = at[n % 3];
    if (++next % 1'000 == 0) next = 1'000 * blocks++;
    return Rising(next);
  });
  EXPECT_TRUE(Hot().has_value());
}

TEST_F(WriteTrendTest, SoAreKeysThatShrink) {
  Run(6'001, [](int n) { return Rising(900'000 - n); });
  ASSERT_TRUE(Hot().has_value());
  EXPECT_TRUE(Hot()->descending);
}

TEST_F(WriteTrendTest, RandomKeysAreNone) {
  Random random(6);
  Run(9'001, [&](int) { return Rising(static_cast<int>(random.Below(900'000'000))); });
  EXPECT_FALSE(Hot().has_value());
}

TEST_F(WriteTrendTest, UpdatesOfOldRowsAreNone) {
  Run(9'001, [](int n) { return Rising(n % 1'000); });
  EXPECT_FALSE(Hot().has_value());
}

TEST_F(WriteTrendTest, FewAreNoLoad) {
  Run(401, Rising, 25'000);
  EXPECT_FALSE(Hot().has_value());
}

TEST_F(WriteTrendTest, MostOfTheGroupMustGoThere) {
  Random random(7);
  const auto mixed = [&](int rising_of_ten) {
    return [&random, rising_of_ten](int n) {
      if (n % 10 < rising_of_ten) return Rising(n);
      return absl::StrFormat("b%09d", random.Below(900'000'000));
    };
  };
  Run(8'001, mixed(3));
  EXPECT_FALSE(Hot().has_value());
  Run(8'001, mixed(7));
  ASSERT_TRUE(Hot().has_value());
  EXPECT_EQ(Hot()->prefix, "a");
  EXPECT_NEAR(Hot()->share, 0.7, 0.02);
}

TEST_F(WriteTrendTest, ItEndsWithTheLoad) {
  Run(6'001, Rising);
  EXPECT_FALSE(trend_.Idle(now_));
  EXPECT_TRUE(Hot().has_value());
  now_ += 2 * WriteTrend::kWindowUs;
  EXPECT_FALSE(Hot().has_value());
  EXPECT_TRUE(trend_.Idle(now_));
}

TEST_F(WriteTrendTest, ManyIndexesAreBounded) {
  for (int i = 0; i < 4'001; ++i) {
    now_ += 1'000;
    trend_.NoteTransaction(now_);
    for (char c = 'a'; c <= 'z'; ++c) trend_.Note(std::string(1, c) + Rising(i), 1, now_);
  }
  EXPECT_TRUE(Hot().has_value());
}

}  // namespace
}  // namespace isochron::txn
