// SPDX-License-Identifier: Apache-2.0
//
// nextval, currval, lastval, setval.
#include "sql/binder/functions.h"
#include "sql/binder/sequence_access.h"
#include "sql/types/error.h"

namespace isochron::sql::function_groups {
namespace {

absl::Status Refused(const char* function) {
  return SqlError(sqlstate::kUnsupported, std::string(function) + " cannot be used in this place");
}

absl::Status NextVal(const EvalContext& ctx, const Datum* a, size_t, Datum* out) {
  if (ctx.sequences == nullptr) return Refused("nextval");
  return ctx.sequences->Next(a[0].string_value(), false, out);
}

absl::Status NextIdentity(const EvalContext& ctx, const Datum* a, size_t, Datum* out) {
  if (ctx.sequences == nullptr) return Refused("nextval");
  return ctx.sequences->Next(a[0].string_value(), true, out);
}

absl::Status CurrVal(const EvalContext& ctx, const Datum* a, size_t, Datum* out) {
  if (ctx.sequences == nullptr) return Refused("currval");
  return ctx.sequences->Current(a[0].string_value(), out);
}

absl::Status LastVal(const EvalContext& ctx, const Datum*, size_t, Datum* out) {
  if (ctx.sequences == nullptr) return Refused("lastval");
  return ctx.sequences->Last(out);
}

absl::Status SetVal(const EvalContext& ctx, const Datum* a, size_t n, Datum* out) {
  if (ctx.sequences == nullptr) return Refused("setval");
  const bool is_called = n < 3 || a[2].bool_value();
  return ctx.sequences->Set(a[0].string_value(), a[1].int_value(), is_called, out);
}

}  // namespace

void AddSequences(std::vector<Function>* out) {
  const std::vector<Function> all = {
      {"nextval", {Type::kText}, Type::kInt8, NextVal, true, false, true},
      {"currval", {Type::kText}, Type::kInt8, CurrVal, true, false, true},
      {"lastval", {}, Type::kInt8, LastVal, true, false, true},
      {"setval", {Type::kText, Type::kInt8}, Type::kInt8, SetVal, true, false, true},
      {"setval", {Type::kText, Type::kInt8, Type::kBool}, Type::kInt8, SetVal, true, false, true},
  };
  for (const Function& f : all) out->push_back(f);
}

}  // namespace isochron::sql::function_groups

namespace isochron::sql {

const Function& NextIdentityFunction() {
  static const auto* function = new Function{
      "nextval", {Type::kText}, Type::kInt8, function_groups::NextIdentity, true, false, true};
  return *function;
}

}  // namespace isochron::sql
