// SPDX-License-Identifier: Apache-2.0
#include "tests/tablet/universe.h"

#include <limits>

#include "paxos/lease/incarnation.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {
namespace {

peer::GroupDescriptor Descriptor(uint64_t id, std::string start, std::string end) {
  peer::GroupDescriptor d;
  d.set_group(id);
  d.mutable_range()->set_start(std::move(start));
  d.mutable_range()->set_end(std::move(end));
  d.set_generation(1);
  for (uint32_t v : {1, 2, 3}) d.add_voters(v);
  return d;
}

}  // namespace

Universe::Universe(uint64_t seed, GroupHost::Options options, int groups)
    : groups_(groups),
      random_(seed),
      options_(options),
      network_(&scheduler_, {}, 1, random_.Fork()) {
  for (uint32_t n = 1; n <= 3; ++n) {
    Machine& m = machines_[n];
    m.clock = std::make_unique<sim::SimTrueTime>(&scheduler_, sim::ClockOptions{}, random_.Fork());
    m.disk = std::make_unique<sim::SimDisk>(sim::DiskOptions{}, random_.Fork());
    m.engine = std::make_unique<storage::MemEngine>();
    Start(n, true);
  }
}

void Universe::Start(uint32_t n, bool bootstrap) {
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
                                   },
                               .may_append = [this, n] { return !full_.contains(n); }},
                              options);
  ASSERT_TRUE(host.ok()) << host.status();
  m.host = *std::move(host);
  if (bootstrap) ASSERT_TRUE(m.host->Bootstrap(Initial()).ok());
  m.host->Start();
}

std::vector<peer::GroupDescriptor> Universe::Initial() const {
  std::vector<peer::GroupDescriptor> out;
  for (int i = 1; i <= groups_; ++i) {
    out.push_back(
        Descriptor(static_cast<uint64_t>(i), StartOf(i), i == groups_ ? "" : StartOf(i + 1)));
  }
  return out;
}

void Universe::Crash(uint32_t n, bool power) {
  Machine& m = machines_[n];
  Destroy(&m);
  if (power) m.disk->CrashPower();
  m.engine->CrashToFlushedPrefix(&random_);
}

bool Universe::Until(std::function<bool()> done, Micros patience) {
  absl::AnyInvocable<bool()> f = std::move(done);
  return scheduler_.RunUntil(f, scheduler_.now() + patience);
}

uint32_t Universe::LeaderNode(uint64_t id) {
  for (auto& [n, m] : machines_) {
    if (!m.host) continue;
    Group* g = m.host->Find(GroupId(id));
    if (g != nullptr && g->Leading().ok()) return n;
  }
  return 0;
}

Group* Universe::Leader(uint64_t id) {
  for (auto& [n, m] : machines_) {
    if (!m.host) continue;
    Group* g = m.host->Find(GroupId(id));
    if (g != nullptr && g->Leading().ok()) return g;
  }
  return nullptr;
}

Timestamp Universe::Write(uint64_t id, const std::string& key,
                          const std::optional<std::string>& value) {
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
  EXPECT_TRUE(Until([&] { return Applied(id, s); })) << key;
  return s;
}

bool Universe::Applied(uint64_t id, Timestamp s) {
  Group* g = Leader(id);
  return g != nullptr && g->state().last_ts() >= s;
}

std::string Universe::ReadAt(Group* g, const std::string& key, Timestamp t) {
  auto r = g->store()->Get(key, t);
  EXPECT_TRUE(r.ok());
  return r->value.value_or("(none)");
}

Task<void> Universe::ReadSafe(Group* g, Timestamp t, Timestamp least, int* done) {
  auto ctx = std::make_shared<RequestContext>(machines_[1].executor->MonotonicNow() + kSecond);
  ctx->set_deadline_us(std::numeric_limits<Micros>::max() / 2);
  auto got = co_await g->WaitSafe(ctx, {KeyRange::Point("a")}, t);
  EXPECT_TRUE(got.ok()) << got.status();
  if (got.ok()) EXPECT_GE(*got, least);
  ++*done;
}

Task<absl::StatusOr<peer::GroupResponse>> Universe::AskLeader(Ctx ctx, GroupId id,
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

void Universe::Destroy(Machine* m) {
  if (m->executor) m->executor->Kill();
  m->host.reset();
  m->rpc.reset();
  m->mounted.reset();
  m->transport.reset();
}

}  // namespace isochron::tablet
