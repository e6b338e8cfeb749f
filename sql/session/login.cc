// SPDX-License-Identifier: Apache-2.0
//
// Who a session is: what the door told, SET SESSION AUTHORIZATION and SET ROLE.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/session/access.h"
#include "sql/session/engine_impl.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr char kNoAuthorization[] = "28000";

}  // namespace

bool ChangesIdentity(const ast::Set& set) {
  return set.name == "role" || set.name == "session_authorization";
}

Task<absl::StatusOr<Login>> EngineImpl::FindLogin(Ctx ctx, std::string name) {
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr roles, co_await FindNow(ctx, kRolesName, nullptr));
  Login out;
  if (roles == nullptr) co_return out;
  const std::vector<Role>& all = roles->roles->roles;
  out.passwords =
      std::any_of(all.begin(), all.end(), [](const Role& r) { return !r.verifier.empty(); });
  const Role* role = roles->roles->Find(name);
  if (role == nullptr) co_return out;
  out.known = true;
  ISO_CO_ASSIGN_OR_RETURN(const Timestamp now, SqlNow());
  const bool over = role->valid_until_us.has_value() && *role->valid_until_us <= now.us;
  if (!over) out.verifier = role->verifier;
  co_return out;
}

Task<absl::Status> EngineImpl::LogIn(Ctx ctx, std::string name, Settings* settings) {
  if (name == kBootstrapRoleName) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr roles, co_await FindNow(ctx, kRolesName, nullptr));
  const Role* role = roles == nullptr ? nullptr : roles->roles->Find(name);
  if (role == nullptr) co_return absl::OkStatus();
  if (!role->login) {
    co_return SqlError(kNoAuthorization,
                       absl::StrCat("role \"", name, "\" is not permitted to log in"));
  }
  const Settings::Identity identity{name, role->id};
  settings->Know(identity);
  settings->SetWho({identity, identity, std::nullopt});
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessOf(ctx, settings, nullptr));
  if ((access->Rights(access->database_acl()) & kRightConnect) == 0) {
    settings->SetWho({});
    co_return WithFields(
        SqlError(kNoPrivilege, absl::StrCat("permission denied for database \"", database_, "\"")),
        {"User does not have CONNECT privilege."});
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SessionImpl::LogIn(Ctx ctx, std::string name) {
  connected_ = true;
  co_return co_await engine_->LogIn(std::move(ctx), std::move(name), settings_.get());
}

Task<absl::StatusOr<StatementResult>> EngineImpl::SetIdentity(Ctx ctx, const ast::Set* set,
                                                              Settings* settings,
                                                              const TableMap* inside) {
  StatementResult result;
  result.tag = set->value.has_value() ? "SET" : "RESET";
  const bool of_session = set->name == "session_authorization";
  const bool nobody = !set->value.has_value() || (!of_session && *set->value == "none");
  const Settings::Who& who = settings->who();
  if (!nobody) {
    // For its list of roles, whoever acts.
    ISO_CO_ASSIGN_OR_RETURN(const AccessPtr acting, co_await AccessOf(ctx, settings, inside));
    const std::optional<uint64_t> role = acting->catalog().IdOf(*set->value);
    if (!role.has_value()) {
      co_return SqlError(sqlstate::kInvalidParameter,
                         absl::StrCat("role \"", *set->value, "\" does not exist"));
    }
    const uint64_t from = of_session ? who.login.role : who.session.role;
    const AccessPtr access = MakeAccess(acting->roles, acting->database, from);
    if (of_session && !access->superuser && *role != from) {
      co_return SqlError(kNoPrivilege, "permission denied to set session authorization");
    }
    if (!of_session && !access->MayBecome(*role)) {
      co_return SqlError(kNoPrivilege,
                         absl::StrCat("permission denied to set role \"", *set->value, "\""));
    }
    settings->Know({*set->value, *role});
  }
  ISO_CO_RETURN_IF_ERROR(settings->Set(set->name, nobody ? std::nullopt : set->value));
  if (!settings->acts_as_bootstrap()) {
    ISO_CO_RETURN_IF_ERROR((co_await AccessOf(ctx, settings, inside)).status());
  }
  co_return result;
}

}  // namespace isochron::sql
