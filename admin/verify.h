// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_VERIFY_H_
#define ISOCHRON_ADMIN_VERIFY_H_

// `isochron admin verify`: whether a stopped node's data folder is whole. It recovers the log as a
// start would, reads every block of the store, and loads every group's applied state; nothing on
// disk changes.

#include <string>

#include "absl/status/status.h"
#include "admin/report.h"

namespace isochron::admin {

// Findings name file and group. FAILED_PRECONDITION while a process has the folder open, or when it
// is no data folder.
absl::Status Verify(const std::string& data, Report* report);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_VERIFY_H_
