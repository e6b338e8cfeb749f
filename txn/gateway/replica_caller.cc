// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/replica_caller.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::txn {
namespace {

constexpr Micros kLeaderSearchUs = 2'000'000;
constexpr Micros kRoundPauseUs = 20'000;

bool TryEnded(const peer::GroupResponse& r) {
  return r.error() == peer::REFUSED &&
         (r.code() == static_cast<int>(absl::StatusCode::kDeadlineExceeded) ||
          r.code() == static_cast<int>(absl::StatusCode::kCancelled));
}

bool AskAnother(const peer::GroupResponse& r) {
  return r.error() == peer::NOT_LEADER || r.error() == peer::UNKNOWN_GROUP || TryEnded(r);
}

// Of ctx, with what each node said.
absl::Status Explain(const absl::Status& status, GroupId group, int64_t t_us,
                     const std::map<NodeId, std::string>& said) {
  if (status.code() != absl::StatusCode::kDeadlineExceeded || said.empty()) return status;
  std::string words;
  for (const auto& [node, what] : said) absl::StrAppend(&words, "; ", ToString(node), ": ", what);
  return absl::DeadlineExceededError(absl::StrCat(
      "no replica of group ", group.value, " could serve a read at ", t_us,
      " us before the deadline; read at an earlier timestamp, or wait for these nodes", words));
}

using Answered = OneShot<absl::StatusOr<peer::GroupResponse>>;

Task<void> AskLeader(Gateway* gateway, Ctx ctx, GroupId group, peer::GroupRequest request,
                     Answered answered) {
  answered.Set(co_await gateway->env.groups->Call(ctx, group, std::move(request)));
}

Task<void> AskStandIns(Gateway* gateway, Ctx ctx, GroupId group, peer::GroupRequest request,
                       Answered answered) {
  const GatewayEnv& env = gateway->env;
  co_await SleepFor(env.executor, env.limits.straggler_us);
  env.observer->Reached("gateway.straggler");
  request.mutable_snapshot_read()->set_any_replica(true);
  for (NodeId node : NearestReplicas(*gateway, group)) {
    if (node == env.router->LeaderHint(group)) continue;
    auto answer = co_await env.groups->CallAt(ctx, node, group, request, env.limits.replica_try_us);
    if (!answer.ok() || AskAnother(*answer)) continue;
    if (answered.Set(std::move(answer))) env.observer->Reached("gateway.stand_in_answered");
    co_return;
  }
}

}  // namespace

std::vector<NodeId> NearestReplicas(const Gateway& gateway, GroupId group) {
  const GatewayEnv& env = gateway.env;
  std::vector<std::pair<Micros, NodeId>> by_distance;
  for (NodeId n : env.router->Readers(group)) {
    const Micros far = env.distances ? env.distances->To(n) : Distances::kUnknown;
    by_distance.emplace_back(n == env.self ? 0 : std::max<Micros>(far, 1), n);
  }
  std::sort(by_distance.begin(), by_distance.end());
  std::vector<NodeId> nodes;
  for (const auto& [far, n] : by_distance) nodes.push_back(n);
  return nodes;
}

Task<absl::StatusOr<peer::GroupResponse>> CallReplicas(Gateway* gateway, Ctx ctx, GroupId group,
                                                       peer::GroupRequest request) {
  const GatewayEnv& env = gateway->env;
  const int64_t t_us = request.snapshot_read().timestamp_us();
  std::map<NodeId, std::string> said;
  for (;;) {
    for (NodeId node : NearestReplicas(*gateway, group)) {
      if (absl::Status s = ctx->Check(env.executor->MonotonicNow()); !s.ok()) {
        co_return Explain(s, group, t_us, said);
      }
      auto answer =
          co_await env.groups->CallAt(ctx, node, group, request, env.limits.replica_try_us);
      if (answer.ok() && !AskAnother(*answer)) {
        env.observer->Count(node == env.self ? "gateway.reads_here" : "gateway.reads_at_replica",
                            1);
        co_return answer;
      }
      said[node] = std::string(answer.ok() ? answer->message() : answer.status().message());
      env.observer->Reached("gateway.replica_passed_over");
    }
    // The list may be old: a search for the leader brings new descriptors.
    const Micros now = env.executor->MonotonicNow();
    if (absl::Status s = ctx->Check(now); !s.ok()) co_return Explain(s, group, t_us, said);
    auto shorter =
        std::make_shared<RequestContext>(std::min(ctx->deadline_us(), now + kLeaderSearchUs));
    shorter->priority = ctx->priority;
    struct Link {
      Ctx parent;
      uint64_t id;
      ~Link() { parent->RemoveOnCancel(id); }
    } link{ctx, ctx->OnCancel([shorter] { shorter->Cancel(); })};
    auto answer = co_await env.groups->Call(shorter, group, request);
    if (answer.ok() && !AskAnother(*answer)) co_return answer;
    co_await SleepFor(env.executor, kRoundPauseUs);
  }
}

Task<absl::StatusOr<peer::GroupResponse>> CallOrStandIn(Gateway* gateway, Ctx ctx, GroupId group,
                                                        peer::GroupRequest request) {
  Answered answered(gateway->env.executor);
  TaskScope scope;
  scope.Spawn(AskLeader(gateway, ctx, group, request, answered));
  scope.Spawn(AskStandIns(gateway, ctx, group, std::move(request), answered));
  auto answer = co_await answered;
  scope.Clear();
  co_return answer;
}

}  // namespace isochron::txn
