// SPDX-License-Identifier: Apache-2.0
//
// Ranges that split and merge, and replicas that slept through it.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/tablet/universe.h"

namespace isochron::tablet {
namespace {

TEST(GroupRangesTest, SplitMakesAChildThatLeadsAndKeepsItsRows) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Universe u(seed);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    u.Put(1, "a", "left");
    u.Put(1, "z", "right");
    peer::Command c;
    c.mutable_split()->set_key("m");
    c.mutable_split()->set_new_group(7);
    ASSERT_TRUE(u.Leader(1)->Propose(std::move(c)).ok());
    ASSERT_TRUE(u.Until([&] { return u.Leader(7) != nullptr; })) << seed;
    EXPECT_EQ(u.ReadAt(u.Leader(7), "z", Timestamp::Max().Prev()), "right");
    u.Put(7, "y", "new");
    u.Put(1, "b", "new");
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    peer::Command wrong;
    wrong.mutable_commit_one_round()->add_writes()->set_key("z");
    EXPECT_EQ(u.Leader(1)->Propose(std::move(wrong)).status().code(),
              absl::StatusCode::kOutOfRange);
    for (uint32_t n : {1, 2, 3}) u.Crash(n, true);
    for (uint32_t n : {1, 2, 3}) u.Start(n);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr && u.Leader(7) != nullptr; })) << seed;
    EXPECT_EQ(u.ReadAt(u.Leader(7), "y", Timestamp::Max().Prev()), "new");
  }
}

// What the left-hand leader does, without transactions (txn/service/merge.cc).
void MergeSeven(Universe* u, const std::vector<NodeId>& voters, std::optional<Proposal>* out) {
  Group* right = u->Leader(7);
  peer::Command freeze;
  freeze.mutable_freeze()->set_owner(1);
  freeze.mutable_freeze()->set_token(5);
  auto frozen = right->Propose(std::move(freeze));
  ASSERT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_FALSE(right->Leading().ok());  // from here on nothing is assigned or served
  ASSERT_TRUE(u->Until([&] {
    return right->state().frozen() && std::all_of(voters.begin(), voters.end(), [&](NodeId n) {
             return right->replica()->MatchOf(n) >= frozen->index;
           });
  }));
  ASSERT_TRUE(u->Until([&] { return u->Leader(1) != nullptr; }));
  Group* left = u->Leader(1);
  peer::Command merge;
  *merge.mutable_merge()->mutable_right() = right->descriptor();
  merge.mutable_merge()->set_right_index(frozen->index);
  merge.mutable_merge()->set_token(5);
  merge.mutable_merge()->set_left_generation(left->descriptor().generation());
  auto proposed = left->Propose(std::move(merge), frozen->s.Next());
  ASSERT_TRUE(proposed.ok()) << proposed.status();
  EXPECT_GT(proposed->s, frozen->s);
  *out = *std::move(proposed);
}

void SplitOffSeven(Universe* u) {
  ASSERT_TRUE(u->Until([&] { return u->Leader(1) != nullptr; }));
  peer::Command split;
  split.mutable_split()->set_key("m");
  split.mutable_split()->set_new_group(7);
  ASSERT_TRUE(u->Leader(1)->Propose(std::move(split)).ok());
  ASSERT_TRUE(u->Until([&] { return u->Leader(7) != nullptr; }));
}

TEST(GroupRangesTest, AFrozenNeighbourIsMergedOnEveryReplica) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Universe u(seed);
    SplitOffSeven(&u);
    u.Put(1, "a", "left");
    u.Put(7, "z", "right");
    std::optional<Proposal> proposed;
    MergeSeven(&u, {NodeId(1), NodeId(2), NodeId(3)}, &proposed);
    ASSERT_TRUE(proposed.has_value());
    // One loses power before or after it applied the merge, and its store goes back somewhere.
    const uint32_t victim = 1 + seed % 3;
    u.Until([] { return false; }, static_cast<Micros>(seed) * 3'000);
    u.Crash(victim, true);
    u.Start(victim);
    ASSERT_TRUE(u.Until([&] {
      for (auto& [n, m] : u.machines_) {
        Group* g = m.host->Find(GroupId(1));
        if (g == nullptr || !g->state().HasAbsorbed(GroupId(7))) return false;
        if (m.host->Find(GroupId(7)) != nullptr || m.host->Absorber(GroupId(7)) != g) return false;
      }
      return u.Leader(1) != nullptr;
    })) << seed;
    const Timestamp s = u.Put(1, "z", "again");
    EXPECT_GT(s, proposed->s);
    for (uint32_t n : {1, 2, 3}) u.Crash(n, true);
    for (uint32_t n : {1, 2, 3}) u.Start(n);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; })) << seed;
    EXPECT_EQ(u.ReadAt(u.Leader(1), "z", s.Prev()), "right");
    EXPECT_EQ(u.ReadAt(u.Leader(1), "z", s), "again");
    EXPECT_EQ(u.ReadAt(u.Leader(1), "a", s), "left");
    EXPECT_EQ(u.Leader(1)->range().end, "");
  }
}

