// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_JSON_H_
#define ISOCHRON_SQL_TYPES_JSON_H_

// json and jsonb.
//
// A json value is its text as it came, once it was seen to be JSON. A jsonb value is held as
// PostgreSQL prints it: the keys of an object by length and then by bytes, of several equal keys
// the last, numbers as exact decimals, one blank behind ',' and ':'. So what is stored is what is
// shown; whoever looks inside parses it. Nesting goes 1000 deep (54001), numbers as far as
// PostgreSQL's numeric (22003). Pure.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

inline constexpr int kMaxJsonDepth = 1000;

struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;              // of a string, without escapes; of a number, as an exact decimal
  absl::string_view source;      // where it stands in the parsed text
  std::vector<JsonValue> items;  // of an array; of an object, in the order of `keys`
  std::vector<std::string> keys;

  bool is_scalar() const { return kind < Kind::kArray; }
  // Of an object: null if there is no such key. Of several the last.
  const JsonValue* Find(absl::string_view key) const;
  // Of an array, counted from the end below 0; null beyond.
  const JsonValue* At(int64_t index) const;
};

enum class JsonForm : uint8_t { kJson, kJsonb };

// 22P02 with what is wrong as detail, 22P05 for \u0000 in jsonb, 22003, 54001. For jsonb objects
// are sorted and rid of repeated keys. `source`s point into `text`, which must outlive them.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text, JsonForm form);
// The same without keeping the values.
absl::Status CheckJson(absl::string_view text);
// Of a stored jsonb; JSON's null for what is none.
JsonValue ParseJsonb(absl::string_view text);

// As jsonb is printed. Precondition: sorted, as ParseJson gives it.
std::string JsonbText(const JsonValue& v);
std::string JsonbPretty(const JsonValue& v);
// json without blanks between its tokens.
std::string JsonCompact(const JsonValue& v);
// In quotes, with escapes.
void AppendJsonString(absl::string_view text, std::string* out);
// Sorts an object's keys, keeping of equal ones the last.
void SortJsonObject(JsonValue* v);

// As PostgreSQL orders jsonb; equal numbers are equal whatever their digits behind the point.
int CompareJson(const JsonValue& a, const JsonValue& b);
int CompareJsonbTexts(absl::string_view a, absl::string_view b);
// One text for equal values.
std::string JsonbGroupKey(absl::string_view text);

// Whether a holds b: scalars equal, each item of an array, each pair of an object somewhere in a.
bool JsonContains(const JsonValue& a, const JsonValue& b);

// `number` and `b` are decimals as ParseJson gives them.
int CompareDecimals(absl::string_view a, absl::string_view b);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_JSON_H_
