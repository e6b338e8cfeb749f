// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "storage/engine/key_space.h"
#include "tablet/group/group_host.h"

// Starting on data that may be damaged (rule 33): which groups can be trusted, and which are kept
// out.

namespace isochron::tablet {
namespace {

// In the store from its first start on: a log with a HEAD and a store without this row do not
// belong together.
constexpr absl::string_view kBornRow = "node.born";
constexpr absl::string_view kWhatToDo =
    "; restore the data folder, or move it away and join with an empty one";

}  // namespace

// The log and the store must be of one life: a folder whose store was lost would forget what it
// applied, one whose log was lost what it promised.
absl::Status GroupHost::CheckOneLife(const std::string& log_folder) {
  ISO_ASSIGN_OR_RETURN(const bool log_lived, paxos::Log::Exists(env_.disk, log_folder));
  std::string born;
  ISO_ASSIGN_OR_RETURN(const bool store_lived, env_.engine->Get(storage::MetaKey(kBornRow), &born));
  if (log_lived && store_lived) return absl::OkStatus();
  const absl::StatusOr<std::vector<GroupId>> groups = AppliedState::ListGroups(env_.engine);
  const bool holds_groups = !groups.ok() || !groups->empty();
  if (log_lived && !holds_groups) {
    return absl::DataLossError(
        absl::StrCat("store/ is empty, although log/ tells of an earlier life", kWhatToDo));
  }
  if (store_lived && holds_groups) {
    return absl::DataLossError(
        absl::StrCat("log/ is empty, although store/ holds groups", kWhatToDo));
  }
  storage::WriteBatch batch;
  batch.Put(storage::MetaKey(kBornRow), "1");
  ISO_RETURN_IF_ERROR(env_.engine->Write(std::move(batch)));
  return env_.engine->Flush();
}

absl::Status GroupHost::RecoverGroups() {
  absl::StatusOr<std::vector<GroupId>> listed = AppliedState::ListGroups(env_.engine);
  if (!listed.ok() && !absl::IsDataLoss(listed.status())) return listed.status();
  std::set<GroupId> ids;
  if (listed.ok()) ids.insert(listed->begin(), listed->end());
  // A group whose metadata cannot even be listed has voted only if the log knows it.
  for (GroupId id : log_->RecoveredGroups()) {
    if (!listed.ok() || log_->IsQuarantined(id)) ids.insert(id);
  }
  for (GroupId id : ids) {
    if (log_->IsQuarantined(id)) {
      Quarantine(id, log_->TakeRecovered(id).damage);
      continue;
    }
    absl::StatusOr<AppliedState> state = AppliedState::Load(env_.engine, id);
    if (absl::IsDataLoss(state.status())) {
      Quarantine(id, absl::StrCat("store: ", state.status().message()));
      continue;
    }
    if (absl::IsNotFound(state.status())) continue;  // its parent's log makes it again
    ISO_RETURN_IF_ERROR(state.status());
    paxos::InitialState initial = InitialFor(*state);
    if (auto life = lives_.find(id); life != lives_.end()) initial.replica_id = life->second;
    for (const paxos::Entry& e : initial.entries) {
      if (e.index > state->index()) break;
      peer::Command command;
      if (e.kind == paxos::EntryKind::kCommand && command.ParseFromString(*e.payload)) {
        state->ReplayFinished(command);
      }
    }
    Group* g = Add(*std::move(state), std::move(initial));
    if (!g->replica()->member()) WatchNewcomer(id, g->replica()->id());
  }
  return absl::OkStatus();
}

// The store has gone back to before some groups were split off; their parents' logs make them
// again. But not those of a damaged parent, and whose children they are only these logs knew.
void GroupHost::QuarantineUnborn() {
  if (quarantined_.empty()) return;
  const std::string parent = quarantined_.begin()->second;
  for (GroupId id : log_->RecoveredGroups()) {
    if (quarantined_.contains(id)) continue;
    env_.observer->Reached("group.unborn_quarantined");
    Quarantine(id, absl::StrCat("how it began may be in what is lost: ", parent));
  }
}

// From here on this node has no replica of the group: it neither votes nor acknowledges, leads or
// serves it, and does not make it again by itself, until it is dropped.
void GroupHost::Quarantine(GroupId id, std::string reason) {
  (void)log_->TakeRecovered(id);
  log_->Quarantine(id, reason);
  quarantined_[id] = std::move(reason);
  env_.observer->Reached("group.quarantined");
}

}  // namespace isochron::tablet
