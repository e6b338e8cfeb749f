// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TESTS_FUZZ_MUTATE_H_
#define ISOCHRON_TESTS_FUZZ_MUTATE_H_

// Small, repeatable changes to an input, such as libFuzzer makes without looking at coverage. One
// seed always gives the same changes.

#include <string>
#include <vector>

#include "common/random.h"

namespace isochron::fuzz {

// One to four changes to `input`; some take pieces of the `others`. At most `max_bytes` long.
std::string Mutate(const std::string& input, const std::vector<std::string>& others,
                   size_t max_bytes, Random* random);

}  // namespace isochron::fuzz

#endif  // ISOCHRON_TESTS_FUZZ_MUTATE_H_
