// SPDX-License-Identifier: Apache-2.0
//
// A hash join finds rows by the bytes of their keys: what `=` calls equal must have equal bytes,
// also where its two sides have different types.
#include <string>

#include <gtest/gtest.h>

#include "sql/binder/functions.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

Datum Some(Type type) {
  switch (ShapeOf(type)) {
    case Datum::Shape::kInt:
      return Datum::Int(7);
    case Datum::Shape::kFloat:
      return Datum::Float(1.5);
    default:
      return Datum::String("seven");
  }
}

TEST(JoinKeys, EqualsHaveEqualBytes) {
  int mixed = 0;
  for (const Function& f : FunctionsNamed("=")) {
    if (f.args.size() != 2 || f.args[0] == f.args[1]) continue;
    ASSERT_EQ(ShapeOf(f.args[0]), ShapeOf(f.args[1]));
    ++mixed;
    std::string left, right;
    AppendKeyPart(f.args[0], Some(f.args[0]), &left);
    AppendKeyPart(f.args[1], Some(f.args[1]), &right);
    EXPECT_EQ(left, right) << TypeName(f.args[0]) << " and " << TypeName(f.args[1]);
  }
  EXPECT_GE(mixed, 10);
}

}  // namespace
}  // namespace isochron::sql
