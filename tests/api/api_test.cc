// SPDX-License-Identifier: Apache-2.0
//
// What a program gets through the SDK and the API: the real engine behind the real door, over a
// store in memory whose transactions conflict.
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <thread>

#include "client/client.h"
#include "client/session.h"
#include "common/status_macros.h"
#include "google/spanner/admin/database/v1/spanner_database_admin.grpc.pb.h"
#include "google/spanner/v1/spanner.grpc.pb.h"
#include "server/rpc/testing/server_fixture.h"
#include "sql/testing/fake_universe.h"

namespace isochron {
namespace {

namespace spanner = google::spanner::v1;
namespace admin = google::spanner::admin::database::v1;
using client::Client;
using client::Result;
using client::Transaction;

constexpr char kDatabase[] = "projects/isochron/instances/default/databases/isochron";

// The fakes' executor, on a real loop.
class LoopExecutor final : public sql::testing::FakeExecutor {
 public:
  explicit LoopExecutor(Executor* loop) : loop_(loop) {}
  void Post(Fn fn) override { loop_->Post(std::move(fn)); }
  TimerId PostAfter(Micros delay_us, Fn fn) override {
    return loop_->PostAfter(delay_us, std::move(fn));
  }
  void Cancel(TimerId id) override { loop_->Cancel(id); }
  Micros MonotonicNow() override { return loop_->MonotonicNow(); }

 private:
  Executor* const loop_;
};

// An engine with the store that it stands on.
class MemoryEngine final : public sql::Engine {
 public:
  explicit MemoryEngine(Executor* loop)
      : executor_(loop),
        truetime_(&executor_, 100),
        store_(&executor_, &truetime_),
        engine_(sql::Engine::Create({&store_, &executor_, &truetime_, nullptr}, {})) {}
  std::unique_ptr<sql::Session> NewSession() override { return engine_->NewSession(); }
  std::vector<ActiveStatement> ActiveStatements() const override {
    return engine_->ActiveStatements();
  }
  std::vector<SessionState> Sessions() const override { return engine_->Sessions(); }
  Task<absl::StatusOr<std::unique_ptr<sql::Session>>> Open(Ctx ctx, std::string name) override {
    return engine_->Open(std::move(ctx), std::move(name));
  }
  static TrueTime* ClockOf(sql::Engine* engine) {
    return &static_cast<MemoryEngine*>(engine)->truetime_;
  }

 private:
  LoopExecutor executor_;
  sql::testing::FakeTrueTime truetime_;
  sql::testing::FakeStore store_;
  std::unique_ptr<sql::Engine> engine_;
};

std::unique_ptr<sql::Engine> MakeEngine(Executor* loop) {
  return std::make_unique<MemoryEngine>(loop);
}

class ApiTest : public testing::Test {
 protected:
  ApiTest() : server_(MakeEngine, {}, MemoryEngine::ClockOf) {
    auto connected = Client::Connect({server_.address()}, {});
    EXPECT_TRUE(connected.ok()) << connected.status();
    client_ = *std::move(connected);
  }
  Result Run(const std::string& sql, const std::vector<client::Value>& params = {}) {
    absl::StatusOr<Result> result = client_->Execute(sql, params);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status();
    return result.ok() ? *std::move(result) : Result();
  }
  int64_t Number(const std::string& sql) {
    const Result result = Run(sql);
    if (result.rows.size() != 1) return -1;
    return result.rows[0].Get<int64_t>(0).value_or(-1);
  }
  std::unique_ptr<client::Session> OpenSession() {
    auto session = client::Session::Open(client::Session::Connect(server_.address()), {});
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }
  std::shared_ptr<grpc::Channel> Channel() {
    return grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  }
  // Commits mutations in a transaction of their own.
  grpc::Status Mutate(const std::vector<spanner::Mutation>& mutations) {
    auto stub = spanner::Spanner::NewStub(Channel());
    spanner::CreateSessionRequest create;
    create.set_database(kDatabase);
    spanner::Session session;
    grpc::ClientContext create_context;
    EXPECT_TRUE(stub->CreateSession(&create_context, create, &session).ok());
    spanner::CommitRequest request;
    request.set_session(session.name());
    request.mutable_single_use_transaction()->mutable_read_write();
    for (const auto& m : mutations) *request.add_mutations() = m;
    spanner::CommitResponse response;
    grpc::ClientContext context;
    return stub->Commit(&context, request, &response);
  }
  // One row (k bigint, v text) for a mutation.
  static void Fill(spanner::Mutation::Write* write, int64_t k, const std::string& v) {
    write->set_table("kv");
    write->add_columns("k");
    write->add_columns("v");
    auto* row = write->add_values();
    row->add_values()->set_string_value(std::to_string(k));
    row->add_values()->set_string_value(v);
  }

