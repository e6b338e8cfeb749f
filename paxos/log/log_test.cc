// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "paxos/lease/incarnation.h"
#include "paxos/log/memory_disk.h"

namespace isochron::paxos {
namespace {

const GroupId kA(11);
const GroupId kB(22);

Entry Make(LogIndex index, uint64_t round, const std::string& value) {
  const Ballot b{round, NodeId(1)};
  return Entry{index, b, b, EntryKind::kCommand, std::make_shared<const std::string>(value)};
}

Log::Options Small() {
  Log::Options o;
  o.segment_bytes = 8 << 10;
  o.limit_bytes = 64 << 10;
  return o;
}

class LogTest : public ::testing::Test {
 protected:
  void Open(Log::Options options = Small()) {
    log_.reset();
    auto log = Log::Open(&disk_, std::move(options));
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = std::move(*log);
  }
  absl::Status Reopen(Log::Options options = Small()) {
    log_.reset();
    disk_.ProcessCrash();
    auto log = Log::Open(&disk_, std::move(options));
    if (log.ok()) log_ = std::move(*log);
    return log.status();
  }
  void NewGroup(GroupId g) { log_->TruncatePrefix(g, LogMark{kInitialIndex, Ballot()}); }
  void Append(GroupId g, std::vector<Entry> entries, HardState hard = {}) {
    log_->Append(g, &hard, entries);
  }
  void Sync() {
    bool done = false;
    log_->Flush([&] { done = true; });
    disk_.CompleteAll();
    ASSERT_TRUE(done);
  }

  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
};

// Running out of space between two segments loses nothing: what is buffered waits.
TEST_F(LogTest, WaitsForSpaceWhereASegmentCannotBeMade) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, std::string(6000, 'x'))});
  Sync();
  disk_.SetFull(true);
  const std::vector<std::string> before = *disk_.List("log");
  int done = 0;
  Append(kA, {Make(12, 1, std::string(6000, 'y'))});
  log_->Flush([&] { ++done; });
  disk_.CompleteAll();
  EXPECT_TRUE(log_->out_of_space());
  Append(kA, {Make(13, 1, "z")});
  log_->Flush([&] { ++done; });
  log_->RetryFlush();  // still none
  disk_.CompleteAll();
  EXPECT_EQ(done, 0);
  EXPECT_EQ(*disk_.List("log"), before);  // no half-made segment
  disk_.SetFull(false);
  log_->RetryFlush();
  disk_.CompleteAll();
  EXPECT_EQ(done, 2);
  EXPECT_FALSE(log_->out_of_space());
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(log_->TakeRecovered(kA).entries.size(), 3u);
}

// Each start makes a segment; those before it keep only what was written into them.
TEST_F(LogTest, RestartsTakeNoSpace) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "x")});
  Sync();
  const uint64_t before = log_->TotalBytes();
  for (LogIndex i = 12; i < 20; ++i) {
    ASSERT_TRUE(Reopen().ok());
    ASSERT_EQ(log_->TakeRecovered(kA).entries.size(), i - 11);
    Append(kA, {Make(i, 1, "y")});
    Sync();
  }
  EXPECT_LE(log_->TotalBytes(), before + 8 * 3 * format::kBlock);
}

TEST_F(LogTest, RecoversEveryGroup) {
  Open();
  NewGroup(kA);
  NewGroup(kB);
  HardState hard{Ballot{3, NodeId(2)}, NodeId(2), 7, 12};
  Append(kA, {Make(11, 3, "a11"), Make(12, 3, "a12")}, hard);
  Append(kB, {Make(11, 5, "b11")});
  Sync();
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(log_->RecoveredGroups(), (std::vector<GroupId>{kA, kB}));
  RecoveredGroup a = log_->TakeRecovered(kA);
  EXPECT_EQ(a.hard, hard);
  EXPECT_EQ(a.base.index, kInitialIndex);
  ASSERT_EQ(a.entries.size(), 2u);
  EXPECT_EQ(a.entries[1].index, 12u);
  EXPECT_EQ(*a.entries[1].payload, "a12");
  EXPECT_EQ(a.entries[1].ballot, (Ballot{3, NodeId(1)}));
  EXPECT_FALSE(log_->dropped_torn_tail());
}

