// SPDX-License-Identifier: Apache-2.0
//
// json and jsonb with text[]: paths, sets of keys, jsonb_set and jsonb_insert; to_json; casts.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/binder/functions.h"
#include "sql/binder/json_values.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/json.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;
using Kind = JsonValue::Kind;

// False if an element is NULL.
bool PathOf(const Datum& d, std::vector<std::string>* path) {
  for (const Datum& step : ArrayOfDatum(d).elements) {
    if (step.is_null()) return false;
    path->push_back(step.string_value());
  }
  return true;
}

absl::Status NullPath(size_t position) {
  return SqlError("22004", absl::StrCat("path element at position ", position, " is null"));
}

// `#>` and `#>>`.
template <JsonForm kForm, bool kText>
absl::Status GetPath(Ctx, const Datum* a, size_t, Datum* out) {
  std::vector<std::string> path;
  *out = Datum::Null();
  if (!PathOf(a[1], &path)) return absl::OkStatus();
  ISO_ASSIGN_OR_RETURN(const JsonValue v, ParseJson(a[0].string_value(), kForm));
  JsonPiece(kForm, kText, JsonAtPath(v, path), out);
  return absl::OkStatus();
}

template <bool kAll>
absl::Status HasKeys(Ctx, const Datum* a, size_t, Datum* out) {
  const JsonValue v = ParseJsonb(a[0].string_value());
  bool has = kAll;
  for (const Datum& key : ArrayOfDatum(a[1]).elements) {
    if (key.is_null()) continue;
    if (JsonHasKey(v, key.string_value()) != kAll) has = !kAll;
  }
  *out = Datum::Bool(has);
  return absl::OkStatus();
}

absl::Status DeleteKeys(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v = ParseJsonb(a[0].string_value());
  if (v.is_scalar()) return SqlError(sqlstate::kInvalidParameter, "cannot delete from scalar");
  for (const Datum& key : ArrayOfDatum(a[1]).elements) {
    if (!key.is_null()) ISO_RETURN_IF_ERROR(JsonDeleteKey(key.string_value(), &v));
  }
  return JsonbResult(v, out);
}

enum class Change : uint8_t { kSet, kSetExisting, kInsertBefore, kInsertAfter, kDelete };

absl::Status IndexOf(const std::vector<std::string>& path, size_t at, int64_t* index) {
  int32_t v = 0;
  if (!absl::SimpleAtoi(path[at], &v)) {
    return SqlError(sqlstate::kInvalidText, absl::StrCat("path element at position ", at + 1,
                                                         " is not an integer: \"", path[at], "\""));
  }
  *index = v;
  return absl::OkStatus();
}

absl::Status ChangeAt(const std::vector<std::string>& path, size_t at, Change change,
                      const JsonValue& value, JsonValue* v);

absl::Status ChangeObject(const std::vector<std::string>& path, size_t at, Change change,
                          const JsonValue& value, JsonValue* v) {
  const bool last = at + 1 == path.size();
  const auto found = std::find(v->keys.begin(), v->keys.end(), path[at]);
  const auto i = static_cast<size_t>(found - v->keys.begin());
  if (found != v->keys.end()) {
    if (!last) return ChangeAt(path, at + 1, change, value, &v->items[i]);
    if (change == Change::kInsertBefore || change == Change::kInsertAfter) {
      return SqlError(sqlstate::kInvalidParameter, "cannot replace existing key", -1,
                      "Try using the function jsonb_set to replace key value.");
    }
    if (change == Change::kDelete) {
      v->keys.erase(found);
      v->items.erase(v->items.begin() + static_cast<int64_t>(i));
    } else {
      v->items[i] = value;
    }
    return absl::OkStatus();
  }
  if (!last || change == Change::kSetExisting || change == Change::kDelete) {
    return absl::OkStatus();
  }
  v->keys.push_back(path[at]);
  v->items.push_back(value);
  SortJsonObject(v);
  return absl::OkStatus();
}

