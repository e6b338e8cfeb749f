// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace isochron::sim {
namespace {

constexpr Micros kT0 = SimScheduler::kStartOfTime;

class SimDiskTest : public testing::Test {
 protected:
  SimDiskTest() : executor_(&scheduler_, 1, {}, Random(1)) {}

  // What a fresh process reads of a file, or "absent".
  std::string ReadAll(SimDisk& disk, const std::string& path) {
    auto mounted = disk.Mount(&executor_);
    auto file = mounted->Open(path, false);
    if (!file.ok()) return "absent";
    return *(*file)->ReadAt(0, 1 << 20);
  }

  SimScheduler scheduler_;
  SimExecutor executor_;
};

TEST_F(SimDiskTest, WritesReadsAndZeros) {
  SimDisk disk({}, Random(1));
  auto mounted = disk.Mount(&executor_);
  EXPECT_EQ(mounted->Open("f", false).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(mounted->Open("no/f", true).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(mounted->MakeFolder("d").ok());
  auto file = *mounted->Open("d/f", true);
  ASSERT_TRUE(file->Preallocate(100'000).ok());
  ASSERT_TRUE(file->WriteAt(4090, "across a page").ok());
  EXPECT_EQ(*file->ReadAt(4088, 17), std::string("\0\0across a page\0\0", 17));
  EXPECT_EQ(*file->Size(), 100'000u);
  EXPECT_EQ(file->ReadAt(99'999, 10)->size(), 1u);
  ASSERT_TRUE(file->Truncate(4092).ok());
  ASSERT_TRUE(file->Preallocate(5000).ok());
  EXPECT_EQ(*file->ReadAt(4088, 8), std::string("\0\0ac\0\0\0\0", 8));
  EXPECT_EQ(*mounted->List("d"), std::vector<std::string>{"f"});
  EXPECT_EQ(*mounted->List(""), std::vector<std::string>{"d"});
}

// Whatever the operation, the process dies once in it, and nothing has an effect after that.
TEST_F(SimDiskTest, DiesInTheMiddleOfTheOperationThatWasChosen) {
  std::set<std::string> seen;
  for (uint64_t n = 1; n <= 8; ++n) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      SimDisk disk({}, Random(seed));
      int deaths = 0;
      disk.DieAt(n, [&] { ++deaths; });
      auto mounted = disk.Mount(&executor_);
      (void)mounted->MakeFolder("d");
      if (auto file = mounted->Open("d/a", true); file.ok()) {
        (void)(*file)->Preallocate(100);
        (void)(*file)->WriteAt(0, "safe");
        (void)(*file)->Sync();
        (void)mounted->SyncDir("d");
        (void)mounted->Rename("d/a", "d/b");
        (void)(*file)->WriteAt(4, "more");
      }
      EXPECT_EQ(deaths, 1) << n;
      EXPECT_TRUE(disk.died());
      EXPECT_FALSE(mounted->MakeFolder("e").ok());
      mounted.reset();
      const std::string found = ReadAll(disk, n > 7 ? "d/b" : "d/a");
      EXPECT_FALSE(disk.died()) << "a new process lives";
      if (n == 8) seen.insert(found.substr(0, 8));
    }
  }
  // The last write: nothing of it, a part, or all.
  EXPECT_TRUE(seen.contains("safemore") || seen.contains(std::string("safemor\0", 8)));
  EXPECT_GT(seen.size(), 1u);
}

TEST_F(SimDiskTest, SyncedSurvivesPowerLossAndUnsyncedMayNot) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SimDisk disk({}, Random(seed));
    auto mounted = disk.Mount(&executor_);
    auto file = *mounted->Open("f", true);
    ASSERT_TRUE(file->WriteAt(0, "safe").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(mounted->SyncDir("").ok());
    ASSERT_TRUE(file->WriteAt(4, "more").ok());
    file.reset();
    mounted.reset();
    disk.CrashPower();
    const std::string after = ReadAll(disk, "f");
    EXPECT_EQ(after.substr(0, 4), "safe");
    seen.insert(after);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"safe", "safemore"}));
}

TEST_F(SimDiskTest, LargeUnsyncedWritesTearAtSectors) {
  bool torn = false;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SimDisk disk({}, Random(seed));
    auto mounted = disk.Mount(&executor_);
    auto file = *mounted->Open("f", true);
    ASSERT_TRUE(file->Preallocate(4096).ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(mounted->SyncDir("").ok());
    ASSERT_TRUE(file->WriteAt(100, std::string(2000, 'x')).ok());
    disk.CrashPower();
    const std::string after = ReadAll(disk, "f");
    ASSERT_EQ(after.size(), 4096u);
    // Within a sector all or nothing.
    for (size_t s = 512; s < 2048; s += 512) EXPECT_EQ(after[s], after[s + 511]);
    torn |= after[512] != after[1024];
  }
  EXPECT_TRUE(torn);
}

TEST_F(SimDiskTest, AProcessCrashKeepsThePageCacheUnsynced) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk({}, Random(seed));
    auto mounted = disk.Mount(&executor_);
    ASSERT_TRUE(mounted->SyncDir("").ok());
    (void)(*mounted->Open("f", true))->WriteAt(0, "cached");
    ASSERT_TRUE(mounted->SyncDir("").ok());
    mounted.reset();
    EXPECT_EQ(ReadAll(disk, "f"), "cached");
    disk.CrashPower();
    lost |= ReadAll(disk, "f").empty();
  }
  EXPECT_TRUE(lost);
}

TEST_F(SimDiskTest, NamesNeedTheirFolderSynced) {
  std::set<std::string> created, renamed;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimDisk disk({}, Random(seed));
    auto mounted = disk.Mount(&executor_);
    auto file = *mounted->Open("tmp", true);
    ASSERT_TRUE(file->WriteAt(0, "x").ok());
    ASSERT_TRUE(file->Sync().ok());
    disk.CrashPower();
    created.insert(ReadAll(disk, "tmp"));

    SimDisk other({}, Random(seed));
    mounted = other.Mount(&executor_);
    file = *mounted->Open("tmp", true);
    ASSERT_TRUE(file->WriteAt(0, "x").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(mounted->SyncDir("").ok());
    ASSERT_TRUE(mounted->Rename("tmp", "real").ok());
    other.CrashPower();
    renamed.insert(ReadAll(other, "real"));
  }
  EXPECT_EQ(created, (std::set<std::string>{"absent", "x"}));
  EXPECT_EQ(renamed, (std::set<std::string>{"absent", "x"}));
}

TEST_F(SimDiskTest, AsynchronousWritesAreSyncedInOrderAfterADelay) {
  SimDisk disk({.sync_min_us = 100, .sync_max_us = 100}, Random(3));
  auto mounted = disk.Mount(&executor_);
  auto file = *mounted->Open("f", true);
  ASSERT_TRUE(mounted->SyncDir("").ok());
  std::vector<Micros> done;
  for (int i = 0; i < 3; ++i) {
    file->WriteAndSyncAsync(i, std::string(1, static_cast<char>('a' + i)), [&](absl::Status s) {
      EXPECT_TRUE(s.ok());
      done.push_back(scheduler_.now() - kT0);
    });
  }
  scheduler_.RunUntil(kT0 + 250);
  EXPECT_EQ(done, (std::vector<Micros>{100, 200}));
  // The third is under way: it may reach the medium or not, the first two did.
  executor_.Kill();
  file.reset();
  mounted.reset();
  disk.CrashPower();
  EXPECT_EQ(ReadAll(disk, "f").substr(0, 2), "ab");
}

TEST_F(SimDiskTest, AFailedSyncIsNotHealedByARetry) {
  SimDisk disk({.fail_sync_rate = 1}, Random(3));
  auto mounted = disk.Mount(&executor_);
  auto file = *mounted->Open("f", true);
  ASSERT_TRUE(mounted->SyncDir("").ok());
  ASSERT_TRUE(file->WriteAt(0, "data").ok());
  EXPECT_FALSE(file->Sync().ok());
  disk.SetOptions({});
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->ReadAt(0, 10), "data");
  disk.CrashPower();
  EXPECT_EQ(ReadAll(disk, "f"), "");
}

