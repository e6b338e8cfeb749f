// SPDX-License-Identifier: Apache-2.0
#include "server/main/demo.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/config/config.h"
#include "server/main/demo_layout.h"
#include "server/main/probe.h"
#include "server/main/process.h"
#include "server/runtime/system.h"

namespace isochron::server {
namespace {

using config::Kind;

constexpr Micros kReadyTimeoutUs = 60'000'000;
constexpr Micros kStopTimeoutUs = 35'000'000;
constexpr Micros kProbeUs = 1'000'000;

std::vector<config::Setting> Table() {
  return {
      {"regions", Kind::kInteger, "3", "how many regions"},
      {"nodes_per_region", Kind::kInteger, "1", "how many nodes in each"},
      {"wan", Kind::kBool, "true", "emulate the latencies between real regions (--no-wan: do not)"},
      {"initial_groups", Kind::kInteger, "1", "data groups to begin with, for measurements"},
      {"clock", Kind::kText, "fixed:1ms", "the nodes' clock; they share one kernel's"},
      {"data", Kind::kText, "", "folder for the nodes' data; kept afterwards"},
      {"execute", Kind::kText, "", "run these statements instead of a shell", 'e'},
      {"detach", Kind::kBool, "false", "leave the nodes running, print where they are as JSON"},
      {"stop", Kind::kBool, "false", "stop the demo that runs on the folder --data"},
      {"help", Kind::kBool, "false", "print this"},
  };
}

std::string LogOf(const DemoNode& n) { return absl::StrCat(n.data, ".log"); }

bool Running(const DemoNode& n) { return RunsWith(n.pid, n.data); }

bool AnyRunning(const DemoLayout& layout) {
  for (const DemoNode& n : layout.nodes) {
    if (Running(n)) return true;
  }
  return false;
}

// SIGTERM to all, then SIGKILL to those that do not end in time.
void StopNodes(DemoLayout* layout) {
  for (const DemoNode& n : layout->nodes) {
    if (Running(n)) kill(n.pid, SIGTERM);
  }
  const runtime::Patience patience(kStopTimeoutUs);
  for (DemoNode& n : layout->nodes) {
    int status = 0;
    while (n.pid != 0 && !Reap(n.pid, &status) && Running(n)) {
      if (patience.Over()) kill(n.pid, SIGKILL);
      patience.Pause();
    }
    n.pid = 0;
  }
}

// The layout of the folder's earlier demo, or a new one.
absl::StatusOr<DemoLayout> LayoutFor(const std::string& folder, const config::Settings& s) {
  absl::StatusOr<DemoLayout> old = ReadLayout(folder);
  if (absl::IsNotFound(old.status())) {
    ISO_ASSIGN_OR_RETURN(
        DemoLayout made,
        MakeLayout(folder, static_cast<int>(s.Integer("regions")),
                   static_cast<int>(s.Integer("nodes_per_region")), s.Bool("wan")));
    made.initial_groups = s.Integer("initial_groups");
    made.clock = s.Text("clock");
    return made;
  }
  ISO_RETURN_IF_ERROR(old.status());
  if (AnyRunning(*old)) {
    return absl::AlreadyExistsError(absl::StrCat("a demo is already running on ", folder,
                                                 "; stop it with: isochron demo --stop --data ",
                                                 folder));
  }
  if (s.Given("regions") || s.Given("nodes_per_region") || s.Given("initial_groups")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the folder ", folder, " holds the data of a demo of ", old->nodes.size(),
                     " nodes; leave --regions, --nodes-per-region and --initial-groups away, or "
                     "choose another folder"));
  }
  if (s.Given("wan")) old->wan = s.Bool("wan");
  if (s.Given("clock")) old->clock = s.Text("clock");
  return old;
}

absl::Status StartNodes(DemoLayout* layout, bool detached) {
  for (DemoNode& n : layout->nodes) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(n.data).parent_path(), error);
    absl::StatusOr<pid_t> pid = SpawnSelf(StartArguments(*layout, n, detached), LogOf(n), detached);
    ISO_RETURN_IF_ERROR(pid.status());
    n.pid = *pid;
  }
  return absl::OkStatus();
}

