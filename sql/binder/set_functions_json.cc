// SPDX-License-Identifier: Apache-2.0
//
// Rows of JSON: elements of arrays, pairs and keys of objects.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/json_values.h"
#include "sql/binder/set_functions.h"
#include "sql/types/error.h"
#include "sql/types/json.h"

namespace isochron::sql {
namespace {

using Kind = JsonValue::Kind;
using Source = absl::StatusOr<std::unique_ptr<SetSource>>;

enum class Wanted : uint8_t { kElements, kPairs, kKeys };

// Holds the argument's text and what was parsed of it: values point into the
// text.
class JsonRows : public SetSource {
 public:
  JsonRows(std::string text, JsonForm form, Wanted wanted, bool as_text)
      : text_(std::move(text)), form_(form), wanted_(wanted), as_text_(as_text) {}

  absl::Status Parse(absl::string_view function) {
    ISO_ASSIGN_OR_RETURN(value_, ParseJson(text_, form_));
    if (value_.kind == (wanted_ == Wanted::kElements ? Kind::kArray : Kind::kObject)) {
      return absl::OkStatus();
    }
    return SqlError(sqlstate::kInvalidParameter, Misfit(function));
  }

  absl::StatusOr<bool> Next(Row* row) override {
    if (at_ == value_.items.size()) return false;
    if (wanted_ != Wanted::kElements) row->push_back(Datum::String(value_.keys[at_]));
    if (wanted_ != Wanted::kKeys) {
      JsonPiece(form_, as_text_, &value_.items[at_], &row->emplace_back());
    }
    ++at_;
    return true;
  }

 private:
  // What PostgreSQL says of a value of another kind.
  std::string Misfit(absl::string_view function) const {
    const bool scalar = value_.kind != Kind::kArray && value_.kind != Kind::kObject;
    const bool binary = form_ == JsonForm::kJsonb;
    switch (wanted_) {
      case Wanted::kElements:
        if (binary)
          return absl::StrCat("cannot extract elements from ", scalar ? "a scalar" : "an object");
        return absl::StrCat("cannot call ", function, " on a ", scalar ? "scalar" : "non-array");
      case Wanted::kPairs:
        if (binary) return absl::StrCat("cannot call ", function, " on a non-object");
        return scalar ? "cannot deconstruct a scalar" : "cannot deconstruct an array as an object";
      case Wanted::kKeys:
        return absl::StrCat("cannot call ", function, scalar ? " on a scalar" : " on an array");
    }
    return "";
  }

  const std::string text_;
  const JsonForm form_;
  const Wanted wanted_;
  const bool as_text_;
  JsonValue value_;
  size_t at_ = 0;
};

constexpr const char* NameOf(JsonForm form, Wanted wanted, bool as_text) {
  const bool b = form == JsonForm::kJsonb;
  switch (wanted) {
    case Wanted::kElements:
      return as_text ? (b ? "jsonb_array_elements_text" : "json_array_elements_text")
                     : (b ? "jsonb_array_elements" : "json_array_elements");
    case Wanted::kPairs:
      return as_text ? (b ? "jsonb_each_text" : "json_each_text")
                     : (b ? "jsonb_each" : "json_each");
    case Wanted::kKeys:
      return b ? "jsonb_object_keys" : "json_object_keys";
  }
  return "";
}

template <JsonForm kForm, Wanted kWanted, bool kText>
Source Open(const EvalContext&, const Datum* args, size_t) {
  auto rows = std::make_unique<JsonRows>(args[0].string_value(), kForm, kWanted, kText);
  ISO_RETURN_IF_ERROR(rows->Parse(NameOf(kForm, kWanted, kText)));
  return std::unique_ptr<SetSource>(std::move(rows));
}

template <JsonForm kForm, Wanted kWanted, bool kText>
void Add(std::vector<SetFunction>* out) {
  constexpr Type kJson = kForm == JsonForm::kJsonb ? Type::kJsonb : Type::kJson;
  constexpr Type kValue = kText || kWanted == Wanted::kKeys ? Type::kText : kJson;
  SetFunction f;
  f.signature = {NameOf(kForm, kWanted, kText), {kJson}, kValue, nullptr};
  f.open = Open<kForm, kWanted, kText>;
  if (kWanted == Wanted::kElements) f.columns = {{"value", kValue}};
  if (kWanted == Wanted::kPairs) f.columns = {{"key", Type::kText}, {"value", kValue}};
  out->push_back(std::move(f));
}

template <JsonForm kForm>
void AddForm(std::vector<SetFunction>* out) {
  Add<kForm, Wanted::kElements, false>(out);
  Add<kForm, Wanted::kElements, true>(out);
  Add<kForm, Wanted::kPairs, false>(out);
  Add<kForm, Wanted::kPairs, true>(out);
  Add<kForm, Wanted::kKeys, false>(out);
}

}  // namespace

namespace set_function_groups {

void AddJson(std::vector<SetFunction>* out) {
  AddForm<JsonForm::kJson>(out);
  AddForm<JsonForm::kJsonb>(out);
}

}  // namespace set_function_groups

}  // namespace isochron::sql
