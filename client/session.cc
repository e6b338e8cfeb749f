// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/spanner/admin/database/v1/spanner_database_admin.grpc.pb.h"
#include "google/spanner/v1/spanner.grpc.pb.h"

namespace isochron::client {
namespace {

namespace v1 = google::spanner::v1;
namespace admin = google::spanner::admin::database::v1;

constexpr char kSqlState[] = "isochron/sqlstate";
constexpr char kPosition[] = "isochron/position";
constexpr char kHint[] = "isochron/hint";

std::string Payload(const absl::Status& status, const char* url) {
  std::optional<std::string> text;
  if (auto payload = status.GetPayload(url)) text = std::string(*payload);
  return text.value_or("");
}

// %XX back to bytes.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      out += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string Trailer(const grpc::ClientContext& context, const char* key) {
  const auto& trailers = context.GetServerTrailingMetadata();
  auto it = trailers.find(key);
  if (it == trailers.end()) return "";
  return Unescape(absl::string_view(it->second.data(), it->second.size()));
}

std::optional<Timestamp> TrailerTime(const grpc::ClientContext& context, const char* key) {
  int64_t us = 0;
  if (!absl::SimpleAtoi(Trailer(context, key), &us)) return std::nullopt;
  return Timestamp(us);
}

Latency TrailerLatency(const grpc::ClientContext& context) {
  Latency l;
  const std::string text = Trailer(context, "isochron-latency");
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> kv = absl::StrSplit(part, '=');
    int64_t us = 0;
    if (!absl::SimpleAtoi(kv.second, &us)) continue;
    if (kv.first == "queue") l.queue = us;
    if (kv.first == "lock_wait") l.lock_wait = us;
    if (kv.first == "paxos") l.paxos = us;
    if (kv.first == "two_pc") l.two_pc = us;
    if (kv.first == "commit_wait_hidden") l.commit_wait_hidden = us;
    if (kv.first == "commit_wait_exposed") l.commit_wait_exposed = us;
  }
  return l;
}

// Joins the last value so far with the one that continues it.
void JoinChunks(google::protobuf::Value* into, google::protobuf::Value* next) {
  if (into->has_string_value()) {
    into->mutable_string_value()->append(next->string_value());
    return;
  }
  if (!into->has_list_value()) return;
  auto* a = into->mutable_list_value();
  auto* b = next->mutable_list_value();
  int from = 0;
  if (a->values_size() > 0 && b->values_size() > 0) {
    google::protobuf::Value* last = a->mutable_values(a->values_size() - 1);
    const bool joins = (last->has_string_value() && b->values(0).has_string_value()) ||
                       (last->has_list_value() && b->values(0).has_list_value());
    if (joins) {
      JoinChunks(last, b->mutable_values(0));
      from = 1;
    }
  }
  for (int i = from; i < b->values_size(); ++i) a->add_values()->Swap(b->mutable_values(i));
}

// Turns the stream of values into rows.
class RowAssembler {
 public:
  explicit RowAssembler(Result* result) : result_(result) {}

  absl::Status Take(v1::PartialResultSet* part, const Session::RowSink& sink, bool* stop) {
    if (part->has_metadata()) SetColumns(part->metadata());
    for (google::protobuf::Value& v : *part->mutable_values()) {
      if (chunked_) {
        JoinChunks(&pending_.back(), &v);
        chunked_ = false;
      } else {
        pending_.emplace_back().Swap(&v);
      }
    }
    chunked_ = part->chunked_value();
    const size_t width = types_.size();
    size_t whole = chunked_ && !pending_.empty() ? pending_.size() - 1 : pending_.size();
    size_t used = 0;
    while (width > 0 && whole - used >= width && !*stop) {
      std::vector<Value> values;
      values.reserve(width);
      for (size_t i = 0; i < width; ++i) {
        absl::StatusOr<Value> v = DecodeValue(types_[i], pending_[used + i]);
        if (!v.ok()) return v.status();
        values.push_back(*std::move(v));
      }
      used += width;
      Row row(result_->columns, std::move(values));
      if (sink == nullptr) {
        result_->rows.push_back(std::move(row));
      } else if (!sink(std::move(row))) {
        *stop = true;
      }
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(used));
    if (part->has_stats()) {
      result_->row_count = part->stats().row_count_exact() + part->stats().row_count_lower_bound();
    }
    return absl::OkStatus();
  }

