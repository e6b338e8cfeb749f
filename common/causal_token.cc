// SPDX-License-Identifier: Apache-2.0
#include "common/causal_token.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace isochron {
namespace {

constexpr char kVersion = 'c';
constexpr size_t kBytes = 1 + 16 + 2;

unsigned CheckOf(uint64_t v) {
  unsigned sum = 17;
  for (; v != 0; v >>= 8) sum = sum * 31 + static_cast<unsigned>(v & 0xff);
  return sum & 0xff;
}

}  // namespace

std::string EncodeCausalToken(Timestamp t) {
  const auto v = static_cast<uint64_t>(t.us);
  return absl::StrFormat("%c%016x%02x", kVersion, v, CheckOf(v));
}

absl::StatusOr<Timestamp> DecodeCausalToken(absl::string_view token) {
  uint64_t v = 0, check = 0;
  const bool good = token.size() == kBytes && token[0] == kVersion &&
                    absl::SimpleHexAtoi(token.substr(1, 16), &v) &&
                    absl::SimpleHexAtoi(token.substr(17), &check) && check == CheckOf(v) &&
                    v <= static_cast<uint64_t>(Timestamp::Max().us);
  if (!good) {
    return absl::InvalidArgumentError(
        "not a causal token: give what SHOW spanner.causal_token or the client library returned");
  }
  return Timestamp(static_cast<int64_t>(v));
}

}  // namespace isochron
