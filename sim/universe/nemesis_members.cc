// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/universe/nemesis.h"

// Replicas that are added, removed and lost. At most one folder is lost at a time, and nothing else
// is changed until its replicas are replaced: so what is left of each group is a quorum.

namespace isochron::sim {
namespace {

constexpr Micros kChangeTimeoutUs = 20'000'000;
constexpr Micros kRepairEveryUs = 300'000;
constexpr size_t kFewestVoters = 3;

Task<void> ChangeTask(SimNode* node, GroupId group, NodeId target, txn::ReplicaChange change,
                      std::shared_ptr<bool> carried_out) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + kChangeTimeoutUs);
  const absl::Status changed = co_await node->store()->ChangeReplica(ctx, group, target, change);
  *carried_out = changed.ok();
}

size_t Voters(const ReplicaView& view) {
  return static_cast<size_t>(std::count_if(view.members.begin(), view.members.end(),
                                           [](const MemberView& m) { return m.votes; }));
}

size_t Witnesses(const ReplicaView& view) {
  return static_cast<size_t>(std::count_if(view.members.begin(), view.members.end(),
                                           [](const MemberView& m) { return m.witness; }));
}

}  // namespace

// What the groups' leaders say of them; only if every group that any node knows has one now.
std::optional<std::vector<ReplicaView>> Nemesis::AllGroups() {
  std::map<GroupId, std::optional<ReplicaView>> groups;
  for (auto& node : universe_->nodes()) {
    if (!node->up()) continue;
    for (ReplicaView& r : node->Replicas()) {
      auto& known = groups[r.group];
      if (r.serving) known = std::move(r);
    }
  }
  std::vector<ReplicaView> all;
  for (auto& [id, view] : groups) {
    if (!view.has_value()) return std::nullopt;
    all.push_back(*std::move(view));
  }
  if (all.empty()) return std::nullopt;
  return all;
}

void Nemesis::Change(GroupId group, NodeId target, txn::ReplicaChange change) {
  SimNode* node = AnyUp();
  if (node == nullptr) return;
  universe_->Log(absl::StrCat(
      ToString(node->id()), " is asked to ",
      change == txn::ReplicaChange::kNone      ? "remove "
      : change == txn::ReplicaChange::kWitness ? "add a witness, "
                                               : "add ",
      ToString(target), change == txn::ReplicaChange::kNone ? " from " : " to ", ToString(group)));
  auto carried_out = std::make_shared<bool>(false);
  if (change == txn::ReplicaChange::kNone) {
    removals_.push_back({group, universe_->scheduler()->now() + kChangeTimeoutUs, carried_out});
  }
  node->Spawn([node, group, target, change, carried_out] {
    return ChangeTask(node, group, target, change, carried_out);
  });
}

// A removal without an answer may yet be carried out, until its time-out: also on a replica that is
// added meanwhile. With another removal, or the next folder that is lost, that is one too many.
bool Nemesis::Removing(GroupId group) {
  const Micros now = universe_->scheduler()->now();
  std::erase_if(removals_, [&](const Removal& r) { return *r.carried_out || now > r.until; });
  return std::any_of(removals_.begin(), removals_.end(),
                     [&](const Removal& r) { return r.group == group; });
}

bool Nemesis::ChangeMembers() {
  auto groups = AllGroups();
  if (lost_ || !groups) return false;
  // Half of the time back to fewer, where there are more than are needed.
  std::vector<const ReplicaView*> among;
  for (const ReplicaView& g : *groups) {
    if (Voters(g) > kFewestVoters && !Removing(g.group)) among.push_back(&g);
  }
  const bool fewer = !among.empty() && random_.OneIn(0.5);
  if (!fewer) {
    among.clear();
    for (const ReplicaView& g : *groups) among.push_back(&g);
  }
  const ReplicaView& g = *among[random_.Below(among.size())];
  const NodeId target = fewer ? g.members[random_.Below(g.members.size())].node
                              : universe_->nodes()[random_.Below(universe_->nodes().size())]->id();
  if (universe_->node(target)->rotten()) return false;
  const bool member = std::any_of(g.members.begin(), g.members.end(),
                                  [&](const MemberView& m) { return m.node == target; });
  if (!member) {
    txn::ReplicaChange kind = txn::ReplicaChange::kVoter;
    if (random_.OneIn(0.2)) {
      kind = txn::ReplicaChange::kReadOnly;
    } else if (random_.OneIn(0.5) && Witnesses(g) == 0) {
      kind = txn::ReplicaChange::kWitness;
    }
    Change(g.group, target, kind);
  } else if (Voters(g) > kFewestVoters && !Removing(g.group)) {
    Change(g.group, target, txn::ReplicaChange::kNone);
  } else {
    return false;
  }
  return true;
}

