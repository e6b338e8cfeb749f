// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_STATUS_CODEC_H_
#define ISOCHRON_SERVER_RPC_STATUS_CODEC_H_

// What goes into a call's trailing metadata (docs/reference/api.md): details of an error, always;
// details of a success when the client asked for them with the header "isochron-details".
//
// Call before the call is finished. Stateless.

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "sql/session/session.h"

namespace isochron::rpc {

// NOT_FOUND in the words and details that make client libraries open another session.
absl::Status SessionNotFound(absl::string_view name);

// Code and message; the details of an error are added to the trailing metadata: isochron-sqlstate,
// isochron-position, isochron-hint, and for ABORTED google.rpc.retryinfo-bin.
grpc::Status ToGrpcStatus(const absl::Status& status, grpc::ServerContext* context);

bool WantsDetails(const grpc::ServerContext& context);
// isochron-command-tag, isochron-commit-timestamp, isochron-read-timestamp (microseconds since
// 1970), isochron-latency.
void AddDetails(const sql::StatementResult& result, grpc::ServerContext* context);
void AddLatency(const LatencyAccount& latency, grpc::ServerContext* context);

// Metadata values are printable ASCII: the rest, and "%", as %XX.
std::string EscapeMetadata(absl::string_view text);

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_STATUS_CODEC_H_
