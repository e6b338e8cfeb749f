// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_MEMBERSHIP_H_
#define ISOCHRON_PAXOS_CORE_MEMBERSHIP_H_

// Who is in a group, as its log says (rule 28; docs/internals/membership.md).
//
// A configuration changes by an entry of its own kind, one replica at a time. It is in force for
// all entries behind it from the moment a log holds it, and until it is known to be chosen the
// configuration before it is in force too: whoever counts votes, acknowledgments or lease support
// needs a quorum in each configuration of `all()`.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/types.h"
#include "paxos/core/entry.h"

namespace isochron::paxos {

// The payload of a kConfig entry.
std::string EncodeConfig(const Config& config);
// INVALID_ARGUMENT when it cannot be understood.
absl::StatusOr<Config> DecodeConfig(absl::string_view payload);

// INVALID_ARGUMENT unless `to` is `from` with one replica added, taken away or of another kind, has
// a replica that can lead, and has no more witnesses than of these (rule 29; witness.cc).
absl::Status CheckChange(const Config& from, const Config& to);

// The configurations that one replica's log holds above what it knows to be chosen.
class ConfigHistory {
 public:
  struct At {
    LogIndex index = 0;
    Config config;
  };

  // `config` is in force after `index`; what was known up to there is forgotten.
  void Reset(LogIndex index, Config config);
  // An entry was put into the log; one at its index is replaced.
  void Put(const Entry& entry);
  void DropAfter(LogIndex index);
  // Entries up to `chosen` are known to be chosen. True when that settled a change.
  bool Settle(LogIndex chosen);

  // The newest configuration that is known to be chosen, and those after it in the log.
  const std::vector<At>& all() const { return all_; }
  const Config& settled() const { return all_.front().config; }
  LogIndex settled_at() const { return all_.front().index; }
  const Config& latest() const { return all_.back().config; }
  bool changing() const { return all_.size() > 1; }
  // Every replica of any of them.
  std::vector<Member> Members() const;
  bool Has(NodeId node, uint64_t id) const;
  bool HasWitness() const;

 private:
  std::vector<At> all_{At{}};
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_MEMBERSHIP_H_
