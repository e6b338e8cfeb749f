// SPDX-License-Identifier: Apache-2.0
#include "server/node/space_guard.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "txn/api/reasons.h"

namespace isochron::server {
namespace {

constexpr Micros kAskTimeoutUs = 1'000'000;
constexpr Micros kAskEngineEveryUs = 5'000;
// So many groups are handed over in a row; the next ones when these have leaders, or after so many
// pauses.
constexpr size_t kHandedOverAtOnce = 8;
constexpr Micros kPauseUs = 100'000;
constexpr int kMostPauses = 20;
constexpr char kRoom[] = "room";

Task<absl::StatusOr<std::string>> Tell(bool room) {
  co_return room ? std::string(kRoom) : std::string();
}

}  // namespace

SpaceGuard::SpaceGuard(Env env, Options options) : env_(env), options_(std::move(options)) {}

SpaceGuard::~SpaceGuard() { Stop(); }

void SpaceGuard::Start(tablet::GroupHost* host) {
  host_ = host;
  env_.rpc->Register(rpc::Method::kSpace, [this](Ctx, NodeId, std::string group) {
    return Tell(level_ == Level::kPlenty && HasReplica(group));
  });
  Look();
}

void SpaceGuard::Stop() {
  env_.executor->Cancel(std::exchange(timer_, 0));
  scope_.Clear();
}

void SpaceGuard::Look() {
  timer_ = 0;
  if (options_.reserve_bytes > 0) {
    const absl::StatusOr<DiskSpace> space = env_.disk->Space();
    if (space.ok()) Judge(space->free_bytes);
  }
  if (host_ == nullptr) return Again();
  host_->log()->RetryFlush();
  const Micros now = env_.executor->MonotonicNow();
  if (level_ != Level::kPlenty && !handing_over_ && now >= hand_over_after_us_) {
    handing_over_ = true;
    scope_.Spawn(HandOver());
  }
  Again();
}

void SpaceGuard::Again() {
  timer_ = env_.executor->PostAfter(options_.look_us, [this] { Look(); });
}

void SpaceGuard::Judge(uint64_t free_bytes) {
  free_bytes_ = free_bytes;
  const uint64_t reserve = options_.reserve_bytes;
  const uint64_t slack = reserve / 8;
  const Level before = level_;
  if (free_bytes < reserve / 2 + (before == Level::kFull ? slack : 0)) {
    level_ = Level::kFull;
  } else if (free_bytes < reserve + (before == Level::kPlenty ? 0 : slack)) {
    level_ = Level::kLow;
  } else {
    level_ = Level::kPlenty;
  }
  if (level_ == before) return;
  env_.observer->Reached(level_ == Level::kPlenty ? "disk.plenty"
                         : level_ == Level::kLow  ? "disk.low"
                                                  : "disk.full");
  if (options_.on_change) options_.on_change(level_, free_bytes);
}

absl::Status SpaceGuard::CheckWrites() const {
  if (level_ == Level::kPlenty) return absl::OkStatus();
  return txn::DiskFull(absl::StrCat(
      ToString(env_.rpc->self()), " has ", free_bytes_ >> 20, " MiB of disk left and keeps ",
      options_.reserve_bytes >> 20,
      " MiB (--disk-reserve) to finish what was begun: new writes are refused there, reads go on; "
      "free space on the disk of its data folder, and writing resumes by itself"));
}

bool SpaceGuard::CloseToStall() {
  const Micros now = env_.executor->MonotonicNow();
  if (now - asked_engine_us_ < kAskEngineEveryUs) return close_to_stall_;
  asked_engine_us_ = now;
  close_to_stall_ = env_.engine->CloseToStall();
  if (close_to_stall_) env_.observer->Count("store.close_to_stall", 1);
  return close_to_stall_;
}

Task<bool> SpaceGuard::MayLead(GroupId group, NodeId peer) {
  return Ask(peer, absl::StrCat(group.value));
}

// Without a group, only the node is asked for.
bool SpaceGuard::HasReplica(absl::string_view group) const {
  if (group.empty()) return true;
  GroupId id;
  if (host_ == nullptr || !absl::SimpleAtoi(group, &id.value)) return false;
  tablet::Group* g = host_->Find(id);
  return g != nullptr && g->initialised() && g->replica()->MayLead();
}

Task<bool> SpaceGuard::Ask(NodeId peer, std::string group) {
  auto ctx = std::make_shared<RequestContext>(env_.executor->MonotonicNow() + kAskTimeoutUs);
  ctx->priority = Priority::kHigh;
  auto answer =
      co_await env_.rpc->Call(std::move(ctx), peer, rpc::Method::kSpace, std::move(group));
  co_return answer.ok() && *answer == kRoom;
}

// Whether each has heard of a leader since then: who only asks for votes may ask for long, where
// others cannot write down that they promise.
bool SpaceGuard::HaveLeaders(const std::vector<GroupId>& groups, Micros since) const {
  return std::all_of(groups.begin(), groups.end(), [&](GroupId id) {
    tablet::Group* group = host_->Find(id);
    return group == nullptr || group->replica()->heard_at() >= since;
  });
}

Task<void> SpaceGuard::HandOver() {
  std::map<NodeId, bool> room;
  std::map<GroupId, std::vector<NodeId>> led;
  for (tablet::Group* group : host_->Groups()) {
    if (!group->IsServing()) continue;
    for (uint32_t voter : group->descriptor().voters()) led[group->id()].push_back(NodeId(voter));
  }
  std::vector<GroupId> handed_over;
  Micros since = env_.executor->MonotonicNow();
  for (const auto& [id, voters] : led) {
    NodeId best;
    LogIndex furthest = 0;
    for (NodeId voter : voters) {
      if (voter == env_.rpc->self()) continue;
      auto it = room.find(voter);
      if (it == room.end()) {
        const bool has = co_await HasRoom(voter);
        it = room.emplace(voter, has).first;
      }
      tablet::Group* group = host_->Find(id);
      if (group == nullptr || !it->second) continue;
      const LogIndex match = group->replica()->MatchOf(voter);
      if (match > furthest) {
        best = voter;
        furthest = match;
      }
    }
    tablet::Group* group = host_->Find(id);
    if (!best || group == nullptr || !group->IsServing()) continue;
    const absl::Status status = co_await group->TransferTo(best);
    env_.observer->Count(status.ok() ? "disk.handed_over" : "disk.failed_hand_overs", 1);
    // Whoever gets them campaigns at once, out of turn: all of them together would be a storm.
    handed_over.push_back(id);
    if (handed_over.size() < kHandedOverAtOnce) continue;
    for (int i = 0; i < kMostPauses && (i == 0 || !HaveLeaders(handed_over, since)); ++i) {
      co_await SleepFor(env_.executor, kPauseUs);
    }
    handed_over.clear();
    since = env_.executor->MonotonicNow();
  }
  handing_over_ = false;
  hand_over_after_us_ = env_.executor->MonotonicNow() + options_.hand_over_us;
}

}  // namespace isochron::server
