// SPDX-License-Identifier: Apache-2.0
#include "sim/world/scheduler.h"

#include <algorithm>
#include <utility>

namespace isochron::sim {

// An EventId is (generation << 32 | slot + 1), so that a reused slot is told from its former event.
SimScheduler::Slot* SimScheduler::Find(EventId id) {
  const uint64_t index = (id & 0xffffffffu) - 1;
  if (id == 0 || index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  if (!slot.used || slot.generation != static_cast<uint32_t>(id >> 32)) return nullptr;
  return &slot;
}

SimScheduler::Fn SimScheduler::Take(EventId id) {
  Slot* slot = Find(id);
  Fn fn = std::move(slot->fn);
  slot->fn = nullptr;
  slot->used = false;
  ++slot->generation;
  free_.push_back(static_cast<uint32_t>((id & 0xffffffffu) - 1));
  return fn;
}

SimScheduler::EventId SimScheduler::At(Micros time, Owner owner, Fn fn) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.fn = std::move(fn);
  slot.owner = owner;
  slot.used = true;
  const EventId id = (static_cast<uint64_t>(slot.generation) << 32) | (index + 1);
  Push(Entry{std::max(time, now_), next_seq_++, id});
  return id;
}

void SimScheduler::Push(Entry entry) {
  heap_.push_back(entry);
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

void SimScheduler::Release(Owner owner) {
  auto it = held_.find(owner);
  if (it == held_.end()) return;
  std::vector<Entry> entries = std::move(it->second);
  held_.erase(it);
  // They keep their sequence numbers, so they run before what is scheduled for this instant.
  for (Entry& e : entries) Push(Entry{now_, e.seq, e.id});
}

void SimScheduler::Cancel(EventId id) {
  if (Find(id) == nullptr) return;
  // Destroyed after the slot is free: what it captured may schedule or cancel.
  Fn fn = Take(id);
}

void SimScheduler::DropOwner(Owner owner) {
  bool found = true;
  while (found) {
    found = false;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].used || slots_[i].owner != owner) continue;
      found = true;
      Cancel((static_cast<uint64_t>(slots_[i].generation) << 32) | (i + 1));
    }
  }
}

bool SimScheduler::Step(Micros limit) {
  while (!heap_.empty() && !stuck()) {
    const Entry next = heap_.front();
    if (next.time > limit) break;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    heap_.pop_back();
    Slot* slot = Find(next.id);
    if (slot == nullptr) continue;
    if (!held_.empty()) {
      auto held = held_.find(slot->owner);
      if (held != held_.end()) {
        held->second.push_back(next);
        continue;
      }
    }
    at_one_time_ = next.time == now_ ? at_one_time_ + 1 : 0;
    now_ = next.time;
    ++events_run_;
    digest_.Mix(static_cast<uint64_t>(next.time));
    digest_.Mix((next.seq << 16) ^ slot->owner);
    Fn fn = Take(next.id);
    fn();
    return true;
  }
  if (limit > now_ && !stuck()) {
    now_ = limit;
    at_one_time_ = 0;
  }
  return false;
}

void SimScheduler::RunUntil(Micros time) {
  while (Step(time)) {
  }
}

bool SimScheduler::RunUntil(absl::AnyInvocable<bool()>& done, Micros limit) {
  while (!done()) {
    if (!Step(limit)) return done();
  }
  return true;
}

}  // namespace isochron::sim
