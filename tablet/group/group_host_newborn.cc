// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"
#include "tablet/group/membership.h"

// Replicas of groups that were split off while this node was away. A snapshot of the parent carries
// its replica here past the split, so nothing that comes later makes the child's: only the child's
// leader could, by a snapshot. If another voter of the child was lost for good meanwhile, there is
// no leader without this one's vote, and the group would be dead although two of three are alive.
//
// So the snapshot that carries the parent past a split makes the child's replica here, blank, with
// the right to vote. It never promised or accepted anything, and can say so: the parent's replica
// is of the life that the child's would have, and had not come to the split; the log knows nothing
// of the child; none has ended here. The right is written down in the batch of the snapshot, and
// what it promises is in the log, so that it forgets neither (invariant 8, rule 28).

namespace isochron::tablet {

// Before `after` is installed in `parent`.
std::vector<GroupId> GroupHost::BearSkipped(Group* parent, const AppliedState& after,
                                            storage::WriteBatch* batch) {
  std::vector<GroupId> newborn;
  const auto& known = parent->state().group_state().children();
  const auto& absorbed = after.group_state().absorbed();
  const uint64_t life = parent->replica()->id();
  for (const peer::GroupDescriptor& child : after.group_state().children()) {
    const GroupId id(child.group());
    const paxos::Config members = ConfigOf(child);
    const paxos::Member* m = members.Find(env_.transport->self());
    if (m == nullptr || m->id != life || !m->Votes()) continue;
    const bool applied = std::any_of(known.begin(), known.end(),
                                     [&](const auto& k) { return k.group() == id.value; });
    if (applied || std::find(absorbed.begin(), absorbed.end(), id.value) != absorbed.end())
      continue;
    if (!MayBegin(id, life) || quarantined_.contains(id) || log_->HasRecovered(id)) continue;
    if (newborn_.contains(id) || Absorber(id) != nullptr) continue;
    Group* here = Find(id);
    if (here != nullptr && (here->initialised() || here->replica()->id() != life)) continue;
    SaveNewborn(id, life, batch);
    newborn.push_back(id);
  }
  return newborn;
}

void GroupHost::MakeNewborn(GroupId id) {
  if (Find(id) == nullptr) MakeBlank(id, newborn_.at(id));
  Find(id)->replica()->BeNewborn();
  env_.observer->Reached("group.newborn");
}

// What it had promised is in the log.
void GroupHost::RecoverNewborn() {
  for (const auto& [id, life] : newborn_) {
    if (quarantined_.contains(id) || Find(id) != nullptr) continue;
    AppliedState state = AppliedState::Blank(id);
    paxos::InitialState initial = InitialFor(state);
    initial.replica_id = life;
    Add(std::move(state), std::move(initial))->replica()->BeNewborn();
    env_.observer->Reached("group.newborn_recovered");
  }
}

}  // namespace isochron::tablet
