// SPDX-License-Identifier: Apache-2.0
//
// Whole nodes over the simulated seams: transactions through the gateway, across split groups.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/node/node.h"
#include "sim/world/scheduler.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"
#include "sim/world/sim_truetime.h"
#include "storage/engine/mem_engine.h"

namespace isochron::server {
namespace {

constexpr Micros kSecond = 1'000'000;

std::string Key(int i) { return absl::StrCat("\x02k", i); }

class Universe {
 public:
  struct Machine {
    std::unique_ptr<sim::SimTrueTime> clock;
    std::unique_ptr<sim::SimDisk> disk;
    std::unique_ptr<storage::MemEngine> engine;
    std::unique_ptr<sim::SimExecutor> executor;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<Disk> mounted;
    std::unique_ptr<Node> node;
    std::unique_ptr<TaskScope> scope;
  };

  explicit Universe(uint64_t seed) : random_(seed), network_(&scheduler_, {}, 3, random_.Fork()) {
    for (uint32_t n = 1; n <= 3; ++n) {
      peers_.push_back({NodeId(n), absl::StrCat("r", n), "a", absl::StrCat("n", n)});
    }
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

  void Start(uint32_t n, bool bootstrap) {
    Machine& m = machines_[n];
    m.executor = std::make_unique<sim::SimExecutor>(&scheduler_, ++owner_, sim::ExecutorOptions{},
                                                    random_.Fork());
    m.transport = network_.Attach(NodeId(n), static_cast<int>(n - 1), m.executor.get());
    m.mounted = m.disk->Mount(m.executor.get());
    Node::Options options;
    options.universe = peers_;
    options.bootstrap = bootstrap;
    options.seed = random_.Next();
    auto node = Node::Open({.executor = m.executor.get(),
                            .truetime = m.clock.get(),
                            .transport = m.transport.get(),
                            .disk = m.mounted.get(),
                            .engine = m.engine.get(),
                            .observer = &observer_,
                            .on_fatal = [](absl::Status s) { FAIL() << s; }},
                           options);
    ASSERT_TRUE(node.ok()) << node.status();
    m.node = *std::move(node);
    m.scope = std::make_unique<TaskScope>();
    m.node->Start();
  }
  void Crash(uint32_t n) {
    Destroy(&machines_[n]);
    machines_[n].disk->CrashPower();
    machines_[n].engine->CrashToFlushedPrefix(&random_);
  }
  void Destroy(Machine* m) {
    if (m->executor) m->executor->Kill();
    m->scope.reset();
    m->node.reset();
    m->mounted.reset();
    m->transport.reset();
  }
  bool Until(std::function<bool()> done, Micros patience = 60 * kSecond) {
    absl::AnyInvocable<bool()> f = std::move(done);
    return scheduler_.RunUntil(f, scheduler_.now() + patience);
  }
  Ctx MakeCtx(uint32_t n, Micros timeout = 20 * kSecond) {
    return std::make_shared<RequestContext>(machines_[n].executor->MonotonicNow() + timeout);
  }
  // Runs a coroutine on node n to its end.
  template <typename F, typename... Args>
  absl::Status Run(uint32_t n, F f, Args... args) {
    std::optional<absl::Status> out;
    machines_[n].scope->Spawn(Wrap(f(machines_[n].node->store(), MakeCtx(n), args...), &out));
    EXPECT_TRUE(Until([&] { return out.has_value(); }));
    return out.value_or(absl::UnknownError("did not end"));
  }
  static Task<void> Wrap(Task<absl::Status> t, std::optional<absl::Status>* out) {
    *out = co_await t;
  }

  sim::SimScheduler scheduler_;
  Random random_;
  sim::SimNetwork network_;
  Observer observer_;
  uint32_t owner_ = 0;
  std::vector<PeerInfo> peers_;
  std::map<uint32_t, Machine> machines_;
};

Task<absl::Status> PutAll(txn::Store* store, Ctx ctx, int n, int value) {
  auto t = store->Begin(ctx);
  ISO_CO_RETURN_IF_ERROR(t.status());
  for (int i = 0; i < n; ++i) {
    ISO_CO_RETURN_IF_ERROR((*t)->Put(Key(i), absl::StrCat(value)));
  }
  auto done = co_await (*t)->Commit(ctx, {});
  co_return done.status();
}

// Moves `amount` from one key to another; retries like a session would.
Task<absl::Status> Transfer(txn::Store* store, Ctx ctx, int from, int to, int amount) {
  auto t = store->Begin(ctx);
  ISO_CO_RETURN_IF_ERROR(t.status());
  for (;;) {
    absl::Status status;
    auto a = co_await (*t)->Get(ctx, Key(from), txn::LockMode::kExclusive);
    auto b = a.ok() ? co_await (*t)->Get(ctx, Key(to), txn::LockMode::kExclusive) : a;
    status = b.status();
    if (status.ok()) {
      int x = 0, y = 0;
      EXPECT_TRUE(absl::SimpleAtoi(**a, &x) && absl::SimpleAtoi(**b, &y));
      EXPECT_TRUE((*t)->Put(Key(from), absl::StrCat(x - amount)).ok());
      EXPECT_TRUE((*t)->Put(Key(to), absl::StrCat(y + amount)).ok());
      auto done = co_await (*t)->Commit(ctx, {});
      status = done.status();
    }
    if (!absl::IsAborted(status)) co_return status;
    co_await SleepFor(store->executor(), 5000);
    auto again = store->Retry(ctx, **t);
    ISO_CO_RETURN_IF_ERROR(again.status());
    t = std::move(again);
  }
}

Task<absl::Status> Sum(txn::Store* store, Ctx ctx, int* sum) {
  auto t = store->BeginReadOnly(ctx, std::nullopt);
  ISO_CO_RETURN_IF_ERROR(t.status());
  *sum = 0;
  std::optional<KeyRange> rest = KeyRange{"\x02k", "\x02l"};
  while (rest) {
    auto rows = co_await (*t)->Scan(ctx, txn::ScanRequest{*rest});
    ISO_CO_RETURN_IF_ERROR(rows.status());
    for (const auto& r : rows->rows) {
      int x = 0;
      EXPECT_TRUE(absl::SimpleAtoi(r.value, &x));
      *sum += x;
    }
    rest = rows->rest;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Split(txn::Store* store, Ctx ctx, std::string key) {
  co_return co_await store->SplitAt(ctx, key);
}

TEST(NodeTest, TransactionsAcrossSplitGroupsKeepTheSum) {
  Universe u(1);
  ASSERT_TRUE(u.Run(1, PutAll, 10, 100).ok());
  int sum = 0;
  ASSERT_TRUE(u.Run(2, Sum, &sum).ok());
  EXPECT_EQ(sum, 1000);
  for (int k : {3, 6, 8}) {
    absl::Status s = u.Run(1 + k % 3, Split, Key(k));
    ASSERT_TRUE(s.ok()) << s;
  }
  ASSERT_TRUE(u.Run(3, Sum, &sum).ok());
  EXPECT_EQ(sum, 1000);
  // A replica that is behind makes its groups later.
  EXPECT_TRUE(u.Until([&] { return u.machines_[1].node->host()->Groups().size() == 5u; }));
  for (int i = 0; i < 30; ++i) {
    absl::Status s = u.Run(1 + i % 3, Transfer, i % 10, (i * 7 + 3) % 10, 1);
    ASSERT_TRUE(s.ok()) << i << s;
    ASSERT_TRUE(u.Run(1 + (i + 1) % 3, Sum, &sum).ok());
    ASSERT_EQ(sum, 1000);
  }
}

TEST(NodeTest, ConcurrentTransfersUnderCrashesKeepTheSum) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Universe u(seed);
    ASSERT_TRUE(u.Run(1, PutAll, 8, 100).ok());
    for (int k : {2, 4, 6}) ASSERT_TRUE(u.Run(1, Split, Key(k)).ok());
    for (int round = 0; round < 6; ++round) {
      std::map<int, std::optional<absl::Status>> results;
      for (int i = 0; i < 12; ++i) {
        const uint32_t n = 1 + i % 3;
        u.machines_[n].scope->Spawn(
            Universe::Wrap(Transfer(u.machines_[n].node->store(), u.MakeCtx(n), (i + round) % 8,
                                    (i + round + 1 + i % 7) % 8, 1),
                           &results[i]));
      }
      u.scheduler_.RunUntil(u.scheduler_.now() + 5000 + 3000 * round);
      const uint32_t victim = 1 + (seed + round) % 3;
      u.Crash(victim);
      u.scheduler_.RunUntil(u.scheduler_.now() + kSecond * (round % 3));
      u.Start(victim, false);
      ASSERT_TRUE(u.Until([&] {
        for (int i = 0; i < 12; ++i) {
          if (1 + i % 3 != static_cast<int>(victim) && !results[i]) return false;
        }
        return true;
      })) << seed
          << " " << round;
      int sum = 0;
      absl::Status s = u.Run(victim, Sum, &sum);
      ASSERT_TRUE(s.ok()) << s;
      ASSERT_EQ(sum, 800) << "seed " << seed << " round " << round;
    }
    // Everything ends: nothing stays prepared, no lock stays held.
    EXPECT_TRUE(u.Until([&] {
      for (auto& [n, m] : u.machines_) {
        peer::NodeInfo info = m.node->LocalInfo();
        if (info.locks_size() > 0) return false;
        for (const auto& r : info.replicas()) {
          if (r.prepared() > 0) return false;
        }
      }
      return true;
    })) << seed;
  }
}

}  // namespace
}  // namespace isochron::server