// Whether every group can do without any one of its voters.
bool Nemesis::AllWhole() {
  const auto groups = AllGroups();
  if (lost_ || !groups) return false;
  for (const ReplicaView& g : *groups) {
    if (Voters(g) < kFewestVoters || g.changing) return false;
    for (const MemberView& m : g.members) {
      if (universe_->node(m.node)->IsLost(m.life)) return false;
    }
  }
  return true;
}

// A node's folder is lost. It comes back with an empty one.
bool Nemesis::WipeSome() {
  if (!AllWhole()) return false;
  for (auto& node : universe_->nodes()) {
    if (node->rotten() || !node->up()) return false;
  }
  SimNode* node = universe_->nodes()[random_.Below(universe_->nodes().size())].get();
  universe_->events()->Reached("nemesis.wiped");
  LoseFolder(node);
  return true;
}

// A folder that is damaged beyond what the node can tell apart is as good as lost.
void Nemesis::OnRefused(NodeId node) {
  if (lost_) return;
  universe_->events()->Reached("nemesis.folder_replaced");
  LoseFolder(universe_->node(node));
}

void Nemesis::LoseFolder(SimNode* node) {
  lost_ = node->id();
  lost_once_ = true;
  universe_->Crash(node->id(), false);
  universe_->Log(absl::StrCat(ToString(node->id()), " loses its folder"));
  const bool mistaken = random_.OneIn(0.3);
  if (mistaken) universe_->Log("and it is started with --bootstrap");
  node->Wipe(mistaken);
  forgets_to_add_ = random_.OneIn(0.4);
  universe_->scheduler()->After(random_.Between(1000, 2'000'000), 0,
                                [this, id = node->id()] { universe_->Start(id); });
  universe_->scheduler()->After(kRepairEveryUs, 0, [this] { Repair(); });
}

// The operator: takes the lost replicas out of their groups, then puts new ones in, or forgets to.
// The groups see to it themselves then, and so do those that were split off while the node was not
// in their parents. Goes on after the faults have stopped.
void Nemesis::Repair() {
  const NodeId lost = *lost_;
  auto groups = AllGroups();
  bool done = groups.has_value() && universe_->node(lost)->up();
  std::vector<ReplicaView> views = groups ? *std::move(groups) : std::vector<ReplicaView>();
  for (const ReplicaView& g : views) {
    const bool removing = Removing(g.group);
    if (g.changing || removing) done = false;
    const auto m = std::find_if(g.members.begin(), g.members.end(),
                                [&](const MemberView& v) { return v.node == lost; });
    if (m != g.members.end() && universe_->node(lost)->IsLost(m->life)) {
      done = false;
      if (!forgets_to_add_) {
        to_add_[g.group] = m->witness ? txn::ReplicaChange::kWitness : txn::ReplicaChange::kVoter;
      }
      Change(g.group, lost, txn::ReplicaChange::kNone);
    } else if (auto add = to_add_.find(g.group); add != to_add_.end()) {
      if (m != g.members.end() && m->votes) {
        to_add_.erase(g.group);
        universe_->events()->Reached("nemesis.replaced");
      } else {
        done = false;
        if (!removing && universe_->node(lost)->up()) Change(g.group, lost, add->second);
      }
    } else if (Voters(g) < kFewestVoters) {
      done = false;
    }
  }
  if (done && to_add_.empty()) {
    universe_->Log(absl::StrCat(ToString(lost), " is whole again"));
    lost_.reset();
    return;
  }
  universe_->scheduler()->After(kRepairEveryUs, 0, [this] { Repair(); });
}

}  // namespace isochron::sim
