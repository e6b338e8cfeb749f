// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/group_caller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "txn/api/descriptor.h"

namespace isochron::txn {
namespace {

// Requests that run as flights at the leader, and whose further tries attach to them.
bool IsFlight(const peer::GroupRequest& request) {
  switch (request.body_case()) {
    case peer::GroupRequest::kCommit:
    case peer::GroupRequest::kPrepare:
    case peer::GroupRequest::kCoordinate:
    case peer::GroupRequest::kOutcome:
    case peer::GroupRequest::kSplit:
    case peer::GroupRequest::kMerge:
      return true;
    default:
      return false;
  }
}

// A try that ended with its own time and not with the call's.
bool TryEnded(const peer::GroupResponse& r) {
  return r.error() == peer::REFUSED &&
         (r.code() == static_cast<int>(absl::StatusCode::kDeadlineExceeded) ||
          r.code() == static_cast<int>(absl::StatusCode::kCancelled));
}

// Cancels what works for a caller that is gone.
class CancelWhenDropped {
 public:
  explicit CancelWhenDropped(Ctx child) : child_(std::move(child)) {}
  CancelWhenDropped(const CancelWhenDropped&) = delete;
  CancelWhenDropped& operator=(const CancelWhenDropped&) = delete;
  ~CancelWhenDropped() { child_->Cancel(); }

