// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/group_host.h"

// The turn: what all dirty groups have to write, to send and to apply goes out together.

namespace isochron::tablet {

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

void GroupHost::FlushLog() {
  if (!log_->HasUnflushed() && tokens_.empty()) return;
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
