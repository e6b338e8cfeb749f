// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "storage/engine/key_space.h"
#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"
#include "tablet/group/membership.h"

// Replicas that begin and end on this node (rule 28).

namespace isochron::tablet {
namespace {

// Requests that still look at a replica which is gone end within this time.
constexpr Micros kGraceUs = 120'000'000;
constexpr Micros kNewcomerUs = 60'000'000;
constexpr Micros kAskRoundUs = 8'000'000;
// Sleeping followers that ask in a round: so few that they cost nothing, however many there are.
constexpr size_t kSleepersARound = 8;
constexpr Micros kRebuildUs = 1'000'000;
constexpr Micros kNewLifePatienceUs = 500'000;
// A row per group that left this node: the greatest life that it had here. And one per replica that
// began with a snapshot: its life, which its configuration may not show yet. And one per replica
// that waits for its first snapshot and may vote (group_host_newborn.cc): its life.
constexpr absl::string_view kGoneRows = "left";
constexpr absl::string_view kLifeRows = "life";
constexpr absl::string_view kNewbornRows = "newborn";
// The same, if it is a witness.
constexpr absl::string_view kWitnessRows = "witness";

std::string RowOf(absl::string_view rows, GroupId group) {
  return storage::MetaKey(absl::StrCat(rows, absl::Hex(group.value, absl::kZeroPad16)));
}

absl::Status LoadRows(storage::Engine* engine, absl::string_view rows,
                      std::map<GroupId, uint64_t>* out) {
  const std::string begin = storage::MetaKey(rows);
  auto it = engine->NewIterator(begin, storage::MetaKey(absl::StrCat(rows, "~")));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    GroupId group;
    uint64_t life = 0;
    if (!absl::SimpleHexAtoi(absl::string_view(it->key()).substr(begin.size()), &group.value) ||
        !absl::SimpleAtoi(it->value(), &life)) {
      return absl::DataLossError("a record of a replica's life cannot be read");
    }
    (*out)[group] = life;
  }
  return it->status();
}

}  // namespace

absl::Status GroupHost::LoadLives() {
  ISO_RETURN_IF_ERROR(LoadRows(env_.engine, kGoneRows, &gone_));
  ISO_RETURN_IF_ERROR(LoadRows(env_.engine, kNewbornRows, &newborn_));
  ISO_RETURN_IF_ERROR(LoadRows(env_.engine, kWitnessRows, &witnesses_));
  return LoadRows(env_.engine, kLifeRows, &lives_);
}

void GroupHost::SaveLife(GroupId group, uint64_t life, bool witness, storage::WriteBatch* batch) {
  lives_[group] = life;
  batch->Put(RowOf(kLifeRows, group), absl::StrCat(life));
  if (!witness) return;
  witnesses_[group] = life;
  batch->Put(RowOf(kWitnessRows, group), absl::StrCat(life));
}

void GroupHost::EndLife(GroupId group, uint64_t life, storage::WriteBatch* batch) {
  uint64_t& gone = gone_[group];
  gone = std::max(gone, life);
  batch->Put(RowOf(kGoneRows, group), absl::StrCat(gone));
  batch->Delete(RowOf(kLifeRows, group));
  batch->Delete(RowOf(kWitnessRows, group));
  lives_.erase(group);
  witnesses_.erase(group);
}

void GroupHost::SaveNewborn(GroupId group, uint64_t life, storage::WriteBatch* batch) {
  newborn_[group] = life;
  batch->Put(RowOf(kNewbornRows, group), absl::StrCat(life));
}

void GroupHost::DropNewborn(GroupId group, storage::WriteBatch* batch) {
  if (newborn_.erase(group) > 0) batch->Delete(RowOf(kNewbornRows, group));
}

// The end of a replica reaches the store first. What is left of its log goes at the next start.
void GroupHost::DropRemains() {
  for (const auto& [group, life] : gone_) {
    if (!log_->HasRecovered(group) || Find(group) != nullptr) continue;
    (void)log_->TakeRecovered(group);
    log_->RemoveGroup(group);
  }
}

// Whether a peer may mean a replica of this folder: not one that an earlier folder of this node
// had, and not one that has ended here.
bool GroupHost::MayBegin(GroupId group, uint64_t life) const {
  if (retiring_.contains(group)) return false;
  if (options_.sabotage.Is(Sabotage::kAmnesiacVoter)) return true;
  auto gone = gone_.find(group);
  if (gone != gone_.end() && life <= gone->second) return false;
  return BelongsTo(life, options_.first_incarnation, options_.incarnation);
}