TEST_F(SimDiskTest, AFullDiskRefusesToGrowFilesAndTakesWhatIsAllocated) {
  SimDisk disk({}, Random(3));
  auto mounted = disk.Mount(&executor_);
  auto file = *mounted->Open("f", true);
  ASSERT_TRUE(file->Preallocate(1000).ok());
  disk.SetFree(500);
  EXPECT_EQ(mounted->Space()->free_bytes, 500u);
  EXPECT_TRUE(file->WriteAt(900, "within").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(file->Preallocate(1501)));
  EXPECT_TRUE(file->Preallocate(1500).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(file->WriteAt(1500, "x")));
  EXPECT_EQ(disk.refused_for_space(), 2u);
  ASSERT_TRUE(mounted->Remove("f").ok());
  EXPECT_EQ(mounted->Space()->free_bytes, 1500u);
}

TEST_F(SimDiskTest, FlipsABit) {
  SimDisk disk({.flip_rate = 1}, Random(3));
  auto mounted = disk.Mount(&executor_);
  auto file = *mounted->Open("f", true);
  ASSERT_TRUE(mounted->SyncDir("").ok());
  ASSERT_TRUE(file->WriteAt(0, "aaaa").ok());
  ASSERT_TRUE(file->Sync().ok());
  disk.CrashPower();
  EXPECT_NE(ReadAll(disk, "f"), "aaaa");
  EXPECT_EQ(ReadAll(disk, "f").size(), 4u);
}

}  // namespace
}  // namespace isochron::sim
