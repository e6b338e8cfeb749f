// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_STREAM_CALL_H_
#define ISOCHRON_SERVER_RPC_STREAM_CALL_H_

// ExecuteStreamingSql: one request, a stream of PartialResultSet.
//
// At most one message is on its way while the next is filled, so a client that reads slowly stops
// the statement, not the node's memory. A result that fits into one message is sent together with
// the status, as cheaply as a unary answer.

#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <optional>

#include "google/spanner/v1/spanner.grpc.pb.h"
#include "server/rpc/call.h"

namespace isochron::rpc {

// Where a handler puts its messages. Loop thread only.
class PartialStream {
 public:
  virtual ~PartialStream() = default;
  // The message being filled. When the handler ends well it is sent as the last one.
  virtual google::spanner::v1::PartialResultSet* message() = 0;
  // Sends the message and empties it. Suspends while the one before is on its way. False when the
  // client is gone.
  virtual Task<bool> Flush() = 0;
};

struct StreamMethod {
  using Request = google::spanner::v1::ExecuteSqlRequest;
  using Response = google::spanner::v1::PartialResultSet;
  std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncWriter<Response>*,
                     grpc::ServerCompletionQueue*, void*)>
      listen;
  std::function<Task<absl::Status>(CallInfo*, const Request*, PartialStream*)> handle;
};

class StreamCall final : public Call, public PartialStream {
 public:
  static void Start(std::shared_ptr<Door> door, std::shared_ptr<const StreamMethod> method);

  google::spanner::v1::PartialResultSet* message() override { return message_; }
  Task<bool> Flush() override;

 private:
  struct WrittenTag final : Tag {
    explicit WrittenTag(StreamCall* c) : call(c) {}
    void Run(bool ok) override { call->Written(ok); }
    StreamCall* call;
  };

  StreamCall(std::shared_ptr<Door> door, std::shared_ptr<const StreamMethod> method);
  void Listen(void* tag) override;
  void ListenAgain() override { Start(shared_door(), method_); }
  Task<void> Serve(Ref self) override;
  void Refuse(const absl::Status& status) override;
  void Written(bool ok);      // poller
  void OnWritten(bool ok);    // loop
  Task<void> UntilWritten();  // loop: until no message is on its way

  const std::shared_ptr<const StreamMethod> method_;
  StreamMethod::Request* const request_;
  StreamMethod::Response* const message_;
  grpc::ServerAsyncWriter<StreamMethod::Response> writer_;
  WrittenTag written_{this};
  // Loop.
  bool writing_ = false;
  bool broken_ = false;
  std::optional<OneShot<bool>> waiter_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_STREAM_CALL_H_
