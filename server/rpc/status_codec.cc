// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/status_codec.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/admission/admission.h"
#include "sql/types/error.h"

namespace isochron::rpc {
namespace {

constexpr char kSessionUrl[] = "isochron/session";
constexpr Micros kAbortedRetryUs = 5'000;
// PostgreSQL's "too many connections": drivers and poolers take it for a busy server.
constexpr char kBusyState[] = "53300";

std::string RetryInfo(Micros delay_us) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(delay_us / 1'000'000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay_us % 1'000'000 * 1000));
  return info.SerializeAsString();
}

std::string SessionDetails(const absl::Status& status, const std::string& name) {
  google::rpc::ResourceInfo resource;
  resource.set_resource_type("type.googleapis.com/google.spanner.v1.Session");
  resource.set_resource_name(name);
  google::rpc::Status details;
  details.set_code(static_cast<int32_t>(status.code()));
  details.set_message(std::string(status.message()));
  details.add_details()->PackFrom(resource);
  return details.SerializeAsString();
}

}  // namespace

absl::Status SessionNotFound(absl::string_view name) {
  absl::Status status = absl::NotFoundError(absl::StrCat("Session not found: ", name));
  status.SetPayload(kSessionUrl, absl::Cord(name));
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status, grpc::ServerContext* context) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
  if (auto session = status.GetPayload(kSessionUrl)) {
    return grpc::Status(code, message, SessionDetails(status, std::string(*session)));
  }
  const Micros retry_us = admission::RetryAfter(status);
  context->AddTrailingMetadata("isochron-sqlstate",
                               retry_us > 0 ? kBusyState : sql::SqlStateOf(status));
  if (const int position = sql::PositionOf(status); position > 0) {
    context->AddTrailingMetadata("isochron-position", absl::StrCat(position));
  }
  if (const std::string hint = sql::HintOf(status); !hint.empty()) {
    context->AddTrailingMetadata("isochron-hint", EscapeMetadata(hint));
  }
  if (status.code() == absl::StatusCode::kAborted) {
    context->AddTrailingMetadata("google.rpc.retryinfo-bin", RetryInfo(kAbortedRetryUs));
  } else if (retry_us > 0) {
    context->AddTrailingMetadata("google.rpc.retryinfo-bin", RetryInfo(retry_us));
  }
  // This protocol has no field for it.
  const std::string detail = sql::FieldsOf(status).detail;
  return grpc::Status(code, detail.empty() ? message : absl::StrCat(message, ": ", detail));
}

bool WantsDetails(const grpc::ServerContext& context) {
  return context.client_metadata().find("isochron-details") != context.client_metadata().end();
}

void AddDetails(const sql::StatementResult& result, grpc::ServerContext* context) {
  context->AddTrailingMetadata("isochron-command-tag", EscapeMetadata(result.tag));
  if (result.commit_timestamp) {
    context->AddTrailingMetadata("isochron-commit-timestamp", ToString(*result.commit_timestamp));
  }
  if (result.read_timestamp) {
    context->AddTrailingMetadata("isochron-read-timestamp", ToString(*result.read_timestamp));
  }
  AddLatency(result.latency, context);
}

void AddLatency(const LatencyAccount& l, grpc::ServerContext* context) {
  context->AddTrailingMetadata(
      "isochron-latency",
      absl::StrCat("queue=", l.queue_us, ",lock_wait=", l.lock_wait_us, ",paxos=", l.paxos_us,
                   ",two_pc=", l.two_pc_us, ",commit_wait_hidden=", l.commit_wait_hidden_us,
                   ",commit_wait_exposed=", l.commit_wait_exposed_us));
}

std::string EscapeMetadata(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '%') {
      out.push_back(c);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace isochron::rpc
