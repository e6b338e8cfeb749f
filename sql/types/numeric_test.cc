// SPDX-License-Identifier: Apache-2.0
#include "sql/types/numeric.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/random.h"
#include "sql/types/error.h"
#include "sql/types/modifiers.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

Datum N(absl::string_view text) {
  auto d = numeric::FromText(text);
  EXPECT_TRUE(d.ok()) << text;
  return d.ok() ? *d : numeric::FromInt(0);
}

using Binary = absl::Status (*)(const Datum&, const Datum&, Datum*);
using Unary = absl::Status (*)(const Datum&, Datum*);

// What an operation of the vectors gives.
absl::StatusOr<std::string> Outcome(const std::string& op, const std::vector<std::string>& texts) {
  static const std::map<std::string, Binary> kBinary = {
      {"+", numeric::Add},       {"-", numeric::Subtract}, {"*", numeric::Multiply},
      {"/", numeric::Divide},    {"%", numeric::Modulo},   {"div", numeric::DivideWhole},
      {"power", numeric::Power}, {"log", numeric::Log},    {"gcd", numeric::Gcd},
      {"lcm", numeric::Lcm}};
  static const std::map<std::string, Unary> kUnary = {
      {"sqrt", numeric::Sqrt}, {"exp", numeric::Exp},     {"ln", numeric::Ln},
      {"ceil", numeric::Ceil}, {"floor", numeric::Floor}, {"trim_scale", numeric::TrimScale}};
  std::vector<Datum> args;
  for (const std::string& text : texts) {
    auto d = numeric::FromText(text);
    if (!d.ok()) return d.status();
    args.push_back(*std::move(d));
  }
  Datum out;
  absl::Status s;
  if (auto it = kBinary.find(op); it != kBinary.end()) {
    s = it->second(args[0], args[1], &out);
  } else if (auto unary = kUnary.find(op); unary != kUnary.end()) {
    s = unary->second(args[0], &out);
  } else if (op == "round" || op == "trunc") {
    const int64_t scale = *numeric::ToInt(args[1], Type::kInt4);
    s = op == "round" ? numeric::Round(args[0], scale, &out) : numeric::Trunc(args[0], scale, &out);
  } else if (op == "cmp") {
    return absl::StrCat(numeric::Compare(args[0], args[1]));
  } else if (op == "int8") {
    auto v = numeric::ToInt(args[0], Type::kInt8);
    if (!v.ok()) return v.status();
    return absl::StrCat(*v);
  } else if (op == "float8") {
    auto v = numeric::ToDouble(args[0], Type::kFloat8);
    if (!v.ok()) return v.status();
    return DatumToText(Type::kFloat8, Datum::Float(*v));
  } else if (op == "send") {
    std::string bytes;
    numeric::AppendBinary(args[0], &bytes);
    return absl::StrCat("\\x", absl::BytesToHexString(bytes));
  } else {
    out = args[0];
  }
  if (!s.ok()) return s;
  return numeric::ToText(out);
}

TEST(Numeric, GivesWhatTheVectorsSay) {
  std::ifstream in("sql/types/numeric_vectors.txt");
  int count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> parts = absl::StrSplit(line, '|');
    const std::string op = parts.front(), want = parts.back();
    auto got = Outcome(op, {parts.begin() + 1, parts.end() - 1});
    const std::string text = got.ok() ? *got
                                      : absl::StrCat("ERROR ", SqlStateOf(got.status()), ": ",
                                                     absl::string_view(got.status().message()));
    EXPECT_EQ(text, want) << line;
    ++count;
  }
  EXPECT_GT(count, 400);
}

std::string RandomText(Random* random) {
  std::string digits;
  const uint64_t whole = random->Below(3) == 0 ? random->Below(60) : random->Below(12);
  for (uint64_t i = 0; i <= whole; ++i)
    digits.push_back(static_cast<char>('0' + random->Below(10)));
  const uint64_t scale = random->Below(2) == 0 ? 0 : random->Below(25);
  if (scale > 0) digits.push_back('.');
  for (uint64_t i = 0; i < scale; ++i) digits.push_back(static_cast<char>('0' + random->Below(10)));
  return absl::StrCat(random->Below(2) == 0 ? "-" : "", digits);
}

