// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_FLAG_VALUES_H_
#define ISOCHRON_BENCH_FLAG_VALUES_H_

// Values of the bench's flags. CheckFlags comes first; the others rely on it.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "shell/options.h"

namespace isochron::bench {

// INVALID_ARGUMENT for a number that is none or out of range.
absl::Status CheckFlags(const shell::Flags& flags);

// `unless` when the flag was not given.
int64_t NumberOr(const shell::Flags& flags, const std::string& name, int64_t unless);
int64_t ValueSize(const shell::Flags& flags, int64_t unless);  // --value-size, --value-bytes
int64_t ReadPercent(const shell::Flags& flags);                // --read-share, --read-percent
double SkewOr(const shell::Flags& flags, double unless);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_FLAG_VALUES_H_