TEST(GroupRangesTest, AThawNeedsTheTokenOfItsFreeze) {
  Universe u(4);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  auto propose = [&](uint64_t token, bool thaw) {
    peer::Command c;
    c.mutable_freeze()->set_owner(9);
    c.mutable_freeze()->set_token(token);
    c.mutable_freeze()->set_thaw(thaw);
    Group* g = nullptr;
    for (auto& [n, m] : u.machines_) {
      if (m.host->Find(GroupId(1))->IsServing()) g = m.host->Find(GroupId(1));
    }
    auto p = g->Propose(std::move(c));
    ASSERT_TRUE(p.ok()) << p.status();
    ASSERT_TRUE(u.Until([&] { return g->state().index() >= p->index; }));
  };
  propose(5, false);
  EXPECT_EQ(u.Leader(1), nullptr);
  propose(4, true);
  EXPECT_EQ(u.Leader(1), nullptr);
  propose(5, true);
  EXPECT_NE(u.Leader(1), nullptr);
  u.Put(1, "k", "goes on");
}

// A universe in which a node slept through a split of group 1 at "m", and through so much of the
// child's life that it gets the child by a snapshot, before it hears of the split.
struct Laggard {
  explicit Laggard(uint64_t seed) : u(seed, Options()) {
    EXPECT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    parent_leader = u.LeaderNode(1);
    victim = parent_leader % 3 + 1;
    child_leader = 6 - parent_leader - victim;
    child = 9 + child_leader - 1;  // that node campaigns for it at once
    const Timestamp s = u.Put(1, "a", "0");
    EXPECT_TRUE(u.Until([&] { return Here(1)->state().last_ts() >= s; }));
    u.Crash(victim, false);
  }
  static GroupHost::Options Options() {
    GroupHost::Options options;
    options.checkpoint_entries = 10;
    options.keep_entries = 60;
    options.gc.retention_us = kSecond;
    options.gc.compact_min_bytes = 1;
    return options;
  }
  static Task<void> Transfer(Group* group, NodeId to, bool* under_way) {
    (void)co_await group->TransferTo(to);
    *under_way = false;
  }
  // The split-off group is led by the node whose messages still reach the victim.
  void Split(uint64_t from, const std::string& key, uint64_t id) {
    peer::Command c;
    c.mutable_split()->set_key(key);
    c.mutable_split()->set_new_group(id);
    ASSERT_TRUE(u.Until([&] { return u.Leader(from) != nullptr; }));
    ASSERT_TRUE(u.Leader(from)->Propose(std::move(c)).ok());
    ASSERT_TRUE(u.Until([&] { return u.LeaderNode(id) != 0; }));
    TaskScope transfers;
    bool asked = false;
    ASSERT_TRUE(u.Until([&] {
      const uint32_t leader = u.LeaderNode(id);
      if (leader != 0 && leader != child_leader && !asked) {
        asked = true;
        transfers.Spawn(Transfer(u.Leader(id), NodeId(child_leader), &asked));
      }
      return leader == child_leader;
    }));
  }
  void Fill(uint64_t id, const std::string& prefix) {
    for (int i = 0; i < 200; ++i) u.Put(id, absl::StrCat(prefix, i % 5), absl::StrCat("v", i));
  }
  Group* Here(uint64_t id) { return u.machines_[victim].host->Find(GroupId(id)); }
  std::string Newest(const std::string& key) {
    return *u.machines_[victim].host->store()->Get(key, Timestamp::Max().Prev())->value;
  }
  bool Holds(const std::string& key) {
    return u.machines_[victim].host->store()->Get(key, Timestamp::Max().Prev())->value.has_value();
  }
  void Wake() {
    u.network_.Cut(NodeId(parent_leader), NodeId(victim));
    u.Start(victim);
  }

  Universe u;
  uint32_t parent_leader = 0, victim = 0, child_leader = 0;
  uint64_t child = 0;
};

