// SPDX-License-Identifier: Apache-2.0
//
// What every Engine promises; linked once with each (test_engine.h).
#include "storage/engine/engine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/random.h"
#include "gtest/gtest.h"
#include "storage/engine/key_space.h"
#include "storage/engine/test_engine.h"

namespace isochron::storage {
namespace {

using Map = std::map<std::string, std::string>;

std::optional<std::string> GetOr(Engine* engine, absl::string_view key,
                                 const Snapshot* snapshot = nullptr) {
  std::string value;
  auto found = engine->Get(key, &value, snapshot);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() && *found ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Forward(Iterator* it) {
  std::vector<std::pair<std::string, std::string>> all;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    all.emplace_back(std::string(it->key()), std::string(it->value()));
  }
  EXPECT_TRUE(it->status().ok());
  return all;
}

TEST(Engine, BatchesApplyInOrder) {
  auto engine = NewTestEngine();
  WriteBatch first;
  first.Put("a", "1");
  first.Put("b", "2");
  first.Put("c", "3");
  first.Put("a", "9");
  EXPECT_EQ(first.count(), 4u);
  ASSERT_TRUE(engine->Write(std::move(first)).ok());
  EXPECT_EQ(GetOr(engine.get(), "a"), "9");

  WriteBatch second;
  second.Put("bb", "x");
  second.DeleteRange("b", "c");
  second.Put("b", "after");
  second.Delete("c");
  second.Delete("absent");
  second.DeleteRange("z", "a");  // nothing
  ASSERT_TRUE(engine->Write(std::move(second)).ok());
  EXPECT_EQ(Forward(engine->NewIterator("", "").get()).front().first, "a");
  EXPECT_EQ(GetOr(engine.get(), "b"), "after");
  EXPECT_EQ(GetOr(engine.get(), "bb"), std::nullopt);
  EXPECT_EQ(GetOr(engine.get(), "c"), std::nullopt);

  WriteBatch joined;
  joined.Put("k", "1");
  WriteBatch more;
  more.Put("k", std::string(1000, 'v'));
  more.Delete("b");
  joined.Append(more);
  EXPECT_EQ(joined.count(), 3u);
  ASSERT_TRUE(engine->Write(std::move(joined)).ok());
  EXPECT_EQ(GetOr(engine.get(), "k"), std::string(1000, 'v'));
  EXPECT_EQ(GetOr(engine.get(), "b"), std::nullopt);
  EXPECT_TRUE(engine->Write(WriteBatch()).ok());
}

TEST(Engine, IteratorsKeepTheirBounds) {
  auto engine = NewTestEngine();
  WriteBatch batch;
  for (const char* k : {"a", "b", "c", "d", "e"}) batch.Put(k, "");
  ASSERT_TRUE(engine->Write(std::move(batch)).ok());
  auto it = engine->NewIterator("b", "d");
  EXPECT_FALSE(it->Valid());
  auto at = [&] { return it->Valid() ? std::string(it->key()) : "none"; };
  it->SeekToFirst();
  EXPECT_EQ(at(), "b");
  it->SeekToLast();
  EXPECT_EQ(at(), "c");
  it->Next();
  EXPECT_EQ(at(), "none");
  it->Seek("a");
  EXPECT_EQ(at(), "b");
  it->Prev();
  EXPECT_EQ(at(), "none");
  it->Seek("bb");
  EXPECT_EQ(at(), "c");
  it->Seek("d");
  EXPECT_EQ(at(), "none");
  it->SeekForPrev("z");
  EXPECT_EQ(at(), "c");
  it->SeekForPrev("c");
  EXPECT_EQ(at(), "c");
  it->SeekForPrev("bz");
  EXPECT_EQ(at(), "b");
  it->SeekForPrev("a");
  EXPECT_EQ(at(), "none");
  EXPECT_TRUE(it->status().ok());
}

TEST(Engine, SnapshotsAndIteratorsStandStill) {
  auto engine = NewTestEngine();
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Put("b", "1");
  ASSERT_TRUE(engine->Write(std::move(batch)).ok());
  auto snapshot = engine->NewSnapshot();
  auto it = engine->NewIterator("", "m");
  WriteBatch change;
  change.Delete("a");
  change.Put("b", "2");
  change.Put("c", "2");
  ASSERT_TRUE(engine->Write(std::move(change)).ok());
  WriteBatch again;
  again.Put("a", "3");
  again.DeleteRange("b", "d");
  ASSERT_TRUE(engine->Write(std::move(again)).ok());

  const std::vector<std::pair<std::string, std::string>> before = {{"a", "1"}, {"b", "1"}};
  EXPECT_EQ(Forward(it.get()), before);
  EXPECT_EQ(Forward(engine->NewIterator("", "m", snapshot.get()).get()), before);
  EXPECT_EQ(GetOr(engine.get(), "b", snapshot.get()), "1");
  EXPECT_EQ(GetOr(engine.get(), "c", snapshot.get()), std::nullopt);
  EXPECT_EQ(GetOr(engine.get(), "a"), "3");
  it.reset();
  snapshot.reset();
  EXPECT_EQ(Forward(engine->NewIterator("", "m").get()).size(), 1u);
}

std::string DataKey(absl::string_view name, uint64_t inverted) {
  std::string key = absl::StrCat("d", name, absl::string_view("\0\1", 2));
  AppendBigEndian64(&key, inverted);
  return key;
}

TEST(Engine, SeekVersionStaysOnItsKey) {
  auto engine = NewTestEngine();
  uint64_t inverted = 0;
  std::string value;
  for (int round = 0; round < 3; ++round) {  // from memtables, from files, from both
    WriteBatch batch;
    batch.Put(DataKey("k", 50), absl::StrCat("fifty", round));
    batch.Put(DataKey("k", 70), "seventy");
    batch.Put(DataKey("kk", 10), "other");
    batch.Put(DataKey("l", 10), "other");
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    EXPECT_TRUE(*engine->SeekVersion(DataKey("k", 0), &inverted, &value));
    EXPECT_EQ(inverted, 50u);
    EXPECT_EQ(value, absl::StrCat("fifty", round));
    EXPECT_TRUE(*engine->SeekVersion(DataKey("k", 50), &inverted, &value));
    EXPECT_EQ(inverted, 50u);
    EXPECT_TRUE(*engine->SeekVersion(DataKey("k", 51), &inverted, &value));
    EXPECT_EQ(inverted, 70u);
    EXPECT_FALSE(*engine->SeekVersion(DataKey("k", 71), &inverted, &value));
    EXPECT_FALSE(*engine->SeekVersion(DataKey("j", 0), &inverted, &value));
    EXPECT_TRUE(*engine->SeekVersion(DataKey("kk", 0), &inverted, &value));
    EXPECT_FALSE(*engine->SeekVersion(DataKey("kkk", 0), &inverted, &value));
    if (round == 0) {
      ASSERT_TRUE(engine->Flush().ok());
    }
  }
  WriteBatch gone;
  gone.Delete(DataKey("k", 50));
  gone.DeleteRange(DataKey("kk", 0), DataKey("kk", 100));
  ASSERT_TRUE(engine->Write(std::move(gone)).ok());
  EXPECT_TRUE(*engine->SeekVersion(DataKey("k", 0), &inverted, &value));
  EXPECT_EQ(inverted, 70u);
  EXPECT_FALSE(*engine->SeekVersion(DataKey("kk", 0), &inverted, &value));
}

// The fast path against a model, while memtables turn into files and whole ranges vanish.
TEST(Engine, ModelOfSeekVersion) {
  auto engine = NewTestEngine();
  Random random(31);
  Map model;
  auto name = [&] {
    return std::string(1 + random.Below(2), static_cast<char>('a' + random.Below(6)));
  };
  for (int step = 0; step < 6000; ++step) {
    WriteBatch batch;
    if (random.OneIn(0.6)) {
      const std::string key = DataKey(name(), random.Below(20));
      const std::string value(random.Below(200), static_cast<char>('a' + random.Below(26)));
      batch.Put(key, value);
      model[key] = value;
    } else if (random.OneIn(0.1)) {
      const std::string from = DataKey(name(), random.Below(20));
      const std::string to = DataKey(name(), random.Below(20));
      batch.DeleteRange(from, to);
      if (from < to) model.erase(model.lower_bound(from), model.lower_bound(to));
    } else if (random.OneIn(0.2)) {
      const std::string key = DataKey(name(), random.Below(20));
      batch.Delete(key);
      model.erase(key);
    }
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    if (random.OneIn(0.01)) {
      ASSERT_TRUE(engine->Flush().ok());
    }
    const std::string target = DataKey(name(), random.Below(20));
    const size_t prefix = target.size() - kVersionBytes;
    auto want = model.lower_bound(target);
    if (want != model.end() && (want->first.size() != target.size() ||
                                want->first.compare(0, prefix, target, 0, prefix) != 0)) {
      want = model.end();
    }
    uint64_t inverted = 0;
    std::string value;
    auto found = engine->SeekVersion(target, &inverted, &value);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(*found, want != model.end()) << step;
    if (*found) {
      ASSERT_EQ(inverted, LoadBigEndian64(want->first.data() + prefix)) << step;
      ASSERT_EQ(value, want->second) << step;
    }
  }
}

// Against a std::map, with a snapshot kept for a while, walked both ways.
TEST(Engine, ModelOfRandomOperations) {
  auto engine = NewTestEngine();
  Random random(21);
  Map now;
  Map then;
  std::unique_ptr<Snapshot> snapshot = engine->NewSnapshot();
  auto key = [&] { return absl::StrCat("k", random.Below(60)); };
  for (int step = 0; step < 3000; ++step) {
    WriteBatch batch;
    for (uint64_t n = random.Below(4); n > 0; --n) {
      const std::string k = key();
      if (random.OneIn(0.7)) {
        const std::string v(random.Below(30), static_cast<char>('a' + random.Below(26)));
        batch.Put(k, v);
        now[k] = v;
      } else if (random.OneIn(0.9)) {
        batch.Delete(k);
        now.erase(k);
      } else {
        const std::string end = key();
        batch.DeleteRange(k, end);
        if (k < end) now.erase(now.lower_bound(k), now.lower_bound(end));
      }
    }
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    const bool old = random.OneIn(0.5);
    const Map& want = old ? then : now;
    const Snapshot* at = old ? snapshot.get() : nullptr;
    const std::string k = key();
    auto found = want.find(k);
    ASSERT_EQ(GetOr(engine.get(), k, at),
              found == want.end() ? std::nullopt : std::optional<std::string>(found->second));
    if (step % 10 == 0) {
      std::string lower = key();
      std::string upper = key();
      auto it = engine->NewIterator(lower, upper, at);
      Map range;
      if (lower < upper) range = Map(want.lower_bound(lower), want.lower_bound(upper));
      Map got;
      for (it->SeekToFirst(); it->Valid(); it->Next())
        got[std::string(it->key())] = std::string(it->value());
      ASSERT_EQ(got, range) << step;
      got.clear();
      for (it->SeekToLast(); it->Valid(); it->Prev())
        got[std::string(it->key())] = std::string(it->value());
      ASSERT_EQ(got, range) << step;
    }
    if (random.OneIn(0.02)) {
      snapshot.reset();
      snapshot = engine->NewSnapshot();
      then = now;
    }
    if (random.OneIn(0.005)) {
      ASSERT_TRUE(engine->Flush().ok());
    }
  }
}

// Batch n writes row n, rewrites one shared row and sets the applied index, together.
WriteBatch NthBatch(int n) {
  WriteBatch batch;
  batch.Put(DataKey(absl::StrCat("row", n), 1), std::string(100, 'x'));
  batch.Put(DataKey("shared", 1), absl::StrCat(n));
  if (n > 3) batch.Delete(DataKey(absl::StrCat("row", n - 3), 1));
  batch.Put(MetaKey("applied"), absl::StrCat(n));
  return batch;
}

int Applied(Engine* engine) {
  int n = 0;
  auto value = GetOr(engine, MetaKey("applied"));
  EXPECT_TRUE(!value || absl::SimpleAtoi(*value, &n));
  return n;
}

void ExpectExactlyFirst(Engine* engine, int n) {
  EXPECT_EQ(GetOr(engine, DataKey("shared", 1)),
            n == 0 ? std::nullopt : std::optional<std::string>(absl::StrCat(n)));
  int rows = 0;
  auto it = engine->NewIterator("drow", "drox");
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
  EXPECT_EQ(rows, std::min(n, 3));
  for (int i = std::max(1, n - 2); i <= n; ++i) {
    EXPECT_TRUE(GetOr(engine, DataKey(absl::StrCat("row", i), 1)).has_value()) << i;
  }
}

// Rule 30: whatever a crash leaves is a prefix of the batches, and no shorter than what was
// flushed.
TEST(Engine, CrashLeavesAPrefixOfBatches) {
  auto engine = NewTestEngine();
  Random random(5);
  int written = 0;
  int lost = 0;
  for (int life = 0; life < 12; ++life) {
    int flushed = Applied(engine.get());
    for (uint64_t n = random.Below(1500); n > 0; --n) {
      ASSERT_TRUE(engine->Write(NthBatch(++written)).ok());
      if (random.OneIn(0.003)) {
        ASSERT_TRUE(engine->Flush().ok());
        flushed = written;
        std::string value;
        ASSERT_TRUE(*engine->GetDurable(MetaKey("applied"), &value));
        EXPECT_EQ(value, absl::StrCat(written));
      }
    }
    std::string value;
    int durable = 0;
    if (*engine->GetDurable(MetaKey("applied"), &value)) {
      ASSERT_TRUE(absl::SimpleAtoi(value, &durable));
    }
    EXPECT_GE(durable, flushed);
    EXPECT_LE(durable, written);
    engine.Crash(&random);
    const int left = Applied(engine.get());
    EXPECT_GE(left, durable);
    EXPECT_LE(left, written);
    lost += written - left;
    ExpectExactlyFirst(engine.get(), left);
    written = left;
  }
  EXPECT_GT(lost, 0);
}

TEST(Engine, FlushAsyncCoversWhatWasWrittenBefore) {
  auto engine = NewTestEngine();
  TestExecutor executor;
  int answered = 0;
  int written = 0;
  engine->FlushAsync(&executor, [&](absl::Status s) {  // nothing to do is answered too
    EXPECT_TRUE(s.ok());
    ++answered;
  });
  executor.RunUntil([&] { return answered == 1; });
  const int kRequests = 60;
  for (int i = 0; i < kRequests; ++i) {
    for (int j = 0; j < 20; ++j) ASSERT_TRUE(engine->Write(NthBatch(++written)).ok());
    engine->FlushAsync(&executor, [&, covered = written](absl::Status s) {
      EXPECT_TRUE(s.ok()) << s;
      std::string value;
      int durable = 0;
      EXPECT_TRUE(*engine->GetDurable(MetaKey("applied"), &value));
      EXPECT_TRUE(absl::SimpleAtoi(value, &durable));
      EXPECT_GE(durable, covered);
      ++answered;
    });
  }
  executor.RunUntil([&] { return answered == 1 + kRequests; });
  EXPECT_LE(engine->Stats().flushes, static_cast<uint64_t>(kRequests));
  Random random(1);
  engine.Crash(&random);
  EXPECT_EQ(Applied(engine.get()), written);
}

TEST(Engine, ApproximateSizeGrowsWithData) {
  auto engine = NewTestEngine();
  EXPECT_EQ(engine->ApproximateSize("d", "e"), 0u);
  WriteBatch batch;
  for (int i = 0; i < 4000; ++i)
    batch.Put(DataKey(absl::StrCat(10000 + i), 1), std::string(200, 'x'));
  ASSERT_TRUE(engine->Write(std::move(batch)).ok());
  const uint64_t all = engine->ApproximateSize("d", "");
  EXPECT_GT(all, 400'000u);
  EXPECT_LT(all, 2'000'000u);
  ASSERT_TRUE(engine->Flush().ok());
  const uint64_t half = engine->ApproximateSize("d", "d12000");
  EXPECT_GT(half, 200'000u);
  EXPECT_LT(half, 1'000'000u);
}

}  // namespace
}  // namespace isochron::storage
