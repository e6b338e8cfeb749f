// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_LIVE_H_
#define ISOCHRON_ADMIN_LIVE_H_

// The admin commands that ask a running universe: SQL through the public API.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace isochron::admin {

struct LiveOptions {
  std::string target;
  bool json = false;
  int64_t timeout_s = 60;
};

// Replaces the damaged replicas of a node by new ones, or its replica of one group whatever its
// state. Says what it does. NOT_FOUND when there is nothing to replace.
absl::Status Repair(const LiveOptions& options, uint32_t node, std::optional<uint64_t> group);

// Runs the statements one after the other, up to the first failure, and prints their rows.
absl::Status RunSql(const LiveOptions& options, const std::vector<std::string>& statements);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_LIVE_H_
