// SPDX-License-Identifier: Apache-2.0
#include "truetime/chrony_report.h"

#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace isochron::truetime {
namespace {

constexpr size_t kFields = 14;
constexpr size_t kSystemOffset = 4;
constexpr size_t kRootDelay = 10;
constexpr size_t kRootDispersion = 11;
constexpr size_t kLeap = 13;

}  // namespace

absl::StatusOr<ChronyReport> ParseChronyTracking(absl::string_view csv) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::StripAsciiWhitespace(csv), ',');
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a tracking report of chronyc (", why, "): \"", csv.substr(0, 200), "\""));
  };
  if (fields.size() != kFields) return bad(absl::StrCat(fields.size(), " fields, not 14"));
  double offset = 0;
  double delay = 0;
  double dispersion = 0;
  if (!absl::SimpleAtod(fields[kSystemOffset], &offset) ||
      !absl::SimpleAtod(fields[kRootDelay], &delay) ||
      !absl::SimpleAtod(fields[kRootDispersion], &dispersion) || !std::isfinite(offset) ||
      !std::isfinite(delay) || !std::isfinite(dispersion) || delay < 0 || dispersion < 0) {
    return bad("a number is wrong");
  }
  const absl::string_view leap = fields[kLeap];
  ChronyReport report;
  // An unknown word is no promise either.
  report.synchronised = leap == "Normal" || leap == "Insert second" || leap == "Delete second";
  const double error_us = (std::fabs(offset) + dispersion + delay / 2) * 1e6;
  if (error_us > 1e15) return bad("a number is too large");
  report.error_us = static_cast<Micros>(std::ceil(error_us));
  return report;
}

}  // namespace isochron::truetime
