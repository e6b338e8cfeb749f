// SPDX-License-Identifier: Apache-2.0
//
// Version GC; linked once with each engine.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "storage/engine/test_engine.h"
#include "storage/mvcc/mvcc.h"

namespace isochron::storage {
namespace {

const KeyRange kAll{"", ""};

class GcTest : public testing::Test {
 protected:
  void Put(absl::string_view key, int64_t t, absl::string_view value) {
    WriteBatch batch;
    MvccStore::PutVersion(&batch, key, Timestamp(t), value);
    ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
  }
  void Kill(absl::string_view key, int64_t t) {
    WriteBatch batch;
    MvccStore::PutTombstone(&batch, key, Timestamp(t));
    ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
  }
  std::string Get(absl::string_view key, int64_t t) {
    auto r = store_.Get(key, Timestamp(t));
    EXPECT_TRUE(r.ok()) << r.status();
    return absl::StrCat(r->value ? *r->value : "-", "@", r->version.us);
  }
  // The whole pass, in steps; what it removed.
  uint64_t Collect(GcOptions options) {
    std::string cursor;
    uint64_t removed = 0;
    for (int steps = 0; steps < 10'000; ++steps) {
      WriteBatch batch;
      auto step = store_.CollectGarbage(kAll, cursor, options, &batch);
      EXPECT_TRUE(step.ok()) << step.status();
      removed += step->removed;
      EXPECT_TRUE(engine_->Write(std::move(batch)).ok());
      if (!step->next) return removed;
      cursor = *step->next;
    }
    ADD_FAILURE() << "the pass does not end";
    return removed;
  }

  TestEngine engine_ = NewTestEngine();
  MvccStore store_{engine_.get()};
};

TEST_F(GcTest, ATombstoneGoesWithAllThatLiesBelowIt) {
  Put("a", 10, "x");
  Put("a", 20, "y");
  Kill("a", 30);
  Put("b", 10, "stays");
  Kill("c", 40);
  EXPECT_EQ(Collect({.horizon = Timestamp(29)}), 0u);
  EXPECT_EQ(Collect({.horizon = Timestamp(30)}), 3u);
  EXPECT_EQ(Get("a", 100), "-@0");
  EXPECT_EQ(Get("b", 100), "stays@10");
  EXPECT_EQ(Get("c", 100), "-@40");
}

TEST_F(GcTest, AYoungerVersionKeepsNothingBelowTheTombstone) {
  Put("a", 10, "x");
  Kill("a", 20);
  Put("a", 50, "again");
  EXPECT_EQ(Collect({.horizon = Timestamp(30)}), 2u);
  EXPECT_EQ(Get("a", 30), "-@0");
  EXPECT_EQ(Get("a", 50), "again@50");
}

TEST_F(GcTest, ShadowedVersionsGoWhenAskedFor) {
  for (int64_t t = 10; t <= 100; t += 10) Put("a", t, absl::StrCat("v", t));
  EXPECT_EQ(Collect({.horizon = Timestamp(55), .versions_too = true}), 4u);
  EXPECT_EQ(Get("a", 55), "v50@50");
  EXPECT_EQ(Get("a", 49), "-@0");
  EXPECT_EQ(Get("a", 100), "v100@100");
}

TEST_F(GcTest, ALongHistoryIsRemovedInSteps) {
  for (int64_t t = 1; t <= 100; ++t) Put("a", t, "v");
  Kill("a", 200);
  Put("b", 5, "next");
  EXPECT_EQ(Collect({.horizon = Timestamp(300), .max_examined = 7}), 101u);
  EXPECT_EQ(Get("a", 1000), "-@0");
  EXPECT_EQ(Get("b", 1000), "next@5");
}

TEST_F(GcTest, WithoutALookBelowARowComesBack) {
  Put("a", 10, "x");
  Kill("a", 20);
  Collect({.horizon = Timestamp(30), .drop_blindly = true});
  EXPECT_EQ(Get("a", 40), "x@10");  // what the sabotage drop-tombstone does
}

// Random histories: whatever pass and compactions do, reads at or above the horizon do not change.
TEST_F(GcTest, ReadsAboveTheHorizonNeverChange) {
  Random random(7);
  std::map<std::string, std::map<int64_t, std::string>> model;
  int64_t now = 1, horizon = 0;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = absl::StrCat("k", random.Below(6));
      now += 1 + static_cast<int64_t>(random.Below(3));
      if (random.OneIn(0.3)) {
        Kill(key, now);
        model[key][now] = absl::StrCat("-@", now);
      } else {
        Put(key, now, absl::StrCat("v", now));
        model[key][now] = absl::StrCat("v", now, "@", now);
      }
    }
    if (random.OneIn(0.5)) {
      horizon = horizon + static_cast<int64_t>(random.Below(static_cast<uint64_t>(now - horizon)));
    }
    ASSERT_TRUE(engine_->Flush().ok());
    engine_->SetHorizons({MvccStore::EngineHorizon(kAll, Timestamp(horizon))});
    engine_->CompactAsync("", "");
    Collect({.horizon = Timestamp(horizon),
             .max_examined = 2 + random.Below(20),
             .versions_too = random.OneIn(0.5)});
    for (int i = 0; i < 30; ++i) {
      const std::string key = absl::StrCat("k", random.Below(6));
      const int64_t t =
          horizon + static_cast<int64_t>(random.Below(static_cast<uint64_t>(now - horizon + 2)));
      auto& versions = model[key];
      auto it = versions.upper_bound(t);
      std::string expected = it == versions.begin() ? "-@0" : std::prev(it)->second;
      std::string got = Get(key, t);
      // A tombstone that is gone and no row at all look alike.
      if (expected[0] == '-') expected = "-", got = got.substr(0, 1);
      ASSERT_EQ(got, expected) << key << " at " << t << ", horizon " << horizon;
    }
  }
}

}  // namespace
}  // namespace isochron::storage
