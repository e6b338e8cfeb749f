// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_SCRAM_H_
#define ISOCHRON_SERVER_PGWIRE_SCRAM_H_

// Passwords by SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's part. The server keeps no password,
// only what proves that a client has it:
//
//   SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY      as PostgreSQL's pg_authid has it
//
// A user that does not exist is answered like one with another password, with a salt that stays the
// same for its name. Over TLS the exchange can be bound to the channel (SCRAM-SHA-256-PLUS with
// tls-server-end-point, RFC 5929): who stands between the two with another certificate is found
// out.
//
// Pure but for OpenSSL's digests; random bytes come from the caller. No threads.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/scram_verifier.h"

namespace isochron::pgwire {

using sql::kScramIterations;
using sql::kScramMechanism;
using sql::kScramSaltBytes;
using sql::MakeVerifier;
using sql::ParseVerifier;
using sql::ScramVerifier;

inline constexpr char kScramPlusMechanism[] = "SCRAM-SHA-256-PLUS";
inline constexpr char kWrongPassword[] = "28P01";
inline constexpr size_t kScramNonceBytes = 18;

// Who may come in, with the file's lines as pgbouncer has them: "name" "verifier".
class Users {
 public:
  // INVALID_ARGUMENT names the line. `secret`: random bytes, for the names that are not there.
  static absl::StatusOr<Users> Parse(absl::string_view text, std::string secret);
  // Of a name that is not there: one that no password fits.
  ScramVerifier Find(const std::string& name) const;
  bool Has(const std::string& name) const { return users_.contains(name); }
  size_t size() const { return users_.size(); }

 private:
  std::string secret_;
  std::map<std::string, ScramVerifier> users_;
};

// One client's exchange: First, then Final, once each.
class ScramExchange {
 public:
  // `end_point`: of the server's certificate; empty where there is no TLS.
  ScramExchange(ScramVerifier verifier, std::string nonce_bytes, std::string end_point = "");

  // What the client may choose from.
  std::vector<std::string> mechanisms() const;

  // First, of a SASLInitialResponse's body: the mechanism, a length, the message.
  absl::StatusOr<std::string> Begin(absl::string_view body);
  // Takes the client's first message, returns the server's. 08P01.
  absl::StatusOr<std::string> First(absl::string_view message);
  // The same with the last ones. 28P01 for a wrong password, 08P01.
  absl::StatusOr<std::string> Final(absl::string_view message);

 private:
  const ScramVerifier verifier_;
  const std::string nonce_;  // this server's part
  const std::string end_point_;
  bool plus_ = false;    // the mechanism that the client chose
  std::string binding_;  // what the client's last message repeats, base64
  std::string client_first_;
  std::string server_first_;
  std::string whole_nonce_;
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_SCRAM_H_
