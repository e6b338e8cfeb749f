// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_PROBE_H_
#define ISOCHRON_SERVER_MAIN_PROBE_H_

// Asks a node's gRPC health service whether it is ready: it serves, and knows a leader for each
// group.

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace isochron::server {

// OK when SERVING. UNAVAILABLE otherwise, with what was answered. Blocks up to `timeout`.
absl::Status ProbeHealth(const std::string& address, absl::Duration timeout);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_PROBE_H_
