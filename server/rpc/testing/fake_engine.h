// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_TESTING_FAKE_ENGINE_H_
#define ISOCHRON_SERVER_RPC_TESTING_FAKE_ENGINE_H_

// An engine that knows a handful of made-up statements, for tests of the door itself:
//
//   ROWS n size     n rows (bigint, text of `size` bytes), handed over one by one
//   ECHO            the parameters as one row, with their types
//   FAIL            a syntax error with position and hint
//   ABORT           40001
//   WAIT            until the request is cancelled or its deadline is over
//   BEGIN, COMMIT   the session's state
//   SET             succeeds
//   anything else   DML that changes one row
//
// Everything is counted. Loop thread only, but for the counters.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "sql/session/session.h"

namespace isochron::rpc {

struct FakeCounters {
  std::atomic<int> rows{0};       // taken by sinks
  std::atomic<int> waiting{0};    // in WAIT
  std::atomic<int> cancelled{0};  // WAITs that ended by cancellation
  std::atomic<int> begun{0}, committed{0}, rolled_back{0}, statements{0}, sessions{0};
};

class FakeEngine final : public sql::Engine {
 public:
  explicit FakeEngine(Executor* executor) : executor_(executor) {}
  std::unique_ptr<sql::Session> NewSession() override;
  std::vector<ActiveStatement> ActiveStatements() const override { return {}; }
  std::vector<SessionState> Sessions() const override { return {}; }

  FakeCounters counters;

 private:
  Executor* const executor_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_TESTING_FAKE_ENGINE_H_