absl::Status AwaitReady(const DemoLayout& layout) {
  const runtime::Patience patience(kReadyTimeoutUs);
  for (const DemoNode& n : layout.nodes) {
    for (;;) {
      int status = 0;
      if (Reap(n.pid, &status)) {
        return absl::UnavailableError(absl::StrCat("node ", n.node,
                                                   " ended at its start; its log, ", LogOf(n),
                                                   ", ends:\n", Tail(LogOf(n), 2000)));
      }
      const absl::Status ready = ProbeHealth(n.grpc, kProbeUs);
      if (ready.ok()) break;
      if (StopRequested()) return absl::CancelledError("stopped");
      if (patience.Over()) {
        return absl::DeadlineExceededError(absl::StrCat(
            "node ", n.node, " is not ready after ", kReadyTimeoutUs / 1'000'000, " s (",
            ready.message(), "); its log, ", LogOf(n), ", ends:\n", Tail(LogOf(n), 2000)));
      }
      patience.Pause();
    }
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  std::cerr << "isochron demo: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

int Stop(const std::string& folder) {
  absl::StatusOr<DemoLayout> layout = ReadLayout(folder);
  if (!layout.ok()) return Fail(layout.status());
  StopNodes(&*layout);
  const absl::Status written = WriteLayout(folder, *layout);
  return written.ok() ? 0 : Fail(written);
}

int RunAttached(const config::Settings& s, const DemoLayout& layout, ShellCommand shell) {
  std::vector<std::string> args = {"--target", layout.nodes[0].grpc};
  if (s.Given("execute")) {
    args.insert(args.end(), {"-e", s.Text("execute")});
  } else {
    std::cerr << "A universe of " << layout.nodes.size() << " nodes"
              << (layout.wan ? ", latencies between its regions emulated" : "") << ":\n";
    for (const DemoNode& n : layout.nodes) {
      std::cerr << "  node " << n.node << "  " << n.zone << "  Spanner API " << n.grpc
                << "  PostgreSQL " << n.pg << "\n";
    }
  }
  return shell(args);
}

int StartOn(const std::string& folder, const config::Settings& s, ShellCommand shell) {
  absl::StatusOr<DemoLayout> layout = LayoutFor(folder, s);
  if (!layout.ok()) return Fail(layout.status());
  const bool detach = s.Bool("detach");
  CatchStopSignals();
  absl::Status status = ChoosePorts(&*layout);
  if (status.ok()) status = StartNodes(&*layout, detach);
  if (status.ok()) status = WriteLayout(folder, *layout);
  if (status.ok()) status = AwaitReady(*layout);
  if (!status.ok()) {
    StopNodes(&*layout);
    return Fail(status);
  }
  layout->bootstrapped = true;
  if (status = WriteLayout(folder, *layout); !status.ok()) {
    StopNodes(&*layout);
    return Fail(status);
  }
  if (detach) {
    std::cout << LayoutToJson(*layout) << std::endl;
    return 0;
  }
  // From here the shell decides what Ctrl-C means; the nodes end with this process in any case.
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  const int result = RunAttached(s, *layout, shell);
  CatchStopSignals();
  StopNodes(&*layout);
  (void)WriteLayout(folder, *layout);
  return result;
}

}  // namespace

int RunDemo(const std::vector<std::string>& args, ShellCommand shell) {
  config::Settings s(Table());
  absl::Status status = s.Load(args, {});
  if (status.ok() && s.Bool("help")) {
    std::cout << "usage: isochron demo [FLAGS]\n\n" << s.Help();
    return 0;
  }
  if (status.ok() && !s.positional().empty()) {
    status = absl::InvalidArgumentError(
        absl::StrCat("what is \"", s.positional()[0], "\"? demo takes flags only"));
  }
  if (status.ok() && (s.Bool("detach") || s.Bool("stop")) && s.Text("data").empty()) {
    status = absl::InvalidArgumentError("--detach and --stop need the folder: --data DIR");
  }
  if (status.ok() && s.Bool("detach") && s.Given("execute")) {
    status = absl::InvalidArgumentError("--detach leaves the demo running; -e does not go with it");
  }
  if (!status.ok()) return Fail(status);

  std::error_code error;
  if (s.Bool("stop")) return Stop(std::filesystem::absolute(s.Text("data"), error).string());
  if (!s.Text("data").empty()) {
    const std::string folder = std::filesystem::absolute(s.Text("data"), error).string();
    std::filesystem::create_directories(folder, error);
    if (error) {
      return Fail(absl::UnavailableError(
          absl::StrCat("cannot make the folder ", folder, ": ", error.message())));
    }
    return StartOn(folder, s, shell);
  }
  std::string folder =
      (std::filesystem::temp_directory_path(error) / "isochron-demo.XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return Fail(absl::UnavailableError("cannot make a temporary folder; name one with --data"));
  }
  const int result = StartOn(folder, s, shell);
  std::filesystem::remove_all(folder, error);
  return result;
}

}  // namespace isochron::server
