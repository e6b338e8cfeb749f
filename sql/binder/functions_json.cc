// SPDX-License-Identifier: Apache-2.0
//
// json and jsonb: looking inside, building, comparing.
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/binder/json_values.h"
#include "sql/types/error.h"
#include "sql/types/json.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;
using Kind = JsonValue::Kind;

absl::Status Parse(JsonForm form, const Datum& d, JsonValue* out) {
  ISO_ASSIGN_OR_RETURN(*out, ParseJson(d.string_value(), form));
  return absl::OkStatus();
}

absl::Status Bool(bool v, Datum* out) {
  *out = Datum::Bool(v);
  return absl::OkStatus();
}
absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}

#define ISO_COMPARE(NAME, OP)                                  \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) { \
    return Bool(CompareDatums(a[0], a[1]) OP 0, out);          \
  }
ISO_COMPARE(Eq, ==)
ISO_COMPARE(Ne, !=)
ISO_COMPARE(Lt, <)
ISO_COMPARE(Le, <=)
ISO_COMPARE(Gt, >)
ISO_COMPARE(Ge, >=)
#undef ISO_COMPARE

// `->` and `->>`.
template <JsonForm kForm, bool kText>
absl::Status GetKey(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v;
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  JsonPiece(kForm, kText, v.Find(a[1].string_value()), out);
  return absl::OkStatus();
}
template <JsonForm kForm, bool kText>
absl::Status GetIndex(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v;
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  // A jsonb scalar counts as an array of one.
  const int64_t at = a[1].int_value();
  const bool itself = kForm == JsonForm::kJsonb && v.is_scalar() && (at == 0 || at == -1);
  JsonPiece(kForm, kText, itself ? &v : v.At(at), out);
  return absl::OkStatus();
}
template <JsonForm kForm, bool kText>
absl::Status ExtractPath(Ctx, const Datum* a, size_t n, Datum* out) {
  JsonValue v;
  *out = Datum::Null();
  std::vector<std::string> path;
  for (size_t i = 0; i < n; ++i) {
    if (a[i].is_null()) return absl::OkStatus();
    if (i > 0) path.push_back(a[i].string_value());
  }
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  JsonPiece(kForm, kText, JsonAtPath(v, path), out);
  return absl::OkStatus();
}

absl::Status Contains(Ctx, const Datum* a, size_t, Datum* out) {
  return Bool(JsonContains(ParseJsonb(a[0].string_value()), ParseJsonb(a[1].string_value())), out);
}
absl::Status ContainedBy(Ctx, const Datum* a, size_t, Datum* out) {
  return Bool(JsonContains(ParseJsonb(a[1].string_value()), ParseJsonb(a[0].string_value())), out);
}
absl::Status Exists(Ctx, const Datum* a, size_t, Datum* out) {
  return Bool(JsonHasKey(ParseJsonb(a[0].string_value()), a[1].string_value()), out);
}

absl::Status Concat(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue left = ParseJsonb(a[0].string_value()), right = ParseJsonb(a[1].string_value());
  if (left.kind == Kind::kObject && right.kind == Kind::kObject) {
    for (size_t i = 0; i < right.items.size(); ++i) {
      left.keys.push_back(std::move(right.keys[i]));
      left.items.push_back(std::move(right.items[i]));
    }
    SortJsonObject(&left);
    return JsonbResult(left, out);
  }
  // Whatever is no array counts as one of one item.
  JsonValue sum;
  sum.kind = Kind::kArray;
  for (JsonValue* side : {&left, &right}) {
    if (side->kind != Kind::kArray) {
      sum.items.push_back(std::move(*side));
      continue;
    }
    for (JsonValue& item : side->items) sum.items.push_back(std::move(item));
  }
  return JsonbResult(sum, out);
}

