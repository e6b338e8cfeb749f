// SPDX-License-Identifier: Apache-2.0
//
// The door itself, over an engine of made-up statements: streaming, back-pressure, cancellation,
// deadlines, transactions by id, errors in metadata.
#include "server/rpc/rpc_server.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "google/rpc/error_details.pb.h"
#include "server/rpc/testing/fake_engine.h"
#include "server/rpc/testing/server_fixture.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;
namespace admin = google::spanner::admin::database::v1;

constexpr char kDatabase[] = "projects/isochron/instances/default/databases/isochron";

// True as soon as `condition` holds; false if it does not within ten seconds.
bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

class RpcServerTest : public testing::Test {
 protected:
  RpcServerTest()
      : server_([](Executor* e) { return std::make_unique<FakeEngine>(e); }),
        channel_(grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials())),
        stub_(spanner::Spanner::NewStub(channel_)) {}

  FakeCounters& counters() { return static_cast<FakeEngine*>(server_.engine())->counters; }

  std::string NewSession(bool multiplexed = false) {
    grpc::ClientContext context;
    spanner::CreateSessionRequest request;
    request.set_database(kDatabase);
    request.mutable_session()->set_multiplexed(multiplexed);
    spanner::Session session;
    const grpc::Status status = stub_->CreateSession(&context, request, &session);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return session.name();
  }
  spanner::ExecuteSqlRequest Sql(const std::string& session, const std::string& sql) {
    spanner::ExecuteSqlRequest request;
    request.set_session(session);
    request.set_sql(sql);
    return request;
  }
  grpc::Status Execute(const spanner::ExecuteSqlRequest& request, spanner::ResultSet* out) {
    grpc::ClientContext context;
    return stub_->ExecuteSql(&context, request, out);
  }
  std::string Metadata(const grpc::ClientContext& context, const std::string& key) {
    const auto& all = context.GetServerTrailingMetadata();
    auto it = all.find(key);
    return it == all.end() ? "" : std::string(it->second.data(), it->second.size());
  }

  ServerFixture server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<spanner::Spanner::Stub> stub_;
};

TEST_F(RpcServerTest, SessionsComeAndGo) {
  const std::string name = NewSession();
  EXPECT_EQ(name.find(std::string(kDatabase) + "/sessions/"), 0u);
  spanner::GetSessionRequest get;
  get.set_name(name);
  spanner::Session session;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(stub_->GetSession(&context, get, &session).ok());
  }
  {
    grpc::ClientContext context;
    spanner::DeleteSessionRequest request;
    request.set_name(name);
    google::protobuf::Empty empty;
    EXPECT_TRUE(stub_->DeleteSession(&context, request, &empty).ok());
  }
  grpc::ClientContext context;
  const grpc::Status status = stub_->GetSession(&context, get, &session);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "Session not found: " + name);
  EXPECT_FALSE(status.error_details().empty());
}