absl::Status ChangeArray(const std::vector<std::string>& path, size_t at, Change change,
                         const JsonValue& value, JsonValue* v) {
  int64_t index = 0;
  ISO_RETURN_IF_ERROR(IndexOf(path, at, &index));
  const int64_t size = static_cast<int64_t>(v->items.size());
  const bool last = at + 1 == path.size();
  const int64_t place = index < 0 ? index + size : index;
  if (place >= 0 && place < size) {
    const auto item = v->items.begin() + place;
    if (!last) return ChangeAt(path, at + 1, change, value, &*item);
    if (change == Change::kDelete) {
      v->items.erase(item);
    } else if (change == Change::kInsertBefore) {
      v->items.insert(item, value);
    } else if (change == Change::kInsertAfter) {
      v->items.insert(item + 1, value);
    } else {
      *item = value;
    }
    return absl::OkStatus();
  }
  // Beyond an end: the new item goes to that end.
  if (!last || change == Change::kSetExisting || change == Change::kDelete) {
    return absl::OkStatus();
  }
  v->items.insert(place < 0 ? v->items.begin() : v->items.end(), value);
  return absl::OkStatus();
}

// Recursion goes no deeper than the value lies in itself.
absl::Status ChangeAt(const std::vector<std::string>& path, size_t at, Change change,
                      const JsonValue& value, JsonValue* v) {
  switch (v->kind) {
    case Kind::kObject:
      return ChangeObject(path, at, change, value, v);
    case Kind::kArray:
      return ChangeArray(path, at, change, value, v);
    default:
      return absl::OkStatus();
  }
}

absl::Status ChangeJson(const Datum& target, const Datum& at, Change change, const Datum* value,
                        Datum* out) {
  JsonValue v = ParseJsonb(target.string_value());
  if (v.is_scalar()) {
    return SqlError(sqlstate::kInvalidParameter, change == Change::kDelete
                                                     ? "cannot delete path in scalar"
                                                     : "cannot set path in scalar");
  }
  std::vector<std::string> path;
  if (!PathOf(at, &path)) return NullPath(path.size() + 1);
  if (path.empty()) {
    *out = target;
    return absl::OkStatus();
  }
  const JsonValue with = value == nullptr ? JsonValue() : ParseJsonb(value->string_value());
  ISO_RETURN_IF_ERROR(ChangeAt(path, 0, change, with, &v));
  return JsonbResult(v, out);
}

absl::Status DeletePath(Ctx, const Datum* a, size_t, Datum* out) {
  return ChangeJson(a[0], a[1], Change::kDelete, nullptr, out);
}
absl::Status Set(Ctx, const Datum* a, size_t n, Datum* out) {
  const bool create = n < 4 || a[3].bool_value();
  return ChangeJson(a[0], a[1], create ? Change::kSet : Change::kSetExisting, &a[2], out);
}
absl::Status Insert(Ctx, const Datum* a, size_t n, Datum* out) {
  const bool after = n > 3 && a[3].bool_value();
  return ChangeJson(a[0], a[1], after ? Change::kInsertAfter : Change::kInsertBefore, &a[2], out);
}

template <Type kType>
absl::Status ToJson(Ctx ctx, const Datum* a, size_t, Datum* out) {
  std::string text;
  ISO_RETURN_IF_ERROR(AppendJsonOf(kType, a[0], ctx.time, &text));
  *out = Datum::String(std::move(text));
  return absl::OkStatus();
}
template <Type kType>
absl::Status ToJsonb(Ctx ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(*out, JsonbOf(kType, a[0], ctx.time));
  return absl::OkStatus();
}

template <Type... kTypes>
void AddConversions(std::vector<Function>* out) {
  (out->push_back({"to_json", {kTypes}, Type::kJson, ToJson<kTypes>}), ...);
  (out->push_back({"to_json", {ArrayOf(kTypes)}, Type::kJson, ToJson<ArrayOf(kTypes)>}), ...);
  (out->push_back({"to_jsonb", {kTypes}, Type::kJsonb, ToJsonb<kTypes>}), ...);
  (out->push_back({"to_jsonb", {ArrayOf(kTypes)}, Type::kJsonb, ToJsonb<ArrayOf(kTypes)>}), ...);
}