  rpc::ServerFixture server_;
  std::unique_ptr<Client> client_;
};

// A session of the API is in the database that its name says, with all that it borrows.
TEST_F(ApiTest, ADatabaseIsChosenByItsName) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  Run("CREATE DATABASE d");
  auto stub = spanner::Spanner::NewStub(Channel());
  const std::string path = "projects/isochron/instances/default/databases/";
  const auto open = [&](const std::string& name, bool multiplexed, spanner::Session* session) {
    spanner::CreateSessionRequest create;
    create.set_database(path + name);
    create.mutable_session()->set_multiplexed(multiplexed);
    grpc::ClientContext context;
    return stub->CreateSession(&context, create, session).error_code();
  };
  spanner::Session own, shared, first;
  EXPECT_EQ(open("nowhere", false, &own), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(open("d", false, &own), grpc::StatusCode::OK);
  EXPECT_EQ(open("d", true, &shared), grpc::StatusCode::OK);
  EXPECT_EQ(open("isochron", true, &first), grpc::StatusCode::OK);
  EXPECT_EQ(own.name().rfind(path + "d/sessions/", 0), 0u);
  const auto run = [&](const spanner::Session& session, const std::string& sql) -> std::string {
    spanner::ExecuteSqlRequest request;
    request.set_session(session.name());
    request.set_sql(sql);
    spanner::ResultSet result;
    grpc::ClientContext context;
    const grpc::Status status = stub->ExecuteSql(&context, request, &result);
    if (!status.ok()) return std::to_string(status.error_code());
    return result.rows_size() == 0 ? "" : result.rows(0).values(0).string_value();
  };
  const std::string not_found = std::to_string(grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(run(own, "SELECT v FROM kv"), not_found);
  EXPECT_EQ(run(shared, "SELECT current_database()"), "d");
  EXPECT_EQ(run(own, "CREATE TABLE kv (k bigint PRIMARY KEY, v text)"), "");
  EXPECT_EQ(run(shared, "INSERT INTO kv VALUES (1, 'of d')"), "");
  EXPECT_EQ(run(own, "SELECT v FROM kv"), "of d");
  EXPECT_EQ(run(first, "SELECT v FROM kv"), "");
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 0);
  // Sessions of the API do not keep it.
  Run("DROP DATABASE d");
  EXPECT_EQ(run(own, "SELECT v FROM kv"), not_found);
  EXPECT_EQ(run(shared, "SELECT v FROM kv"), not_found);
  EXPECT_EQ(open("d", false, &own), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ApiTest, EveryTypeGoesThereAndBack) {
  Run("CREATE TABLE t (k bigint PRIMARY KEY, b boolean, f double precision, s text, y bytea, "
      "w timestamptz)");
  const Timestamp when(1'700'000'000'123'456);
  const Result inserted =
      Run("INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6), (2, NULL, NULL, NULL, NULL, NULL)",
          {1, true, -0.5, "héllo", client::Bytes{std::string("\0\xff", 2)}, when});
  EXPECT_EQ(inserted.tag, "INSERT 0 2");
  EXPECT_EQ(inserted.row_count, 2);
  ASSERT_TRUE(inserted.commit_timestamp.has_value());
  const Result rows = Run("SELECT * FROM t ORDER BY k");
  ASSERT_EQ(rows.rows.size(), 2u);
  auto first = rows.rows[0].As<int64_t, bool, double, std::string, client::Bytes, Timestamp>();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, std::make_tuple(int64_t{1}, true, -0.5, std::string("héllo"),
                                    client::Bytes{std::string("\0\xff", 2)}, when));
  EXPECT_EQ(*rows.rows[1].Get<std::optional<std::string>>("s"), std::nullopt);
  EXPECT_FALSE(rows.rows[1].Get<std::string>("s").ok());
}

TEST_F(ApiTest, ConcurrentTransactionsLoseNoUpdate) {
  Run("CREATE TABLE counter (id bigint PRIMARY KEY, n bigint NOT NULL)");
  Run("INSERT INTO counter VALUES (1, 0)");
  constexpr int kThreads = 4, kEach = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        auto done = client_->ReadWrite([](Transaction& txn) -> absl::Status {
          ISO_ASSIGN_OR_RETURN(Result r, txn.Execute("SELECT n FROM counter WHERE id = 1"));
          ISO_ASSIGN_OR_RETURN(const int64_t n, r.rows[0].Get<int64_t>(0));
          return txn.Execute("UPDATE counter SET n = $1 WHERE id = 1", {n + 1}).status();
        });
        EXPECT_TRUE(done.ok()) << done.status();
        EXPECT_GT(done->commit_timestamp.us, 0);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(Number("SELECT n FROM counter"), kThreads * kEach);
}

TEST_F(ApiTest, AFailedBodyRollsBack) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  auto done = client_->ReadWrite([](Transaction& txn) -> absl::Status {
    ISO_RETURN_IF_ERROR(txn.Execute("INSERT INTO kv VALUES (1, 'a')").status());
    return absl::FailedPreconditionError("changed my mind");
  });
  EXPECT_EQ(done.status().message(), "changed my mind");
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 0);
}

TEST_F(ApiTest, ASnapshotDoesNotMove) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  Run("INSERT INTO kv VALUES (1, 'old')");
  auto snapshot = client_->StrongSnapshot();
  ASSERT_TRUE(snapshot.ok());
  auto before = snapshot->Execute("SELECT v FROM kv");
  ASSERT_TRUE(before.ok()) << before.status();
  const Timestamp at = snapshot->read_timestamp();
  EXPECT_GT(at.us, 0);
  const Result update = Run("UPDATE kv SET v = 'new'");
  EXPECT_GT(update.commit_timestamp->us, at.us);
  auto after = snapshot->Execute("SELECT v FROM kv");
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*after->rows[0].Get<std::string>(0), "old");
  EXPECT_EQ(snapshot->read_timestamp(), at);
  auto past = client_->SnapshotAt(at);
  ASSERT_TRUE(past.ok());
  auto again = past->Execute("SELECT v FROM kv");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again->rows[0].Get<std::string>(0), "old");
  EXPECT_EQ(*Run("SELECT v FROM kv").rows[0].Get<std::string>(0), "new");
}

