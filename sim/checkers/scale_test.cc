// SPDX-License-Identifier: Apache-2.0

// A million operations: both history checkers end in seconds, since they are linear.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "sim/checkers/dependency_cycles.h"
#include "sim/checkers/external_consistency.h"

namespace isochron::sim {
namespace {

constexpr size_t kOperations = 1'000'000;
constexpr size_t kKeys = 5000;
constexpr size_t kClients = 64;

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

int64_t PeakMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// Legal: clients overlap, each transaction takes effect at one instant, and a few are never
// answered.
History Generate(uint64_t seed) {
  History history;
  Random random(seed);
  std::vector<std::optional<std::string>> values(kKeys);
  for (size_t i = 0; i < kOperations; ++i) {
    const Micros s = static_cast<Micros>(100 * i + 10'000);
    Operation op;
    op.client = static_cast<int>(i % kClients);
    op.kind = random.OneIn(0.5) ? OpKind::kReadWrite : OpKind::kReadOnly;
    op.invoke_us = s - random.Between(1, 60 * static_cast<Micros>(kClients));
    op.complete_us = s + random.Between(1, 40 * static_cast<Micros>(kClients));
    op.ts = Timestamp(s);
    op.outcome = Outcome::kCommitted;
    const size_t first = random.Below(kKeys);
    for (size_t k = 0; k < 3; ++k) {
      const size_t key = (first + k * 7) % kKeys;
      const std::string name = absl::StrCat("k", key);
      op.reads.push_back({name, values[key]});
      if (op.kind == OpKind::kReadOnly || k == 2) continue;
      values[key] = absl::StrCat("v", i, "#", k);
      op.writes.push_back({name, values[key]});
    }
    if (op.kind == OpKind::kReadWrite && random.OneIn(0.01)) {
      op.outcome = Outcome::kOpen;
      op.complete_us = 0;
      op.ts = Timestamp();
    }
    history.Add(std::move(op));
  }
  history.OrderByTime();
  return history;
}

TEST(ScaleTest, AMillionOperationsTakeSeconds) {
  const History history = Generate(1);
  const int64_t before = PeakMegabytes();
  double at = CpuSeconds();
  const auto inconsistent = ExternalConsistencyChecker(&history, nullptr).Check();
  const double external = CpuSeconds() - at;
  const int64_t between = PeakMegabytes();
  at = CpuSeconds();
  const auto cycles = DependencyCycleChecker(&history).Check();
  const double cyclic = CpuSeconds() - at;
  std::printf(
      "external consistency: %.1f s, %ld MB more; cycles: %.1f s, %ld MB more; history %ld MB\n",
      external, static_cast<long>(between - before), cyclic,
      static_cast<long>(PeakMegabytes() - between), static_cast<long>(before));
  for (const Anomaly& a : inconsistent) ADD_FAILURE() << a.name << ": " << a.what;
  for (const Anomaly& a : cycles) ADD_FAILURE() << a.name << ": " << a.what;
  EXPECT_LT(external, 60);
  EXPECT_LT(cyclic, 60);
  EXPECT_LT(PeakMegabytes() - before, 4000);
}

// One stale read among them is found, and told in time.
TEST(ScaleTest, OneStaleReadIsFoundAmongAMillionOperations) {
  History history = Generate(2);
  Operation write, stale;
  write.outcome = stale.outcome = Outcome::kCommitted;
  write.invoke_us = 2'000'000;
  write.ts = Timestamp(2'000'050);
  write.complete_us = 2'000'100;
  write.writes = {{"odd", "1"}};
  stale.kind = OpKind::kReadOnly;
  stale.invoke_us = 50'000'000;
  stale.ts = Timestamp(50'000'050);
  stale.complete_us = 50'000'100;
  stale.reads = {{"odd", std::nullopt}};
  history.Add(write);
  history.Add(stale);
  history.OrderByTime();
  const double at = CpuSeconds();
  EXPECT_FALSE(ExternalConsistencyChecker(&history, nullptr).Check().empty());
  const auto cycles = DependencyCycleChecker(&history).Check();
  ASSERT_EQ(cycles.size(), 1u);
  EXPECT_EQ(cycles[0].name, "G-single-realtime");
  // In time operations are linked through others, so one of those may be in it.
  EXPECT_LE(cycles[0].operations.size(), 3u) << cycles[0].what;
  EXPECT_LT(CpuSeconds() - at, 180);
}

}  // namespace
}  // namespace isochron::sim
