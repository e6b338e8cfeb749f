// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/sim_node.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/node/node.h"
#include "sim/checkers/event_checker.h"
#include "sql/catalog/layout.h"
#include "sql/pushdown/reduce.h"
#include "sql/session/session.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/membership.h"
#include "tablet/group/salvage.h"
#include "txn/api/system_keys.h"

namespace isochron::sim {
namespace {

constexpr uint64_t kSomeBatches = 2048;  // a segment with more than its header

}  // namespace

// One node's view of the run's observer: knows which node a reached branch belongs to.
class SimNode::NodeObserver final : public Observer {
 public:
  explicit NodeObserver(SimNode* node) : node_(node), all_(node->world_.observer) {}

  void Count(absl::string_view name, int64_t delta) override { all_->Count(name, delta); }
  void Reached(absl::string_view name) override {
    all_->Reached(name);
    node_->world_.on_reached(node_->id_, name);
  }
  void OnLease(NodeId node, GroupId group, Ballot ballot, Timestamp start, Timestamp end) override {
    Ballot& led = led_[group];
    if (led != ballot) {
      led = ballot;
      node_->world_.log(absl::StrCat(ToString(node), " leads ", ToString(group), " at ballot ",
                                     ToString(ballot), " from ", start.us));
    }
    all_->OnLease(ProcessOf(node, node_->starts_), group, ballot, start, end);
  }
  void OnLeaseReleased(NodeId node, GroupId group, Ballot ballot, Timestamp end) override {
    node_->world_.log(absl::StrCat(ToString(node), " gives up ", ToString(group), " at ballot ",
                                   ToString(ballot)));
    all_->OnLeaseReleased(ProcessOf(node, node_->starts_), group, ballot, end);
  }
  void OnAssigned(NodeId node, GroupId group, Ballot ballot, Timestamp s) override {
    node_->world_.on_assigned(node, group, s);
    all_->OnAssigned(ProcessOf(node, node_->starts_), group, ballot, s);
  }
  void OnApplied(NodeId node, GroupId group, LogIndex index, uint64_t digest) override {
    all_->OnApplied(node, group, index, digest);
  }

 private:
  SimNode* node_;
  Observer* all_;
  std::map<GroupId, Ballot> led_;  // the newest ballot told, by group
};

// Keeps account of every version of the clients' rows that was ever stored: version GC removes
// them, and the checkers still have to know what became of whom. What a replica applied was chosen
// and is never undone.
class SimNode::RecordingEngine final : public storage::MemEngine {
 public:
  explicit RecordingEngine(StoredVersions* written) : written_(written) {}

  absl::Status Write(storage::WriteBatch batch) override {
    Visitor visitor(written_);
    batch.ForEach(&visitor);
    return MemEngine::Write(std::move(batch));
  }

