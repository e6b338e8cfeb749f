// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_NEMESIS_H_
#define ISOCHRON_SIM_UNIVERSE_NEMESIS_H_

// The one who makes things go wrong: draws a fault of the profile now and then, and undoes it.
//
//   crash, power      a node's process dies / its machine loses power; it comes back
//   all-power         every machine loses power at once
//   phase-crash       a node dies the moment it reaches a phase of two-phase commit
//   transfer          a group's leader hands over
//   partition, oneway, isolate-leader, clog      links carry nothing for a while
//   loss, delay, reorder, duplicate              messages suffer for a while
//   pause             a process is stopped and later goes on as if nothing had been (SIGSTOP)
//   clock-lost        a node's clock has no bound for a while
//   disk              syncs are slow for a while, one of them fails
//   disk-full         a disk has little or nothing left for a while
//   bitrot            a bit of what one node's log had synced turns over; that node may refuse to
//                     start ever after, and the others go on without it
//   split             a group is split while it works
//   members           a replica is added to a group or removed from it
//   wipe              a node's folder is lost; it comes back empty and its replicas are replaced
//   merge             a group is merged into its neighbour while both work
//   abandon           clients leave transactions open (done by the clients)
// All of it is survivable: what was acknowledged must stay.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

class Nemesis {
 public:
  Nemesis(Universe* universe, Random random);

  void Start();
  // No new faults; everything is repaired and every node starts.
  void Stop();

 private:
  void ScheduleNext();
  void Act(const std::string& fault);
  void ActOnNetwork(const std::string& fault);
  void ActOnProcess(const std::string& fault);
  void Partition(bool one_way);
  void Isolate(NodeId node);
  void Disturb(const std::string& fault);
  void TransferSome();
  void SplitSome();
  // nemesis_members.cc
  std::optional<std::vector<ReplicaView>> AllGroups();
  void Change(GroupId group, NodeId target, txn::ReplicaChange change);
  void ChangeMembers();
  void WipeSome();
  void Repair();
  void MergeSome();
  void OnReached(NodeId node, absl::string_view name);
  void LieSomewhere();
  void RotSome(SimNode* node);
  void FillDisk(SimNode* node);
  // Undoes after a drawn time, unless all was repaired before.
  void Later(Micros min_us, Micros max_us, std::function<void()> undo);
  SimNode* AnyUp();
  bool Has(const std::string& fault) const;

  Universe* universe_;
  Random random_;
  bool active_ = false;
  std::optional<NodeId> lost_;      // a node whose folder was lost, until it is whole again
  std::set<GroupId> to_add_;        // groups that it is still missing from
  std::vector<std::string> armed_;  // phases whose next visitor dies
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_NEMESIS_H_
