// SPDX-License-Identifier: Apache-2.0
//
// What a transaction reads: its own writes over what is stored, over many groups, pages and a stale
// map, in both directions, with limits.
#include <algorithm>
#include <map>
#include <string>

#include "txn/gateway/fake_universe.h"

namespace isochron::txn {
namespace {

using Model = std::map<std::string, std::string>;

std::string Key(uint64_t i) { return absl::StrCat("k", 100 + i); }

std::vector<KeyValue> Expect(const Model& model, const KeyRange& range, bool reverse,
                             uint64_t limit) {
  std::vector<KeyValue> rows;
  for (const auto& [k, v] : model) {
    if (range.Contains(k)) rows.push_back({k, v});
  }
  if (reverse) std::reverse(rows.begin(), rows.end());
  if (limit > 0 && rows.size() > limit) rows.resize(limit);
  return rows;
}

// Scans to the end of the range or of the limit, as SQL does.
std::vector<KeyValue> ScanAll(FakeUniverse* u, ReadTransaction* txn, KeyRange range, bool reverse,
                              uint64_t limit) {
  std::vector<KeyValue> rows;
  std::optional<KeyRange> left = range;
  while (left.has_value() && (limit == 0 || rows.size() < limit)) {
    ScanRequest request;
    request.range = *left;
    request.reverse = reverse;
    request.limit_rows = limit == 0 ? 0 : limit - rows.size();
    auto page = u->executor.Run(txn->Scan(u->MakeCtx(), request));
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return rows;
    EXPECT_TRUE(limit == 0 || page->rows.size() <= request.limit_rows);
    if (limit > 0 && page->rest.has_value()) EXPECT_EQ(page->rows.size(), request.limit_rows);
    for (KeyValue& row : page->rows) rows.push_back(std::move(row));
    left = page->rest;
  }
  return rows;
}

void ExpectSame(const std::vector<KeyValue>& got, const std::vector<KeyValue>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].key, want[i].key);
    EXPECT_EQ(got[i].value, want[i].value);
  }
}

TEST(GatewayReadTest, ScansAndGetsFollowAModel) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    FakeUniverse u(seed);
    Random random(seed * 7919);
    u.groups.max_page_rows = 1 + random.Below(10);
    Model stored;
    std::vector<std::pair<std::string, std::string>> rows;
    for (int i = 0; i < 30; ++i) {
      const std::string key = Key(random.Below(60));
      if (stored.emplace(key, "stored").second) rows.emplace_back(key, "stored");
    }
    u.Write(rows);
    for (uint64_t g = 100; g < 100 + random.Below(6); ++g) {
      u.groups.Split(Key(random.Below(60)), GroupId(g));
    }
    auto txn = u.Begin();
    Model model = stored;
    for (int i = 0; i < 30; ++i) {
      const std::string key = Key(random.Below(60));
      const uint64_t what = random.Below(6);
      if (what == 0) {
        ASSERT_TRUE(txn->Put(key, absl::StrCat("own", i)).ok());
        model[key] = absl::StrCat("own", i);
      } else if (what == 1) {
        ASSERT_TRUE(txn->Delete(key).ok());
        model.erase(key);
      } else if (what == 2) {
        auto got = u.Get(txn.get(), key);
        EXPECT_EQ(got.value_or("none"), model.contains(key) ? model[key] : "none");
      } else {
        KeyRange range{Key(random.Below(60)), Key(random.Below(61))};
        if (random.OneIn(0.2)) range.end.clear();
        const bool reverse = random.OneIn(0.5);
        const uint64_t limit = random.OneIn(0.5) ? 0 : 1 + random.Below(20);
        ExpectSame(ScanAll(&u, txn.get(), range, reverse, limit),
                   Expect(model, range, reverse, limit));
      }
    }
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < 60; ++i) keys.push_back(Key(59 - i));
    keys.push_back(Key(3));  // twice
    auto many = u.executor.Run(txn->MultiGet(u.MakeCtx(), keys, LockMode::kShared));
    ASSERT_TRUE(many.ok()) << many.status();
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ((*many)[i].value_or("none"), model.contains(keys[i]) ? model[keys[i]] : "none");
    }
    auto committed = u.Commit(txn.get());
    ASSERT_TRUE(committed.ok()) << committed.status();
    u.Settle();
    EXPECT_EQ(u.groups.Rows(), model);
    EXPECT_EQ(u.groups.locked(), 0u);
  }
}

TEST(GatewayReadTest, ASnapshotStaysAtItsTimestamp) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    FakeUniverse u(seed);
    Random random(seed);
    u.groups.max_page_rows = 1 + random.Below(6);
    Model stored;
    for (uint64_t i = 0; i < 20; ++i) stored[Key(i)] = "old";
    u.Write({stored.begin(), stored.end()});
    for (uint64_t g = 100; g < 100 + random.Below(4); ++g) {
      u.groups.Split(Key(random.Below(20)), GroupId(g));
    }
    auto ro = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
    ASSERT_TRUE(ro.ok());
    const bool point_first = random.OneIn(0.5);
    if (point_first) EXPECT_EQ(u.Get(ro->get(), Key(3)), "old");
    std::optional<KeyRange> left = KeyRange{Key(0), ""};
    std::vector<KeyValue> rows;
    Timestamp t = (*ro)->read_timestamp();
    EXPECT_EQ(point_first, t != Timestamp());
    int page_number = 0;
    while (left.has_value()) {
      ScanRequest request;
      request.range = *left;
      auto page = u.executor.Run((*ro)->Scan(u.MakeCtx(), request));
      ASSERT_TRUE(page.ok()) << page.status();
      if (t != Timestamp()) EXPECT_EQ((*ro)->read_timestamp(), t);
      t = (*ro)->read_timestamp();
      for (KeyValue& row : page->rows) rows.push_back(std::move(row));
      left = page->rest;
      // Somebody writes, and splits, in between.
      u.Write({{Key(random.Below(20)), "new"}, {Key(random.Below(20)), "new"}});
      if (++page_number < 4) {
        u.groups.Split(Key(random.Below(20)), GroupId(200 + static_cast<uint64_t>(page_number)));
      }
    }
    ExpectSame(rows, Expect(stored, KeyRange{}, false, 0));
    auto old = u.store->BeginReadOnly(u.MakeCtx(), t);
    ASSERT_TRUE(old.ok());
    EXPECT_EQ(u.Get(old->get(), Key(7)), "old");
    auto later = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
    u.Write({{Key(7), "newest"}});
    EXPECT_EQ(u.Get(later->get(), Key(7)), "newest");
  }
}

