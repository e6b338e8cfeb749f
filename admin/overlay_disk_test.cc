// SPDX-License-Identifier: Apache-2.0
#include "admin/overlay_disk.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace isochron::admin {
namespace {

class OverlayDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/overlay";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/log");
    std::ofstream(folder_ + "/log/a") << "old";
  }
  std::string folder_;
};

TEST_F(OverlayDiskTest, ReadsTheFolderAndKeepsChangesToItself) {
  OverlayDisk disk(folder_);
  EXPECT_EQ(*disk.Read("log/a"), "old");
  auto file = disk.Open("log/a", false);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(1, "NEW").ok());
  EXPECT_EQ(*disk.Read("log/a"), "oNEW");
  ASSERT_TRUE(disk.Open("log/b", true).ok());
  EXPECT_EQ(*disk.List("log"), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/log/b"));
  EXPECT_EQ(*OverlayDisk(folder_).Read("log/a"), "old");
}

TEST_F(OverlayDiskTest, RenamesAndRemovals) {
  OverlayDisk disk(folder_);
  ASSERT_TRUE(disk.Rename("log/a", "log/c").ok());
  EXPECT_TRUE(absl::IsNotFound(disk.Open("log/a", false).status()));
  EXPECT_EQ(*disk.Read("log/c"), "old");
  ASSERT_TRUE(disk.Remove("log/c").ok());
  EXPECT_TRUE(disk.List("log")->empty());
  EXPECT_TRUE(absl::IsNotFound(disk.Rename("log/c", "log/d")));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/log/a"));
}

}  // namespace
}  // namespace isochron::admin
