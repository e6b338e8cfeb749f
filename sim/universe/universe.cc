// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/universe.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace isochron::sim {
namespace {

constexpr size_t kMaxLog = 20'000;
constexpr size_t kMaxAnomalies = 20;
constexpr Micros kLook = 5'000;
constexpr Micros kElectionsLook = 3'000;
constexpr Micros kWitnessesLook = 50'000;
// Hand-overs and new halves of splits do not wait for a turn; there are a few at a time.
constexpr size_t kCampaignsOutOfTurn = 16;

}  // namespace

Universe::Universe(const RunOptions& options, Profile profile, Random random)
    : options_(options),
      profile_(std::move(profile)),
      random_(random),
      network_(&scheduler_, profile_.network, profile_.nodes, random_.Fork()) {
  for (const std::string& name : profile_.workloads) {
    workloads_.push_back(NewWorkload(name, random_.Fork()));
  }
  if (options_.explain) history_.KeepSteps();
  if (!options_.sql_file.empty()) workloads_.push_back(NewSqlFileWorkload(options_.sql_file));
  SimNode::World world{
      .scheduler = &scheduler_,
      .network = &network_,
      .observer = &events_,
      .profile = &profile_,
      .sabotage = SabotageSet(options_.sabotage),
      .owners = &owners_,
      // Not at once: the process is in the middle of something.
      .on_fatal =
          [this](NodeId id) { scheduler_.After(0, 0, [this, id] { Bounce(id, false, 500'000); }); },
      .on_reached =
          [this](NodeId id, absl::string_view name) {
            CheckMerge(id, name);
            for (auto& fn : on_reached_) fn(id, name);
          },
      .on_assigned =
          [this](NodeId id, GroupId group, Timestamp s) {
            if (options_.explain) assigned_.push_back({scheduler_.now(), id, group, s});
          },
      .log = [this](std::string what) { Log(std::move(what)); },
      .written = &written_,
  };
  for (int i = 0; i < profile_.nodes; ++i) {
    nodes_.push_back(
        std::make_unique<SimNode>(world, NodeId(static_cast<uint32_t>(i + 1)), i, random_.Fork()));
  }
}

Universe::~Universe() {
  for (auto& node : nodes_) node->Crash(false);
}

int Universe::up_count() const {
  return static_cast<int>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->up(); }));
}

void Universe::Start(NodeId id) {
  SimNode* n = node(id);
  if (n->up()) return;
  const uint64_t failed_syncs = n->disk()->failed_syncs();
  absl::Status started = n->Start();
  if (started.ok()) {
    Log(absl::StrCat(ToString(id), " starts"));
    return;
  }
  Log(absl::StrCat(ToString(id), " refuses to start: ", started.ToString()));
  if (n->disk()->died()) return;  // whoever wanted that starts it again
  if (started.code() == absl::StatusCode::kUnavailable ||
      started.code() == absl::StatusCode::kResourceExhausted ||  // a full disk
      n->disk()->failed_syncs() > failed_syncs) {
    scheduler_.After(200'000, 0, [this, id] { Start(id); });
  } else if (n->rotten() && started.code() == absl::StatusCode::kDataLoss) {
    events_.Reached("node.damage_found");
    for (auto& fn : on_refused_) fn(id);
  } else {
    Report("start-refused", absl::StrCat(ToString(id), ": ", started.ToString()));
  }
}

void Universe::Crash(NodeId id, bool power) {
  if (!node(id)->up()) return;
  Log(absl::StrCat(ToString(id), power ? " loses power" : " is killed"));
  node(id)->Crash(power);
  for (auto& fn : on_crash_) fn(id);
}

void Universe::CrashAnyway(NodeId id, bool power) {
  if (node(id)->up()) {
    Crash(id, power);
  } else {
    node(id)->CrashInStart(power);
  }
}

bool Universe::AskForClients(int more, Micros for_us) {
  if (!on_more_clients_) return false;
  Log(absl::StrCat(more, " more clients come"));
  on_more_clients_(more, for_us);
  return true;
}

void Universe::Bounce(NodeId id, bool power, Micros down_us) {
  if (!node(id)->up()) return;
  Crash(id, power);
  scheduler_.After(down_us, 0, [this, id] { Start(id); });
}

std::map<GroupId, NodeId> Universe::Leaders() {
  std::map<GroupId, NodeId> leaders;
  for (auto& n : nodes_) {
    if (!n->up()) continue;
    for (const ReplicaView& r : n->Replicas()) {
      NodeId& leader = leaders[r.group];
      if (r.serving) leader = n->id();
    }
  }
  return leaders;
}

void Universe::WatchElections() {
  const size_t limit = 2 * profile_.max_campaigns + kCampaignsOutOfTurn;
  for (auto& n : nodes_) {
    if (!n->up()) continue;
    const size_t campaigns = n->Campaigns();
    if (campaigns >= profile_.max_campaigns) events_.Reached("sim.elections_at_limit");
    if (campaigns <= limit) continue;
    Report("election-storm", absl::StrCat(ToString(n->id()), ": ", campaigns,
                                          " groups campaign at a time, ", limit, " may"));
  }
  scheduler_.After(kElectionsLook, 0, [this] { WatchElections(); });
}

// Only damage takes the merged group's replica away from one that applies the merge.
void Universe::CheckMerge(NodeId id, absl::string_view reached) {
  if (reached != "group.merge_without_right" || node(id)->rotten()) return;
  Report("merge-without-right", absl::StrCat(ToString(id),
                                             " has no replica of a group that was "
                                             "merged into one that it has"));
}

void Universe::WatchWitnesses() {
  for (auto& n : nodes_) {
    if (!n->up()) continue;
    for (const WitnessView& w : n->Witnesses()) {
      // A full replica that is down or lost may have had it, or is a failure that quorums allow
      // for.
      size_t keep = 0;
      for (const paxos::Member& m : w.config.members) {
        if (m.kind != paxos::ReplicaKind::kVoter) continue;
        SimNode* full = node(m.node);
        const bool there = full->up() && !full->IsLost(m.id);
        const auto chosen = there ? full->ChosenAt(w.group, m.id) : std::nullopt;
        keep += chosen.value_or(w.forgotten) >= w.forgotten ? 1 : 0;
      }
      const size_t enough = w.config.Voters() - w.config.Quorum() + 1;
      if (keep >= enough) continue;
      Report("witness-forgot",
             absl::StrCat(ToString(n->id()), "/", ToString(w.group), " up to ", w.forgotten,
                          ", which ", keep, " full replicas have; every quorum needs one of ",
                          enough));
      return;
    }
  }
  scheduler_.After(kWitnessesLook, 0, [this] { WatchWitnesses(); });
}

bool Universe::RunUntil(const std::function<bool()>& done, Micros at_most_us) {
  const Micros limit = scheduler_.now() + at_most_us;
  while (!done()) {
    if (scheduler_.now() >= limit || scheduler_.stuck()) return false;
    scheduler_.RunUntil(std::min(limit, scheduler_.now() + kLook));
  }
  return true;
}

void Universe::Log(std::string what) {
  if (options_.trace) {
    std::printf("%14.6f  %s\n",
                static_cast<double>(scheduler_.now() - SimScheduler::kStartOfTime) / 1e6,
                what.c_str());
  }
  log_.emplace_back(scheduler_.now(), std::move(what));
  if (log_.size() > kMaxLog) log_.pop_front();
}

void Universe::Report(std::string name, std::string what, std::vector<size_t> operations) {
  Log(absl::StrCat("VIOLATION ", name, ": ", what));
  if (anomalies_.size() < kMaxAnomalies) {
    anomalies_.push_back(Anomaly{std::move(name), std::move(what), std::move(operations)});
  }
}

}  // namespace isochron::sim
