// SPDX-License-Identifier: Apache-2.0
//
// A node's groups over the simulated seams: leadership, restarts, snapshots, groups that rest.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tablet/group/convert.h"
#include "tests/tablet/universe.h"

namespace isochron::tablet {
namespace {

Task<void> HandOver(Group* g, NodeId to, absl::Status* out) { *out = co_await g->TransferTo(to); }

TEST(GroupHostTest, ElectsOneLeaderAndReplicates) {
  Universe u(1);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const Timestamp s1 = u.Put(1, "a", "1");
  const Timestamp s2 = u.Put(1, "a", "2");
  EXPECT_LT(s1, s2);
  ASSERT_TRUE(u.Until([&] {
    for (auto& [n, m] : u.machines_) {
      if (m.host->Find(GroupId(1))->state().last_ts() < s2) return false;
    }
    return true;
  }));
  for (auto& [n, m] : u.machines_) {
    Group* g = m.host->Find(GroupId(1));
    EXPECT_EQ(u.ReadAt(g, "a", s2), "2");
    EXPECT_EQ(u.ReadAt(g, "a", s2.Prev()), "1");
    EXPECT_EQ(u.ReadAt(g, "a", s1.Prev()), "(none)");
  }
}

TEST(GroupHostTest, AnotherNodeLeadsAfterTheLeaderDiesAndNothingIsLost) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Universe u(seed);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    for (int i = 0; i < 20; ++i) u.Put(1, absl::StrCat("k", i), absl::StrCat("v", i));
    const uint32_t old = u.LeaderNode(1);
    ASSERT_NE(old, 0u);
    u.Crash(old, seed % 2 == 0);
    const Micros crashed = u.scheduler_.now();
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; })) << seed;
    EXPECT_LT(u.scheduler_.now() - crashed, 5 * kSecond) << "lease + 2 s; seed " << seed;
    u.Put(1, "after", "x");
    u.Start(old);
    ASSERT_TRUE(u.Until([&] {
      Group* g = u.machines_[old].host->Find(GroupId(1));
      return g->state().last_ts() >= u.Leader(1)->state().last_ts();
    })) << seed;
    Group* g = u.machines_[old].host->Find(GroupId(1));
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(u.ReadAt(g, absl::StrCat("k", i), Timestamp::Max().Prev()), absl::StrCat("v", i));
    }
    EXPECT_EQ(u.ReadAt(g, "after", Timestamp::Max().Prev()), "x");
  }
}

TEST(GroupHostTest, AllThreeLosePowerAndComeBack) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    GroupHost::Options options;
    options.checkpoint_entries = 15;
    options.keep_entries = 4;
    Universe u(seed, options);
    std::map<std::string, std::string> model;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 25; ++i) {
        const std::string key = absl::StrCat("k", i % 7), value = absl::StrCat(round, ".", i);
        u.Put(1, key, value);
        model[key] = value;
      }
      for (uint32_t n : {1, 2, 3}) u.Crash(n, (seed + n) % 2 == 0);
      for (uint32_t n : {1, 2, 3}) u.Start(n);
      ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; })) << seed;
      for (const auto& [key, value] : model) {
        EXPECT_EQ(u.ReadAt(u.Leader(1), key, Timestamp::Max().Prev()), value) << seed;
      }
    }
  }
}

TEST(GroupHostTest, ALaggardBehindTheTruncatedLogGetsASnapshot) {
  GroupHost::Options options;
  options.checkpoint_entries = 10;
  options.keep_entries = 2;
  Universe u(5, options);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const uint32_t leader = u.LeaderNode(1);
  const uint32_t victim = leader % 3 + 1;
  u.Put(1, "first", "1");
  u.Crash(victim, false);
  for (int i = 0; i < 200; ++i) u.Put(1, absl::StrCat("k", i), "v");
  u.scheduler_.RunUntil(u.scheduler_.now() + 30 * kSecond);
  EXPECT_LE(u.observer_.counts["group.snapshots_made"], 1) << "for a node that does not answer";
  u.observer_.counts.clear();
  u.Start(victim);
  ASSERT_TRUE(u.Until([&] {
    Group* g = u.machines_[victim].host->Find(GroupId(1));
    return u.Leader(1) && g->state().last_ts() >= u.Leader(1)->state().last_ts();
  }));
  u.scheduler_.RunUntil(u.scheduler_.now() + 10 * kSecond);
  EXPECT_GE(u.observer_.counts["group.snapshots_made"], 1);
  EXPECT_LE(u.observer_.counts["group.snapshots_made"], 2);
  const KeyRange all{"", ""};
  EXPECT_EQ(*u.machines_[victim].host->store()->Digest(all),
            *u.machines_[leader].host->store()->Digest(all));
}

