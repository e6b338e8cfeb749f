// SPDX-License-Identifier: Apache-2.0
//
// The door under more load than it may carry: new work waits or is refused with a time to come
// back, what was begun goes on.
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "server/rpc/rpc_server.h"
#include "server/rpc/testing/fake_engine.h"
#include "server/rpc/testing/server_fixture.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;

constexpr char kDatabase[] = "projects/isochron/instances/default/databases/isochron";

RpcServer::Options Tight() {
  RpcServer::Options o;
  o.admission.min_running = o.admission.first_running = o.admission.max_running = 2;
  o.admission.max_waiting = 1;
  o.admission.max_wait_us = 20'000'000;
  o.admission.rest_us = 1000;
  return o;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

class OverloadTest : public testing::Test {
 protected:
  explicit OverloadTest(RpcServer::Options options = Tight())
      : server_([](Executor* e) { return std::make_unique<FakeEngine>(e); }, std::move(options)),
        stub_(spanner::Spanner::NewStub(
            grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials()))) {}
  ~OverloadTest() override {
    for (auto& context : contexts_) context->TryCancel();
    for (std::thread& t : threads_) t.join();
  }

  FakeCounters& counters() { return static_cast<FakeEngine*>(server_.engine())->counters; }
  std::string NewSession(bool multiplexed) {
    grpc::ClientContext context;
    spanner::CreateSessionRequest request;
    request.set_database(kDatabase);
    request.mutable_session()->set_multiplexed(multiplexed);
    spanner::Session session;
    EXPECT_TRUE(stub_->CreateSession(&context, request, &session).ok());
    return session.name();
  }
  static spanner::ExecuteSqlRequest Sql(const std::string& session, const std::string& sql) {
    spanner::ExecuteSqlRequest request;
    request.set_session(session);
    request.set_sql(sql);
    return request;
  }
  grpc::Status Run(const spanner::ExecuteSqlRequest& request,
                   grpc::ClientContext* context = nullptr) {
    grpc::ClientContext own;
    spanner::ResultSet result;
    return stub_->ExecuteSql(context ? context : &own, request, &result);
  }
  // A statement that lasts until the end of the test.
  void Occupy(const std::string& session) {
    contexts_.push_back(std::make_unique<grpc::ClientContext>());
    grpc::ClientContext* context = contexts_.back().get();
    threads_.emplace_back([this, context, session] { Run(Sql(session, "WAIT"), context); });
  }
  size_t Waiting() {
    size_t waiting = 0;
    server_.OnLoop([&] { waiting = server_.server()->admission().waiting(); });
    return waiting;
  }
  // Fills both places and the queue.
  void Fill(const std::string& session) {
    for (int i = 0; i < 2; ++i) Occupy(session);
    EXPECT_TRUE(Eventually([this] { return counters().waiting == 2; }));
    Occupy(session);
    EXPECT_TRUE(Eventually([this] { return Waiting() == 1; }));
  }

  ServerFixture server_;
  std::unique_ptr<spanner::Spanner::Stub> stub_;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
  std::vector<std::thread> threads_;
};

TEST_F(OverloadTest, NewWorkIsRefusedWithATimeToComeBack) {
  const std::string session = NewSession(true);
  Fill(session);
  grpc::ClientContext context;
  const grpc::Status refused = Run(Sql(session, "INSERT"), &context);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.error_message().find("this node is overloaded"), std::string::npos)
      << refused.error_message();
  const auto& trailing = context.GetServerTrailingMetadata();
  auto info = trailing.find("google.rpc.retryinfo-bin");
  ASSERT_NE(info, trailing.end());
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(retry.ParseFromArray(info->second.data(), static_cast<int>(info->second.size())));
  EXPECT_GT(retry.retry_delay().seconds() * 1'000'000'000 + retry.retry_delay().nanos(), 0);
  auto state = trailing.find("isochron-sqlstate");
  ASSERT_NE(state, trailing.end());
  EXPECT_EQ(std::string(state->second.data(), state->second.size()), "53300");
  EXPECT_EQ(counters().statements, 2);  // nothing was spent on it

  spanner::BeginTransactionRequest begin;
  begin.set_session(session);
  begin.mutable_options()->mutable_read_write();
  grpc::ClientContext begin_context;
  spanner::Transaction txn;
  EXPECT_EQ(stub_->BeginTransaction(&begin_context, begin, &txn).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(counters().begun, 0);
}

// Never shed at COMMIT (rule 38).
TEST_F(OverloadTest, ATransactionThatWasBegunRunsToItsEnd) {
  const std::string session = NewSession(true);
  spanner::BeginTransactionRequest begin;
  begin.set_session(session);
  begin.mutable_options()->mutable_read_write();
  grpc::ClientContext begin_context;
  spanner::Transaction txn;
  ASSERT_TRUE(stub_->BeginTransaction(&begin_context, begin, &txn).ok());
  Fill(session);
  spanner::ExecuteSqlRequest statement = Sql(session, "INSERT");
  statement.mutable_transaction()->set_id(txn.id());
  EXPECT_TRUE(Run(statement).ok());
  spanner::CommitRequest commit;
  commit.set_session(session);
  commit.set_transaction_id(txn.id());
  grpc::ClientContext commit_context;
  spanner::CommitResponse committed;
  EXPECT_TRUE(stub_->Commit(&commit_context, commit, &committed).ok());
  EXPECT_EQ(counters().committed, 1);
}

TEST_F(OverloadTest, WhatBeginOpenedOnASessionGoesOn) {
  const std::string own = NewSession(false);
  ASSERT_TRUE(Run(Sql(own, "BEGIN")).ok());
  Fill(NewSession(true));
  EXPECT_TRUE(Run(Sql(own, "INSERT")).ok());
  EXPECT_TRUE(Run(Sql(own, "COMMIT")).ok());
  EXPECT_EQ(Run(Sql(own, "INSERT")).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(OverloadTest, PlacesComeFreeWhenRequestsEnd) {
  const std::string session = NewSession(true);
  Fill(session);
  contexts_[0]->TryCancel();
  EXPECT_TRUE(Eventually([this] { return Waiting() == 0; }));
  EXPECT_TRUE(Eventually([this] { return counters().waiting == 2; }));
  for (auto& context : contexts_) context->TryCancel();
  EXPECT_TRUE(Eventually([&] { return Run(Sql(session, "INSERT")).ok(); }));
  int64_t running = -1;
  EXPECT_TRUE(Eventually([&] {
    server_.OnLoop([&] { running = server_.server()->admission().running(); });
    return running == 0;
  })) << running;
}

class CallLimitTest : public OverloadTest {
 protected:
  static RpcServer::Options FewCalls() {
    RpcServer::Options o;
    o.max_calls = 2;
    return o;
  }
  CallLimitTest() : OverloadTest(FewCalls()) {}
};

TEST_F(CallLimitTest, BeyondItOnlyWhatEndsSomethingIsServed) {
  const std::string session = NewSession(true);
  for (int i = 0; i < 2; ++i) Occupy(session);
  ASSERT_TRUE(Eventually([this] { return counters().waiting == 2; }));
  const grpc::Status refused = Run(Sql(session, "INSERT"));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.error_message().find("requests are under way"), std::string::npos);
  grpc::ClientContext context;
  spanner::RollbackRequest rollback;
  rollback.set_session(session);
  rollback.set_transaction_id("none");
  google::protobuf::Empty nothing;
  EXPECT_TRUE(stub_->Rollback(&context, rollback, &nothing).ok());
}

}  // namespace
}  // namespace isochron::rpc
