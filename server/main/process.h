// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_PROCESS_H_
#define ISOCHRON_SERVER_MAIN_PROCESS_H_

// Processes of this program, as the demo starts and ends them.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace isochron::server {

// Runs this very program with `args`; what it prints goes to the end of `log_file`. Detached, it is
// in a session of its own and outlives the terminal.
absl::StatusOr<pid_t> SpawnSelf(const std::vector<std::string>& args, const std::string& log_file,
                                bool detached);

// True while `pid` runs this program with `argument` among its arguments: pids are reused.
bool RunsWith(pid_t pid, const std::string& argument);

// True once the child ended; its exit status is collected.
bool Reap(pid_t pid, int* status);

// The last lines of a file, for an error message; empty when it cannot be read.
std::string Tail(const std::string& file, size_t max_bytes);

// Set by SIGINT or SIGTERM after CatchStopSignals.
void CatchStopSignals();
bool StopRequested();

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_PROCESS_H_
