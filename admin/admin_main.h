// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_ADMIN_MAIN_H_
#define ISOCHRON_ADMIN_ADMIN_MAIN_H_

// `isochron admin`: the operator's commands. Each is a row of the table in admin_main.cc.

#include <string>
#include <vector>

namespace isochron::admin {

// Returns the process's exit status: 0 good, 1 a finding or a failure, 2 usage.
int RunAdmin(const std::vector<std::string>& args);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_ADMIN_MAIN_H_