 private:
  void SetColumns(const v1::ResultSetMetadata& metadata) {
    auto columns = std::make_shared<Columns>();
    for (const auto& field : metadata.row_type().fields()) {
      columns->push_back(Column{field.name(), field.type().code()});
      types_.push_back(field.type());
    }
    result_->columns = std::move(columns);
    result_->transaction_id = metadata.transaction().id();
    if (metadata.transaction().has_read_timestamp()) {
      const auto& t = metadata.transaction().read_timestamp();
      result_->read_timestamp = Timestamp(t.seconds() * 1'000'000 + t.nanos() / 1000);
    }
  }

  Result* const result_;
  std::vector<v1::Type> types_;
  std::vector<google::protobuf::Value> pending_;
  bool chunked_ = false;
};

}  // namespace

std::string SqlState(const absl::Status& status) { return Payload(status, kSqlState); }
std::string Hint(const absl::Status& status) { return Payload(status, kHint); }
int Position(const absl::Status& status) {
  int position = 0;
  return absl::SimpleAtoi(Payload(status, kPosition), &position) ? position : 0;
}

struct Session::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : spanner(v1::Spanner::NewStub(channel)), admin(admin::DatabaseAdmin::NewStub(channel)) {}
  std::unique_ptr<v1::Spanner::Stub> spanner;
  std::unique_ptr<admin::DatabaseAdmin::Stub> admin;
};

// One call: its context, known to Cancel while it lasts.
class Session::Call {
 public:
  explicit Call(Session* session) : session_(session) {
    context.set_deadline(
        std::chrono::system_clock::now() +  // lint: allow(clock): a deadline of gRPC
        std::chrono::milliseconds(session->options_.timeout_ms));
    context.AddMetadata("isochron-details", "1");
    context.AddMetadata("google-cloud-resource-prefix", session->options_.database);
    std::lock_guard<std::mutex> lock(session_->mutex_);
    session_->current_ = &context;
  }
  ~Call() {
    std::lock_guard<std::mutex> lock(session_->mutex_);
    session_->current_ = nullptr;
  }
  grpc::ClientContext context;

 private:
  Session* const session_;
};

std::shared_ptr<grpc::Channel> Session::Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A connection of its own, so that a bench's clients do not share one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

Session::Session(std::shared_ptr<grpc::Channel> channel, Options options)
    : options_(std::move(options)), stubs_(std::make_unique<Stubs>(channel)) {}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(std::shared_ptr<grpc::Channel> channel,
                                                       Options options) {
  auto session = std::unique_ptr<Session>(new Session(std::move(channel), std::move(options)));
  v1::CreateSessionRequest request;
  request.set_database(session->options_.database);
  v1::Session made;
  Call call(session.get());
  const grpc::Status s = session->stubs_->spanner->CreateSession(&call.context, request, &made);
  if (!s.ok()) return session->ToStatus(call, &s);
  session->name_ = made.name();
  return session;
}

Session::~Session() {
  if (name_.empty() || !usable_) return;
  v1::DeleteSessionRequest request;
  request.set_name(name_);
  google::protobuf::Empty nothing;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +  // lint: allow(clock): as above
                       std::chrono::milliseconds(500));
  (void)stubs_->spanner->DeleteSession(&context, request, &nothing);
}

absl::Status Session::ToStatus(const Call& call, const void* grpc_status) {
  const auto& s = *static_cast<const grpc::Status*>(grpc_status);
  absl::Status status(static_cast<absl::StatusCode>(s.error_code()), s.error_message());
  const bool no_session = s.error_code() == grpc::StatusCode::NOT_FOUND &&
                          absl::StartsWith(s.error_message(), "Session not found");
  if (s.error_code() == grpc::StatusCode::UNAVAILABLE || no_session) usable_ = false;
  // What gRPC itself says on this side of the connection is not for people.
  if (Trailer(call.context, "isochron-sqlstate").empty()) {
    if (absl::IsCancelled(status)) {
      status = absl::CancelledError("the statement was cancelled");
      status.SetPayload(kSqlState, absl::Cord("57014"));
    } else if (absl::IsDeadlineExceeded(status)) {
      status = absl::DeadlineExceededError(
          absl::StrCat("no answer came within ", options_.timeout_ms, " ms"));
      status.SetPayload(kSqlState, absl::Cord("57014"));
    } else if (absl::IsUnavailable(status)) {
      status =
          absl::UnavailableError(absl::StrCat("the server cannot be reached: ", s.error_message()));
    }
  }
  for (const auto& [key, url] :
       {std::pair("isochron-sqlstate", kSqlState), std::pair("isochron-position", kPosition),
        std::pair("isochron-hint", kHint)}) {
    const std::string text = Trailer(call.context, key);
    if (!text.empty()) status.SetPayload(url, absl::Cord(text));
  }
  return status;
}

