// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tablet/group/group_host.h"

// The turn: what all dirty groups have to write, to send and to apply goes out together.

namespace isochron::tablet {
namespace {

// A few entries under way are flushed as they come; of many, a part waits this long for others.
constexpr uint64_t kManyInFlight = 8;
constexpr uint64_t kPartOfThem = 3;
constexpr Micros kGatherUs = 1'000;

}  // namespace

void GroupHost::MarkDirty(GroupId id) {
  if (Group* g = Find(id)) Wake(g);
  dirty_.insert(id);
  if (process_posted_) return;
  process_posted_ = true;
  env_.executor->Post([this] { ProcessDirty(); });
}

void GroupHost::ProcessDirty() {
  process_posted_ = false;
  std::vector<Group*> touched;
  storage::WriteBatch batch;
  for (GroupId id : std::exchange(dirty_, {})) {
    Group* g = Find(id);
    if (g == nullptr) continue;
    TakeReady(g, &batch);
    touched.push_back(g);
  }
  if (!batch.empty()) {
    absl::Status written = env_.engine->Write(std::move(batch));
    if (!written.ok()) {
      env_.on_fatal(written);
      return;
    }
  }
  MakeChildren();
  for (Group* g : touched) {
    g->AfterWrite();
    UpdateRole(g);
    CountInFlight(g);
    CountCampaign(g);
    if (g->replica()->removed()) {
      env_.executor->Post([this, id = g->id()] { Retire(id); });
    }
  }
  EndMerged();
  SendFrames();
  FlushLog();
  MaybeCheckpoint();
}

void GroupHost::TakeReady(Group* group, storage::WriteBatch* batch) {
  paxos::Replica* replica = group->replica();
  while (replica->HasReady()) {
    paxos::Ready ready = replica->TakeReady();
    if (ready.token != 0) {
      log_->Append(group->id(), ready.hard_state ? &*ready.hard_state : nullptr, ready.entries);
      unflushed_ += ready.entries.size();
      tokens_.emplace_back(group->id(), ready.token);
    }
    for (const paxos::Message& m : ready.messages) {
      auto [it, added] = frames_.try_emplace(m.to);
      if (added) it->second = paxos::NewFrame();
      paxos::AppendToFrame(m, &it->second);
    }
    if (!ready.chosen.empty()) {
      applied_since_checkpoint_ += ready.chosen.size();
      group->Apply(ready.chosen, batch);
    }
    for (NodeId to : ready.need_snapshot) {
      if (sending_snapshots_.emplace(group->id(), to).second) {
        env_.executor->Post([this, id = group->id(), to] { scope_.Spawn(SendSnapshot(id, to)); });
      }
    }
  }
}

void GroupHost::SendFrames() {
  for (auto& [to, frame] : std::exchange(frames_, {})) {
    env_.transport->Send(to, Channel::kPaxos, std::move(frame));
  }
}

void GroupHost::CountInFlight(Group* group) {
  const paxos::Replica* replica = group->replica();
  const uint64_t now =
      replica->last_index() - std::min(replica->chosen_index(), replica->last_index());
  auto it = in_flight_.find(group->id());
  if (it != in_flight_.end()) total_in_flight_ -= it->second;
  total_in_flight_ += now;
  if (now == 0) {
    if (it != in_flight_.end()) in_flight_.erase(it);
  } else {
    in_flight_[group->id()] = now;
  }
}

// Entries that come one by one while many are under way would each have a sync of their own where
// syncs are fast, and the others be kept waiting for the log: so they gather for a moment, until
// they are a good part of what is under way.
bool GroupHost::Gathers() {
  const bool few = total_in_flight_ < kManyInFlight || unflushed_ == 0 ||
                   unflushed_ * kPartOfThem >= total_in_flight_;
  const Micros now = env_.executor->MonotonicNow();
  if (few || (gathers_until_ != 0 && now >= gathers_until_)) {
    gathers_until_ = 0;
    return false;
  }
  if (gathers_until_ == 0) {
    gathers_until_ = now + kGatherUs;
    env_.executor->PostAfter(kGatherUs, [this] { FlushLog(); });
  }
  return true;
}

void GroupHost::FlushLog() {
  if ((!log_->HasUnflushed() && tokens_.empty()) || Gathers()) return;
  unflushed_ = 0;
  log_->Flush([this, tokens = std::exchange(tokens_, {})] {
    for (const auto& [id, token] : tokens) {
      if (Group* g = Find(id)) {
        g->replica()->OnPersisted(token);
        MarkDirty(id);
      }
    }
  });
}

}  // namespace isochron::tablet
