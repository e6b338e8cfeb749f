// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_NEMESIS_H_
#define ISOCHRON_SIM_UNIVERSE_NEMESIS_H_

// The one who makes things go wrong: draws a fault of the profile now and then, and undoes it.
//
//   crash, power      a node's process dies / its machine loses power; it comes back
//   all-power         every machine loses power at once
//   phase-crash       a node dies the moment it reaches a phase of two-phase commit
//   disk-crash        a node dies in the middle of one of its next disk operations, or loses power
//   transfer          a group's leader hands over
//   churn             leaders hand over again and again for a while
//   partition, oneway, partial, isolate-leader, clog      links carry nothing for a while; partial:
//                     some pairs of nodes are cut, which all others still see
//   loss, delay, reorder, duplicate              messages suffer for a while
//   pause             a process is stopped and later goes on as if nothing had been (SIGSTOP)
//   slow              each turn of a node's loop takes time
//   overload          many more clients for a while
//   clock-lost, clock-drift, clock-jump, clock-widened, clock-set, clock-frozen
//                     a node's clock, within what it vouches for (sim/world/sim_truetime.h)
//   clock-beyond      a node's clock lies by more than its bound. Not survivable, not drawn: its
//                     peers accuse it, or the checkers see the damage
//   slow-disk, failed-sync, disk-full            of one node, for a while
//   bitrot            a bit of one node's log turns over, a sector of it is misdirected or lost, a
//                     segment is lost, or a block of its store rots: the node replaces what is
//                     hurt, or it refuses to start, and its folder is replaced
//   split             a group is split while it works
//   members           a replica is added to a group or removed from it
//   wipe              a node's folder is lost; it comes back empty and its replicas are replaced
//   merge             a group is merged into its neighbour while both work
//   retention         how long versions are kept is changed
//   abandon           clients leave transactions open (done by the clients)
//   knobs             small limits and odd timers all along (profile.cc)
// Each time one happens counts as `fault.NAME`.
// All but one are survivable: what was acknowledged must stay.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

// ALTER DATABASE ... SET spanner.version_retention_period.
struct RetentionChange {
  Micros us = 0;
  Micros invoked = 0;
  std::optional<Micros> completed;  // none: it may still come about
};

class Nemesis {
 public:
  Nemesis(Universe* universe, Random random);

  void Start();
  // No new faults; everything is repaired and every node starts.
  void Stop();

 private:
  // One of those that share the profile's rhythm.
  void ScheduleNext();
  // One with a rate of its own.
  void ScheduleOwn(const std::string& fault, double per_minute);
  // Those below are false when there was nothing that it could happen to.
  void Act(const std::string& fault);
  bool ActOn(SimNode* node, const std::string& fault);
  Micros DownFor();
  bool Pause(SimNode* node);
  bool Cut(const std::string& fault);
  bool CutPairs();
  bool Partition(bool one_way);
  bool IsolateLeader();
  bool Clog();
  bool Disturb(const std::string& fault);
  bool SlowDisk(SimNode* node, bool fails);
  bool TransferSome();
  bool SplitSome();
  // nemesis_machines.cc
  bool DiskCrash(SimNode* node);
  bool Slow(SimNode* node);
  bool Churn();
  void HandOverUntil(Micros end);
  bool ActOnClock(SimNode* node, const std::string& fault);
  // nemesis_members.cc
  std::optional<std::vector<ReplicaView>> AllGroups();
  bool AllWhole();
  void Change(GroupId group, NodeId target, txn::ReplicaChange change);
  bool Removing(GroupId group);
  bool ChangeMembers();
  bool WipeSome();
  void LoseFolder(SimNode* node);
  void Repair();
  bool MergeSome();
  // nemesis_retention.cc
  bool ChangeRetention();
  Micros ShortestRetention(Micros now) const;
  void WatchRetention();
  void OnReached(NodeId node, absl::string_view name);
  void LieSomewhere();
  bool RotSome(SimNode* node);
  void OnRefused(NodeId node);
  bool FillDisk(SimNode* node);
  // Undoes after a drawn time, unless all was repaired before.
  void Later(Micros min_us, Micros max_us, std::function<void()> undo);
  SimNode* AnyUp();
  // The share of messages that suffer, when one was asked for.
  double RateOf(const std::string& fault, double otherwise) const;

  Universe* universe_;
  Random random_;
  bool active_ = false;
  std::vector<std::string> together_;  // faults that share the profile's rhythm
  std::optional<NodeId> lost_;         // a node whose folder was lost, until it is whole again
  bool lost_once_ = false;             // groups split off meanwhile may have fewer voters
  std::map<GroupId, txn::ReplicaChange> to_add_;  // groups that it is still missing from
  struct Removal {
    GroupId group;
    Micros until;
    std::shared_ptr<bool> carried_out;
  };
  std::vector<Removal> removals_;   // that were asked for
  bool forgets_to_add_ = false;     // the operator: the groups get their voters by themselves
  std::vector<std::string> armed_;  // phases whose next visitor dies
  std::vector<std::shared_ptr<RetentionChange>> retentions_;
  Timestamp may_be_freed_;  // up to here versions were not promised to anybody
  bool freed_too_early_ = false;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_NEMESIS_H_
