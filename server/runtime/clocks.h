// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_CLOCKS_H_
#define ISOCHRON_SERVER_RUNTIME_CLOCKS_H_

// The real clocks behind truetime's sources: the system clock, adjtimex, and a poller that asks
// chrony for its tracking report, on a thread of its own.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/runtime/mutex.h"
#include "truetime/clock_spec.h"
#include "truetime/clocks.h"

namespace isochron::runtime {

class PosixSystemClock final : public truetime::SystemClock {
 public:
  Micros RealtimeUs() override;
  Micros BoottimeUs() override;
};

truetime::KernelTime ReadKernelTime();

// Runs a program and returns what it printed. UNAVAILABLE when it cannot be run, fails, or does not
// end in time; it is then killed. Blocks.
absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, int timeout_ms);

// Feeds a ChronyClock from `argv`, by default `chronyc -c tracking`, until destroyed.
class ChronyPoller {
 public:
  ChronyPoller(truetime::ChronyClock* clock, truetime::SystemClock* system, int period_ms,
               std::vector<std::string> argv = {"chronyc", "-n", "-c", "tracking"});
  ~ChronyPoller();

 private:
  void ThreadMain();
  void PollOnce();

  truetime::ChronyClock* const clock_;
  truetime::SystemClock* const system_;
  const int period_ms_;
  const std::vector<std::string> argv_;
  Mutex mu_;
  CondVar changed_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

// A clock source with all it stands on.
class NodeClock {
 public:
  virtual ~NodeClock() = default;
  virtual truetime::BoundedClock* truetime() = 0;
};

// Makes the source that `spec` names and waits, at most `wait_ms`, for its first bound.
// UNAVAILABLE, with what to do, when there is none: a node does not start without a bound (rule 5).
absl::StatusOr<std::unique_ptr<NodeClock>> MakeNodeClock(const truetime::ClockSpec& spec,
                                                         int wait_ms);

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_CLOCKS_H_
