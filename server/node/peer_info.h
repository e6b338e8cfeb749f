// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_PEER_INFO_H_
#define ISOCHRON_SERVER_NODE_PEER_INFO_H_

#include <string>

#include "common/types.h"

namespace isochron::server {

// A node of the universe, as configured.
struct PeerInfo {
  NodeId id;
  std::string region;
  std::string zone;
  std::string address;  // host:port of its peers' port
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_PEER_INFO_H_
