// SPDX-License-Identifier: Apache-2.0
//
// Versioned rows; linked once with each engine (storage/engine/test_engine.h).
#include "storage/mvcc/mvcc.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/key_encoding.h"
#include "common/random.h"
#include "gtest/gtest.h"
#include "storage/engine/key_space.h"
#include "storage/engine/test_engine.h"
#include "storage/mvcc/version_key.h"

namespace isochron::storage {
namespace {

const KeyRange kAll{"", ""};

class MvccTest : public testing::Test {
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
  // "value@version", "-@version" for a tombstone.
  std::string Get(absl::string_view key, int64_t t) {
    auto r = store_.Get(key, Timestamp(t));
    EXPECT_TRUE(r.ok()) << r.status();
    return absl::StrCat(r->value ? *r->value : "-", "@", r->version.us);
  }
  std::string Scan(const KeyRange& range, int64_t t, const ScanOptions& options = {}) {
    auto r = store_.Scan(range, Timestamp(t), options);
    EXPECT_TRUE(r.ok()) << r.status();
    std::string out;
    for (const Row& row : r->rows)
      absl::StrAppend(&out, row.key, "=", row.value, "@", row.version.us, " ");
    absl::StrAppend(&out, "max ", r->max_version_examined.us);
    if (r->resume_key) absl::StrAppend(&out, " resume ", *r->resume_key);
    return out;
  }

