// SPDX-License-Identifier: Apache-2.0
#include "txn/service/group_service.h"

#include <utility>

#include "txn/participant/answers.h"
#include "txn/participant/one_round.h"
#include "txn/participant/reads.h"
#include "txn/service/split_barrier.h"
#include "txn/service/tablet_access.h"

namespace isochron::txn {

GroupService::GroupService(Env env)
    : find_group_(std::move(env.find_group)),
      change_replica_(std::move(env.change_replica)),
      transfer_(std::move(env.transfer)),
      find_absorber_(std::move(env.find_absorber)) {
  env_.self = env.self;
  env_.executor = env.executor;
  env_.observer = env.observer;
  env_.caller = env.caller;
  env_.sabotage = env.sabotage;
  env_.options = env.options;
  env_.programs = env.programs;
  env_.check_writes = std::move(env.check_writes);
  env_.close_to_stall = std::move(env.close_to_stall);
  env_.index_prefix = std::move(env.index_prefix);
  env_.scope = &scope_;
  scope_.Spawn(SweepForever());
}

GroupService::~GroupService() {
  scope_.Clear();
  for (auto& [id, led] : led_) {
    if (led.leader.group) led.leader.group->Stop();
  }
}

void GroupService::OnLead(tablet::Group* group) {
  EndLeading(group->id());
  LedEntry& led = led_[group->id()];
  led.group = group;
  // What a former leader left behind is seen to at once.
  const bool frozen = group->state().frozen();
  if (!group->prepared().empty() || !group->decisions().empty() || frozen) {
    LeaderOf(group->id(), &led);
  }
}

void GroupService::OnStopLeading(tablet::Group* group) { EndLeading(group->id()); }

void GroupService::OnApplied(tablet::Group* group, const peer::Command& command) {
  if (!command.has_merge() && !command.has_freeze()) return;
  auto it = led_.find(group->id());
  if (it == led_.end()) return;
  const Leader leader = LeaderOf(group->id(), &it->second);
  if (command.has_merge()) leader.coordinator->Start();  // decisions that came along
}

void GroupService::OnDescriptor(tablet::Group* group) {
  auto it = led_.find(group->id());
  if (it != led_.end() && it->second.leader.group) it->second.leader.group->OnRangeChanged();
}

void GroupService::BeginLeading(GroupId id, std::unique_ptr<GroupAccess> access) {
  EndLeading(id);
  Begin(id, &led_[id].leader, std::move(access));
}

void GroupService::Begin(GroupId id, Leader* leader, std::unique_ptr<GroupAccess> access) {
  leader->group = std::make_shared<LedGroup>(&env_, std::move(access));
  leader->participant = std::make_shared<Participant>(leader->group.get());
  leader->coordinator = std::make_shared<Coordinator>(leader->group.get());
  leader->group->Own(leader->participant);
  leader->group->Own(leader->coordinator);
  busy_.insert(id);
  leader->participant->Start();
  leader->coordinator->Start();
}

GroupService::Leader GroupService::LeaderOf(GroupId id, LedEntry* led) {
  if (!led->leader.group) Begin(id, &led->leader, std::make_unique<TabletAccess>(led->group));
  busy_.insert(id);
  return led->leader;
}

void GroupService::EndLeading(GroupId id) {
  auto it = led_.find(id);
  if (it == led_.end()) return;
  Leader leader = std::move(it->second.leader);
  led_.erase(it);
  busy_.erase(id);
  if (!leader.group) return;
  leader.group->Stop();
  leader.participant->Stop();
  leader.coordinator->Stop();
}

Task<peer::GroupResponse> GroupService::Handle(Ctx ctx, NodeId /*from*/,
                                               peer::GroupRequest request) {
  const GroupId id(request.group());
  auto it = led_.find(id);
  if (it == led_.end()) {
    co_return co_await HandleElsewhere(std::move(ctx), id, std::move(request));
  }
  if (request.has_replicas() || request.has_transfer()) {
    co_return co_await Membership(std::move(ctx), id, std::move(request));
  }
  // A context of this request's own, so that its account is what the answer states, once.
  auto own = std::make_shared<RequestContext>(ctx->deadline_us());
  own->priority = ctx->priority;
  own->principal = ctx->principal;
  std::weak_ptr<RequestContext> weak = own;
  const uint64_t on_cancel = ctx->OnCancel([weak] {
    if (auto c = weak.lock()) c->Cancel();
  });
  Leader leader = LeaderOf(id, &it->second);
  peer::GroupResponse response = co_await Dispatch(leader, own, std::move(request));
  ctx->RemoveOnCancel(on_cancel);
  co_return response;
}

Task<peer::GroupResponse> GroupService::HandleElsewhere(Ctx ctx, GroupId id,
                                                        peer::GroupRequest request) {
  tablet::Group* group = find_group_ ? find_group_(id) : nullptr;
  if (group != nullptr && group->initialised()) {
    const bool rows = !group->state().rowless();  // a witness has none (rule 29)
    if (rows && request.has_snapshot_read() && request.snapshot_read().any_replica()) {
      co_return co_await ReplicaSnapshotRead(&env_, std::make_shared<TabletAccess>(group), ctx,
                                             std::move(*request.mutable_snapshot_read()));
    }
    if (rows && request.has_safe_time()) {
      TabletAccess access(group);
      co_return SafeTimeOf(&access, request.safe_time());
    }
    group->OnAsked();
    co_return NotLeaderAnswer(group->leader_hint(), "this replica does not lead the group");
  }
  tablet::Group* absorber = find_absorber_ ? find_absorber_(id) : nullptr;
  if (absorber != nullptr) {
    auto it = led_.find(absorber->id());
    if (it == led_.end()) {
      absorber->OnAsked();
      co_return NotLeaderAnswer(absorber->leader_hint(), "the group was merged into another one");
    }
    const Leader leader = LeaderOf(absorber->id(), &it->second);
    co_return co_await ServeMerged(leader.group, leader.coordinator, Merging(), std::move(ctx),
                                   std::move(request));
  }
  peer::GroupResponse response = NotLeaderAnswer(NodeId(), "no replica of the group is here");
  response.set_error(peer::UNKNOWN_GROUP);
  co_return response;
}

MergeHost GroupService::Merging() {
  return MergeHost{find_group_, [this](GroupId id) -> std::shared_ptr<LedGroup> {
                     auto it = led_.find(id);
                     return it == led_.end() ? nullptr : LeaderOf(id, &it->second).group;
                   }};
}

Task<peer::GroupResponse> GroupService::Dispatch(Leader leader, Ctx ctx,
                                                 peer::GroupRequest request) {
  switch (request.body_case()) {
    case peer::GroupRequest::kLockedRead:
      return LockedRead(leader.group, ctx, std::move(*request.mutable_locked_read()));
    case peer::GroupRequest::kSnapshotRead:
      return SnapshotRead(leader.group, ctx, std::move(*request.mutable_snapshot_read()));
    case peer::GroupRequest::kCommit:
      return CommitOneRound(leader.group, ctx, std::move(*request.mutable_commit()));
    case peer::GroupRequest::kPrepare:
      return leader.participant->Prepare(ctx, std::move(*request.mutable_prepare()));
    case peer::GroupRequest::kCoordinate:
      return leader.coordinator->Coordinate(ctx, std::move(*request.mutable_coordinate()));
    case peer::GroupRequest::kVote:
      return leader.coordinator->Vote(ctx, std::move(*request.mutable_vote()));
    case peer::GroupRequest::kOutcome:
      return leader.participant->Outcome(ctx, std::move(*request.mutable_outcome()));
    case peer::GroupRequest::kWound:
      return leader.coordinator->Wound(std::move(*request.mutable_wound()));
    case peer::GroupRequest::kSplit:
      return SplitGroup(leader.group, ctx, std::move(*request.mutable_split()));
    case peer::GroupRequest::kPromise:
      return Promise(leader.group, ctx, request.promise());
    case peer::GroupRequest::kSafeTime:
      return AtOnce(SafeTimeOf(leader.group->access(), request.safe_time()));
    case peer::GroupRequest::kMerge:
      return MergeGroup(leader.group, Merging(), ctx, std::move(*request.mutable_merge()));
    case peer::GroupRequest::kFreeze:
      return AtOnce(MayThaw(leader.group.get(), Merging(), request.freeze()));
    case peer::GroupRequest::kHeartbeat:
      return AtOnce(leader.participant->Heartbeat(request.heartbeat()));
    case peer::GroupRequest::kRelease:
      return AtOnce(leader.participant->Release(request.release()));
    default:
      break;
  }
  return AtOnce(RefusedAnswer(
      absl::UnimplementedError("this version does not know the request; upgrade the node")));
}

Task<peer::GroupResponse> GroupService::Membership(Ctx ctx, GroupId id,
                                                   peer::GroupRequest request) {
  absl::Status status = absl::UnimplementedError("groups do not change here");
  if (request.has_replicas() && change_replica_) {
    status = co_await change_replica_(std::move(ctx), id, std::move(*request.mutable_replicas()));
  } else if (request.has_transfer() && transfer_) {
    status = co_await transfer_(id, NodeId(request.transfer().to()));
  }
  if (status.ok()) co_return peer::GroupResponse();
  tablet::Group* group = find_group_ ? find_group_(id) : nullptr;
  if (absl::IsUnavailable(status)) {  // not led here any more: the next leader is asked the same
    co_return NotLeaderAnswer(group != nullptr ? group->leader_hint() : NodeId(), status.message());
  }
  co_return RefusedAnswer(status);
}

Task<peer::GroupResponse> GroupService::AtOnce(peer::GroupResponse response) { co_return response; }

Task<void> GroupService::SweepForever() {
  for (;;) {
    co_await SleepFor(env_.executor, env_.options.sweep_us);
    const std::vector<GroupId> busy(busy_.begin(), busy_.end());
    for (GroupId id : busy) Sweep(id);
  }
}

// Where nobody holds on to the group and nothing is locked, remembered or under way in it, a fresh
// one at the same epoch says the same: it goes.
void GroupService::Sweep(GroupId id) {
  auto it = led_.find(id);
  if (it == led_.end()) return;
  Leader& leader = it->second.leader;
  leader.group->Sweep();
  leader.coordinator->Sweep();
  if (it->second.group != nullptr && it->second.group->state().frozen()) {
    leader.group->Spawn(AskToThaw(leader.group, Merging()));
    return;
  }
  const bool quiet =
      leader.group->Quiet() && leader.participant->Quiet() && leader.coordinator->Quiet();
  if (!quiet || it->second.group == nullptr || leader.group.use_count() > 1) return;
  env_.observer->Reached("group.lock_table_dropped");
  busy_.erase(id);
  leader.group->Stop();
  leader = Leader();
}

std::vector<LockInfo> GroupService::DescribeLocks(GroupId group) const {
  auto it = led_.find(group);
  if (it == led_.end() || !it->second.leader.group) return {};
  return it->second.leader.group->locks().Describe();
}

bool GroupService::InLongUse(GroupId group) const {
  constexpr Micros kShortUs = 1'000'000;
  auto it = led_.find(group);
  if (it == led_.end() || !it->second.leader.group) return false;
  LedGroup& led = *it->second.leader.group;
  const auto view = led.access()->Leading();
  return view.ok() && led.locks().HeldSince(Timestamp(view->now.earliest.us - kShortUs));
}

std::optional<HotRange> GroupService::Hot(GroupId group) const {
  auto it = led_.find(group);
  if (it == led_.end() || !it->second.leader.group) return std::nullopt;
  return it->second.leader.group->Hot();
}

std::vector<GroupId> GroupService::Led() const {
  std::vector<GroupId> out;
  for (const auto& [id, led] : led_) out.push_back(id);
  return out;
}

}  // namespace isochron::txn
