// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/peer_rpc.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::rpc {

// What one call leaves behind, taken away however its coroutine ends.
class PeerRpc::CallGuard {
 public:
  CallGuard(PeerRpc* rpc, Ctx ctx, NodeId to, uint64_t id, bool abandon)
      : rpc_(rpc), alive_(rpc->alive_), ctx_(std::move(ctx)), to_(to), id_(id), abandon_(abandon) {}
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  ~CallGuard() {
    ctx_->RemoveOnCancel(cancel_id);
    if (alive_.expired()) return;
    rpc_->executor_->Cancel(timer);
    const bool unanswered = rpc_->waiting_.erase(id_) > 0;
    if (unanswered && !abandon_) rpc_->SendCancel(to_, id_);
  }

  Executor::TimerId timer = 0;
  uint64_t cancel_id = 0;

 private:
  PeerRpc* const rpc_;
  const std::weak_ptr<bool> alive_;
  const Ctx ctx_;
  const NodeId to_;
  const uint64_t id_;
  const bool abandon_;
};

bool PeerRpc::Window::Admit(uint64_t id) {
  if (id + kIds <= greatest) return false;
  if (id > greatest) {
    if (id - greatest >= kIds) {
      seen.reset();
    } else {
      for (uint64_t i = greatest + 1; i <= id; ++i) seen.reset(i % kIds);
    }
    greatest = id;
  }
  if (seen.test(id % kIds)) return false;
  seen.set(id % kIds);
  return true;
}

PeerRpc::PeerRpc(Executor* executor, Transport* transport, Observer* observer, uint64_t incarnation,
                 Limits limits)
    : executor_(executor),
      transport_(transport),
      observer_(observer),
      incarnation_(incarnation),
      limits_(limits) {
  transport_->SetHandler(Channel::kRpc, [this, alive = std::weak_ptr<bool>(alive_)](
                                            NodeId from, absl::string_view payload) {
    if (!alive.expired()) OnMessage(from, payload);
  });
}

PeerRpc::~PeerRpc() {
  alive_.reset();
  scope_.Clear();
}

void PeerRpc::Register(Method method, Handler handler) {
  ISO_CHECK(handlers_.emplace(method, std::move(handler)).second, "one handler a method");
}

Task<absl::StatusOr<std::string>> PeerRpc::Call(Ctx ctx, NodeId to, Method method,
                                                std::string payload, CallOptions options) {
  const Micros now = executor_->MonotonicNow();
  if (absl::Status s = ctx->Check(now); !s.ok()) co_return s;
  const Micros left = ctx->deadline_us() - now;
  const bool own_timeout = options.timeout_us > 0 && options.timeout_us < left;
  const Micros wait = own_timeout ? options.timeout_us : left;

  const uint64_t id = ++last_id_;
  Answer answer(executor_);
  waiting_.emplace(id, answer);
  CallGuard guard(this, ctx, to, id, options.abandon);
  guard.timer = executor_->PostAfter(wait, [answer, own_timeout, to]() mutable {
    answer.Set(own_timeout
                   ? absl::UnavailableError(absl::StrCat(ToString(to), " did not answer in time"))
                   : absl::DeadlineExceededError(
                         absl::StrCat(ToString(to), " did not answer before the deadline")));
  });
  guard.cancel_id = ctx->OnCancel([answer]() mutable {
    answer.Set(absl::CancelledError("canceling statement due to user request"));
  });

  Envelope request;
  request.type = MessageType::kRequest;
  request.incarnation = incarnation_;
  request.id = id;
  request.method = method;
  request.left_us = options.abandon ? left : wait;
  request.priority = ctx->priority;
  request.principal = ctx->principal;
  request.payload = std::move(payload);
  Send(to, std::move(request));
  absl::StatusOr<std::string> result = co_await answer;
  co_return result;
}

void PeerRpc::Send(NodeId to, Envelope envelope) {
  if (to != self()) {
    transport_->Send(to, Channel::kRpc, Encode(envelope));
    return;
  }
  executor_->Post(
      [this, alive = std::weak_ptr<bool>(alive_), envelope = std::move(envelope)]() mutable {
        if (alive.expired()) return;
        switch (envelope.type) {
          case MessageType::kRequest:
            return OnRequest(self(), std::move(envelope));
          case MessageType::kCancel:
            return OnCancel(self(), envelope);
          case MessageType::kResponse:
            return;  // Reply hands these over directly
        }
      });
}

void PeerRpc::SendCancel(NodeId to, uint64_t id) {
  Envelope cancel;
  cancel.type = MessageType::kCancel;
  cancel.incarnation = incarnation_;
  cancel.id = id;
  Send(to, std::move(cancel));
}

