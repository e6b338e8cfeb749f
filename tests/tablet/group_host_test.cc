// SPDX-License-Identifier: Apache-2.0
//
// A node's groups over the simulated seams: leadership, timestamps, safe reads, splits, restarts.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/rpc/peer_rpc.h"
#include "paxos/lease/incarnation.h"
#include "sim/world/scheduler.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"
#include "sim/world/sim_truetime.h"
#include "storage/engine/mem_engine.h"
#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"

namespace isochron::tablet {
namespace {

constexpr Micros kSecond = 1'000'000;

peer::GroupDescriptor Descriptor(uint64_t id, std::string start, std::string end) {
  peer::GroupDescriptor d;
  d.set_group(id);
  d.mutable_range()->set_start(std::move(start));
  d.mutable_range()->set_end(std::move(end));
  d.set_generation(1);
  for (uint32_t v : {1, 2, 3}) d.add_voters(v);
  return d;
}

class CountingObserver : public Observer {
 public:
  void Count(absl::string_view name, int64_t delta) override { counts[std::string(name)] += delta; }
  std::map<std::string, int64_t> counts;
};

class Universe {
 public:
  struct Machine {
    std::unique_ptr<sim::SimTrueTime> clock;
    std::unique_ptr<sim::SimDisk> disk;
    std::unique_ptr<storage::MemEngine> engine;
    // One process incarnation; destroyed from the last to the first.
    std::unique_ptr<sim::SimExecutor> executor;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<Disk> mounted;
    std::unique_ptr<rpc::PeerRpc> rpc;
    std::unique_ptr<GroupHost> host;
  };

  explicit Universe(uint64_t seed, GroupHost::Options options = {}, int groups = 1)
      : groups_(groups),
        random_(seed),
        options_(options),
        network_(&scheduler_, {}, 1, random_.Fork()) {
    for (uint32_t n = 1; n <= 3; ++n) {
      Machine& m = machines_[n];
      m.clock =
          std::make_unique<sim::SimTrueTime>(&scheduler_, sim::ClockOptions{}, random_.Fork());
      m.disk = std::make_unique<sim::SimDisk>(sim::DiskOptions{}, random_.Fork());
      m.engine = std::make_unique<storage::MemEngine>();
      Start(n, true);
    }
  }
  ~Universe() {
    for (auto& [n, m] : machines_) Destroy(&m);
  }

  void Start(uint32_t n, bool bootstrap = false) {
    Machine& m = machines_[n];
    m.executor = std::make_unique<sim::SimExecutor>(&scheduler_, ++owner_, sim::ExecutorOptions{},
                                                    random_.Fork());
    m.transport = network_.Attach(NodeId(n), 0, m.executor.get());
    m.mounted = m.disk->Mount(m.executor.get());
    auto incarnation = paxos::RaiseIncarnation(m.mounted.get(), "incarnation", 1);
    ASSERT_TRUE(incarnation.ok()) << incarnation.status();
    m.rpc = std::make_unique<rpc::PeerRpc>(m.executor.get(), m.transport.get(), &observer_,
                                           incarnation->now, rpc::PeerRpc::Limits{});
    GroupHost::Options options = options_;
    options.incarnation = incarnation->now;
    options.seed = random_.Next() % 1000;
    auto host = GroupHost::Open({.executor = m.executor.get(),
                                 .truetime = m.clock.get(),
                                 .transport = m.transport.get(),
                                 .rpc = m.rpc.get(),
                                 .disk = m.mounted.get(),
                                 .engine = m.engine.get(),
                                 .observer = &observer_,
                                 .listener = nullptr,
                                 .on_fatal = [](absl::Status s) { FAIL() << s; },
                                 .call_leader =
                                     [this](Ctx ctx, GroupId id, peer::GroupRequest request) {
                                       return AskLeader(std::move(ctx), id, std::move(request));
                                     }},
                                options);
    ASSERT_TRUE(host.ok()) << host.status();
    m.host = *std::move(host);
    if (bootstrap) ASSERT_TRUE(m.host->Bootstrap(Initial()).ok());
    m.host->Start();
  }

  // Group i begins at StartOf(i).
  static std::string StartOf(int i) { return i == 1 ? "" : absl::StrFormat("g%05d", i); }
  std::vector<peer::GroupDescriptor> Initial() const {
    std::vector<peer::GroupDescriptor> out;
    for (int i = 1; i <= groups_; ++i) {
      out.push_back(
          Descriptor(static_cast<uint64_t>(i), StartOf(i), i == groups_ ? "" : StartOf(i + 1)));
    }
    return out;
  }

  void Crash(uint32_t n, bool power) {
    Machine& m = machines_[n];
    Destroy(&m);
    if (power) m.disk->CrashPower();
    m.engine->CrashToFlushedPrefix(&random_);
  }

