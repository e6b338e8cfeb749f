// SPDX-License-Identifier: Apache-2.0
#include "server/main/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/runtime/errno_status.h"

extern char** environ;

namespace isochron::server {
namespace {

volatile sig_atomic_t stop_requested = 0;

void OnStopSignal(int) { stop_requested = 1; }

}  // namespace

absl::StatusOr<pid_t> SpawnSelf(const std::vector<std::string>& args, const std::string& log_file,
                                bool detached) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A process group of its own either way: Ctrl-C at the demo reaches the demo alone.
  posix_spawnattr_setflags(&attributes, detached ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> words = {"isochron"};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return runtime::ErrnoStatus("cannot start a process", error);
  return pid;
}

bool RunsWith(pid_t pid, const std::string& argument) {
  if (pid <= 0) return false;
  std::ifstream in(absl::StrCat("/proc/", pid, "/cmdline"), std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  const std::string line = content.str();
  const std::vector<std::string> words = absl::StrSplit(line, '\0');
  return std::find(words.begin(), words.end(), argument) != words.end();
}

bool Reap(pid_t pid, int* status) { return waitpid(pid, status, WNOHANG) == pid; }

std::string Tail(const std::string& file, size_t max_bytes) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  std::string text = content.str();
  if (text.size() > max_bytes) text = text.substr(text.size() - max_bytes);
  return text;
}

void CatchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = OnStopSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace isochron::server