void PeerRpc::OnMessage(NodeId from, absl::string_view bytes) {
  Envelope e;
  if (!Decode(bytes, &e)) {
    observer_->Count("rpc.garbage", 1);
    return;
  }
  switch (e.type) {
    case MessageType::kRequest:
      OnRequest(from, std::move(e));
      return;
    case MessageType::kCancel:
      OnCancel(from, e);
      return;
    case MessageType::kResponse:
      if (e.incarnation != incarnation_) return;
      if (e.code == 0) {
        OnResponse(e.id, std::move(e.payload));
      } else {
        OnResponse(e.id, absl::Status(static_cast<absl::StatusCode>(e.code), e.message));
      }
      return;
  }
}

void PeerRpc::OnRequest(NodeId from, Envelope request) {
  std::unique_ptr<Window>& window = windows_[from];
  if (window == nullptr) window = std::make_unique<Window>();
  if (request.incarnation < window->incarnation) {
    // Late, and then nobody reads the answer; or of a data folder that forgot what came after it.
    Reply(from, request.incarnation, request.id,
          absl::FailedPreconditionError(
              absl::StrCat(ToString(self()), " has heard a later process of ", ToString(from))));
    return;
  }
  if (request.incarnation > window->incarnation) {
    window->seen.reset();
    window->greatest = 0;
    window->incarnation = request.incarnation;
    // Whoever waited for the handlers of the old process is gone.
    for (auto& [key, ctx] : std::map(running_)) {
      if (key.first == from) ctx->Cancel();
    }
    std::erase_if(running_, [from](const auto& r) { return r.first.first == from; });
  }
  if (!window->Admit(request.id)) {
    observer_->Count("rpc.duplicates", 1);
    return;
  }
  const size_t times = request.priority == Priority::kHigh ? 2 : 1;
  if (running_.size() >= times * limits_.in_progress ||
      running_bytes_ + request.payload.size() > times * limits_.in_progress_bytes) {
    observer_->Count("rpc.refused", 1);
    Reply(from, request.incarnation, request.id,
          absl::ResourceExhaustedError(absl::StrCat(ToString(self()), " has ", running_.size(),
                                                    " requests of ", running_bytes_,
                                                    " bytes in progress; try again")));
    return;
  }
  if (!handlers_.contains(request.method)) {
    Reply(from, request.incarnation, request.id,
          absl::UnavailableError(absl::StrCat(ToString(self()), " does not serve method ",
                                              static_cast<int>(request.method))));
    return;
  }
  scope_.Spawn(Serve(from, std::move(request)));
}

Task<void> PeerRpc::Serve(NodeId from, Envelope request) {
  const uint64_t incarnation = request.incarnation;
  const uint64_t id = request.id;
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + request.left_us);
  ctx->priority = request.priority;
  ctx->principal = std::move(request.principal);
  running_.emplace(std::pair(from, id), ctx);
  const size_t bytes = request.payload.size();
  running_bytes_ += bytes;
  Task<absl::StatusOr<std::string>> work =
      handlers_[request.method](ctx, from, std::move(request.payload));
  absl::StatusOr<std::string> result = co_await work;
  running_bytes_ -= bytes;
  auto it = running_.find(std::pair(from, id));
  // Gone, or another's, when the peer has started anew meanwhile: nobody waits for the answer.
  if (it == running_.end() || it->second != ctx) co_return;
  running_.erase(it);
  Reply(from, incarnation, id, std::move(result));
}

void PeerRpc::Reply(NodeId to, uint64_t incarnation, uint64_t id,
                    absl::StatusOr<std::string> result) {
  if (to == self()) return OnResponse(id, std::move(result));
  Envelope response;
  response.type = MessageType::kResponse;
  response.incarnation = incarnation;
  response.id = id;
  if (result.ok()) {
    response.payload = *std::move(result);
  } else {
    response.code = static_cast<int>(result.status().code());
    response.message = std::string(result.status().message());
  }
  Send(to, std::move(response));
}

void PeerRpc::OnCancel(NodeId from, const Envelope& cancel) {
  auto window = windows_.find(from);
  if (window == windows_.end() || window->second->incarnation != cancel.incarnation) return;
  auto it = running_.find(std::pair(from, cancel.id));
  if (it == running_.end()) return;
  Ctx ctx = it->second;
  ctx->Cancel();
}

void PeerRpc::OnResponse(uint64_t id, absl::StatusOr<std::string> result) {
  auto it = waiting_.find(id);
  if (it == waiting_.end()) return;
  Answer answer = it->second;
  waiting_.erase(it);
  answer.Set(std::move(result));
}

}  // namespace isochron::rpc