 private:
  Ctx child_;
};

}  // namespace

RoutedGroupCaller::RoutedGroupCaller(rpc::PeerRpc* rpc, Router* router, Observer* observer,
                                     Random random, GroupCallerOptions options)
    : rpc_(rpc),
      executor_(rpc->executor()),
      router_(router),
      observer_(observer),
      random_(random),
      options_(options) {}

RoutedGroupCaller::~RoutedGroupCaller() {
  alive_.reset();
  scope_.Clear();
}

void RoutedGroupCaller::Serve(GroupHandler handler) {
  handler_ = std::move(handler);
  rpc_->Register(rpc::Method::kGroupRequest, [this](Ctx ctx, NodeId from, std::string payload) {
    return ServePeer(std::move(ctx), from, std::move(payload));
  });
}

Task<absl::StatusOr<std::string>> RoutedGroupCaller::ServePeer(Ctx ctx, NodeId from,
                                                               std::string payload) {
  peer::GroupRequest request;
  if (!request.ParseFromString(payload)) {
    co_return absl::InvalidArgumentError("malformed group request");
  }
  Task<peer::GroupResponse> work = handler_(std::move(ctx), from, std::move(request));
  peer::GroupResponse response = co_await work;
  co_return response.SerializeAsString();
}

NodeId RoutedGroupCaller::Pick(const Search& search) {
  const std::vector<NodeId> voters =
      search.anywhere ? router_->Nodes() : router_->Voters(search.group);
  auto usable = [&](NodeId n) {
    return std::find(voters.begin(), voters.end(), n) != voters.end() && !search.passed.contains(n);
  };
  const NodeId hint = router_->LeaderHint(search.group);
  if (hint && usable(hint)) return hint;
  if (usable(rpc_->self())) return rpc_->self();
  std::vector<NodeId> left;
  for (NodeId n : voters) {
    if (usable(n)) left.push_back(n);
  }
  return left.empty() ? NodeId() : left[random_.Below(left.size())];
}

Task<CallResult> RoutedGroupCaller::CallTraced(Ctx ctx, GroupId group, peer::GroupRequest request) {
  request.set_group(group.value);
  request.set_priority(static_cast<uint32_t>(ctx->priority));
  Search search;
  search.group = group;
  while (true) {
    if (absl::Status s = ctx->Check(executor_->MonotonicNow()); !s.ok()) {
      co_return CallResult{Explain(s, search), search.lost};
    }
    const NodeId to = search.next ? std::exchange(search.next, NodeId()) : Pick(search);
    if (!to) {
      // Everybody was asked: let time pass, then begin again.
      search.passed.clear();
      search.silent.clear();
      search.anywhere |= search.gone;
      const int shift = std::min(search.rounds++, 6);
      const Micros cap = std::min(options_.backoff_min_us << shift, options_.backoff_max_us);
      observer_->Count("gateway.leader_search_rounds", 1);
      co_await SleepFor(executor_, random_.Between(cap / 2, cap));
      continue;
    }
    if (std::exchange(search.pause, false)) {
      co_await SleepFor(executor_, random_.Between(1, options_.backoff_min_us));
    }
    absl::StatusOr<peer::GroupResponse> answer = co_await Try(ctx, to, &request);
    if (Judge(to, answer, &search)) co_return CallResult{std::move(answer), search.lost};
  }
}

absl::Status RoutedGroupCaller::Explain(const absl::Status& status, const Search& search) const {
  if (status.code() != absl::StatusCode::kDeadlineExceeded || search.found) return status;
  const std::vector<NodeId> voters = router_->Voters(search.group);
  size_t answered = 0;
  std::string silent, words;
  for (const auto& [node, said] : search.said) {
    if (said.empty()) {
      absl::StrAppend(&silent, silent.empty() ? "" : ", ", ToString(node));
    } else {
      answered += std::find(voters.begin(), voters.end(), node) != voters.end() ? 1 : 0;
      absl::StrAppend(&words, "; ", ToString(node), " says: ", said);
    }
  }
  return absl::DeadlineExceededError(absl::StrCat(
      "no leader of group ", search.group.value, " was found before the deadline: ", answered,
      " of its ", voters.size(), " voters answered, ", voters.size() / 2 + 1, " are needed",
      silent.empty() ? "" : absl::StrCat("; no answer from ", silent), words));
}

Task<absl::StatusOr<peer::GroupResponse>> RoutedGroupCaller::CallAt(Ctx ctx, NodeId node,
                                                                    GroupId group,
                                                                    peer::GroupRequest request,
                                                                    Micros timeout_us) {
  request.set_group(group.value);
  request.set_priority(static_cast<uint32_t>(ctx->priority));
  const Micros now = executor_->MonotonicNow();
  ISO_CO_RETURN_IF_ERROR(ctx->Check(now));
  // Bounds the work at this node too.
  auto child = std::make_shared<RequestContext>(std::min(ctx->deadline_us(), now + timeout_us));
  child->priority = ctx->priority;
  child->principal = ctx->principal;
  struct Link {
    Ctx parent;
    uint64_t id;
    ~Link() { parent->RemoveOnCancel(id); }
  } link{ctx, ctx->OnCancel([child] { child->Cancel(); })};
  absl::StatusOr<peer::GroupResponse> answer = co_await Try(child, node, &request);
  ISO_CO_RETURN_IF_ERROR(ctx->Check(executor_->MonotonicNow()));
  if (!answer.ok()) co_return absl::UnavailableError(answer.status().message());
  for (const peer::GroupDescriptor& d : answer->descriptors()) router_->Learn(ToDescriptor(d));
  co_return answer;
}

bool RoutedGroupCaller::Judge(NodeId asked, const absl::StatusOr<peer::GroupResponse>& answer,
                              Search* search) {
  if (!answer.ok()) {
    // Refused before anything ran; or no answer, and who knows.
    if (answer.status().code() != absl::StatusCode::kResourceExhausted) search->lost = true;
    if (router_->LeaderHint(search->group) == asked) router_->ReportLeader(search->group, NodeId());
    search->passed.insert(asked);
    search->silent.insert(asked);
    search->said[asked].clear();
    return false;
  }
  for (const peer::GroupDescriptor& d : answer->descriptors()) router_->Learn(ToDescriptor(d));
  if (answer->error() == peer::NOT_LEADER || answer->error() == peer::UNKNOWN_GROUP) {
    const NodeId hint(answer->error() == peer::NOT_LEADER ? answer->leader_hint() : 0);
    search->passed.insert(asked);
    search->gone |= answer->error() == peer::UNKNOWN_GROUP;
    search->said[asked] = answer->message().empty() ? "not the leader" : answer->message();
    const NodeId known = router_->LeaderHint(search->group);
    if (!hint || hint == asked) {
      if (known == asked) router_->ReportLeader(search->group, NodeId());
      return false;
    }
    // A node that was just silent is no better for being named; nor one that just declined.
    if (search->silent.contains(hint) || search->passed.contains(hint)) return false;
    router_->ReportLeader(search->group, hint);
    search->next = hint;
    return false;
  }
  if (TryEnded(*answer)) {
    search->found = true;
    router_->ReportLeader(search->group, asked);
    search->next = asked;
    search->pause = true;
    return false;
  }
  if (router_->LeaderHint(search->group) != asked) router_->ReportLeader(search->group, asked);
  return true;
}

Task<absl::StatusOr<peer::GroupResponse>> RoutedGroupCaller::Try(
    Ctx ctx, NodeId to, const peer::GroupRequest* request) {
  if (to == rpc_->self() && handler_) {
    absl::StatusOr<peer::GroupResponse> here = co_await TryHere(ctx, request);
    co_return here;
  }
  rpc::CallOptions options;
  options.timeout_us = options_.try_timeout_us;
  options.abandon = IsFlight(*request);
  absl::StatusOr<std::string> bytes = co_await rpc_->Call(ctx, to, rpc::Method::kGroupRequest,
                                                          request->SerializeAsString(), options);
  if (!bytes.ok()) co_return bytes.status();
  peer::GroupResponse response;
  if (!response.ParseFromString(*bytes)) {
    co_return absl::InternalError(absl::StrCat("malformed answer from ", ToString(to)));
  }
  co_return response;
}

Task<absl::StatusOr<peer::GroupResponse>> RoutedGroupCaller::TryHere(
    Ctx ctx, const peer::GroupRequest* request) {
  Answer answer(executor_);
  auto child = std::make_shared<RequestContext>(ctx->deadline_us());
  child->priority = ctx->priority;
  child->principal = ctx->principal;
  const bool flight = IsFlight(*request);
  executor_->Post(
      [this, alive = std::weak_ptr<bool>(alive_), child, copy = *request, answer]() mutable {
        if (!alive.expired()) scope_.Spawn(RunHere(std::move(child), std::move(copy), answer));
      });
  // No timeout of the try: this process is alive. The handler is bounded by the deadline.
  const uint64_t cancel_id = ctx->OnCancel([answer]() mutable {
    answer.Set(absl::CancelledError("canceling statement due to user request"));
  });
  struct Unregister {
    Ctx ctx;
    uint64_t id;
    ~Unregister() { ctx->RemoveOnCancel(id); }
  } unregister{ctx, cancel_id};
  std::optional<CancelWhenDropped> cancel;
  if (!flight) cancel.emplace(child);
  absl::StatusOr<peer::GroupResponse> response = co_await answer;
  co_return response;
}

Task<void> RoutedGroupCaller::RunHere(Ctx ctx, peer::GroupRequest request, Answer answer) {
  Task<peer::GroupResponse> work = handler_(std::move(ctx), rpc_->self(), std::move(request));
  peer::GroupResponse response = co_await work;
  answer.Set(std::move(response));
}

}  // namespace isochron::txn