TEST_F(ApiTest, ABegunSnapshotTellsItsTimestamp) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  const Result inserted = Run("INSERT INTO kv VALUES (1, 'a')");
  auto session = OpenSession();
  spanner::TransactionOptions options;
  options.mutable_read_only()->set_strong(true);
  options.mutable_read_only()->set_return_read_timestamp(true);
  auto txn = session->Begin(options);
  ASSERT_TRUE(txn.ok()) << txn.status();
  const int64_t at =
      txn->read_timestamp().seconds() * 1'000'000 + txn->read_timestamp().nanos() / 1000;
  EXPECT_GE(at, inserted.commit_timestamp->us);
  spanner::TransactionSelector selector;
  selector.set_id(txn->id());
  auto rows = session->Execute("SELECT count(*) FROM kv", {}, &selector);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows->rows[0].Get<int64_t>(0), 1);
  EXPECT_EQ(rows->read_timestamp->us, at);
}

TEST_F(ApiTest, EveryBoundIsRead) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  const Timestamp old = *Run("INSERT INTO kv VALUES (1, 'old')").commit_timestamp;
  const Timestamp now = *Run("UPDATE kv SET v = 'new'").commit_timestamp;
  auto set = [](Timestamp t, google::protobuf::Timestamp* out) {
    out->set_seconds(t.us / 1'000'000);
    out->set_nanos(static_cast<int32_t>(t.us % 1'000'000) * 1000);
  };
  spanner::TransactionOptions::ReadOnly at, least, exact, most, negative;
  set(old, at.mutable_read_timestamp());
  set(now, least.mutable_min_read_timestamp());
  exact.mutable_exact_staleness()->set_seconds(0);
  most.mutable_max_staleness()->set_seconds(0);
  negative.mutable_exact_staleness()->set_seconds(-5);
  for (auto* bound : {&at, &least, &exact, &most}) {
    bound->set_return_read_timestamp(true);
    auto read = client_->ReadOnce(*bound, "SELECT v FROM kv");
    ASSERT_TRUE(read.ok()) << bound->ShortDebugString() << ": " << read.status();
    EXPECT_EQ(*read->rows[0].Get<std::string>(0), bound == &at ? "old" : "new");
    ASSERT_TRUE(read->read_timestamp.has_value());
    if (bound == &at) EXPECT_EQ(*read->read_timestamp, old);
    if (bound != &at) EXPECT_GE(*read->read_timestamp, now);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(client_->ReadOnce(negative, "SELECT 1 FROM kv").status()));
  // The bounded ones are for single use.
  auto session = OpenSession();
  for (const auto& bound : {least, most}) {
    spanner::TransactionOptions options;
    *options.mutable_read_only() = bound;
    EXPECT_TRUE(absl::IsInvalidArgument(session->Begin(options).status()));
  }
  auto ago = client_->SnapshotAgo(0);
  ASSERT_TRUE(ago.ok());
  auto rows = ago->Execute("SELECT v FROM kv");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_GE(ago->read_timestamp(), now);
}

