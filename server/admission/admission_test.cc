// SPDX-License-Identifier: Apache-2.0
#include "server/admission/admission.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/rpc/test_net.h"

namespace isochron::admission {
namespace {

using Slot = Admission::Slot;

Options Small() {
  Options o;
  o.min_running = 2;
  o.first_running = 2;
  o.max_running = 64;
  o.max_waiting = 8;
  o.max_wait_us = 1'000'000;
  return o;
}

class AdmissionTest : public testing::Test {
 protected:
  // One request that entered, or waits, or was refused.
  struct Request {
    Ctx ctx;
    std::optional<absl::Status> status;
    Slot slot;
  };

  void Make(Options options) {
    admission_ = std::make_unique<Admission>(&executor_, nullptr, options);
  }
  Request* Enter(Priority priority = Priority::kNormal, Micros timeout_us = 60'000'000) {
    auto request = std::make_unique<Request>();
    Request* r = request.get();
    r->ctx = std::make_shared<RequestContext>(executor_.MonotonicNow() + timeout_us);
    r->ctx->priority = priority;
    requests_.push_back(std::move(request));
    scope_.Spawn(Run(admission_.get(), r));
    executor_.RunReady();
    return r;
  }
  static Task<void> Run(Admission* admission, Request* r) {
    auto entered = co_await admission->Enter(r->ctx);
    r->status = entered.status();
    if (entered.ok()) r->slot = *std::move(entered);
  }
  void Leave(Request* r) {
    r->slot.Release();
    executor_.RunReady();
  }
  static bool In(const Request* r) { return r->status.has_value() && r->status->ok(); }