// The rows of a snapshot are durable, its mark is not in the log yet, and the process dies: what
// the log has there was accepted from a leader that is over, and was never chosen.
TEST(GroupHostTest, WhatTheLogHasBelowASnapshotIsNotTakenForChosen) {
  Universe u(3);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  for (int i = 0; i < 5; ++i) u.Put(1, absl::StrCat("k", i), "v");
  const uint32_t old = u.LeaderNode(1);
  for (uint32_t n : {1, 2, 3}) {
    u.network_.Cut(NodeId(old), NodeId(n));
    u.network_.Cut(NodeId(n), NodeId(old));
  }
  for (uint64_t i = 0; i < 40; ++i) {
    peer::Command c;
    auto* w = c.mutable_commit_one_round();
    ToProto(TxnAttempt{TxnId{Timestamp(1), NodeId(9), 2, i}, 0}, w->mutable_txn());
    w->set_commit_start_us(u.scheduler_.now());
    w->add_writes()->set_key("never");
    ASSERT_TRUE(u.Leader(1)->Propose(std::move(c)).ok());
  }
  u.scheduler_.RunUntil(u.scheduler_.now() + kSecond / 10);
  u.Crash(old, false);
  u.network_.HealAll();
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  for (int i = 0; i < 20; ++i) u.Put(1, absl::StrCat("k", i), "w");

  storage::WriteBatch rows;
  const std::string from = MetaPrefix(GroupId(1)), to = MetaEnd(GroupId(1));
  rows.DeleteRange(from, to);
  storage::Engine* whole = u.machines_[u.LeaderNode(1)].engine.get();
  auto it = whole->NewIterator(from, to);
  for (it->Seek(from); it->Valid(); it->Next()) rows.Put(it->key(), it->value());
  storage::MemEngine* store = u.machines_[old].engine.get();
  ASSERT_TRUE(store->Write(std::move(rows)).ok());
  ASSERT_TRUE(store->Flush().ok());
  u.Start(old);

  const paxos::Replica* replica = u.machines_[old].host->Find(GroupId(1))->replica();
  const LogIndex applied = u.Leader(1)->state().index();
  EXPECT_EQ(replica->chosen_index(), applied);
  EXPECT_GT(replica->last_index(), applied) << "promises are kept: what it accepted behind that";
  EXPECT_EQ(replica->MarkAt(applied).origin, u.Leader(1)->replica()->MarkAt(applied).origin);
}

TEST(GroupHostTest, LeadershipIsHandedOverWithoutWaitingForTheLease) {
  Universe u(6);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const Timestamp s = u.Put(1, "a", "1");
  const uint32_t from = u.LeaderNode(1);
  const uint32_t to = from % 3 + 1;
  absl::Status status = absl::UnknownError("running");
  TaskScope scope;
  scope.Spawn(HandOver(u.Leader(1), NodeId(to), &status));
  const Micros began = u.scheduler_.now();
  ASSERT_TRUE(u.Until([&] { return u.LeaderNode(1) == to; })) << status << u.LeaderNode(1);
  EXPECT_LT(u.scheduler_.now() - began, kSecond);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GT(u.Put(1, "a", "2"), s);
}

// Its disk is full when it is removed, and the leader gives the group away: the next one knows
// nothing of it, and the node that it last voted for is well.
TEST(GroupHostTest, AVoterThatMissedItsRemovalAsks) {
  Universe u(8, {}, 2);  // the nodes go on sharing the other group
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr && u.Leader(2) != nullptr; }));
  const uint32_t from = u.LeaderNode(1);
  const uint32_t to = from % 3 + 1;
  const uint32_t victim = to % 3 + 1;
  u.Put(1, "a", "1");
  u.full_.insert(victim);
  const Change removed(&u, 1, victim, true);
  ASSERT_TRUE(u.Until([&] { return removed.status.ok(); })) << removed.status;
  u.network_.Cut(NodeId(from), NodeId(victim));  // shorter than it supports the leader's node
  absl::Status status = absl::UnknownError("running");
  TaskScope scope;
  scope.Spawn(HandOver(u.Leader(1), NodeId(to), &status));
  ASSERT_TRUE(u.Until([&] { return u.LeaderNode(1) == to; })) << status;
  u.network_.HealAll();
  u.full_.clear();
  GroupHost* host = u.machines_[victim].host.get();
  ASSERT_NE(host->Find(GroupId(1)), nullptr);
  EXPECT_TRUE(u.Until([&] { return host->Find(GroupId(1)) == nullptr; }, 60 * kSecond));
}

