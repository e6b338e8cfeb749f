// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_NUMBER_FORMAT_H_
#define ISOCHRON_SQL_TYPES_NUMBER_FORMAT_H_

// to_char of numbers: templates of 9, 0, points, commas and signs, as PostgreSQL fills them in the
// locale "C". Pure.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// A template taken apart. 42601 for one that contradicts itself.
struct NumberTemplate {
  enum class Key : uint8_t {
    kLiteral,
    kNine,
    kZero,
    kPoint,
    kComma,
    kCurrency,
    kMinus,
    kPlus,
    kSign,
    kOrdinal,
    kRoman,
    kNothing
  };
  struct Node {
    Key key;
    bool upper;        // of TH and RN
    std::string text;  // of a literal
  };
  enum class Anchor : uint8_t { kNone, kBefore, kAfter };

  std::vector<Node> nodes;
  int pre = 0, post = 0;  // digits before and behind the point
  int multiply = 0;       // V: digits that move before the point
  int zero_start = 0, zero_end = 0;
  int pre_at_sign = 0;
  Anchor anchor = Anchor::kNone;  // of S
  bool decimal = false, fill = false, zero = false, bracket = false, minus = false, plus = false;
  bool roman = false, scientific = false, multi = false, blank = false;
};
absl::StatusOr<NumberTemplate> ParseNumberTemplate(absl::string_view text);

// `value` is a numeric.
absl::StatusOr<std::string> FormatNumber(const Datum& value, absl::string_view format);
// to_number: a numeric from what a template made, or may have made. 22P02, 0A000.
absl::StatusOr<Datum> ParseNumber(absl::string_view text, absl::string_view format);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_NUMBER_FORMAT_H_