TEST_F(LogTest, OneSyncForAllGroupsAndOneFlushOut) {
  Open();
  NewGroup(kA);
  NewGroup(kB);
  Sync();
  const int before = disk_.syncs();
  std::string order;
  for (int i = 0; i < 10; ++i) {
    Append(kA, {Make(11 + i, 1, "x")});
    log_->Flush([&order, i] { order += static_cast<char>('a' + i); });
    Append(kB, {Make(11 + i, 1, "x")});
  }
  EXPECT_EQ(disk_.outstanding(), 1u);
  EXPECT_EQ(order, "");
  disk_.CompleteAll();
  EXPECT_EQ(order, "abcdefghij");
  EXPECT_EQ(disk_.syncs() - before, 2);
}

TEST_F(LogTest, LaterEntriesReplaceAndLongerTailStays) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "old11"), Make(12, 1, "old12"), Make(13, 1, "old13")});
  Sync();
  Append(kA, {Make(12, 2, "new12")});
  Append(kA, {Make(12, 3, "newer12")});
  Sync();
  auto read = log_->ReadEntries(kA, 11, 13, 1 << 20);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ(*(*read)[1].payload, "newer12");
  ASSERT_TRUE(Reopen().ok());
  RecoveredGroup a = log_->TakeRecovered(kA);
  ASSERT_EQ(a.entries.size(), 3u);
  EXPECT_EQ(*a.entries[1].payload, "newer12");
  EXPECT_EQ(*a.entries[2].payload, "old13");
}

TEST_F(LogTest, ReadsBackWithinItsBounds) {
  Open();
  NewGroup(kA);
  for (int i = 0; i < 40; ++i) Append(kA, {Make(11 + i, 1, std::string(1000, 'a' + i % 26))});
  EXPECT_TRUE(absl::IsNotFound(log_->ReadEntries(kA, 11, 12, 1 << 20).status()));
  Sync();
  auto some = log_->ReadEntries(kA, 20, 50, 3'500);
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some->size(), 3u);
  EXPECT_EQ((*some)[0].index, 20u);
  EXPECT_EQ((*some)[0].payload->at(0), 'a' + 9);
  log_->TruncatePrefix(kA, LogMark{30, Ballot{1, NodeId(1)}});
  EXPECT_TRUE(absl::IsNotFound(log_->ReadEntries(kA, 30, 31, 100).status()));
  EXPECT_TRUE(log_->ReadEntries(kA, 31, 31, 100).ok());
  EXPECT_TRUE(absl::IsNotFound(log_->ReadEntries(kB, 1, 2, 100).status()));
}

TEST_F(LogTest, TruncatedSegmentsGoAndTheMarkStays) {
  Open();
  NewGroup(kA);
  const LogMark mark{210, Ballot{4, NodeId(2)}};
  for (int i = 0; i < 200; ++i) {
    Append(kA, {Make(11 + i, 4, std::string(500, 'x'))});
    Sync();
  }
  EXPECT_GT(log_->segments(), 10u);
  log_->TruncatePrefix(kA, mark);
  Append(kA, {Make(211, 4, "after")});
  Sync();
  EXPECT_LE(log_->segments(), 2u);
  EXPECT_FALSE(disk_.Exists("log/000001.log"));
  ASSERT_TRUE(Reopen().ok());
  RecoveredGroup a = log_->TakeRecovered(kA);
  EXPECT_EQ(a.base, mark);
  ASSERT_EQ(a.entries.size(), 1u);
}

TEST_F(LogTest, AColdGroupDoesNotPinTheLog) {
  Open();
  NewGroup(kA);
  NewGroup(kB);
  const HardState cold{Ballot{9, NodeId(3)}, NodeId(3), 2, 12};
  Append(kB, {Make(11, 9, "cold11"), Make(12, 9, "cold12")}, cold);
  Sync();
  for (int i = 0; i < 400; ++i) {
    Append(kA, {Make(11 + i, 1, std::string(500, 'x'))});
    if (i % 10 == 9) log_->TruncatePrefix(kA, LogMark{LogIndex(5 + i), Ballot{1, NodeId(1)}});
    Sync();
    EXPECT_LE(log_->TotalBytes(), Small().limit_bytes + 3 * Small().segment_bytes);
  }
  EXPECT_FALSE(disk_.Exists("log/000001.log"));
  ASSERT_TRUE(Reopen().ok());
  RecoveredGroup b = log_->TakeRecovered(kB);
  EXPECT_EQ(b.hard, cold);
  EXPECT_EQ(b.base.index, kInitialIndex);
  ASSERT_EQ(b.entries.size(), 2u);
  EXPECT_EQ(*b.entries[0].payload, "cold11");
}