TEST_F(RpcServerTest, AnotherDatabaseIsNotFound) {
  grpc::ClientContext context;
  spanner::CreateSessionRequest request;
  request.set_database("projects/p/instances/i/databases/other");
  spanner::Session session;
  EXPECT_EQ(stub_->CreateSession(&context, request, &session).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(RpcServerTest, ValuesKeepTheirForm) {
  auto request = Sql(NewSession(), "ECHO");
  auto add = [&](const std::string& name, spanner::TypeCode type) {
    if (type != spanner::TYPE_CODE_UNSPECIFIED) {
      (*request.mutable_param_types())[name].set_code(type);
    }
    return &(*request.mutable_params()->mutable_fields())[name];
  };
  add("p1", spanner::INT64)->set_string_value("-9223372036854775808");
  add("p2", spanner::FLOAT64)->set_string_value("-Infinity");
  add("p3", spanner::BYTES)->set_string_value("AP8=");
  add("p4", spanner::TIMESTAMP)->set_string_value("2024-01-02T03:04:05.123456Z");
  add("p5", spanner::BOOL)->set_bool_value(true);
  add("p6", spanner::TYPE_CODE_UNSPECIFIED)->set_number_value(1.5);
  add("$7", spanner::STRING)->set_null_value(google::protobuf::NULL_VALUE);
  spanner::ResultSet result;
  const grpc::Status status = Execute(request, &result);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto& values = result.rows(0).values();
  EXPECT_EQ(values[0].string_value(), "-9223372036854775808");
  EXPECT_EQ(values[1].string_value(), "-Infinity");
  EXPECT_EQ(values[2].string_value(), "AP8=");
  EXPECT_EQ(values[3].string_value(), "2024-01-02T03:04:05.123456Z");
  EXPECT_TRUE(values[4].bool_value());
  EXPECT_EQ(values[5].string_value(), "1.5");
  EXPECT_EQ(values[6].kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(result.metadata().row_type().fields(3).type().code(), spanner::TIMESTAMP);
}

TEST_F(RpcServerTest, BadParametersAreNamed) {
  auto request = Sql(NewSession(), "ECHO");
  (*request.mutable_params()->mutable_fields())["p1"].set_string_value("ten");
  (*request.mutable_param_types())["p1"].set_code(spanner::INT64);
  spanner::ResultSet result;
  const grpc::Status status = Execute(request, &result);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("\"p1\""), std::string::npos);
}

TEST_F(RpcServerTest, ErrorsCarryTheirDetails) {
  grpc::ClientContext context;
  spanner::ResultSet result;
  const grpc::Status status = stub_->ExecuteSql(&context, Sql(NewSession(), "FAIL"), &result);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Metadata(context, "isochron-sqlstate"), "42601");
  EXPECT_EQ(Metadata(context, "isochron-position"), "1");
  EXPECT_EQ(Metadata(context, "isochron-hint"), "write 100%25 SQL");
}

TEST_F(RpcServerTest, AbortedTellsWhenToRetry) {
  grpc::ClientContext context;
  spanner::ResultSet result;
  const grpc::Status status = stub_->ExecuteSql(&context, Sql(NewSession(), "ABORT"), &result);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  google::rpc::RetryInfo info;
  ASSERT_TRUE(info.ParseFromString(Metadata(context, "google.rpc.retryinfo-bin")));
  EXPECT_GT(info.retry_delay().nanos(), 0);
}

TEST_F(RpcServerTest, DetailsComeOnRequest) {
  const std::string session = NewSession();
  spanner::ResultSet result;
  grpc::ClientContext plain;
  ASSERT_TRUE(stub_->ExecuteSql(&plain, Sql(session, "INSERT"), &result).ok());
  EXPECT_EQ(result.stats().row_count_exact(), 1);
  EXPECT_EQ(Metadata(plain, "isochron-command-tag"), "");
  grpc::ClientContext context;
  context.AddMetadata("isochron-details", "1");
  ASSERT_TRUE(stub_->ExecuteSql(&context, Sql(session, "INSERT"), &result).ok());
  EXPECT_EQ(Metadata(context, "isochron-command-tag"), "INSERT 0 1");
  EXPECT_EQ(Metadata(context, "isochron-commit-timestamp"), "1700000000123456");
  EXPECT_NE(Metadata(context, "isochron-latency").find("paxos=7"), std::string::npos);
  EXPECT_EQ(Metadata(context, "isochron-transaction-status"), "I");
}

TEST_F(RpcServerTest, SmallResultIsOneMessage) {
  grpc::ClientContext context;
  auto reader = stub_->ExecuteStreamingSql(&context, Sql(NewSession(), "ROWS 3 4"));
  spanner::PartialResultSet part;
  ASSERT_TRUE(reader->Read(&part));
  EXPECT_EQ(part.metadata().row_type().fields_size(), 2);
  EXPECT_EQ(part.values_size(), 6);
  EXPECT_TRUE(part.last());
  EXPECT_FALSE(reader->Read(&part));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(RpcServerTest, LongValuesAreCutAndJoined) {
  grpc::ClientContext context;
  auto reader = stub_->ExecuteStreamingSql(&context, Sql(NewSession(), "ROWS 2 300000"));
  spanner::PartialResultSet part;
  std::vector<std::string> values;
  bool join = false;
  int messages = 0;
  while (reader->Read(&part)) {
    ++messages;
    EXPECT_LE(part.ByteSizeLong(), 200'000u);
    for (const auto& v : part.values()) {
      if (join) {
        values.back() += v.string_value();
      } else {
        values.push_back(v.string_value());
      }
      join = false;
    }
    join = part.chunked_value();
  }
  EXPECT_TRUE(reader->Finish().ok());
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(values[1], std::string(300'000, 'x'));
  EXPECT_EQ(values[2], "1");
  EXPECT_GT(messages, 8);
}

TEST_F(RpcServerTest, ASlowReaderHoldsTheStatementBack) {
  constexpr int kRows = 100'000;
  grpc::ClientContext context;
  auto reader = stub_->ExecuteStreamingSql(&context, Sql(NewSession(), "ROWS 100000 1000"));
  spanner::PartialResultSet part;
  ASSERT_TRUE(reader->Read(&part));
  // What gRPC buffers on its own is some hundred KiB; 100 MB would take every row.
  int before = -1;
  for (int same = 0; same < 20;) {
    server_.OnLoop([] {});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // for the sockets to fill
    const int now = counters().rows;
    same = now == before ? same + 1 : 0;
    before = now;
  }
  EXPECT_LT(before, kRows / 4);
  int rows = part.values_size() / 2;
  while (reader->Read(&part)) rows += part.values_size() / 2;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(rows, kRows);
}

TEST_F(RpcServerTest, AClientThatLeavesEndsItsStream) {
  grpc::ClientContext context;
  auto reader = stub_->ExecuteStreamingSql(&context, Sql(NewSession(), "ROWS 1000000 1000"));
  spanner::PartialResultSet part;
  ASSERT_TRUE(reader->Read(&part));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The loop is free again.
  spanner::ResultSet result;
  EXPECT_TRUE(Execute(Sql(NewSession(), "INSERT"), &result).ok());
  EXPECT_LT(counters().rows, 1'000'000);
}

TEST_F(RpcServerTest, CancellationReachesTheStatement) {
  grpc::ClientContext context;
  const auto request = Sql(NewSession(), "WAIT");
  std::thread canceller([&] {
    EXPECT_TRUE(Eventually([&] { return counters().waiting == 1; }));
    context.TryCancel();
  });
  spanner::ResultSet result;
  EXPECT_EQ(stub_->ExecuteSql(&context, request, &result).error_code(),
            grpc::StatusCode::CANCELLED);
  canceller.join();
  EXPECT_TRUE(Eventually([&] { return counters().cancelled == 1; }));
}

TEST_F(RpcServerTest, TheDeadlineReachesTheStatement) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  spanner::ResultSet result;
  EXPECT_EQ(stub_->ExecuteSql(&context, Sql(NewSession(), "WAIT"), &result).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return counters().waiting == 0; }));
}

TEST_F(RpcServerTest, InlineBeginThenCommitOnceOnly) {
  const std::string session = NewSession(true);
  auto request = Sql(session, "INSERT");
  request.mutable_transaction()->mutable_begin()->mutable_read_write();
  request.set_seqno(1);
  spanner::ResultSet result;
  ASSERT_TRUE(Execute(request, &result).ok());
  const std::string id = result.metadata().transaction().id();
  ASSERT_FALSE(id.empty());
  // The same statement again, by its number, is not run again.
  request.mutable_transaction()->set_id(id);
  ASSERT_TRUE(Execute(request, &result).ok());
  EXPECT_EQ(result.stats().row_count_exact(), 1);
  EXPECT_EQ(counters().statements, 1);

  spanner::CommitRequest commit;
  commit.set_session(session);
  commit.set_transaction_id(id);
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    spanner::CommitResponse response;
    ASSERT_TRUE(stub_->Commit(&context, commit, &response).ok());
    EXPECT_EQ(response.commit_timestamp().seconds(), 1'700'000'000);
    EXPECT_EQ(response.commit_timestamp().nanos(), 123'456'000);
  }
  EXPECT_EQ(counters().committed, 1);
}

TEST_F(RpcServerTest, AFailedInlineBeginLeavesNothingOpen) {
  auto request = Sql(NewSession(), "FAIL");
  request.mutable_transaction()->mutable_begin()->mutable_read_write();
  spanner::ResultSet result;
  EXPECT_FALSE(Execute(request, &result).ok());
  EXPECT_EQ(counters().begun, 1);
  EXPECT_EQ(counters().rolled_back, 1);
}

TEST_F(RpcServerTest, StatementsOfOneTransactionTakeTurns) {
  const std::string session = NewSession();
  grpc::ClientContext begin_context;
  spanner::BeginTransactionRequest begin;
  begin.set_session(session);
  begin.mutable_options()->mutable_read_write();
  spanner::Transaction txn;
  ASSERT_TRUE(stub_->BeginTransaction(&begin_context, begin, &txn).ok());
  auto waiting = Sql(session, "WAIT");
  waiting.mutable_transaction()->set_id(txn.id());
  auto insert = Sql(session, "INSERT");
  insert.mutable_transaction()->set_id(txn.id());
  grpc::ClientContext context;
  std::thread first([&] {
    spanner::ResultSet result;
    EXPECT_EQ(stub_->ExecuteSql(&context, waiting, &result).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  EXPECT_TRUE(Eventually([&] { return counters().waiting == 1; }));
  std::thread second([&] {
    spanner::ResultSet result;
    EXPECT_TRUE(Execute(insert, &result).ok());
  });
  server_.OnLoop([] {});
  EXPECT_EQ(counters().waiting, 1);
  {  // one that gives up does not wait for its turn
    grpc::ClientContext impatient;
    impatient.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    spanner::ResultSet result;
    EXPECT_EQ(stub_->ExecuteSql(&impatient, insert, &result).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  context.TryCancel();
  first.join();
  second.join();
}

TEST_F(RpcServerTest, MultiplexedSessionsKeepNoState) {
  const std::string session = NewSession(true);
  spanner::ResultSet result;
  EXPECT_EQ(Execute(Sql(session, "BEGIN"), &result).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Execute(Sql(session, "SET"), &result).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  const int made = counters().sessions;
  EXPECT_TRUE(Execute(Sql(session, "INSERT"), &result).ok());
  EXPECT_TRUE(Execute(Sql(session, "INSERT"), &result).ok());
  EXPECT_EQ(counters().sessions, made + 1);  // the second borrows what the first gave back
}

TEST_F(RpcServerTest, SchemaChangesAreDoneWhenAnswered) {
  auto stub = admin::DatabaseAdmin::NewStub(channel_);
  grpc::ClientContext context;
  admin::UpdateDatabaseDdlRequest request;
  request.set_database(kDatabase);
  request.add_statements("INSERT is no DDL");
  google::longrunning::Operation operation;
  ASSERT_TRUE(stub->UpdateDatabaseDdl(&context, request, &operation).ok());
  EXPECT_TRUE(operation.done());
  EXPECT_EQ(operation.error().code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  auto operations = google::longrunning::Operations::NewStub(channel_);
  grpc::ClientContext get_context;
  google::longrunning::GetOperationRequest get;
  get.set_name(operation.name());
  google::longrunning::Operation again;
  ASSERT_TRUE(operations->GetOperation(&get_context, get, &again).ok());
  EXPECT_EQ(again.SerializeAsString(), operation.SerializeAsString());
}

TEST_F(RpcServerTest, HealthFollowsTheNode) {
  auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(stub->Check(&context, {}, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(RpcServerTest, ABusyPortIsSaidClearly) {
  RpcServer::Options options;
  options.listen = server_.address();
  ServerFixture second([](Executor* e) { return std::make_unique<FakeEngine>(e); }, options);
  EXPECT_EQ(second.start().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.start().status().message().find("in use"), absl::string_view::npos);
}

TEST_F(RpcServerTest, DrainLetsOpenCallsEnd) {
  const auto request = Sql(NewSession(), "WAIT");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  std::thread caller([&] {
    spanner::ResultSet result;
    stub_->ExecuteSql(&context, request, &result);
  });
  EXPECT_TRUE(Eventually([&] { return counters().waiting == 1; }));
  std::promise<void> drained;
  server_.OnLoop([&] { server_.server()->Drain(10'000'000, [&] { drained.set_value(); }); });
  caller.join();
  drained.get_future().wait();
  // The call has ended for its client; its coroutine unwinds in the loop's next turns.
  EXPECT_TRUE(Eventually([&] { return counters().waiting == 0; }));
}

TEST_F(RpcServerTest, DestructionEndsOpenCalls) {
  const auto request = Sql(NewSession(), "WAIT");
  std::thread caller;
  {
    ServerFixture other([](Executor* e) { return std::make_unique<FakeEngine>(e); });
    auto channel = grpc::CreateChannel(other.address(), grpc::InsecureChannelCredentials());
    auto stub = spanner::Spanner::NewStub(channel);
    grpc::ClientContext context;
    spanner::CreateSessionRequest create;
    create.set_database(kDatabase);
    spanner::Session session;
    ASSERT_TRUE(stub->CreateSession(&context, create, &session).ok());
    auto wait = Sql(session.name(), "WAIT");
    caller = std::thread([channel, wait] {
      grpc::ClientContext wait_context;
      spanner::ResultSet result;
      auto own = spanner::Spanner::NewStub(channel);
      EXPECT_FALSE(own->ExecuteSql(&wait_context, wait, &result).ok());
    });
    auto* engine = static_cast<FakeEngine*>(other.engine());
    EXPECT_TRUE(Eventually([&] { return engine->counters.waiting == 1; }));
  }
  caller.join();
}

}  // namespace
}  // namespace isochron::rpc
