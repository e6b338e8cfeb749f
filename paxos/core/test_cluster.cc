// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/test_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::paxos {
namespace {

constexpr Micros kTick = 10'000;
const GroupId kGroup(7);

}  // namespace

absl::StatusOr<TTInterval> TestCluster::Clock::Now() {
  if (!vouched) return absl::UnavailableError("no bound");
  const Timestamp middle(world->now_ + offset);
  return TTInterval{middle - world->options_.clock_bound_us,
                    middle + world->options_.clock_bound_us};
}

absl::StatusOr<std::vector<Entry>> TestCluster::Node::ReadEntries(GroupId, LogIndex lo, LogIndex hi,
                                                                  size_t max_bytes) {
  std::vector<Entry> out;
  size_t bytes = 0;
  for (auto it = disk.entries.find(lo); it != disk.entries.end() && it->first <= hi; ++it) {
    bytes += it->second.Bytes();
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(it->second);
  }
  if (out.empty()) return absl::NotFoundError("not on disk");
  return out;
}

TestCluster::TestCluster(ClusterOptions options)
    : options_(options), random_(options.seed), faults_(options.faults) {
  std::vector<NodeId> ids;
  for (int i = 1; i <= options_.nodes; ++i) ids.push_back(NodeId(i));
  for (NodeId id : ids) {
    auto n = std::make_unique<Node>();
    n->id = id;
    n->clock.world = this;
    nodes_.push_back(std::move(n));
  }
  if (options_.members != 0) ids.resize(static_cast<size_t>(options_.members));
  configs_[kInitialIndex] = Config::OfVoters(ids);
  if (options_.witnesses && ids.size() > 1) {
    configs_[kInitialIndex].members.back().kind = ReplicaKind::kWitness;
  }
  for (const auto& n : nodes_) {
    if (ConfigAt(kInitialIndex).Find(n->id) == nullptr) {
      n->disk.life = ++last_life_;
      continue;
    }
    n->disk.config = ConfigAt(kInitialIndex);
    n->disk.base = LogMark{kInitialIndex, Ballot()};
    n->disk.member = true;
    n->disk.witness = options_.witnesses && ids.size() > 1 && n->id == ids.back();
  }
  for (int i = 0; i < options_.nodes; ++i) Restart(i);
  After(1'000, [this] { Client(); });
  After(50'000, [this] { Fault(); });
  After(5'000, [this] { ClockJitter(); });
  if (options_.members != 0) After(100'000, [this] { Operator(); });
}

void TestCluster::After(Micros delay, std::function<void()> fn) {
  queue_[{now_ + delay, ++sequence_}] = std::move(fn);
}

// Runs on a node: not if it restarted meanwhile, and late if it is stalled.
void TestCluster::OnNode(Node* n, Micros delay, std::function<void()> fn) {
  After(delay, [this, n, life = n->life, fn = std::move(fn)] {
    if (!n->up || n->life != life) return;
    if (n->stalled_until > now_) return OnNode(n, n->stalled_until - now_, fn);
    fn();
  });
}

void TestCluster::RunFor(Micros duration_us) {
  const Micros end = now_ + duration_us;
  while (verdict_.ok() && !queue_.empty() && queue_.begin()->first.first <= end) {
    now_ = queue_.begin()->first.first;
    auto fn = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    fn();
  }
  now_ = end;
}

void TestCluster::Note(const absl::Status& s) {
  if (verdict_.ok() && !s.ok()) verdict_ = s;
}

// --- nodes ---------------------------------------------------------------------------------------

void TestCluster::Crash(int i) {
  Node* n = nodes_[i].get();
  n->up = false;
  ++n->life;
  n->persisting.clear();
  n->replica.reset();
  n->support.reset();
}

void TestCluster::Restart(int i) {
  Node* n = nodes_[i].get();
  if (n->up) return;
  ++restarts;
  n->up = true;
  ++n->life;
  n->stalled_until = 0;
  NodeSupport::Options s;
  s.self = n->id;
  s.incarnation = ++n->disk.incarnation;
  s.lease_us = s.max_lease_us = options_.lease_us;
  s.renew_us = options_.lease_us / 3;
  s.sabotage = SabotageSet(options_.sabotage);
  n->support = std::make_unique<NodeSupport>(s, &n->clock);
  std::vector<NodeId> peers;
  for (const auto& p : nodes_) peers.push_back(p->id);
  n->support->SetPeers(peers);
  InitialState initial;
  initial.config = n->disk.config;
  initial.replica_id = n->disk.life;
  initial.hard = n->disk.hard;
  initial.base = n->disk.base;
  initial.applied.index = n->disk.applied;
  initial.witness = n->disk.witness;
  initial.settled = n->disk.settled;
  for (const auto& [index, e] : n->disk.entries) {
    if (index > initial.base.index) initial.entries.push_back(e);
  }
  Replica::Options r;
  r.group = kGroup;
  r.seed = random_.Next();
  r.retry_us = 60'000;
  r.campaign_us = 200'000;
  r.election_jitter_us = 100'000;
  r.max_message_bytes = 2'000;
  r.max_inflight_bytes = 8'000;
  r.cache_bytes = 3'000;
  r.max_apply_bytes = 2'000;
  r.sabotage = SabotageSet(options_.sabotage);
  r.observer = this;
  n->replica = std::make_unique<Replica>(r, std::move(initial), n->support.get(), n);
  n->invariants = ReplicaInvariants();
  n->won.clear();
  n->last_role = Role::kFollower;
  OnNode(n, random_.Between(0, kTick), [this, n] { TickNode(n); });
}

void TestCluster::TickNode(Node* n) {
  n->support->Tick(now_);
  n->replica->Tick(now_);
  Pump(n);
  OnNode(n, kTick, [this, n] { TickNode(n); });
}

void TestCluster::Deliver(Node* from, NodeId to, bool lease, std::string payload) {
  if (faults_ && random_.OneIn(options_.loss)) return;
  const int copies = faults_ && random_.OneIn(0.02) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Micros delay = random_.Between(500, 15'000);
    if (faults_ && random_.OneIn(0.03)) delay += random_.Between(0, 200'000);
    Node* target = ById(to);
    const NodeId sender = from->id;
    After(delay, [this, target, sender, lease, payload] {
      if (!target->up || cut_.contains({sender.value, target->id.value})) return;
      OnNode(target, 0, [this, target, sender, lease, payload] {
        if (lease) {
          Note(target->support->Step(sender, payload));
        } else {
          auto messages = DecodeFrame(payload);
          Note(messages.status());
          if (!messages.ok()) return;
          for (Message& m : *messages) target->replica->Step(sender, std::move(m));
        }
        Pump(target);
      });
    });
  }
}

// What a driver does at the end of a loop turn.
void TestCluster::Pump(Node* n) {
  for (auto& [to, payload] : n->support->TakeMessages()) Deliver(n, to, true, std::move(payload));
  Observe(n);
  while (n->replica->HasReady()) {
    Ready r = n->replica->TakeReady();
    for (const Message& m : r.messages) {
      std::string frame = NewFrame();
      AppendToFrame(m, &frame);
      Deliver(n, m.to, false, std::move(frame));
    }
    for (const Entry& e : r.chosen) {
      Note(ledger_.Add(n->id, e));
      if (e.kind == EntryKind::kConfig) OnConfig(n, e);
      digest = digest * 1099511628211u + e.index * 31 + e.origin.round * 7 + n->id.value;
    }
    for (NodeId to : r.need_snapshot) Install(n, to);
    if (r.token != 0) {
      n->persisting.push_back(std::move(r));
      if (n->persisting.size() == 1) Persist(n);
    }
  }
  if (random_.OneIn(0.01) && n->replica->emitted_index() > n->replica->base().index + 20) {
    LogIndex upto = n->replica->emitted_index() - random_.Between(0, 15);
    if (n->replica->HasWitness()) upto = std::min(upto, n->replica->Settled());
    if (upto > n->replica->base().index) {
      n->disk.base = n->replica->MarkAt(upto);
      n->disk.applied = std::max(n->disk.applied, upto);
      n->disk.config = ConfigAt(n->disk.applied);
      n->disk.settled = n->replica->HasWitness() ? n->replica->Settled() : 0;
      n->disk.entries.erase(n->disk.entries.begin(), n->disk.entries.upper_bound(upto));
      n->replica->Truncate(upto);
    }
  }
  if (options_.witnesses) CheckWitness(n);
  Note(n->invariants.Check(*n->replica));
  Observe(n);
}

void TestCluster::Persist(Node* n) {
  Micros delay = random_.Between(100, 4'000);
  if (faults_ && random_.OneIn(0.02)) delay += random_.Between(0, 150'000);
  OnNode(n, delay, [this, n] {
    ApplyToDisk(n, n->persisting.front());
    const uint64_t token = n->persisting.front().token;
    n->persisting.pop_front();
    if (!n->persisting.empty()) Persist(n);
    n->replica->OnPersisted(token);
    Pump(n);
  });
}

void TestCluster::ApplyToDisk(Node* n, const Ready& r) {
  if (r.hard_state) n->disk.hard = *r.hard_state;
  for (const Entry& e : r.entries) {
    if (e.index > n->disk.base.index) n->disk.entries[e.index] = e;
  }
}

// The driver's snapshot transfer, reduced to its effect.
void TestCluster::Install(Node* from, NodeId to) {
  const LogMark mark = from->replica->MarkAt(from->replica->emitted_index());
  const bool witness = from->replica->IsWitness(to);
  OnNode(from, random_.Between(5'000, 40'000), [this, from, target = ById(to), mark, witness] {
    InstallAt(from, target, mark, witness);
  });
}

void TestCluster::InstallAt(Node* from, Node* target, LogMark mark, bool witness) {
  bool ok = target->up && !cut_.contains({from->id.value, target->id.value}) &&
            target->stalled_until <= now_;
  const Config config = ConfigAt(mark.index);
  const LogIndex applied = mark.index;
  if (witness) {
    mark = from->replica->base();
    if (ok && from->replica->Settled() < mark.index) {
      from->replica->WantSettled(mark.index);
      ok = false;
    }
  }
  if (ok) {
    ++snapshots;
    const bool newer = applied > target->disk.applied;
    target->replica->InstallSnapshot(mark, newer ? config : target->disk.config,
                                     newer ? applied : target->disk.applied);
    if (mark == target->replica->base()) {
      target->disk.base = mark;
      target->disk.witness = witness;
      target->disk.settled = 0;
      if (newer) target->disk.config = config;
      target->disk.applied = std::max(applied, target->disk.applied);
      target->disk.member |= config.Has(target->id, target->disk.life);
      target->disk.entries.erase(target->disk.entries.begin(),
                                 target->disk.entries.upper_bound(mark.index));
    }
    Pump(target);
  }
  from->replica->ReportSnapshot(target->id, ok, mark.index);
  Pump(from);
}

void TestCluster::Observe(Node* n) {
  Replica* r = n->replica.get();
  const bool leads = r->role() == Role::kLeader;
  if (!leads) return;
  if (!n->won.contains(r->ballot())) {
    n->won[r->ballot()] = Timestamp(now_);
    ++elections;
  }
  Note(leases_.Extend(n->id, n->support->incarnation(), r->ballot(), n->won[r->ballot()],
                      r->LeaseEnd()));
}

Replica* TestCluster::Leader() {
  for (auto& n : nodes_) {
    if (!n->up || n->replica->role() != Role::kLeader || !n->replica->Recovered()) continue;
    auto now = n->clock.Now();
    if (now.ok() && n->replica->LeaseEnd() > now->latest) return n->replica.get();
  }
  return nullptr;
}

bool TestCluster::AllApplied(LogIndex index) {
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
    if (!ChosenConfig().Has(n->id, n->disk.life)) return true;
    return n->up && n->replica->emitted_index() >= index;
  });
}

// --- load and faults -----------------------------------------------------------------------------

void TestCluster::Client() {
  for (auto& n : nodes_) {
    if (!n->up || n->stalled_until > now_ || n->replica->role() != Role::kLeader) continue;
    const int batch = static_cast<int>(random_.Below(4));
    for (int i = 0; i < batch; ++i) {
      std::string value = absl::StrCat("v", ++next_value_, std::string(random_.Below(200), 'x'));
      (void)n->replica->Propose(std::make_shared<const std::string>(std::move(value)));
    }
    Pump(n.get());
  }
  After(random_.Between(1'000, 20'000), [this] { Client(); });
}

void TestCluster::ClockJitter() {
  for (auto& n : nodes_) {
    n->clock.offset = random_.Between(-options_.clock_bound_us, options_.clock_bound_us);
    n->clock.vouched = !(faults_ && random_.OneIn(0.01));
  }
  After(random_.Between(2'000, 30'000), [this] { ClockJitter(); });
}

void TestCluster::Partition(int i, bool cut) {
  for (int j = 0; j < options_.nodes; ++j) {
    if (j == i) continue;
    for (auto pair : {std::make_pair(i + 1, j + 1), std::make_pair(j + 1, i + 1)}) {
      if (cut) cut_.insert(pair);
      if (!cut) cut_.erase(pair);
    }
  }
}

void TestCluster::Transfer() {
  Replica* leader = Leader();
  if (leader == nullptr) return;
  Node* n = ById(leader->self());
  if (n->stalled_until > now_) return;
  const NodeId to(static_cast<uint32_t>(random_.Between(1, options_.nodes)));
  const bool resign = random_.OneIn(0.2);
  const absl::Status s = resign ? leader->Resign() : leader->TransferTo(to);
  if (!s.ok()) return;
  ++transfers;
  leases_.Release(n->id, n->support->incarnation(), Timestamp(now_));
  Pump(n);
}

void TestCluster::Fault() {
  After(random_.Between(10'000, 250'000), [this] { Fault(); });
  if (!faults_) return;
  const int i = static_cast<int>(random_.Below(options_.nodes));
  Node* n = nodes_[i].get();
  switch (random_.Below(8)) {
    case 0:
      if (n->up) Crash(i);
      break;
    case 1:
    case 2:
      for (int j = 0; j < options_.nodes; ++j) Restart(j);
      break;
    case 3:
      if (n->up) n->stalled_until = now_ + random_.Between(0, 4 * options_.lease_us);
      break;
    case 4:
      cut_.clear();
      break;
    case 5:
      Partition(i, true);
      break;
    case 6:
      cut_.insert({i + 1, static_cast<uint32_t>(random_.Between(1, options_.nodes))});
      break;
    default:
      if (random_.OneIn(0.3)) {  // a quick restart, most often of a leader
        Replica* leader = Leader();
        const int victim = leader != nullptr ? static_cast<int>(leader->self().value) - 1 : i;
        if (nodes_[victim]->up) Crash(victim);
        Restart(victim);
      } else {
        Transfer();
      }
  }
}

void TestCluster::Heal() {
  faults_ = false;
  cut_.clear();
  for (auto& n : nodes_) {
    n->stalled_until = 0;
    n->clock.vouched = true;
  }
  for (int i = 0; i < options_.nodes; ++i) Restart(i);
}

}  // namespace isochron::paxos
