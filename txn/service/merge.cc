// SPDX-License-Identifier: Apache-2.0
#include "txn/service/merge.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "txn/api/system_keys.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

using Led = std::shared_ptr<LedGroup>;

constexpr Micros kLookAgainUs = 5'000;
constexpr Micros kLeadHereUs = 8'000'000;
constexpr Micros kFollowUs = 3'000'000;
constexpr Micros kAskUs = 5'000'000;
constexpr LogIndex kCloseBehind = 200;

TxnAttempt Barrier(GroupId right) {
  return TxnAttempt{TxnId{Timestamp(), NodeId(), 1, right.value}, 0};
}

std::vector<NodeId> Others(const tablet::Group& group, NodeId self) {
  std::vector<NodeId> out;
  for (const peer::Replica& r : group.descriptor().replicas()) out.push_back(NodeId(r.node()));
  if (out.empty()) {
    for (uint32_t v : group.descriptor().voters()) out.push_back(NodeId(v));
  }
  std::erase(out, self);
  return out;
}

// One try. Lives in a flight of the left group, which it keeps alive.
class Merger {
 public:
  Merger(Led left, MergeHost host, Ctx ctx, GroupId right)
      : left_(std::move(left)), host_(std::move(host)), ctx_(std::move(ctx)), right_(right) {}

  Task<absl::Status> Run() {
    ISO_CO_RETURN_IF_ERROR(CheckPair());
    ISO_CO_RETURN_IF_ERROR(co_await LeadHere());
    ISO_CO_RETURN_IF_ERROR(co_await Follow(left_->id(), 0));
    ISO_CO_RETURN_IF_ERROR(co_await Follow(right_, 0));
    generation_ = host_.find_group(left_->id())->descriptor().generation();
    Led right = host_.find_led(right_);
    if (right == nullptr) co_return absl::AbortedError("the right-hand group's leader has moved");
    absl::Status done = co_await Locked(right);
    if (!done.ok() && freeze_proposed_ && !merge_unknown_) Thaw();
    if (!right->stopped()) right->Release(Barrier(right_), /*marker=*/false);
    co_return done;
  }

 private:
  absl::Status CheckPair() const {
    const tablet::Group* l = host_.find_group(left_->id());
    const tablet::Group* r = host_.find_group(right_);
    if (l == nullptr || left_->stopped()) return absl::FailedPreconditionError("leadership ended");
    if (l->id() == kSystemGroup) return absl::InvalidArgumentError("the system range stays alone");
    if (r == nullptr || !r->initialised()) {
      return absl::DataLossError(absl::StrCat(
          "node ", left_->env().self.value, " has no replica of group ", right_.value,
          ": groups are merged that have the same replicas; move them together first"));
    }
    if (l->range().end.empty() || l->range().end != r->range().start) {
      return absl::OutOfRangeError(absl::StrCat(
          "group ", right_.value, " does not begin where group ", l->id().value, " ends"));
    }
    if (!tablet::SameReplicas(l->descriptor(), r->descriptor())) {
      return absl::DataLossError(
          absl::StrCat("groups ", l->id().value, " and ", right_.value,
                       " have different replicas; move them together first"));
    }
    return absl::OkStatus();
  }

  // Leads the right-hand group on this node.
  Task<absl::Status> LeadHere() {
    const Micros until = left_->now_us() + kLeadHereUs;
    while (host_.find_led(right_) == nullptr) {
      ISO_CO_RETURN_IF_ERROR(CheckPair());
      if (left_->now_us() >= until) {
        co_return absl::AbortedError("the right-hand group could not be led here in time");
      }
      peer::GroupRequest request;
      request.mutable_transfer()->set_to(left_->env().self.value);
      auto ctx = std::make_shared<RequestContext>(left_->now_us() + kFollowUs);
      (void)co_await left_->env().caller->Call(ctx, right_, std::move(request));
      const Micros look = left_->now_us() + kFollowUs / 2;
      while (host_.find_led(right_) == nullptr && left_->now_us() < look) {
        co_await SleepFor(left_->env().executor, kLookAgainUs);
      }
    }
    co_return CheckPair();
  }

