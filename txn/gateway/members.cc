// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/gateway_store.h"
#include "txn/gateway/group_status.h"

// Requests about a group's replicas: the leader does the work (tablet/group/group_members.cc).

namespace isochron::txn {

Task<absl::Status> GatewayStore::ChangeReplica(Ctx ctx, GroupId group, NodeId node,
                                               ReplicaChange change) {
  peer::GroupRequest request;
  peer::ReplicasRequest* r = request.mutable_replicas();
  r->mutable_replica()->set_node(node.value);
  r->set_remove(change == ReplicaChange::kNone);
  if (change == ReplicaChange::kReadOnly) r->mutable_replica()->set_kind(peer::READ_ONLY);
  if (change == ReplicaChange::kWitness) r->mutable_replica()->set_kind(peer::WITNESS);
  auto response = co_await gateway_->env.groups->Call(ctx, group, std::move(request));
  if (!response.ok()) co_return response.status();
  co_return response->error() == peer::GROUP_OK ? absl::OkStatus() : ToStatus(*response);
}

Task<absl::Status> GatewayStore::TransferLeader(Ctx ctx, GroupId group, NodeId to) {
  peer::GroupRequest request;
  request.mutable_transfer()->set_to(to.value);
  auto response = co_await gateway_->env.groups->Call(ctx, group, std::move(request));
  if (!response.ok()) co_return response.status();
  co_return response->error() == peer::GROUP_OK ? absl::OkStatus() : ToStatus(*response);
}

}  // namespace isochron::txn
