// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_PG_USERS_H_
#define ISOCHRON_SERVER_MAIN_PG_USERS_H_

// The file of users of the PostgreSQL door (--pg-users), and the command that makes a line of it
// (server/pgwire/scram.h).

#include <iosfwd>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/pgwire/scram.h"

namespace isochron::server {

// INVALID_ARGUMENT names the file and the line.
absl::StatusOr<std::shared_ptr<const pgwire::Users>> LoadPgUsers(const std::string& path);

// The command `isochron config pg-user NAME`: a password's line in, the file's line out. Exit
// status 2 when there is no password.
int RunPgUser(const std::string& name, std::istream& in, std::ostream& out, std::ostream& errors);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_PG_USERS_H_