TEST_F(LogTest, ARemovedGroupStaysRemoved) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "x")});
  Sync();
  log_->RemoveGroup(kA);
  Sync();
  ASSERT_TRUE(Reopen().ok());
  EXPECT_TRUE(log_->RecoveredGroups().empty());
}

TEST_F(LogTest, ASnapshotMayLeaveAHole) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "x")});
  log_->TruncatePrefix(kA, LogMark{1000, Ballot{2, NodeId(1)}});
  Append(kA, {Make(1001, 2, "y")});
  Sync();
  ASSERT_TRUE(Reopen().ok());
  RecoveredGroup a = log_->TakeRecovered(kA);
  EXPECT_EQ(a.base.index, 1000u);
  ASSERT_EQ(a.entries.size(), 1u);
  EXPECT_EQ(a.entries[0].index, 1001u);
}

TEST_F(LogTest, DamageBelowTheSyncedOffsetIsNamed) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "hello-a")});
  Sync();
  Append(kB, {});
  Sync();
  std::string& bytes = disk_.Written("log/000001.log");
  bytes[bytes.find("hello-a")] ^= 1;
  const std::string damaged = bytes;
  Log::Options broken = Small();
  broken.sabotage = SabotageSet(Sabotage::kTruncateAnyBadRecord);
  ASSERT_TRUE(Reopen(std::move(broken)).ok());
  EXPECT_TRUE(log_->TakeRecovered(kA).entries.empty());  // an acknowledged entry is gone, unnoticed
  ASSERT_TRUE(disk_.Remove("log/000002.log").ok());
  ASSERT_TRUE(disk_.Remove("log/HEAD").ok());
  disk_.Written("log/000001.log") = damaged;
  ASSERT_TRUE(Reopen().ok());
  const std::string damage = log_->TakeRecovered(kA).damage;
  EXPECT_TRUE(absl::StrContains(damage, "log/000001.log: damage at offset ")) << damage;
  EXPECT_TRUE(absl::StrContains(damage, "group g11")) << damage;
}

TEST_F(LogTest, DamageQuarantinesItsGroupAndNoOther) {
  Open();
  NewGroup(kA);
  NewGroup(kB);
  Append(kA, {Make(11, 1, "hello-a")});
  Append(kB, {Make(11, 1, "hello-b")});
  Sync();
  Open();
  std::string& bytes = disk_.Written("log/000001.log");
  bytes[bytes.find("hello-a")] ^= 1;
  ASSERT_TRUE(Reopen().ok());
  EXPECT_TRUE(log_->IsQuarantined(kA));
  EXPECT_FALSE(log_->IsQuarantined(kB));
  EXPECT_EQ(log_->TakeRecovered(kB).entries.size(), 1u);
  const RecoveredGroup a = log_->TakeRecovered(kA);
  EXPECT_FALSE(a.damage.empty());
  EXPECT_TRUE(a.entries.empty());
  Append(kB, {Make(12, 1, "more")});
  Sync();
  // It stays quarantined when the damaged segment is gone, and until the group is removed.
  for (int i = 0; i < 40; ++i) {
    Append(kB, {Make(13 + i, 1, std::string(3000, 'x'))});
    Sync();
    log_->TruncatePrefix(kB, LogMark{static_cast<LogIndex>(12 + i), Ballot{1, NodeId(1)}});
    Sync();
  }
  ASSERT_FALSE(disk_.Exists("log/000001.log"));
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(log_->TakeRecovered(kA).damage, a.damage);
  log_->RemoveGroup(kA);
  NewGroup(kA);
  Append(kA, {Make(11, 2, "anew")});
  Sync();
  ASSERT_TRUE(Reopen().ok());
  EXPECT_FALSE(log_->IsQuarantined(kA));
  EXPECT_EQ(*log_->TakeRecovered(kA).entries[0].payload, "anew");
}

