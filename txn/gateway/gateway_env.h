// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_GATEWAY_ENV_H_
#define ISOCHRON_TXN_GATEWAY_GATEWAY_ENV_H_

// What the parts of one node's gateway share: the seams, the limits, and the scope in which work
// goes on that outlives a transaction object (commits, releases, heartbeats).

#include <cstdint>
#include <memory>
#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/router.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "txn/gateway/group_client.h"
#include "txn/gateway/range_reader.h"
#include "txn/gateway/write_buffer.h"

namespace isochron::txn {

struct GatewayLimits {
  WriteLimits writes;
  RangeReader::Options reads;
  Micros max_age_us = 600'000'000;       // of one attempt
  Micros commit_window_us = 15'000'000;  // a commit is sent again until then
  Micros ask_again_us = 1'000'000;       // a vote that may be lost
  Micros map_timeout_us = 1'000'000;     // of reading the tablet map again after a commit
  Micros heartbeat_us = 1'000'000;
  Micros release_timeout_us = 10'000'000;
  size_t max_open = 20'000;
  Micros replica_try_us = 1'000'000;  // of a read at one replica, before another is asked
  Micros straggler_us = 500'000;      // of work at a leader, before another replica does it, too
  size_t settle_groups = 64;          // of a bounded read; wider ones are read at their bound
};

// How far the nodes are, for reads that any replica may serve.
class Distances {
 public:
  static constexpr Micros kUnknown = 1'000'000;
  static constexpr Micros kSilent = 100'000'000;
  virtual ~Distances() = default;
  // Of a message there and back; 0 for this node, kSilent for one that is not heard of.
  virtual Micros To(NodeId node) const = 0;
};

struct GatewayEnv {
  Executor* executor = nullptr;
  TrueTime* truetime = nullptr;
  GroupClient* groups = nullptr;
  Router* router = nullptr;
  Observer* observer = nullptr;
  SabotageSet sabotage;
  NodeId self;
  uint64_t incarnation = 0;
  GatewayLimits limits;
  const Distances* distances = nullptr;  // may be null: then this node is near, all others alike
};

// Kept by the store and by every open transaction, so that one that outlives the store does nothing
// any more. Coroutines in `scope` hold a plain pointer: they end with the scope.
struct Gateway {
  Gateway(GatewayEnv e, Random r) : env(std::move(e)), random(r) {}

  // TT.now().latest. UNAVAILABLE without a bound (rule 5).
  absl::StatusOr<Timestamp> Latest() {
    absl::StatusOr<TTInterval> now = env.truetime->Now();
    if (now.ok()) {
      last_latest = now->latest;
      return now->latest;
    }
    if (env.sabotage.Is(Sabotage::kClocklessGateway)) return last_latest;
    return absl::UnavailableError(
        absl::StrCat("this node has no clock bound: ", now.status().message(),
                     "; connect to another node or wait"));
  }
  Ctx MakeCtx(Micros timeout_us) const {
    auto ctx = std::make_shared<RequestContext>(env.executor->MonotonicNow() + timeout_us);
    ctx->priority = Priority::kHigh;  // ends what is under way (rule 38)
    return ctx;
  }

  GatewayEnv env;
  Random random;
  Timestamp last_latest;
  uint64_t last_sequence = 0;
  size_t open = 0;
  bool closed = false;
  // Of the read-only transactions that are open and have one: version GC spares them.
  std::multiset<Timestamp> read_timestamps;
  TaskScope scope;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_GATEWAY_ENV_H_