TEST(GatewayReadTest, LongRowsAreHandedOverBelowTheRowLimit) {
  FakeUniverse u(1);
  u.groups.max_page_rows = 2;
  for (uint64_t i = 0; i < 40; ++i) u.Write({{Key(i), std::string(300 << 10, 'x')}});
  ScanRequest request;
  request.range = KeyRange{Key(0), ""};
  request.limit_rows = 500;
  auto ro = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
  ASSERT_TRUE(ro.ok());
  auto rw = u.store->Begin(u.MakeCtx());
  ASSERT_TRUE(rw.ok());
  for (ReadTransaction* txn :
       {static_cast<ReadTransaction*>(ro->get()), static_cast<ReadTransaction*>(rw->get())}) {
    auto page = u.executor.Run(txn->Scan(u.MakeCtx(), request));
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LT(page->rows.size(), 7u);
    EXPECT_TRUE(page->rest.has_value());
  }
}

TEST(GatewayReadTest, OneGroupNeedsNoClockHere) {
  FakeUniverse u(1);
  u.Write({{Key(1), "a"}});
  u.truetime.lost = true;
  // The leader's clock is another node's.
  u.groups.before = [&](GroupId, const peer::GroupRequest&) {
    u.truetime.lost = false;
    return std::nullopt;
  };
  auto ro = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
  ASSERT_TRUE(ro.ok());
  EXPECT_EQ(u.Get(ro->get(), Key(1)), "a");
  u.groups.Split(Key(5), GroupId(100));
  EXPECT_TRUE(u.executor.Run(u.router.Refresh(u.MakeCtx())).ok());
  u.truetime.lost = true;
  auto wide = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
  auto r = u.executor.Run((*wide)->MultiGet(u.MakeCtx(), {Key(1), Key(7)}, LockMode::kShared));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kUnavailable);
}

// Everything that a program is asked to make something of; nobody knows it here.
Model ReduceAll(FakeUniverse* u, ReadTransaction* txn) {
  Model rows;
  ReduceRequest request;
  request.ranges = {KeyRange{Key(0), Key(100)}};
  request.program = "?";
  while (!request.ranges.empty()) {
    auto page =
        u->executor.Run(dynamic_cast<ReducingTransaction*>(txn)->Reduce(u->MakeCtx(), request));
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return rows;
    for (KeyValue& row : page->rows) {
      EXPECT_TRUE(rows.emplace(std::move(row.key), std::move(row.value)).second) << "twice";
    }
    request.ranges = std::move(page->rest);
  }
  return rows;
}

TEST(GatewayReadTest, AStragglersPartIsReadElsewhere) {
  FakeUniverse u(3);
  Model model;
  for (uint64_t i = 0; i < 60; ++i) {
    model[Key(i)] = absl::StrCat(i);
    u.Write({{Key(i), absl::StrCat(i)}});
  }
  u.groups.Split(Key(20), GroupId(100));
  u.groups.Split(Key(40), GroupId(101));
  ASSERT_TRUE(u.executor.Run(u.router.Refresh(u.MakeCtx())).ok());
  constexpr Micros kSlow = 20'000'000;
  bool replicas = true;
  int slow = 0, instead = 0;
  // One of the leaders stands still.
  u.groups.delay = [&](const peer::GroupRequest& r) {
    const bool here = r.snapshot_read().spans(0).start() == Key(20);
    if (here) ++(r.snapshot_read().any_replica() ? instead : slow);
    return here && !r.snapshot_read().any_replica() ? kSlow : 0;
  };
  u.groups.before = [&](GroupId,
                        const peer::GroupRequest& r) -> std::optional<peer::GroupResponse> {
    if (!r.snapshot_read().any_replica() || replicas) return std::nullopt;
    peer::GroupResponse none;
    none.set_error(peer::UNKNOWN_GROUP);
    return none;
  };
  auto ro = u.store->BeginReadOnly(u.MakeCtx(), std::nullopt);
  ASSERT_TRUE(ro.ok());
  Micros begun = u.executor.MonotonicNow();
  EXPECT_EQ(ReduceAll(&u, ro->get()), model);
  EXPECT_LT(u.executor.MonotonicNow() - begun, kSlow / 4);
  EXPECT_EQ(slow, 1);
  EXPECT_EQ(instead, 1);
  // With nobody else the leader is waited for.
  replicas = false;
  begun = u.executor.MonotonicNow();
  EXPECT_EQ(ReduceAll(&u, ro->get()), model);
  EXPECT_GE(u.executor.MonotonicNow() - begun, kSlow);
}

}  // namespace
}  // namespace isochron::txn
