// SPDX-License-Identifier: Apache-2.0
#include "bench/key_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace isochron::bench {
namespace {

constexpr int64_t kKeys = 1000;
constexpr int kDraws = 200'000;

std::vector<int> Draw(double theta) {
  const KeyChoice choice(kKeys, theta);
  Random random(7);
  std::vector<int> times(kKeys);
  for (int i = 0; i < kDraws; ++i) ++times.at(static_cast<size_t>(choice.Scattered(&random)));
  std::sort(times.rbegin(), times.rend());
  return times;
}

TEST(KeyChoiceTest, UniformWithoutSkew) {
  const std::vector<int> times = Draw(0);
  EXPECT_LT(times.front(), 2 * kDraws / kKeys);
  EXPECT_GT(times.back(), 0);
}

TEST(KeyChoiceTest, SharesFollowZipf) {
  const std::vector<int> times = Draw(0.99);
  // The harmonic-like sum over 1000 keys is 7.73: the first has a share of 1 / 7.73, and the tenth
  // a tenth of that (10^0.99), give or take keys that were scattered onto the same place.
  EXPECT_NEAR(static_cast<double>(times[0]) / kDraws, 1 / 7.73, 0.02);
  EXPECT_NEAR(static_cast<double>(times[9]) / kDraws, 1 / 7.73 / 9.77, 0.004);
}

TEST(KeyChoiceTest, LatestPrefersTheEndAndStaysInRange) {
  const KeyChoice choice(kKeys, 0.99);
  Random random(7);
  int near = 0;
  for (int i = 0; i < 1000; ++i) {
    const int64_t key = choice.Latest(&random, 50);
    ASSERT_GE(key, 0);
    ASSERT_LE(key, 50);
    near += key > 40 ? 1 : 0;
  }
  EXPECT_GT(near, 300);
}

TEST(KeyChoiceTest, FewKeys) {
  for (int64_t n : {1, 2, 3}) {
    const KeyChoice choice(n, 0.99);
    Random random(7);
    for (int i = 0; i < 100; ++i) {
      const int64_t key = choice.Scattered(&random);
      ASSERT_GE(key, 0);
      ASSERT_LT(key, n);
    }
  }
}

}  // namespace
}  // namespace isochron::bench