TEST_F(LogTest, DamageToWhatWasSupersededIsNone) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "dropped"), Make(12, 1, "replaced")});
  Sync();
  Append(kA, {Make(12, 2, "new12"), Make(13, 2, "new13")});
  log_->TruncatePrefix(kA, LogMark{11, Ballot{1, NodeId(1)}});
  Sync();
  std::string& bytes = disk_.Written("log/000001.log");
  bytes[bytes.find("dropped")] ^= 1;
  ASSERT_TRUE(Reopen().ok());
  const RecoveredGroup a = log_->TakeRecovered(kA);
  EXPECT_EQ(a.damage, "");
  EXPECT_EQ(a.entries.size(), 2u);
}

TEST_F(LogTest, DamageOfNobodyKnowsWhomIsALoss) {
  Open();
  NewGroup(kA);
  Sync();
  Append(kA, {Make(11, 1, "one")});
  Sync();
  disk_.Written("log/000001.log")[512 + format::kBatchHeaderBytes + 3] ^= 1;
  const absl::Status s = Reopen();
  EXPECT_TRUE(absl::IsDataLoss(s)) << s;
  EXPECT_TRUE(absl::StrContains(s.message(), "log/000001.log: damage at offset 556")) << s;
}

TEST_F(LogTest, DamageInASealedSegmentIsFoundEvenAtItsEnd) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "last-of-its-segment")});
  Sync();
  Open();  // seals
  std::string& bytes = disk_.Written("log/000001.log");
  bytes[bytes.find("last-of")] ^= 1;
  ASSERT_TRUE(Reopen().ok());
  EXPECT_TRUE(log_->IsQuarantined(kA));
}

TEST_F(LogTest, AFlippedBitInTheLastBatchIsToldFromATornOne) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "first")});
  Sync();
  std::string value;
  for (int i = 0; i < 1500; ++i) value += static_cast<char>('a' + i % 23);
  Append(kA, {Make(12, 1, value), Make(13, 1, std::string(700, '\0') + "end")});
  Sync();
  log_.reset();
  const std::string good = disk_.Written("log/000001.log");
  const size_t start = 2 * 512;  // after the segment's header and the first batch
  const size_t end = good.find_last_not_of('\0') + 1;
  ASSERT_GT(end - start, 2'000u);
  int lost_silently = 0;
  for (size_t at = start; at < end; ++at) {
    disk_.Written("log/000001.log")[at] ^= 0x10;
    const absl::Status s = Reopen();
    if (s.ok() && !log_->IsQuarantined(kA) && log_->TakeRecovered(kA).entries.size() < 3) {
      ++lost_silently;
    }
    EXPECT_TRUE(s.ok() || absl::IsDataLoss(s)) << s;
    log_.reset();
    (void)disk_.Remove("log/000002.log");
    (void)disk_.Remove("log/HEAD");
    disk_.Written("log/000001.log") = good;
  }
  EXPECT_EQ(lost_silently, 0);
  // A flipped bit where nothing was written yet is nothing.
  disk_.Written("log/000001.log")[good.size() - 700] ^= 0x10;
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(log_->TakeRecovered(kA).entries.size(), 3u);
}

TEST_F(LogTest, AMissingFileIsALoss) {
  for (const char* name : {"log/000001.log", "log/000002.log", "log/000003.log", "log/HEAD"}) {
    disk_ = MemoryDisk();
    Open();
    NewGroup(kA);
    Sync();
    Open();
    Open();
    log_.reset();
    ASSERT_TRUE(disk_.Remove(name).ok());
    const absl::Status s = Reopen();
    EXPECT_TRUE(absl::IsDataLoss(s)) << s;
    EXPECT_TRUE(absl::StrContains(s.message(), absl::StrCat(name, " is missing"))) << s;
  }
}