  rpc::TestExecutor executor_;
  std::unique_ptr<Admission> admission_;
  std::vector<std::unique_ptr<Request>> requests_;
  TaskScope scope_;
};

TEST_F(AdmissionTest, WhatIsAboveTheLimitWaitsInOrder) {
  Make(Small());
  Request* a = Enter();
  Request* b = Enter();
  Request* c = Enter();
  Request* d = Enter();
  EXPECT_TRUE(In(a));
  EXPECT_TRUE(In(b));
  EXPECT_FALSE(c->status.has_value());
  EXPECT_EQ(admission_->waiting(), 2u);
  executor_.RunFor(30'000);
  Leave(a);
  EXPECT_TRUE(In(c));
  EXPECT_FALSE(d->status.has_value());
  EXPECT_EQ(c->ctx->latency.queue_us, 30'000);
  Leave(b);
  EXPECT_TRUE(In(d));
  EXPECT_EQ(admission_->running(), 2);
  Leave(c);
  Leave(d);
  EXPECT_EQ(admission_->running(), 0);
}

TEST_F(AdmissionTest, HigherPriorityGoesFirst) {
  Make(Small());
  Request* a = Enter();
  Enter();
  Request* low = Enter(Priority::kLow);
  Request* normal = Enter();
  Request* high = Enter(Priority::kHigh);
  Leave(a);
  EXPECT_TRUE(In(high));
  Leave(high);
  EXPECT_TRUE(In(normal));
  EXPECT_FALSE(low->status.has_value());
}

TEST_F(AdmissionTest, AFullQueueRefusesWithATime) {
  Make(Small());
  for (int i = 0; i < 10; ++i) Enter();
  Request* refused = Enter();
  ASSERT_TRUE(refused->status.has_value());
  EXPECT_EQ(refused->status->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(RetryAfter(*refused->status), 0);
  EXPECT_NE(refused->status->message().find("overloaded: 2 requests run and 8 wait"),
            absl::string_view::npos)
      << *refused->status;
  EXPECT_EQ(RetryAfter(absl::ResourceExhaustedError("another")), 0);
}

// Work that was begun is never shed: it holds locks.
TEST_F(AdmissionTest, WhatWasBegunAlwaysPasses) {
  Make(Small());
  for (int i = 0; i < 11; ++i) Enter();
  Slot slot = admission_->Pass();
  EXPECT_TRUE(slot);
  EXPECT_EQ(admission_->running(), 3);
  slot.Release();
  EXPECT_EQ(admission_->running(), 2);
}

TEST_F(AdmissionTest, WaitsEndWithTheDeadlineTheClientAndTheLimit) {
  Make(Small());
  Enter();
  Enter();
  Request* short_of_time = Enter(Priority::kNormal, 100'000);
  Request* cancelled = Enter();
  Request* patient = Enter();
  cancelled->ctx->Cancel();
  executor_.RunFor(100'000);
  ASSERT_TRUE(cancelled->status.has_value());
  EXPECT_EQ(cancelled->status->code(), absl::StatusCode::kCancelled);
  ASSERT_TRUE(short_of_time->status.has_value());
  EXPECT_EQ(short_of_time->status->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(admission_->waiting(), 1u);
  executor_.RunFor(2'000'000);
  ASSERT_TRUE(patient->status.has_value());
  EXPECT_EQ(patient->status->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(RetryAfter(*patient->status), 0);
  EXPECT_EQ(admission_->waiting(), 0u);
  EXPECT_EQ(admission_->running(), 2);
}

// Who would wait past what an answer is good for is told so at once.
TEST_F(AdmissionTest, RefusesAtOnceWhoWouldWaitTooLong) {
  Options o = Small();
  o.max_waiting = 1000;
  o.max_running = 2;
  Make(o);
  std::vector<Request*> in = {Enter(), Enter()};
  std::vector<Request*> waiting;
  for (int i = 0; i < 30; ++i) waiting.push_back(Enter());
  // Ten a second come free, over some intervals.
  size_t next = 0;
  for (int i = 0; i < 10; ++i) {
    executor_.RunFor(100'000);
    Leave(i % 2 == 0 || next < 2 ? in[static_cast<size_t>(i % 2)] : waiting[next - 2]);
    while (next < waiting.size() && In(waiting[next])) ++next;
    in[static_cast<size_t>(i % 2)] = waiting[next - 1];
  }
  Request* late = Enter();
  ASSERT_TRUE(late->status.has_value());
  EXPECT_EQ(late->status->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(admission_->waiting(), o.max_waiting);
}

TEST_F(AdmissionTest, TheLimitFallsWithAStandingDelayAndRisesWhenWorkWaitsWithoutOne) {
  Options o = Small();
  o.first_running = 16;
  o.max_waiting = 1000;
  Make(o);
  for (int i = 0; i < 100; ++i) {
    executor_.RunFor(10'000);
    admission_->NoteDelay(60'000);
  }
  EXPECT_LT(admission_->limit(), 12);
  const int64_t low = admission_->limit();
  // One request that found the loop idle: no standing queue.
  std::vector<Request*> running;
  for (int64_t i = 0; i < low + 20; ++i) running.push_back(Enter());
  for (int i = 0; i < 60; ++i) {
    executor_.RunFor(10'000);
    admission_->NoteDelay(i % 5 == 0 ? 100 : 60'000);
  }
  EXPECT_GT(admission_->limit(), low);
}

// A transaction counts while it works; between its requests only for a moment.
TEST_F(AdmissionTest, ARestingTransactionKeepsNobodyOut) {
  Make(Small());
  Request* txn = Enter();
  Enter();
  Request* next = Enter();
  txn->slot.Rest();
  executor_.RunFor(10'000);
  EXPECT_FALSE(next->status.has_value());
  executor_.RunFor(10'000);
  EXPECT_TRUE(In(next));
  EXPECT_EQ(admission_->running(), 2);
  txn->slot.Resume();  // passes, whatever the limit
  EXPECT_EQ(admission_->running(), 3);
  txn->slot.Resume();
  txn->slot.Rest();  // one of two requests is still there
  executor_.RunFor(50'000);
  EXPECT_EQ(admission_->running(), 3);
  Slot moved = std::move(txn->slot);
  moved.Rest();
  Slot again = std::move(moved);
  executor_.RunFor(50'000);
  EXPECT_EQ(admission_->running(), 2);
  again.Release();
  EXPECT_EQ(admission_->running(), 2);
}

TEST_F(AdmissionTest, AWaiterThatIsDestroyedLeavesNothingBehind) {
  Make(Small());
  Request* a = Enter();
  Enter();
  Enter();
  a->slot.Release();  // the waiter was let in, but did not run yet
  EXPECT_EQ(admission_->running(), 2);
  scope_.Clear();
  EXPECT_EQ(admission_->running(), 1);
  EXPECT_EQ(admission_->waiting(), 0u);
}

TEST_F(AdmissionTest, SlotsMayOutliveTheAdmission) {
  Make(Small());
  Request* a = Enter();
  a->slot.Rest();
  Slot passed = admission_->Pass();
  admission_.reset();
  executor_.RunFor(100'000);
  passed.Release();
}

}  // namespace
}  // namespace isochron::admission
