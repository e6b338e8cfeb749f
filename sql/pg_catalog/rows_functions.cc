// SPDX-License-Identifier: Apache-2.0
//
// Operators and functions: those that there are here.
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/functions.h"
#include "sql/binder/resolve.h"
#include "sql/pg_catalog/functions.h"
#include "sql/pg_catalog/pg_types.h"
#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Pseudo-types of PostgreSQL.
constexpr int32_t kAny = 2276, kAnyArray = 2277, kAnyElement = 2283;
constexpr int64_t kFirstProc = 6000, kFirstOperator = 12000;

int32_t PgOid(Type t) { return t == kAnyType ? kAny : OidOf(t); }

void AddOf(const Function& f, std::vector<CatalogFunction>* out) {
  CatalogFunction c;
  c.name = f.name;
  for (Type t : f.args) c.args.push_back(PgOid(t));
  c.result = PgOid(f.result);
  c.strict = f.strict;
  c.is_volatile = f.is_volatile;
  c.variadic = f.variadic;
  out->push_back(std::move(c));
}

int32_t OfLetter(char letter) {
  if (letter == 'A' || letter == 'S') return kAnyArray;
  if (letter == 'E') return kAnyElement;
  return OidOf(ArraySignatureType(letter, Type::kText));
}

void AddTypeFunctions(std::vector<CatalogFunction>* out) {
  constexpr int32_t kCstring = 2275, kInternal = 2281;
  std::set<std::string> seen;
  for (uint8_t i = 0; i < kTypeCount; ++i) {
    const Type plain = static_cast<Type>(i);
    if (!IsReady(plain)) continue;
    for (Type t : {plain, ArrayOf(plain)}) {
      const std::string prefix = PgFactsOf(t).prefix;
      const int32_t oid = IsArray(t) ? kAnyArray : OidOf(t);
      if (!seen.insert(prefix).second) continue;
      out->push_back({0, prefix + "in", {kCstring}, oid});
      out->push_back({0, prefix + "out", {oid}, kCstring});
      out->push_back({0, prefix + "recv", {kInternal}, oid});
      out->push_back({0, prefix + "send", {oid}, OidOf(Type::kBytea)});
    }
  }
}

bool IsWord(absl::string_view name) { return absl::ascii_isalpha(name[0]); }

void Procs(const CatalogContext&, RowMaker* out) {
  for (const CatalogFunction& f : AllCatalogFunctions()) {
    out->New().Int("oid", f.oid).Text("proname", f.name).Int("pronamespace", kPgCatalogOid);
    out->Int("proowner", kOwnerOid).Int("prolang", 12).Set("procost", Datum::Float(1));
    out->Set("prokind", Datum::String("f")).Bool("proisstrict", f.strict);
    out->Set("provolatile", Datum::String(f.is_volatile ? "v" : "i"));
    out->Set("proparallel", Datum::String("s"));
    out->Int("pronargs", static_cast<int64_t>(f.args.size())).Int("prorettype", f.result);
    out->Set("proargtypes", VectorOf(std::vector<int64_t>(f.args.begin(), f.args.end())));
    out->Text("prosrc", f.name);
  }
}

void Operators(const CatalogContext&, RowMaker* out) {
  int64_t oid = kFirstOperator;
  auto add = [&](const char* name, const std::vector<int32_t>& args, int32_t result) {
    if (args.size() != 2) return;
    out->New().Int("oid", oid++).Text("oprname", name).Int("oprnamespace", kPgCatalogOid);
    out->Int("oprowner", kOwnerOid).Set("oprkind", Datum::String("b")).Int("oprleft", args[0]);
    out->Int("oprright", args[1]).Int("oprresult", result).Set("oprcode", NamedOid(0, "-"));
  };
  for (const std::string& name : OperatorNames()) {
    for (const Function& f : FunctionsNamed(name)) {
      std::vector<int32_t> args;
      for (Type t : f.args) args.push_back(PgOid(t));
      add(f.name, args, PgOid(f.result));
    }
  }
  for (const ArraySignature& s : AllArraySignatures()) {
    if (IsWord(s.name)) continue;
    std::vector<int32_t> args;
    for (const char* c = s.args; *c != '\0'; ++c) args.push_back(OfLetter(*c));
    add(s.name, args, OfLetter(s.result));
  }
}

}  // namespace

const std::vector<CatalogFunction>& AllCatalogFunctions() {
  static const auto* all = [] {
    auto* out = new std::vector<CatalogFunction>;
    for (const std::string& name : FunctionNames()) {
      for (const Function& f : FunctionsNamed(name)) AddOf(f, out);
    }
    for (const ArraySignature& s : AllArraySignatures()) {
      if (!IsWord(s.name) || s.variadic) continue;
      CatalogFunction c;
      c.name = s.name;
      for (const char* l = s.args; *l != '\0'; ++l) c.args.push_back(OfLetter(*l));
      c.result = OfLetter(s.result);
      c.strict = s.strict;
      out->push_back(std::move(c));
    }
    AddTypeFunctions(out);
    int64_t oid = kFirstProc;
    for (CatalogFunction& f : *out) f.oid = oid++;
    return out;
  }();
  return *all;
}

int64_t CatalogFunctionOid(const std::string& name) {
  static const auto* by_name = [] {
    auto* out = new std::map<std::string, int64_t>;
    for (const CatalogFunction& f : AllCatalogFunctions()) out->emplace(f.name, f.oid);
    return out;
  }();
  auto it = by_name->find(name);
  return it == by_name->end() ? 0 : it->second;
}

namespace catalog_rows {

void AddFunctions(Makers* out) {
  (*out)["pg_proc"] = Procs;
  (*out)["pg_operator"] = Operators;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
