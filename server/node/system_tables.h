// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_SYSTEM_TABLES_H_
#define ISOCHRON_SERVER_NODE_SYSTEM_TABLES_H_

// The rows of the schema `isochron`: asks every node of the universe for its NodeInfo, at once, and
// shapes the answers. A node that does not answer within the patience counts as "down"; rows that
// only it could give are missing then. Loop-thread only.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/node.pb.h"
#include "server/node/peer_info.h"
#include "sql/catalog/system_tables.h"

namespace isochron::server {

class NodeSystemTables : public sql::SystemTables {
 public:
  struct Deps {
    Executor* executor;
    NodeId self;
    std::vector<PeerInfo> universe;
    std::function<Task<absl::StatusOr<peer::NodeInfo>>(Ctx, NodeId)> info_of;
  };
  explicit NodeSystemTables(Deps deps) : deps_(std::move(deps)) {}

  Task<absl::StatusOr<std::vector<sql::Row>>> Rows(Ctx ctx, std::string name) override;
  Task<absl::StatusOr<int64_t>> Connections(Ctx ctx, std::string database) override;

 private:
  struct Known {
    PeerInfo peer;
    bool alive = false;
    peer::NodeInfo info;
  };
  using Universe = std::vector<Known>;

  Task<Universe> Gather(Ctx ctx);
  Task<void> Ask(Ctx ctx, Known* known, size_t* left, OneShot<bool> done);
  std::string RegionOf(NodeId node) const;

  std::vector<sql::Row> Nodes(const Universe& universe) const;
  std::vector<sql::Row> Regions(const Universe& universe) const;
  std::vector<sql::Row> Clocks(const Universe& universe) const;
  std::vector<sql::Row> Groups(const Universe& universe, bool splits) const;
  std::vector<sql::Row> Replicas(const Universe& universe) const;
  std::vector<sql::Row> HotRanges(const Universe& universe) const;
  std::vector<sql::Row> Locks(const Universe& universe) const;
  std::vector<sql::Row> Sessions(const Universe& universe, bool statements) const;
  std::vector<sql::Row> Counters(const Universe& universe) const;

  Deps deps_;
  TaskScope scope_;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_SYSTEM_TABLES_H_
