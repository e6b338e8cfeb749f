// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"
#include "tablet/group/membership.h"

// Merges: the right-hand group's replica on this node ends, its rows and records go on in the left
// one (docs/internals/split.md).
//
// The merge was proposed when every replica of the right durably had its log up to the freeze, so
// this node can apply it that far from its own log, whatever it has heard and however far its store
// has gone back. All of it, the merge and the end of the right's metadata are in one batch. The
// right's log goes when that is flushed.

namespace isochron::tablet {
namespace {

// Requests that still look at a group that is gone end within this time.
constexpr Micros kGraceUs = 120'000'000;

}  // namespace

Group* GroupHost::Absorber(GroupId id) {
  for (const auto& [other, g] : groups_) {
    if (g->state().HasAbsorbed(id)) return g.get();
  }
  return nullptr;
}

const AppliedState* GroupHost::OnMerge(GroupId left, const peer::Merge& merge,
                                       storage::WriteBatch* batch) {
  MakeChildren();  // the right may be a child of a split in the same turn
  const GroupId id(merge.right().group());
  auto it = groups_.find(id);
  if (it == groups_.end() || !it->second->initialised()) {
    env_.observer->Reached("group.merge_without_right");
    Quarantine(left, absl::StrCat("group ", id.value, ", merged into it, is not here"));
    auto self = groups_.find(left);
    merged_.push_back(std::move(self->second));
    groups_.erase(self);
    return nullptr;
  }
  Group* right = it->second.get();
  TakeReady(right, batch);
  // A witness's state may be ahead of its log.
  if (std::max(right->replica()->emitted_index(), right->state().index()) < merge.right_index()) {
    env_.observer->Reached("group.merge_caught_up");
    right->Apply(right->replica()->TakeChosenUpTo(merge.right_index()), batch);
  }
  merged_.push_back(std::move(it->second));
  groups_.erase(it);
  return &right->state();
}

void GroupHost::EndMerged() {
  if (merged_.empty()) return;
  std::vector<GroupId> ids;
  for (std::unique_ptr<Group>& g : std::exchange(merged_, {})) {
    const GroupId id = g->id();
    g->AfterWrite();
    groups_[id] = std::move(g);
    EndReplica(id);
    if (!quarantined_.contains(id)) ids.push_back(id);
  }
  env_.engine->FlushAsync(env_.executor, [this, ids](absl::Status flushed) {
    if (!flushed.ok()) {
      env_.on_fatal(flushed);
      return;
    }
    RemoveLogs(ids);
  });
}

// A replica that was removed before the merge, and missed it, campaigns or asks (rule 28): none of
// those whom it knows has the group any more. What is in the group it was merged into hears of the
// merge there, and needs its replica of the merged one until then.
void GroupHost::TellMerged(NodeId from, const paxos::Message& message) {
  Group* absorber = Absorber(message.group);
  if (absorber == nullptr || ConfigOf(absorber->descriptor()).Find(from) != nullptr) return;
  const auto& prepare = std::get<paxos::Prepare>(message.body);
  paxos::Message answer;
  answer.group = message.group;
  answer.to = from;
  answer.body = paxos::Nack{prepare.ballot, Ballot(), paxos::NackReason::kMerged, prepare.pre,
                            absorber->id()};
  std::string frame = paxos::NewFrame();
  paxos::AppendToFrame(answer, &frame);
  env_.transport->Send(from, Channel::kPaxos, std::move(frame));
}

// Nothing more is chosen in the group `id`. Only a replica of `into` might still ask for its log.
void GroupHost::OnMergedAway(GroupId id, GroupId into) {
  if (Find(into) != nullptr || quarantined_.contains(into) || newborn_.contains(into) ||
      log_->HasRecovered(into)) {
    return;
  }
  env_.observer->Reached("group.merged_away");
  env_.executor->Post([this, id] { Retire(id); });
}

void GroupHost::EndReplica(GroupId id) {
  std::unique_ptr<Group> group = Detach(id);
  if (group == nullptr) return;
  group->Retire();
  merged_long_ago_.push_back(std::move(group));
  env_.executor->PostAfter(kGraceUs, [this] { merged_long_ago_.pop_front(); });
}

void GroupHost::RemoveLogs(std::vector<GroupId> ids) {
  for (GroupId id : ids) log_->RemoveGroup(id);
  FlushLog();
}

// After a crash between a merge's flush and the removal of the log.
void GroupHost::DropMergedLogs() {
  for (const auto& [id, g] : groups_) {
    for (uint64_t merged : g->state().group_state().absorbed()) {
      if (log_->HasRecovered(GroupId(merged))) {
        (void)log_->TakeRecovered(GroupId(merged));
        log_->RemoveGroup(GroupId(merged));
      }
    }
  }
}

}  // namespace isochron::tablet