TEST(Numeric, FormsComeBackAndKeysAreInOrder) {
  Random random(7);
  std::vector<Datum> values = {N("NaN"), N("Infinity"), N("-Infinity"),
                               N("0"),   N("0.00"),     N("-0.1")};
  for (int i = 0; i < 300; ++i) values.push_back(N(RandomText(&random)));
  std::vector<std::string> keys;
  for (const Datum& v : values) {
    EXPECT_EQ(numeric::ToText(N(numeric::ToText(v))), numeric::ToText(v));
    std::string bytes, key;
    numeric::AppendBinary(v, &bytes);
    auto back = numeric::FromBinary(bytes);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(numeric::ToText(*back), numeric::ToText(v));
    numeric::AppendToKey(v, &key);
    Datum from_key;
    ASSERT_TRUE(numeric::ReadFromKey(key, &from_key)) << numeric::ToText(v);
    EXPECT_EQ(numeric::Compare(from_key, v), 0);
    keys.push_back(key);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t k = 0; k < values.size(); ++k) {
      const int by_key = keys[i].compare(keys[k]);
      EXPECT_EQ(numeric::Compare(values[i], values[k]), by_key < 0 ? -1 : by_key > 0)
          << numeric::ToText(values[i]) << " " << numeric::ToText(values[k]);
    }
  }
}

TEST(Numeric, ArithmeticAgreesWithItself) {
  Random random(8);
  for (int i = 0; i < 1000; ++i) {
    const Datum a = N(RandomText(&random)), b = N(RandomText(&random));
    Datum sum, back, product, whole, rest;
    ASSERT_TRUE(numeric::Add(a, b, &sum).ok());
    ASSERT_TRUE(numeric::Subtract(sum, b, &back).ok());
    EXPECT_EQ(numeric::Compare(back, a), 0);
    if (numeric::SignOf(b) == 0) continue;
    ASSERT_TRUE(numeric::DivideWhole(a, b, &whole).ok());
    ASSERT_TRUE(numeric::Modulo(a, b, &rest).ok());
    ASSERT_TRUE(numeric::Multiply(whole, b, &product).ok());
    ASSERT_TRUE(numeric::Add(product, rest, &back).ok());
    EXPECT_EQ(numeric::Compare(back, a), 0) << numeric::ToText(a) << " " << numeric::ToText(b);
  }
}

TEST(Numeric, Modifiers) {
  const int32_t typmod = *TypmodFrom(Type::kNumeric, {5, 2}, -1);
  Datum d = N("123.455");
  EXPECT_TRUE(ApplyTypmod(Type::kNumeric, typmod, false, &d).ok());
  EXPECT_EQ(numeric::ToText(d), "123.46");
  d = N("999.995");
  EXPECT_EQ(SqlStateOf(ApplyTypmod(Type::kNumeric, typmod, false, &d)), "22003");
  d = N("NaN");
  EXPECT_TRUE(ApplyTypmod(Type::kNumeric, typmod, false, &d).ok());
  d = N("Infinity");
  EXPECT_EQ(SqlStateOf(ApplyTypmod(Type::kNumeric, typmod, false, &d)), "22003");
  d = N("12345");
  EXPECT_TRUE(
      ApplyTypmod(Type::kNumeric, *TypmodFrom(Type::kNumeric, {3, -2}, -1), false, &d).ok());
  EXPECT_EQ(numeric::ToText(d), "12300");
}

TEST(Numeric, DamagedFormsAreRefused) {
  Datum d;
  for (const char* bytes : {"", "\x07", "\x04", "\x04\x80\x00\x00", "\x04\x80\x00\x00\x70"}) {
    EXPECT_FALSE(numeric::ReadFromKey(bytes, &d)) << absl::BytesToHexString(bytes);
  }
  EXPECT_FALSE(numeric::IsForm(""));
  EXPECT_FALSE(numeric::IsForm(std::string("\x00\x01", 2)));
  EXPECT_FALSE(numeric::IsForm("\x05"));
  EXPECT_FALSE(numeric::IsForm(std::string("\x01\x00\x00\x00", 4)));
  EXPECT_FALSE(numeric::FromBinary("1234567").ok());
  EXPECT_FALSE(
      numeric::FromBinary(std::string("\x00\x01\x00\x00\x00\x00\x00\x00\x7f\xff", 10)).ok());
}

}  // namespace
}  // namespace isochron::sql
