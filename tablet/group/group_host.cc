// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/group_host.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {
namespace {

// A group that nobody told this node about, but whose leader keeps sending: probably a split behind
// a snapshot. Waiting first lets an ordinary split arrive by the parent's log.
constexpr Micros kUnknownGroupPatienceUs = 3'000'000;
constexpr size_t kMaxUnknownGroups = 1024;
constexpr Micros kSnapshotDeadlineUs = 120'000'000;
constexpr Micros kPieceTimeoutUs = 5'000'000;
constexpr uint64_t kManyInFlight = 8;
constexpr Micros kFlushDistanceUs = 5'000;

paxos::Config ConfigOf(const peer::GroupDescriptor& d) {
  std::vector<NodeId> voters;
  for (uint32_t v : d.voters()) voters.push_back(NodeId(v));
  return paxos::Config::OfVoters(std::move(voters));
}

}  // namespace

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
      snapshots_(this) {}

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
  ISO_ASSIGN_OR_RETURN(log_, paxos::Log::Open(env_.disk, std::move(log_options)));
  for (GroupId id : AppliedState::ListGroups(env_.engine)) {
    ISO_ASSIGN_OR_RETURN(AppliedState state, AppliedState::Load(env_.engine, id));
    paxos::InitialState initial = InitialFor(state);
    for (const paxos::Entry& e : initial.entries) {
      if (e.index > state.index()) break;
      peer::Command command;
      if (e.payload && command.ParseFromString(*e.payload)) state.ReplayFinished(command);
    }
    Add(std::move(state), std::move(initial));
  }
  return absl::OkStatus();
}

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
  return initial;
}

