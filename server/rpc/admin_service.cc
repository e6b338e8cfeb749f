// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/admin_service.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "server/rpc/mutations.h"
#include "server/rpc/value_codec.h"

namespace isochron::rpc {
namespace {

namespace admin = google::spanner::admin::database::v1;
using google::longrunning::Operation;

constexpr size_t kKeptOperations = 1000;

// The name in CREATE DATABASE "name" or `name`; empty if the statement is no such.
std::string DatabaseIn(const std::string& statement) {
  const std::vector<std::string> words =
      absl::StrSplit(statement, absl::ByAnyChar(" \t\r\n;\"`"), absl::SkipEmpty());
  if (words.size() != 3 || !absl::EqualsIgnoreCase(words[0], "create") ||
      !absl::EqualsIgnoreCase(words[1], "database")) {
    return "";
  }
  return words[2];
}

absl::Status CheckInstance(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() == 4 && parts[0] == "projects" && parts[2] == "instances") {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", name, "\" does not name an instance; write projects/isochron/instances/default"));
}

}  // namespace

void AdminService::FillDatabase(const std::string& name, admin::Database* out) const {
  out->set_name(name);
  out->set_state(admin::Database::READY);
  out->set_database_dialect(admin::POSTGRESQL);
}

Task<absl::Status> AdminService::ListDatabases(CallInfo*,
                                               const admin::ListDatabasesRequest* request,
                                               admin::ListDatabasesResponse* response) {
  ISO_CO_RETURN_IF_ERROR(CheckInstance(request->parent()));
  FillDatabase(absl::StrCat(request->parent(), "/databases/", sessions_->database()),
               response->add_databases());
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::CreateDatabase(CallInfo*,
                                                const admin::CreateDatabaseRequest* request,
                                                Operation*) {
  ISO_CO_RETURN_IF_ERROR(CheckInstance(request->parent()));
  const std::string name = DatabaseIn(request->create_statement());
  if (name.empty()) {
    co_return absl::InvalidArgumentError("create_statement is not CREATE DATABASE \"name\"");
  }
  const std::string path = absl::StrCat(request->parent(), "/databases/", name);
  if (name == sessions_->database()) {
    co_return absl::AlreadyExistsError(absl::StrCat("Database already exists: ", path));
  }
  co_return absl::UnimplementedError(
      absl::StrCat("cannot create ", path, " by this call; send CREATE DATABASE in a session"));
}

Task<absl::Status> AdminService::GetDatabase(CallInfo* call,
                                             const admin::GetDatabaseRequest* request,
                                             admin::Database* response) {
  ISO_CO_RETURN_IF_ERROR(co_await sessions_->CheckDatabase(call->ctx, request->name()));
  FillDatabase(request->name(), response);
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::UpdateDatabaseDdl(CallInfo* call,
                                                   const admin::UpdateDatabaseDdlRequest* request,
                                                   Operation* response) {
  ISO_CO_RETURN_IF_ERROR(co_await sessions_->CheckDatabase(call->ctx, request->database()));
  const std::string id = request->operation_id().empty() ? absl::StrCat("_auto_", next_operation_++)
                                                         : request->operation_id();
  const std::string name = absl::StrCat(request->database(), "/operations/", id);
  if (operations_.count(name) > 0) {
    co_return absl::AlreadyExistsError(absl::StrCat("Operation already exists: ", name));
  }
  admin::UpdateDatabaseDdlMetadata metadata;
  const absl::Status status = co_await RunDdl(call->ctx, request, &metadata);
  response->set_name(name);
  response->mutable_metadata()->PackFrom(metadata);
  response->set_done(true);
  if (status.ok()) {
    response->mutable_response()->PackFrom(google::protobuf::Empty());
  } else {
    response->mutable_error()->set_code(static_cast<int>(status.code()));
    response->mutable_error()->set_message(std::string(status.message()));
  }
  Remember(*response);
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::RunDdl(Ctx ctx, const admin::UpdateDatabaseDdlRequest* request,
                                        admin::UpdateDatabaseDdlMetadata* out) {
  out->set_database(request->database());
  *out->mutable_statements() = request->statements();
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<sql::Session> session,
                          co_await sessions_->Open(ctx, request->database()));
  for (const std::string& statement : request->statements()) {
    ISO_CO_ASSIGN_OR_RETURN(const sql::StatementDescription description,
                            co_await session->Describe(ctx, statement, {}));
    if (!description.is_ddl) {
      co_return absl::InvalidArgumentError(absl::StrCat("not a schema change: ", statement));
    }
    sql::CollectingSink sink;
    ISO_CO_ASSIGN_OR_RETURN(const sql::StatementResult result,
                            co_await session->Execute(ctx, statement, {}, &sink));
    EncodeTime(result.commit_timestamp.value_or(Timestamp()), out->add_commit_timestamps());
    out->add_progress()->set_progress_percent(100);
  }
  sessions_->GiveBack(std::move(session));
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::GetDatabaseDdl(CallInfo* call,
                                                const admin::GetDatabaseDdlRequest* request,
                                                admin::GetDatabaseDdlResponse* response) {
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<sql::Session> session,
                          co_await sessions_->Open(call->ctx, request->database()));
  ISO_CO_ASSIGN_OR_RETURN(auto tables, co_await LookUpTables(call->ctx, session.get(), ""));
  sessions_->GiveBack(std::move(session));
  for (const auto& [name, shape] : tables) response->add_statements(TableDdl(name, shape));
  co_return absl::OkStatus();
}

void AdminService::Remember(const Operation& operation) {
  operations_[operation.name()] = operation;
  order_.push_back(operation.name());
  while (order_.size() > kKeptOperations) {
    operations_.erase(order_.front());
    order_.pop_front();
  }
}

Task<absl::Status> AdminService::GetOperation(
    CallInfo*, const google::longrunning::GetOperationRequest* request, Operation* response) {
  auto it = operations_.find(request->name());
  if (it == operations_.end()) {
    co_return absl::NotFoundError(absl::StrCat("Operation not found: ", request->name()));
  }
  *response = it->second;
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::ListOperations(
    CallInfo*, const google::longrunning::ListOperationsRequest* request,
    google::longrunning::ListOperationsResponse* response) {
  for (const auto& [name, operation] : operations_) {
    if (absl::StartsWith(name, request->name())) *response->add_operations() = operation;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::DeleteOperation(
    CallInfo*, const google::longrunning::DeleteOperationRequest* request,
    google::protobuf::Empty*) {
  operations_.erase(request->name());
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::CancelOperation(CallInfo*,
                                                 const google::longrunning::CancelOperationRequest*,
                                                 google::protobuf::Empty*) {
  co_return absl::OkStatus();
}

Task<absl::Status> AdminService::Check(CallInfo*, const grpc::health::v1::HealthCheckRequest* r,
                                       grpc::health::v1::HealthCheckResponse* response) {
  if (!r->service().empty() && !absl::StartsWith(r->service(), "google.spanner.") &&
      r->service() != "google.longrunning.Operations") {
    co_return absl::NotFoundError(absl::StrCat("no such service: ", r->service()));
  }
  const bool serving = !can_serve_ || can_serve_();
  response->set_status(serving ? grpc::health::v1::HealthCheckResponse::SERVING
                               : grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  co_return absl::OkStatus();
}

}  // namespace isochron::rpc
