// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/functions.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;
using Registry = std::map<std::string, std::vector<Function>, std::less<>>;

const Registry& AllFunctions() {
  static const Registry* registry = [] {
    std::vector<Function> all;
    function_groups::AddOperators(&all);
    function_groups::AddMath(&all);
    function_groups::AddMoreMath(&all);
    function_groups::AddNumeric(&all);
    function_groups::AddStrings(&all);
    function_groups::AddEncodings(&all);
    function_groups::AddMoreStrings(&all);
    function_groups::AddTime(&all);
    function_groups::AddJson(&all);
    function_groups::AddJsonPaths(&all);
    function_groups::AddRegex(&all);
    function_groups::AddSequences(&all);
    function_groups::AddCatalog(&all);
    function_groups::AddEnums(&all);
    auto* by_name = new Registry;
    for (Function& f : all) (*by_name)[f.name].push_back(f);
    return by_name;
  }();
  return *registry;
}

#define ISO_COMPARE(NAME, OP)                                  \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) { \
    *out = Datum::Bool(CompareDatums(a[0], a[1]) OP 0);        \
    return absl::OkStatus();                                   \
  }
ISO_COMPARE(Eq, ==)
ISO_COMPARE(Ne, !=)
ISO_COMPARE(Lt, <)
ISO_COMPARE(Le, <=)
ISO_COMPARE(Gt, >)
ISO_COMPARE(Ge, >=)
#undef ISO_COMPARE

absl::Status Concat(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::String(absl::StrCat(a[0].string_value(), a[1].string_value()));
  return absl::OkStatus();
}
absl::Status Like(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(LikeMatch(a[0].string_value(), a[1].string_value(), false));
  return absl::OkStatus();
}
absl::Status ILike(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(LikeMatch(a[0].string_value(), a[1].string_value(), true));
  return absl::OkStatus();
}

}  // namespace

const std::vector<Function>& FunctionsNamed(absl::string_view name) {
  static const auto* none = new std::vector<Function>;
  auto it = AllFunctions().find(std::string(name));
  return it == AllFunctions().end() ? *none : it->second;
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> out;
  for (const auto& [name, functions] : AllFunctions()) {
    if (absl::ascii_islower(name[0])) out.push_back(name);
  }
  return out;
}

std::vector<std::string> OperatorNames() {
  std::vector<std::string> out;
  for (const auto& [name, functions] : AllFunctions()) {
    if (!absl::ascii_islower(name[0])) out.push_back(name);
  }
  return out;
}

bool LikeMatch(absl::string_view text, absl::string_view pattern, bool fold) {
  auto same = [fold](char a, char b) {
    return a == b || (fold && absl::ascii_tolower(a) == absl::ascii_tolower(b));
  };
  auto next_char = [&text](size_t i) {
    ++i;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
    return i;
  };
  // Backtracking to the last % only: linear in practice, quadratic at worst.
  size_t t = 0, p = 0, star = absl::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = ++p;
      retry = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '_') {
      ++p;
      t = next_char(t);
      continue;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const size_t at = escaped ? p + 1 : p;
    if (at < pattern.size() && same(pattern[at], text[t])) {
      p = at + 1;
      ++t;
      continue;
    }
    if (star == absl::string_view::npos) return false;
    p = star;
    retry = next_char(retry);
    t = retry;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

namespace function_groups {

void AddOperators(std::vector<Function>* out) {
  constexpr Type kB = Type::kBool, kT = Type::kText;
  const std::vector<Function> strings = {{"||", {kT, kT}, kT, Concat},
                                         {"||", {Type::kBytea, Type::kBytea}, Type::kBytea, Concat},
                                         {"~~", {kT, kT}, kB, Like},
                                         {"~~*", {kT, kT}, kB, ILike}};
  out->insert(out->end(), strings.begin(), strings.end());
  struct Comparison {
    const char* name;
    EvalFn fn;
  };
  for (const Comparison& c : {Comparison{"=", Eq}, Comparison{"<>", Ne}, Comparison{"<", Lt},
                              Comparison{"<=", Le}, Comparison{">", Gt}, Comparison{">=", Ge}}) {
    // Integers and floats of every width are compared as they are.
    for (Type left : {Type::kInt2, Type::kInt4, Type::kInt8}) {
      for (Type right : {Type::kInt2, Type::kInt4, Type::kInt8}) {
        out->push_back({c.name, {left, right}, kB, c.fn});
      }
    }
    for (Type left : {Type::kFloat4, Type::kFloat8}) {
      for (Type right : {Type::kFloat4, Type::kFloat8}) {
        out->push_back({c.name, {left, right}, kB, c.fn});
      }
    }
    for (Type t : {kT, kB, Type::kTimestamptz, Type::kBytea, Type::kNumeric, Type::kBpchar,
                   Type::kUuid, Type::kEnum}) {
      out->push_back({c.name, {t, t}, kB, c.fn});
    }
  }
}

}  // namespace function_groups

}  // namespace isochron::sql