TEST_F(ApiTest, ACausalTokenIsReadAfter) {
  EXPECT_EQ(client_->CausalToken(), "");
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  const Timestamp s = *Run("INSERT INTO kv VALUES (1, 'a')").commit_timestamp;
  auto other = Client::Connect({server_.address()}, {});
  ASSERT_TRUE(other.ok());
  auto read = (*other)->ReadAfter(client_->CausalToken(), "SELECT v FROM kv");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->rows.size(), 1u);
  EXPECT_GE(*read->read_timestamp, s);
  EXPECT_NE((*other)->CausalToken(), "");
  EXPECT_TRUE(absl::IsInvalidArgument((*other)->ReadAfter("made up", "SELECT 1").status()));
}

TEST_F(ApiTest, ErrorsSayWhereAndWhat) {
  auto missing = client_->Execute("SELECT * FROM nowhere");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(client::SqlState(missing.status()), "42P01");
  auto syntax = client_->Execute("SELECT 'é' FRM t");
  EXPECT_EQ(client::SqlState(syntax.status()), "42601");
  EXPECT_GT(client::Position(syntax.status()), 0);
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  Run("INSERT INTO kv VALUES (1, 'a')");
  auto duplicate = client_->Execute("INSERT INTO kv VALUES (1, 'b')");
  EXPECT_EQ(duplicate.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(client::SqlState(duplicate.status()), "23505");
}

TEST_F(ApiTest, BeginLastsOnASession) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  auto session = OpenSession();
  ASSERT_TRUE(session->Execute("BEGIN").ok());
  ASSERT_TRUE(session->Execute("INSERT INTO kv VALUES (1, 'a')").ok());
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 0);
  auto committed = session->Execute("COMMIT");
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->commit_timestamp.has_value());
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 1);
}

TEST_F(ApiTest, DeadTargetsArePassedOver) {
  auto other = Client::Connect({"127.0.0.1:1", server_.address()}, {});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE((*other)->Execute("SELECT 1").ok());
}

TEST_F(ApiTest, ATransactionGoesOnElsewhereWhenItsNodeGoesAway) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  auto doomed = std::make_unique<rpc::ServerFixture>(MakeEngine);
  auto other = Client::Connect({doomed->address(), server_.address()}, {});
  ASSERT_TRUE(other.ok()) << other.status();
  int attempts = 0;
  auto done = (*other)->ReadWrite([&](Transaction& txn) -> absl::Status {
    if (++attempts == 1) {  // its node goes away in the middle
      ISO_RETURN_IF_ERROR(txn.Execute("SELECT 1").status());
      doomed.reset();
    }
    return txn.Execute("INSERT INTO kv VALUES (1, 'a')").status();
  });
  EXPECT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 1);
}

