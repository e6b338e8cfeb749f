// SPDX-License-Identifier: Apache-2.0
#include "truetime/clock_spec.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace isochron::truetime {
namespace {

constexpr Micros kMaxFixedBoundUs = 10'000'000;

}  // namespace

std::string ClockSpec::ToString() const {
  switch (kind) {
    case Kind::kChrony:
      return "chrony";
    case Kind::kKernel:
      return "kernel";
    case Kind::kFixed:
      return absl::StrCat("fixed:", bound_us, "us");
  }
  return "?";
}

absl::StatusOr<ClockSpec> ParseClockSpec(absl::string_view text) {
  if (text == "chrony") return ClockSpec{ClockSpec::Kind::kChrony, 0};
  if (text == "kernel") return ClockSpec{ClockSpec::Kind::kKernel, 0};
  absl::string_view rest = text;
  if (text == "fixed" || text == "fixed:") {
    return absl::InvalidArgumentError(
        "the clock \"fixed\" needs its bound stated, for example fixed:5ms");
  }
  if (!absl::ConsumePrefix(&rest, "fixed:")) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown clock \"", text,
                     "\"; possible are chrony, kernel, or fixed:BOUND as in fixed:5ms"));
  }
  absl::Duration bound;
  if (!absl::ParseDuration(rest, &bound)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", rest, "\" is not a duration; write for example fixed:5ms"));
  }
  const Micros bound_us = absl::ToInt64Microseconds(bound);
  if (bound_us < 1 || bound_us > kMaxFixedBoundUs) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fixed clock bound lies between 1us and 10s, not ", rest));
  }
  return ClockSpec{ClockSpec::Kind::kFixed, bound_us};
}

}  // namespace isochron::truetime
