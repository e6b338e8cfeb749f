// SPDX-License-Identifier: Apache-2.0
//
// Values as text: the input form of each SQL type, times, durations, causal tokens, quoting.
#include "common/causal_token.h"
#include "common/check.h"
#include "sql/types/datum.h"
#include "sql/types/time_text.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

using sql::Type;

// What is read, written and read again is the same value.
void CheckDatum(Type type, absl::string_view text) {
  auto d = sql::DatumFromText(type, text);
  if (!d.ok()) return;
  const std::string written = sql::DatumToText(type, *d);
  auto again = sql::DatumFromText(type, written);
  ISO_CHECK(again.ok() && *again == *d, "a value is read as it was written");
  (void)sql::DatumToSql(type, *d);
}

void CheckTimes(absl::string_view text) {
  if (auto us = sql::ParseTimestamp(text); us.ok()) {
    ISO_CHECK(*us >= sql::kMinTimestampUs && *us <= sql::kMaxTimestampUs, "years 1 to 9999");
    auto again = sql::ParseTimestamp(sql::FormatRfc3339(*us));
    ISO_CHECK(again.ok() && *again == *us, "RFC 3339 there and back");
    ISO_CHECK(sql::FromCivil(sql::ToCivil(*us)) == *us, "the calendar there and back");
  }
  if (auto us = sql::ParseDuration(text, 1000); us.ok()) {
    ISO_CHECK(*us >= 0, "durations are not negative");
  }
  if (auto t = DecodeCausalToken(text); t.ok()) {
    ISO_CHECK(*DecodeCausalToken(EncodeCausalToken(*t)) == *t, "a token there and back");
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* text :
       {"-9223372036854775808", "32767", "1e308", "-Infinity", "nan", "0.1", "yes", "\\x00ff",
        "\\000a\\\\", "2024-02-29 23:59:59.999999+05:30", "2024-01-02T03:04:05Z", "0001-01-01",
        "9999-12-31 23:59:60", "1.5 s", "100ms", "2 min", "250", "1h", "'quo\"ted\\'"}) {
    for (char type = 0; type < 10; type = static_cast<char>(type + 3)) {
      seeds.push_back(std::string(1, type) + text);
    }
  }
  seeds.push_back("\x09" + EncodeCausalToken(Timestamp(1'700'000'000'000'000)));
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron;
  fuzz::Input in(data, size);
  const uint8_t type = in.Byte() % 10;
  const absl::string_view text = in.Rest();
  if (type == 9) {
    fuzz::CheckTimes(text);
    (void)sql::TypeFromName(text);
    (void)sql::QuoteIdentifier(text);
    (void)sql::QuoteLiteral(text);
  } else {
    fuzz::CheckDatum(static_cast<sql::Type>(type), text);
  }
  return 0;
}
