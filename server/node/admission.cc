// SPDX-License-Identifier: Apache-2.0
#include "server/node/admission.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/request_context.h"
#include "common/status_macros.h"
#include "storage/engine/key_space.h"

namespace isochron::server {
namespace {

// What an answer is waited for: more from round to round, since the way may be a long one.
constexpr Micros kAnswerMinUs = 300'000;
constexpr Micros kAnswerMaxUs = 2'000'000;
constexpr Micros kPauseUs = 100'000;
constexpr int kQuietRounds = 20;
constexpr absl::string_view kBirthRow = "node.birth";
constexpr absl::string_view kAdmitted = "admitted ";
constexpr absl::string_view kAsking = "asking ";

std::string MetRow(NodeId node) { return storage::MetaKey(absl::StrCat("node.met.", node.value)); }

}  // namespace

absl::Status Admission::Save() {
  storage::WriteBatch batch;
  batch.Put(storage::MetaKey(kBirthRow), absl::StrCat(admitted_ ? kAdmitted : kAsking, birth_));
  ISO_RETURN_IF_ERROR(env_.engine->Write(std::move(batch)));
  return env_.engine->Flush();
}

absl::Status Admission::Begin(uint64_t birth) {
  if (birth_ != 0) return absl::OkStatus();
  birth_ = birth;
  return Save();
}

absl::Status Admission::Load() {
  std::string value;
  ISO_ASSIGN_OR_RETURN(const bool found, env_.engine->Get(storage::MetaKey(kBirthRow), &value));
  if (!found) return absl::OkStatus();  // of a folder that joined, or of an earlier version
  absl::string_view number = value;
  admitted_ = absl::ConsumePrefix(&number, kAdmitted);
  if (!admitted_) (void)absl::ConsumePrefix(&number, kAsking);
  if (!absl::SimpleAtoi(number, &birth_)) {
    return absl::DataLossError("the record of this folder's birth cannot be read");
  }
  return absl::OkStatus();
}

void Admission::Serve() {
  env_.rpc->Register(kAdmissionMethod, [this](Ctx, NodeId from, std::string payload) {
    return Answer(from, std::move(payload));
  });
}

absl::Status Admission::Judge(NodeId from, uint64_t birth) {
  if (!env_.original) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", env_.self.value, " came to a universe that was there before"));
  }
  const absl::Status known = absl::FailedPreconditionError(absl::StrCat(
      "node ", env_.self.value, " knows node ", from.value, " with another data folder"));
  std::string value;
  ISO_ASSIGN_OR_RETURN(const bool met, env_.engine->Get(MetRow(from), &value));
  if (met) return value == absl::StrCat(birth) ? absl::OkStatus() : known;
  if (env_.heard && env_.heard(from)) return known;
  storage::WriteBatch batch;
  batch.Put(MetRow(from), absl::StrCat(birth));
  ISO_RETURN_IF_ERROR(env_.engine->Write(std::move(batch)));
  return env_.engine->Flush();
}

Task<absl::StatusOr<std::string>> Admission::Answer(NodeId from, std::string payload) {
  uint64_t birth = 0;
  if (!absl::SimpleAtoi(payload, &birth) || birth == 0) {
    co_return absl::InvalidArgumentError("a question about a data folder cannot be understood");
  }
  ISO_CO_RETURN_IF_ERROR(Judge(from, birth));
  co_return std::string();
}

Task<absl::Status> Admission::Ask() {
  std::set<NodeId> others(env_.voters.begin(), env_.voters.end());
  others.erase(env_.self);
  const size_t wanted = others.empty() ? 0 : others.size() / 2 + 1;
  std::set<NodeId> noted;
  Micros answer_us = kAnswerMinUs;
  for (int round = 1; noted.size() < wanted; ++round) {
    for (NodeId node : others) {
      if (noted.contains(node)) continue;
      auto ctx = std::make_shared<RequestContext>(env_.executor->MonotonicNow() + answer_us);
      auto answer = co_await env_.rpc->Call(ctx, node, kAdmissionMethod, absl::StrCat(birth_),
                                            {.timeout_us = answer_us});
      if (answer.ok()) noted.insert(node);
      if (answer.status().code() != absl::StatusCode::kFailedPrecondition) continue;
      co_return absl::FailedPreconditionError(absl::StrCat(
          "this data folder is new, but node ", env_.self.value,
          " is not: ", answer.status().message(),
          ". A replica that lost its folder must not vote again. To come back with an empty one, "
          "empty this folder, start with --join, and have the node's replicas replaced"));
    }
    if (round == kQuietRounds && env_.tell) {
      env_.tell(absl::StrCat("a new universe's node votes once ", wanted, " of the other ",
                             others.size(), " first voters have noted it; ", noted.size(),
                             " have so far"));
    }
    answer_us = std::min(answer_us * 3 / 2, kAnswerMaxUs);
    if (noted.size() < wanted) co_await SleepFor(env_.executor, kPauseUs);
  }
  admitted_ = true;
  co_return Save();
}

}  // namespace isochron::server
