// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_SPANNER_SERVICE_H_
#define ISOCHRON_SERVER_RPC_SPANNER_SERVICE_H_

// google.spanner.v1.Spanner over sql/session: one coroutine a request, on the node's loop.
//
// Which transaction a statement runs in, by its selector:
//
//   none, on a session             the session's own: by itself, or in what BEGIN opened there
//   none, on a multiplexed one     by itself
//   single_use read_only           a read at the bound asked for
//   single_use otherwise           by itself
//   id, begin                      a transaction by id; if the statement that begins one fails, the
//                                  transaction is rolled back and its id never seen
//
// A request that stands alone, or begins a transaction, is new work: it enters by the admission
// (server/admission) and may be refused there. Requests of a transaction that was begun pass.
//
// A transaction runs one request at a time. Requests outlive the tasks they are given to.
// Loop thread only.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "google/spanner/v1/spanner.pb.h"
#include "server/admission/admission.h"
#include "server/rpc/call.h"
#include "server/rpc/result_sinks.h"
#include "server/rpc/sessions.h"
#include "server/rpc/stream_call.h"

namespace isochron::rpc {

class SpannerService {
 public:
  // Both outlive it.
  SpannerService(Sessions* sessions, admission::Admission* admission)
      : sessions_(sessions), admission_(admission) {}

  Task<absl::Status> CreateSession(CallInfo* call,
                                   const google::spanner::v1::CreateSessionRequest* request,
                                   google::spanner::v1::Session* response);
  Task<absl::Status> BatchCreateSessions(
      CallInfo* call, const google::spanner::v1::BatchCreateSessionsRequest* request,
      google::spanner::v1::BatchCreateSessionsResponse* response);
  Task<absl::Status> GetSession(CallInfo* call,
                                const google::spanner::v1::GetSessionRequest* request,
                                google::spanner::v1::Session* response);
  Task<absl::Status> ListSessions(CallInfo* call,
                                  const google::spanner::v1::ListSessionsRequest* request,
                                  google::spanner::v1::ListSessionsResponse* response);
  Task<absl::Status> DeleteSession(CallInfo* call,
                                   const google::spanner::v1::DeleteSessionRequest* request,
                                   google::protobuf::Empty* response);

  Task<absl::Status> ExecuteSql(CallInfo* call,
                                const google::spanner::v1::ExecuteSqlRequest* request,
                                google::spanner::v1::ResultSet* response);
  Task<absl::Status> ExecuteStreamingSql(CallInfo* call,
                                         const google::spanner::v1::ExecuteSqlRequest* request,
                                         PartialStream* stream);
  Task<absl::Status> ExecuteBatchDml(CallInfo* call,
                                     const google::spanner::v1::ExecuteBatchDmlRequest* request,
                                     google::spanner::v1::ExecuteBatchDmlResponse* response);

  Task<absl::Status> BeginTransaction(CallInfo* call,
                                      const google::spanner::v1::BeginTransactionRequest* request,
                                      google::spanner::v1::Transaction* response);
  Task<absl::Status> Commit(CallInfo* call, const google::spanner::v1::CommitRequest* request,
                            google::spanner::v1::CommitResponse* response);
  Task<absl::Status> Rollback(CallInfo* call, const google::spanner::v1::RollbackRequest* request,
                              google::protobuf::Empty* response);

 private:
  // What a selector chose.
  struct Target {
    std::shared_ptr<ApiTransaction> txn;  // null: not by id
    bool began = false;                   // by this request
    bool read_only = false;               // single use, at `bound`
    bool own = false;                     // on the session's own sql::Session
    sql::ReadBound bound;
  };

  // Whether a request goes on with something that was begun before.
  static bool GoesOn(const ApiSession& session,
                     const google::spanner::v1::TransactionSelector& selector);
  absl::StatusOr<Target> Choose(Ctx ctx, ApiSession* session,
                                const google::spanner::v1::TransactionSelector& selector);
  Task<absl::Status> RunSql(CallInfo* call, const google::spanner::v1::ExecuteSqlRequest* request,
                            ApiSink* sink);
  // The transaction's turn is taken, if there is one.
  Task<absl::Status> RunInTarget(CallInfo* call, ApiSession* session, const Target* target,
                                 const google::spanner::v1::ExecuteSqlRequest* request,
                                 ApiSink* sink);
  Task<absl::StatusOr<sql::StatementResult>> Run(Ctx ctx, ApiSession* session, const Target* target,
                                                 std::string sql, sql::Params params,
                                                 sql::ResultSink* sink);
  Task<absl::StatusOr<sql::StatementResult>> RunBorrowed(Ctx ctx, ApiSession* of,
                                                         const Target* target, std::string sql,
                                                         sql::Params params, sql::ResultSink* sink);
  Task<absl::Status> Describe(Ctx ctx, ApiSession* session,
                              const google::spanner::v1::ExecuteSqlRequest* request, ApiSink* sink);
  Task<absl::Status> RunBatch(Ctx ctx, ApiSession* session,
                              const google::spanner::v1::ExecuteBatchDmlRequest* request,
                              const Target* target,
                              google::spanner::v1::ExecuteBatchDmlResponse* response);
  Task<absl::Status> CommitIn(CallInfo* call, const google::spanner::v1::CommitRequest* request,
                              ApiSession* session, ApiTransaction* txn,
                              google::spanner::v1::CommitResponse* response);
  void DescribeTransaction(const ApiSession& session, ApiTransaction* txn,
                           google::spanner::v1::Transaction* out);
  // ABORTED, UNKNOWN or FAILED_PRECONDITION once the transaction has ended.
  static absl::Status CheckOpen(const ApiTransaction& txn);
  // Rolls back and forgets what a failure has ended: an aborted transaction, or one that the failed
  // request began.
  void EndAfterFailure(ApiSession* session, const Target& target, const absl::Status& status);
  Executor* executor() const { return sessions_->executor(); }

  Sessions* const sessions_;
  admission::Admission* const admission_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_SPANNER_SERVICE_H_
