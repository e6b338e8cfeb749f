// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_SERVED_NODE_H_
#define ISOCHRON_SERVER_MAIN_SERVED_NODE_H_

// The node as a process: the real seams, a Node over them, SQL and the Spanner API on top. Built
// from the bottom up, destroyed from the top down.
//
// Run blocks the calling thread, which becomes the loop's. SIGTERM and SIGINT drain: no new
// statements, open ones may end within the drain timeout, leases are handed over, what was
// acknowledged is on disk anyway. A second one leaves at once. A failed disk or store ends the
// process at once (rule 34).

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/task.h"
#include "server/main/start_settings.h"
#include "server/node/counters.h"
#include "server/node/node.h"
#include "server/node/peer_checksums.h"
#include "server/node/system_tables.h"
#include "server/pgwire/pg_server.h"
#include "server/rpc/rpc_server.h"
#include "server/runtime/clocks.h"
#include "server/runtime/data_folder.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/posix_disk.h"
#include "server/runtime/tcp_transport.h"
#include "sql/session/session.h"
#include "storage/engine/rocks_engine.h"

namespace isochron::server {

class ServedNode {
 public:
  // All errors say what to do: no clock bound, busy port, foreign, locked or unwritable folder, ...
  static absl::StatusOr<std::unique_ptr<ServedNode>> Open(StartOptions options);
  ~ServedNode();

  // Until a signal ended it. OK after a clean drain.
  absl::Status Run();

 private:
  explicit ServedNode(StartOptions options) : options_(std::move(options)) {}
  absl::Status OpenSeams();
  absl::Status OpenNode();
  absl::Status OpenDoors();
  absl::Status OpenPgDoor();
  void OnFatal(const absl::Status& status);
  void WatchSignals();
  void OnSignal();
  Task<void> BecomeReady();
  void Drain();
  void DoorDrained(Micros deadline_us);
  Task<void> HandOver(Micros deadline_us);
  void FillInfo(peer::NodeInfo* info);

  const StartOptions options_;
  int signal_fd_ = -1;
  bool draining_ = false;
  bool ready_ = false;
  int open_doors_ = 0;  // while draining

  std::unique_ptr<runtime::NodeClock> clock_;
  std::unique_ptr<runtime::DataFolder> folder_;
  runtime::EventLoop loop_;
  std::unique_ptr<runtime::PosixDisk> disk_;
  std::unique_ptr<storage::RocksEngine> store_;
  std::unique_ptr<runtime::TcpTransport> transport_;
  Counters counters_;
  std::shared_ptr<MemoryBudget> memory_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<NodeSystemTables> system_tables_;
  std::unique_ptr<PeerChecksums> checksums_;
  std::unique_ptr<sql::Engine> sql_;
  std::unique_ptr<rpc::RpcServer> rpc_;
  std::unique_ptr<pgwire::PgServer> pg_;  // null when not wanted; uses rpc_'s admission
  TaskScope scope_;
};

// The command `isochron start`.
int RunStart(const std::vector<std::string>& args);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_SERVED_NODE_H_
