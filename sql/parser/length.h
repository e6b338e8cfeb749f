// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_LENGTH_H_
#define ISOCHRON_SQL_PARSER_LENGTH_H_

// How much there is to parse in a text. Parsing, binding and planning take some 2 us of the node's
// one loop for each word, however few bytes it has, while bytes within a literal cost next to
// nothing. So it is words that are bounded, and counted before anything else is done.

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"

#include "absl/strings/string_view.h"

namespace isochron::sql {

// Of a text: all its statements.
inline constexpr size_t kMaxWords = 500'000;

// Names, numbers, literals and signs; comments and blanks are none. Exact enough: a sign of several
// characters counts as several.
size_t CountWords(absl::string_view text);

// Calls word(begin, end) for each of them, from `from` on, which lies between two.
void ForEachWord(absl::string_view text, size_t from, absl::FunctionRef<void(size_t, size_t)> word);

// Replaces each name `word`, of whatever case, outside literals and comments. Both are of one
// length: positions stay.
void ReplaceWord(absl::string_view word, absl::string_view by, std::string* text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PARSER_LENGTH_H_
