// SPDX-License-Identifier: Apache-2.0
#include "bench/experiment.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::bench {

void OneOperation::Step(ClientRun* run) {
  const int64_t began = NowUs();
  const absl::StatusOr<client::Result> result = operation_(run);
  if (result.ok()) {
    run->stats.Succeeded(began, NowUs(), result->latency);
  } else {
    run->stats.Failed(result.status());
  }
}

absl::Status OneOperation::Check(client::Client* /*client*/, Json* /*report*/) {
  return absl::OkStatus();
}

absl::StatusOr<Json> Measure(const std::string& name, const LoadOptions& load,
                             OneOperation::Operation operation) {
  OneOperation workload(std::move(operation));
  ISO_ASSIGN_OR_RETURN(LoadResult result, RunLoad(name, load, &workload));
  ISO_RETURN_IF_ERROR(result.finding);
  if (!result.error_kinds.empty()) {
    return absl::InternalError(
        absl::StrCat(name, ": operations failed: ", result.error_kinds.begin()->first));
  }
  return std::move(result.report);
}

}  // namespace isochron::bench
