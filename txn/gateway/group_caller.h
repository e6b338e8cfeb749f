// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_GROUP_CALLER_H_
#define ISOCHRON_TXN_GATEWAY_GROUP_CALLER_H_

// Finds a group's leader and asks it, wherever it is.
//
// A call begins with the router's hint, else with this node if it votes in the group (its replica
// knows the leader without a message), else with any voter. NOT_LEADER names the next to try. A
// leader that does not answer within try_timeout_us is passed over for the other voters, whose
// replicas know of a new leader first; when nobody helps, rounds are spaced by a growing, jittered
// backoff, until the context ends. Descriptors in an answer are fed to the router.
//
// A read whose try timed out is cancelled there and asked again. A commit's flight at the leader
// goes on by itself, and a further try attaches to it, so its tries are abandoned instead.
//
// When this node is asked itself there is no socket and no encoding, only the Executor.
//
// Loop-thread only. Everything given to the constructor outlives it.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/router.h"
#include "common/rpc/peer_rpc.h"
#include "txn/gateway/group_client.h"

namespace isochron::txn {

// Serves a request for a group of this node; always answers.
using GroupHandler =
    std::function<Task<peer::GroupResponse>(Ctx ctx, NodeId from, peer::GroupRequest request)>;

struct GroupCallerOptions {
  Micros try_timeout_us = 1'000'000;
  Micros backoff_min_us = 10'000;
  Micros backoff_max_us = 400'000;
};

class RoutedGroupCaller : public GroupClient {
 public:
  RoutedGroupCaller(rpc::PeerRpc* rpc, Router* router, Observer* observer, Random random,
                    GroupCallerOptions options = {});
  ~RoutedGroupCaller() override;

  // Registers `handler` for Method::kGroupRequest, from peers and from this node itself.
  void Serve(GroupHandler handler);

  Task<CallResult> CallTraced(Ctx ctx, GroupId group, peer::GroupRequest request) override;
  Task<absl::StatusOr<peer::GroupResponse>> CallAt(Ctx ctx, NodeId node, GroupId group,
                                                   peer::GroupRequest request,
                                                   Micros timeout_us) override;

 private:
  using Answer = OneShot<absl::StatusOr<peer::GroupResponse>>;
  // Where one call stands.
  struct Search {
    GroupId group;
    NodeId next;              // to try; 0: pick
    std::set<NodeId> passed;  // tried in this round without success
    std::set<NodeId> silent;  // did not answer in this round
    int rounds = 0;
    bool pause = false;  // before the next try
    bool lost = false;
    bool gone = false;      // somebody who was thought to vote has no replica of it
    bool anywhere = false;  // so all nodes are asked: any replica of it knows who leads
    // For whoever is told that it failed: the last word of each node asked.
    std::map<NodeId, std::string> said;
    bool found = false;  // a leader that worked on it
  };

  NodeId Pick(const Search& search);
  // Why the call ended with `status` without an answer: who was asked, who is missing.
  absl::Status Explain(const absl::Status& status, const Search& search) const;
  Task<absl::StatusOr<peer::GroupResponse>> Try(Ctx ctx, NodeId to,
                                                const peer::GroupRequest* request);
  Task<absl::StatusOr<peer::GroupResponse>> TryHere(Ctx ctx, const peer::GroupRequest* request);
  Task<void> RunHere(Ctx ctx, peer::GroupRequest request, Answer answer);
  Task<absl::StatusOr<std::string>> ServePeer(Ctx ctx, NodeId from, std::string payload);
  // True when the answer ends the call; else `search` says where to go on.
  bool Judge(NodeId asked, const absl::StatusOr<peer::GroupResponse>& answer, Search* search);

  rpc::PeerRpc* const rpc_;
  Executor* const executor_;
  Router* const router_;
  Observer* const observer_;
  Random random_;
  const GroupCallerOptions options_;
  GroupHandler handler_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  TaskScope scope_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_GROUP_CALLER_H_
