// SPDX-License-Identifier: Apache-2.0
#include "sql/types/scram_verifier.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"

namespace isochron::sql {
namespace {

constexpr int kMaxIterations = 10'000'000;
static_assert(kScramKeyBytes == SHA256_DIGEST_LENGTH);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string ScramHmac(absl::string_view key, absl::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ISO_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(text), text.size(),
                 out, &size) != nullptr,
            "HMAC-SHA-256 is there");
  return {reinterpret_cast<char*>(out), size};
}

std::string ScramHash(absl::string_view text) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  SHA256(Bytes(text), text.size(), out);
  return {reinterpret_cast<char*>(out), sizeof(out)};
}

absl::StatusOr<ScramVerifier> ParseVerifier(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      "has no verifier of the form SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY");
  const std::vector<std::string> parts = absl::StrSplit(text, '$');
  if (parts.size() != 3 || parts[0] != kScramMechanism) return bad;
  const std::vector<std::string> how = absl::StrSplit(parts[1], ':');
  const std::vector<std::string> keys = absl::StrSplit(parts[2], ':');
  ScramVerifier out;
  if (how.size() != 2 || keys.size() != 2 || !absl::SimpleAtoi(how[0], &out.iterations) ||
      out.iterations < 1 || out.iterations > kMaxIterations ||
      !absl::Base64Unescape(how[1], &out.salt) || out.salt.empty() ||
      !absl::Base64Unescape(keys[0], &out.stored_key) || out.stored_key.size() != kScramKeyBytes ||
      !absl::Base64Unescape(keys[1], &out.server_key) || out.server_key.size() != kScramKeyBytes) {
    return bad;
  }
  return out;
}

absl::StatusOr<std::string> MakeVerifier(absl::string_view password, absl::string_view salt,
                                         int iterations) {
  const bool plain =
      std::all_of(password.begin(), password.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (password.empty() || !plain) {
    return absl::InvalidArgumentError(
        "a password has at least one character, all of printable ASCII");
  }
  unsigned char salted[kScramKeyBytes];
  ISO_CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), Bytes(salt),
                              static_cast<int>(salt.size()), iterations, EVP_sha256(),
                              sizeof(salted), salted) == 1,
            "PBKDF2 is there");
  const absl::string_view key(reinterpret_cast<char*>(salted), sizeof(salted));
  return absl::StrCat(kScramMechanism, "$", iterations, ":", absl::Base64Escape(salt), "$",
                      absl::Base64Escape(ScramHash(ScramHmac(key, "Client Key"))), ":",
                      absl::Base64Escape(ScramHmac(key, "Server Key")));
}

}  // namespace isochron::sql
