// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/scram.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr size_t kMaxUsers = 10'000;
constexpr size_t kMaxFileBytes = 4 << 20;

bool SameBytes(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::Status Malformed(absl::string_view what) {
  return sql::SqlError(kProtocolViolation, absl::StrCat("malformed SCRAM message: ", what));
}

// Takes "x=VALUE" up to a comma, which is taken too.
absl::StatusOr<std::string> Take(char attribute, absl::string_view* rest) {
  const size_t end = std::min(rest->find(','), rest->size());
  const absl::string_view field = rest->substr(0, end);
  if (field.size() < 2 || field[0] != attribute || field[1] != '=') {
    return Malformed(absl::StrCat("attribute \"", std::string(1, attribute), "\" is expected"));
  }
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return std::string(field.substr(2));
}

// Printable, without commas.
bool IsNonce(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

// A quoted word with its blanks; "" inside is a quote.
absl::StatusOr<std::string> TakeWord(absl::string_view* line) {
  *line = absl::StripLeadingAsciiWhitespace(*line);
  const absl::Status bad = absl::InvalidArgumentError("is not of the form \"name\" \"verifier\"");
  if (!absl::ConsumePrefix(line, "\"")) return bad;
  std::string out;
  for (;;) {
    const size_t end = line->find('"');
    if (end == absl::string_view::npos) return bad;
    out.append(line->substr(0, end).data(), end);
    line->remove_prefix(end + 1);
    if (!absl::ConsumePrefix(line, "\"")) return out;
    out.push_back('"');
  }
}

}  // namespace

absl::StatusOr<Users> Users::Parse(absl::string_view text, std::string secret) {
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat("is longer than ", kMaxFileBytes, " bytes"));
  }
  Users out;
  out.secret_ = std::move(secret);
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const auto wrong = [number](absl::string_view why) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " ", why));
    };
    const auto name = TakeWord(&line);
    if (!name.ok()) return wrong(name.status().message());
    const auto verifier_text = TakeWord(&line);
    if (!verifier_text.ok()) return wrong(verifier_text.status().message());
    const auto verifier = ParseVerifier(*verifier_text);
    if (!verifier.ok()) return wrong(verifier.status().message());
    if (!line.empty()) return wrong("has more than a name and a verifier");
    if (name->empty() || !CheckText(*name).ok()) return wrong("names nobody");
    if (!out.users_.emplace(*name, *verifier).second) return wrong("names a user twice");
    if (out.users_.size() > kMaxUsers) return wrong(absl::StrCat("is more than ", kMaxUsers));
  }
  return out;
}

ScramVerifier Users::Find(const std::string& name) const {
  if (const auto it = users_.find(name); it != users_.end()) return it->second;
  ScramVerifier out;
  out.iterations = kScramIterations;
  out.salt = sql::ScramHmac(secret_, absl::StrCat("salt ", name)).substr(0, kScramSaltBytes);
  // A proof would have to be the inverse of a digest that nobody computed.
  out.stored_key = sql::ScramHmac(secret_, absl::StrCat("stored ", name));
  out.server_key = sql::ScramHmac(secret_, absl::StrCat("server ", name));
  return out;
}

ScramExchange::ScramExchange(ScramVerifier verifier, std::string nonce_bytes, std::string end_point)
    : verifier_(std::move(verifier)),
      nonce_(absl::Base64Escape(nonce_bytes)),
      end_point_(std::move(end_point)) {}

std::vector<std::string> ScramExchange::mechanisms() const {
  if (end_point_.empty()) return {kScramMechanism};
  return {kScramPlusMechanism, kScramMechanism};
}

absl::StatusOr<std::string> ScramExchange::Begin(absl::string_view body) {
  BodyReader in(body);
  const absl::string_view mechanism = in.CString();
  const absl::string_view message = in.Bytes(in.Int32());
  ISO_RETURN_IF_ERROR(in.Finish());
  const std::vector<std::string> offered = mechanisms();
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end()) {
    return Malformed("that mechanism was not offered");
  }
  plus_ = mechanism == kScramPlusMechanism;
  return First(message);
}

absl::StatusOr<std::string> ScramExchange::First(absl::string_view message) {
  // "n,," or "y,,", perhaps with a name to act for between the commas.
  const std::vector<absl::string_view> header = absl::StrSplit(message, absl::MaxSplits(',', 2));
  if (header.size() != 3) return Malformed("the header is not whole");
  if (plus_ && header[0] != "p=tls-server-end-point") {
    return Malformed("the channel is bound by tls-server-end-point");
  }
  if (!plus_ && header[0] != "n" && header[0] != "y") {
    return Malformed("this mechanism binds no channel");
  }
  // It could bind, and believes that we cannot: somebody has changed what we offered.
  if (header[0] == "y" && !end_point_.empty()) return Malformed("channel binding was offered");
  if (!header[1].empty()) return Malformed("nobody may act for another user");
  absl::string_view rest = header[2];
  binding_ = absl::Base64Escape(
      absl::StrCat(message.substr(0, message.size() - rest.size()), plus_ ? end_point_ : ""));
  client_first_ = std::string(rest);
  // The name in the startup packet counts, as with PostgreSQL.
  ISO_RETURN_IF_ERROR(Take('n', &rest).status());
  ISO_ASSIGN_OR_RETURN(const std::string client_nonce, Take('r', &rest));
  if (!IsNonce(client_nonce)) return Malformed("the nonce is not printable");
  whole_nonce_ = client_nonce + nonce_;
  server_first_ = absl::StrCat("r=", whole_nonce_, ",s=", absl::Base64Escape(verifier_.salt),
                               ",i=", verifier_.iterations);
  return server_first_;
}

absl::StatusOr<std::string> ScramExchange::Final(absl::string_view message) {
  absl::string_view rest = message;
  ISO_ASSIGN_OR_RETURN(const std::string binding, Take('c', &rest));
  ISO_ASSIGN_OR_RETURN(const std::string nonce, Take('r', &rest));
  // Extensions may stand between; the proof is last.
  const size_t proof_at = message.rfind(",p=");
  if (proof_at == absl::string_view::npos) return Malformed("there is no proof");
  std::string proof;
  if (!absl::Base64Unescape(message.substr(proof_at + 3), &proof) ||
      proof.size() != sql::kScramKeyBytes) {
    return Malformed("the proof is not of a digest's length");
  }
  if (binding != binding_) return Malformed("channel binding does not match");
  if (nonce != whole_nonce_) return Malformed("the nonce does not match");
  const std::string signed_text =
      absl::StrCat(client_first_, ",", server_first_, ",", message.substr(0, proof_at));
  const std::string signature = sql::ScramHmac(verifier_.stored_key, signed_text);
  std::string client_key = proof;
  for (size_t i = 0; i < sql::kScramKeyBytes; ++i) {
    client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
  }
  if (!SameBytes(sql::ScramHash(client_key), verifier_.stored_key)) {
    return sql::SqlError(kWrongPassword, "password authentication failed");
  }
  return absl::StrCat("v=", absl::Base64Escape(sql::ScramHmac(verifier_.server_key, signed_text)));
}

}  // namespace isochron::pgwire
