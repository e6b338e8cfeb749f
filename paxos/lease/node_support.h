// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LEASE_NODE_SUPPORT_H_
#define ISOCHRON_PAXOS_LEASE_NODE_SUPPORT_H_

// Lease support between two nodes, for all their groups at once (OSDI 2012 section 4.1.1 and
// appendix A, cut as in protocol.md rule 7: leases by node pair, votes by group).
//
// A node that leads groups sends each peer one heartbeat a renew interval. The peer promises:
// "until my support end I vote against you in no group in which my vote is yours", and numbers that
// support with an epoch. Group votes are durable (paxos/core); support ends are not, so a restarted
// node votes against nobody whom its durable votes name until a full lease after its start.
//
//   leader's end of a grant = TT.now().earliest before the heartbeat left + D
//   voter's end             = TT.now().latest at its receipt + D           (later, whatever the
//   clocks)
//
// When a voter uses the end of a support to vote for somebody else (Withdraw), the next heartbeat
// starts a new epoch. A leader counts a voter in a group only if the epoch stamped on the voter's
// acknowledgment in that group, at the current ballot, is the granted one: so a leader that revives
// does not revive leases that were voted away meanwhile.
//
// Sans-I/O: messages go out through TakeMessages. Loop-thread only. One per node.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sabotage.h"
#include "common/truetime.h"
#include "common/types.h"

namespace isochron::paxos {

struct SupportGrant {
  uint64_t epoch = 0;
  uint64_t voter_incarnation = 0;
  Timestamp end;  // by the leader's reckoning
};

class NodeSupport {
 public:
  struct Options {
    NodeId self;
    uint64_t incarnation = 0;  // RaiseIncarnation at this start
    Micros lease_us = 3'000'000;
    Micros renew_us = 1'000'000;
    // The longest lease that any node may have asked for: a restarted voter waits this long.
    Micros max_lease_us = 3'000'000;
    SabotageSet sabotage;
  };

  NodeSupport(Options options, TrueTime* truetime);

  // Nodes to ask for support: every node that shares a group with this one. May change any time.
  void SetPeers(std::vector<NodeId> peers);

  // Leader side: renews when due. Call often (a tick); `now` is Executor::MonotonicNow. Does
  // nothing while the clock cannot vouch (rule 5): leases then run out.
  void Tick(Micros now);
  // The channel's payload from `from`. INVALID_ARGUMENT when it cannot be understood.
  absl::Status Step(NodeId from, absl::string_view payload);
  // Messages to send on Channel::kLease, at once.
  std::vector<std::pair<NodeId, std::string>> TakeMessages();

  // Leader side. What voter `v` (this node included) grants now; nothing before its first answer.
  std::optional<SupportGrant> GrantedBy(NodeId v) const;
  // Leader side. Whether `v` is expected to answer: its grant had not run out at the last renewal,
  // or it is not a peer, so that nothing is known of it.
  bool Live(NodeId v) const;
  // Counts the times that v's grant began anew: after it had run out, in another epoch, of another
  // process. Groups that rest while v is not Live, or that count its vote, look at it.
  uint64_t Renewals(NodeId v) const;
  const std::vector<NodeId>& peers() const { return peers_; }
  // Grows with every change of a grant: lets callers cache what they computed from grants.
  uint64_t version() const { return version_; }

  // Voter side. When support for that incarnation of `leader` ends by this node's clock;
  // Timestamp::Max() until the clock vouched once since the start.
  Timestamp SupportEnd(NodeId leader, uint64_t incarnation) const;
  // TT.after(SupportEnd). False when the clock cannot vouch.
  bool MayVoteAgainst(NodeId leader, uint64_t incarnation) const;
  // As MayVoteAgainst; and if true, ends the support: the leader's next heartbeat starts a new
  // epoch. To be asked at the moment a vote is given to somebody else.
  bool Withdraw(NodeId leader, uint64_t incarnation);
  // The current support epoch for `leader`, 0 if it never asked.
  uint64_t EpochFor(NodeId leader) const;

  NodeId self() const { return options_.self; }
  uint64_t incarnation() const { return options_.incarnation; }
  TrueTime* truetime() const { return truetime_; }
  SabotageSet sabotage() const { return options_.sabotage; }

 private:
  struct Supported {  // voter side, per leader
    uint64_t incarnation = 0;
    uint64_t epoch = 0;
    bool withdrawn = false;
    Timestamp end;           // of the current incarnation
    Timestamp previous_end;  // greatest of the older incarnations
  };

  struct Liveness {
    bool live = false;
    uint64_t renewals = 0;
  };

  void Renew(TTInterval now);
  void NoteClock(TTInterval now);
  bool Support(NodeId leader, uint64_t incarnation, Micros lease_us, TTInterval now);
  void Grant(NodeId voter, SupportGrant grant);
  bool Plausible(NodeId from, TTInterval theirs, TTInterval ours);

  const Options options_;
  TrueTime* const truetime_;
  std::vector<NodeId> peers_;
  Micros next_renew_ = 0;
  uint64_t version_ = 1;
  // Start + the longest lease, by the first vouched reading; support given before the start counts
  // until then.
  std::optional<Timestamp> boot_hold_;
  std::map<NodeId, Supported> supported_;
  std::map<NodeId, SupportGrant> grants_;
  std::map<NodeId, Liveness> liveness_;
  std::vector<std::pair<NodeId, std::string>> outbox_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LEASE_NODE_SUPPORT_H_
