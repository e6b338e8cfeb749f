// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/type_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

// False for what is no name.
bool Parts(absl::string_view name, SchemaAndName* out) {
  if (name.find_first_of(".\"") == absl::string_view::npos) {
    out->second = std::string(name);
    return true;
  }
  auto parts = SplitName(std::string(name));
  if (!parts.ok() || parts->empty() || parts->size() > 2) return false;
  out->second = parts->back();
  if (parts->size() == 2) out->first = parts->front();
  return true;
}

}  // namespace

std::vector<SchemaAndName> TypesMeantBy(absl::string_view name) {
  std::vector<SchemaAndName> out;
  SchemaAndName whole;
  if (name.empty() || TypeFromName(name) != Type::kUnknown || !Parts(name, &whole)) return out;
  out.push_back(whole);
  if (absl::StartsWith(whole.second, "_")) {
    out.emplace_back(whole.first, whole.second.substr(1));
  }
  return out;
}

absl::StatusOr<ResolvedType> ResolveTypeName(absl::string_view name,
                                             const std::vector<int32_t>& modifiers, int position,
                                             const TypeNames* types) {
  const std::vector<SchemaAndName> meant = TypesMeantBy(name);
  for (size_t i = 0; types != nullptr && i < meant.size(); ++i) {
    auto found = types->find(meant[i]);
    if (found == types->end()) continue;
    if (!modifiers.empty()) {
      return SqlError(
          sqlstate::kSyntaxError,
          absl::StrCat("type modifier is not allowed for type \"", meant[i].second, "\""),
          position);
    }
    return ResolvedType{i == 0 ? found->second : ArrayOf(found->second), -1};
  }
  if (meant.empty()) return ResolveType(name, modifiers, position);
  // An array of what does not exist is named by that.
  const SchemaAndName& missing = meant.back();
  const std::string dot = missing.first.empty() ? "" : ".";
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("type \"", missing.first, dot, missing.second,
                               meant.size() > 1 ? "[]" : "", "\" does not exist"),
                  position);
}

}  // namespace isochron::sql
