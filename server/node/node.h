// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_NODE_H_
#define ISOCHRON_SERVER_NODE_NODE_H_

// One node, assembled over the seams: groups, transaction server, gateway, placement. The served
// program and the simulator build the same Node; only the seams differ.
//
// Where the replicas are: a new universe begins with the system group (catalog, tablet map) and one
// data group (initial_groups.h). Splits keep their parent's voters. Other nodes are gateways.
//
// Loop-thread only. The seams outlive the node. Destroying a node without Drain is a crash of it as
// far as the others can tell.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/disk.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/rpc/peer_rpc.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/transport.h"
#include "common/truetime.h"
#include "common/types.h"
#include "paxos/lease/incarnation.h"
#include "placement/balancer.h"
#include "placement/host_groups.h"
#include "placement/missing_voters.h"
#include "placement/publisher.h"
#include "placement/small_groups.h"
#include "placement/tablet_map.h"
#include "proto/node.pb.h"
#include "server/node/admission.h"
#include "server/node/peer_info.h"
#include "server/node/retention.h"
#include "server/node/self_repair.h"
#include "server/node/space_guard.h"
#include "storage/engine/engine.h"
#include "tablet/group/group_host.h"
#include "txn/gateway/gateway_store.h"
#include "txn/gateway/group_caller.h"
#include "txn/service/group_service.h"

namespace isochron::server {

// How far the other nodes are, by the messages about safe time.
class NodeDistances : public txn::Distances {
 public:
  NodeDistances(tablet::GroupHost* host, Executor* executor, NodeId self)
      : host_(host), executor_(executor), self_(self) {}
  Micros To(NodeId node) const override;

 private:
  tablet::GroupHost* const host_;
  Executor* const executor_;
  const NodeId self_;
};

class Node : private tablet::GroupListener {
 public:
  struct Env {
    Executor* executor = nullptr;
    TrueTime* truetime = nullptr;
    Transport* transport = nullptr;
    Disk* disk = nullptr;
    storage::Engine* engine = nullptr;
    Observer* observer = nullptr;
    // The disk or the store failed: the process must end at once (rule 34).
    std::function<void(absl::Status)> on_fatal;
  };
  struct Options {
    std::vector<PeerInfo> universe;  // this node among them; the same list on every node
    bool bootstrap = false;          // make a new universe in an empty folder
    bool join = false;               // an empty folder waits for replicas to be added
    int64_t initial_groups = 1;      // of data, when it is made
    int64_t initial_replicas = 0;    // that vote at first; 0: as initial_groups.h says
    int64_t initial_witnesses = 0;   // of these, the last ones
    uint64_t seed = 1;
    Micros lease_us = 3'000'000;
    uint64_t log_segment_bytes = 16 << 20;
    uint64_t log_limit_bytes = 256 << 20;
    uint64_t checkpoint_entries = 20'000;
    uint64_t keep_entries = 4'000;
    size_t max_campaigns = 128;
    tablet::GarbageCollector::Options gc;  // its retention is for a database that does not say
    Micros retention_look_us = 10'000'000;
    SabotageSet sabotage;
    placement::BalancerOptions placement;
    placement::SmallGroupsOptions merging;
    placement::MissingVotersOptions voters;  // `least` is not above what a universe begins with
    txn::ServerOptions server;
    std::function<size_t(absl::string_view key)> index_prefix = {};  // as in txn::ServerEnv
    const txn::ScanPrograms* programs = nullptr;  // what tablets can make of rows; null: nothing
    txn::GatewayLimits gateway;
    SpaceGuard::Options space;
    // Damaged replicas are replaced, and missing voters added, without asking.
    bool self_repair = true;
    std::function<void(const std::string&)> tell;  // the operator; may be empty
  };

  // FAILED_PRECONDITION: an empty folder without bootstrap, or bootstrap into a used one;
  // DATA_LOSS; the disk's errors.
  static absl::StatusOr<std::unique_ptr<Node>> Open(Env env, Options options);
  ~Node() override;

  // Begins to answer peers and to campaign; a new universe's node once it is admitted
  // (admission.h).
  void Start();
  // Hands over what it leads, as far as the deadline (Executor::MonotonicNow) allows.
  Task<void> Drain(Micros deadline_us);

  txn::Store* store() { return store_.get(); }
  tablet::GroupHost* host() { return host_.get(); }
  // Groups whose replica here is damaged or being replaced.
  size_t Unrepaired() const;
  txn::GroupService* transactions() { return &transactions_; }
  placement::TabletMap* tablet_map() { return &map_; }
  rpc::PeerRpc* rpc() { return &rpc_; }
  const SpaceGuard& space() const { return space_; }
  NodeId self() const { return self_; }
  uint64_t incarnation() const { return incarnation_; }
  uint64_t first_incarnation() const { return first_incarnation_; }
  const std::vector<PeerInfo>& universe() const { return options_.universe; }

  // What this node adds to what it tells of itself (counters, sessions); may be empty.
  void SetInfoHook(std::function<void(peer::NodeInfo*)> hook) { info_hook_ = std::move(hook); }
  peer::NodeInfo LocalInfo();
  Task<absl::StatusOr<peer::NodeInfo>> InfoOf(Ctx ctx, NodeId node);

 private:
  Node(Env env, Options options, paxos::Incarnation incarnation);
  absl::Status Init();
  void InitPlacement();
  Task<void> AskAndWork();
  void Work();
  void FillReplicas(peer::NodeInfo* info);
  txn::ReplicaChange KindOfDamaged(GroupId group) const;
  void FillLocks(peer::NodeInfo* info);
  void FillHotRanges(peer::NodeInfo* info);
  Task<absl::StatusOr<std::string>> ServeInfo();

  // tablet::GroupListener
  void OnLead(tablet::Group* group) override;
  void OnStopLeading(tablet::Group* group) override;
  void OnApplied(tablet::Group* group, const peer::Command& command) override;
  void OnDescriptor(tablet::Group* group) override;

  Env env_;
  Options options_;
  const NodeId self_;
  const uint64_t incarnation_;
  const uint64_t first_incarnation_;  // of this data folder
  Random random_;
  rpc::PeerRpc rpc_;
  Admission admission_;
  SpaceGuard space_;
  placement::TabletMap map_;
  txn::RoutedGroupCaller caller_;
  txn::GroupService transactions_;
  std::unique_ptr<tablet::GroupHost> host_;
  std::unique_ptr<NodeDistances> distances_;
  std::unique_ptr<txn::GatewayStore> store_;
  std::unique_ptr<placement::HostGroups> host_groups_;
  std::unique_ptr<placement::Publisher> publisher_;
  std::unique_ptr<placement::Balancer> balancer_;
  std::unique_ptr<placement::SmallGroups> small_groups_;
  std::unique_ptr<placement::MissingVoters> missing_voters_;
  std::unique_ptr<RetentionWatcher> retention_;
  std::unique_ptr<SelfRepair> repair_;
  std::function<void(peer::NodeInfo*)> info_hook_;
  TaskScope scope_;  // goes first
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_NODE_H_
