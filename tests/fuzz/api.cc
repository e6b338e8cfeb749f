// SPDX-License-Identifier: Apache-2.0
//
// Requests of the Spanner API, through sessions and SQL to a store in memory. An input is a list of
// requests: a byte that says of which kind, then its protocol buffer. A request that names no
// session gets one that is there, and a transaction called "T" is the last one that was begun.
#include <grpcpp/server_context.h>

#include <memory>

#include "common/check.h"
#include "google/spanner/v1/spanner.pb.h"
#include "server/admission/admission.h"
#include "server/rpc/sessions.h"
#include "server/rpc/spanner_service.h"
#include "sql/testing/fake_universe.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

namespace spanner = google::spanner::v1;

constexpr char kDatabase[] = "projects/isochron/instances/default/databases/isochron";
constexpr size_t kMaxRequests = 8;

// A stream whose client takes everything.
class Stream final : public rpc::PartialStream {
 public:
  spanner::PartialResultSet* message() override { return &message_; }
  Task<bool> Flush() override {
    message_.Clear();
    co_return true;
  }

 private:
  spanner::PartialResultSet message_;
};

class Server {
 public:
  Server()
      : engine_(sql::Engine::Create(
            {&universe_.store, &universe_.executor, &universe_.truetime, nullptr}, {})),
        sessions_(engine_.get(), &universe_.executor, &universe_.truetime, {.seed = 7}),
        admission_(&universe_.executor, nullptr, {}),
        service_(&sessions_, &admission_) {
    spanner::CreateSessionRequest create;
    create.set_database(kDatabase);
    spanner::Session session;
    ISO_CHECK(Run(&rpc::SpannerService::CreateSession, &create, &session).ok(), "a session");
    session_ = session.name();
    spanner::ExecuteSqlRequest table;
    table.set_session(session_);
    table.set_sql(
        "CREATE TABLE kv (k bigint PRIMARY KEY, v text, f double precision, t timestamptz)");
    spanner::ResultSet result;
    ISO_CHECK(Run(&rpc::SpannerService::ExecuteSql, &table, &result).ok(), "a table");
  }

  void Handle(uint8_t kind, absl::string_view bytes) {
    switch (kind % 11) {
      case 0:
        return Try(&rpc::SpannerService::CreateSession, bytes);
      case 1:
        return Try(&rpc::SpannerService::BatchCreateSessions, bytes);
      case 2:
        return Try(&rpc::SpannerService::GetSession, bytes);
      case 3:
        return Try(&rpc::SpannerService::ListSessions, bytes);
      case 4:
        return Try(&rpc::SpannerService::DeleteSession, bytes);
      case 5:
        return Try(&rpc::SpannerService::ExecuteSql, bytes);
      case 6:
        return TryStream(bytes);
      case 7:
        return Try(&rpc::SpannerService::ExecuteBatchDml, bytes);
      case 8:
        return Try(&rpc::SpannerService::BeginTransaction, bytes);
      case 9:
        return Try(&rpc::SpannerService::Commit, bytes);
      default:
        return Try(&rpc::SpannerService::Rollback, bytes);
    }
  }

 private:
  template <typename Request, typename Response>
  using Method = Task<absl::Status> (rpc::SpannerService::*)(rpc::CallInfo*, const Request*,
                                                             Response*);

  template <typename Request, typename Response>
  absl::Status Run(Method<Request, Response> method, const Request* request, Response* response) {
    grpc::ServerContext server;
    rpc::CallInfo call{universe_.NewContext(), &server};
    return universe_.Run((service_.*method)(&call, request, response));
  }
  template <typename Request, typename Response>
  void Try(Method<Request, Response> method, absl::string_view bytes) {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    Complete(&request);
    Response response;
    const absl::Status status = Run(method, &request, &response);
    ISO_CHECK(!absl::IsInternal(status), "a request never breaks an assumption");
    if constexpr (std::is_same_v<Response, spanner::Transaction>) {
      if (status.ok()) transaction_ = response.id();
    }
  }
  void TryStream(absl::string_view bytes) {
    spanner::ExecuteSqlRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    Complete(&request);
    Stream stream;
    grpc::ServerContext server;
    rpc::CallInfo call{universe_.NewContext(), &server};
    const absl::Status status =
        universe_.Run(service_.ExecuteStreamingSql(&call, &request, &stream));
    ISO_CHECK(!absl::IsInternal(status), "a request never breaks an assumption");
  }

  template <typename Request>
  void Complete(Request* request) {
    if constexpr (requires { request->database(); }) {
      if (request->database().empty()) request->set_database(kDatabase);
    }
    if constexpr (requires { request->set_session(""); }) {
      if (request->session().empty()) request->set_session(session_);
    }
    if constexpr (requires { request->mutable_transaction()->set_id(""); }) {
      if (request->has_transaction() && request->transaction().id() == "T") {
        request->mutable_transaction()->set_id(transaction_);
      }
    }
    if constexpr (requires { request->set_transaction_id(""); }) {
      if (request->transaction_id() == "T") request->set_transaction_id(transaction_);
    }
  }

