// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_JSON_VALUES_H_
#define ISOCHRON_SQL_BINDER_JSON_VALUES_H_

// SQL values to JSON and back, and what the functions over JSON share. Pure.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"
#include "sql/types/json.h"

namespace isochron::sql {

// to_json: numbers and booleans as themselves, times in ISO 8601, arrays as arrays, json inside as
// it is, all else as a string of its text. As text of JSON.
absl::Status AppendJsonOf(Type type, const Datum& d, const TimeContext& time, std::string* out);
// The same as a jsonb.
absl::StatusOr<Datum> JsonbOf(Type type, const Datum& d, const TimeContext& time);

Datum JsonbDatum(std::string text);
absl::Status JsonbResult(const JsonValue& v, Datum* out);

// What an operator that looks inside found: NULL for nothing; as text a string without quotes, and
// NULL for JSON's null.
void JsonPiece(JsonForm form, bool as_text, const JsonValue* found, Datum* out);
// Keys of objects, indexes of arrays. Null if there is nothing.
const JsonValue* JsonAtPath(const JsonValue& v, const std::vector<std::string>& path);
// Whether a key of the object, or a string of the array, or the string itself.
bool JsonHasKey(const JsonValue& v, absl::string_view key);
// Takes a key, or a string of an array, away. 22023 for a scalar.
absl::Status JsonDeleteKey(absl::string_view key, JsonValue* v);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_JSON_VALUES_H_
