// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_DEMO_H_
#define ISOCHRON_SERVER_MAIN_DEMO_H_

// The command `isochron demo`: a universe of regions on this machine, a process a node, latencies
// between the regions emulated; then a shell on it, or the statements of -e, or with --detach
// nothing but a JSON object that says where everything is.
//
//   demo [--regions N] [--nodes-per-region N] [--no-wan] [--clock C] [--data DIR] [-e SQL]
//   demo --detach --data DIR     leave it running; a later one finds its data
//   demo --stop --data DIR
//
// Without --detach the nodes end with the demo, and without --data their data goes too.

#include <string>
#include <vector>

namespace isochron::server {

// `shell` is the command `isochron sql`. Returns the exit status.
using ShellCommand = int (*)(const std::vector<std::string>& args);
int RunDemo(const std::vector<std::string>& args, ShellCommand shell);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_DEMO_H_