  TestEngine engine_ = NewTestEngine();
  MvccStore store_{engine_.get()};
};

TEST_F(MvccTest, ReadsAtATimestamp) {
  Put("a", 10, "ten");
  Put("a", 20, "");
  Kill("a", 30);
  Put("a", 40, "forty");
  Put("ab", 5, "other");
  EXPECT_EQ(Get("a", 0), "-@0");
  EXPECT_EQ(Get("a", -1), "-@0");
  EXPECT_EQ(Get("a", 9), "-@0");
  EXPECT_EQ(Get("a", 10), "ten@10");
  EXPECT_EQ(Get("a", 29), "@20");
  EXPECT_EQ(Get("a", 30), "-@30");
  EXPECT_EQ(Get("a", Timestamp::Max().us), "forty@40");
  EXPECT_EQ(Get("b", 100), "-@0");
  EXPECT_EQ(Get("", 100), "-@0");
  EXPECT_EQ(store_.NewestVersion("a")->us, 40);
  EXPECT_EQ(store_.NewestVersion("x")->us, 0);
  Kill("a", 50);
  EXPECT_EQ(store_.NewestVersion("a")->us, 50);
  Put("a", 50, "again");  // the same log entry applied twice, or a later one of one transaction
  EXPECT_EQ(Get("a", 50), "again@50");
}

TEST_F(MvccTest, ScansBothWaysWithLimits) {
  Put("a", 10, "1");
  Put("b", 10, "1");
  Put("b", 20, "2");
  Put("c", 15, "1");
  Kill("c", 25);
  Put("d", 30, "1");
  EXPECT_EQ(Scan(kAll, 12), "a=1@10 b=1@10 max 10");
  EXPECT_EQ(Scan(kAll, 22), "a=1@10 b=2@20 c=1@15 max 20");
  EXPECT_EQ(Scan(kAll, 26), "a=1@10 b=2@20 max 25");  // the tombstone was examined
  EXPECT_EQ(Scan(kAll, 99), "a=1@10 b=2@20 d=1@30 max 30");
  EXPECT_EQ(Scan(kAll, 99, {.reverse = true}), "d=1@30 b=2@20 a=1@10 max 30");
  EXPECT_EQ(Scan({"b", "d"}, 99), "b=2@20 max 25");
  EXPECT_EQ(Scan({"b", "d"}, 99, {.reverse = true}), "b=2@20 max 25");
  EXPECT_EQ(Scan(KeyRange::Point("b"), 99), "b=2@20 max 20");
  EXPECT_EQ(Scan({"d", "b"}, 99), "max 0");
  EXPECT_EQ(Scan(kAll, 99, {.limit_rows = 1}), "a=1@10 max 10 resume b");
  EXPECT_EQ(Scan(kAll, 99, {.limit_rows = 2}), "a=1@10 b=2@20 max 25 resume d");
  EXPECT_EQ(Scan(kAll, 99, {.limit_rows = 3}), "a=1@10 b=2@20 d=1@30 max 30");
  EXPECT_EQ(Scan(kAll, 99, {.limit_bytes = 1}), "a=1@10 max 10 resume b");
  EXPECT_EQ(Scan(kAll, 99, {.limit_bytes = 4}), "a=1@10 b=2@20 max 25 resume d");
  EXPECT_EQ(Scan({"c", ""}, 99, {.limit_examined = 1}), "max 25 resume d");
  EXPECT_EQ(Scan(kAll, 99, {.limit_rows = 1, .reverse = true}),
            absl::StrCat("d=1@30 max 30 resume b", absl::string_view("\0", 1)));
}

TEST_F(MvccTest, KeysMayHoldAnyBytes) {
  const std::vector<std::string> keys = {"",
                                         std::string(1, '\0'),
                                         std::string("\0\0", 2),
                                         std::string("\0\1", 2),
                                         std::string("\0\xff", 2),
                                         "\1",
                                         "a",
                                         std::string("a\0", 2),
                                         std::string("a\0\1zzzzzzzz", 11),
                                         "a\xff",
                                         "\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
  for (size_t i = 0; i < keys.size(); ++i) Put(keys[i], 10 + i, absl::StrCat(i));
  auto r = store_.Scan(kAll, Timestamp(99), {});
  ASSERT_TRUE(r.ok());
  ASSERT_EQ(r->rows.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(r->rows[i].key, keys[i]);
    EXPECT_EQ(Get(keys[i], 99), absl::StrCat(i, "@", 10 + i));
    auto point = store_.Scan(KeyRange::Point(keys[i]), Timestamp(99), {.reverse = true});
    ASSERT_TRUE(point.ok());
    ASSERT_EQ(point->rows.size(), 1u) << i;
    EXPECT_EQ(point->rows[0].key, keys[i]);
  }
}

TEST_F(MvccTest, LongHistoriesAreSkipped) {
  WriteBatch batch;
  for (const char* key : {"a", "b", "c"}) {
    for (int t = 1; t <= 3000; ++t)
      MvccStore::PutVersion(&batch, key, Timestamp(t), absl::StrCat(t));
  }
  ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
  for (int64_t t : {1, 2, 1500, 2997, 3000, 9000}) {
    const std::string v = absl::StrCat(std::min<int64_t>(t, 3000), "@", std::min<int64_t>(t, 3000));
    EXPECT_EQ(Get("b", t), v);
    const std::string max = absl::StrCat("max ", std::min<int64_t>(t, 3000));
    EXPECT_EQ(Scan(kAll, t), absl::StrCat("a=", v, " b=", v, " c=", v, " ", max));
    EXPECT_EQ(Scan(kAll, t, {.reverse = true}),
              absl::StrCat("c=", v, " b=", v, " a=", v, " ", max));
  }
}

TEST_F(MvccTest, MetadataAndRowsDoNotMeet) {
  WriteBatch batch;
  batch.Put(MetaKey("applied"), "7");
  batch.Put("c", "before");
  batch.Put("e", "behind");
  ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
  Put("", 1, "first");
  Put("\xff", 1, "last");
  EXPECT_EQ(Scan(kAll, 9), "=first@1 \xff=last@1 max 1");
  EXPECT_EQ(Scan(kAll, 9, {.reverse = true}), "\xff=last@1 =first@1 max 1");
  WriteBatch clear;
  MvccStore::ClearRange(&clear, kAll);
  ASSERT_TRUE(engine_->Write(std::move(clear)).ok());
  EXPECT_EQ(Scan(kAll, 9), "max 0");
  std::string value;
  EXPECT_TRUE(*engine_->Get(MetaKey("applied"), &value));
  EXPECT_TRUE(*engine_->Get("c", &value));
  EXPECT_TRUE(*engine_->Get("e", &value));
}

TEST_F(MvccTest, DamageIsReported) {
  Put("a", 10, "good");
  WriteBatch batch;
  batch.Put(VersionKey("b", Timestamp(10)), "\x07what");
  batch.Put(VersionKey("c", Timestamp(10)), "");
  ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
  EXPECT_EQ(store_.Get("b", Timestamp(20)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_.Get("c", Timestamp(20)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_.Scan(kAll, Timestamp(20), {}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_.Scan(kAll, Timestamp(20), {.reverse = true}).status().code(),
            absl::StatusCode::kDataLoss);
  WriteBatch odd;
  odd.Put("dz", "not a version");
  ASSERT_TRUE(engine_->Write(std::move(odd)).ok());
  EXPECT_EQ(store_.Scan({"y", ""}, Timestamp(20), {}).status().code(), absl::StatusCode::kDataLoss);
}

// Against a plain model, with flushes and crashes-free restarts of nothing: reads of every kind.
TEST_F(MvccTest, ModelOfRandomHistories) {
  using History = std::map<int64_t, std::optional<std::string>>;
  std::map<std::string, History> model;
  Random random(77);
  auto random_key = [&] {
    static const char kFew[] = {'\x00', '\x01', '\xff', 'a'};
    std::string k;
    for (uint64_t n = random.Below(4); n > 0; --n) k.push_back(kFew[random.Below(4)]);
    return k;
  };
  int64_t now = 1;
  for (int step = 0; step < 2500; ++step) {
    WriteBatch batch;
    now += random.Between(1, 3);
    for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
      const std::string key = random_key();
      if (random.OneIn(0.75)) {
        const std::string value = absl::StrCat("v", step, "-", n);
        MvccStore::PutVersion(&batch, key, Timestamp(now), value);
        model[key][now] = value;
      } else {
        MvccStore::PutTombstone(&batch, key, Timestamp(now));
        model[key][now] = std::nullopt;
      }
    }
    ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
    if (random.OneIn(0.003)) {
      ASSERT_TRUE(engine_->Flush().ok());
    }

    const int64_t t = random.OneIn(0.3) ? now : random.Between(0, now + 5);
    const std::string key = random_key();
    std::string want = "-@0";
    auto visible = [&](const History& h) {
      auto it = h.upper_bound(t);
      return it == h.begin() ? h.end() : std::prev(it);
    };
    if (auto h = model.find(key); h != model.end()) {
      auto v = visible(h->second);
      if (v != h->second.end()) want = absl::StrCat(v->second.value_or("-"), "@", v->first);
      EXPECT_EQ(store_.NewestVersion(key)->us, h->second.rbegin()->first);
    }
    ASSERT_EQ(Get(key, t), want);

    if (step % 5 != 0) continue;
    KeyRange range{random_key(), random.OneIn(0.3) ? "" : random_key()};
    const bool reverse = random.OneIn(0.5);
    std::vector<Row> rows;
    Timestamp max;
    for (const auto& [k, h] : model) {
      auto v = visible(h);
      if (!range.Contains(k) || v == h.end()) continue;
      max = std::max(max, Timestamp(v->first));
      if (v->second) rows.push_back({k, *v->second, Timestamp(v->first)});
    }
    if (reverse) std::reverse(rows.begin(), rows.end());
    // In pages of random sizes, put together again.
    std::vector<Row> got;
    Timestamp got_max;
    for (int pages = 0; pages < 500; ++pages) {
      ScanOptions options;
      options.reverse = reverse;
      options.limit_rows = random.Below(4);
      options.limit_bytes = random.Below(40);
      options.limit_examined = random.Below(10);
      auto page = store_.Scan(range, Timestamp(t), options);
      ASSERT_TRUE(page.ok()) << page.status();
      if (options.limit_rows > 0) {
        ASSERT_LE(page->rows.size(), options.limit_rows);
      }
      got.insert(got.end(), page->rows.begin(), page->rows.end());
      got_max = std::max(got_max, page->max_version_examined);
      if (!page->resume_key) break;
      (reverse ? range.end : range.start) = *page->resume_key;
      ASSERT_FALSE(range.end.empty() && reverse);
    }
    ASSERT_EQ(got, rows) << step;
    ASSERT_EQ(got_max, max) << step;
  }
}

// Takes `most` rows at a time.
class Visitor : public RowVisitor {
 public:
  explicit Visitor(size_t most) : most_(most) {}
  absl::StatusOr<bool> OnRow(absl::string_view key, absl::string_view value) override {
    rows.push_back({std::string(key), std::string(value)});
    return rows.size() < most_;
  }
  std::vector<std::pair<std::string, std::string>> rows;

 private:
  const size_t most_;
};

TEST_F(MvccTest, AVisitorSeesWhatAScanGives) {
  Random random(11);
  for (int i = 0; i < 400; ++i) {
    const std::string key = absl::StrCat("k", random.Below(40));
    const int64_t t = 1 + static_cast<int64_t>(random.Below(90));
    if (random.Below(4) == 0) {
      Kill(key, t);
    } else {
      Put(key, t, absl::StrCat("v", i));
    }
  }
  for (int round = 0; round < 100; ++round) {
    const Timestamp t(1 + static_cast<int64_t>(random.Below(100)));
    ScanOptions options;
    options.reverse = random.Below(2) == 0;
    const KeyRange all{"k", "l"};
    auto scan = store_.Scan(all, t, options);
    ASSERT_TRUE(scan.ok());
    std::vector<std::pair<std::string, std::string>> seen;
    Timestamp examined;
    KeyRange left = all;
    for (bool more = true; more;) {
      Visitor visitor(1 + random.Below(7));
      auto page = store_.Visit(left, t, options, &visitor);
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_TRUE(page->rows.empty());
      examined = std::max(examined, page->max_version_examined);
      seen.insert(seen.end(), visitor.rows.begin(), visitor.rows.end());
      more = page->resume_key.has_value();
      if (more) (options.reverse ? left.end : left.start) = *page->resume_key;
    }
    EXPECT_EQ(examined, scan->max_version_examined);
    ASSERT_EQ(seen.size(), scan->rows.size());
    for (size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(seen[i].first, scan->rows[i].key);
      EXPECT_EQ(seen[i].second, scan->rows[i].value);
    }
  }
}

TEST_F(MvccTest, ChunksCarryARangeWithItsHistory) {
  Random random(4);
  for (int i = 0; i < 300; ++i) {
    const std::string key = absl::StrCat("k", random.Below(40));
    if (random.OneIn(0.8)) {
      Put(key, i + 1, std::string(random.Below(50), 'x'));
    } else {
      Kill(key, i + 1);
    }
  }
  const KeyRange range{"k1", "k35"};
  auto digest = store_.Digest(range);
  ASSERT_TRUE(digest.ok());
  auto snapshot = engine_->NewSnapshot();

  TestEngine target = NewTestEngine();
  MvccStore copy(target.get());
  std::string cursor;
  int chunks = 0;
  while (true) {
    auto chunk = store_.ExportChunk(range, cursor, 500, snapshot.get());
    ASSERT_TRUE(chunk.ok());
    EXPECT_LE(chunk->bytes.size(), 600u);
    Put(absl::StrCat("k", random.Below(40)), 1000 + chunks, "written meanwhile");
    WriteBatch batch;
    EXPECT_FALSE(MvccStore::ImportChunk(&batch, {"x", "y"}, chunk->bytes).ok());
    std::string damaged = chunk->bytes;
    damaged[random.Below(damaged.size())] ^= 4;
    EXPECT_EQ(MvccStore::ImportChunk(&batch, range, damaged).code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(batch.empty());
    ASSERT_TRUE(MvccStore::ImportChunk(&batch, range, chunk->bytes).ok());
    ASSERT_TRUE(target->Write(std::move(batch)).ok());
    ++chunks;
    if (!chunk->next) break;
    cursor = *chunk->next;
  }
  EXPECT_GT(chunks, 10);
  EXPECT_EQ(*copy.Digest(range), *digest);
  EXPECT_EQ(*copy.Digest(kAll), *digest);
  EXPECT_NE(*store_.Digest(range), *digest);
  WriteBatch none;
  EXPECT_EQ(MvccStore::ImportChunk(&none, range, "").code(), absl::StatusCode::kDataLoss);
  // An empty range is one empty chunk.
  auto empty = store_.ExportChunk({"z", ""}, "", 100);
  ASSERT_TRUE(empty.ok());
  EXPECT_FALSE(empty->next.has_value());
  EXPECT_TRUE(MvccStore::ImportChunk(&none, {"z", ""}, empty->bytes).ok());
  EXPECT_TRUE(none.empty());
}

TEST_F(MvccTest, DigestSeesEveryDifference) {
  Put("a", 10, "x");
  const uint64_t base = *store_.Digest(kAll);
  EXPECT_EQ(base, 2797604724642087412u)
      << "the digest is stable over releases: it is compared between nodes";
  std::vector<uint64_t> seen = {base};
  auto differs = [&] {
    seen.push_back(*store_.Digest(kAll));
    return std::count(seen.begin(), seen.end(), seen.back()) == 1;
  };
  Put("a", 10, "y");
  EXPECT_TRUE(differs());
  Put("a", 11, "y");
  EXPECT_TRUE(differs());
  Kill("a", 12);
  EXPECT_TRUE(differs());
  Put("a", 12, "");
  EXPECT_TRUE(differs());
  Put("b", 1, "");
  EXPECT_TRUE(differs());
}

TEST_F(MvccTest, TheMiddleHalvesTheBytes) {
  EXPECT_EQ(store_.MiddleKey(kAll).status().code(), absl::StatusCode::kNotFound);
  Put("only", 1, "x");
  Put("only", 2, "x");
  EXPECT_EQ(store_.MiddleKey(kAll).status().code(), absl::StatusCode::kNotFound);
  Put("two", 2, "x");
  EXPECT_EQ(*store_.MiddleKey(kAll), "two");

  // Small and big, evenly and unevenly spread keys; walked and estimated.
  for (int rows : {500, 80000}) {
    const TableId table(static_cast<uint64_t>(rows));
    for (int i = 0; i < rows;) {
      WriteBatch batch;
      for (const int end = i + 500; i < end; ++i) {
        std::string key = TablePrefix(table);
        KeyWriter(&key).Int64(i < rows / 2 ? i : int64_t{i} * i * 1000);
        MvccStore::PutVersion(&batch, key, Timestamp(5),
                              std::string(i < rows / 10 ? 400 : 100, 'x'));
      }
      ASSERT_TRUE(engine_->Write(std::move(batch)).ok());
    }
    for (bool flushed : {false, true}) {
      if (flushed) {
        ASSERT_TRUE(engine_->Flush().ok());
      }
      const KeyRange range = TableRange(table);
      auto middle = store_.MiddleKey(range);
      ASSERT_TRUE(middle.ok()) << middle.status();
      ASSERT_TRUE(range.Contains(*middle));
      EXPECT_LT(range.start, *middle);
      auto bytes = [&](const KeyRange& r) {
        uint64_t n = 0;
        auto scanned = store_.Scan(r, Timestamp(9), {});
        for (const Row& row : scanned->rows) n += row.key.size() + row.value.size();
        return static_cast<double>(n);
      };
      const double left = bytes({range.start, *middle});
      const double right = bytes({*middle, range.end});
      EXPECT_GT(left / (left + right), 0.2) << rows << flushed;
      EXPECT_LT(left / (left + right), 0.8) << rows << flushed;
    }
  }
}

TEST(VersionKey, NewestFirstAndRoundTrip) {
  std::vector<std::string> keys;
  for (const std::string& key :
       {std::string("a"), std::string("a\0", 2), std::string("a\0\xff", 3), std::string("ab")}) {
    for (int64_t t : {Timestamp::Max().us, int64_t{1} << 40, int64_t{2}, int64_t{1}}) {
      keys.push_back(VersionKey(key, Timestamp(t)));
      std::string back;
      Timestamp time;
      ASSERT_TRUE(ParseVersionKey(keys.back(), &back, &time).ok());
      EXPECT_EQ(back, key);
      EXPECT_EQ(time.us, t);
      EXPECT_EQ(SharedPart(keys.back()), VersionPrefix(key));
    }
  }
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
  // Stored data is ordered by these bytes: they never change.
  EXPECT_EQ(absl::BytesToHexString(
                VersionKey(absl::string_view("\x01\x07\0", 3), Timestamp(1'700'000'000'000'000))),
            "64010700ff0001fff9f5dbe7e1bfff");
  std::string back;
  Timestamp time;
  EXPECT_FALSE(ParseVersionKey("d\0\1", &back, &time).ok());
  EXPECT_FALSE(ParseVersionKey("dabcdefghijklm", &back, &time).ok());
  EXPECT_FALSE(ParseVersionKey(absl::string_view("d\0\0\0\1abcdefgh", 13), &back, &time).ok());
}

}  // namespace
}  // namespace isochron::storage
