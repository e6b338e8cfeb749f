// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_VERSION_H_
#define ISOCHRON_SERVER_MAIN_VERSION_H_

// The command `isochron version [--json]`.

#include <string>
#include <vector>

namespace isochron::server {

inline constexpr char kVersion[] = "0.1.0";

int RunVersion(const std::vector<std::string>& args);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_VERSION_H_
