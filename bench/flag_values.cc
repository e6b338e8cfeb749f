// SPDX-License-Identifier: Apache-2.0
#include "bench/flag_values.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kMost = 100'000'000;

}  // namespace

absl::Status CheckFlags(const shell::Flags& flags) {
  for (const char* name : {"groups", "keys", "batch"}) {
    ISO_RETURN_IF_ERROR(flags.Number(name, 1, kMost).status());
  }
  for (const char* name : {"accounts", "value-size", "value-bytes", "staleness-ms"}) {
    ISO_RETURN_IF_ERROR(flags.Number(name, 0, kMost).status());
  }
  for (const char* name : {"read-share", "read-percent"}) {
    ISO_RETURN_IF_ERROR(flags.Number(name, 0, 100).status());
  }
  double skew = 0;
  if (!absl::SimpleAtod(flags.Text("skew"), &skew) || !(skew >= 0 && skew <= 0.999)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--skew: \"", flags.Text("skew"), "\" is no number from 0 to 0.999"));
  }
  return absl::OkStatus();
}

int64_t NumberOr(const shell::Flags& flags, const std::string& name, int64_t unless) {
  return flags.Given(name) ? flags.Number(name, 0, kMost).value_or(unless) : unless;
}

int64_t ValueSize(const shell::Flags& flags, int64_t unless) {
  return NumberOr(flags, "value-size", NumberOr(flags, "value-bytes", unless));
}

int64_t ReadPercent(const shell::Flags& flags) {
  return NumberOr(flags, "read-share", NumberOr(flags, "read-percent", 50));
}

double SkewOr(const shell::Flags& flags, double unless) {
  double skew = unless;
  if (!flags.Given("skew") || !absl::SimpleAtod(flags.Text("skew"), &skew)) return unless;
  return skew;
}

}  // namespace isochron::bench
