// SPDX-License-Identifier: Apache-2.0
#include "server/node/space_guard.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/test_net.h"
#include "storage/engine/mem_engine.h"
#include "txn/api/reasons.h"

namespace isochron::server {
namespace {

using Level = SpaceGuard::Level;

constexpr uint64_t kMiB = 1 << 20;

// A disk of which nothing but its free space is asked.
class SpaceDisk : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string&, bool) override { return No(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return No(); }
  absl::Status MakeFolder(const std::string&) override { return No(); }
  absl::Status Rename(const std::string&, const std::string&) override { return No(); }
  absl::Status Remove(const std::string&) override { return No(); }
  absl::Status SyncDir(const std::string&) override { return No(); }
  absl::StatusOr<DiskSpace> Space() override {
    if (!known) return No();
    return DiskSpace{.free_bytes = free, .total_bytes = 1000 * kMiB};
  }
  static absl::Status No() { return absl::UnimplementedError("not here"); }

  uint64_t free = 1000 * kMiB;
  bool known = true;
};

class PressedEngine : public storage::MemEngine {
 public:
  bool CloseToStall() override {
    ++asked;
    return pressed;
  }
  bool pressed = false;
  int asked = 0;
};

class SpaceGuardTest : public testing::Test {
 protected:
  SpaceGuardTest() {
    for (uint32_t n : {1, 2}) {
      rpc_.push_back(std::make_unique<rpc::PeerRpc>(&executor_, net_.Node(NodeId(n)), &observer_, 1,
                                                    rpc::PeerRpc::Limits{}));
      guards_.push_back(std::make_unique<SpaceGuard>(
          SpaceGuard::Env{&executor_, &disks_[n - 1], &engine_, rpc_.back().get(), &observer_},
          SpaceGuard::Options{.reserve_bytes = 80 * kMiB,
                              .on_change = [this](Level l, uint64_t) { changes_.push_back(l); }}));
      guards_.back()->Start(nullptr);
    }
  }
  Level At(uint64_t free_mib) {
    disks_[0].free = free_mib * kMiB;
    executor_.RunFor(600'000);
    return guards_[0]->level();
  }

  rpc::TestExecutor executor_;
  rpc::TestNet net_{&executor_, 1};
  Observer observer_;
  SpaceDisk disks_[2];
  PressedEngine engine_;
  std::vector<std::unique_ptr<rpc::PeerRpc>> rpc_;
  std::vector<Level> changes_;
  std::vector<std::unique_ptr<SpaceGuard>> guards_;
};

TEST_F(SpaceGuardTest, LevelsFollowTheFreeSpaceWithoutFluttering) {
  EXPECT_EQ(At(500), Level::kPlenty);
  EXPECT_EQ(At(81), Level::kPlenty);
  EXPECT_EQ(At(79), Level::kLow);
  EXPECT_EQ(At(85), Level::kLow);  // an eighth more than the reserve is wanted
  EXPECT_EQ(At(91), Level::kPlenty);
  EXPECT_EQ(At(30), Level::kFull);
  EXPECT_EQ(At(45), Level::kFull);
  EXPECT_EQ(At(51), Level::kLow);
  EXPECT_EQ(At(0), Level::kFull);
  EXPECT_EQ(At(500), Level::kPlenty);
  EXPECT_EQ(changes_, (std::vector<Level>{Level::kLow, Level::kPlenty, Level::kFull, Level::kLow,
                                          Level::kFull, Level::kPlenty}));
}

TEST_F(SpaceGuardTest, SaysWhatIsRefusedWhereAndWhatToDo) {
  EXPECT_TRUE(guards_[0]->CheckWrites().ok());
  At(60);
  const absl::Status refused = guards_[0]->CheckWrites();
  EXPECT_TRUE(txn::IsDiskFull(refused));
  for (const char* part : {"60 MiB", "80 MiB", "--disk-reserve", "reads go on", "free space"}) {
    EXPECT_NE(refused.message().find(part), absl::string_view::npos) << refused;
  }
  EXPECT_NE(refused.message().find(ToString(NodeId(1))), absl::string_view::npos) << refused;
  EXPECT_TRUE(guards_[0]->MayAppend());
  At(10);
  EXPECT_FALSE(guards_[0]->MayAppend());
  At(500);
  EXPECT_TRUE(guards_[0]->MayAppend());
  EXPECT_TRUE(guards_[0]->CheckWrites().ok());
}

TEST_F(SpaceGuardTest, TellsItsPeers) {
  EXPECT_TRUE(executor_.Run(guards_[1]->HasRoom(NodeId(1))));
  At(60);
  EXPECT_FALSE(executor_.Run(guards_[1]->HasRoom(NodeId(1))));
  EXPECT_TRUE(executor_.Run(guards_[0]->HasRoom(NodeId(2))));
  // Without a host no group is there.
  EXPECT_FALSE(executor_.Run(guards_[0]->MayLead(GroupId(7), NodeId(2))));
  net_.cut = [](NodeId, NodeId) { return true; };
  EXPECT_FALSE(executor_.Run(guards_[0]->HasRoom(NodeId(2))));
}

TEST_F(SpaceGuardTest, ADiskThatDoesNotTellIsNotWatched) {
  disks_[0].known = false;
  EXPECT_EQ(At(0), Level::kPlenty);
}

TEST_F(SpaceGuardTest, TheStoreIsAskedEveryFewMilliseconds) {
  engine_.pressed = true;
  engine_.asked = 0;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(guards_[0]->CloseToStall());
  EXPECT_EQ(engine_.asked, 1);
  executor_.RunFor(6'000);
  engine_.pressed = false;
  EXPECT_FALSE(guards_[0]->CloseToStall());
}

}  // namespace
}  // namespace isochron::server
