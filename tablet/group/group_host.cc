// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/group_host.h"

#include <algorithm>

#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "tablet/group/membership.h"

namespace isochron::tablet {

GroupHost::GroupHost(Env env, Options options)
    : env_(std::move(env)),
      options_(std::move(options)),
      store_(env_.engine),
      support_(paxos::NodeSupport::Options{.self = env_.transport->self(),
                                           .incarnation = options_.incarnation,
                                           .lease_us = options_.lease_us,
                                           .renew_us = options_.lease_us / 3,
                                           .max_lease_us = options_.lease_us,
                                           .sabotage = options_.sabotage},
               env_.truetime),
      snapshots_(this, env_.executor),
      promises_({.executor = env_.executor,
                 .truetime = env_.truetime,
                 .transport = env_.transport,
                 .observer = env_.observer,
                 .groups = [this] { return Serving(); },
                 .find = [this](GroupId id) { return Find(id); },
                 .nodes =
                     [this] {
                       std::set<NodeId> all(options_.nodes.begin(), options_.nodes.end());
                       all.insert(peers_.begin(), peers_.end());
                       return std::vector<NodeId>(all.begin(), all.end());
                     }},
                {options_.incarnation, options_.promise_interval_us}),
      gc_(std::make_unique<GarbageCollector>(
          GarbageCollector::Env{.executor = env_.executor,
                                .truetime = env_.truetime,
                                .engine = env_.engine,
                                .store = &store_,
                                .observer = env_.observer,
                                .sabotage = options_.sabotage,
                                .groups = [this] { return Groups(); },
                                .find = [this](GroupId id) { return Find(id); },
                                .on_fatal = env_.on_fatal},
          options_.gc)) {}

GroupHost::~GroupHost() = default;

absl::StatusOr<std::unique_ptr<GroupHost>> GroupHost::Open(Env env, Options options) {
  std::unique_ptr<GroupHost> host(new GroupHost(std::move(env), std::move(options)));
  ISO_RETURN_IF_ERROR(host->Recover());
  return host;
}

// ---- start ----

absl::Status GroupHost::Recover() {
  paxos::Log::Options log_options;
  log_options.segment_bytes = options_.log_segment_bytes;
  log_options.limit_bytes = options_.log_limit_bytes;
  log_options.observer = env_.observer;
  log_options.sabotage = options_.sabotage;
  log_options.on_fatal = env_.on_fatal;
  ISO_RETURN_IF_ERROR(CheckOneLife(log_options.folder));
  ISO_ASSIGN_OR_RETURN(log_, paxos::Log::Open(env_.disk, std::move(log_options)));
  ISO_RETURN_IF_ERROR(LoadLives());
  ISO_RETURN_IF_ERROR(RecoverGroups());
  RecoverNewborn();
  DropRemains();
  DropMergedLogs();
  QuarantineUnborn();
  return absl::OkStatus();
}

namespace {

// Whether what the log has below the store's index is another thing than what was applied: a
// snapshot was installed, or more was applied than was in the log yet, and the process died. The
// log then ends before that index, or has there what was accepted once and never chosen. All of it
// is in the store, so the log begins anew behind it. A witness's state always may be ahead of its
// log.
bool BeginsBehindStore(const paxos::InitialState& s) {
  if (s.witness || s.applied.index <= s.base.index) return false;
  const LogIndex in_log = s.applied.index - s.base.index;
  return in_log > s.entries.size() || s.entries[in_log - 1].origin != s.applied.origin;
}

}  // namespace

paxos::InitialState GroupHost::InitialFor(const AppliedState& state) {
  paxos::InitialState initial;
  initial.config = ConfigOf(state.descriptor());
  paxos::RecoveredGroup recovered = log_->TakeRecovered(state.id());
  initial.hard = recovered.hard;
  initial.base = recovered.base;
  initial.entries = std::move(recovered.entries);
  if (initial.base.index == 0 && state.initialised()) {
    initial.base = paxos::LogMark{paxos::kInitialIndex, Ballot{}};
    log_->TruncatePrefix(state.id(), initial.base);  // its log begins here
  }
  initial.applied = paxos::LogMark{state.index(), state.ballot()};
  initial.witness = IsWitness(state);
  initial.settled = state.settled();
  if (BeginsBehindStore(initial)) {
    initial.base = initial.applied;
    std::erase_if(initial.entries,
                  [&](const paxos::Entry& e) { return e.index <= initial.base.index; });
    log_->TruncatePrefix(state.id(), initial.base);
    env_.observer->Reached("group.log_behind_store");
  }
  return initial;
}

absl::Status GroupHost::Bootstrap(const std::vector<peer::GroupDescriptor>& descriptors) {
  if (!empty()) {
    return absl::FailedPreconditionError("the data folder already holds a universe");
  }
  storage::WriteBatch batch;
  for (const auto& d : descriptors) {
    AppliedState::Initial(d, Timestamp(), paxos::kInitialIndex).SaveAll(&batch);
  }
  ISO_RETURN_IF_ERROR(env_.engine->Write(std::move(batch)));
  ISO_RETURN_IF_ERROR(env_.engine->Flush());
  for (const auto& d : descriptors) {
    AppliedState state = AppliedState::Initial(d, Timestamp(), paxos::kInitialIndex);
    paxos::InitialState initial = InitialFor(state);
    Add(std::move(state), std::move(initial));
  }
  return absl::OkStatus();
}

Group* GroupHost::Add(AppliedState state, paxos::InitialState initial) {
  const GroupId id = state.id();
  if (initial.witness) state.SetRowless();
  paxos::Replica::Options ro;
  ro.group = id;
  ro.seed = options_.seed * 1'000'003 + id.value;
  ro.sabotage = options_.sabotage;
  ro.observer = env_.observer;
  ro.auto_campaign = false;
  auto replica = std::make_unique<paxos::Replica>(ro, std::move(initial), &support_, log_.get());
  GroupEnv env{
      .self = env_.transport->self(),
      .executor = env_.executor,
      .truetime = env_.truetime,
      .observer = env_.observer,
      .store = &store_,
      .engine = env_.engine,
      .listener = env_.listener,
      .sabotage = options_.sabotage,
      .incarnation = options_.incarnation,
      .mark_dirty = [this](GroupId g) { MarkDirty(g); },
      .on_asked = [this](GroupId g) { OnAsked(g); },
      .on_split = [this, id](AppliedState child,
                             storage::WriteBatch* batch) { OnSplit(id, std::move(child), batch); },
      .call_leader = env_.call_leader,
      .promises = &promises_,
      .on_members = [this](GroupId g, bool removed) { OnMembers(g, removed); },
      .new_life = [this](Ctx ctx, GroupId g,
                         NodeId node) { return NewLife(std::move(ctx), g, node); },
      .on_merge = [this, id](const peer::Merge& merge,
                             storage::WriteBatch* batch) { return OnMerge(id, merge, batch); }};
  auto group = std::make_unique<Group>(std::move(env), std::move(replica), std::move(state));
  Group* raw = group.get();
  groups_[id] = std::move(group);
  Wake(raw);
  unknown_.erase(id);
  AddPeers(raw->descriptor());
  return raw;
}

void GroupHost::AddPeers(const peer::GroupDescriptor& d) {
  bool added = false;
  for (const paxos::Member& m : ConfigOf(d).members) {
    if (m.node != env_.transport->self()) added |= peers_.insert(m.node).second;
  }
  if (added) support_.SetPeers({peers_.begin(), peers_.end()});
}

void GroupHost::Start() {
  env_.transport->SetHandler(Channel::kPaxos, [this](NodeId from, absl::string_view payload) {
    OnPaxosFrame(from, payload);
  });
  env_.transport->SetHandler(Channel::kLease, [this](NodeId from, absl::string_view payload) {
    if (!support_.Step(from, payload).ok()) {
      env_.observer->Count("transport.garbage", 1);
      return;
    }
    for (auto& [to, message] : support_.TakeMessages()) {
      env_.transport->Send(to, Channel::kLease, std::move(message));
    }
  });
  env_.rpc->Register(rpc::Method::kSnapshotChunk, [this](Ctx, NodeId from, std::string piece) {
    return OnSnapshotPiece(from, std::move(piece));
  });
  env_.rpc->Register(rpc::Method::kNewReplica, [this](Ctx, NodeId, std::string payload) {
    return OnNewReplica(std::move(payload));
  });
  Tick();
  WakeNonVoters();
  promises_.Start();
  gc_->SetOldestRead([this] { return promises_.OldestRead(); });
  gc_->Start();
}

Group* GroupHost::Find(GroupId id) {
  auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : it->second.get();
}

std::vector<Group*> GroupHost::Serving() {
  std::vector<Group*> out;
  out.reserve(serving_.size());
  for (const auto& [id, g] : serving_) out.push_back(g);
  return out;
}

std::vector<Group*> GroupHost::Groups() {
  std::vector<Group*> out;
  for (const auto& [id, g] : groups_) out.push_back(g.get());
  return out;
}

// ---- splits ----

void GroupHost::OnSplit(GroupId parent, AppliedState child, storage::WriteBatch* batch) {
  if (quarantined_.contains(child.id())) return;
  Group* existing = Find(child.id());
  if (existing != nullptr && existing->initialised()) return;  // a snapshot was faster
  // The child's replica here goes by the same life as the parent's, if it is one of its first at
  // all: this replica may be a later one, that replays what was before it, and the child's may have
  // come and gone.
  const uint64_t life = Find(parent)->replica()->id();
  const bool member = ConfigOf(child.descriptor()).Has(env_.transport->self(), life);
  if (!member || !MayBegin(child.id(), life) ||
      (existing != nullptr && existing->replica()->id() != life)) {
    if (Find(parent)->state().rowless()) return;
    // Its own later pieces may live here by now, with rows that came by a snapshot.
    for (const KeyRange& r : HeldByNoOther(FromProto(child.descriptor().range()), parent)) {
      storage::MvccStore::ClearRange(batch, r);
    }
    return;
  }
  child.SaveAll(batch);
  new_children_.push_back(std::move(child));
}

void GroupHost::MakeChildren() {
  for (AppliedState& state : std::exchange(new_children_, {})) {
    const peer::GroupDescriptor child = state.descriptor();
    groups_.erase(state.id());  // a blank one, at most
    Forget(state.id());
    paxos::InitialState initial = InitialFor(state);
    Group* g = Add(std::move(state), std::move(initial));
    env_.observer->Reached("group.split");
    // The preferred leader need not wait for the election's jitter.
    if (child.voters_size() > 0 &&
        NodeId(child.voters(static_cast<int>(child.group() % child.voters_size()))) ==
            env_.transport->self()) {
      g->replica()->Campaign();
      MarkDirty(g->id());
    }
  }
}

// ---- stop ----

Task<void> GroupHost::Drain(Micros deadline_us) {
  for (Group* g : Groups()) {
    if (!g->IsServing() || env_.executor->MonotonicNow() >= deadline_us) continue;
    const NodeId best = Successor(g);
    if (best) (void)co_await g->TransferTo(best);
  }
}

}  // namespace isochron::tablet
