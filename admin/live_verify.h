// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_LIVE_VERIFY_H_
#define ISOCHRON_ADMIN_LIVE_VERIFY_H_

// `isochron verify`: a running universe is checked without disturbing it.
//
//   replicas   All replicas of all groups hold the same rows at one timestamp. Each is asked for
//              the checksum of a page of its rows (isochron.checksum), page by page; the first
//              replica's pages set the bounds for the others. Where a group's range changed
//              meanwhile the page is asked for again, and so is everything after a merge.
//   probe      A sampled check of external consistency: a row of a table of its own
//              (isochron_verify) is raised through one target, then read through the next. What
//              was acknowledged must be seen, and timestamps must follow real time.
//
// Both are limited to a rate, so that it may run beside a load. Nothing but the probe's table is
// written. One thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "admin/report.h"
#include "client/client.h"

namespace isochron::admin {

struct LiveVerifyOptions {
  std::vector<std::string> targets;
  int64_t timeout_ms = 20'000;  // of each call
  int64_t pages_per_second = 5;
  int64_t probes = 20;
  int64_t probes_per_second = 20;
};

// Findings are in the report: replicas that differ or could not be compared, and what the probe
// saw. UNAVAILABLE and others when the universe does not answer at all.
absl::Status LiveVerify(const LiveVerifyOptions& options, Report* report);

// The command. Exit status: 0 good, 1 a finding or a failure, 2 usage.
int RunLiveVerify(const std::vector<std::string>& args);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_LIVE_VERIFY_H_
