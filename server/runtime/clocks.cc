// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/clocks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status_macros.h"
#include "server/runtime/errno_status.h"

extern char** environ;

namespace isochron::runtime {
namespace {

constexpr size_t kMaxOutputBytes = 64 << 10;
constexpr int kChronyPeriodMs = 1000;
constexpr int kChronyTimeoutMs = 2000;
constexpr Micros kMaxBoundUs = 100'000;

Micros ReadClock(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * Micros{1'000'000} + t.tv_nsec / 1000;
}

// Reads `fd` to its end into `out`; false when the time is up first.
bool ReadAll(int fd, int timeout_ms, std::string* out) {
  const Micros end = ReadClock(CLOCK_MONOTONIC) + timeout_ms * Micros{1000};
  for (;;) {
    const Micros left_us = end - ReadClock(CLOCK_MONOTONIC);
    pollfd p{fd, POLLIN, 0};
    if (left_us <= 0 || poll(&p, 1, static_cast<int>(left_us / 1000 + 1)) < 0) return false;
    if (p.revents == 0) continue;
    char buffer[4096];
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    if (out->size() < kMaxOutputBytes) out->append(buffer, n);
  }
}

class FixedNodeClock final : public NodeClock {
 public:
  explicit FixedNodeClock(Micros bound_us) : clock_(&system_, bound_us) {}
  truetime::BoundedClock* truetime() override { return &clock_; }

 private:
  PosixSystemClock system_;
  truetime::FixedBoundClock clock_;
};

class KernelNodeClock final : public NodeClock {
 public:
  KernelNodeClock() : clock_(&system_, ReadKernelTime, kMaxBoundUs) {}
  truetime::BoundedClock* truetime() override { return &clock_; }

 private:
  PosixSystemClock system_;
  truetime::KernelClock clock_;
};

class ChronyNodeClock final : public NodeClock {
 public:
  ChronyNodeClock() : clock_(&system_, {}), poller_(&clock_, &system_, kChronyPeriodMs) {}
  truetime::BoundedClock* truetime() override { return &clock_; }

 private:
  PosixSystemClock system_;
  truetime::ChronyClock clock_;
  ChronyPoller poller_;
};

}  // namespace

Micros PosixSystemClock::RealtimeUs() { return ReadClock(CLOCK_REALTIME); }
Micros PosixSystemClock::BoottimeUs() { return ReadClock(CLOCK_BOOTTIME); }

truetime::KernelTime ReadKernelTime() {
  timex t{};
  const int state = adjtimex(&t);
  return {.synchronised = state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0,
          .max_error_us = t.maxerror};
}

absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, int timeout_ms) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus("cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> args;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, args[0], &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return absl::UnavailableError(
        absl::StrCat("cannot run ", argv[0], ": ", ErrnoStatus("", error).message()));
  }
  std::string out;
  const bool ended = ReadAll(ends[0], timeout_ms, &out);
  close(ends[0]);
  if (!ended) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return absl::UnavailableError(absl::StrCat(argv[0], " did not answer in ", timeout_ms, " ms"));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::UnavailableError(
        absl::StrCat(argv[0], " failed: ", absl::StripAsciiWhitespace(out)));
  }
  return out;
}

ChronyPoller::ChronyPoller(truetime::ChronyClock* clock, truetime::SystemClock* system,
                           int period_ms, std::vector<std::string> argv)
    : clock_(clock), system_(system), period_ms_(period_ms), argv_(std::move(argv)) {
  thread_ = std::thread([this] { ThreadMain(); });
}

ChronyPoller::~ChronyPoller() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void ChronyPoller::ThreadMain() {
  for (;;) {
    PollOnce();
    MutexLock lock(&mu_);
    if (stop_) return;
    changed_.WaitFor(&mu_, period_ms_);
    if (stop_) return;
  }
}

void ChronyPoller::PollOnce() {
  const Micros asked_at_us = system_->BoottimeUs();
  absl::StatusOr<std::string> out = RunProgram(argv_, kChronyTimeoutMs);
  if (!out.ok()) return clock_->SetFailure(std::string(out.status().message()));
  absl::StatusOr<truetime::ChronyReport> report = truetime::ParseChronyTracking(*out);
  if (!report.ok()) return clock_->SetFailure(std::string(report.status().message()));
  clock_->SetReport(*report, asked_at_us);
}

absl::StatusOr<std::unique_ptr<NodeClock>> MakeNodeClock(const truetime::ClockSpec& spec,
                                                         int wait_ms) {
  std::unique_ptr<NodeClock> clock;
  switch (spec.kind) {
    case truetime::ClockSpec::Kind::kFixed:
      clock = std::make_unique<FixedNodeClock>(spec.bound_us);
      break;
    case truetime::ClockSpec::Kind::kKernel:
      clock = std::make_unique<KernelNodeClock>();
      break;
    case truetime::ClockSpec::Kind::kChrony:
      clock = std::make_unique<ChronyNodeClock>();
      break;
  }
  const Micros end = ReadClock(CLOCK_MONOTONIC) + wait_ms * Micros{1000};
  for (;;) {
    const absl::Status status = clock->truetime()->Now().status();
    if (status.ok()) return clock;
    if (ReadClock(CLOCK_MONOTONIC) >= end) {
      return absl::UnavailableError(absl::StrCat(
          status.message(), " (--clock ", spec.ToString(),
          "). A node does not start "
          "without a bound; where all nodes share one machine, --clock fixed:1ms is sound"));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace isochron::runtime
