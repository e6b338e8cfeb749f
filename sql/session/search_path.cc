// SPDX-License-Identifier: Apache-2.0
//
// Search paths, and names as they are settled by them.
#include "sql/session/search_path.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/session/engine_impl.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxMissing = 1024;

}  // namespace

const PathPtr& PublicPath() {
  static const auto* path = new PathPtr(std::make_shared<const SearchPath>(1, kPublicSchema));
  return *path;
}

std::vector<std::string> PathParts(const std::string& setting) {
  std::vector<std::string> out;
  size_t i = 0;
  while (i < setting.size()) {
    std::string part;
    while (i < setting.size() && absl::ascii_isspace(static_cast<unsigned char>(setting[i]))) ++i;
    if (i < setting.size() && setting[i] == '"') {
      for (++i; i < setting.size(); ++i) {
        if (setting[i] == '"' && (i + 1 >= setting.size() || setting[i + 1] != '"')) break;
        if (setting[i] == '"') ++i;
        part.push_back(setting[i]);
      }
      while (i < setting.size() && setting[i] != ',') ++i;
    } else {
      while (i < setting.size() && setting[i] != ',') part.push_back(setting[i++]);
      part = absl::AsciiStrToLower(absl::StripAsciiWhitespace(part));
    }
    if (!part.empty()) out.push_back(std::move(part));
    ++i;
  }
  return out;
}

Task<absl::StatusOr<bool>> EngineImpl::SchemaStands(Ctx ctx, std::string schema,
                                                    const TableMap* inside) {
  const std::string name = SchemaFullName(schema);
  if (inside != nullptr && inside->contains(name)) co_return inside->at(name) != nullptr;
  ISO_CO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  auto missing = missing_schemas_.find(name);
  if (missing != missing_schemas_.end() && now.latest <= missing->second) co_return false;
  bool may_come = false;
  ISO_CO_ASSIGN_OR_RETURN(const bool stands, co_await catalog_.Stands(ctx, name, &may_come));
  if (deps_.sabotage.Is(Sabotage::kMissingSchemaRemembered)) may_come = false;
  missing_schemas_.erase(name);
  if (stands || may_come) co_return stands;
  // Whoever makes it has put up a fence a lease before it is there (SchemaTransaction::FenceName).
  if (missing_schemas_.size() >= kMaxMissing) missing_schemas_.clear();
  missing_schemas_[name] = now.earliest + options_.schema_lease_us;
  co_return false;
}

Task<absl::StatusOr<PathPtr>> EngineImpl::PathOf(Ctx ctx, Settings* settings,
                                                 const TableMap* inside) {
  if (settings->path_is_plain()) co_return settings->path();
  SearchPath out;
  bool plain = true;
  const std::string value = settings->Get("search_path").value_or(kPublicSchema);
  for (std::string& part : PathParts(value)) {
    if (part == "$user") part = settings->current_user();
    if (IsVirtualSchema(part) || part.rfind("pg_", 0) == 0) continue;
    if (part != kPublicSchema) {
      plain = false;
      ISO_CO_ASSIGN_OR_RETURN(const bool stands, co_await SchemaStands(ctx, part, inside));
      if (!stands) continue;
    }
    if (std::find(out.begin(), out.end(), part) == out.end()) out.push_back(std::move(part));
  }
  settings->SetPath(std::move(out), plain);
  co_return settings->path();
}

Task<absl::StatusOr<PreparedPtr>> EngineImpl::OnPath(Ctx ctx, PreparedPtr text, Settings* settings,
                                                     const TableMap* inside) {
  if (database_id_.has_value()) ISO_CO_RETURN_IF_ERROR(co_await catalog_.CheckDatabase(ctx));
  ISO_CO_ASSIGN_OR_RETURN(PathPtr path, co_await PathOf(ctx, settings, inside));
  // A statement that was made, not parsed, has no text to be prepared anew.
  if (text->text.empty() || text->path == path || *text->path == *path) co_return text;
  Params params;
  for (Type t : text->param_types) params.push_back({t, Datum::Null()});
  co_return cache_.Get(text->text, params, path);
}

}  // namespace isochron::sql
