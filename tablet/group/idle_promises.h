// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_IDLE_PROMISES_H_
#define ISOCHRON_TABLET_GROUP_IDLE_PROMISES_H_

// The rounds of one node's PromiseExchange: which of its groups are quiet enough to be shared, what
// is promised for them, and who waits for what comes.
//
// A group is shared while this node leads it, all that was appended is applied, and nothing was
// proposed for two rounds. Each round looks once at every group led here, and sends one message to
// each node: t = TT.now().latest, while every group shared has a lease that ends later (rule 6). A
// group that proposes, hands over or stops leading leaves by itself (Group::StopSharing), with its
// next timestamp above the last t sent; so nothing is told to the others at that moment.
//
// Loop-thread only. Owned by GroupHost; its groups do not outlive it.

#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "common/executor.h"
#include "common/observer.h"
#include "common/transport.h"
#include "common/truetime.h"
#include "common/types.h"
#include "tablet/group/group.h"
#include "tablet/group/promise_exchange.h"

namespace isochron::tablet {

class IdlePromises : public PromiseSource {
 public:
  struct Env {
    Executor* executor;
    TrueTime* truetime;
    Transport* transport;
    Observer* observer;
    std::function<std::vector<Group*>()> groups;  // that this node leads
    std::function<Group*(GroupId)> find;
    // All nodes that messages go to; may grow.
    std::function<std::vector<NodeId>()> nodes;
  };
  struct Options {
    uint64_t incarnation = 0;
    Micros interval_us = 200'000;
  };
  IdlePromises(Env env, Options options);

  void Start();
  // The smallest timestamp at which this node's gateway reads, for the others; Max() when none.
  void SetOldestRead(std::function<Timestamp()> oldest_read) {
    oldest_read_ = std::move(oldest_read);
  }

  // PromiseSource
  Timestamp LastShared() const override { return last_; }
  void Leave(GroupId group) override { exchange_.Leave(group); }
  std::optional<SharedPromise> Known(GroupId group) const override {
    return exchange_.Known(group);
  }
  void Await(GroupId group) override { awaited_.insert(group); }

  // What the messages tell about the other nodes. The timestamp of the oldest read is theirs and
  // this node's; nodes that are silent for long do not count.
  Micros RoundTrip(NodeId peer) const { return exchange_.RoundTrip(peer); }
  Micros HeardAt(NodeId peer) const { return exchange_.HeardAt(peer); }
  Timestamp OldestRead() const;
  size_t shared() const { return exchange_.shared(); }

 private:
  void Round();
  void Share(Group* group, TTInterval now, Micros mono);
  void OnMessage(NodeId from, absl::string_view message);

  const Env env_;
  const Options options_;
  PromiseExchange exchange_;
  Timestamp last_;  // greatest t ever sent
  std::set<GroupId> awaited_;
  std::function<Timestamp()> oldest_read_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_IDLE_PROMISES_H_
