// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_HISTORY_H_
#define ISOCHRON_BENCH_HISTORY_H_

// What the clients of a run did and saw, for the checkers of the simulator: `--history FILE`, then
// `isochron sim --check-history FILE` (the format is told in docs/internals/simulator.md).
//
// One Attempt is one try of one transaction; what was tried again is another one. Times are the
// machine's real-time clock, so the processes that serve must be on this machine, or know its
// clock's error. An attempt whose end nobody learned stays "unknown".
//
// Recorder is safe from any thread; an Attempt belongs to one.

#include <cstdint>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/types.h"

namespace isochron::bench {

struct Attempt {
  int64_t id = 0;  // from 1 on, in no order
  int client = 0;
  bool read_only = false;
  bool strong = true;  // of a read-only one
  bool local = false;  // of a read-only one: a strong read by itself
  int64_t invoke_us = 0;
  std::optional<Timestamp> ts;  // committed at, or read at
  std::vector<std::pair<std::string, std::optional<std::string>>> reads;
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  // The rows are lists, their elements separated by commas; and what was added to which.
  bool lists = false;
  std::vector<std::pair<std::string, std::string>> appends;
};

class Recorder {
 public:
  // Nothing is written, but attempts are still numbered, when the path is empty.
  explicit Recorder(std::string path) : path_(std::move(path)) {}

  // UNAVAILABLE when the file cannot be written.
  absl::Status Open();
  // Now, and with an id of its own.
  Attempt Begin(int client, bool read_only);
  // OK: committed, or answered. UNKNOWN: perhaps. Anything else: nothing took effect.
  void End(const Attempt& attempt, const absl::Status& status);
  // All is on its way to the disk. UNAVAILABLE when something could not be written.
  absl::Status Close();

 private:
  const std::string path_;
  std::mutex mutex_;
  std::ofstream file_;
  int64_t next_id_ = 1;
};

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_HISTORY_H_