TEST(GroupRangesTest, ALaggingParentWritesNothingIntoAPieceThatCameBySnapshot) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Laggard l(seed);
    Universe& u = l.u;
    const Timestamp written = u.Put(1, "z", "once");
    // The log comes in several messages, each applied in a turn of its own.
    for (int i = 0; i < 8; ++i) u.Put(1, absl::StrCat("b", i), std::string(100 << 10, 'b'));
    const Timestamp removed = u.Remove(1, "z");
    l.Split(1, "m", l.child);
    l.Fill(l.child, "y");
    const auto collected = [&] {
      Group* g = u.Leader(l.child);
      return g != nullptr && g->store()->Get("z", removed)->version == Timestamp();
    };
    // A group is looked through again when something was written.
    for (int i = 0; i < 20 && !collected(); ++i) {
      l.Fill(l.child, "y");
      u.Until(collected, 2 * kSecond);
    }
    ASSERT_TRUE(collected()) << "nothing is left of z, its tombstone included; seed " << seed;
    l.Wake();
    ASSERT_TRUE(u.Until([&] { return l.Here(l.child) && l.Here(l.child)->initialised(); })) << seed;
    ASSERT_EQ(l.Here(1)->range().end, "") << "the parent here is behind; seed " << seed;
    EXPECT_FALSE(l.Holds("z"));
    // What the parent's replica would have to show is not all here any more.
    EXPECT_TRUE(absl::IsUnavailable(l.Here(1)->SafeFor({KeyRange::Point("z")}).status()));
    EXPECT_TRUE(absl::IsUnavailable(l.Here(1)->CheckUncovered(KeyRange{"b", ""})));
    EXPECT_TRUE(l.Here(1)->CheckUncovered(KeyRange{"b", "m"}).ok());
    u.Crash(l.victim, false);  // nor is it forgotten
    l.Wake();
    ASSERT_EQ(l.Here(1)->range().end, "") << seed;
    EXPECT_TRUE(absl::IsUnavailable(l.Here(1)->CheckUncovered(KeyRange{"b", ""})));
    u.network_.HealAll();
    bool resurrected = false;
    ASSERT_TRUE(u.Until([&] {
      resurrected |= l.Holds("z");
      return l.Here(1)->range().end == "m" && l.Here(1)->state().last_ts() >= removed;
    })) << seed;
    EXPECT_FALSE(resurrected) << "of " << written.us << "; seed " << seed;
    EXPECT_EQ(l.Newest("b7"), std::string(100 << 10, 'b'));
    // Nor after the store went back, and the log is replayed.
    u.Crash(l.victim, true);
    u.Start(l.victim);
    ASSERT_TRUE(u.Until([&] {
      resurrected |= l.Holds("z");
      return l.Here(1)->range().end == "m" && l.Here(l.child) && l.Here(l.child)->initialised();
    })) << seed;
    EXPECT_FALSE(resurrected) << seed;
    // Whatever the parent gets by a merge from now on is its own to write.
    EXPECT_FALSE(l.Here(1)->state().Covers(KeyRange{"", ""})) << seed;
  }
}

// One voter was away while the group was split; the others go on so long that it can only get a
// snapshot of the parent, which is behind the split. Then a second one is lost for good.
TEST(GroupRangesTest, AVoterThatASnapshotCarriedPastASplitVotesInTheChild) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    GroupHost::Options options;
    options.checkpoint_entries = 10;
    options.keep_entries = 60;
    Universe u(seed, options);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    const uint32_t away = u.LeaderNode(1) % 3 + 1;
    u.Put(1, "z", "old");
    u.Crash(away, false);
    peer::Command c;
    c.mutable_split()->set_key("m");
    c.mutable_split()->set_new_group(7);
    ASSERT_TRUE(u.Leader(1)->Propose(std::move(c)).ok());
    ASSERT_TRUE(u.Until([&] { return u.Leader(7) != nullptr; })) << seed;
    u.Put(7, "z", "new");
    for (int i = 0; i < 200; ++i) u.Put(1, absl::StrCat("a", i % 5), absl::StrCat("v", i));
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr && u.Leader(7) != nullptr; }));
    u.Crash(u.LeaderNode(7), false);
    u.Start(away);
    const auto here = [&] { return u.machines_[away].host->Find(GroupId(7)); };
    const auto promised = [&] {
      return here() != nullptr && here()->replica()->hard_state().promised != Ballot();
    };
    ASSERT_TRUE(u.Until(promised)) << seed;
    if (seed % 2 == 0) {
      u.scheduler_.RunUntil(u.scheduler_.now() + static_cast<Micros>(seed) * 1000);
      u.Crash(away, true);  // what it promised holds
      u.Start(away);
    }
    ASSERT_TRUE(u.Until([&] { return u.Leader(7) != nullptr && here()->initialised(); })) << seed;
    EXPECT_EQ(u.ReadAt(u.Leader(7), "z", Timestamp::Max().Prev()), "new");
    u.Put(7, "z", "newer");
    u.Crash(away, true);
    u.Start(away);
    ASSERT_TRUE(u.Until([&] { return u.Leader(7) != nullptr; })) << seed;
    EXPECT_EQ(u.ReadAt(u.Leader(7), "z", Timestamp::Max().Prev()), "newer");
  }
}

