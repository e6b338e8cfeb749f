// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_COMMAND_SUMMARY_H_
#define ISOCHRON_ADMIN_COMMAND_SUMMARY_H_

// A replicated command in a few words.

#include <string>

#include "absl/strings/string_view.h"

namespace isochron::admin {

// `payload` is a peer::Command. "not a command" when it cannot be read.
std::string SummarizeCommand(absl::string_view payload);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_COMMAND_SUMMARY_H_
