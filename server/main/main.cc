// SPDX-License-Identifier: Apache-2.0
//
// The program: each subcommand is a function of its own library; here they are only named.

#include <iostream>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "admin/admin_main.h"
#include "admin/live_verify.h"
#include "bench/bench_main.h"
#include "common/nearest.h"
#include "server/main/demo.h"
#include "server/main/served_node.h"
#include "server/main/start_settings.h"
#include "server/main/version.h"
#include "shell/sql_main.h"
#include "sim/sim_main.h"

namespace {

struct Command {
  const char* name;
  const char* help;
  int (*run)(const std::vector<std::string>& args);
};

int RunDemo(const std::vector<std::string>& args) {
  return isochron::server::RunDemo(args, isochron::shell::RunSql);
}

constexpr Command kCommands[] = {
    {"demo", "a universe of regions on this machine, and a shell on it", RunDemo},
    {"start", "run one node of a universe", isochron::server::RunStart},
    {"sql", "a SQL shell on a running universe", isochron::shell::RunSql},
    {"admin", "look at a universe, and into a node's data folder", isochron::admin::RunAdmin},
    {"bench", "load a running universe and check what it promised", isochron::bench::RunBench},
    {"sim", "simulate universes under faults and check their promises", isochron::sim::RunSim},
    {"verify", "check a running universe: its replicas, and what it promises",
     isochron::admin::RunLiveVerify},
    {"config", "check a configuration file", isochron::server::RunConfig},
    {"version", "print the version", isochron::server::RunVersion},
};

void PrintUsage(std::ostream& out) {
  out << "usage: isochron COMMAND [FLAGS]\n\n";
  for (const Command& c : kCommands) {
    out << "  " << c.name << std::string(10 - std::string(c.name).size(), ' ') << c.help << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil without NDEBUG: every lock that gRPC takes would be looked up in a graph.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) {
    PrintUsage(std::cerr);
    return 2;
  }
  if (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
    PrintUsage(std::cout);
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& c : kCommands) {
    if (args[0] == c.name) return c.run({args.begin() + 1, args.end()});
    names.emplace_back(c.name);
  }
  const std::string nearest = isochron::Nearest(args[0], names);
  std::cerr << "isochron: unknown command \"" << args[0] << "\""
            << (nearest.empty() ? "" : "; did you mean " + nearest + "?") << "\n\n";
  PrintUsage(std::cerr);
  return 2;
}
