// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_REGEX_H_
#define ISOCHRON_SQL_TYPES_REGEX_H_

// PostgreSQL's advanced regular expressions, as far as RE2 can tell them: time linear in the text.
//
// The pattern is translated: PostgreSQL's escapes, embedded options and directors become RE2's.
// What RE2 has no word for (back references, looking ahead or behind, \m and \M, [[.x.]], [[=x=]])
// is refused with 2201B and says so. As in PostgreSQL the leftmost longest match counts, but for
// patterns with a non-greedy quantifier: there the first of its ways does, as in Perl. Classes know
// ASCII letters (collation "C"); matching without case folds all of Unicode. Pure.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

struct RegexFlags {
  bool global = false;        // g
  bool fold_case = false;     // i
  bool literal = false;       // q
  bool expanded = false;      // x
  bool dot_newline = true;    // not with n, m, p
  bool line_anchors = false;  // n, m, w
};

// The letters of a flags argument. 22023.
absl::StatusOr<RegexFlags> ParseRegexFlags(absl::string_view letters);

// A place in the text; from > to where a group took no part.
struct RegexSpan {
  size_t from = 1, to = 0;
  bool matched() const { return from <= to; }
};

class Regex {
 public:
  virtual ~Regex() = default;
  virtual int groups() const = 0;
  // The first match at or behind `from`: itself, then its groups. False if there is none.
  virtual bool Find(absl::string_view text, size_t from, std::vector<RegexSpan>* spans) const = 0;
  virtual bool Matches(absl::string_view text) const = 0;
};

// Compiled, or from this thread's few that were last used. 2201B.
absl::StatusOr<std::shared_ptr<const Regex>> CompileRegex(absl::string_view pattern,
                                                          const RegexFlags& flags);

// The regular expression of a SIMILAR TO pattern. `escape` has one character or none. 22025.
absl::StatusOr<std::string> SimilarToRegex(absl::string_view pattern, absl::string_view escape);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_REGEX_H_
