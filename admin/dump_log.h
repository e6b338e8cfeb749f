// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_DUMP_LOG_H_
#define ISOCHRON_ADMIN_DUMP_LOG_H_

// `isochron admin dump-log`: every segment, batch and record of a node's log with its offset, and
// where it is damaged (docs/internals/data_files.md). Changes nothing; the node may even run, then
// the last batch may look torn.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "admin/report.h"
#include "common/types.h"

namespace isochron::admin {

// Findings are damage. An error: the folder cannot be read.
absl::Status DumpLog(const std::string& data, std::optional<GroupId> group, Report* report);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_DUMP_LOG_H_
