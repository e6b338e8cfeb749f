// SPDX-License-Identifier: Apache-2.0
#include "placement/tablet_map.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/random.h"
#include "common/rpc/test_net.h"
#include "gtest/gtest.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"

namespace isochron::placement {
namespace {

GroupDescriptor D(uint64_t group, std::string start, std::string end, uint64_t generation) {
  return GroupDescriptor{
      GroupId(group), KeyRange{start, end}, generation, {NodeId(1), NodeId(2), NodeId(3)}};
}

// Answers the read of the map with given rows, two a page.
class MapRows : public txn::GroupCaller {
 public:
  Task<absl::StatusOr<peer::GroupResponse>> Call(Ctx, GroupId group,
                                                 peer::GroupRequest request) override {
    ++calls;
    co_await SleepFor(executor, 1000);
    EXPECT_EQ(group, txn::kSystemGroup);
    peer::GroupResponse response;
    auto* read = response.mutable_read();
    read->set_timestamp_us(77);
    if (calls % 2 == 0) EXPECT_EQ(request.snapshot_read().timestamp_us(), 77);
    const size_t from = calls % 2 == 0 ? 2 : 0;
    for (size_t i = from; i < rows.size() && (from > 0 || i < 2); ++i) {
      auto* row = read->add_rows();
      row->set_key(txn::MapKey(rows[i].range.start));
      txn::ToProto(rows[i]).SerializeToString(row->mutable_value());
    }
    if (from == 0 && rows.size() > 2) *read->add_rest() = request.snapshot_read().spans(0);
    co_return response;
  }
  Executor* executor = nullptr;
  std::vector<GroupDescriptor> rows;
  int calls = 0;
};

class TabletMapTest : public ::testing::Test {
 protected:
  rpc::TestExecutor executor_;
  TabletMap map_{&executor_, {D(1, "", "\x02", 1), D(2, "\x02", "", 1)}};
  uint64_t At(const std::string& key) {
    const GroupDescriptor* d = map_.Find(key);
    return d == nullptr ? 0 : d->group.value;
  }
};

TEST_F(TabletMapTest, FindsByKeyAndFromTheEnd) {
  EXPECT_EQ(At(std::string("\0map", 4)), 1u);
  EXPECT_EQ(At("\x02"), 2u);
  EXPECT_EQ(At("zzz"), 2u);
  EXPECT_EQ(map_.FindBefore("")->group, GroupId(2));
  EXPECT_EQ(map_.FindBefore("\x02")->group, GroupId(1));
  EXPECT_EQ(map_.FindBefore("\x03")->group, GroupId(2));
}

TEST_F(TabletMapTest, ASplitIsLearntFromEitherHalf) {
  map_.Learn(D(100, "m", "", 2));
  EXPECT_EQ(At("a"), 2u);  // a guess: what the parent surely kept
  EXPECT_EQ(At("m"), 100u);
  EXPECT_EQ(map_.FindBefore("m")->group, GroupId(2));
  map_.Learn(D(2, "\x02", "m", 2));
  EXPECT_EQ(At("a"), 2u);
  map_.Learn(D(2, "\x02", "", 1));  // late
  EXPECT_EQ(At("z"), 100u);

  TabletMap other(&executor_, {D(2, "\x02", "", 1)});
  other.Learn(D(2, "\x02", "m", 2));
  EXPECT_EQ(other.Find("z"), nullptr);
  EXPECT_EQ(other.FindBefore(""), nullptr);
  EXPECT_EQ(other.Voters(GroupId(100)).size(), 3u);
}

TEST_F(TabletMapTest, RefreshReadsAllPagesOnceForAll) {
  MapRows rows;
  rows.executor = &executor_;
  rows.rows = {D(1, "", "\x02", 1), D(2, "\x02", "g", 3), D(100, "m", "", 2), D(101, "g", "m", 3)};
  map_.SetCaller(&rows);
  std::vector<absl::Status> done;
  TaskScope scope;
  for (int i = 0; i < 3; ++i) {
    scope.Spawn([](TabletMap* map, Ctx ctx, std::vector<absl::Status>* out) -> Task<void> {
      out->push_back(co_await map->Refresh(ctx));
    }(&map_, std::make_shared<RequestContext>(executor_.MonotonicNow() + 1'000'000), &done));
  }
  EXPECT_TRUE(executor_.RunUntil([&] { return done.size() == 3; }));
  for (const absl::Status& s : done) EXPECT_TRUE(s.ok()) << s;
  EXPECT_EQ(rows.calls, 2);
  EXPECT_EQ(At("a"), 2u);
  EXPECT_EQ(At("h"), 101u);
  EXPECT_EQ(At("z"), 100u);
}

// However the descriptors of a history of splits arrive, the map ends right, and never has an older
// owner where it was told of a newer one.
TEST_F(TabletMapTest, AnyOrderOfLearningConverges) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<GroupDescriptor> live = {D(2, "\x02", "", 1)};
    std::vector<GroupDescriptor> history = live;
    for (uint64_t id = 100; id < 112; ++id) {
      GroupDescriptor& parent = live[random.Below(live.size())];
      std::string key(1, static_cast<char>(random.Between(3, 127)));
      if (!parent.range.Contains(key) || key == parent.range.start) continue;
      GroupDescriptor child = parent;
      child.group = GroupId(id);
      child.range.start = key;
      parent.range.end = key;
      child.generation = ++parent.generation;
      history.push_back(parent);
      history.push_back(child);
      live.push_back(child);
    }
    TabletMap map(&executor_, {});
    while (!history.empty()) {
      const size_t i = random.Below(history.size());
      map.Learn(history[i]);
      if (random.OneIn(0.7)) history.erase(history.begin() + static_cast<int64_t>(i));
    }
    std::sort(live.begin(), live.end(),
              [](const auto& a, const auto& b) { return a.range.start < b.range.start; });
    EXPECT_EQ(map.Entries(), live) << "seed " << seed;
  }
}

}  // namespace
}  // namespace isochron::placement