absl::Status DeleteKey(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v = ParseJsonb(a[0].string_value());
  ISO_RETURN_IF_ERROR(JsonDeleteKey(a[1].string_value(), &v));
  return JsonbResult(v, out);
}
absl::Status DeleteIndex(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v = ParseJsonb(a[0].string_value());
  if (v.kind == Kind::kObject) {
    return SqlError(sqlstate::kInvalidParameter, "cannot delete from object using integer index");
  }
  if (v.kind != Kind::kArray) {
    return SqlError(sqlstate::kInvalidParameter, "cannot delete from scalar");
  }
  const int64_t size = static_cast<int64_t>(v.items.size());
  const int64_t at = a[1].int_value() < 0 ? a[1].int_value() + size : a[1].int_value();
  if (at >= 0 && at < size) v.items.erase(v.items.begin() + at);
  return JsonbResult(v, out);
}

template <JsonForm kForm>
absl::Status TypeOf(Ctx, const Datum* a, size_t, Datum* out) {
  static constexpr const char* kNames[] = {"null",   "boolean", "number",
                                           "string", "array",   "object"};
  JsonValue v;
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  return Text(kNames[static_cast<size_t>(v.kind)], out);
}

template <JsonForm kForm>
absl::Status ArrayLength(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v;
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  if (v.kind != Kind::kArray) {
    return SqlError(sqlstate::kInvalidParameter, v.kind == Kind::kObject
                                                     ? "cannot get array length of a non-array"
                                                     : "cannot get array length of a scalar");
  }
  *out = Datum::Int(static_cast<int64_t>(v.items.size()));
  return absl::OkStatus();
}

void StripNulls(JsonValue* v) {
  std::vector<JsonValue> items;
  std::vector<std::string> keys;
  for (size_t i = 0; i < v->items.size(); ++i) {
    if (v->kind == Kind::kObject) {
      if (v->items[i].kind == Kind::kNull) continue;
      keys.push_back(std::move(v->keys[i]));
    }
    StripNulls(&v->items[i]);
    items.push_back(std::move(v->items[i]));
  }
  v->items = std::move(items);
  v->keys = std::move(keys);
}
template <JsonForm kForm>
absl::Status Strip(Ctx, const Datum* a, size_t, Datum* out) {
  JsonValue v;
  ISO_RETURN_IF_ERROR(Parse(kForm, a[0], &v));
  StripNulls(&v);
  if (kForm == JsonForm::kJsonb) return JsonbResult(v, out);
  return Text(JsonCompact(v), out);
}
absl::Status Pretty(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(JsonbPretty(ParseJsonb(a[0].string_value())), out);
}

// The arguments come as JSON, by to_json or to_jsonb; NULL ones as they are.
absl::Status Argument(JsonForm form, const Datum& d, JsonValue* out) {
  if (!d.is_null()) return Parse(form, d, out);
  *out = JsonValue();
  out->source = "null";
  return absl::OkStatus();
}

template <JsonForm kForm>
absl::Status BuildArray(Ctx, const Datum* a, size_t n, Datum* out) {
  JsonValue v;
  v.kind = Kind::kArray;
  std::string text = "[";
  for (size_t i = 0; i < n; ++i) {
    JsonValue item;
    ISO_RETURN_IF_ERROR(Argument(kForm, a[i], &item));
    absl::StrAppend(&text, i == 0 ? "" : ", ", item.source);
    v.items.push_back(std::move(item));
  }
  if (kForm == JsonForm::kJsonb) return JsonbResult(v, out);
  return Text(text + "]", out);
}

