// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_START_SETTINGS_H_
#define ISOCHRON_SERVER_MAIN_START_SETTINGS_H_

// What `isochron start` can be told, and what `isochron config check FILE` checks.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/types.h"
#include "server/config/config.h"
#include "server/pgwire/scram.h"
#include "server/pgwire/tls.h"
#include "server/runtime/address.h"
#include "server/runtime/wan.h"
#include "truetime/clock_spec.h"

namespace isochron::server {

struct Peer {
  NodeId node;
  runtime::HostPort address;
  std::string region;
  std::string zone;
};

// Everything, checked.
struct StartOptions {
  std::string data;
  std::string universe;
  NodeId node;
  std::string region;
  std::string zone;
  std::vector<Peer> peers;  // of the whole universe, this node among them
  runtime::HostPort listen_peers;
  runtime::HostPort listen_grpc;
  bool serve_pg = true;
  runtime::HostPort listen_pg;
  int64_t max_pg_connections = 0;
  std::shared_ptr<const pgwire::Users> pg_users;  // null: no passwords
  std::shared_ptr<pgwire::TlsFiles> pg_tls;       // null: no TLS
  truetime::ClockSpec clock;
  bool bootstrap = false;
  bool join = false;
  int64_t initial_replicas = 0;
  int64_t initial_groups = 1;
  bool emulate_wan = false;
  runtime::WanMatrix wan;
  Micros lease_us = 0;
  Micros version_retention_us = 0;
  int64_t split_bytes = 0;    // 0: never by itself
  Micros merge_after_us = 0;  // 0: never by itself
  Micros statement_timeout_us = 0;
  Micros lock_timeout_us = 0;
  Micros idle_in_transaction_timeout_us = 0;
  Micros drain_timeout_us = 0;
  int64_t block_cache_bytes = 0;
  int64_t write_buffer_bytes = 0;
  int64_t statement_memory_bytes = 0;
  int64_t transaction_memory_bytes = 0;
  int64_t memory_limit_bytes = 0;
  int64_t disk_reserve_bytes = 0;
  bool self_repair = true;
  int64_t max_running = 0;
  int64_t max_waiting = 0;
  Micros max_admission_wait_us = 0;
  bool die_with_parent = false;
};

std::vector<config::Setting> StartTable();

// "1=host:port/region/zone,2=..." INVALID_ARGUMENT names the part that is wrong.
absl::StatusOr<std::vector<Peer>> ParsePeers(absl::string_view text);

// Checks the settings one by one and together. INVALID_ARGUMENT names the flag. With `complete`
// false (config check) a missing one is no error.
absl::StatusOr<StartOptions> MakeStartOptions(const config::Settings& settings, bool complete);

// The commands `isochron config check FILE` and `isochron config pg-user NAME`.
int RunConfig(const std::vector<std::string>& args);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_START_SETTINGS_H_
