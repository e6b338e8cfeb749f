// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_SERVER_ENV_H_
#define ISOCHRON_TXN_PARTICIPANT_SERVER_ENV_H_

// What one node's transaction server is built from, and its times.

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/types.h"
#include "txn/api/group_caller.h"
#include "txn/api/scan_program.h"

namespace isochron::txn {

struct ServerOptions {
  Micros lock_expiry_us = 5'000'000;          // without a heartbeat or a request
  Micros commit_window_us = 20'000'000;       // older commit requests are refused (rule 20)
  Micros marker_window_us = 30'000'000;       // how long an ended attempt is refused
  Micros sweep_us = 1'000'000;                // between looks for expired attempts
  Micros vote_timeout_us = 10'000'000;        // a silent participant aborts the transaction
  Micros presume_abort_after_us = 5'000'000;  // since commit_start, for votes without a coordinator
  Micros call_timeout_us = 10'000'000;        // one vote, outcome or wound, retries included
  Micros backoff_us = 500'000;                // first pause between votes or outcomes
  Micros backoff_cap_us = 2'000'000;
  Micros forget_delay_us = 200'000;  // gathers acknowledged decisions into one Forget
  size_t max_early = 10'000;         // attempts with votes but no coordinate request
  uint64_t page_bytes = 1 << 20;     // of a read that names no limit
  uint64_t program_rows = 8192;      // over which a program runs before the loop does other work
  size_t max_waiting_locks = 4096;   // per group
};

struct ServerEnv {
  NodeId self;
  Executor* executor = nullptr;
  Observer* observer = nullptr;
  GroupCaller* caller = nullptr;
  SabotageSet sabotage;
  ServerOptions options;
  const ScanPrograms* programs = nullptr;  // null: none are known here
  // OK, or why new writes are refused here now (a DiskFull); null: never.
  std::function<absl::Status()> check_writes;
  // New writes should slow down; null: never.
  std::function<bool()> close_to_stall;
  // How many of a key's bytes name its index; null: none.
  std::function<size_t(absl::string_view key)> index_prefix;
  TaskScope* scope = nullptr;  // background work; cleared before everything else here goes
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_SERVER_ENV_H_
