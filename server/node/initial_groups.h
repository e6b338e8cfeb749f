// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_INITIAL_GROUPS_H_
#define ISOCHRON_SERVER_NODE_INITIAL_GROUPS_H_

// The groups that a new universe begins with: the system group and one or more of data.
//
// Each has a voter on the first node of every region, or on the first three nodes where there is
// one region. More than one group of data is for measurements of many groups: they cut the first
// table of the universe, if its key is one bigint, at the multiples of kRowsPerInitialGroup.

#include <cstdint>
#include <vector>

#include "common/types.h"
#include "proto/peer.pb.h"
#include "server/node/peer_info.h"

namespace isochron::server {

inline constexpr int64_t kRowsPerInitialGroup = 1000;
inline constexpr int64_t kMaxInitialGroups = 100'000;

// The nodes that vote at first; `replicas` of them at most, 0: no such limit, or three in one
// region.
std::vector<NodeId> InitialVoters(std::vector<PeerInfo> nodes, int64_t replicas);
// The same on every node: of what is given alone. The last `witnesses` of the voters are witnesses.
std::vector<peer::GroupDescriptor> InitialGroups(const std::vector<PeerInfo>& universe,
                                                 int64_t data_groups, int64_t replicas,
                                                 int64_t witnesses = 0);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_INITIAL_GROUPS_H_
