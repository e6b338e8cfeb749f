// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_CAUSAL_TOKEN_H_
#define ISOCHRON_COMMON_CAUSAL_TOKEN_H_

// A causal token names all that a session has seen: it can be carried to another session, whose
// reads at the nearest replica then look no earlier. Opaque to its bearer; inside, the greatest
// timestamp seen, with a check digit pair against mistyping.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron {

std::string EncodeCausalToken(Timestamp t);
// INVALID_ARGUMENT for what EncodeCausalToken did not make.
absl::StatusOr<Timestamp> DecodeCausalToken(absl::string_view token);

}  // namespace isochron

#endif  // ISOCHRON_COMMON_CAUSAL_TOKEN_H_
