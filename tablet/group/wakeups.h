// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_WAKEUPS_H_
#define ISOCHRON_TABLET_GROUP_WAKEUPS_H_

// Which of a node's groups are awake, and why each of the others will be woken (rule 31,
// docs/internals/many_groups.md). Only the awake ones are ticked.
//
// A group is in exactly one place:
//
//   awake     ticked, until a tick finds that it may rest
//   asleep    as a follower, filed under the process that holds its vote: woken when that one's
//             support ends; as a leader: woken when some node's support begins anew; else by
//             messages and calls alone
//   waiting   for its turn to campaign: urgent ones first, then by the time they are due
//
// Sleeping is level-triggered where it can be: the host asks at every tick for each holder whether
// its support is over, so no end is missed, whatever happened in which order.
//
// Loop-thread only. Holds ids, owns nothing.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "common/types.h"

namespace isochron::tablet {

// The process that a vote is given to.
struct VoteHolder {
  NodeId node;
  uint64_t incarnation = 0;
  friend auto operator<=>(const VoteHolder&, const VoteHolder&) = default;
};

class Wakeups {
 public:
  using Groups = absl::btree_set<GroupId>;

  // True when it was not awake.
  bool Wake(GroupId id);
  // Sleeps while `holder` supports its leader; without a holder (a learner, a blank replica), until
  // something comes.
  void SleepFollowing(GroupId id, std::optional<VoteHolder> holder);
  void SleepLeading(GroupId id);
  // Waits for a campaign, from `due` on. A group that waits urgently stays urgent.
  void WaitForTurn(GroupId id, Micros due, bool urgent);
  void Remove(GroupId id);

  const Groups& awake() const { return awake_; }
  size_t waiting() const { return turns_.size(); }
  bool IsWaiting(GroupId id) const;

  // The next one whose turn it may be, taken off the list; only urgent ones if so asked.
  std::optional<GroupId> NextTurn(Micros now, bool urgent_only);
  // Followers whose holder's support is over according to `over`. They stay filed.
  std::vector<GroupId> Orphans(absl::FunctionRef<bool(const VoteHolder&)> over) const;
  // At most `at_most` sleeping leaders with ids greater than `after`.
  std::vector<GroupId> LeadersAfter(GroupId after, size_t at_most) const;

 private:
  enum class Place : uint8_t { kAwake, kFollowing, kLeading, kAlone, kWaiting };
  struct Slot {
    Place place = Place::kAwake;
    bool urgent = false;
    VoteHolder holder;
    Micros due = 0;
  };
  struct Turn {
    bool calm = true;  // urgent ones first
    Micros due = 0;
    GroupId id;
    friend auto operator<=>(const Turn&, const Turn&) = default;
  };
  Slot* TakeOut(GroupId id);

  absl::btree_map<GroupId, Slot> slots_;
  Groups awake_;
  Groups leading_;
  std::map<VoteHolder, Groups> following_;
  std::set<Turn> turns_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_WAKEUPS_H_
