// SPDX-License-Identifier: Apache-2.0
#include "server/main/start_settings.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "server/main/pg_users.h"
#include "server/node/initial_groups.h"

namespace isochron::server {
namespace {

using config::Kind;

absl::Status Wrong(absl::string_view flag, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", why));
}

absl::Status ReadAddress(const config::Settings& s, absl::string_view key, absl::string_view flag,
                         runtime::HostPort* out) {
  absl::StatusOr<runtime::HostPort> address = runtime::ParseHostPort(s.Text(key));
  if (!address.ok()) return Wrong(flag, address.status().message());
  *out = *std::move(address);
  return absl::OkStatus();
}

absl::Status ReadWan(const config::Settings& s, StartOptions* out) {
  const std::string& wan = s.Text("wan");
  if (wan.empty() || wan == "none") return absl::OkStatus();
  out->emulate_wan = true;
  if (wan == "typical") {
    out->wan = runtime::WanMatrix::Typical();
    return absl::OkStatus();
  }
  absl::StatusOr<runtime::WanMatrix> matrix = runtime::WanMatrix::Load(wan);
  if (!matrix.ok()) return Wrong("--wan", matrix.status().message());
  out->wan = *std::move(matrix);
  return absl::OkStatus();
}

absl::Status ReadLimits(const config::Settings& s, StartOptions* out) {
  out->lock_timeout_us = s.DurationUs("lock_timeout");
  out->idle_in_transaction_timeout_us = s.DurationUs("idle_in_transaction_session_timeout");
  out->statement_memory_bytes = s.SizeBytes("statement_memory");
  out->transaction_memory_bytes = s.SizeBytes("transaction_memory");
  out->memory_limit_bytes = s.SizeBytes("memory_limit");
  constexpr int64_t kLeastBytes = 1 << 20;
  if (out->statement_memory_bytes < kLeastBytes)
    return Wrong("--statement-memory", "at least 1MiB");
  if (out->transaction_memory_bytes < kLeastBytes) {
    return Wrong("--transaction-memory", "at least 1MiB");
  }
  if (out->memory_limit_bytes <
      std::max(out->statement_memory_bytes, out->transaction_memory_bytes)) {
    return Wrong("--memory-limit", "at least --statement-memory and --transaction-memory");
  }
  out->disk_reserve_bytes = s.SizeBytes("disk_reserve");
  out->self_repair = s.Bool("self_repair");
  out->max_running = s.Integer("max_running");
  out->max_waiting = s.Integer("max_waiting");
  out->max_admission_wait_us = s.DurationUs("max_admission_wait");
  if (out->max_running < 1) return Wrong("--max-running", "at least 1");
  if (out->max_waiting < 0) return Wrong("--max-waiting", "0 or more");
  return absl::OkStatus();
}

absl::Status ReadPgTls(const config::Settings& s, StartOptions* out) {
  const std::string certificate = s.Text("pg_tls_cert"), key = s.Text("pg_tls_key");
  if (certificate.empty() && key.empty()) return absl::OkStatus();
  if (certificate.empty() || key.empty()) {
    return Wrong(certificate.empty() ? "--pg-tls-cert" : "--pg-tls-key",
                 "certificate and key come together");
  }
  absl::StatusOr<std::unique_ptr<pgwire::TlsFiles>> files =
      pgwire::TlsFiles::Open(certificate, key);
  if (!files.ok()) return Wrong("--pg-tls-cert", files.status().message());
  out->pg_tls = *std::move(files);
  return absl::OkStatus();
}

absl::Status ReadPg(const config::Settings& s, StartOptions* out) {
  out->serve_pg = s.Text("listen_pg") != "none";
  if (out->serve_pg) {
    ISO_RETURN_IF_ERROR(ReadAddress(s, "listen_pg", "--listen-pg", &out->listen_pg));
  }
  out->max_pg_connections = s.Integer("max_pg_connections");
  if (out->max_pg_connections < 1) return Wrong("--max-pg-connections", "at least 1");
  ISO_RETURN_IF_ERROR(ReadPgTls(s, out));
  if (s.Text("pg_users").empty()) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const pgwire::Users>> users = LoadPgUsers(s.Text("pg_users"));
  if (!users.ok()) return Wrong("--pg-users", users.status().message());
  out->pg_users = *std::move(users);
  return absl::OkStatus();
}

// The node's own place, from --region and --zone or from its line in --peers.
absl::Status ReadPlace(const config::Settings& s, bool complete, StartOptions* out) {
  const int64_t node = s.Integer("node");
  if (node < 0 || node > 1'000'000 || (complete && node == 0)) {
    return Wrong("--node", "a node has a number from 1 on, its own in the universe, for ever");
  }
  out->node = NodeId(static_cast<uint32_t>(node));
  out->region = s.Text("region");
  out->zone = s.Text("zone");
  const auto self = std::find_if(out->peers.begin(), out->peers.end(),
                                 [&](const Peer& p) { return p.node == out->node; });
  if (self == out->peers.end()) {
    if (complete && !out->peers.empty()) {
      return Wrong("--peers", absl::StrCat("does not name this node, ", node));
    }
    return absl::OkStatus();
  }
  if (out->region.empty()) out->region = self->region;
  if (out->zone.empty()) out->zone = self->zone;
  if (out->region != self->region || out->zone != self->zone) {
    return Wrong("--peers",
                 absl::StrCat("puts node ", node, " into ", self->region, "/", self->zone,
                              ", but --region and --zone say ", out->region, "/", out->zone));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<config::Setting> StartTable() {
  return {
      {"config", Kind::kText, "", "YAML file with settings"},
      {"data", Kind::kText, "", "folder of this node's data"},
      {"universe", Kind::kText, "isochron", "name of the universe; others are refused"},
      {"node", Kind::kInteger, "0", "number of this node, from 1 on"},
      {"region", Kind::kText, "", "region of this node"},
      {"zone", Kind::kText, "", "zone of this node"},
      {"peers", Kind::kText, "", "all nodes: 1=HOST:PORT/REGION/ZONE,2=..."},
      {"listen_peers", Kind::kText, "127.0.0.1:7400", "address for the other nodes"},
      {"listen_grpc", Kind::kText, "127.0.0.1:9010", "address of the Spanner API"},
      {"listen_pg", Kind::kText, "127.0.0.1:5432", "address for PostgreSQL clients, or none"},
      {"max_pg_connections", Kind::kInteger, "5000", "most PostgreSQL clients at once"},
      {"pg_users", Kind::kText, "", "file of PostgreSQL users; all must then prove their password"},
      {"pg_tls_cert", Kind::kText, "", "PEM file of the certificate for PostgreSQL clients"},
      {"pg_tls_key", Kind::kText, "", "PEM file of its key"},
      {"clock", Kind::kText, "chrony", "chrony, kernel or fixed:BOUND"},
      {"bootstrap", Kind::kBool, "false", "make a new universe of the nodes in --peers"},
      {"join", Kind::kBool, "false", "an empty data folder waits for replicas to be added"},
      {"initial_replicas", Kind::kInteger, "0",
       "voters of a new universe's groups; 0: see the manual"},
      {"initial_groups", Kind::kInteger, "1", "data groups of a new universe, for measurements"},
      {"wan", Kind::kText, "none", "emulated latencies between regions: typical or a file"},
      {"lease", Kind::kDuration, "3s", "length of a leader's lease"},
      {"version_retention", Kind::kDuration, "1h",
       "how long old versions are kept, unless ALTER DATABASE says; the same on every node"},
      {"split_size", Kind::kSize, "64MiB", "groups that hold more are split; 0: none is by itself"},
      {"merge_after", Kind::kDuration, "10m",
       "groups parted by size that were small and quiet for so long are merged; 0: never"},
      {"statement_timeout", Kind::kDuration, "60s", "longest run of a statement"},
      {"lock_timeout", Kind::kDuration, "0s", "longest wait of a statement for locks; 0: no limit"},
      {"idle_in_transaction_session_timeout", Kind::kDuration, "5m",
       "a transaction whose client is silent for so long is rolled back; 0: never"},
      {"drain_timeout", Kind::kDuration, "25s", "how long SIGTERM lets open statements run"},
      {"block_cache_size", Kind::kSize, "256MiB", "memory for the store's blocks"},
      {"write_buffer_size", Kind::kSize, "64MiB", "memory for the store's unflushed writes"},
      {"statement_memory", Kind::kSize, "64MiB", "memory of one statement"},
      {"transaction_memory", Kind::kSize, "64MiB", "unsent writes of one transaction"},
      {"memory_limit", Kind::kSize, "512MiB", "both, over all statements and transactions"},
      {"disk_reserve", Kind::kSize, "256MiB",
       "new writes are refused when the disk has less left; 0: never"},
      {"self_repair", Kind::kBool, "true",
       "damaged replicas are replaced, and voters that a group lacks are added, without being "
       "asked "
       "(admin repair asks)"},
      {"max_running", Kind::kInteger, "4096", "most statements and transactions let in at once"},
      {"max_waiting", Kind::kInteger, "4096", "most that wait to be let in"},
      {"max_admission_wait", Kind::kDuration, "1s", "who would wait longer is refused at once"},
      {"die_with_parent", Kind::kBool, "false", "end when the process that started this one ends"},
  };
}

absl::StatusOr<std::vector<Peer>> ParsePeers(absl::string_view text) {
  std::vector<Peer> out;
  std::set<NodeId> seen;
  for (absl::string_view item : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    const std::vector<absl::string_view> parts = absl::StrSplit(halves.second, '/');
    Peer peer;
    if (!absl::SimpleAtoi(halves.first, &peer.node.value) || !peer.node || parts.size() != 3 ||
        parts[1].empty() || parts[2].empty()) {
      return Wrong("--peers",
                   absl::StrCat("\"", item, "\" is not of the form 1=HOST:PORT/REGION/ZONE"));
    }
    absl::StatusOr<runtime::HostPort> address = runtime::ParseHostPort(parts[0]);
    if (!address.ok() || address->port == 0 || address->host.empty()) {
      return Wrong("--peers", absl::StrCat("\"", parts[0], "\" is not an address to connect to"));
    }
    if (!seen.insert(peer.node).second) {
      return Wrong("--peers", absl::StrCat("node ", peer.node.value, " stands twice"));
    }
    peer.address = *std::move(address);
    peer.region = std::string(parts[1]);
    peer.zone = std::string(parts[2]);
    out.push_back(std::move(peer));
  }
  std::sort(out.begin(), out.end(), [](const Peer& a, const Peer& b) { return a.node < b.node; });
  return out;
}

absl::StatusOr<StartOptions> MakeStartOptions(const config::Settings& s, bool complete) {
  // What was said wrong is told before what was not said at all.
  if (complete) ISO_RETURN_IF_ERROR(MakeStartOptions(s, false).status());
  StartOptions out;
  out.data = s.Text("data");
  out.universe = s.Text("universe");
  if (complete && out.data.empty())
    return Wrong("--data", "the folder of the node's data is needed");
  if (out.universe.empty() || out.universe.size() > 200) {
    return Wrong("--universe", "a name of 1 to 200 bytes is needed");
  }
  ISO_ASSIGN_OR_RETURN(out.peers, ParsePeers(s.Text("peers")));
  if (complete && out.peers.empty()) {
    return Wrong("--peers", "the nodes of the universe are needed, this one among them");
  }
  ISO_RETURN_IF_ERROR(ReadPlace(s, complete, &out));
  ISO_RETURN_IF_ERROR(ReadAddress(s, "listen_peers", "--listen-peers", &out.listen_peers));
  ISO_RETURN_IF_ERROR(ReadAddress(s, "listen_grpc", "--listen-grpc", &out.listen_grpc));
  ISO_RETURN_IF_ERROR(ReadPg(s, &out));
  absl::StatusOr<truetime::ClockSpec> clock = truetime::ParseClockSpec(s.Text("clock"));
  if (!clock.ok()) return Wrong("--clock", clock.status().message());
  out.clock = *clock;
  out.bootstrap = s.Bool("bootstrap");
  out.join = s.Bool("join");
  if (out.join && out.bootstrap) {
    return Wrong("--join", "either joins a universe or makes a new one (--bootstrap)");
  }
  out.initial_replicas = s.Integer("initial_replicas");
  if (out.initial_replicas < 0) return Wrong("--initial-replicas", "0 or more");
  out.initial_groups = s.Integer("initial_groups");
  if (out.initial_groups < 1 || out.initial_groups > kMaxInitialGroups) {
    return Wrong("--initial-groups", absl::StrCat("1 to ", kMaxInitialGroups));
  }
  ISO_RETURN_IF_ERROR(ReadWan(s, &out));
  out.lease_us = s.DurationUs("lease");
  out.version_retention_us = s.DurationUs("version_retention");
  if (out.version_retention_us < 1'000'000) return Wrong("--version-retention", "at least 1s");
  out.split_bytes = s.SizeBytes("split_size");
  if (out.split_bytes != 0 && out.split_bytes < (64 << 10)) {
    return Wrong("--split-size", "at least 64KiB, or 0");
  }
  out.merge_after_us = s.DurationUs("merge_after");
  if (out.lease_us < 200'000 || out.lease_us > 60'000'000) {
    return Wrong("--lease", "between 200ms and 60s");
  }
  out.statement_timeout_us = s.DurationUs("statement_timeout");
  if (out.statement_timeout_us == 0) return Wrong("--statement-timeout", "more than 0");
  out.drain_timeout_us = s.DurationUs("drain_timeout");
  out.block_cache_bytes = s.SizeBytes("block_cache_size");
  out.write_buffer_bytes = s.SizeBytes("write_buffer_size");
  if (out.write_buffer_bytes < (1 << 20)) return Wrong("--write-buffer-size", "at least 1MiB");
  ISO_RETURN_IF_ERROR(ReadLimits(s, &out));
  out.die_with_parent = s.Bool("die_with_parent");
  return out;
}

int RunConfig(const std::vector<std::string>& args) {
  if (args.size() == 2 && args[0] == "pg-user") {
    return RunPgUser(args[1], std::cin, std::cout, std::cerr);
  }
  if (args.size() != 2 || args[0] != "check") {
    std::cerr << "usage: isochron config check FILE\n"
                 "       isochron config pg-user NAME    (reads a password, writes a line for "
                 "--pg-users)\n";
    return 2;
  }
  config::Settings settings(StartTable());
  absl::Status status = settings.LoadFile(args[1]);
  if (status.ok()) status = MakeStartOptions(settings, false).status();
  if (!status.ok()) {
    std::cerr << "isochron config check: " << status.message() << "\n";
    return 1;
  }
  std::cout << args[1] << ": good\n";
  return 0;
}

}  // namespace isochron::server
