// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_ADMIN_SERVICE_H_
#define ISOCHRON_SERVER_RPC_ADMIN_SERVICE_H_

// DatabaseAdmin, Operations and Health. Databases are in the PostgreSQL dialect; those beyond the
// first are made and dropped by SQL, and not listed here.
//
// An operation has run when it is answered. Finished ones are kept, a bounded number of them, for
// clients that ask again by name. Loop thread only.

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/truetime.h"
#include "google/longrunning/operations.pb.h"
#include "google/protobuf/empty.pb.h"
#include "google/spanner/admin/database/v1/spanner_database_admin.pb.h"
#include "grpc/health/v1/health.pb.h"
#include "server/rpc/call.h"
#include "server/rpc/sessions.h"

namespace isochron::rpc {

class AdminService {
 public:
  // `sessions` outlives it. `can_serve` may be null: always.
  AdminService(Sessions* sessions, std::function<bool()> can_serve)
      : sessions_(sessions), can_serve_(std::move(can_serve)) {}

  Task<absl::Status> ListDatabases(
      CallInfo* call, const google::spanner::admin::database::v1::ListDatabasesRequest* request,
      google::spanner::admin::database::v1::ListDatabasesResponse* response);
  // ALREADY_EXISTS for the first database, UNIMPLEMENTED for any other.
  Task<absl::Status> CreateDatabase(
      CallInfo* call, const google::spanner::admin::database::v1::CreateDatabaseRequest* request,
      google::longrunning::Operation* response);
  Task<absl::Status> GetDatabase(
      CallInfo* call, const google::spanner::admin::database::v1::GetDatabaseRequest* request,
      google::spanner::admin::database::v1::Database* response);
  // Runs the statements; an error of one of them is the operation's.
  Task<absl::Status> UpdateDatabaseDdl(
      CallInfo* call, const google::spanner::admin::database::v1::UpdateDatabaseDdlRequest* request,
      google::longrunning::Operation* response);
  Task<absl::Status> GetDatabaseDdl(
      CallInfo* call, const google::spanner::admin::database::v1::GetDatabaseDdlRequest* request,
      google::spanner::admin::database::v1::GetDatabaseDdlResponse* response);

  Task<absl::Status> GetOperation(CallInfo* call,
                                  const google::longrunning::GetOperationRequest* request,
                                  google::longrunning::Operation* response);
  Task<absl::Status> ListOperations(CallInfo* call,
                                    const google::longrunning::ListOperationsRequest* request,
                                    google::longrunning::ListOperationsResponse* response);
  Task<absl::Status> DeleteOperation(CallInfo* call,
                                     const google::longrunning::DeleteOperationRequest* request,
                                     google::protobuf::Empty* response);
  // Nothing is left to cancel.
  Task<absl::Status> CancelOperation(CallInfo* call,
                                     const google::longrunning::CancelOperationRequest* request,
                                     google::protobuf::Empty* response);

  Task<absl::Status> Check(CallInfo* call, const grpc::health::v1::HealthCheckRequest* request,
                           grpc::health::v1::HealthCheckResponse* response);

 private:
  Task<absl::Status> RunDdl(Ctx ctx,
                            const google::spanner::admin::database::v1::UpdateDatabaseDdlRequest* r,
                            google::spanner::admin::database::v1::UpdateDatabaseDdlMetadata* out);
  void Remember(const google::longrunning::Operation& operation);
  void FillDatabase(const std::string& name,
                    google::spanner::admin::database::v1::Database* out) const;

  Sessions* const sessions_;
  const std::function<bool()> can_serve_;
  std::map<std::string, google::longrunning::Operation> operations_;  // by name
  std::deque<std::string> order_;                                     // oldest first
  uint64_t next_operation_ = 1;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_ADMIN_SERVICE_H_