// It was made a learner and never heard of it; its blank replica went in the meantime.
TEST(GroupHostTest, ALearnerThatNeverCameGetsAnotherLife) {
  Universe u(9, {}, 2);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr && u.Leader(2) != nullptr; }));
  const uint32_t victim = u.LeaderNode(1) % 3 + 1;
  u.Put(1, "a", "1");
  const Change removed(&u, 1, victim, true);
  ASSERT_TRUE(u.Until([&] { return removed.status.ok(); })) << removed.status;
  GroupHost* host = u.machines_[victim].host.get();
  ASSERT_TRUE(u.Until([&] { return host->Find(GroupId(1)) == nullptr; }));
  u.scheduler_.RunUntil(u.scheduler_.now() + kSecond);  // its log goes
  const auto listed = [&] {
    return u.Leader(1) != nullptr &&
           u.Leader(1)->replica()->config().Find(NodeId(victim)) != nullptr;
  };
  {
    const Change added(&u, 1, victim, false);
    ASSERT_TRUE(u.Until(listed)) << added.status;
    for (uint32_t n = 1; n <= 3; ++n) {
      if (n != victim) u.network_.Cut(NodeId(n), NodeId(victim));
    }
    ASSERT_TRUE(u.Until([&] { return absl::IsDeadlineExceeded(added.status); })) << added.status;
  }
  ASSERT_TRUE(u.Until([&] { return host->Find(GroupId(1)) == nullptr; }, 200 * kSecond));
  u.network_.HealAll();
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  ASSERT_TRUE(listed());
  u.scheduler_.RunUntil(u.scheduler_.now() + 10 * kSecond);
  const Change again(&u, 1, victim, false);
  EXPECT_TRUE(u.Until([&] { return again.status.ok(); })) << again.status;
  EXPECT_TRUE(u.Until([&] { return host->Find(GroupId(1)) != nullptr; }));
}

// Rule 31: what groups wrote once does not keep the segments that another one fills.
TEST(GroupHostTest, ColdGroupsDoNotPinTheLog) {
  GroupHost::Options options;
  options.log_segment_bytes = 64 << 10;
  options.log_limit_bytes = 1 << 20;
  options.checkpoint_entries = 300;
  constexpr int kGroups = 100;
  Universe u(7, options, kGroups);
  const auto all_led = [&] {
    for (int i = 1; i <= kGroups; ++i) {
      if (u.Leader(static_cast<uint64_t>(i)) == nullptr) return false;
    }
    return true;
  };
  ASSERT_TRUE(u.Until(all_led));
  for (int i = 2; i <= kGroups; ++i) {
    u.Put(static_cast<uint64_t>(i), Universe::StartOf(i), std::string(1000, 'c'));
  }
  for (int i = 0; i < 2500; ++i) u.Put(1, absl::StrCat("a", i % 10), std::string(2000, 'h'));
  for (auto& [n, m] : u.machines_) {
    EXPECT_LT(m.host->log()->TotalBytes(), options.log_limit_bytes + 4 * (64 << 10)) << n;
  }
  for (uint32_t n : {1, 2, 3}) u.Crash(n, true);
  for (uint32_t n : {1, 2, 3}) u.Start(n);
  ASSERT_TRUE(u.Until(all_led));
  for (int i = 2; i <= kGroups; ++i) {
    EXPECT_EQ(
        u.ReadAt(u.Leader(static_cast<uint64_t>(i)), Universe::StartOf(i), Timestamp::Max().Prev()),
        std::string(1000, 'c'));
  }
}

// Rules 7 and 31: groups in which nothing happens cost no message; those of a dead node are led
// again, a few at a time; one that is asked for does not wait for its turn.
TEST(GroupHostTest, IdleGroupsSleepAndTakeTurnsWhenTheirLeaderDies) {
  GroupHost::Options options;
  options.max_campaigns = 4;
  constexpr int kGroups = 120;
  Universe u(11, options, kGroups);
  const auto led = [&] {
    int n = 0;
    for (int i = 1; i <= kGroups; ++i) n += u.Leader(static_cast<uint64_t>(i)) != nullptr;
    return n;
  };
  ASSERT_TRUE(u.Until([&] { return led() == kGroups; }));
  u.scheduler_.RunUntil(u.scheduler_.now() + 5 * kSecond);
  for (auto& [n, m] : u.machines_) EXPECT_EQ(m.host->awake(), 0u) << n;
  const uint64_t before = u.network_.sent();
  u.scheduler_.RunUntil(u.scheduler_.now() + 30 * kSecond);
  // By node pair: heartbeats, answers and promises, less than ten a second each way.
  EXPECT_LT(u.network_.sent() - before, 30 * 6 * 10);
  EXPECT_EQ(led(), kGroups) << "a sleeping leader's lease goes on";
  EXPECT_GT(u.Put(5, Universe::StartOf(5), "after a rest").us, 0);

  const uint32_t victim = u.LeaderNode(7);
  u.Crash(victim, false);
  size_t most = 0;
  ASSERT_TRUE(u.Until([&] {
    for (auto& [n, m] : u.machines_) {
      if (m.host) most = std::max(most, m.host->campaigns());
    }
    return led() == kGroups;
  }));
  EXPECT_LE(most, 2 * options.max_campaigns);
  EXPECT_GE(most, 2u);
}

}  // namespace
}  // namespace isochron::tablet
