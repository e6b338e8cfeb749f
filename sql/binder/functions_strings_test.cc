// SPDX-License-Identifier: Apache-2.0
//
// The values are PostgreSQL 15's.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "sql/binder/functions.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

Datum T(const char* text) { return Datum::String(text); }
Datum I(int64_t v) { return Datum::Int(v); }

// The first function of that name that takes so many arguments: they differ in types only.
absl::StatusOr<Datum> Call(const char* name, const std::vector<Datum>& args) {
  for (const Function& f : FunctionsNamed(name)) {
    if (f.variadic ? args.size() < f.args.size() : args.size() != f.args.size()) continue;
    Datum out;
    const absl::Status s = f.fn(EvalContext(), args.data(), args.size(), &out);
    if (!s.ok()) return s;
    return out;
  }
  return absl::NotFoundError(name);
}

std::string Text(const char* name, const std::vector<Datum>& args) {
  auto out = Call(name, args);
  if (!out.ok()) return "ERROR " + SqlStateOf(out.status());
  return out->is_null() ? "NULL" : out->string_value();
}

int64_t Int(const char* name, const std::vector<Datum>& args) {
  auto out = Call(name, args);
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? out->int_value() : -1;
}

TEST(FunctionsStringsTest, Parts) {
  EXPECT_EQ(Text("split_part", {T("a,b,c"), T(","), I(2)}), "b");
  EXPECT_EQ(Text("split_part", {T("a,b,c"), T(","), I(-1)}), "c");
  EXPECT_EQ(Text("split_part", {T("a,b,c"), T(","), I(9)}), "");
  EXPECT_EQ(Text("split_part", {T("abc"), T(""), I(1)}), "abc");
  EXPECT_EQ(Text("split_part", {T("a"), T(","), I(0)}), "ERROR 22023");
  EXPECT_EQ(Text("concat_ws", {T(","), T("a"), Datum::Null(), T("b")}), "a,b");
  EXPECT_EQ(Text("concat_ws", {Datum::Null(), T("a")}), "NULL");
}

TEST(FunctionsStringsTest, Characters) {
  EXPECT_EQ(Text("initcap", {T("hello wORLD 2nd-try")}), "Hello World 2nd-Try");
  EXPECT_EQ(Text("lpad", {T("hi"), I(7), T("xy")}), "xyxyxhi");
  EXPECT_EQ(Text("lpad", {T("hello"), I(2)}), "he");
  EXPECT_EQ(Text("rpad", {T("é"), I(3), T("ü")}), "éüü");
  EXPECT_EQ(Text("translate", {T("12345"), T("143"), T("ax")}), "a2x5");
  EXPECT_EQ(Text("overlay", {T("Txxxxas"), T("hom"), I(2), I(4)}), "Thomas");
  EXPECT_EQ(Text("overlay", {T("abcdef"), T("XY"), I(3)}), "abXYef");
  EXPECT_EQ(Text("overlay", {T("a"), T("b"), I(0)}), "ERROR 22011");
  EXPECT_EQ(Int("ascii", {T("é")}), 233);
  EXPECT_EQ(Int("ascii", {T("")}), 0);
  EXPECT_EQ(Text("chr", {I(8364)}), "€");
  EXPECT_EQ(Text("chr", {I(0)}), "ERROR 54000");
  EXPECT_EQ(Text("chr", {I(-1)}), "ERROR 22023");
}

TEST(FunctionsStringsTest, Digests) {
  EXPECT_EQ(Text("md5", {T("abc")}), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(absl::BytesToHexString(Text("sha256", {T("abc")})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(absl::BytesToHexString(Text("sha224", {T("")})),
            "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f");
}

TEST(FunctionsStringsTest, Format) {
  EXPECT_EQ(Text("format", {T("Hello %s, %1$s"), T("World")}), "Hello World, World");
  EXPECT_EQ(Text("format", {T("%I and %L"), T("a b"), T("c'd")}), "\"a b\" and 'c''d'");
  EXPECT_EQ(Text("format", {T("%%|%10s|%-10s|"), T("foo"), T("bar")}), "%|       foo|bar       |");
  EXPECT_EQ(Text("format", {T("%3$s %1$s"), T("a"), T("b"), T("c")}), "c a");
  EXPECT_EQ(Text("format", {T("|%*s|"), T("5"), T("x")}), "|    x|");
  EXPECT_EQ(Text("format", {T("%L"), Datum::Null()}), "NULL");
  EXPECT_EQ(Text("format", {T("%s")}), "ERROR 22023");
  EXPECT_EQ(Text("format", {T("%y"), T("a")}), "ERROR 22023");
  EXPECT_EQ(Text("format", {T("%I"), Datum::Null()}), "ERROR 22004");
}

TEST(FunctionsStringsTest, Bytes) {
  EXPECT_EQ(Int("bit_length", {T("é")}), 16);
  EXPECT_EQ(Int("get_byte", {T("\x12\x34"), I(1)}), 0x34);
  EXPECT_EQ(Text("set_byte", {T("\x12\x34"), I(0), I(255)}), "\xff\x34");
  EXPECT_EQ(Int("get_bit", {T("\x12\x34"), I(1)}), 1);
  EXPECT_EQ(Text("set_bit", {T("\x12\x34"), I(0), I(1)}), "\x13\x34");
  EXPECT_EQ(Text("get_byte", {T("\x12"), I(5)}), "ERROR 2202E");
}

}  // namespace
}  // namespace isochron::sql
