// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_SCRIPT_H_
#define ISOCHRON_SHELL_SCRIPT_H_

// Cuts SQL text into statements, as far as a shell must: a semicolon ends a statement unless it
// stands in quotes ('..', E'..', "..", $tag$..$tag$) or a comment (-- to the end of the line,
// nested
// /* */). What is between statements (blanks, comments) belongs to the next one. Pure.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace isochron::shell {

struct Script {
  std::vector<std::string> statements;  // without their semicolons; none is blank
  std::string rest;                     // what no semicolon has ended yet
};

Script CutStatements(absl::string_view text);
// True for nothing but blanks and comments.
bool IsBlank(absl::string_view text);
// The word before the cursor that a completion would replace, as an offset into `line`.
size_t WordStart(absl::string_view line);

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_SCRIPT_H_
