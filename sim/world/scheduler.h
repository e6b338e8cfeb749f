// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SCHEDULER_H_
#define ISOCHRON_SIM_WORLD_SCHEDULER_H_

// Virtual time: one queue of events ordered by (time, sequence) drives a whole universe on one
// thread. Time jumps from event to event and stands still while one runs.
//
// now() is real time in the sense of rule 10: microseconds since 1970 UTC, of which the simulated
// clocks show a blurred picture. Every event belongs to an owner (a process incarnation), so that a
// crash can drop what that process had posted. Each event that runs is mixed into the digest.

#include <cstdint>
#include <map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/types.h"
#include "sim/world/digest.h"

namespace isochron::sim {

class SimScheduler {
 public:
  using Fn = absl::AnyInvocable<void()>;
  using Owner = uint32_t;    // 0: the simulator itself
  using EventId = uint64_t;  // 0 is never an event

  // Runs start at a fixed date, so that timestamps look like timestamps.
  static constexpr Micros kStartOfTime = 1'600'000'000'000'000;

  SimScheduler() = default;
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;

  Micros now() const { return now_; }
  Digest& digest() { return digest_; }
  uint64_t events_run() const { return events_run_; }

  // A time that has passed means now. Events of one time run in the order they were scheduled.
  EventId At(Micros time, Owner owner, Fn fn);
  EventId After(Micros delay, Owner owner, Fn fn) { return At(now_ + delay, owner, std::move(fn)); }
  // Drops the function. No effect on an event that ran or is unknown.
  void Cancel(EventId id);
  // Drops every pending event of `owner`, and what their destruction schedules for it.
  void DropOwner(Owner owner);

  // Events of a held owner wait, in order, until it is released (a paused process).
  void Hold(Owner owner) { held_.try_emplace(owner); }
  void Release(Owner owner);
  bool IsHeld(Owner owner) const { return held_.count(owner) > 0; }

  // Runs the next event; false when none is left or the next one lies after `limit`. Time then
  // moves to `limit`.
  bool Step(Micros limit);
  void RunUntil(Micros time);
  // Runs until `done` holds, checked after each event; false if it does not hold by `limit`.
  bool RunUntil(absl::AnyInvocable<bool()>& done, Micros limit);

  // More events than this without time moving is a livelock; stuck() then stays true and Step
  // refuses to go on.
  static constexpr uint64_t kMaxEventsAtOneTime = 2'000'000;
  bool stuck() const { return at_one_time_ > kMaxEventsAtOneTime; }

 private:
  struct Slot {
    Fn fn;
    Owner owner = 0;
    uint32_t generation = 0;
    bool used = false;
  };
  struct Entry {
    Micros time;
    uint64_t seq;
    EventId id;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.time != b.time ? a.time > b.time : a.seq > b.seq;
    }
  };
  // The slot of a live event, or null.
  Slot* Find(EventId id);
  Fn Take(EventId id);
  void Push(Entry entry);

  Micros now_ = kStartOfTime;
  uint64_t next_seq_ = 0;
  uint64_t events_run_ = 0;
  uint64_t at_one_time_ = 0;
  std::vector<Entry> heap_;
  std::map<Owner, std::vector<Entry>> held_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  Digest digest_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SCHEDULER_H_
