// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_PEER_CHECKSUMS_H_
#define ISOCHRON_SERVER_NODE_PEER_CHECKSUMS_H_

// Checksums of what single replicas hold, for `isochron verify`: a snapshot read at that very
// replica, whose page of rows this node adds up. No lock, no entry of any log; one page at a time.
// Loop-thread only.

#include <functional>

#include "common/rpc/peer_rpc.h"
#include "proto/peer.pb.h"
#include "sql/catalog/replica_checksums.h"

namespace isochron::server {

class PeerChecksums : public sql::ReplicaChecksums {
 public:
  // A request for a group's replica on this node.
  using Here = std::function<Task<peer::GroupResponse>(Ctx ctx, peer::GroupRequest request)>;

  // `rpc` outlives it.
  PeerChecksums(rpc::PeerRpc* rpc, Here here) : rpc_(rpc), here_(std::move(here)) {}

  Task<absl::StatusOr<sql::ReplicaChecksum>> Checksum(Ctx ctx, GroupId group, NodeId node,
                                                      Timestamp t, KeyRange span) override;

 private:
  Task<absl::StatusOr<peer::GroupResponse>> Read(Ctx ctx, GroupId group, NodeId node, Timestamp t,
                                                 KeyRange span);

  rpc::PeerRpc* const rpc_;
  const Here here_;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_PEER_CHECKSUMS_H_
