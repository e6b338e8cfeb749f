// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_ENTRY_H_
#define ISOCHRON_PAXOS_CORE_ENTRY_H_

// What a group replicates and what each acceptor keeps on disk. Shared by the core and the log.
//
// An entry carries two ballots. `ballot` is the one under which this acceptor accepted it: classic
// Paxos. `origin` is the ballot of the leader that first proposed the value. In the chosen log,
// origins never decrease (docs/internals/paxos.md says why), so an old leader's forgotten proposal
// is never revived behind a newer leader's entries, and timestamps in the log stay in order.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/types.h"

namespace isochron::paxos {

// A group's state starts as if this index had been chosen and applied. A replica that knows nothing
// (index 0) neither votes nor accepts; it waits for a snapshot.
inline constexpr LogIndex kInitialIndex = 10;

enum class EntryKind : uint8_t {
  kNoop = 0,     // a new leader's first entry; nothing to apply
  kCommand = 1,  // opaque to the core
  kConfig = 2,   // a change of who is in the group (membership.h)
};

// Immutable and shared: the log cache, the outgoing messages and the apply queue hold one copy.
using Payload = std::shared_ptr<const std::string>;

struct Entry {
  LogIndex index = 0;
  Ballot ballot;
  Ballot origin;
  EntryKind kind = EntryKind::kNoop;
  Payload payload;  // null for kNoop

  size_t Bytes() const { return 64 + (payload ? payload->size() : 0); }
};

// The acceptor's durable promise and lease vote (rule 7). `holder` is the node whose leadership
// this acceptor's promise supports, zero after that node released it. `chosen` is a hint: it is
// written whenever something else is, and is never waited for.
struct HardState {
  Ballot promised;
  NodeId holder;
  uint64_t holder_incarnation = 0;
  LogIndex chosen = 0;

  friend bool operator==(const HardState&, const HardState&) = default;
};

// Who is in a group. `id` names one life of a replica (rule 28): a folder that lost its data comes
// back under another.
enum class ReplicaKind : uint8_t {
  kVoter = 0,
  kLearner = 1,     // receives the log to become a voter; in no quorum
  kReadOnly = 2,    // receives the log, for good; in no quorum
  kWitness = 3,     // votes and keeps the log without rows, never leads
  kNewWitness = 4,  // receives what a witness does to become one; in no quorum
};
inline bool HoldsRows(ReplicaKind kind) {
  return kind != ReplicaKind::kWitness && kind != ReplicaKind::kNewWitness;
}

struct Member {
  NodeId node;
  ReplicaKind kind = ReplicaKind::kVoter;
  uint64_t id = 1;
  bool Votes() const { return kind == ReplicaKind::kVoter || kind == ReplicaKind::kWitness; }
  friend bool operator==(const Member&, const Member&) = default;
};

struct Config {
  std::vector<Member> members;

  static Config OfVoters(std::vector<NodeId> nodes) {
    Config c;
    for (NodeId n : nodes) c.members.push_back(Member{n, ReplicaKind::kVoter});
    return c;
  }
  const Member* Find(NodeId n) const {
    for (const Member& m : members) {
      if (m.node == n) return &m;
    }
    return nullptr;
  }
  bool Has(NodeId n, uint64_t id) const { return Find(n) != nullptr && Find(n)->id == id; }
  bool CanLead(NodeId n) const {
    return Find(n) != nullptr && Find(n)->kind == ReplicaKind::kVoter;
  }
  size_t Voters() const {
    size_t n = 0;
    for (const Member& m : members) n += m.Votes() ? 1 : 0;
    return n;
  }
  size_t Quorum() const { return Voters() / 2 + 1; }
  size_t Count(ReplicaKind kind) const {
    size_t n = 0;
    for (const Member& m : members) n += m.kind == kind ? 1 : 0;
    return n;
  }
  friend bool operator==(const Config&, const Config&) = default;
};

// A point of the log, named by the index and the origin of the entry there.
struct LogMark {
  LogIndex index = 0;
  Ballot origin;
  friend bool operator==(const LogMark&, const LogMark&) = default;
};

// What a replica starts from, put together by its driver from the log and the store.
struct InitialState {
  Config config;            // as of `applied`
  uint64_t replica_id = 0;  // this replica's life; 0: as `config` says
  HardState hard;
  LogMark base;  // the log is truncated up to here; index 0: blank, waits for a snapshot
  std::vector<Entry> entries;  // base.index + 1 and on, without a hole
  LogMark applied;       // of the store; at least base (0 = base). May lie past the last entry.
  bool witness = false;  // this life is a witness's, named by a configuration or not yet
  LogIndex settled = 0;  // what Replica::Settled said, while all that is applied had a witness
};

// Reads back entries that fell out of the core's cache.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // Entries lo..hi (both inclusive), at least one, then as many as fit max_bytes. Synchronous.
  // NOT_FOUND when `lo` is truncated or not yet on disk, DATA_LOSS when it is damaged.
  virtual absl::StatusOr<std::vector<Entry>> ReadEntries(GroupId group, LogIndex lo, LogIndex hi,
                                                         size_t max_bytes) = 0;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_ENTRY_H_
