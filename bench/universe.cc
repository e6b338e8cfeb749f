// SPDX-License-Identifier: Apache-2.0
#include "bench/universe.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kReadyUs = 90'000'000;

std::string Contents(const std::string& file) {
  std::ifstream in(file);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Universe>> Universe::Start(const Options& options) {
  std::error_code error;
  std::string folder =
      (std::filesystem::temp_directory_path(error) / "isochron-bench.XXXXXX").string();
  if (error || mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError("cannot make a temporary folder; set TMPDIR to one with room");
  }
  auto universe = std::unique_ptr<Universe>(new Universe);
  universe->folder_ = folder;
  ISO_RETURN_IF_ERROR(universe->Spawn(options));
  ISO_RETURN_IF_ERROR(universe->AwaitReady());
  return universe;
}

Universe::~Universe() {
  if (shell_input_ >= 0) close(shell_input_);  // the shell's end of input: the demo stops its nodes
  if (pid_ != 0) waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

absl::Status Universe::Spawn(const Options& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError("cannot make a pipe");
  std::vector<std::string> words = {"isochron", "demo",       "--data",
                                    folder_,    "--regions",  absl::StrCat(options.regions),
                                    "--clock",  options.clock};
  if (!options.wan) words.push_back("--no-wan");
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const std::string log = absl::StrCat(folder_, "/demo.log");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int failed = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[0]);
  shell_input_ = ends[1];
  if (failed == 0) return absl::OkStatus();
  pid_ = 0;
  return absl::UnavailableError("cannot start `isochron demo`");
}

absl::Status Universe::AwaitReady() {
  const int64_t until = NowUs() + kReadyUs;
  while (!ReadNodes()) {
    const bool ended = waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (ended) pid_ = 0;
    if (ended || NowUs() > until) {
      return absl::UnavailableError(absl::StrCat("the universe for the experiment did not start: ",
                                                 Contents(absl::StrCat(folder_, "/demo.log"))));
    }
    SleepMs(50);
  }
  return absl::OkStatus();
}

bool Universe::ReadNodes() {
  const Json demo = Json::parse(Contents(absl::StrCat(folder_, "/demo.json")), nullptr,
                                /*allow_exceptions=*/false);
  if (!demo.is_object() || !demo.value("bootstrapped", false)) return false;
  for (const Json& n : demo["nodes"]) {
    nodes_.push_back(Node{n.value("region", ""), n.value("grpc", "")});
  }
  return true;
}

std::vector<std::string> Universe::Targets() const {
  std::vector<std::string> targets;
  for (const Node& n : nodes_) targets.push_back(n.target);
  return targets;
}

}  // namespace isochron::bench