TEST_F(LogTest, AnUnfinishedRemovalIsFinished) {
  Open();
  NewGroup(kA);
  Sync();
  const std::string old = disk_.Written("log/000001.log");
  Open();
  for (int i = 0; i < 8; ++i) {
    Append(kA, {Make(11 + i, 1, std::string(3000, 'x'))});
    log_->TruncatePrefix(kA, LogMark{static_cast<LogIndex>(11 + i), Ballot{1, NodeId(1)}});
    Sync();
  }
  ASSERT_FALSE(disk_.Exists("log/000001.log"));
  (void)disk_.Open("log/000001.log", true);
  disk_.Written("log/000001.log") = old;
  ASSERT_TRUE(Reopen().ok());
  EXPECT_FALSE(disk_.Exists("log/000001.log"));
  EXPECT_EQ(log_->TakeRecovered(kA).base.index, 18u);
}

// A crash while the next segment is made leaves a file without a header. What the segment before
// it holds was acknowledged.
TEST_F(LogTest, AnUnfinishedSegmentTakesNothingWithIt) {
  for (const bool some_header : {false, true}) {
    disk_ = MemoryDisk();
    Open();
    NewGroup(kA);
    Append(kA, {Make(11, 1, "one"), Make(12, 1, "two")});
    Sync();
    auto next = *disk_.Open("log/000002.log", /*create=*/true);
    ASSERT_TRUE(next->Preallocate(8 << 10).ok());
    if (some_header) ASSERT_TRUE(next->WriteAt(0, std::string(7, 'x')).ok());
    next.reset();
    ASSERT_TRUE(Reopen().ok());
    EXPECT_EQ(log_->TakeRecovered(kA).entries.size(), 2u) << some_header;
  }
}

TEST_F(LogTest, AnUnfinishedBatchIsDroppedWhole) {
  Open();
  NewGroup(kA);
  Append(kA, {Make(11, 1, "kept")});
  Sync();
  Append(kA, {Make(12, 1, std::string(3000, 'q'))});
  Sync();
  std::string& bytes = disk_.Written("log/000001.log");
  const size_t at = bytes.find(std::string(3000, 'q'));
  std::fill(bytes.begin() + at + 1500, bytes.end(), '\0');  // the rest did not reach the disk
  ASSERT_TRUE(Reopen().ok());
  EXPECT_TRUE(log_->dropped_torn_tail());
  RecoveredGroup a = log_->TakeRecovered(kA);
  ASSERT_EQ(a.entries.size(), 1u);
  EXPECT_EQ(*a.entries[0].payload, "kept");
  // The torn part lies outside of what the next segment vouches for: it stays dropped.
  Append(kA, {Make(12, 2, "again")});
  Sync();
  ASSERT_TRUE(Reopen().ok());
  EXPECT_FALSE(log_->dropped_torn_tail());
  EXPECT_EQ(*log_->TakeRecovered(kA).entries[1].payload, "again");
}

// Zeros in the last synced batch look as if they had never been written; the mark behind it says
// that they had.
TEST_F(LogTest, ABatchThatWasSyncedIsNotTakenForAnUnfinishedOne) {
  for (const size_t sectors : {1, 3, 6}) {
    SCOPED_TRACE(sectors);
    const auto options = [sectors] {
      Log::Options o = Small();
      o.folder = absl::StrCat("log", sectors);
      return o;
    };
    Open(options());
    NewGroup(kA);
    Append(kA, {Make(11, 1, "kept")});
    Sync();
    Append(kA, {Make(12, 1, std::string(3000, 'q'))});
    Sync();
    std::string& bytes = disk_.Written(absl::StrCat("log", sectors, "/000001.log"));
    const size_t batch = bytes.find(std::string(3000, 'q')) / 512 * 512;
    bytes.replace(batch + (6 - sectors) * 512, sectors * 512, sectors * 512, '\0');
    const absl::Status s = Reopen(options());
    EXPECT_TRUE(absl::IsDataLoss(s) || (s.ok() && log_->IsQuarantined(kA))) << s;
    log_.reset();
  }
}

TEST_F(LogTest, FailedSyncIsFinal) {
  Log::Options o = Small();
  absl::Status fatal;
  o.on_fatal = [&](absl::Status s) { fatal = s; };
  Open(std::move(o));
  NewGroup(kA);
  bool done = false;
  disk_.FailSyncs(absl::InternalError("EIO"));
  log_->Flush([&] { done = true; });
  disk_.CompleteAll();
  EXPECT_FALSE(fatal.ok());
  disk_.FailSyncs(absl::OkStatus());
  log_->Flush([&] { done = true; });
  disk_.CompleteAll();
  EXPECT_FALSE(done);
}

