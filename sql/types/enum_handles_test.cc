// SPDX-License-Identifier: Apache-2.0
#include "sql/types/enum_handles.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace isochron::sql {
namespace {

EnumType Numbered(int n) {
  EnumType t;
  t.id = 7;
  t.oid = 23552;
  t.full_name = t.name = t.shown = "mood";
  t.array_name = "_mood";
  t.shown_array = "mood[]";
  t.labels = {{0, "sad"}, {10, absl::StrCat("label ", n)}};
  return t;
}

TEST(EnumHandlesTest, WhatIsEqualHasOneNumberAndTakesRoomOnce) {
  EnumHandles handles(1 << 20);
  const uint32_t one = handles.For(Numbered(1)), two = handles.For(Numbered(2));
  EXPECT_NE(one, 0u);
  EXPECT_NE(one, two);
  const size_t bytes = handles.bytes();
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(handles.For(Numbered(1)), one);
  EXPECT_EQ(handles.count(), 2u);
  EXPECT_EQ(handles.bytes(), bytes);
  EXPECT_EQ(*handles.Of(one), Numbered(1));
  EXPECT_EQ(*handles.Of(two), Numbered(2));
  for (const uint32_t none : {0u, 3u, 1023u, 1024u, (1u << 20) - 1, 1u << 20, ~0u}) {
    EXPECT_EQ(handles.Of(none), nullptr) << none;
  }
}

// However many versions come, it stays within its bounds, and what it has stays as it is.
TEST(EnumHandlesTest, MemoryIsBounded) {
  constexpr size_t kMost = 1 << 20;
  EnumHandles handles(kMost);
  int refused = 0, first_refused = -1, first_scarce = -1;
  std::set<uint32_t> all;
  for (int i = 0; i < 20'000; ++i) {
    if (first_scarce < 0 && handles.scarce()) first_scarce = i;
    const uint32_t handle = handles.For(Numbered(i));
    if (handle == 0) {
      ++refused;
      if (first_refused < 0) first_refused = i;
    } else {
      ASSERT_TRUE(all.insert(handle).second);
    }
    ASSERT_LE(handles.bytes(), kMost);
  }
  EXPECT_GT(first_refused, 1024);  // several chunks
  EXPECT_GT(first_scarce, first_refused / 2);
  EXPECT_LT(first_scarce, first_refused);
  EXPECT_EQ(handles.count() + static_cast<size_t>(refused), 20'000u);
  // Full is full for what is new only.
  const uint32_t known = handles.For(Numbered(17));
  ASSERT_NE(known, 0u);
  EXPECT_EQ(*handles.Of(known), Numbered(17));
}

TEST(EnumHandlesTest, MayBeAskedWhileOthersAdd) {
  EnumHandles handles(16 << 20);
  constexpr int kEach = 3000;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&handles, &wrong, t] {
      // Two threads each add the same.
      for (int i = 0; i < kEach; ++i) {
        const int n = (t / 2) * kEach + i;
        const EnumType* of = handles.Of(handles.For(Numbered(n)));
        if (of == nullptr || *of != Numbered(n)) ++wrong;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(handles.count(), 2u * kEach);
}

}  // namespace
}  // namespace isochron::sql