  bool Until(std::function<bool()> done, Micros patience = 30 * kSecond) {
    absl::AnyInvocable<bool()> f = std::move(done);
    return scheduler_.RunUntil(f, scheduler_.now() + patience);
  }

  // The serving leader, or null.
  Group* Leader(uint64_t id) {
    for (auto& [n, m] : machines_) {
      if (!m.host) continue;
      Group* g = m.host->Find(GroupId(id));
      if (g != nullptr && g->Leading().ok()) return g;
    }
    return nullptr;
  }
  uint32_t LeaderNode(uint64_t id) {
    for (auto& [n, m] : machines_) {
      if (!m.host) continue;
      Group* g = m.host->Find(GroupId(id));
      if (g != nullptr && g->Leading().ok()) return n;
    }
    return 0;
  }

  // Writes through the leader; the commit timestamp, or 0.
  Timestamp Put(uint64_t id, const std::string& key, const std::string& value) {
    return Write(id, key, value);
  }
  Timestamp Remove(uint64_t id, const std::string& key) { return Write(id, key, std::nullopt); }
  Timestamp Write(uint64_t id, const std::string& key, const std::optional<std::string>& value) {
    Timestamp s;
    const uint64_t sequence = ++sequence_;
    Until([&] {
      Group* g = Leader(id);
      if (g == nullptr) return false;
      peer::Command c;
      auto* w = c.mutable_commit_one_round();
      ToProto(TxnAttempt{TxnId{Timestamp(1), NodeId(9), 1, sequence}, 0}, w->mutable_txn());
      w->set_commit_start_us(scheduler_.now());
      auto* write = w->add_writes();
      write->set_key(key);
      if (value) write->set_value(*value);
      write->set_tombstone(!value);
      auto p = g->Propose(std::move(c));
      if (!p.ok()) return false;
      s = p->s;
      return true;
    });
    EXPECT_TRUE(Until([&] { return p_applied(id, s); })) << key;
    return s;
  }
  bool p_applied(uint64_t id, Timestamp s) {
    Group* g = Leader(id);
    return g != nullptr && g->state().last_ts() >= s;
  }

  std::string ReadAt(Group* g, const std::string& key, Timestamp t) {
    auto r = g->store()->Get(key, t);
    EXPECT_TRUE(r.ok());
    return r->value.value_or("(none)");
  }

  // Counts in `done` when `t` (0: strong) is readable at `g`, at or above `least`.
  Task<void> ReadSafe(Group* g, Timestamp t, Timestamp least, int* done) {
    auto ctx = std::make_shared<RequestContext>(machines_[1].executor->MonotonicNow() + kSecond);
    ctx->set_deadline_us(std::numeric_limits<Micros>::max() / 2);
    auto got = co_await g->WaitSafe(ctx, {KeyRange::Point("a")}, t);
    EXPECT_TRUE(got.ok()) << got.status();
    if (got.ok()) EXPECT_GE(*got, least);
    ++*done;
  }
  // As the transaction layer would: over no network.
  Task<absl::StatusOr<peer::GroupResponse>> AskLeader(Ctx ctx, GroupId id,
                                                      peer::GroupRequest request) {
    Group* leader = answer_promises_ ? Leader(id.value) : nullptr;
    if (leader == nullptr) co_return absl::UnavailableError("no leader");
    ++asked_;
    auto promise = co_await leader->Promise(ctx, Timestamp(request.promise().t_us()));
    if (!promise.ok()) co_return promise.status();
    peer::GroupResponse response;
    *response.mutable_promise() = *promise;
    co_return response;
  }

  void Destroy(Machine* m) {
    if (m->executor) m->executor->Kill();
    m->host.reset();
    m->rpc.reset();
    m->mounted.reset();
    m->transport.reset();
  }

