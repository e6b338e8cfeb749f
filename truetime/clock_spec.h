// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_CLOCK_SPEC_H_
#define ISOCHRON_TRUETIME_CLOCK_SPEC_H_

// The value of --clock: "chrony", "kernel" or "fixed:BOUND" with a duration such as 5ms.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::truetime {

struct ClockSpec {
  enum class Kind { kChrony, kKernel, kFixed };
  Kind kind = Kind::kChrony;
  Micros bound_us = 0;  // kFixed only, > 0

  std::string ToString() const;
};

// INVALID_ARGUMENT says what is wrong and what is possible. There is no implicit bound (rule 26).
absl::StatusOr<ClockSpec> ParseClockSpec(absl::string_view text);

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_CLOCK_SPEC_H_
