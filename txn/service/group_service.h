// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_SERVICE_GROUP_SERVICE_H_
#define ISOCHRON_TXN_SERVICE_GROUP_SERVICE_H_

// One node's transaction server: everything that a peer::GroupRequest may ask of the groups that
// this node leads.
//
// It listens to the node's groups: a leadership that begins makes a fresh LedGroup (lock table,
// participant, coordinator), one that ends stops it; so locks and epochs live and die together
// (rule 8). A led group in which nothing is locked or under way has no LedGroup: the next request
// makes it, as empty as it was. Requests for groups not led here are answered NOT_LEADER with the
// replica's hint, or UNKNOWN_GROUP.
//
// Loop-thread only. Destroy it before the groups, and after the tasks that Handle returned.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "tablet/group/group.h"
#include "txn/coordinator/coordinator.h"
#include "txn/participant/led_group.h"
#include "txn/participant/participant.h"
#include "txn/service/merge.h"

namespace isochron::txn {

class GroupService : public tablet::GroupListener {
 public:
  struct Env {
    NodeId self;
    Executor* executor = nullptr;
    Observer* observer = nullptr;
    GroupCaller* caller = nullptr;
    SabotageSet sabotage;
    ServerOptions options;
    // This node's replica of a group, led or not; null when there is none.
    std::function<tablet::Group*(GroupId)> find_group;
    // Membership at a group that is led here (tablet::GroupHost).
    std::function<Task<absl::Status>(Ctx, GroupId, peer::ReplicasRequest)> change_replica = {};
    std::function<Task<absl::Status>(GroupId, NodeId to)> transfer = {};
    // The group here that another one was merged into; null when there is none.
    std::function<tablet::Group*(GroupId)> find_absorber = {};
    // As in ServerEnv.
    std::function<absl::Status()> check_writes = {};
    std::function<bool()> close_to_stall = {};
    std::function<size_t(absl::string_view key)> index_prefix = {};
    const ScanPrograms* programs = nullptr;
  };
  explicit GroupService(Env env);
  ~GroupService() override;

  // Answers one request. Idempotent as txn/api/group_caller.h asks. Never fails but in the answer.
  Task<peer::GroupResponse> Handle(Ctx ctx, NodeId from, peer::GroupRequest request);

  // tablet::GroupListener
  void OnLead(tablet::Group* group) override;
  void OnStopLeading(tablet::Group* group) override;
  void OnApplied(tablet::Group* group, const peer::Command& command) override;
  void OnDescriptor(tablet::Group* group) override;

  // isochron.locks.
  std::vector<LockInfo> DescribeLocks(GroupId group) const;
  std::vector<GroupId> Led() const;
  // A transaction that began more than a second ago has locks there.
  bool InLongUse(GroupId group) const;
  // isochron.hot_ranges.
  std::optional<HotRange> Hot(GroupId group) const;

  // As OnLead, over any access; for tests.
  void BeginLeading(GroupId id, std::unique_ptr<GroupAccess> access);
  void EndLeading(GroupId id);

 private:
  struct Leader {
    std::shared_ptr<LedGroup> group;
    std::shared_ptr<Participant> participant;
    std::shared_ptr<Coordinator> coordinator;
  };
  struct LedEntry {
    tablet::Group* group = nullptr;  // null: in tests, where the leader is always there
    Leader leader;
  };
  Task<peer::GroupResponse> Membership(Ctx ctx, GroupId id, peer::GroupRequest request);
  Task<peer::GroupResponse> Dispatch(Leader leader, Ctx ctx, peer::GroupRequest request);
  // For a group that is not led here, or was merged into another one.
  Task<peer::GroupResponse> HandleElsewhere(Ctx ctx, GroupId id, peer::GroupRequest request);
  MergeHost Merging();
  static Task<peer::GroupResponse> AtOnce(peer::GroupResponse response);
  void Begin(GroupId id, Leader* leader, std::unique_ptr<GroupAccess> access);
  Leader LeaderOf(GroupId id, LedEntry* led);
  Task<void> SweepForever();
  void Sweep(GroupId id);

  std::function<tablet::Group*(GroupId)> find_group_;
  std::function<Task<absl::Status>(Ctx, GroupId, peer::ReplicasRequest)> change_replica_;
  std::function<Task<absl::Status>(GroupId, NodeId)> transfer_;
  std::function<tablet::Group*(GroupId)> find_absorber_;
  ServerEnv env_;
  std::map<GroupId, LedEntry> led_;
  std::set<GroupId> busy_;  // those with a LedGroup in which there may be something to sweep
  TaskScope scope_;         // goes first
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_SERVICE_GROUP_SERVICE_H_
