// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/write_buffer.h"

#include <algorithm>

#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron::txn {
namespace {

using Model = std::map<std::string, std::string>;

std::string Key(Random* random) {
  return std::string(1, static_cast<char>('a' + random->Below(12)));
}

TEST(WriteBufferTest, AllBuffersOfANodeShareABudget) {
  auto node = std::make_shared<MemoryBudget>(10'000);
  WriteLimits limits;
  limits.node = node;
  {
    WriteBuffer a(limits), b(limits);
    ASSERT_TRUE(a.Put("a", std::string(6'000, 'x')).ok());
    const absl::Status refused = b.Put("b", std::string(6'000, 'x'));
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_NE(refused.message().find("--memory-limit"), absl::string_view::npos);
    EXPECT_TRUE(b.empty());
    const size_t mark = a.Mark();
    ASSERT_TRUE(a.Put("a", std::string(3'000, 'y')).ok());
    a.RollbackTo(mark);
    EXPECT_TRUE(b.Put("b", std::string(3'000, 'x')).ok());
  }
  EXPECT_EQ(node->used(), 0);
}

TEST(WriteBufferTest, OverlayAndSavepointsFollowAModel) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    Model stored;
    for (int i = 0; i < 6; ++i) stored[Key(&random)] = "stored";
    WriteBuffer buffer{WriteLimits{}};
    Model model = stored;
    std::vector<std::pair<size_t, Model>> marks;
    for (int i = 0; i < 40; ++i) {
      const std::string key = Key(&random);
      switch (random.Below(5)) {
        case 0:
          marks.emplace_back(buffer.Mark(), model);
          break;
        case 1:
          if (!marks.empty()) {
            const size_t m = random.Below(marks.size());
            buffer.RollbackTo(marks[m].first);
            model = marks[m].second;
            marks.resize(m + 1);
          }
          break;
        case 2:
          ASSERT_TRUE(buffer.Delete(key).ok());
          model.erase(key);
          break;
        default:
          ASSERT_TRUE(buffer.Put(key, std::to_string(i)).ok());
          model[key] = std::to_string(i);
      }
      KeyRange range{Key(&random), Key(&random)};
      if (random.OneIn(0.2)) range.end.clear();
      if (range.Empty()) continue;
      const bool reverse = random.OneIn(0.5);
      std::vector<KeyValue> base;
      std::vector<KeyValue> want;
      for (const auto& [k, v] : stored) {
        if (range.Contains(k)) base.push_back({k, v});
      }
      for (const auto& [k, v] : model) {
        if (range.Contains(k)) want.push_back({k, v});
      }
      if (reverse) {
        std::reverse(base.begin(), base.end());
        std::reverse(want.begin(), want.end());
      }
      const std::vector<KeyValue> got = buffer.Overlay(base, range, reverse);
      ASSERT_EQ(got.size(), want.size()) << "seed " << seed;
      for (size_t j = 0; j < got.size(); ++j) {
        EXPECT_EQ(got[j].key, want[j].key);
        EXPECT_EQ(got[j].value, want[j].value);
      }
    }
  }
}

TEST(WriteBufferTest, LimitsRefuseAndLeaveTheBufferAsItWas) {
  WriteBuffer buffer(WriteLimits{.key_bytes = 10, .value_bytes = 100, .total_bytes = 1000});
  EXPECT_EQ(buffer.Put(std::string(11, 'k'), "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(buffer.Put("k", std::string(101, 'v')).code(), absl::StatusCode::kResourceExhausted);
  int fit = 0;
  while (buffer.Put("k" + std::to_string(fit), std::string(100, 'v')).ok()) ++fit;
  EXPECT_EQ(fit, 6);
  EXPECT_EQ(buffer.writes().size(), 6u);
  buffer.RollbackTo(0);
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.Put("k", std::string(100, 'v')).ok());
}

}  // namespace
}  // namespace isochron::txn
