// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_SQL_MAIN_H_
#define ISOCHRON_SHELL_SQL_MAIN_H_

// The command `isochron sql`: statements from -e, from a file, from standard input, or typed at a
// terminal.

#include <string>
#include <vector>

namespace isochron::shell {

// Exit status: 0 all statements succeeded, 1 one failed (what follows it is not run), 2 usage.
int RunSql(const std::vector<std::string>& args);

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_SQL_MAIN_H_
