// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_PROMISE_EXCHANGE_H_
#define ISOCHRON_TABLET_GROUP_PROMISE_EXCHANGE_H_

// Promises of safe time for groups in which nothing happens, one message a node pair and interval
// (design.md section 4; rules 6 and 13).
//
// A leader shares each such group with the group's other replicas as (group, ballot, index): "until
// I take it back nothing is appended behind index". A message then promises a timestamp for all
// that is shared with its receiver. What changed in the set is sent along until the receiver has
// acknowledged it: `version` counts the changes, and a message carries all of those after the
// version that its receiver acknowledged last. So lost, doubled and late messages do no harm, and
// an idle pair sends a few bytes. A receiver that has started anew acknowledges nothing, and gets
// the whole set.
//
// Who shares must keep: t <= TT.now().latest and below the lease end of every group shared; Leave
// before anything is proposed; and the group's next timestamp above the last t sent (rule 12).
//
// The messages also measure the distance between the nodes, and carry the oldest timestamp at which
// the sender's gateway reads (it holds back version GC). Pure; loop-thread only. Memory: the groups
// shared, per peer.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::tablet {

struct SharedPromise {
  Ballot ballot;
  LogIndex index = 0;
  Timestamp t;
};

class PromiseExchange {
 public:
  // `ended` hears of promises that will not grow any more: they stay true.
  PromiseExchange(uint64_t incarnation, std::function<void(GroupId, const SharedPromise&)> ended)
      : incarnation_(incarnation), ended_(std::move(ended)) {}

  // ---- giving ----
  void Join(GroupId group, Ballot ballot, LogIndex index, const std::vector<NodeId>& peers);
  void Leave(GroupId group);
  std::optional<LogIndex> SharedAt(GroupId group) const;
  size_t shared() const { return given_.size(); }

  // ---- exchanging ----
  // The next message to `to`. t = 0 promises nothing; `oldest_read` Max() when nobody reads.
  std::string Message(NodeId to, Timestamp t, Timestamp oldest_read, Micros now);
  // INVALID_ARGUMENT for what is no such message.
  absl::Status Step(NodeId from, absl::string_view message, Micros now);

  // ---- knowing ----
  // The greatest promise that a peer gave for the group and has not taken back.
  std::optional<SharedPromise> Known(GroupId group) const;
  // Of a message there and back; 0 while not known.
  Micros RoundTrip(NodeId peer) const;
  // When it was last heard of; 0: never.
  Micros HeardAt(NodeId peer) const;
  // The least that a peer heard of since `since` reads at; Max() when there is none.
  Timestamp OldestRead(Micros since) const;

 private:
  struct Entry {
    bool in = false;  // false: taken back, kept until that is acknowledged
    Ballot ballot;
    LogIndex index = 0;
    uint64_t changed = 0;  // version
  };
  struct Out {
    uint64_t version = 0;
    uint64_t acknowledged = 0;
    uint64_t sequence = 0;
    std::map<GroupId, Entry> entries;
    std::set<std::pair<uint64_t, GroupId>> changes;  // those behind `acknowledged`
  };
  struct In {
    uint64_t incarnation = 0;
    uint64_t version = 0;
    uint64_t sequence = 0;
    std::map<GroupId, SharedPromise> groups;  // their t is the stream's
    Timestamp t;
    Timestamp oldest_read = Timestamp::Max();
    Micros heard_us = 0;
    Micros sent_us = 0;  // by the peer's clock, of its last message
    Micros round_trip_us = 0;
  };
  struct Parsed;

  void Change(Out* out, GroupId group, const Entry& entry);
  void Acknowledge(NodeId peer, uint64_t incarnation, uint64_t version);
  void Forget(In* in);
  void End(const In& in, GroupId group, const SharedPromise& promise);

  const uint64_t incarnation_;
  const std::function<void(GroupId, const SharedPromise&)> ended_;
  std::map<GroupId, std::pair<LogIndex, std::vector<NodeId>>> given_;
  std::map<NodeId, Out> out_;
  std::map<NodeId, In> in_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_PROMISE_EXCHANGE_H_
