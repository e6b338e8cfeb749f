// SPDX-License-Identifier: Apache-2.0
#include "server/main/pg_users.h"

#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/runtime/system.h"

namespace isochron::server {
namespace {

constexpr size_t kSecretBytes = 32;

}  // namespace

absl::StatusOr<std::shared_ptr<const pgwire::Users>> LoadPgUsers(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || file.bad()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file of users, ", path, ", cannot be read"));
  }
  auto users = pgwire::Users::Parse(text.str(), runtime::SystemRandomBytes(kSecretBytes));
  if (!users.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file of users, ", path, ": ", users.status().message()));
  }
  return std::make_shared<const pgwire::Users>(*std::move(users));
}

int RunPgUser(const std::string& name, std::istream& in, std::ostream& out, std::ostream& errors) {
  std::string password;
  std::getline(in, password);
  const auto verifier = pgwire::MakeVerifier(
      password, runtime::SystemRandomBytes(pgwire::kScramSaltBytes), pgwire::kScramIterations);
  if (!verifier.ok()) {
    errors << "isochron config pg-user: " << verifier.status().message()
           << "; it is read as one line of standard input\n";
    return 2;
  }
  out << "\"" << absl::StrReplaceAll(name, {{"\"", "\"\""}}) << "\" \"" << *verifier << "\"\n";
  return 0;
}

}  // namespace isochron::server
