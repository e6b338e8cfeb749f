// SPDX-License-Identifier: Apache-2.0
#include "server/node/self_repair.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "storage/engine/key_space.h"

namespace isochron::server {
namespace {

constexpr size_t kAtATime = 4;
constexpr Micros kLookUs = 500'000;
constexpr Micros kPauseMinUs = 500'000;
constexpr int kMaxDoublings = 5;  // up to 16 s between tries
constexpr Micros kChangeTimeoutUs = 20'000'000;
constexpr absl::string_view kRows = "node.repair.";
constexpr absl::string_view kReadOnly = "read-only";
constexpr absl::string_view kWitness = "witness";

std::string RowOf(GroupId group) { return storage::MetaKey(absl::StrCat(kRows, group.value)); }

}  // namespace

void SelfRepair::Tell(GroupId group, const std::string& what) {
  if (env_.tell) env_.tell(absl::StrCat("group ", group.value, ": ", what));
}

std::string SelfRepair::Progress(GroupId group) const {
  auto it = begun_.find(group);
  if (it == begun_.end()) return "";
  if (it->second.waiting.empty()) return "being replaced";
  return absl::StrCat("being replaced, waits: ", it->second.waiting);
}

void SelfRepair::Load() {
  const std::string prefix = storage::MetaKey(kRows);
  auto it = env_.engine->NewIterator(prefix, storage::MetaKey("node.repair/"));
  for (it->Seek(prefix); it->Valid(); it->Next()) {
    uint64_t group = 0;
    if (!absl::SimpleAtoi(it->key().substr(prefix.size()), &group)) continue;
    begun_[GroupId(group)].kind = it->value() == kReadOnly  ? txn::ReplicaChange::kReadOnly
                                  : it->value() == kWitness ? txn::ReplicaChange::kWitness
                                                            : txn::ReplicaChange::kVoter;
  }
  if (!it->status().ok()) env_.on_fatal(it->status());
}

void SelfRepair::Save(storage::WriteBatch batch) {
  absl::Status saved = env_.engine->Write(std::move(batch));
  if (saved.ok()) saved = env_.engine->Flush();
  if (!saved.ok()) env_.on_fatal(saved);
}

void SelfRepair::Begin(GroupId group) {
  if (begun_.contains(group)) return;
  const txn::ReplicaChange kind = env_.kind(group);
  begun_[group].kind = kind;
  storage::WriteBatch batch;
  batch.Put(RowOf(group), kind == txn::ReplicaChange::kReadOnly  ? kReadOnly
                          : kind == txn::ReplicaChange::kWitness ? kWitness
                                                                 : "voter");
  Save(std::move(batch));
  env_.observer->Reached("group.repair_begun");
  Tell(group, "this node's damaged replica is being replaced");
}

void SelfRepair::BeginAll() {
  std::vector<GroupId> damaged;
  for (const auto& [group, why] : env_.host->quarantined()) damaged.push_back(group);
  for (GroupId group : damaged) Begin(group);
}

void SelfRepair::Finish(GroupId group) {
  begun_.erase(group);
  storage::WriteBatch batch;
  batch.Delete(RowOf(group));
  Save(std::move(batch));
  env_.observer->Reached("group.repaired");
  Tell(group, "this node has a whole replica again");
}

Task<absl::Status> SelfRepair::RemoveEnded(Ctx ctx, GroupId group) {
  peer::GroupRequest request;
  request.mutable_replicas()->set_remove(true);
  request.mutable_replicas()->mutable_replica()->set_node(env_.self.value);
  request.mutable_replicas()->mutable_replica()->set_id(env_.host->GreatestLife());
  auto answer = co_await env_.call_leader(std::move(ctx), group, std::move(request));
  ISO_CO_RETURN_IF_ERROR(answer.status());
  if (answer->error() == peer::GROUP_OK) co_return absl::OkStatus();
  co_return absl::UnavailableError(answer->message());
}

Task<absl::Status> SelfRepair::Replace(GroupId group) {
  Ctx ctx = std::make_shared<RequestContext>(env_.executor->MonotonicNow() + kChangeTimeoutUs);
  if (env_.host->quarantined().contains(group)) {
    ISO_CO_RETURN_IF_ERROR(co_await RemoveEnded(ctx, group));
  }
  const txn::ReplicaChange kind = begun_[group].kind;
  absl::Status added = co_await env_.store->ChangeReplica(ctx, group, env_.self, kind);
  if (!added.ok()) {
    // Somebody may have given this node a replica of another kind meanwhile, in its place.
    tablet::Group* g = env_.host->Find(group);
    const paxos::Member* own =
        g != nullptr ? g->replica()->settled_config().Find(env_.self) : nullptr;
    const bool whole = own != nullptr && own->id == g->replica()->id() && own->Votes();
    if (env_.host->quarantined().contains(group) || !whole) co_return added;
  }
  if (!env_.host->quarantined().contains(group)) co_return absl::OkStatus();
  co_return absl::UnavailableError("it is not removed from its group yet");
}

Task<void> SelfRepair::Try(GroupId group) {
  // What the group held came back with the one that it was merged into.
  const bool merged = env_.host->Absorber(group) != nullptr;
  const absl::Status done = merged ? absl::OkStatus() : co_await Replace(group);
  --running_;
  if (done.ok()) {
    Finish(group);
    co_return;
  }
  Replacement& r = begun_[group];
  r.running = false;
  const Micros pause = kPauseMinUs << std::min(r.tries++, kMaxDoublings);
  r.next_us = env_.executor->MonotonicNow() + env_.random.Between(pause / 2, pause);
  if (r.waiting == done.message()) co_return;
  r.waiting = std::string(done.message());
  Tell(group, absl::StrCat("its replica here is not replaced yet: ", done.message()));
}

Task<void> SelfRepair::Run() {
  Load();
  for (;;) {
    co_await SleepFor(env_.executor, kLookUs);
    if (automatic_) BeginAll();
    const Micros now = env_.executor->MonotonicNow();
    std::vector<GroupId> due;
    for (const auto& [group, r] : begun_) {
      if (!r.running && r.next_us <= now) due.push_back(group);
    }
    for (GroupId group : due) {
      if (running_ >= kAtATime) break;
      ++running_;
      begun_[group].running = true;
      scope_.Spawn(Try(group));
    }
  }
}

}  // namespace isochron::server