// A jsonb scalar as a number or a boolean.
template <Type kTo>
absl::Status FromJsonb(const Datum& in, Datum* out) {
  const JsonValue v = ParseJsonb(in.string_value());
  const bool fits = kTo == Type::kBool ? v.kind == Kind::kBool : v.kind == Kind::kNumber;
  if (!fits) {
    static constexpr const char* kNames[] = {"null",   "boolean",         "numeric",
                                             "string", "array or object", "array or object"};
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("cannot cast jsonb ", kNames[static_cast<size_t>(v.kind)],
                                 " to type ", TypeName(kTo)));
  }
  if (kTo == Type::kBool) {
    *out = Datum::Bool(v.boolean);
    return absl::OkStatus();
  }
  ISO_ASSIGN_OR_RETURN(Datum number, DatumFromText(Type::kNumeric, v.text));
  return CastDatum(Type::kNumeric, kTo, number, out);
}

absl::Status JsonToJsonb(const Datum& in, Datum* out) {
  ISO_ASSIGN_OR_RETURN(*out, DatumFromText(Type::kJsonb, in.string_value()));
  return absl::OkStatus();
}
absl::Status JsonbToJson(const Datum& in, Datum* out) {
  *out = Datum::String(in.string_value());
  return absl::OkStatus();
}

}  // namespace

namespace function_groups {

void AddJsonPaths(std::vector<Function>* out) {
  constexpr Type kX = Type::kText, kB = Type::kBool, kJ = Type::kJson, kJb = Type::kJsonb,
                 kXs = ArrayOf(Type::kText);
  const std::vector<Function> functions = {
      {"#>", {kJ, kXs}, kJ, GetPath<JsonForm::kJson, false>},
      {"#>>", {kJ, kXs}, kX, GetPath<JsonForm::kJson, true>},
      {"#>", {kJb, kXs}, kJb, GetPath<JsonForm::kJsonb, false>},
      {"#>>", {kJb, kXs}, kX, GetPath<JsonForm::kJsonb, true>},
      {"?|", {kJb, kXs}, kB, HasKeys<false>},
      {"?&", {kJb, kXs}, kB, HasKeys<true>},
      {"-", {kJb, kXs}, kJb, DeleteKeys},
      {"#-", {kJb, kXs}, kJb, DeletePath},
      {"jsonb_set", {kJb, kXs, kJb}, kJb, Set},
      {"jsonb_set", {kJb, kXs, kJb, kB}, kJb, Set},
      {"jsonb_insert", {kJb, kXs, kJb}, kJb, Insert},
      {"jsonb_insert", {kJb, kXs, kJb, kB}, kJb, Insert},
  };
  out->insert(out->end(), functions.begin(), functions.end());
  AddConversions<Type::kBool, Type::kInt2, Type::kInt4, Type::kInt8, Type::kFloat4, Type::kFloat8,
                 Type::kNumeric, Type::kText, Type::kVarchar, Type::kBpchar, Type::kBytea,
                 Type::kDate, Type::kTime, Type::kTimestamp, Type::kTimestamptz, Type::kInterval,
                 Type::kUuid, Type::kJson, Type::kJsonb, Type::kName>(out);
}

}  // namespace function_groups

namespace cast_groups {

void AddJson(std::vector<Cast>* out) {
  constexpr CastContext kA = CastContext::kAssignment, kE = CastContext::kExplicit;
  constexpr Type kJ = Type::kJson, kJb = Type::kJsonb;
  const std::vector<Cast> casts = {
      {kJ, kJb, kA, JsonToJsonb},
      {kJb, kJ, kA, JsonbToJson},
      {kJb, Type::kBool, kE, FromJsonb<Type::kBool>},
      {kJb, Type::kInt2, kE, FromJsonb<Type::kInt2>},
      {kJb, Type::kInt4, kE, FromJsonb<Type::kInt4>},
      {kJb, Type::kInt8, kE, FromJsonb<Type::kInt8>},
      {kJb, Type::kFloat4, kE, FromJsonb<Type::kFloat4>},
      {kJb, Type::kFloat8, kE, FromJsonb<Type::kFloat8>},
      {kJb, Type::kNumeric, kE, FromJsonb<Type::kNumeric>},
  };
  out->insert(out->end(), casts.begin(), casts.end());
}

}  // namespace cast_groups

}  // namespace isochron::sql
