// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/posix_disk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "server/runtime/data_folder.h"
#include "server/runtime/event_loop.h"

namespace isochron::runtime {
namespace {

class PosixDiskTest : public testing::Test {
 protected:
  PosixDiskTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    root_ = testing::TempDir() + "/" + info->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  std::string root_;
  EventLoop loop_;
};

TEST_F(PosixDiskTest, FilesFoldersAndNames) {
  auto disk = PosixDisk::Make(root_, &loop_);
  ASSERT_TRUE(disk.ok());
  Disk& d = **disk;
  EXPECT_TRUE(absl::IsNotFound(d.Open("absent", false).status()));
  ASSERT_TRUE(d.MakeFolder("log").ok());
  ASSERT_TRUE(d.MakeFolder("log").ok());
  auto file = d.Open("log/a", true);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Preallocate(4096).ok());
  EXPECT_EQ(*(*file)->Size(), 4096u);
  ASSERT_TRUE((*file)->Preallocate(100).ok());
  EXPECT_EQ(*(*file)->Size(), 4096u);
  ASSERT_TRUE((*file)->WriteAt(10, "hello").ok());
  EXPECT_EQ(*(*file)->ReadAt(9, 7), std::string("\0hello\0", 7));
  EXPECT_EQ((*file)->ReadAt(4090, 100)->size(), 6u);
  EXPECT_EQ(*(*file)->ReadAt(1 << 20, 100), "");
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->Truncate(12).ok());
  EXPECT_EQ(*(*file)->Size(), 12u);
  ASSERT_TRUE(d.Rename("log/a", "log/b").ok());
  ASSERT_TRUE(d.SyncDir("log").ok());
  EXPECT_EQ(*d.List("log"), (std::vector<std::string>{"b"}));
  ASSERT_TRUE(d.Remove("log/b").ok());
  ASSERT_TRUE(d.Remove("log").ok());
  EXPECT_EQ(*d.List(""), std::vector<std::string>());
  EXPECT_TRUE(absl::IsNotFound(d.Remove("log/b")));
}

TEST_F(PosixDiskTest, AsyncWritesKeepTheirOrder) {
  auto disk = PosixDisk::Make(root_, &loop_);
  ASSERT_TRUE(disk.ok());
  auto file = (*disk)->Open("f", true);
  ASSERT_TRUE(file.ok());
  int done = 0;
  for (int i = 0; i < 200; ++i) {
    (*file)->WriteAndSyncAsync(0, std::string(8, static_cast<char>('a' + i % 26)),
                               [&, i](absl::Status s) {
                                 EXPECT_TRUE(s.ok());
                                 EXPECT_TRUE(loop_.OnLoopThread());
                                 EXPECT_EQ(done, i);
                                 if (++done == 200) loop_.Stop();
                               });
  }
  loop_.Run();
  EXPECT_EQ(*(*file)->ReadAt(0, 8), std::string(8, static_cast<char>('a' + 199 % 26)));
}

TEST_F(PosixDiskTest, FailedSyncIsFinal) {
  // Writes to /dev/full fail with ENOSPC, as on a full disk.
  ASSERT_EQ(symlink("/dev/full", (root_ + "/full").c_str()), 0);
  auto disk = PosixDisk::Make(root_, &loop_);
  ASSERT_TRUE(disk.ok());
  auto file = (*disk)->Open("full", false);
  ASSERT_TRUE(file.ok());
  absl::Status first;
  (*file)->WriteAndSyncAsync(0, "x", [&](absl::Status s) {
    first = s;
    loop_.Stop();
  });
  loop_.Run();
  EXPECT_FALSE(first.ok());
  EXPECT_FALSE((*file)->Sync().ok());
  EXPECT_FALSE((*file)->WriteAt(0, "y").ok());
}

TEST_F(PosixDiskTest, DestructionFinishesQueuedWritesAndDropsCompletions) {
  {
    auto disk = PosixDisk::Make(root_, &loop_);
    ASSERT_TRUE(disk.ok());
    auto file = (*disk)->Open("f", true);
    ASSERT_TRUE(file.ok());
    (*file)->WriteAndSyncAsync(0, "kept", [](absl::Status) { ADD_FAILURE(); });
    file->reset();
  }
  loop_.Post([&] { loop_.Stop(); });
  loop_.Run();
  std::ifstream in(root_ + "/f");
  std::string content;
  in >> content;
  EXPECT_EQ(content, "kept");
}

TEST_F(PosixDiskTest, FolderIsMadeLockedAndReopened) {
  const std::string path = root_ + "/a/data";
  {
    auto folder = DataFolder::Open(path);
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_TRUE((*folder)->created());
    auto second = DataFolder::Open(path);
    EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
    EXPECT_TRUE(absl::StrContains(second.status().message(), "in use by another process"));
  }
  auto again = DataFolder::Open(path);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE((*again)->created());
}

TEST_F(PosixDiskTest, ForeignAndNewerFoldersAreRefusedUntouched) {
  std::ofstream(root_ + "/holiday.jpg") << "x";
  auto foreign = DataFolder::Open(root_);
  EXPECT_TRUE(absl::IsFailedPrecondition(foreign.status()));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/LOCK"));

  const std::string newer = root_ + "/newer";
  std::filesystem::create_directories(newer);
  std::ofstream(newer + "/FORMAT") << "isochron data folder, format 99\n";
  EXPECT_TRUE(absl::StrContains(DataFolder::Open(newer).status().message(), "newer isochron"));

  const std::string other = root_ + "/other";
  std::filesystem::create_directories(other);
  std::ofstream(other + "/FORMAT") << "FAT32";
  EXPECT_TRUE(absl::IsFailedPrecondition(DataFolder::Open(other).status()));

  EXPECT_TRUE(absl::IsFailedPrecondition(DataFolder::Open(root_ + "/holiday.jpg").status()));
}

TEST_F(PosixDiskTest, UnwritableFolderSaysSo) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  ASSERT_EQ(chmod(root_.c_str(), 0555), 0);
  auto folder = DataFolder::Open(root_);
  EXPECT_TRUE(absl::StrContains(folder.status().message(), "not writable")) << folder.status();
  ASSERT_EQ(chmod(root_.c_str(), 0755), 0);
}

}  // namespace
}  // namespace isochron::runtime
