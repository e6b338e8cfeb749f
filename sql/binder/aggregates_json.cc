// SPDX-License-Identifier: Apache-2.0
//
// json_agg, json_object_agg and jsonb's. A timestamptz among the values is written in UTC.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/aggregates.h"
#include "sql/binder/json_values.h"
#include "sql/binder/resolve.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/json.h"

namespace isochron::sql {
namespace {

template <JsonForm kForm>
class JsonAgg : public Aggregator {
 public:
  explicit JsonAgg(Type type) : type_(type) {}
  absl::Status Add(const Datum* args, size_t) override {
    absl::StrAppend(&text_, text_.empty() ? "[" : ", ");
    return AppendJsonOf(type_, args[0], PlainTimeContext(), &text_);
  }
  absl::Status Finish(Datum* out) override {
    if (text_.empty()) return absl::OkStatus();
    if (kForm == JsonForm::kJson) {
      *out = Datum::String(text_ + "]");
      return absl::OkStatus();
    }
    const std::string whole = text_ + "]";
    ISO_ASSIGN_OR_RETURN(const JsonValue v, ParseJson(whole, JsonForm::kJsonb));
    return JsonbResult(v, out);
  }
  int64_t MemoryBytes() const override { return static_cast<int64_t>(text_.capacity()); }

 private:
  const Type type_;
  std::string text_;
};

// The values come as JSON (Binder::AggregateArgs).
template <JsonForm kForm>
class JsonObjectAgg : public Aggregator {
 public:
  explicit JsonObjectAgg(Type type) : type_(type) {}
  absl::Status Add(const Datum* args, size_t) override {
    if (args[0].is_null()) {
      return SqlError(sqlstate::kInvalidParameter, "field name must not be null");
    }
    if (type_ == Type::kJson || type_ == Type::kJsonb || IsArrayType(type_)) {
      return SqlError(sqlstate::kInvalidParameter,
                      "key value must be scalar, not array, composite, or json");
    }
    std::string key;
    ISO_RETURN_IF_ERROR(AppendJsonOf(type_, args[0], PlainTimeContext(), &key));
    if (key[0] != '"') key = absl::StrCat("\"", key, "\"");
    absl::StrAppend(&text_, text_.empty() ? "{ " : ", ", key, " : ",
                    args[1].is_null() ? "null" : args[1].string_value());
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (text_.empty()) return absl::OkStatus();
    const std::string whole = text_ + " }";
    if (kForm == JsonForm::kJson) {
      *out = Datum::String(whole);
      return absl::OkStatus();
    }
    ISO_ASSIGN_OR_RETURN(const JsonValue v, ParseJson(whole, JsonForm::kJsonb));
    return JsonbResult(v, out);
  }
  int64_t MemoryBytes() const override { return static_cast<int64_t>(text_.capacity()); }

 private:
  const Type type_;
  std::string text_;
};

template <JsonForm kForm>
std::unique_ptr<Aggregator> MakeObject(Type type) {
  return std::make_unique<JsonObjectAgg<kForm>>(type);
}

template <JsonForm kForm>
std::unique_ptr<Aggregator> Make(Type type) {
  return std::make_unique<JsonAgg<kForm>>(type);
}

}  // namespace

namespace aggregate_groups {

void AddJson(std::vector<AggregateFunction>* out) {
  for (bool binary : {false, true}) {
    AggregateFunction f;
    f.signature = {binary ? "jsonb_agg" : "json_agg",
                   {kAnyType},
                   binary ? Type::kJsonb : Type::kJson,
                   nullptr};
    f.make = binary ? Make<JsonForm::kJsonb> : Make<JsonForm::kJson>;
    f.strict = false;
    f.ordered = true;
    out->push_back(f);
    f.signature.name = binary ? "jsonb_object_agg" : "json_object_agg";
    f.signature.args.push_back(f.signature.result);
    f.make = binary ? MakeObject<JsonForm::kJsonb> : MakeObject<JsonForm::kJson>;
    out->push_back(std::move(f));
  }
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