TEST_F(ApiTest, ManyRowsArriveWhole) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  const std::string pad(2000, 'x');
  for (int batch = 0; batch < 5; ++batch) {
    std::string sql = "INSERT INTO kv VALUES ";
    for (int i = 0; i < 100; ++i) {
      sql += (i ? ", (" : "(") + std::to_string(batch * 100 + i) + ", '" + pad + "')";
    }
    Run(sql);
  }
  const Result all = Run("SELECT k, v FROM kv ORDER BY k");
  ASSERT_EQ(all.rows.size(), 500u);
  EXPECT_EQ(*all.rows[499].Get<int64_t>("k"), 499);
  EXPECT_EQ(*all.rows[499].Get<std::string>("v"), pad);
}

TEST_F(ApiTest, SchemaChangesByTheAdminApi) {
  ASSERT_TRUE(
      client_
          ->UpdateDdl(
              {"CREATE TABLE a (x bigint, y text NOT NULL, f double precision, w timestamptz, "
               "PRIMARY KEY (x, y))",
               "CREATE TABLE b (k bigint PRIMARY KEY DEFAULT 7)"})
          .ok());
  EXPECT_FALSE(client_->UpdateDdl({"SELECT 1"}).ok());
  auto stub = admin::DatabaseAdmin::NewStub(Channel());
  grpc::ClientContext context;
  admin::GetDatabaseDdlRequest request;
  request.set_database(kDatabase);
  admin::GetDatabaseDdlResponse ddl;
  const grpc::Status status = stub->GetDatabaseDdl(&context, request, &ddl);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(ddl.statements_size(), 2);
  EXPECT_NE(ddl.statements(0).find("PRIMARY KEY (\"x\", \"y\")"), std::string::npos)
      << ddl.statements(0);
  // What it says makes the same tables.
  Run("DROP TABLE a");
  Run("DROP TABLE b");
  Run(ddl.statements(0));
  Run(ddl.statements(1));
}

TEST_F(ApiTest, MutationsWriteBlindly) {
  Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text)");
  std::vector<spanner::Mutation> m(3);
  Fill(m[0].mutable_insert(), 1, "one");
  Fill(m[1].mutable_insert_or_update(), 2, "two");
  Fill(m[2].mutable_insert(), 3, "three");
  grpc::Status status = Mutate(m);
  ASSERT_TRUE(status.ok()) << status.error_message();
  m.assign(4, {});
  Fill(m[0].mutable_update(), 1, "uno");
  Fill(m[1].mutable_insert_or_update(), 2, "dos");
  Fill(m[2].mutable_replace(), 4, "cuatro");
  auto* gone = m[3].mutable_delete_();
  gone->set_table("kv");
  gone->mutable_key_set()->add_keys()->add_values()->set_string_value("3");
  status = Mutate(m);
  ASSERT_TRUE(status.ok()) << status.error_message();
  std::string all;
  for (const client::Row& row : Run("SELECT k, v FROM kv ORDER BY k").rows) {
    all += row[0].ToText() + row[1].ToText() + " ";
  }
  EXPECT_EQ(all, "1uno 2dos 4cuatro ");

  m.assign(1, {});
  Fill(m[0].mutable_update(), 9, "nobody");
  EXPECT_EQ(Mutate(m).error_code(), grpc::StatusCode::NOT_FOUND);
  m.assign(1, {});
  Fill(m[0].mutable_insert(), 1, "again");
  EXPECT_EQ(Mutate(m).error_code(), grpc::StatusCode::ALREADY_EXISTS);

  m.assign(1, {});
  auto* range = m[0].mutable_delete_();
  range->set_table("kv");
  auto* keys = range->mutable_key_set()->add_ranges();
  keys->mutable_start_open()->add_values()->set_string_value("1");
  keys->mutable_end_closed()->add_values()->set_string_value("2");
  ASSERT_TRUE(Mutate(m).ok());
  EXPECT_EQ(Number("SELECT count(*) FROM kv"), 2);
}

}  // namespace
}  // namespace isochron