void GroupHost::MakeBlank(GroupId group, uint64_t life) {
  AppliedState state = AppliedState::Blank(group);
  paxos::InitialState initial = InitialFor(state);
  initial.base = {};
  initial.entries.clear();
  initial.replica_id = life;
  Add(std::move(state), std::move(initial));
  WatchNewcomer(group, life);
}

// A replica that no chosen configuration names yet goes again when nobody wants it any more: its
// leader may have died before it was added.
void GroupHost::WatchNewcomer(GroupId group, uint64_t life) {
  env_.executor->PostAfter(kNewcomerUs, [this, group, life] {
    Group* g = Find(group);
    if (g == nullptr || g->replica()->id() != life || g->replica()->member()) return;
    if (newborn_.contains(group)) return;  // its vote may be needed at any time
    if (env_.executor->MonotonicNow() - g->replica()->heard_at() >= kNewcomerUs) {
      Retire(group);
    } else {
      WatchNewcomer(group, life);
    }
  });
}

// ---- beginning ----

Task<absl::StatusOr<uint64_t>> GroupHost::NewLife(Ctx ctx, GroupId group, NodeId node) {
  peer::GroupDescriptor request;
  request.set_group(group.value);
  auto answer =
      co_await env_.rpc->Call(ctx, node, rpc::Method::kNewReplica, request.SerializeAsString(),
                              {.timeout_us = kNewLifePatienceUs});
  if (!answer.ok()) {
    co_return absl::FailedPreconditionError(
        absl::StrCat("node ", node.value, " cannot take a replica: ", answer.status().message()));
  }
  peer::Replica made;
  if (!made.ParseFromString(*answer) || made.id() == 0) {
    co_return absl::InternalError(absl::StrCat("node ", node.value, " sent what cannot be read"));
  }
  co_return made.id();
}

// A blank replica under a new number. Asked again, the same one, so that none is left over.
Task<absl::StatusOr<std::string>> GroupHost::OnNewReplica(std::string payload) {
  peer::GroupDescriptor request;
  if (!request.ParseFromString(payload) || request.group() == 0) {
    co_return absl::InvalidArgumentError("a request for a replica cannot be understood");
  }
  const GroupId id(request.group());
  // Who asks has seen the newborn one's life removed from the group, before it came to be.
  if (newborn_.contains(id)) Retire(id);
  Group* g = Find(id);
  if (retiring_.contains(id) || (g != nullptr && g->initialised())) {
    // That it is removed may have been lost on the way to it.
    if (g != nullptr) {
      g->replica()->AskIfMember();
      MarkDirty(id);
    }
    co_return absl::FailedPreconditionError(
        "it still has one that is on its way out; retry in a moment");
  }
  if (quarantined_.contains(id)) ISO_CO_RETURN_IF_ERROR(DropDamaged(id));
  if (g == nullptr && log_->HasRecovered(id)) {
    co_return absl::FailedPreconditionError("its log knows the group already; retry later");
  }
  if (g == nullptr) {
    MakeBlank(id, MakeLife(options_.incarnation, ++lives_begun_));
    g = Find(id);
  }
  peer::Replica made;
  made.set_node(env_.transport->self().value);
  made.set_id(g->replica()->id());
  co_return made.SerializeAsString();
}

uint64_t GroupHost::GreatestLife() const { return MakeLife(options_.incarnation, lives_begun_); }

// The group goes on without this node's damaged replica, or nobody would ask for another: what is
// left of it goes, and its name with it. Its rows go when the new one's snapshot comes.
absl::Status GroupHost::DropDamaged(GroupId id) {
  storage::WriteBatch batch;
  batch.DeleteRange(MetaPrefix(id), MetaEnd(id));
  EndLife(id, GreatestLife(), &batch);
  DropNewborn(id, &batch);
  ISO_RETURN_IF_ERROR(env_.engine->Write(std::move(batch)));
  ISO_RETURN_IF_ERROR(env_.engine->Flush());
  log_->RemoveGroup(id);
  quarantined_.erase(id);
  env_.observer->Reached("group.damaged_dropped");
  return absl::OkStatus();
}

// ---- ending ----

void GroupHost::OnMembers(GroupId id, bool removed) {
  if (Group* g = Find(id)) AddPeers(g->descriptor());
  if (!rebuild_posted_) {
    rebuild_posted_ = true;  // many groups may change together
    env_.executor->PostAfter(kRebuildUs, [this] { RebuildPeers(); });
  }
  if (removed) env_.executor->Post([this, id] { Retire(id); });
}

// Nodes that share no group with this one any more are left alone.
void GroupHost::RebuildPeers() {
  rebuild_posted_ = false;
  peers_.clear();
  for (const auto& [id, g] : groups_) {
    for (const paxos::Member& m : ConfigOf(g->descriptor()).members) peers_.insert(m.node);
  }
  peers_.erase(env_.transport->self());
  support_.SetPeers({peers_.begin(), peers_.end()});
}