  // Every replica durably has the group's log up to `index`; 0: is close behind.
  Task<absl::Status> Follow(GroupId id, LogIndex index) {
    const Micros until = left_->now_us() + kFollowUs;
    for (;;) {
      ISO_CO_RETURN_IF_ERROR(CheckPair());
      const tablet::Group* g = host_.find_group(id);
      auto* replica = const_cast<tablet::Group*>(g)->replica();
      NodeId behind;
      for (NodeId n : Others(*g, left_->env().self)) {
        const LogIndex match = replica->MatchOf(n);
        if (match == 0 || match < index || match + kCloseBehind < replica->last_index()) behind = n;
      }
      if (!behind) co_return absl::OkStatus();
      if (left_->now_us() >= until) {
        co_return absl::DataLossError(absl::StrCat(
            "node ", behind.value, " is down or far behind in group ", id.value,
            ": a merge needs every replica; bring it back or remove it, then merge again"));
      }
      co_await SleepFor(left_->env().executor, kLookAgainUs);
    }
  }

  Task<absl::Status> Locked(Led right) {
    const KeyRange all = right->range();
    ISO_CO_RETURN_IF_ERROR(
        co_await right->Lock(ctx_, Barrier(right_), {{all, LockMode::kExclusive}}));
    ISO_CO_RETURN_IF_ERROR(CheckPair());
    if (right->stopped() || right->range() != all) {
      co_return absl::AbortedError("the right-hand group has changed");
    }
    token_ = left_->NewMergeToken();
    peer::Command command;
    command.mutable_freeze()->set_owner(left_->id().value);
    command.mutable_freeze()->set_token(token_);
    freeze_proposed_ = true;
    auto frozen = co_await right->ProposeFor(ctx_, Barrier(right_), PinReason{}, std::move(command),
                                             Timestamp(), Timestamp::Max());
    ISO_CO_RETURN_IF_ERROR(frozen.status());
    ISO_CO_RETURN_IF_ERROR(co_await frozen->applied);
    left_->Reached("merge.frozen");
    ISO_CO_RETURN_IF_ERROR(CheckPair());
    const tablet::AppliedState& state = host_.find_group(right_)->state();
    if (!state.frozen() || state.group_state().frozen().token() != token_) {
      co_return absl::AbortedError("something was prepared in the right-hand group");
    }
    const LogIndex index = state.index();
    ISO_CO_RETURN_IF_ERROR(co_await Follow(right_, index));
    co_return co_await Propose(index, frozen->s);
  }

  Task<absl::Status> Propose(LogIndex index, Timestamp s_max) {
    tablet::Group* l = host_.find_group(left_->id());
    tablet::Group* r = host_.find_group(right_);
    peer::Command command;
    peer::Merge* merge = command.mutable_merge();
    *merge->mutable_right() = r->descriptor();
    merge->set_right_index(index);
    merge->set_token(token_);
    merge->set_left_generation(generation_);
    const bool without = left_->env().sabotage.Is(Sabotage::kMergeWithoutSmax);
    auto proposed = left_->access()->Propose(
        std::move(command), without ? Timestamp() : s_max.Next(), Timestamp::Max());
    ISO_CO_RETURN_IF_ERROR(proposed.status());
    left_->Reached("merge.proposed");
    merge_unknown_ = true;
    absl::Status applied = co_await proposed->applied;
    ISO_CO_RETURN_IF_ERROR(applied);
    merge_unknown_ = false;
    if (!l->state().HasAbsorbed(right_)) co_return absl::AbortedError("a group has changed");
    co_return absl::OkStatus();
  }