// Nobody whom it knows has the merged group any more. It keeps its replica as long as one of the
// group it was merged into may yet ask for it.
TEST(GroupRangesTest, AReplicaThatWasRemovedBeforeAMergeHearsOfTheMerge) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Universe u(seed);
    SplitOffSeven(&u);
    u.Put(7, "z", "right");
    uint32_t victim = 1;
    while (victim == u.LeaderNode(1) || victim == u.LeaderNode(7)) ++victim;
    u.Crash(victim, false);
    for (const uint64_t group : {7, 1}) {
      const Change removed(&u, group, victim, true);
      ASSERT_TRUE(u.Until([&] { return removed.status.ok(); })) << removed.status << "; " << seed;
    }
    std::vector<NodeId> left;
    for (uint32_t n : {1, 2, 3}) {
      if (n != victim) left.push_back(NodeId(n));
    }
    std::optional<Proposal> proposed;
    MergeSeven(&u, left, &proposed);
    ASSERT_TRUE(u.Until(
        [&] { return u.Leader(1) != nullptr && u.Leader(1)->state().HasAbsorbed(GroupId(7)); }));
    u.Until([] { return false; }, 60 * kSecond);  // nobody tells it any more that it is out
    u.Start(victim);
    GroupHost* host = u.machines_[victim].host.get();
    ASSERT_NE(host->Find(GroupId(7)), nullptr);
    EXPECT_TRUE(u.Until([&] { return host->Find(GroupId(7)) == nullptr; }, 60 * kSecond)) << seed;
    EXPECT_EQ(host->Find(GroupId(1)), nullptr);
    EXPECT_TRUE(host->quarantined().empty());
  }
}

// The child's replica here has a later life than the parent's log knows, and is still blank; its
// own child is here already.
TEST(GroupRangesTest, AReplayedSplitClearsNothingThatALaterPieceHolds) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Laggard l(seed);
    Universe& u = l.u;
    l.Split(1, "m", l.child);
    const uint64_t grandchild = l.child + 3;
    u.Put(l.child, "n", "of the child");
    u.Put(l.child, "z", "of the grandchild");
    l.Split(l.child, "t", grandchild);
    l.Fill(grandchild, "y");
    // Out of the child, and in again under another number.
    const Change removed(&u, l.child, l.victim, true);
    ASSERT_TRUE(u.Until([&] { return removed.status.ok(); })) << removed.status << "; " << seed;
    u.Until([] { return false; }, 60 * kSecond);  // nobody tells it any more that it is out
    l.Wake();
    ASSERT_TRUE(u.Until([&] { return l.Here(grandchild) && l.Here(grandchild)->initialised(); }));
    ASSERT_EQ(l.Here(1)->range().end, "");
    const Change added(&u, l.child, l.victim, false);
    ASSERT_TRUE(u.Until([&] { return l.Here(l.child) != nullptr; })) << added.status;
    u.network_.Cut(NodeId(l.child_leader), NodeId(l.victim));
    ASSERT_FALSE(l.Here(l.child)->initialised());
    ASSERT_NE(l.Here(l.child)->replica()->id(), l.Here(1)->replica()->id());
    u.network_.HealAll();
    u.network_.Cut(NodeId(l.child_leader), NodeId(l.victim));
    ASSERT_TRUE(u.Until([&] { return l.Here(1)->range().end == "m"; })) << seed;
    EXPECT_FALSE(l.Here(l.child)->initialised());
    EXPECT_TRUE(l.Holds("z")) << seed;
    EXPECT_TRUE(l.Holds("y4")) << seed;
    EXPECT_FALSE(l.Holds("n")) << "it comes with the child's snapshot; seed " << seed;
    u.network_.HealAll();
    ASSERT_TRUE(u.Until([&] { return l.Here(l.child)->initialised() && l.Holds("n"); })) << seed;
  }
}

}  // namespace
}  // namespace isochron::tablet