  sql::testing::FakeUniverse universe_;
  std::unique_ptr<sql::Engine> engine_;
  rpc::Sessions sessions_;
  admission::Admission admission_;
  rpc::SpannerService service_;
  std::string session_;
  std::string transaction_;
};

template <typename Request>
std::string One(char kind, const Request& request) {
  return std::string(1, kind) + Piece(request.SerializeAsString());
}

std::string ReadOnlyWith(const std::function<void(spanner::TransactionOptions::ReadOnly*)>& set) {
  spanner::BeginTransactionRequest begin;
  set(begin.mutable_options()->mutable_read_only());
  spanner::ExecuteSqlRequest read;
  set(read.mutable_transaction()->mutable_single_use()->mutable_read_only());
  read.set_sql("SELECT * FROM kv");
  return One(8, begin) + One(5, read);
}

spanner::CommitRequest AllMutations() {
  spanner::CommitRequest commit;
  commit.mutable_single_use_transaction()->mutable_read_write();
  auto fill = [](spanner::Mutation::Write* write) {
    write->set_table("kv");
    write->add_columns("k");
    write->add_columns("f");
    auto* row = write->add_values();
    row->add_values()->set_string_value("5");
    row->add_values()->set_number_value(0.5);
  };
  fill(commit.add_mutations()->mutable_insert());
  fill(commit.add_mutations()->mutable_insert_or_update());
  fill(commit.add_mutations()->mutable_update());
  fill(commit.add_mutations()->mutable_replace());
  auto* keys = commit.add_mutations()->mutable_delete_();
  keys->set_table("kv");
  keys->mutable_key_set()->add_keys()->add_values()->set_string_value("9");
  auto* range = keys->mutable_key_set()->add_ranges();
  range->mutable_start_closed()->add_values()->set_string_value("10");
  range->mutable_end_open()->add_values()->set_string_value("20");
  return commit;
}

}  // namespace

std::vector<std::string> Seeds() {
  spanner::ExecuteSqlRequest insert;
  insert.set_sql("INSERT INTO kv (k, v, f, t) VALUES ($1, $2, $3, $4)");
  auto& fields = *insert.mutable_params()->mutable_fields();
  fields["p1"].set_string_value("12");
  fields["p2"].set_string_value("text");
  fields["p3"].set_number_value(1.5);
  fields["$4"].set_string_value("2024-01-02T03:04:05Z");
  (*insert.mutable_param_types())["p1"].set_code(spanner::INT64);
  (*insert.mutable_param_types())["p3"].set_code(spanner::FLOAT64);
  insert.set_seqno(1);
  spanner::BeginTransactionRequest begin;
  begin.mutable_options()->mutable_read_write();
  spanner::ExecuteSqlRequest inside = insert;
  inside.mutable_transaction()->set_id("T");
  spanner::ExecuteSqlRequest first = insert;
  first.mutable_transaction()->mutable_begin()->mutable_read_write();
  spanner::CommitRequest commit;
  commit.set_transaction_id("T");
  spanner::RollbackRequest rollback;
  rollback.set_transaction_id("T");
  spanner::ExecuteBatchDmlRequest batch;
  batch.mutable_transaction()->set_id("T");
  batch.add_statements()->set_sql("UPDATE kv SET v = 'x'");
  batch.add_statements()->set_sql("DELETE FROM kv");
  spanner::ExecuteSqlRequest plan;
  plan.set_sql("SELECT k FROM kv WHERE k > $1");
  plan.set_query_mode(spanner::ExecuteSqlRequest::PLAN);
  spanner::BatchCreateSessionsRequest many;
  many.set_session_count(3);
  spanner::ListSessionsRequest list;
  list.set_page_size(2);
  spanner::CreateSessionRequest create;
  create.mutable_session()->set_multiplexed(true);
  return {One(5, insert) + One(6, insert),
          One(8, begin) + One(5, inside) + One(9, commit),
          One(6, first),
          One(8, begin) + One(7, batch) + One(10, rollback),
          One(9, AllMutations()),
          One(5, plan) + One(0, create) + One(1, many) + One(3, list),
          ReadOnlyWith([](auto* o) {
            o->set_strong(true);
            o->set_return_read_timestamp(true);
          }),
          ReadOnlyWith([](auto* o) { o->mutable_exact_staleness()->set_seconds(5); }),
          ReadOnlyWith([](auto* o) { o->mutable_max_staleness()->set_nanos(5000); }),
          ReadOnlyWith([](auto* o) { o->mutable_read_timestamp()->set_seconds(1704067200); }),
          ReadOnlyWith([](auto* o) { o->mutable_min_read_timestamp()->set_seconds(1704067200); })};
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Input in(data, size);
  isochron::fuzz::Server server;
  for (size_t i = 0; i < isochron::fuzz::kMaxRequests && !in.empty(); ++i) {
    const uint8_t kind = in.Byte();
    server.Handle(kind, in.Piece());
  }
  return 0;
}
