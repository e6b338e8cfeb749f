// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_NODE_IDENTITY_H_
#define ISOCHRON_SERVER_MAIN_NODE_IDENTITY_H_

// FOLDER/node.json: whose data this is. A folder started as another node, or in another universe,
// would vote for two, so it is refused.

#include <string>

#include "absl/status/status.h"
#include "common/disk.h"
#include "common/types.h"

namespace isochron::server {

struct NodeIdentity {
  std::string universe;
  NodeId node;
  std::string region;
  std::string zone;
};

// Writes the file, durably, where there is none; else compares. FAILED_PRECONDITION when the folder
// is another node's; DATA_LOSS when the file cannot be read.
absl::Status ClaimFolder(Disk* disk, const NodeIdentity& identity);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_NODE_IDENTITY_H_
