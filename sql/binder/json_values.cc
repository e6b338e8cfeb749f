// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/json_values.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/status_macros.h"
#include "sql/types/array.h"
#include "sql/types/datetime_text.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Kind = JsonValue::Kind;

// From the array's reader, one dimension within the other.
absl::Status AppendArray(Type element, ArrayReader* in, size_t dimension, const TimeContext& time,
                         std::string* out) {
  out->push_back('[');
  for (int32_t i = 0; i < in->dims()[dimension].length; ++i) {
    if (i > 0) out->push_back(',');
    if (dimension + 1 < in->dims().size()) {
      ISO_RETURN_IF_ERROR(AppendArray(element, in, dimension + 1, time, out));
      continue;
    }
    Datum d;
    if (!in->Next(&d)) break;
    ISO_RETURN_IF_ERROR(AppendJsonOf(element, d, time, out));
  }
  out->push_back(']');
  return absl::OkStatus();
}

}  // namespace

absl::Status AppendJsonOf(Type type, const Datum& d, const TimeContext& time, std::string* out) {
  if (d.is_null()) {
    *out += "null";
    return absl::OkStatus();
  }
  if (IsArrayType(type)) {
    ArrayReader in(d.string_value());
    if (in.dims().empty()) {
      *out += "[]";
      return absl::OkStatus();
    }
    return AppendArray(ArrayElement(type), &in, 0, time, out);
  }
  switch (type) {
    case Type::kBool:
      *out += d.bool_value() ? "true" : "false";
      return absl::OkStatus();
    case Type::kJson:
    case Type::kJsonb:
      *out += d.string_value();
      return absl::OkStatus();
    case Type::kTimestamp:
      AppendJsonString(FormatTimestamp(d.int_value(), 'T'), out);
      return absl::OkStatus();
    case Type::kTimestamptz:
      AppendJsonString(FormatTimestamptz(d.int_value(), time.zone, 'T'), out);
      return absl::OkStatus();
    default:
      break;
  }
  const std::string text = DatumToText(type, d, time);
  // NaN and the infinities are no numbers of JSON.
  const bool number = IsNumeric(type) && text.find_first_of("Nn") == std::string::npos;
  if (number) {
    *out += text;
  } else {
    AppendJsonString(text, out);
  }
  return absl::OkStatus();
}

absl::StatusOr<Datum> JsonbOf(Type type, const Datum& d, const TimeContext& time) {
  std::string text;
  ISO_RETURN_IF_ERROR(AppendJsonOf(type, d, time, &text));
  ISO_ASSIGN_OR_RETURN(const JsonValue v, ParseJson(text, JsonForm::kJsonb));
  return JsonbDatum(JsonbText(v));
}

Datum JsonbDatum(std::string text) { return Datum::Encoded(Datum::Shape::kJsonb, std::move(text)); }

absl::Status JsonbResult(const JsonValue& v, Datum* out) {
  *out = JsonbDatum(JsonbText(v));
  return absl::OkStatus();
}

void JsonPiece(JsonForm form, bool as_text, const JsonValue* found, Datum* out) {
  *out = Datum::Null();
  if (found == nullptr || (as_text && found->kind == Kind::kNull)) return;
  if (as_text) {
    *out = Datum::String(found->kind == Kind::kString ? found->text
                         : form == JsonForm::kJson    ? std::string(found->source)
                                                      : JsonbText(*found));
  } else if (form == JsonForm::kJson) {
    *out = Datum::String(std::string(found->source));
  } else {
    *out = JsonbDatum(JsonbText(*found));
  }
}

const JsonValue* JsonAtPath(const JsonValue& v, const std::vector<std::string>& path) {
  const JsonValue* at = &v;
  for (const std::string& step : path) {
    if (at->kind == Kind::kObject) {
      at = at->Find(step);
    } else {
      int32_t index = 0;
      at = absl::SimpleAtoi(step, &index) ? at->At(index) : nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

bool JsonHasKey(const JsonValue& v, absl::string_view key) {
  if (v.kind == Kind::kObject) return v.Find(key) != nullptr;
  const auto is_key = [key](const JsonValue& item) {
    return item.kind == Kind::kString && item.text == key;
  };
  return v.kind == Kind::kArray ? std::any_of(v.items.begin(), v.items.end(), is_key) : is_key(v);
}

absl::Status JsonDeleteKey(absl::string_view key, JsonValue* v) {
  if (v->is_scalar()) return SqlError(sqlstate::kInvalidParameter, "cannot delete from scalar");
  for (size_t i = v->items.size(); i-- > 0;) {
    const bool gone = v->kind == Kind::kObject
                          ? v->keys[i] == key
                          : v->items[i].kind == Kind::kString && v->items[i].text == key;
    if (!gone) continue;
    v->items.erase(v->items.begin() + static_cast<int64_t>(i));
    if (v->kind == Kind::kObject) v->keys.erase(v->keys.begin() + static_cast<int64_t>(i));
  }
  return absl::OkStatus();
}

}  // namespace isochron::sql
