// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_CHRONY_REPORT_H_
#define ISOCHRON_TRUETIME_CHRONY_REPORT_H_

// chrony's own account of how good the clock is, from `chronyc -c tracking`: one CSV line of
// reference id, name, stratum, reference time, system offset, last offset, RMS offset, frequency,
// residual frequency, skew, root delay, root dispersion, update interval, leap status; seconds.

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::truetime {

struct ChronyReport {
  bool synchronised = false;
  // |system offset| + root dispersion + root delay / 2 at the time of the report, rounded up.
  Micros error_us = 0;
};

// INVALID_ARGUMENT when the line is not such a report.
absl::StatusOr<ChronyReport> ParseChronyTracking(absl::string_view csv);

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_CHRONY_REPORT_H_
