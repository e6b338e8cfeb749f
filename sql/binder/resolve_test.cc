// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/resolve.h"

#include <gtest/gtest.h>

#include "sql/binder/cast.h"
#include "sql/binder/functions.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

constexpr Type kU = Type::kUnknown, k2 = Type::kInt2, k4 = Type::kInt4, k8 = Type::kInt8,
               kF = Type::kFloat8, kT = Type::kText, kB = Type::kBool;

// The types that a call's arguments become, and its result's.
std::string Chosen(const char* name, const std::vector<Type>& args, bool is_operator) {
  const std::vector<Function>& all = FunctionsNamed(name);
  const Resolution r = is_operator ? ResolveOperator(all, args) : ResolveFunction(all, args);
  if (r.function == nullptr) return r.ambiguous ? "ambiguous" : "none";
  std::string out;
  for (Type t : r.function->args) out += std::string(PgTypeName(t)) + " ";
  return out + "-> " + std::string(PgTypeName(r.function->result));
}
std::string Op(const char* name, const std::vector<Type>& args) { return Chosen(name, args, true); }
std::string Fn(const char* name, const std::vector<Type>& args) {
  return Chosen(name, args, false);
}

TEST(Resolve, OperatorsOfMixedWidths) {
  EXPECT_EQ(Op("+", {k4, k4}), "int4 int4 -> int4");
  EXPECT_EQ(Op("+", {k2, k8}), "int2 int8 -> int8");
  EXPECT_EQ(Op("=", {k8, k4}), "int8 int4 -> bool");
  EXPECT_EQ(Op("+", {k4, kF}), "float8 float8 -> float8");
  EXPECT_EQ(Op("<", {kF, k8}), "float8 float8 -> bool");
  EXPECT_EQ(Op("+", {kT, k4}), "none");
  EXPECT_EQ(Op("=", {kB, k4}), "none");
}

TEST(Resolve, AnUnknownOperandIsOfTheOthersType) {
  EXPECT_EQ(Op("=", {k2, kU}), "int2 int2 -> bool");
  EXPECT_EQ(Op("+", {kU, k8}), "int8 int8 -> int8");
  EXPECT_EQ(Op("=", {kU, kU}), "text text -> bool");
  EXPECT_EQ(Op("=", {Type::kVarchar, kU}), "text text -> bool");
  EXPECT_EQ(Op("neg", {kU}), "ambiguous");  // numbers have it, and intervals
}

TEST(Resolve, FunctionsPreferWhatIsPreferred) {
  EXPECT_EQ(Fn("abs", {k4}), "int4 -> int4");
  EXPECT_EQ(Fn("abs", {kU}), "float8 -> float8");
  EXPECT_EQ(Fn("sqrt", {k4}), "float8 -> float8");
  EXPECT_EQ(Fn("length", {kU}), "text -> int4");
  EXPECT_EQ(Fn("length", {k4}), "none");
  EXPECT_EQ(Fn("mod", {k2, k4}), "int4 int4 -> int4");
  EXPECT_EQ(Fn("left", {kT, k8}), "none");
}

TEST(Resolve, CommonTypes) {
  Type common, left, right;
  EXPECT_TRUE(CommonType({k4, kU, k8}, &common, &left, &right));
  EXPECT_EQ(common, k8);
  EXPECT_TRUE(CommonType({kF, k8}, &common, &left, &right));
  EXPECT_EQ(common, kF);
  EXPECT_TRUE(CommonType({kU, kU}, &common, &left, &right));
  EXPECT_EQ(common, kT);
  EXPECT_FALSE(CommonType({kB, k4}, &common, &left, &right));
  EXPECT_EQ(right, k4);
}

TEST(Cast, Contexts) {
  EXPECT_TRUE(CanCoerce(k2, k8, CastContext::kImplicit));
  EXPECT_TRUE(SameForm(k2, k8));
  EXPECT_FALSE(CanCoerce(k8, k4, CastContext::kImplicit));
  EXPECT_TRUE(CanCoerce(k8, k4, CastContext::kAssignment));
  EXPECT_FALSE(CanCoerce(k4, kT, CastContext::kImplicit));
  EXPECT_TRUE(CanCoerce(k4, kT, CastContext::kAssignment));
  EXPECT_FALSE(CanCoerce(kT, k4, CastContext::kAssignment));
  EXPECT_TRUE(CanCoerce(kT, k4, CastContext::kExplicit));
  EXPECT_TRUE(CanCoerce(kU, k4, CastContext::kImplicit));
  EXPECT_FALSE(CanCoerce(k8, kB, CastContext::kExplicit));
  EXPECT_FALSE(CanCoerce(kB, kF, CastContext::kExplicit));
  Datum d;
  EXPECT_TRUE(CastDatum(kF, k4, Datum::Float(2.5), &d).ok());
  EXPECT_EQ(d.int_value(), 2);
  EXPECT_FALSE(CastDatum(k8, k2, Datum::Int(32768), &d).ok());
}

}  // namespace
}  // namespace isochron::sql
