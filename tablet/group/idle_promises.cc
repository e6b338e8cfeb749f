// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/idle_promises.h"

#include <algorithm>
#include <utility>

namespace isochron::tablet {
namespace {

constexpr int kQuietRounds = 2;
// A read of a node that says nothing for so long is not protected any more.
constexpr Micros kSilentUs = 10'000'000;

}  // namespace

IdlePromises::IdlePromises(Env env, Options options)
    : env_(std::move(env)),
      options_(options),
      exchange_(options.incarnation, [this](GroupId id, const SharedPromise& promise) {
        if (Group* group = env_.find(id)) group->AddPromise(promise.index, promise.t);
      }) {}

void IdlePromises::Start() {
  env_.transport->SetHandler(Channel::kSafeTime, [this](NodeId from, absl::string_view message) {
    OnMessage(from, message);
  });
  Round();
}

void IdlePromises::Share(Group* group, TTInterval now, Micros mono) {
  const LogIndex index = group->replica()->last_index();
  const bool quiet = group->Quiet(mono - kQuietRounds * options_.interval_us);
  if (!group->shares() && !quiet) return;
  const bool fits = quiet && group->replica()->LeaseEnd() > std::max(now.latest, last_);
  if (group->shares() && (!fits || group->shared_index() != index)) group->StopSharing();
  if (!fits || group->shares()) return;
  std::set<NodeId> peers;
  for (uint32_t v : group->descriptor().voters()) peers.insert(NodeId(v));
  for (const peer::Replica& r : group->descriptor().replicas()) peers.insert(NodeId(r.node()));
  peers.erase(env_.transport->self());
  exchange_.Join(group->id(), group->replica()->ballot(), index, {peers.begin(), peers.end()});
  group->StartSharing(index);
}

void IdlePromises::Round() {
  const Micros mono = env_.executor->MonotonicNow();
  const auto now = env_.truetime->Now();
  Timestamp t;
  if (now.ok()) {
    for (Group* group : env_.groups()) Share(group, *now, mono);
    t = now->latest;
    last_ = std::max(last_, t);
  }
  const Timestamp oldest = oldest_read_ ? oldest_read_() : Timestamp::Max();
  for (NodeId to : env_.nodes()) {
    if (to == env_.transport->self()) continue;
    env_.transport->Send(to, Channel::kSafeTime, exchange_.Message(to, t, oldest, mono));
  }
  env_.observer->Count("safe_time.rounds", 1);
  env_.executor->PostAfter(options_.interval_us, [this] { Round(); });
}

void IdlePromises::OnMessage(NodeId from, absl::string_view message) {
  if (!exchange_.Step(from, message, env_.executor->MonotonicNow()).ok()) {
    env_.observer->Count("transport.garbage", 1);
    return;
  }
  for (GroupId id : std::exchange(awaited_, {})) {
    if (Group* group = env_.find(id)) group->OnPromises();
  }
}

Timestamp IdlePromises::OldestRead() const {
  const Timestamp told = exchange_.OldestRead(env_.executor->MonotonicNow() - kSilentUs);
  return oldest_read_ ? std::min(told, oldest_read_()) : told;
}

}  // namespace isochron::tablet
