// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_MESSAGES_H_
#define ISOCHRON_PAXOS_CORE_MESSAGES_H_

// What replicas of one group tell each other, and its wire form.
//
// A frame is a version byte followed by length-prefixed messages of any number of groups, so that a
// driver packs everything that one loop turn owes a peer into one Transport::Send. Decoding checks
// every bound: garbage gives INVALID_ARGUMENT, never a crash and never a half-read message.
// Messages may be lost, doubled, late and out of order; the receiver compares ballots.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "paxos/core/entry.h"

namespace isochron::paxos {

// The lease vote as the voter's node counts it (paxos/lease): which of its support epochs for the
// leader, in which of its process incarnations. Epoch 0: no support.
struct VoteStamp {
  uint64_t epoch = 0;
  uint64_t incarnation = 0;
  friend bool operator==(const VoteStamp&, const VoteStamp&) = default;
};

// Phase 1, candidate to acceptor. `pre` asks "would you?" and changes nothing at the acceptor.
struct Prepare {
  Ballot ballot;
  bool pre = false;
  uint64_t incarnation = 0;  // of the candidate
  LogIndex from = 0;         // accepted entries from here on are wanted
  Ballot released;           // a leader that released this ballot asked for the campaign; or zero
  LogIndex config_at = 0;    // where the newest change that the candidate knows as chosen is
};

// Phase 1 answer. Entries from Prepare::from on, cut to a bounded size; ask again for the rest.
struct Promise {
  Ballot ballot;
  bool pre = false;
  LogIndex chosen = 0;
  Ballot chosen_origin;  // origin of the entry at `chosen`
  LogIndex last = 0;     // last accepted index
  VoteStamp vote;
  std::vector<Entry> entries;
};

enum class NackReason : uint8_t {
  kHigherBallot = 0,  // promised a higher ballot
  kHeld = 1,          // its lease vote is held by another node whose support has not ended
  kBlank = 2,         // has no base state: send a snapshot
  kBehind = 3,        // the candidate lacks entries that are already truncated here
  kRemoved = 4,       // the candidate's replica is in no configuration any more
  kMerged = 5,  // the group has ended: it was merged into `into`. The host's word, not a replica's
};

struct Nack {
  Ballot ballot;    // of the refused message
  Ballot promised;  // highest promised
  NackReason reason = NackReason::kHigherBallot;
  bool pre = false;
  GroupId into;  // kMerged only
};

// Phase 2, leader to acceptor. Without entries it carries the chosen index, probes a follower's
// position and renews its vote stamp.
struct Accept {
  Ballot ballot;
  uint64_t incarnation = 0;  // of the leader
  LogIndex first = 0;        // index of entries[0]; where the next would start if there are none
  LogIndex chosen = 0;
  std::vector<Entry> entries;  // consecutive; `ballot` of each is this message's
  // Groups with witnesses only (rule 29): what a witness may forget, and that the receiver is to
  // make durable what it knows to be chosen.
  LogIndex settled = 0;
  bool settle = false;
};

// Phase 2 answer, sent once everything it states is on disk. Every entry up to `match` is chosen or
// was accepted at `ballot`.
struct Accepted {
  Ballot ballot;
  LogIndex match = 0;
  LogIndex chosen = 0;
  bool gap = false;  // Accept::first was beyond match + 1
  VoteStamp vote;
  // Groups with witnesses only: the sender durably holds all up to here, and durably knows that it
  // is chosen (rule 29).
  LogIndex kept = 0;
};

// The node that held the vote at `ballot` will never again use a lease at it or at a lower one.
struct Release {
  Ballot ballot;
};

// Asks the holder of a vote whether it has given `ballot` up.
struct HoldQuery {
  Ballot ballot;
  uint64_t incarnation = 0;  // of the holder, as voted
};

// The leader released `ballot` and asks the receiver to campaign at once.
struct TimeoutNow {
  Ballot ballot;
};

using Body = std::variant<Prepare, Promise, Nack, Accept, Accepted, Release, HoldQuery, TimeoutNow>;

struct Message {
  GroupId group;
  NodeId to;  // not on the wire
  Body body;
  // The lives of sender and receiver that it is from and for (rule 28); 0: not known.
  uint64_t from_id = 0;
  uint64_t to_id = 0;
};

// An empty frame: only the version byte.
std::string NewFrame();
// Appends one message to a frame made by NewFrame.
void AppendToFrame(const Message& message, std::string* frame);
// INVALID_ARGUMENT when any byte of it cannot be understood.
absl::StatusOr<std::vector<Message>> DecodeFrame(absl::string_view frame);

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_MESSAGES_H_
