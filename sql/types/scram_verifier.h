// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_SCRAM_VERIFIER_H_
#define ISOCHRON_SQL_TYPES_SCRAM_VERIFIER_H_

// What is kept of a password: it proves that a client has it (RFC 5802, RFC 7677), and does not
// give it back.
//
//   SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY      as PostgreSQL's pg_authid has it
//
// Pure but for OpenSSL's digests.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

inline constexpr char kScramMechanism[] = "SCRAM-SHA-256";
inline constexpr int kScramIterations = 4096;
inline constexpr size_t kScramSaltBytes = 16;
inline constexpr size_t kScramKeyBytes = 32;  // of SHA-256

struct ScramVerifier {
  int iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

absl::StatusOr<ScramVerifier> ParseVerifier(absl::string_view text);
// INVALID_ARGUMENT for an empty password, and one that clients may spell in several ways.
absl::StatusOr<std::string> MakeVerifier(absl::string_view password, absl::string_view salt,
                                         int iterations);

// HMAC-SHA-256 and SHA-256, kScramKeyBytes each.
std::string ScramHmac(absl::string_view key, absl::string_view text);
std::string ScramHash(absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_SCRAM_VERIFIER_H_
