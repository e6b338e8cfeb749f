// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/stream_call.h"

#include <utility>

namespace isochron::rpc {

using google::protobuf::Arena;

StreamCall::StreamCall(std::shared_ptr<Door> door, std::shared_ptr<const StreamMethod> method)
    : Call(std::move(door)),
      method_(std::move(method)),
      request_(Arena::CreateMessage<StreamMethod::Request>(&arena_)),
      message_(Arena::CreateMessage<StreamMethod::Response>(&arena_)),
      writer_(&server_context_) {}

void StreamCall::Start(std::shared_ptr<Door> door, std::shared_ptr<const StreamMethod> method) {
  (new StreamCall(std::move(door), std::move(method)))->Begin();
}

void StreamCall::Listen(void* tag) {
  method_->listen(&server_context_, request_, &writer_, door()->queue, tag);
}

Task<void> StreamCall::Serve(Ref) {
  const absl::Status status = co_await method_->handle(info(), request_, this);
  co_await UntilWritten();
  if (status.ok()) {
    door()->Start([this] {
      writer_.WriteAndFinish(*message_, grpc::WriteOptions(), grpc::Status::OK, FinishTag());
    });
  } else {
    Refuse(status);
  }
}

void StreamCall::Refuse(const absl::Status& status) {
  door()->Start([&] { writer_.Finish(ToGrpcStatus(status, &server_context_), FinishTag()); });
}

Task<bool> StreamCall::Flush() {
  co_await UntilWritten();
  if (broken_) co_return false;
  writing_ = door()->Start([this] {
    NewRef().Release();  // until OnWritten
    writer_.Write(*message_, &written_);
  });
  if (!writing_) co_return false;
  message_->Clear();
  co_return true;
}

void StreamCall::Written(bool ok) {
  door()->executor->Post([this, ok, self = Ref(this)] { OnWritten(ok); });
}

void StreamCall::OnWritten(bool ok) {
  writing_ = false;
  if (!ok) broken_ = true;
  if (waiter_) waiter_->Set(ok);
}

Task<void> StreamCall::UntilWritten() {
  if (!writing_) co_return;
  waiter_.emplace(door()->executor);
  co_await *waiter_;
  waiter_.reset();
}

}  // namespace isochron::rpc