template <JsonForm kForm>
absl::Status BuildObject(Ctx, const Datum* a, size_t n, Datum* out) {
  constexpr const char* kName =
      kForm == JsonForm::kJsonb ? "jsonb_build_object" : "json_build_object";
  if (n % 2 != 0) {
    return SqlError(sqlstate::kInvalidParameter, "argument list must have even number of elements",
                    -1,
                    absl::StrCat("The arguments of ", kName,
                                 "() must consist of alternating keys and values."));
  }
  JsonValue v;
  v.kind = Kind::kObject;
  std::string text = "{";
  for (size_t i = 0; i < n; i += 2) {
    if (a[i].is_null()) {
      return SqlError(sqlstate::kInvalidParameter,
                      kForm == JsonForm::kJsonb
                          ? absl::StrCat("argument ", i + 1, ": key must not be null")
                          : absl::StrCat("argument ", i + 1, " cannot be null"),
                      -1, kForm == JsonForm::kJsonb ? "" : "Object keys should be text.");
    }
    JsonValue key, item;
    ISO_RETURN_IF_ERROR(Argument(kForm, a[i], &key));
    ISO_RETURN_IF_ERROR(Argument(kForm, a[i + 1], &item));
    absl::StrAppend(&text, i == 0 ? "" : ", ");
    AppendJsonString(key.text, &text);
    absl::StrAppend(&text, " : ", item.source);
    v.keys.push_back(std::move(key.text));
    v.items.push_back(std::move(item));
  }
  if (kForm == JsonForm::kJson) return Text(text + "}", out);
  SortJsonObject(&v);
  return JsonbResult(v, out);
}

constexpr Type kX = Type::kText, kI = Type::kInt4, kB = Type::kBool, kJ = Type::kJson,
               kJb = Type::kJsonb;

template <JsonForm kForm>
void AddBoth(std::vector<Function>* out) {
  static constexpr bool kBinary = kForm == JsonForm::kJsonb;
  constexpr Type kT = kBinary ? kJb : kJ;
  const auto add = [out](const char* json, const char* jsonb, std::vector<Type> args, Type result,
                         EvalFn fn, bool strict = true, bool variadic = false) {
    out->push_back({kBinary ? jsonb : json, std::move(args), result, fn, strict, variadic});
  };
  add("->", "->", {kT, kX}, kT, GetKey<kForm, false>);
  add("->>", "->>", {kT, kX}, kX, GetKey<kForm, true>);
  add("->", "->", {kT, kI}, kT, GetIndex<kForm, false>);
  add("->>", "->>", {kT, kI}, kX, GetIndex<kForm, true>);
  add("json_extract_path", "jsonb_extract_path", {kT, kX}, kT, ExtractPath<kForm, false>, true,
      true);
  add("json_extract_path_text", "jsonb_extract_path_text", {kT, kX}, kX, ExtractPath<kForm, true>,
      true, true);
  add("json_typeof", "jsonb_typeof", {kT}, kX, TypeOf<kForm>);
  add("json_array_length", "jsonb_array_length", {kT}, kI, ArrayLength<kForm>);
  add("json_strip_nulls", "jsonb_strip_nulls", {kT}, kT, Strip<kForm>);
  add("json_build_array", "jsonb_build_array", {}, kT, BuildArray<kForm>, false);
  add("json_build_array", "jsonb_build_array", {kT}, kT, BuildArray<kForm>, false, true);
  add("json_build_object", "jsonb_build_object", {}, kT, BuildObject<kForm>, false);
  add("json_build_object", "jsonb_build_object", {kT}, kT, BuildObject<kForm>, false, true);
}

}  // namespace

namespace function_groups {

void AddJson(std::vector<Function>* out) {
  AddBoth<JsonForm::kJson>(out);
  AddBoth<JsonForm::kJsonb>(out);
  const std::vector<Function> functions = {
      {"=", {kJb, kJb}, kB, Eq},           {"<>", {kJb, kJb}, kB, Ne},
      {"<", {kJb, kJb}, kB, Lt},           {"<=", {kJb, kJb}, kB, Le},
      {">", {kJb, kJb}, kB, Gt},           {">=", {kJb, kJb}, kB, Ge},
      {"@>", {kJb, kJb}, kB, Contains},    {"<@", {kJb, kJb}, kB, ContainedBy},
      {"?", {kJb, kX}, kB, Exists},        {"||", {kJb, kJb}, kJb, Concat},
      {"-", {kJb, kX}, kJb, DeleteKey},    {"-", {kJb, kI}, kJb, DeleteIndex},
      {"jsonb_pretty", {kJb}, kX, Pretty},
  };
  out->insert(out->end(), functions.begin(), functions.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