absl::Status GroupHost::Bootstrap(const std::vector<peer::GroupDescriptor>& descriptors) {
  if (!groups_.empty()) {
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
  paxos::Replica::Options ro;
  ro.group = id;
  ro.seed = options_.seed * 1'000'003 + id.value;
  ro.sabotage = options_.sabotage;
  ro.observer = env_.observer;
  auto replica = std::make_unique<paxos::Replica>(ro, std::move(initial), &support_, log_.get());
  GroupEnv env{.self = env_.transport->self(),
               .executor = env_.executor,
               .truetime = env_.truetime,
               .observer = env_.observer,
               .store = &store_,
               .engine = env_.engine,
               .listener = env_.listener,
               .sabotage = options_.sabotage,
               .incarnation = options_.incarnation,
               .mark_dirty = [this](GroupId g) { MarkDirty(g); },
               .on_split = [this](const peer::GroupDescriptor& child, Timestamp s,
                                  storage::WriteBatch* batch) { OnSplit(child, s, batch); }};
  auto group = std::make_unique<Group>(std::move(env), std::move(replica), std::move(state));
  Group* raw = group.get();
  groups_[id] = std::move(group);
  unknown_.erase(id);
  RefreshPeers();
  return raw;
}

void GroupHost::RefreshPeers() {
  std::set<NodeId> peers;
  for (const auto& [id, g] : groups_) {
    for (uint32_t v : g->descriptor().voters()) peers.insert(NodeId(v));
  }
  peers.erase(env_.transport->self());
  support_.SetPeers({peers.begin(), peers.end()});
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
  Tick();
}

Group* GroupHost::Find(GroupId id) {
  auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : it->second.get();
}

Group* GroupHost::FindByKey(const std::string& key) {
  for (const auto& [id, g] : groups_) {
    if (g->initialised() && g->range().Contains(key)) return g.get();
  }
  return nullptr;
}

std::vector<Group*> GroupHost::Groups() {
  std::vector<Group*> out;
  for (const auto& [id, g] : groups_) out.push_back(g.get());
  return out;
}

// ---- the turn ----

void GroupHost::MarkDirty(GroupId id) {
  dirty_.insert(id);
  if (process_posted_) return;
  process_posted_ = true;
  env_.executor->Post([this] { ProcessDirty(); });
}

void GroupHost::ProcessDirty() {
  process_posted_ = false;
  std::vector<Group*> touched;
  storage::WriteBatch batch;
  for (GroupId id : std::exchange(dirty_, {})) {
    Group* g = Find(id);
    if (g == nullptr) continue;
    TakeReady(g, &batch);
    touched.push_back(g);
  }
  if (!batch.empty()) {
    absl::Status written = env_.engine->Write(std::move(batch));
    if (!written.ok()) {
      env_.on_fatal(written);
      return;
    }
  }
  MakeChildren();
  for (Group* g : touched) {
    g->AfterWrite();
    g->UpdateRole();
    CountInFlight(g);
  }
  SendFrames();
  FlushLog();
  MaybeCheckpoint();
}

void GroupHost::TakeReady(Group* group, storage::WriteBatch* batch) {
  paxos::Replica* replica = group->replica();
  while (replica->HasReady()) {
    paxos::Ready ready = replica->TakeReady();
    if (ready.token != 0) {
      log_->Append(group->id(), ready.hard_state ? &*ready.hard_state : nullptr, ready.entries);
      tokens_.emplace_back(group->id(), ready.token);
    }
    for (const paxos::Message& m : ready.messages) {
      auto [it, added] = frames_.try_emplace(m.to);
      if (added) it->second = paxos::NewFrame();
      paxos::AppendToFrame(m, &it->second);
    }
    if (!ready.chosen.empty()) {
      applied_since_checkpoint_ += ready.chosen.size();
      group->Apply(ready.chosen, batch);
    }
    for (NodeId to : ready.need_snapshot) {
      if (sending_snapshots_.emplace(group->id(), to).second) {
        env_.executor->Post([this, id = group->id(), to] { scope_.Spawn(SendSnapshot(id, to)); });
      }
    }
  }
}

void GroupHost::SendFrames() {
  for (auto& [to, frame] : std::exchange(frames_, {})) {
    env_.transport->Send(to, Channel::kPaxos, std::move(frame));
  }
}

void GroupHost::CountInFlight(Group* group) {
  const paxos::Replica* replica = group->replica();
  const uint64_t now =
      replica->last_index() - std::min(replica->chosen_index(), replica->last_index());
  auto it = in_flight_.find(group->id());
  if (it != in_flight_.end()) total_in_flight_ -= it->second;
  total_in_flight_ += now;
  if (now == 0) {
    if (it != in_flight_.end()) in_flight_.erase(it);
  } else {
    in_flight_[group->id()] = now;
  }
}

// A commit alone is flushed at once. Where many are under way, flushes keep a distance, so that
// more of them share a sync.
void GroupHost::FlushLog() {
  if (flush_put_off_ || (!log_->HasUnflushed() && tokens_.empty())) return;
  const Micros now = env_.executor->MonotonicNow();
  const Micros wait = last_flush_us_ + kFlushDistanceUs - now;
  if (total_in_flight_ >= kManyInFlight && wait > 0) {
    flush_put_off_ = true;
    env_.executor->PostAfter(wait, [this] {
      flush_put_off_ = false;
      FlushLog();
    });
    return;
  }
  last_flush_us_ = now;
  log_->Flush([this, tokens = std::exchange(tokens_, {})] {
    for (const auto& [id, token] : tokens) {
      if (Group* g = Find(id)) {
        g->replica()->OnPersisted(token);
        MarkDirty(id);
      }
    }
  });
}

void GroupHost::Tick() {
  const Micros now = env_.executor->MonotonicNow();
  support_.Tick(now);
  for (auto& [to, message] : support_.TakeMessages()) {
    env_.transport->Send(to, Channel::kLease, std::move(message));
  }
  for (auto& [id, g] : groups_) {
    g->replica()->Tick(now);
    if (g->replica()->HasReady()) MarkDirty(id);
    g->UpdateRole();
  }
  env_.executor->PostAfter(options_.tick_us, [this] { Tick(); });
}

void GroupHost::OnPaxosFrame(NodeId from, absl::string_view payload) {
  auto messages = paxos::DecodeFrame(payload);
  if (!messages.ok()) {
    env_.observer->Count("transport.garbage", 1);
    return;
  }
  for (paxos::Message& m : *messages) {
    Group* g = Find(m.group);
    if (g == nullptr) {
      OnUnknownGroup(from, m);
      continue;
    }
    const GroupId id = m.group;
    g->replica()->Step(from, std::move(m));
    MarkDirty(id);
  }
}

void GroupHost::OnUnknownGroup(NodeId from, const paxos::Message& message) {
  (void)from;
  if (!std::holds_alternative<paxos::Accept>(message.body)) return;
  const Micros now = env_.executor->MonotonicNow();
  if (unknown_.size() >= kMaxUnknownGroups && unknown_.count(message.group) == 0) return;
  auto [it, added] = unknown_.try_emplace(message.group, Reachable{now});
  if (added || now - it->second.since < kUnknownGroupPatienceUs) return;
  // The log knows the group, so the store has only gone back to before its split: the parent's log
  // makes it again, with the votes and entries that a blank replica would forget (invariant 8).
  if (log_->HasRecovered(message.group)) return;
  // A replica that votes only once a snapshot has told it what the group holds.
  AppliedState state = AppliedState::Blank(message.group);
  paxos::InitialState initial = InitialFor(state);
  initial.base = {};
  initial.entries.clear();
  Add(std::move(state), std::move(initial));
}

// ---- splits ----

void GroupHost::OnSplit(const peer::GroupDescriptor& child, Timestamp s,
                        storage::WriteBatch* batch) {
  Group* existing = Find(GroupId(child.group()));
  if (existing != nullptr && existing->initialised()) return;  // a snapshot was faster
  AppliedState::Initial(child, s, paxos::kInitialIndex).SaveAll(batch);
  new_children_.emplace_back(child, s);
}

void GroupHost::MakeChildren() {
  for (auto& [child, s] : std::exchange(new_children_, {})) {
    groups_.erase(GroupId(child.group()));  // a blank one, at most
    AppliedState state = AppliedState::Initial(child, s, paxos::kInitialIndex);
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

// ---- snapshots ----

Task<void> GroupHost::SendSnapshot(GroupId id, NodeId to) {
  Group* g = Find(id);
  bool ok = false;
  LogIndex index = 0;
  if (g != nullptr && g->initialised()) {
    peer::GroupSnapshotHeader header;
    g->state().ToSnapshot(&header);
    index = header.index();
    auto pieces = MakeSnapshotPieces(static_cast<uint64_t>(env_.executor->MonotonicNow()), header,
                                     &store_, env_.engine);
    ok = pieces.ok();
    if (ok) {
      env_.observer->Count("group.snapshots_made", 1);
      auto ctx =
          std::make_shared<RequestContext>(env_.executor->MonotonicNow() + kSnapshotDeadlineUs);
      for (std::string& piece : *pieces) {
        // A lost piece must not hold the receiver back until the deadline: all is sent again then.
        auto answer = co_await env_.rpc->Call(ctx, to, rpc::Method::kSnapshotChunk,
                                              std::move(piece), {.timeout_us = kPieceTimeoutUs});
        ok = answer.ok();
        if (!ok) break;
      }
    }
  }
  sending_snapshots_.erase({id, to});
  env_.observer->Count("group.snapshots_sent", ok ? 1 : 0);
  g = Find(id);
  if (g == nullptr) co_return;
  g->replica()->ReportSnapshot(to, ok, index);
  MarkDirty(id);
}

Task<absl::StatusOr<std::string>> GroupHost::OnSnapshotPiece(NodeId from, std::string piece) {
  ISO_CO_RETURN_IF_ERROR(snapshots_.OnPiece(from, piece));
  co_return std::string();
}

absl::Status GroupHost::InstallSnapshot(const peer::GroupSnapshotHeader& header,
                                        std::vector<std::string> chunks) {
  const GroupId id(header.state().group_descriptor().group());
  Group* g = Find(id);
  if (g == nullptr) return absl::NotFoundError(absl::StrCat("no replica of group ", id.value));
  if (g->replica()->role() == paxos::Role::kLeader || header.index() <= g->state().index()) {
    return absl::OkStatus();  // late: this replica is ahead of it
  }
  const KeyRange range = FromProto(header.state().group_descriptor().range());
  storage::WriteBatch batch;
  storage::MvccStore::ClearRange(&batch, range);
  batch.DeleteRange(MetaPrefix(id), MetaPrefix(GroupId(id.value + 1)));
  for (const std::string& chunk : chunks) {
    ISO_RETURN_IF_ERROR(storage::MvccStore::ImportChunk(&batch, range, chunk));
  }
  AppliedState state = AppliedState::FromSnapshot(header);
  state.SaveAll(&batch);
  absl::Status written = env_.engine->Write(std::move(batch));
  if (written.ok()) written = env_.engine->Flush();  // before the log forgets what it replaces
  if (!written.ok()) {
    env_.on_fatal(written);
    return written;
  }
  const paxos::LogMark mark{state.index(), state.ballot()};
  log_->TruncatePrefix(id, mark);
  g->replica()->InstallSnapshot(mark, ConfigOf(state.descriptor()));
  g->InstallSnapshot(std::move(state));
  env_.observer->Reached("group.snapshot_installed");
  RefreshPeers();
  MarkDirty(id);
  return absl::OkStatus();
}

// ---- checkpoints ----

void GroupHost::MaybeCheckpoint() {
  if (checkpointing_) return;
  const bool log_is_large = log_->TotalBytes() > options_.log_limit_bytes;
  if (applied_since_checkpoint_ >= options_.checkpoint_entries ||
      (log_is_large && applied_since_checkpoint_ > 0)) {
    Checkpoint();
  }
}

void GroupHost::Checkpoint() {
  checkpointing_ = true;
  applied_since_checkpoint_ = 0;
  storage::WriteBatch batch;
  std::map<GroupId, LogIndex> covered;
  for (auto& [id, g] : groups_) {
    if (!g->initialised()) continue;
    g->mutable_state()->SaveFinished(&batch);
    covered[id] = g->state().index();
  }
  if (!batch.empty()) {
    absl::Status written = env_.engine->Write(std::move(batch));
    if (!written.ok()) {
      env_.on_fatal(written);
      return;
    }
  }
  if (options_.sabotage.Is(Sabotage::kTruncateAtMemtable)) {
    checkpointing_ = false;
    TruncateLogs(covered);
    return;
  }
  env_.engine->FlushAsync(env_.executor, [this, covered](absl::Status flushed) {
    checkpointing_ = false;
    if (!flushed.ok()) {
      env_.on_fatal(flushed);
      return;
    }
    TruncateLogs(covered);
  });
}

void GroupHost::TruncateLogs(const std::map<GroupId, LogIndex>& durable) {
  for (const auto& [id, index] : durable) {
    Group* g = Find(id);
    if (g == nullptr || index <= options_.keep_entries) continue;
    const LogIndex upto = std::min(index, g->replica()->emitted_index()) - options_.keep_entries;
    if (upto <= g->replica()->base().index) continue;
    log_->TruncatePrefix(id, g->replica()->MarkAt(upto));
    g->replica()->Truncate(upto);
  }
  env_.observer->Reached("log.truncated");
  FlushLog();
}

// ---- stop ----

Task<void> GroupHost::Drain(Micros deadline_us) {
  for (Group* g : Groups()) {
    if (!g->IsServing() || env_.executor->MonotonicNow() >= deadline_us) continue;
    NodeId best;
    LogIndex furthest = 0;
    for (uint32_t v : g->descriptor().voters()) {
      const NodeId n(v);
      if (n == env_.transport->self()) continue;
      const LogIndex match = g->replica()->MatchOf(n);
      if (match > furthest) {
        best = n;
        furthest = match;
      }
    }
    if (best) (void)co_await g->TransferTo(best);
  }
}

}  // namespace isochron::tablet
