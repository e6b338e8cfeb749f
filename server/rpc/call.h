// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_CALL_H_
#define ISOCHRON_SERVER_RPC_CALL_H_

// One gRPC call, from the poller thread to the node's loop and back.
//
//   poller thread   takes completions off the queue: an arrived request goes to the loop
//                   (arrivals.h), and a listener for the next one is put in its place
//   loop            runs the handler as a coroutine and starts the answer; gRPC serializes it there
//                   and queues its completion to the poller thread
//
// A call is deleted when nothing refers to it any more: its coroutine, what was posted for it, and
// the completions that gRPC still owes (references are counted). Cancellation, by the client, by a
// lost connection or by the deadline, reaches the handler as Ctx::Cancel.
//
// Calls under way are bounded: beyond the limit all but vital ones (a commit, a rollback) are
// refused before their handler runs.
//
// Door::open and everything named "loop" belong to the loop's thread.

#include <google/protobuf/arena.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "common/executor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "server/admission/admission.h"
#include "server/rpc/arrivals.h"
#include "server/rpc/status_codec.h"
#include "server/runtime/mutex.h"

namespace isochron::rpc {

// What a completion queue hands back.
class Tag {
 public:
  // Poller thread.
  virtual void Run(bool ok) = 0;

 protected:
  ~Tag() = default;
};

// What all calls of a server share. Outlives them.
struct Door {
  Door(Executor* e, grpc::ServerCompletionQueue* q, admission::Admission* a, size_t limit);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  // Starts an operation of gRPC on the queue. Once the queue is shut down, which a handler that
  // ends late may find, does nothing: false. From any thread.
  template <typename Operation>
  bool Start(Operation operation) {
    runtime::MutexLock lock(&mu);
    if (queue_closed) return false;
    operation();
    return true;
  }
  // From any thread.
  void CloseQueue() {
    runtime::MutexLock lock(&mu);
    queue_closed = true;
    queue->Shutdown();
  }

  Executor* const executor;
  grpc::ServerCompletionQueue* const queue;
  admission::Admission* const admission;  // loop
  const size_t max_calls;
  int64_t statement_memory_bytes = RequestContext::kDefaultMemoryBytes;
  std::shared_ptr<MemoryBudget> memory;  // may be null
  const std::shared_ptr<Arrivals> arrivals;
  std::atomic<bool> listening{true};
  runtime::Mutex mu;
  bool queue_closed ABSL_GUARDED_BY(mu) = false;
  bool open = true;  // loop
  TaskScope scope;   // loop
};

// What a handler sees of its call.
struct CallInfo {
  Ctx ctx;
  grpc::ServerContext* server;
};

class Call {
 public:
  // Keeps a call alive.
  class Ref {
   public:
    // Takes over one reference.
    explicit Ref(Call* call) : call_(call) {}
    Ref(Ref&& o) noexcept : call_(std::exchange(o.call_, nullptr)) {}
    Ref& operator=(Ref&&) = delete;
    ~Ref() {
      if (call_) call_->Unref();
    }
    Call* get() const { return call_; }
    // Leaves the reference to somebody else.
    void Release() { call_ = nullptr; }

   private:
    Call* call_;
  };

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 protected:
  explicit Call(std::shared_ptr<Door> door);
  virtual ~Call() = default;

  // Asks gRPC for a request of this call's method.
  virtual void Listen(void* tag) = 0;
  // Puts another listener in this one's place.
  virtual void ListenAgain() = 0;
  // Runs the handler and answers. Loop.
  virtual Task<void> Serve(Ref self) = 0;
  // Answers without it. Loop.
  virtual void Refuse(const absl::Status& status) = 0;
  // Ends or finishes what is under way: never refused.
  virtual bool vital() const { return false; }

  // To be called once, at the end of construction. May delete the call.
  void Begin() {
    if (!door_->Start([this] { Listen(&arrived_); })) Unref();
  }
  Ref NewRef() {
    refs_.fetch_add(1, std::memory_order_relaxed);
    return Ref(this);
  }
  void Unref() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  Door* door() const { return door_.get(); }
  const std::shared_ptr<Door>& shared_door() const { return door_; }
  // The tag of the operation that ends the call; takes a reference until it is done.
  void* FinishTag() {
    refs_.fetch_add(1, std::memory_order_relaxed);
    return &finished_;
  }
  CallInfo* info() { return &info_; }

  google::protobuf::Arena arena_;
  grpc::ServerContext server_context_;

 private:
  template <void (Call::*kMethod)(bool)>
  struct MemberTag final : Tag {
    explicit MemberTag(Call* c) : call(c) {}
    void Run(bool ok) override { (call->*kMethod)(ok); }
    Call* call;
  };
  void Arrived(bool ok);
  void Done(bool ok);
  void Finished(bool ok);
  static void Admit(Ref self);
  static Task<void> Drive(Ref self);
  Micros TimeLeft() const;

  const std::shared_ptr<Door> door_;
  std::atomic<int> refs_{1};
  MemberTag<&Call::Arrived> arrived_{this};
  MemberTag<&Call::Done> done_{this};
  MemberTag<&Call::Finished> finished_{this};
  Micros time_left_us_ = 0;
  Micros arrived_us_ = 0;
  CallInfo info_{nullptr, &server_context_};  // loop
};

// A unary method: how to listen for it, and who handles it.
template <typename Request, typename Response>
struct UnaryMethod {
  std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                     grpc::ServerCompletionQueue*, void*)>
      listen;
  // Both messages outlive the task.
  std::function<Task<absl::Status>(CallInfo*, const Request*, Response*)> handle;
  bool vital = false;
};

template <typename Request, typename Response>
class UnaryCall final : public Call {
 public:
  using Method = UnaryMethod<Request, Response>;

  static void Start(std::shared_ptr<Door> door, std::shared_ptr<const Method> method) {
    (new UnaryCall(std::move(door), std::move(method)))->Begin();
  }

 private:
  UnaryCall(std::shared_ptr<Door> door, std::shared_ptr<const Method> method)
      : Call(std::move(door)),
        method_(std::move(method)),
        request_(google::protobuf::Arena::CreateMessage<Request>(&arena_)),
        responder_(&server_context_) {}

  void Listen(void* tag) override {
    method_->listen(&server_context_, request_, &responder_, door()->queue, tag);
  }
  void ListenAgain() override { Start(shared_door(), method_); }
  Task<void> Serve(Ref) override {
    auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena_);
    const absl::Status status = co_await method_->handle(info(), request_, response);
    if (status.ok()) {
      door()->Start([&] { responder_.Finish(*response, grpc::Status::OK, FinishTag()); });
    } else {
      Refuse(status);
    }
  }
  void Refuse(const absl::Status& status) override {
    door()->Start(
        [&] { responder_.FinishWithError(ToGrpcStatus(status, &server_context_), FinishTag()); });
  }
  bool vital() const override { return method_->vital; }

  const std::shared_ptr<const Method> method_;
  Request* const request_;
  grpc::ServerAsyncResponseWriter<Response> responder_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_CALL_H_