 private:
  struct Visitor : storage::WriteBatch::Visitor {
    explicit Visitor(StoredVersions* w) : written(w) {}
    void Put(absl::string_view engine_key, absl::string_view stored) override {
      std::string key;
      StoredVersion version;
      if (!storage::MvccStore::ParseVersion(engine_key, stored, &key, &version.ts,
                                            &version.value) ||
          key < txn::SystemRangeEnd()) {
        return;
      }
      std::vector<StoredVersion>& all = (*written)[key];
      auto at = std::lower_bound(
          all.begin(), all.end(), version,
          [](const StoredVersion& a, const StoredVersion& b) { return a.ts < b.ts; });
      if (at == all.end() || at->ts != version.ts) all.insert(at, std::move(version));
    }
    void Delete(absl::string_view) override {}
    void DeleteRange(absl::string_view, absl::string_view) override {}
    StoredVersions* written;
  };
  StoredVersions* const written_;
};

// What dies in a crash. Members go in reverse order: the node before its seams.
struct SimNode::Process {
  SimExecutor* executor = nullptr;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Disk> disk;
  std::unique_ptr<server::Node> node;
  std::unique_ptr<sql::Engine> sql;
  TaskScope scope;  // the clients' requests
};

SimNode::SimNode(World world, NodeId id, int region, Random random)
    : world_(std::move(world)),
      id_(id),
      region_(region),
      random_(random),
      clock_(world_.scheduler, world_.profile->clock, random_.Fork()),
      disk_(world_.profile->disk, random_.Fork()),
      engine_(std::make_unique<RecordingEngine>(world_.written)),
      observer_(std::make_unique<NodeObserver>(this)) {}

SimNode::~SimNode() { Crash(false); }

// As a served node does (server/main/store_check): what is hurt is left behind.
absl::Status SimNode::CheckStore() {
  if (!check_store_) return absl::OkStatus();
  engine_->SetOnDamage(nullptr);
  const auto hurt = tablet::FindHurtGroups(engine_.get());
  if (!hurt.ok()) return hurt.status();
  std::unique_ptr<storage::MemEngine> copy = std::make_unique<RecordingEngine>(world_.written);
  absl::Status copied = tablet::Salvage(engine_.get(), *hurt, copy.get());
  if (!copied.ok()) return copied;
  engine_ = std::move(copy);
  check_store_ = false;
  return absl::OkStatus();
}

namespace {

// Limits so small that they are met, and timers other than the usual ones.
// Every process of a universe has the same.
void TurnKnobs(Random random, server::Node::Options* options) {
  const auto small = [&random](int64_t lo, int64_t hi) {
    return static_cast<size_t>(random.Between(lo, hi));
  };
  options->server.page_bytes = small(40, 400);
  options->server.max_waiting_locks = small(8, 64);
  options->server.max_early = small(4, 64);
  options->server.vote_timeout_us = random.Between(1'000'000, 10'000'000);
  options->server.presume_abort_after_us = random.Between(1'000'000, 5'000'000);
  options->server.lock_expiry_us = random.Between(2'500'000, 6'000'000);
  options->server.backoff_us = random.Between(20'000, 500'000);
  options->server.forget_delay_us = random.Between(1'000, 500'000);
  options->gateway.reads.page_bytes = small(40, 400);
  options->gateway.reads.groups_at_once = small(1, 4);
  options->gateway.max_open = small(6, 30);
  options->gateway.replica_try_us = random.Between(50'000, 1'000'000);
  options->gateway.settle_groups = small(1, 4);
  options->gc.step_versions = small(1, 20);
  options->placement.round_us = random.Between(100'000, 2'000'000);
  options->server.program_rows = small(1, 8);
}

}  // namespace

absl::Status SimNode::Start() {
  if (absl::Status checked = CheckStore(); !checked.ok()) return checked;
  engine_->SetOnDamage([this](const absl::Status& status) {
    if (check_store_) return;
    check_store_ = true;
    world_.log(absl::StrCat(ToString(id_), " meets damage in its store: ", status.ToString()));
    world_.observer->Reached("node.store_damage_met");
    world_.on_fatal(id_);
  });
  auto executor = std::make_unique<SimExecutor>(
      world_.scheduler, ++*world_.owners,
      ExecutorOptions{.monotonic_offset_us = random_.Between(0, 1'000'000'000),
                      .timer_jitter_us = world_.profile->timer_jitter_us},
      random_.Fork());
  auto process = std::make_unique<Process>();
  clock_.Restart();
  ++starts_;
  process->executor = executor.get();
  graveyard_.push_back(std::move(executor));
  process->transport = world_.network->Attach(id_, region_, process->executor);
  process->disk = disk_.Mount(process->executor);

  const Profile& p = *world_.profile;
  server::Node::Options options;
  for (int i = 0; i < p.nodes; ++i) {
    const std::string name = absl::StrCat("r", i + 1);
    options.universe.push_back(
        server::PeerInfo{NodeId(static_cast<uint32_t>(i + 1)), name, name, ""});
  }
  options.bootstrap = mistaken_ || (!born_ && !joins_);
  options.join = joins_ && !mistaken_;
  options.initial_replicas = p.initial_replicas;
  options.initial_witnesses = p.initial_witnesses;
  options.seed = random_.Next();
  options.lease_us = p.lease_us;
  options.initial_groups = p.initial_groups;
  options.max_campaigns = p.max_campaigns;
  options.gateway.commit_window_us = p.commit_window_us;
  options.placement.spread_leaders = p.spread_leaders;
  options.log_segment_bytes = p.log_segment_bytes;
  options.checkpoint_entries = p.checkpoint_entries;
  options.keep_entries = p.keep_entries;
  options.gc.retention_us = p.retention_us;
  options.retention_look_us = kRetentionLookUs;
  options.placement.split_bytes = p.split_bytes;
  options.placement.size_round_us = 500'000;
  options.merging.after_us = p.merge_after_us;
  options.merging.quiet_entries = 1e9;
  options.merging.again_min_us = 500'000;
  options.voters.after_us = 4'000'000;
  options.voters.again_min_us = 500'000;
  options.voters.again_max_us = 4'000'000;
  options.gc.step_versions = 20;
  options.gc.compact_min_bytes = 1;
  options.tell = [this](const std::string& what) {
    world_.log(absl::StrCat(ToString(id_), ": ", what));
  };
  options.sabotage = world_.sabotage;
  options.index_prefix = sql::IndexPrefixLength;
  // Some nodes are of a version that knows no programs.
  if ((p.knobs + id_.value) % 5 != 1) options.programs = sql::TabletPrograms();
  options.space.reserve_bytes = p.disk_reserve_bytes;
  if (p.knobs != 0) TurnKnobs(Random(p.knobs), &options);
  auto node = server::Node::Open(
      {.executor = process->executor,
       .truetime = &clock_,
       .transport = process->transport.get(),
       .disk = process->disk.get(),
       .engine = engine_.get(),
       .observer = observer_.get(),
       .on_fatal =
           [this](absl::Status status) {
             world_.log(absl::StrCat(ToString(id_), " must stop: ", status.ToString()));
             refused_ = absl::IsFailedPrecondition(status);
             world_.on_fatal(id_);
           }},
      std::move(options));
  if (!node.ok()) {
    process->executor->Kill();
    return node.status();
  }
  born_ = true;
  for (const auto& [group, why] : (*node)->host()->quarantined()) {
    world_.log(absl::StrCat(ToString(id_), " keeps ", ToString(group), " out: ", why));
  }
  process->node = std::move(*node);
  process_ = std::move(process);
  // A folder that counts from 1 passes for that of a first voter: nothing it does is its own.
  if (joins_ && process_->node->first_incarnation() != 1) {
    lost_before_ = process_->node->first_incarnation() << tablet::kLifeCountBits;
  }
  process_->node->Start();
  return absl::OkStatus();
}

void SimNode::Crash(bool power) {
  if (process_ == nullptr) return;
  process_->executor->Kill();
  process_->scope.Clear();
  process_.reset();
  engine_->CrashToFlushedPrefix(&random_);
  if (power) disk_.CrashPower();
  // Whoever started it without --join reads why it ended.
  if (mistaken_ && refused_) Wipe(false);
}

// The last sector of what was synced last is zeros, as if it had never been written.
bool SimNode::RotTail() {
  const std::map<std::string, uint64_t> extents = disk_.SyncedExtents("log");
  auto last = std::find_if(extents.rbegin(), extents.rend(),
                           [](const auto& e) { return e.second > kSomeBatches; });
  if (last == extents.rend()) return false;
  world_.log(absl::StrCat("the end of ", ToString(id_), "'s ", last->first, " is lost"));
  world_.observer->Reached("nemesis.tail_lost");
  return rotten_ = disk_.ClearSector(last->first, last->second - 1);
}

void SimNode::CrashInStart(bool power) {
  engine_->CrashToFlushedPrefix(&random_);
  if (power) disk_.CrashPower();
}

bool SimNode::Rot() {
  if (random_.OneIn(0.3)) return RotTail();
  std::vector<std::pair<std::string, uint64_t>> files;
  for (const auto& [path, extent] : disk_.SyncedExtents("log")) {
    if (extent > 16'384) files.emplace_back(path, extent);
  }
  if (files.empty()) return false;
  const auto& [path, extent] = files[random_.Below(files.size())];
  const uint64_t at = random_.Below(extent - 12'288);
  const uint64_t what = random_.Below(10);
  if (what == 0) {
    world_.log(absl::StrCat(ToString(id_), "'s ", path, " is lost"));
    rotten_ = disk_.LoseFile(path);
  } else if (what == 1) {
    world_.log(absl::StrCat("a sector of ", ToString(id_), "'s ", path, " is misdirected"));
    rotten_ = disk_.Misdirect(path, random_.Below(extent - 12'288), at);
  } else {
    world_.log(absl::StrCat("a bit of ", ToString(id_), "'s ", path, " flips"));
    rotten_ = disk_.FlipDurableBit(path, at, static_cast<int>(random_.Below(8)));
  }
  return rotten_;
}

bool SimNode::RotStore() {
  std::vector<std::string> keys;
  auto it = engine_->NewIterator("d", "n", nullptr);
  for (it->Seek("d"); it->Valid(); it->Next()) keys.emplace_back(it->key());
  if (keys.empty() || !it->status().ok()) return false;
  engine_->Damage(keys[random_.Below(keys.size())]);
  return rotten_ = true;
}

void SimNode::ReadStore() { (void)tablet::FindHurtGroups(engine_.get()); }

void SimNode::Wipe(bool mistaken) {
  mistaken_ = mistaken;
  refused_ = false;
  disk_.Wipe();
  engine_ = std::make_unique<RecordingEngine>(world_.written);
  joins_ = true;
  lost_before_ = std::numeric_limits<uint64_t>::max();  // until it has a folder again
}

void SimNode::Pause() {
  if (process_) process_->executor->Pause();
}

void SimNode::Resume() {
  if (process_) process_->executor->Resume();
}

void SimNode::SetTurnCost(Micros us) {
  if (process_) process_->executor->SetTurnCost(us);
}

SimExecutor* SimNode::executor() const { return process_->executor; }

sql::Engine* SimNode::sql() {
  if (process_->sql == nullptr) {
    sql::EngineOptions options;
    options.seed = random_.Next();
    // So that faults outlast it.
    options.advisory_lease_us = 1'500'000;
    process_->sql = sql::Engine::Create({.store = store(),
                                         .executor = process_->executor,
                                         .truetime = &clock_,
                                         .system_tables = nullptr,
                                         .observer = observer_.get(),
                                         .sabotage = world_.sabotage},
                                        std::move(options));
  }
  return process_->sql.get();
}

txn::Store* SimNode::store() { return process_->node->store(); }

void SimNode::Spawn(std::function<Task<void>()> task) {
  Process* process = process_.get();
  process->executor->Post([process, task = std::move(task)] { process->scope.Spawn(task()); });
}

size_t SimNode::Campaigns() {
  size_t campaigns = 0;
  process_->node->host()->ForEach([&](tablet::Group* g) {
    const paxos::Role role = g->replica()->role();
    campaigns += role == paxos::Role::kPreCandidate || role == paxos::Role::kCandidate;
  });
  return campaigns;
}

size_t SimNode::Unrepaired() const { return process_->node->Unrepaired(); }

bool SimNode::Holds(GroupId group) {
  const tablet::Group* g = process_->node->host()->Find(group);
  return g != nullptr && g->initialised();
}

std::vector<ReplicaView> SimNode::Replicas() {
  std::vector<ReplicaView> views;
  for (tablet::Group* g : process_->node->host()->Groups()) {
    if (!g->initialised()) continue;
    ReplicaView& v = views.emplace_back();
    v.group = g->id();
    v.range = g->range();
    v.serving = g->IsServing();
    v.applied = g->state().index();
    v.horizon = g->state().horizon();
    v.prepared = g->prepared().size();
    const paxos::Replica& log = *g->replica();
    v.detail = absl::StrCat("(base ", log.base().index, " emitted ", log.emitted_index(),
                            " chosen ", log.chosen_index(), " last ", log.last_index(), " ballot ",
                            ToString(log.ballot()), v.serving ? " serving" : "", ")");
    for (const paxos::Member& m : log.config().members) {
      v.members.push_back(MemberView{m.node, m.id, m.Votes(), !HoldsRows(m.kind)});
    }
    v.witness = g->state().rowless();
    v.member = log.member();
    v.changing = log.config() != log.settled_config();
    v.locks = v.serving ? process_->node->transactions()->DescribeLocks(g->id()).size() : 0;
  }
  return views;
}

std::vector<WitnessView> SimNode::Witnesses() {
  std::vector<WitnessView> views;
  for (tablet::Group* g : process_->node->host()->Groups()) {
    if (!g->initialised() || !g->state().rowless()) continue;
    const paxos::Replica& log = *g->replica();
    if (log.member()) views.push_back({g->id(), log.base().index, log.settled_config()});
  }
  return views;
}

std::optional<LogIndex> SimNode::ChosenAt(GroupId group, uint64_t life) {
  tablet::Group* g = process_->node->host()->Find(group);
  if (g == nullptr || !g->initialised() || g->replica()->id() != life) return std::nullopt;
  return g->replica()->chosen_index();
}

namespace {

Task<void> Transfer(tablet::GroupHost* host, GroupId id, NodeId to) {
  tablet::Group* group = host->Find(id);
  if (group != nullptr && group->IsServing()) (void)co_await group->TransferTo(to);
}

}  // namespace

void SimNode::TransferLeader(GroupId id, NodeId to) {
  if (!process_) return;
  Spawn([host = process_->node->host(), id, to] { return Transfer(host, id, to); });
}

absl::StatusOr<uint64_t> SimNode::Digest(const KeyRange& range, Timestamp horizon) {
  return process_->node->host()->store()->Digest(range, horizon);
}

absl::StatusOr<std::vector<StoredVersion>> SimNode::Versions(const std::string& key) {
  std::vector<StoredVersion> versions;
  Timestamp t = Timestamp::Max();
  while (true) {
    auto read = process_->node->host()->store()->Get(key, t);
    if (!read.ok()) return read.status();
    if (read->version == Timestamp()) break;
    versions.push_back(StoredVersion{read->version, read->value});
    t = read->version.Prev();
  }
  std::reverse(versions.begin(), versions.end());
  return versions;
}

}  // namespace isochron::sim