std::unique_ptr<Group> GroupHost::Detach(GroupId id) {
  auto it = groups_.find(id);
  if (it == groups_.end()) return nullptr;
  std::unique_ptr<Group> group = std::move(it->second);
  groups_.erase(it);
  dirty_.erase(id);
  Forget(id);
  if (auto flight = in_flight_.find(id); flight != in_flight_.end()) {
    total_in_flight_ -= flight->second;
    in_flight_.erase(flight);
  }
  return group;
}

// The end of a replica: one batch takes its rows and its state and writes down that it was here;
// once that is flushed its log goes. A crash in between leaves either the whole replica, which then
// hears of its end again, or a remainder of the log that the next start removes.
void GroupHost::Retire(GroupId id) {
  std::unique_ptr<Group> group = Detach(id);
  if (group == nullptr) return;
  group->Retire();
  storage::WriteBatch batch;
  if (group->initialised() && !group->state().rowless()) {
    for (const KeyRange& r : HeldByNoOther(group->range(), id)) {
      storage::MvccStore::ClearRange(&batch, r);
    }
  }
  batch.DeleteRange(MetaPrefix(id), MetaEnd(id));
  EndLife(id, group->replica()->id(), &batch);
  DropNewborn(id, &batch);
  retired_.push_back(std::move(group));
  if (absl::Status written = env_.engine->Write(std::move(batch)); !written.ok()) {
    env_.on_fatal(written);
    return;
  }
  env_.observer->Reached("group.replica_ended");
  retiring_.insert(id);
  env_.engine->FlushAsync(env_.executor, [this, id](absl::Status flushed) {
    if (!flushed.ok()) {
      env_.on_fatal(flushed);
      return;
    }
    log_->RemoveGroup(id);
    retiring_.erase(id);
    FlushLog();
  });
  env_.executor->PostAfter(kGraceUs, [this] { retired_.pop_front(); });
}

// Replicas that never campaign have to ask whether they still are members, now and then.
void GroupHost::WakeNonVoters() {
  for (auto& [id, g] : groups_) {
    if (g->initialised() && !g->replica()->MayLead()) Wake(g.get());
  }
  AskSleepers();
  env_.executor->PostAfter(kAskRoundUs, [this] { WakeNonVoters(); });
}

// A voter that missed its removal, and whose leader's node is well, sleeps for good: it would find
// out by campaigning. So sleepers ask in turns.
void GroupHost::AskSleepers() {
  const Micros quiet = env_.executor->MonotonicNow() - kAskRoundUs;
  auto it = groups_.upper_bound(sleepers_cursor_);
  for (size_t looked = 0, asked = 0; looked < groups_.size() && asked < kSleepersARound; ++looked) {
    if (it == groups_.end()) it = groups_.begin();
    const auto& [id, g] = *it++;
    paxos::Replica* replica = g->replica();
    if (!g->initialised() || !replica->MayLead() || replica->role() != paxos::Role::kFollower ||
        replica->heard_at() > quiet) {
      continue;
    }
    replica->AskIfMember();
    MarkDirty(id);
    sleepers_cursor_ = id;
    ++asked;
  }
}

// ---- requests ----

Task<absl::Status> GroupHost::ChangeReplica(Ctx ctx, GroupId id, peer::ReplicasRequest request) {
  Group* g = Find(id);
  if (g == nullptr) co_return absl::NotFoundError(absl::StrCat("no replica of group ", id.value));
  if (request.remove() && NodeId(request.replica().node()) == env_.transport->self()) {
    // The next leader does it.
    const NodeId next = Successor(g);
    if (!next) {
      co_return absl::InvalidArgumentError("the last replica that can lead is not removed");
    }
    ISO_CO_RETURN_IF_ERROR(co_await g->TransferTo(next));
    co_return absl::UnavailableError("leadership was handed over for the removal");
  }
  co_return co_await g->ChangeReplica(std::move(ctx), request.replica(), request.remove());
}

Task<absl::Status> GroupHost::Transfer(GroupId id, NodeId to) {
  Group* g = Find(id);
  if (g == nullptr) co_return absl::NotFoundError(absl::StrCat("no replica of group ", id.value));
  ISO_CO_RETURN_IF_ERROR(g->Leading().status());
  if (to == env_.transport->self()) co_return absl::OkStatus();
  co_return co_await g->TransferTo(to);
}

NodeId GroupHost::Successor(Group* g) const {
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
  return best;
}

}  // namespace isochron::tablet
