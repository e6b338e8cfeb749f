// SPDX-License-Identifier: Apache-2.0
//
// From when on a replica may serve a read, and what that binds.

#include "tablet/group/convert.h"
#include "tests/tablet/universe.h"

namespace isochron::tablet {
namespace {

Task<void> ReadAfter(Group* g, Executor* executor, Timestamp t, bool* done,
                     absl::StatusOr<Timestamp>* result) {
  auto ctx = std::make_shared<RequestContext>(executor->MonotonicNow() + 5 * kSecond);
  std::vector<KeyRange> spans = {KeyRange::Point("k")};
  *result = co_await g->WaitReadable(ctx, std::move(spans), t);
  *done = true;
}

TEST(SafeTimeTest, AServedReadBindsLaterWriters) {
  Universe u(3);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  for (int i = 0; i < 50; ++i) {
    Group* g = u.Leader(1);
    bool done = false;
    absl::StatusOr<Timestamp> t = Timestamp();
    TaskScope scope;
    scope.Spawn(ReadAfter(g, u.machines_[u.LeaderNode(1)].executor.get(), Timestamp(), &done, &t));
    ASSERT_TRUE(u.Until([&] { return done; }));
    ASSERT_TRUE(t.ok()) << t.status();
    EXPECT_GT(u.Put(1, "k", "v"), *t);
  }
}

TEST(SafeTimeTest, APreparedWriteHoldsBackReadsAboveItsTimestampOnly) {
  Universe u(4);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  Group* g = u.Leader(1);
  Executor* executor = u.machines_[u.LeaderNode(1)].executor.get();
  peer::Command c;
  auto* p = c.mutable_prepare();
  ToProto(TxnAttempt{TxnId{Timestamp(5), NodeId(9), 1, 1}, 0}, p->mutable_txn());
  auto* w = p->add_writes();
  w->set_key("k");
  w->set_value("v");
  auto proposal = g->Propose(std::move(c));
  ASSERT_TRUE(proposal.ok());
  bool below = false, above = false;
  absl::StatusOr<Timestamp> r1 = Timestamp(), r2 = Timestamp();
  TaskScope scope;
  scope.Spawn(ReadAfter(g, executor, proposal->s.Prev(), &below, &r1));
  scope.Spawn(ReadAfter(g, executor, proposal->s, &above, &r2));
  ASSERT_TRUE(u.Until([&] { return below; }));
  EXPECT_TRUE(r1.ok());
  u.scheduler_.RunUntil(u.scheduler_.now() + kSecond);
  EXPECT_FALSE(above);
  peer::Command o;
  *o.mutable_outcome()->mutable_txn() = g->state().prepared().begin()->second.txn();
  o.mutable_outcome()->set_commit(true);
  o.mutable_outcome()->set_s(proposal->s.us + 10);
  ASSERT_TRUE(g->Propose(std::move(o)).ok());
  ASSERT_TRUE(u.Until([&] { return above; }));
  EXPECT_TRUE(r2.ok()) << r2.status();
  EXPECT_TRUE(g->prepared().empty());
  EXPECT_EQ(u.ReadAt(g, "k", Timestamp(proposal->s.us + 10)), "v");
}

// A group that only reads: its followers get promises without asking for them.
TEST(SafeTimeTest, AnIdleGroupsFollowersKeepUpByThemselves) {
  Universe u(3);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const Timestamp s = u.Put(1, "a", "1");
  const std::vector<KeyRange> spans = {KeyRange::Point("a")};
  for (auto& [n, m] : u.machines_) {
    Group* g = m.host->Find(GroupId(1));
    EXPECT_TRUE(u.Until([&] {
      auto safe = g->SafeFor(spans);
      return safe.ok() && *safe > s + 2 * kSecond;
    })) << n;
    EXPECT_EQ(u.ReadAt(g, "a", *g->SafeFor(spans)), "1");
  }
  // Not ahead of the clock: the next write is not held up (rule 6).
  const Micros began = u.scheduler_.now();
  u.Put(1, "a", "2");
  EXPECT_LT(u.scheduler_.now() - began, 300'000);
}

TEST(SafeTimeTest, AReadAtAFollowerAsksItsLeaderOnce) {
  Universe u(4);
  u.answer_promises_ = true;
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const Timestamp s = u.Put(1, "a", "1");
  const uint32_t leader = u.LeaderNode(1);
  const uint32_t follower = leader == 1 ? 2 : 1;
  Group* g = u.machines_[follower].host->Find(GroupId(1));
  TaskScope scope;
  int done = 0;
  for (int i = 0; i < 10; ++i) scope.Spawn(u.ReadSafe(g, Timestamp(), s, &done));
  EXPECT_TRUE(u.Until([&] { return done == 10; }, kSecond));
  EXPECT_EQ(u.asked_, 1);
}

}  // namespace
}  // namespace isochron::tablet