  void Thaw() {
    tablet::Group* r = host_.find_group(right_);
    if (r == nullptr) return;
    peer::Command command;
    command.mutable_freeze()->set_owner(left_->id().value);
    command.mutable_freeze()->set_token(token_);
    command.mutable_freeze()->set_thaw(true);
    // If it fails, whoever leads the group next asks for it.
    if (r->Propose(std::move(command)).ok()) left_->Reached("merge.thawed");
  }

  const Led left_;
  const MergeHost host_;
  const Ctx ctx_;
  const GroupId right_;
  uint64_t token_ = 0;
  uint64_t generation_ = 0;
  bool freeze_proposed_ = false;
  bool merge_unknown_ = false;  // the merge is proposed: only what is chosen tells
};

peer::GroupResponse Merged(LedGroup* left) {
  peer::GroupResponse response;
  AddDescriptors(*left->access(), &response);
  *response.mutable_split()->mutable_descriptors() = response.descriptors();
  return response;
}

Task<peer::GroupResponse> Run(Led left, MergeHost host, Ctx ctx, GroupId right) {
  left->merging().insert(right);
  Merger merger(left, std::move(host), std::move(ctx), right);
  absl::Status status = co_await merger.Run();
  left->merging().erase(right);
  if (absl::IsDataLoss(status)) {  // one that lasts
    co_return RefusedAnswer(absl::FailedPreconditionError(status.message()));
  }
  if (!status.ok()) co_return ErrorAnswer(*left->access(), status);
  left->Count("group.merges");
  co_return Merged(left.get());
}

}  // namespace

Task<peer::GroupResponse> MergeGroup(Led left, MergeHost host, Ctx ctx,
                                     peer::MergeRequest request) {
  auto view = left->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*left->access(), view.status());
  const GroupId right(request.right());
  const tablet::Group* group = host.find_group(left->id());
  if (group != nullptr && group->state().HasAbsorbed(right)) co_return Merged(left.get());
  co_return co_await left->Join(ctx, LedGroup::Flight::kOneRound, Barrier(right),
                                [&] { return Run(left, host, ctx, right); });
}

peer::GroupResponse MayThaw(LedGroup* left, const MergeHost& host,
                            const peer::FreezeRequest& request) {
  auto view = left->access()->Leading();
  if (!view.ok()) return ErrorAnswer(*left->access(), view.status());
  const GroupId frozen(request.frozen());
  if (left->merging().contains(frozen)) {
    return RefusedAnswer(absl::AbortedError("the merge is under way"));
  }
  const tablet::Group* group = host.find_group(left->id());
  if (group == nullptr || group->state().HasAbsorbed(frozen)) {
    return RefusedAnswer(absl::AbortedError("the group was merged"));
  }
  return peer::GroupResponse();
}

Task<void> AskToThaw(Led frozen, MergeHost host) {
  const tablet::Group* group = host.find_group(frozen->id());
  if (group == nullptr || !group->state().frozen()) co_return;
  const peer::Freeze freeze = group->state().group_state().frozen();
  peer::GroupRequest request;
  request.mutable_freeze()->set_owner(freeze.owner());
  request.mutable_freeze()->set_token(freeze.token());
  request.mutable_freeze()->set_thaw(true);
  request.mutable_freeze()->set_frozen(frozen->id().value);
  auto ctx = std::make_shared<RequestContext>(frozen->now_us() + kAskUs);
  auto answer =
      co_await frozen->env().caller->Call(ctx, GroupId(freeze.owner()), std::move(request));
  if (!answer.ok() || answer->error() != peer::GROUP_OK || frozen->stopped()) co_return;
  tablet::Group* still = host.find_group(frozen->id());
  if (still == nullptr) co_return;
  peer::Command command;
  *command.mutable_freeze() = freeze;
  command.mutable_freeze()->set_thaw(true);
  if (still->Propose(std::move(command)).ok()) frozen->Reached("merge.thawed_after_asking");
}

}  // namespace isochron::txn
