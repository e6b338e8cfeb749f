// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/audit.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/node/initial_groups.h"
#include "sim/checkers/dependency_cycles.h"
#include "sim/checkers/external_consistency.h"
#include "sim/workloads/recorder.h"

namespace isochron::sim {
namespace {

constexpr int kProbeClient = 1000;
// Of the groups that a universe begins with: behind the system group and the workloads' one.
constexpr size_t kFirstIdle = 2;
constexpr size_t kIdleProbes = 8;
constexpr int kFewestVoters = 3;
constexpr int kReadBackClient = 1001;

Session SessionAt(Universe* universe, SimNode* node, int client, Micros timeout_us) {
  return Session{node->store(), node->executor(), universe->history(), universe->scheduler(),
                 client,        universe->Fork(), timeout_us};
}

// Writes one key until it is known to be written.
Task<void> Probe(Session session, std::string key, bool* done) {
  while (true) {
    RecordedTransaction t(&session, nullptr);
    t.operation().note = "probe";
    absl::Status status = t.Put(key, "probe");
    if (status.ok()) {
      status = co_await t.Commit();
    } else {
      t.Finish(status);
    }
    if (status.ok()) break;
    co_await SleepFor(session.executor, 50'000);
  }
  *done = true;
}

Task<void> ReadAll(Session session, std::vector<std::string> keys,
                   std::map<std::string, std::optional<std::string>>* rows, bool* done) {
  while (true) {
    RecordedTransaction t(&session, txn::ReadOptions());
    t.operation().note = "read back";
    auto values = co_await t.MultiGet(keys, txn::LockMode::kShared);
    t.Finish(values.status());
    if (values.ok()) {
      for (size_t i = 0; i < keys.size(); ++i) (*rows)[keys[i]] = (*values)[i];
      break;
    }
    co_await SleepFor(session.executor, 50'000);
  }
  *done = true;
}

Task<void> EndWorkload(Session session, Workload* workload, std::string* problem, bool* done) {
  for (;;) {
    const absl::Status looked = co_await workload->End(session);
    if (looked.ok()) break;
    *problem = looked.ToString();
    co_await SleepFor(session.executor, 50'000);
  }
  *done = true;
}

}  // namespace

std::string ProbeKey(const std::string& split) { return split + "~probe"; }

void Audit::Run() {
  MeetDamage();
  CheckLiveness();
  CheckRepaired();
  Quiesce();
  CheckCalm();
  CheckLeaks();
  ReadBack();
  CheckEquality();
  CheckHistory();
}

// Where the groups begin that must take a write: those of the workloads, and some that were idle.
std::vector<std::string> Audit::ProbedSplits() const {
  std::vector<std::string> splits;
  for (auto& workload : universe_->workloads()) {
    for (std::string& split : workload->SplitKeys()) splits.push_back(std::move(split));
  }
  const auto idle = server::InitialGroups({}, universe_->profile().initial_groups, 0);
  for (size_t i = kFirstIdle; i < idle.size(); i += 1 + idle.size() / kIdleProbes) {
    splits.push_back(idle[i].range().start());
  }
  return splits;
}

std::vector<std::string> Audit::ProbedKeys() const {
  std::vector<std::string> keys;
  for (auto& workload : universe_->workloads()) {
    for (std::string& key : workload->AllKeys()) keys.push_back(std::move(key));
  }
  for (const std::string& split : ProbedSplits()) keys.push_back(ProbeKey(split));
  return keys;
}

void Audit::CheckLiveness() {
  const Micros began = universe_->scheduler()->now();
  std::map<std::string, std::unique_ptr<bool>> done;
  size_t at = 0;
  for (const std::string& split : ProbedSplits()) {
    SimNode* node = universe_->nodes()[at++ % universe_->nodes().size()].get();
    if (!universe_->RunUntil([&] { return node->up(); }, kLivenessUs)) {
      universe_->Report("liveness", absl::StrCat(ToString(node->id()), " does not start"));
      return;
    }
    bool* flag = (done[split] = std::make_unique<bool>(false)).get();
    Session session = SessionAt(universe_, node, kProbeClient, 5'000'000);
    node->Spawn([session, split, flag] { return Probe(session, ProbeKey(split), flag); });
  }
  auto all = [&] {
    for (const auto& [key, flag] : done) {
      if (!*flag) return false;
    }
    return true;
  };
  if (!universe_->RunUntil(all, kLivenessUs)) {
    for (const auto& [key, flag] : done) {
      if (*flag) continue;
      universe_->Report("liveness",
                        absl::StrCat("no write succeeded in the group of ", key, " within ",
                                     kLivenessUs / 1'000'000, " s of the last fault"));
    }
    // The probes point to the flags: they must not outlive them.
    for (auto& node : universe_->nodes()) universe_->Crash(node->id(), false);
    return;
  }
  universe_->events()->Count("audit.recovery_ms", (universe_->scheduler()->now() - began) / 1000);
}

// Damage that nobody has read yet is met now, so that it does not end a process later.
void Audit::MeetDamage() {
  for (auto& node : universe_->nodes()) {
    if (node->up() && node->rotten()) node->ReadStore();
  }
  universe_->RunUntil([] { return false; }, kMeetUs);
}

// Every node is there again, and every replica that was damaged or went with a folder is replaced.
void Audit::CheckRepaired() {
  std::string left;
  const auto whole = [this, &left] {
    left = Unrepaired();
    return left.empty();
  };
  // Groups that lack a voter get it one after the other, and there may be hundreds: as long as some
  // were repaired, the others' turn may yet come.
  for (std::string before = Unrepaired(); !universe_->RunUntil(whole, kRepairUs); before = left) {
    if (left.size() >= before.size()) break;
  }
  if (!left.empty()) universe_->Report("not-repaired", left);
}

std::string Audit::Unrepaired() {
  std::string left;
  for (auto& node : universe_->nodes()) {
    if (!node->up()) {
      absl::StrAppend(&left, " ", ToString(node->id()), " is down;");
      continue;
    }
    if (const size_t n = node->Unrepaired(); n > 0) {
      absl::StrAppend(&left, " ", ToString(node->id()), " has ", n, " damaged replicas;");
    }
    for (const ReplicaView& r : node->Replicas()) {
      if (!r.serving) continue;
      const auto voters = std::count_if(r.members.begin(), r.members.end(),
                                        [](const MemberView& m) { return m.votes; });
      if (voters < kFewestVoters) {
        absl::StrAppend(&left, " ", ToString(r.group), " has only ", voters, " voters;");
      }
      for (const MemberView& m : r.members) {
        SimNode* other = universe_->node(m.node);
        if (other->IsLost(m.life)) {
          absl::StrAppend(&left, " ", ToString(r.group), " still has a replica of ",
                          ToString(m.node), " that is lost;");
        } else if (other->up() && !other->Holds(r.group)) {
          absl::StrAppend(&left, " ", ToString(m.node), " does not hold its replica of ",
                          ToString(r.group), ";");
        }
      }
    }
  }
  return left;
}

void Audit::Quiesce() {
  clients_->Stop();
  if (!universe_->RunUntil([this] { return clients_->idle(); }, kIdleUs)) {
    universe_->Report("clients-stuck", "requests did not end within their deadlines");
  }
}

void Audit::CheckCalm() {
  if (!universe_->profile().faults.empty()) return;
  const CalmBounds calm{.patience_us = kCalmUs,
                        .starved_us = kStarvedUs,
                        .window_us = universe_->profile().commit_window_us};
  if (const auto found = FindUncalm(*universe_->history(), calm)) {
    universe_->Report(found->kind, found->what, {found->op});
  }
}

void Audit::CheckLeaks() {
  std::string left;
  auto clean = [&] {
    left.clear();
    for (auto& node : universe_->nodes()) {
      if (!node->up()) continue;
      for (const ReplicaView& r : node->Replicas()) {
        if (r.prepared == 0 && r.locks == 0) continue;
        absl::StrAppend(&left, " ", ToString(node->id()), "/", ToString(r.group), ": ", r.prepared,
                        " prepared, ", r.locks, " locks;");
      }
    }
    return left.empty();
  };
  if (!universe_->RunUntil(clean, kQuiesceUs)) universe_->Report("leak", left);
}

bool Audit::CaughtUp() {
  std::map<GroupId, std::set<LogIndex>> applied;
  for (auto& node : universe_->nodes()) {
    if (!node->up()) return false;
    for (const ReplicaView& r : node->Replicas()) {
      if (r.member) applied[r.group].insert(r.applied);
    }
  }
  for (const auto& [group, indexes] : applied) {
    if (indexes.size() != 1) return false;
  }
  return true;
}

void Audit::CheckEquality() {
  if (!universe_->RunUntil([this] { return CaughtUp(); }, kCatchUpUs)) {
    std::string where;
    for (auto& node : universe_->nodes()) {
      if (!node->up()) continue;
      for (const ReplicaView& r : node->Replicas()) {
        absl::StrAppend(&where, " ", ToString(node->id()), "/", ToString(r.group), "@", r.applied,
                        r.detail);
      }
    }
    universe_->Report("replica-behind", absl::StrCat("replicas did not catch up:", where));
    return;
  }
  std::map<GroupId, Timestamp> horizons;  // what lies below, each replica removes when it likes
  for (auto& node : universe_->nodes()) {
    if (!node->up()) continue;
    for (const ReplicaView& r : node->Replicas()) {
      horizons[r.group] = std::max(horizons[r.group], r.horizon);
    }
  }
  std::map<GroupId, std::pair<NodeId, uint64_t>> digests;
  for (auto& node : universe_->nodes()) {
    if (!node->up()) continue;
    for (const ReplicaView& r : node->Replicas()) {
      if (!r.member) continue;  // its leader died before it was added
      if (r.witness) continue;  // it has no rows
      auto digest = node->Digest(r.range, horizons[r.group]);
      if (!digest.ok()) {
        universe_->Report("store-damaged", digest.status().ToString());
        continue;
      }
      auto [it, fresh] = digests.try_emplace(r.group, node->id(), *digest);
      if (fresh || it->second.second == *digest) continue;
      universe_->Report("replicas-differ",
                        absl::StrCat(ToString(r.group), " at index ", r.applied, ": ",
                                     ToString(it->second.first), " and ", ToString(node->id())));
    }
  }
}

void Audit::ReadBack() {
  SimNode* node = universe_->nodes()[0].get();
  if (!node->up()) return;
  auto done = std::make_unique<bool>(false);
  std::map<std::string, std::optional<std::string>> rows;
  Session session = SessionAt(universe_, node, kReadBackClient, 5'000'000);
  std::vector<std::string> keys = ProbedKeys();
  node->Spawn([session, keys, rows = &rows, flag = done.get()] {
    return ReadAll(session, keys, rows, flag);
  });
  if (!universe_->RunUntil([&] { return *done; }, kLivenessUs)) {
    universe_->Report("liveness", "the keys cannot be read back");
    universe_->Crash(node->id(), false);
    return;
  }
  for (auto& workload : universe_->workloads()) {
    workload->CheckEnd(rows);
    if (!workload->uses_sql()) continue;
    session.sql = node->sql();
    *done = false;
    std::string problem = "no answer";
    node->Spawn([session, w = workload.get(), why = &problem, flag = done.get()] {
      return EndWorkload(session, w, why, flag);
    });
    if (universe_->RunUntil([&] { return *done; }, kLivenessUs)) continue;
    universe_->Report("liveness",
                      absl::StrCat("a last look of ", workload->name(), " fails: ", problem));
    universe_->Crash(node->id(), false);
    return;
  }
}

bool Audit::CollectStored(StoredVersions* stored, std::map<std::string, Timestamp>* horizons) {
  stored->clear();
  horizons->clear();
  for (const std::string& key : ProbedKeys()) {
    bool found = false;
    for (auto& node : universe_->nodes()) {
      if (found || !node->up()) continue;
      for (const ReplicaView& r : node->Replicas()) {
        if (!r.serving || !r.range.Contains(key)) continue;
        auto versions = node->Versions(key);
        if (!versions.ok()) continue;
        found = true;
        (*horizons)[key] = r.horizon;
        if (!versions->empty()) (*stored)[key] = std::move(*versions);
        break;
      }
    }
    if (!found) return false;
  }
  return true;
}

void Audit::CheckHistory() {
  // A hand-over may leave a group without a leader at any instant.
  StoredVersions stored;
  std::map<std::string, Timestamp> horizons;
  const bool complete =
      universe_->RunUntil([&] { return CollectStored(&stored, &horizons); }, kLivenessUs);
  // Rows that come from SQL are nobody's in the history.
  StoredVersions ours;
  const StoredVersions* written = universe_->written();
  const auto& workloads = universe_->workloads();
  if (std::any_of(workloads.begin(), workloads.end(), [](auto& w) { return w->uses_sql(); })) {
    for (const std::string& key : ProbedKeys()) {
      if (auto it = written->find(key); it != written->end()) ours[key] = it->second;
    }
    written = &ours;
  }
  ExternalConsistencyChecker checker(universe_->history(), complete ? &stored : nullptr,
                                     complete ? written : nullptr, &horizons);
  for (Anomaly& a : checker.Check()) {
    universe_->Report(std::move(a.name), std::move(a.what), std::move(a.operations));
  }
  for (Anomaly& a : DependencyCycleChecker(universe_->history()).Check()) {
    universe_->Report(std::move(a.name), std::move(a.what), std::move(a.operations));
  }
}

}  // namespace isochron::sim
