// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_PROBE_H_
#define ISOCHRON_SERVER_MAIN_PROBE_H_

// Asks a node's gRPC health service whether it is ready: it serves, and knows a leader for each
// group.

#include <string>

#include "absl/status/status.h"
#include "common/types.h"

namespace isochron::server {

// OK when SERVING. UNAVAILABLE otherwise, with what was answered. Blocks up to `timeout_us`.
absl::Status ProbeHealth(const std::string& address, Micros timeout_us);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_PROBE_H_
