// SPDX-License-Identifier: Apache-2.0
//
// Functions of any enum. Their results' type is their argument's, which only the binder knows.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/binder.h"
#include "sql/binder/functions.h"
#include "sql/types/array.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

Datum AllLabels(const EnumType& type) {
  std::vector<Datum> places;
  for (const EnumLabel& label : type.labels) places.push_back(Datum::Int(label.place));
  return ArrayDatum(MakeVector(std::move(places)));
}

}  // namespace

bool IsEnumFunction(absl::string_view name) {
  return name == "enum_first" || name == "enum_last" || name == "enum_range";
}

bool OneEnum(const std::vector<ExprPtr>& args, Type* type) {
  *type = Type::kUnknown;
  for (const ExprPtr& a : args) {
    if (!IsEnum(a->type)) continue;
    if (*type != Type::kUnknown && *type != a->type) return false;
    *type = a->type;
  }
  return *type != Type::kUnknown;
}

absl::StatusOr<ExprPtr> Binder::EnumCall(const std::string& name, std::vector<ExprPtr> args,
                                         int position) {
  Type type;
  const bool one = OneEnum(args, &type);
  const size_t most = name == "enum_range" ? 2 : 1;
  bool fits = one && args.size() <= most;
  for (const ExprPtr& a : args) {
    fits = fits && (IsEnum(a->type) || a->type == Type::kUnknown);
  }
  const EnumType* e = fits ? EnumOf(type) : nullptr;
  if (e == nullptr) return NoFunction(name, args, position);
  for (ExprPtr& a : args) {
    ISO_ASSIGN_OR_RETURN(a, Coerce(std::move(a), type));
  }
  if (name != "enum_range") {
    if (e->labels.empty()) {
      return SqlError("55000", absl::StrCat("enum ", e->shown, " contains no values"), position);
    }
    const EnumLabel& label = name == "enum_first" ? e->labels.front() : e->labels.back();
    return MakeConst(type, Datum::Int(label.place), position);
  }
  ExprPtr all = MakeConst(ArrayOf(type), AllLabels(*e), position);
  if (args.size() == 1) return all;
  std::vector<ExprPtr> between;
  between.push_back(std::move(all));
  for (ExprPtr& a : args) between.push_back(std::move(a));
  ExprPtr call = MakeCall(&FunctionsNamed(kEnumBetween)[0], std::move(between), position);
  call->type = ArrayOf(type);
  return call;
}

}  // namespace isochron::sql
