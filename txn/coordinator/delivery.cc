// SPDX-License-Identifier: Apache-2.0
//
// How the coordinator tells outcomes and lets decisions go.
#include <algorithm>
#include <utility>

#include "tablet/group/convert.h"
#include "txn/coordinator/coordinator.h"

namespace isochron::txn {
namespace {

constexpr size_t kForgetBatch = 128;
constexpr Micros kLongWaitUs = 60'000'000;

}  // namespace

Task<bool> Coordinator::TellOnce(GroupId participant, peer::OutcomeRequest outcome) {
  peer::GroupRequest request;
  *request.mutable_outcome() = std::move(outcome);
  request.set_priority(static_cast<uint32_t>(Priority::kHigh));
  auto ctx =
      std::make_shared<RequestContext>(group_->now_us() + group_->env().options.call_timeout_us);
  ctx->priority = Priority::kHigh;
  group_->Reached("2pc.outcome_sent");
  auto response = co_await group_->env().caller->Call(ctx, participant, std::move(request));
  co_return response.ok() && response->error() == peer::GROUP_OK;
}

Task<void> Coordinator::TellAndIgnore(GroupId participant, peer::OutcomeRequest outcome) {
  (void)co_await TellOnce(participant, std::move(outcome));
}

Task<void> Coordinator::DeliverTo(GroupId participant, peer::OutcomeRequest outcome,
                                  std::shared_ptr<int> left, std::shared_ptr<WaitList> done) {
  Micros pause = group_->env().options.backoff_us;
  while (!group_->stopped()) {
    const bool acked = co_await TellOnce(participant, outcome);
    if (acked) {
      group_->Reached("2pc.outcome_acked");
      --*left;
      break;
    }
    co_await SleepFor(group_->env().executor, pause);
    pause = std::min(pause * 2, group_->env().options.backoff_cap_us);
  }
  done->NotifyAll();
}

Task<void> Coordinator::Deliver(TxnAttempt attempt, Timestamp s,
                                std::vector<GroupId> participants) {
  peer::OutcomeRequest outcome;
  tablet::ToProto(attempt, outcome.mutable_txn());
  outcome.set_commit(true);
  outcome.set_s(s.us);
  auto left = std::make_shared<int>(static_cast<int>(participants.size()));
  auto done = std::make_shared<WaitList>(group_->env().executor);
  for (GroupId g : participants) group_->Spawn(DeliverTo(g, outcome, left, done));
  while (*left > 0 && !group_->stopped()) {
    co_await done->WaitUntil(group_->now_us() + kLongWaitUs);
  }
  if (!group_->stopped()) QueueForget(attempt);
}

Task<void> Coordinator::Redeliver(TxnAttempt attempt, Timestamp s,
                                  std::vector<GroupId> participants) {
  group_->Reached("2pc.redelivered");
  if (!group_->env().sabotage.Is(Sabotage::kSkipWaitAfterFailover)) {
    const bool passed = co_await group_->WaitOut(s);
    if (!passed) co_return;
  }
  co_await Deliver(attempt, s, std::move(participants));
}

void Coordinator::QueueForget(const TxnAttempt& attempt) {
  delivering_.erase(attempt);
  forget_.push_back(attempt);
  if (forgetting_) return;
  forgetting_ = true;
  group_->Spawn(ForgetSoon());
}

Task<void> Coordinator::ForgetSoon() {
  co_await SleepFor(group_->env().executor, group_->env().options.forget_delay_us);
  while (!forget_.empty() && !group_->stopped()) {
    peer::Command command;
    const size_t n = std::min(forget_.size(), kForgetBatch);
    for (size_t i = 0; i < n; ++i) {
      tablet::ToProto(forget_[i], command.mutable_forget()->add_txns());
    }
    forget_.erase(forget_.begin(), forget_.begin() + static_cast<std::ptrdiff_t>(n));
    absl::Status applied = co_await group_->ProposeAndApply(nullptr, std::move(command));
    if (!applied.ok()) break;  // the next leader delivers again, and then forgets
  }
  forgetting_ = false;
}

}  // namespace isochron::txn
