// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/wakeups.h"

namespace isochron::tablet {

Wakeups::Slot* Wakeups::TakeOut(GroupId id) {
  auto [it, fresh] = slots_.try_emplace(id);
  Slot& s = it->second;
  if (fresh) return &s;
  switch (s.place) {
    case Place::kAwake:
      awake_.erase(id);
      break;
    case Place::kFollowing:
      if (auto f = following_.find(s.holder); f != following_.end()) {
        f->second.erase(id);
        if (f->second.empty()) following_.erase(f);
      }
      break;
    case Place::kLeading:
      leading_.erase(id);
      break;
    case Place::kAlone:
      break;
    case Place::kWaiting:
      turns_.erase(Turn{!s.urgent, s.due, id});
      break;
  }
  return &s;
}

bool Wakeups::Wake(GroupId id) {
  if (awake_.contains(id)) return false;
  TakeOut(id)->place = Place::kAwake;
  awake_.insert(id);
  return true;
}

void Wakeups::SleepFollowing(GroupId id, std::optional<VoteHolder> holder) {
  Slot* s = TakeOut(id);
  s->place = holder ? Place::kFollowing : Place::kAlone;
  if (!holder) return;
  s->holder = *holder;
  following_[*holder].insert(id);
}

void Wakeups::SleepLeading(GroupId id) {
  TakeOut(id)->place = Place::kLeading;
  leading_.insert(id);
}

void Wakeups::WaitForTurn(GroupId id, Micros due, bool urgent) {
  Slot* s = TakeOut(id);
  if (s->place == Place::kWaiting && s->urgent && !urgent) {
    urgent = true;
    due = s->due;
  }
  s->place = Place::kWaiting;
  s->urgent = urgent;
  s->due = due;
  turns_.insert(Turn{!urgent, due, id});
}

void Wakeups::Remove(GroupId id) {
  TakeOut(id);
  slots_.erase(id);
}

bool Wakeups::IsWaiting(GroupId id) const {
  auto it = slots_.find(id);
  return it != slots_.end() && it->second.place == Place::kWaiting;
}

std::optional<GroupId> Wakeups::NextTurn(Micros now, bool urgent_only) {
  auto due = turns_.end();
  if (!turns_.empty() && !turns_.begin()->calm && turns_.begin()->due <= now) {
    due = turns_.begin();
  } else if (!urgent_only) {
    auto calm = turns_.lower_bound(Turn{true, 0, GroupId()});
    if (calm != turns_.end() && calm->due <= now) due = calm;
  }
  if (due == turns_.end()) return std::nullopt;
  const GroupId id = due->id;
  Wake(id);
  return id;
}

std::vector<GroupId> Wakeups::Orphans(absl::FunctionRef<bool(const VoteHolder&)> over) const {
  std::vector<GroupId> out;
  for (const auto& [holder, groups] : following_) {
    if (over(holder)) out.insert(out.end(), groups.begin(), groups.end());
  }
  return out;
}

std::vector<GroupId> Wakeups::LeadersAfter(GroupId after, size_t at_most) const {
  std::vector<GroupId> out;
  for (auto it = leading_.upper_bound(after); it != leading_.end() && out.size() < at_most; ++it) {
    out.push_back(*it);
  }
  return out;
}

}  // namespace isochron::tablet