  const int groups_;
  sim::SimScheduler scheduler_;
  Random random_;
  GroupHost::Options options_;
  sim::SimNetwork network_;
  CountingObserver observer_;
  uint32_t owner_ = 0;
  uint64_t sequence_ = 0;
  bool answer_promises_ = false;
  int asked_ = 0;
  std::map<uint32_t, Machine> machines_;
};

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

TEST(GroupHostTest, SplitMakesAChildThatLeadsAndKeepsItsRows) {
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
TEST(GroupHostTest, AFrozenNeighbourIsMergedOnEveryReplica) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Universe u(seed);
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    peer::Command split;
    split.mutable_split()->set_key("m");
    split.mutable_split()->set_new_group(7);
    ASSERT_TRUE(u.Leader(1)->Propose(std::move(split)).ok());
    ASSERT_TRUE(u.Until([&] { return u.Leader(7) != nullptr; })) << seed;
    u.Put(1, "a", "left");
    u.Put(7, "z", "right");
    Group* right = u.Leader(7);
    peer::Command freeze;
    freeze.mutable_freeze()->set_owner(1);
    freeze.mutable_freeze()->set_token(5);
    auto frozen = right->Propose(std::move(freeze));
    ASSERT_TRUE(frozen.ok()) << frozen.status();
    EXPECT_FALSE(right->Leading().ok());  // from here on nothing is assigned or served
    const auto voters = {NodeId(1), NodeId(2), NodeId(3)};
    ASSERT_TRUE(u.Until([&] {
      return right->state().frozen() && std::all_of(voters.begin(), voters.end(), [&](NodeId n) {
               return right->replica()->MatchOf(n) >= frozen->index;
             });
    }));
    ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
    Group* left = u.Leader(1);
    peer::Command merge;
    *merge.mutable_merge()->mutable_right() = right->descriptor();
    merge.mutable_merge()->set_right_index(frozen->index);
    merge.mutable_merge()->set_token(5);
    merge.mutable_merge()->set_left_generation(left->descriptor().generation());
    auto proposed = left->Propose(std::move(merge), frozen->s.Next());
    ASSERT_TRUE(proposed.ok()) << proposed.status();
    EXPECT_GT(proposed->s, frozen->s);
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

TEST(GroupHostTest, AThawNeedsTheTokenOfItsFreeze) {
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

Task<void> ReadAfter(Group* g, Executor* executor, Timestamp t, bool* done,
                     absl::StatusOr<Timestamp>* result) {
  auto ctx = std::make_shared<RequestContext>(executor->MonotonicNow() + 5 * kSecond);
  std::vector<KeyRange> spans = {KeyRange::Point("k")};
  *result = co_await g->WaitReadable(ctx, std::move(spans), t);
  *done = true;
}

TEST(GroupHostTest, AServedReadBindsLaterWriters) {
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

TEST(GroupHostTest, APreparedWriteHoldsBackReadsAboveItsTimestampOnly) {
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

TEST(GroupHostTest, LeadershipIsHandedOverWithoutWaitingForTheLease) {
  Universe u(6);
  ASSERT_TRUE(u.Until([&] { return u.Leader(1) != nullptr; }));
  const Timestamp s = u.Put(1, "a", "1");
  const uint32_t from = u.LeaderNode(1);
  const uint32_t to = from % 3 + 1;
  struct Run {
    static Task<void> Go(Group* g, NodeId n, absl::Status* out) {
      *out = co_await g->TransferTo(n);
    }
  };
  absl::Status status = absl::UnknownError("running");
  TaskScope scope;
  scope.Spawn(Run::Go(u.Leader(1), NodeId(to), &status));
  const Micros began = u.scheduler_.now();
  ASSERT_TRUE(u.Until([&] { return u.LeaderNode(1) == to; })) << status << u.LeaderNode(1);
  EXPECT_LT(u.scheduler_.now() - began, kSecond);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GT(u.Put(1, "a", "2"), s);
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

TEST(GroupHostTest, ALaggingParentWritesNothingIntoAPieceThatCameBySnapshot) {
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
TEST(GroupHostTest, AVoterThatASnapshotCarriedPastASplitVotesInTheChild) {
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

// The child's replica here has a later life than the parent's log knows, and is still blank; its
// own child is here already.
TEST(GroupHostTest, AReplayedSplitClearsNothingThatALaterPieceHolds) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Laggard l(seed);
    Universe& u = l.u;
    std::vector<std::unique_ptr<TaskScope>> changes;
    l.Split(1, "m", l.child);
    const uint64_t grandchild = l.child + 3;
    u.Put(l.child, "n", "of the child");
    u.Put(l.child, "z", "of the grandchild");
    l.Split(l.child, "t", grandchild);
    l.Fill(grandchild, "y");
    // Out of the child, and in again under another number.
    const auto change = [&](bool remove) {
      peer::Replica replica;
      replica.set_node(l.victim);
      struct Run {
        static Task<void> Go(Group* g, Executor* executor, peer::Replica r, bool remove,
                             absl::Status* out) {
          auto ctx = std::make_shared<RequestContext>(executor->MonotonicNow() + 5 * kSecond);
          *out = co_await g->ChangeReplica(ctx, r, remove);
        }
      };
      auto done = std::make_shared<absl::Status>(absl::UnknownError("under way"));
      changes.push_back(std::make_unique<TaskScope>());
      changes.back()->Spawn(Run::Go(u.Leader(l.child), u.machines_[l.child_leader].executor.get(),
                                    replica, remove, done.get()));
      return done;
    };
    auto removed = change(true);
    ASSERT_TRUE(u.Until([&] { return removed->ok(); })) << *removed << "; seed " << seed;
    u.Until([] { return false; }, 60 * kSecond);  // nobody tells it any more that it is out
    l.Wake();
    ASSERT_TRUE(u.Until([&] { return l.Here(grandchild) && l.Here(grandchild)->initialised(); }));
    ASSERT_EQ(l.Here(1)->range().end, "");
    auto added = change(false);
    ASSERT_TRUE(u.Until([&] { return l.Here(l.child) != nullptr; })) << *added;
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
    changes.clear();
  }
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