TEST_F(LogTest, OpenSyncsWhatItRead) {
  Open();
  NewGroup(kA);
  Sync();
  const int before = disk_.syncs();
  ASSERT_TRUE(Reopen().ok());
  EXPECT_GE(disk_.syncs() - before, 2);  // the old tail, the new segment
}

TEST_F(LogTest, IncarnationOnlyGrows) {
  EXPECT_EQ(RaiseIncarnation(&disk_, "incarnation", 1)->now, 1u);
  EXPECT_EQ(RaiseIncarnation(&disk_, "incarnation", 77)->now, 2u);
  disk_.Written("incarnation")[5] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(RaiseIncarnation(&disk_, "incarnation", 1).status()));
}

// Random appends, replacements, truncations and power crashes against a model: what was flushed is
// always there, and nothing that was never appended.
void RunCrashes(uint64_t seed) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  MemoryDisk disk;
  struct Model {
    LogIndex base = kInitialIndex;
    uint64_t round = 0;
    std::map<LogIndex, std::string> entries;
  };
  std::map<GroupId, Model> now;
  std::map<GroupId, Model> durable;
  for (int life = 0; life < 6; ++life) {
    auto opened = Log::Open(&disk, Small());
    ASSERT_TRUE(opened.ok()) << opened.status();
    std::unique_ptr<Log> log = std::move(*opened);
    for (auto& [id, want] : durable) {
      RecoveredGroup got = log->TakeRecovered(id);
      // What was appended after the last flush may or may not have survived: compare what must.
      ASSERT_GE(got.hard.promised.round, want.round);
      ASSERT_GE(got.base.index, want.base);
      const bool same = got.hard.promised.round == want.round;
      for (auto& [index, value] : want.entries) {
        if (index <= got.base.index) continue;
        ASSERT_LT(index - got.base.index - 1, got.entries.size());
        const Entry& e = got.entries[index - got.base.index - 1];
        if (same) ASSERT_EQ(*e.payload, value);
      }
      Model& m = now[id];
      m = Model{got.base.index, got.hard.promised.round, {}};
      for (const Entry& e : got.entries) m.entries[e.index] = *e.payload;
    }
    for (int step = 0; step < 150; ++step) {
      const GroupId id(1 + random.Below(3));
      Model& m = now[id];
      if (m.round == 0) log->TruncatePrefix(id, LogMark{kInitialIndex, Ballot()});
      const LogIndex last = m.entries.empty() ? m.base : m.entries.rbegin()->first;
      if (random.OneIn(0.1) && last > m.base) {
        m.base += random.Between(1, last - m.base);
        m.entries.erase(m.entries.begin(), m.entries.upper_bound(m.base));
        log->TruncatePrefix(id, LogMark{m.base, Ballot()});
      }
      LogIndex at = last + 1;
      if (random.OneIn(0.2)) at = m.base + 1 + random.Below(last - m.base + 1);
      std::vector<Entry> entries;
      ++m.round;
      for (uint64_t i = 0; i <= random.Below(3); ++i) {
        entries.push_back(Make(at + i, m.round, std::string(random.Below(700), 'a' + seed % 26)));
        m.entries[at + i] = *entries.back().payload;
      }
      const HardState hard{Ballot{m.round, NodeId(1)}, NodeId(1), 1, 0};
      log->Append(id, &hard, entries);
      if (random.OneIn(0.5)) {
        log->Flush([&durable, copy = now] { durable = copy; });
      }
      if (random.OneIn(0.6)) disk.CompleteOne();
    }
    log.reset();
    if (random.OneIn(0.5)) {
      disk.PowerCrash(&random);
    } else {
      disk.ProcessCrash();
    }
  }
}

TEST(LogCrashTest, FlushedIsNeverLost) {
  for (uint64_t seed = 1; seed <= 30; ++seed) RunCrashes(seed);
}

}  // namespace
}  // namespace isochron::paxos