absl::StatusOr<Result> Session::Execute(const std::string& sql, const std::vector<Value>& params,
                                        const v1::TransactionSelector* selector,
                                        const RowSink& sink) {
  v1::ExecuteSqlRequest request;
  request.set_session(name_);
  request.set_sql(sql);
  if (selector != nullptr) *request.mutable_transaction() = *selector;
  for (size_t i = 0; i < params.size(); ++i) {
    const std::string name = absl::StrCat("p", i + 1);
    v1::Type type;
    EncodeValue(params[i], &(*request.mutable_params()->mutable_fields())[name], &type);
    if (type.code() != v1::TYPE_CODE_UNSPECIFIED) {
      (*request.mutable_param_types())[name] = std::move(type);
    }
  }
  Call call(this);
  Result result;
  result.columns = std::make_shared<Columns>();
  RowAssembler rows(&result);
  auto stream = stubs_->spanner->ExecuteStreamingSql(&call.context, request);
  v1::PartialResultSet part;
  absl::Status bad;
  bool stop = false;
  while (stream->Read(&part)) {
    bad = rows.Take(&part, sink, &stop);
    if (!bad.ok() || stop) {
      call.context.TryCancel();
      break;
    }
  }
  const grpc::Status s = stream->Finish();
  if (!bad.ok()) return bad;
  if (!s.ok()) return ToStatus(call, &s);
  result.tag = Trailer(call.context, "isochron-command-tag");
  result.commit_timestamp = TrailerTime(call.context, "isochron-commit-timestamp");
  if (auto t = TrailerTime(call.context, "isochron-read-timestamp")) result.read_timestamp = t;
  result.latency = TrailerLatency(call.context);
  return result;
}

absl::StatusOr<v1::Transaction> Session::Begin(const v1::TransactionOptions& options) {
  v1::BeginTransactionRequest request;
  request.set_session(name_);
  *request.mutable_options() = options;
  v1::Transaction transaction;
  Call call(this);
  const grpc::Status s = stubs_->spanner->BeginTransaction(&call.context, request, &transaction);
  if (!s.ok()) return ToStatus(call, &s);
  return transaction;
}

absl::StatusOr<CommitInfo> Session::Commit(const std::string& transaction_id) {
  v1::CommitRequest request;
  request.set_session(name_);
  request.set_transaction_id(transaction_id);
  absl::Status failed;
  // A commit whose answer was lost is asked for again: the server remembers how it ended.
  for (int tries = 0; tries < 2; ++tries) {
    v1::CommitResponse response;
    Call call(this);
    const grpc::Status s = stubs_->spanner->Commit(&call.context, request, &response);
    if (s.ok()) {
      const auto& t = response.commit_timestamp();
      return CommitInfo{Timestamp(t.seconds() * 1'000'000 + t.nanos() / 1000),
                        TrailerLatency(call.context)};
    }
    failed = ToStatus(call, &s);
    const bool lost = absl::IsUnavailable(failed) && SqlState(failed).empty();
    if (!lost && (tries == 0 || !absl::IsNotFound(failed))) break;
    failed = absl::UnknownError(
        absl::StrCat("the connection was lost during the commit; it may have been committed: ",
                     s.error_message()));
  }
  if (absl::IsDeadlineExceeded(failed) || absl::IsCancelled(failed)) {
    failed = absl::UnknownError(absl::StrCat(
        "the commit's outcome was not awaited; it may have been committed: ", failed.message()));
  }
  return failed;
}

void Session::Rollback(const std::string& transaction_id) {
  v1::RollbackRequest request;
  request.set_session(name_);
  request.set_transaction_id(transaction_id);
  google::protobuf::Empty nothing;
  Call call(this);
  (void)stubs_->spanner->Rollback(&call.context, request, &nothing);
}

absl::Status Session::UpdateDdl(const std::vector<std::string>& statements) {
  admin::UpdateDatabaseDdlRequest request;
  request.set_database(options_.database);
  for (const std::string& s : statements) request.add_statements(s);
  google::longrunning::Operation operation;
  Call call(this);
  const grpc::Status s = stubs_->admin->UpdateDatabaseDdl(&call.context, request, &operation);
  if (!s.ok()) return ToStatus(call, &s);
  if (operation.has_error()) {
    return absl::Status(static_cast<absl::StatusCode>(operation.error().code()),
                        operation.error().message());
  }
  return absl::OkStatus();
}

void Session::Cancel() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (current_ != nullptr) current_->TryCancel();
}

}  // namespace isochron::client
