// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_RECOVERY_H_
#define ISOCHRON_PAXOS_CORE_RECOVERY_H_

// A candidate's phase 1: what each voter answered, and what follows from a quorum of answers.
//
// Slots up to the greatest chosen index C of the quorum, and after it each slot's value of the
// highest ballot, must be proposed again. The list ends at the first slot
//   - that nobody of the quorum accepted: acceptors accept without holes, so nothing at or after it
//     was chosen; or
//   - whose highest ballot is below an origin seen at or before it: the leader of that origin had
//     finished its own phase 1 below that slot, so nothing there was or will be chosen. Reviving it
//     would put an old leader's command behind a newer leader's.

#include <cstdint>
#include <map>
#include <vector>

#include "common/types.h"
#include "paxos/core/entry.h"
#include "paxos/core/messages.h"

namespace isochron::paxos {

class Recovery {
 public:
  // `from`: the first slot the candidate does not know to be chosen.
  explicit Recovery(LogIndex from) : from_(from) {}

  LogIndex from() const { return from_; }
  // Merges one answer (or a further part of one). Entries outside what is still wanted are ignored.
  // `id`: the life of the voter that answered; 0: any.
  void Add(NodeId voter, const Promise& promise, uint64_t id = 0);
  // The first slot still wanted from `voter`; 0 when it answered completely.
  LogIndex WantedFrom(NodeId voter) const;
  // Voters that answered completely.
  size_t Complete() const;
  // A quorum of `config` answered completely.
  bool CompleteIn(const Config& config) const;
  bool Answered(NodeId voter) const { return voters_.contains(voter); }
  bool Answered(NodeId voter, uint64_t id) const {
    auto it = voters_.find(voter);
    return it != voters_.end() && (it->second.id == 0 || it->second.id == id);
  }

  // With a quorum complete: the entries to propose again from `from` on, consecutive.
  std::vector<Entry> Result() const;
  LogIndex MaxChosen() const;
  LogIndex ChosenOf(NodeId voter) const;
  LogIndex LastOf(NodeId voter) const;

 private:
  struct Voter {
    uint64_t id = 0;
    LogIndex chosen = 0;
    LogIndex have = 0;  // entries up to here arrived
    LogIndex last = 0;
    Ballot chosen_origin;
  };
  LogIndex from_;
  std::map<NodeId, Voter> voters_;
  std::map<LogIndex, Entry> best_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_RECOVERY_H_
