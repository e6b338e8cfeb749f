// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_NEAREST_H_
#define ISOCHRON_COMMON_NEAREST_H_

// For messages about an unknown word: the known one that was probably meant.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace isochron {

// The candidate of the smallest edit distance to `word`, the first of equals; empty when none is
// near enough to be more than a guess.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace isochron

#endif  // ISOCHRON_COMMON_NEAREST_H_
