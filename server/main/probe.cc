// SPDX-License-Identifier: Apache-2.0
#include "server/main/probe.h"

#include <grpcpp/grpcpp.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/system.h"

namespace isochron::server {

absl::Status ProbeHealth(const std::string& address, Micros timeout_us) {
  auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  auto stub = grpc::health::v1::Health::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(runtime::SystemDeadline(timeout_us));
  context.set_wait_for_ready(false);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      stub->Check(&context, grpc::health::v1::HealthCheckRequest(), &response);
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  if (response.status() != grpc::health::v1::HealthCheckResponse::SERVING) {
    return absl::UnavailableError("it serves, but has no leader or no clock bound yet");
  }
  return absl::OkStatus();
}

}  // namespace isochron::server
