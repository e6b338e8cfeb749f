// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_TESTING_SERVER_FIXTURE_H_
#define ISOCHRON_SERVER_RPC_TESTING_SERVER_FIXTURE_H_

// A gRPC server in this process, on a loop with a thread of its own, over an engine that the test
// makes on that loop.

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "server/rpc/rpc_server.h"
#include "server/runtime/event_loop.h"
#include "sql/session/session.h"

namespace isochron::rpc {

class ServerFixture {
 public:
  using MakeEngine = std::function<std::unique_ptr<sql::Engine>(Executor*)>;
  using ClockOf = std::function<TrueTime*(sql::Engine*)>;

  explicit ServerFixture(const MakeEngine& make_engine, RpcServer::Options options = {},
                         const ClockOf& clock_of = nullptr)
      : thread_([this] { loop_.Run(); }) {
    OnLoop([&] {
      engine_ = make_engine(&loop_);
      server_ = std::make_unique<RpcServer>(
          &loop_, engine_.get(), clock_of ? clock_of(engine_.get()) : nullptr, std::move(options));
      start_ = server_->Start();
    });
  }
  ~ServerFixture() {
    OnLoop([&] {
      server_.reset();
      engine_.reset();
    });
    loop_.Stop();
    thread_.join();
  }

  // Runs `fn` on the loop and waits for it.
  void OnLoop(const std::function<void()>& fn) {
    std::promise<void> done;
    loop_.Post([&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }

  runtime::EventLoop* loop() { return &loop_; }
  sql::Engine* engine() { return engine_.get(); }
  RpcServer* server() { return server_.get(); }
  const absl::StatusOr<int>& start() const { return start_; }
  std::string address() const { return server_->address(); }

 private:
  runtime::EventLoop loop_;
  std::unique_ptr<sql::Engine> engine_;
  std::unique_ptr<RpcServer> server_;
  absl::StatusOr<int> start_ = 0;
  // lint: allow(thread): the loop of a test
  std::thread thread_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_TESTING_SERVER_FIXTURE_H_
