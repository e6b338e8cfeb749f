// SPDX-License-Identifier: Apache-2.0
#include "bench/stats.h"

#include "gtest/gtest.h"

namespace isochron::bench {
namespace {

TEST(HistogramTest, PercentilesWithinASixteenth) {
  Histogram h;
  for (int64_t us = 1; us <= 100'000; ++us) h.Add(us);
  for (double p : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9}) {
    const double want = p / 100 * 100;  // ms
    EXPECT_GE(h.PercentileMs(p), want * 0.99) << p;
    EXPECT_LE(h.PercentileMs(p), want * 1.07) << p;
  }
  EXPECT_EQ(Histogram().PercentileMs(50), 0);
  Histogram small;
  small.Add(3);
  EXPECT_DOUBLE_EQ(small.PercentileMs(50), 0.003);
  small.Add(h);
  EXPECT_EQ(small.count(), 100'001);
}

TEST(CountersTest, GrowthSurvivesARestart) {
  const Counters before = {{"log.syncs", {{1, 10}, {2, 500}}}};
  const Counters after = {{"log.syncs", {{1, 30}, {2, 40}, {3, 5}}}};
  EXPECT_EQ(Growth(before, after, "log.syncs"), 20 + 40 + 5);
  EXPECT_EQ(GreatestGrowth(before, after, "log.syncs"), 40);
  EXPECT_EQ(Growth(before, after, "none"), 0);
}

}  // namespace
}  // namespace isochron::bench
