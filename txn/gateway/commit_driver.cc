// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/commit_driver.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tablet/group/convert.h"
#include "txn/gateway/group_status.h"
#include "txn/gateway/join.h"

namespace isochron::txn {
namespace {

// How a deciding request ended.
struct Decision {
  enum class Kind { kCommitted, kAborted, kNothing, kUnknown };
  Kind kind = Kind::kUnknown;
  Timestamp s;
  absl::Status status;  // why not
  LatencyAccount latency;
};

class Driver {
 public:
  Driver(Gateway* gateway, CommitPlan plan, int64_t commit_start_us)
      : gateway_(gateway),
        env_(gateway->env),
        plan_(std::move(plan)),
        commit_start_us_(commit_start_us),
        ctx_(gateway->MakeCtx(env_.limits.commit_window_us)) {}

  Task<CommitReport> Run();
  // After a commit that failed: makes sure that the next one looks elsewhere for what is no longer
  // where this one looked.
  Task<void> MendMap();

 private:
  bool IsWriting(const CommitPart& part) const { return !part.writes.empty(); }
  GroupId ChooseCoordinator() const;
  Task<CommitReport> CheckLocks();
  Task<CommitReport> OneRound(GroupId group);
  Task<CommitReport> TwoPhase();
  // Sends a request that decides until the outcome is definite or the window has passed.
  Task<Decision> Decide(GroupId group, peer::GroupRequest request);
  Task<void> Prepare(GroupId group, GroupId coordinator);
  Task<Decision> VoteNo(GroupId coordinator, GroupId participant, std::string reason);
  Task<bool> Alive(GroupId group, absl::Status* why);
  CommitReport Report(Decision decision, int groups);
  void Release(std::optional<GroupId> but);
  // Remembers who said that keys are elsewhere.
  void Note(GroupId group, const peer::GroupResponse& response);
  template <typename Request>
  void Fill(CommitPart* part, Request* request);

  Gateway* const gateway_;
  const GatewayEnv& env_;
  CommitPlan plan_;
  const int64_t commit_start_us_;
  const Ctx ctx_;
  std::map<GroupId, std::string> first_written_;  // a key of each group that is written
  std::vector<GroupId> elsewhere_;
};

template <typename Request>
void Driver::Fill(CommitPart* part, Request* request) {
  tablet::ToProto(plan_.id, request->mutable_txn());
  request->set_commit_start_us(commit_start_us_);
  if (part->epoch.has_value()) *request->mutable_epoch() = *part->epoch;
  for (peer::Write& w : part->writes) *request->add_writes() = std::move(w);
}

Task<CommitReport> Driver::Run() {
  std::vector<GroupId> writing;
  for (const auto& [group, part] : plan_.parts) {
    if (!IsWriting(part)) continue;
    writing.push_back(group);
    first_written_[group] = part.writes[0].key();
  }
  if (writing.empty()) {
    CommitReport report = co_await CheckLocks();
    co_return report;
  }
  const bool one = plan_.parts.size() == 1;
  if (one || (writing.size() == 1 && env_.sabotage.Is(Sabotage::kFastpathIgnoresReads))) {
    CommitReport report = co_await OneRound(writing[0]);
    co_return report;
  }
  CommitReport report = co_await TwoPhase();
  co_return report;
}

void Driver::Note(GroupId group, const peer::GroupResponse& response) {
  if (response.error() != peer::GROUP_OK && response.descriptors_size() > 0) {
    elsewhere_.push_back(group);
  }
}

Task<void> Driver::MendMap() {
  for (const GroupId group : elsewhere_) {
    const auto written = first_written_.find(group);
    if (written == first_written_.end()) continue;
    const GroupDescriptor* now = env_.router->Find(written->second);
    if (now == nullptr || now->group != group) continue;  // the answer has mended it
    env_.observer->Reached("gateway.map-read-again");
    (void)co_await env_.router->Refresh(gateway_->MakeCtx(env_.limits.map_timeout_us));
    co_return;
  }
}

CommitReport Driver::Report(Decision decision, int groups) {
  CommitReport report;
  report.latency = decision.latency;
  switch (decision.kind) {
    case Decision::Kind::kCommitted:
      env_.observer->Count("gateway.commits", 1);
      if (groups > 1) env_.observer->Count("gateway.multi_group_commits", 1);
      report.result = CommitResult{decision.s, groups};
      return report;
    case Decision::Kind::kAborted:
    case Decision::Kind::kNothing:
      env_.observer->Count("gateway.aborts", 1);
      report.result = std::move(decision.status);
      return report;
    case Decision::Kind::kUnknown:
      break;
  }
  if (env_.sabotage.Is(Sabotage::kAbortOnNotLeader)) {
    report.result = absl::AbortedError("the leader was lost during the commit");
    return report;
  }
  env_.observer->Count("gateway.unknown_outcomes", 1);
  env_.observer->Reached("gateway.unknown-outcome");
  report.result = absl::UnknownError(
      absl::StrCat("the outcome of transaction ", ToString(plan_.id),
                   " is not known: it may have been committed; look before running it again. ",
                   decision.status.message()));
  return report;
}

void Driver::Release(std::optional<GroupId> but) {
  std::vector<GroupId> groups;
  for (const auto& [group, part] : plan_.parts) {
    if (group != but && part.epoch.has_value()) groups.push_back(group);
  }
  ReleaseLocks(gateway_, plan_.id, groups);
}

// ---- nothing written ----

Task<bool> Driver::Alive(GroupId group, absl::Status* why) {
  peer::GroupRequest request;
  tablet::ToProto(plan_.id, request.mutable_heartbeat()->mutable_txn());
  *request.mutable_heartbeat()->mutable_epoch() = *plan_.parts[group].epoch;
  absl::StatusOr<peer::GroupResponse> response =
      co_await env_.groups->Call(ctx_, group, std::move(request));
  if (!response.ok()) {
    *why = absl::UnavailableError(response.status().message());
  } else if (response->error() == peer::WRONG_RANGE || response->error() == peer::TXN_UNKNOWN) {
    *why = absl::AbortedError(response->message());
  } else if (response->error() != peer::GROUP_OK) {
    *why = ToStatus(*response);
  } else if (!response->heartbeat().alive()) {
    *why = absl::AbortedError("the transaction lost its locks; run it again");
  } else {
    co_return true;
  }
  co_return false;
}

Task<CommitReport> Driver::CheckLocks() {
  std::vector<Task<bool>> checks;
  std::vector<absl::Status> why(plan_.parts.size());
  size_t i = 0;
  for (const auto& [group, part] : plan_.parts) checks.push_back(Alive(group, &why[i++]));
  auto alive = co_await Join(env_.executor, std::move(checks), [](bool ok) { return !ok; });
  CommitReport report;
  report.result = CommitResult{Timestamp(), static_cast<int>(plan_.parts.size())};
  for (const absl::Status& s : why) {
    if (!s.ok()) report.result = s;
  }
  Release(std::nullopt);
  co_return report;
}

// ---- the deciding request ----

Task<Decision> Driver::Decide(GroupId group, peer::GroupRequest request) {
  Decision d;
  bool lost = false;
  Micros wait = 5'000;
  while (true) {
    CallResult call = co_await env_.groups->CallTraced(ctx_, group, request);
    lost = lost || call.earlier_try_lost;
    if (!call.response.ok()) {
      d.status = absl::UnavailableError(call.response.status().message());
      if (!lost) d.kind = Decision::Kind::kNothing;
      co_return d;
    }
    const peer::GroupResponse& r = *call.response;
    Note(group, r);
    d.latency = ToAccount(r.latency());
    switch (r.error()) {
      case peer::GROUP_OK:
        d.kind = Decision::Kind::kCommitted;
        d.s = Timestamp(r.commit().s());
        co_return d;
      case peer::TXN_ABORTED:
        d.kind = Decision::Kind::kAborted;
        d.status = absl::AbortedError(r.message());
        co_return d;
      case peer::TXN_UNKNOWN:
        lost = true;
        d.status = absl::UnknownError(r.message());
        env_.observer->Reached("gateway.outcome-asked-again");
        if (env_.sabotage.Is(Sabotage::kAbortOnNotLeader)) co_return d;
        break;
      default:
        // Not executed. If no other try was either, that is the outcome; unless it was for want of
        // room: a commit is not shed (rule 38).
        d.status = r.error() == peer::WRONG_RANGE ? absl::AbortedError(r.message()) : ToStatus(r);
        if (!lost && (r.error() == peer::DISK_FULL ||
                      r.code() != static_cast<int>(absl::StatusCode::kResourceExhausted))) {
          d.kind = Decision::Kind::kNothing;
          co_return d;
        }
        break;
    }
    wait = std::min<Micros>(wait * 2, 500'000);
    co_await SleepFor(env_.executor, gateway_->random.Between(wait / 2, wait));
    if (absl::Status s = ctx_->Check(env_.executor->MonotonicNow()); !s.ok()) {
      if (!lost) d.kind = Decision::Kind::kNothing;
      co_return d;
    }
  }
}

Task<CommitReport> Driver::OneRound(GroupId group) {
  peer::GroupRequest request;
  Fill(&plan_.parts[group], request.mutable_commit());
  if (plan_.s_max != Timestamp::Max()) request.mutable_commit()->set_s_max_us(plan_.s_max.us);
  Decision d = co_await Decide(group, std::move(request));
  env_.observer->Count("gateway.one_round", 1);
  if (d.kind == Decision::Kind::kCommitted) {
    Release(group);
  } else if (d.kind != Decision::Kind::kUnknown) {
    Release(std::nullopt);
  }
  co_return Report(std::move(d), 1);
}

// ---- two-phase commit ----

GroupId Driver::ChooseCoordinator() const {
  GroupId first_writing;
  for (const auto& [group, part] : plan_.parts) {
    if (!IsWriting(part)) continue;
    if (env_.router->LeaderHint(group) == env_.self) return group;
    if (!first_writing) first_writing = group;
  }
  return first_writing;
}

// Until the transaction is decided, or this participant's vote needs nobody any more: what is
// prepared in the log votes by itself, whoever leads. A read vote is its leader's alone, and so is
// a no that has not arrived yet; those, and prepares that may be lost, are asked for again.
Task<void> Driver::Prepare(GroupId group, GroupId coordinator) {
  peer::GroupRequest request;
  Fill(&plan_.parts[group], request.mutable_prepare());
  request.mutable_prepare()->set_coordinator(coordinator.value);
  const bool writes = request.prepare().writes_size() > 0;
  while (true) {
    absl::StatusOr<peer::GroupResponse> response = co_await env_.groups->Call(ctx_, group, request);
    if (!response.ok()) co_return;
    Note(group, *response);
    const bool voted = response->error() == peer::GROUP_OK;
    const bool declined = voted && response->code() != 0;
    if (voted && (response->vote().decided() || (writes && !declined))) co_return;
    if (voted || response->error() == peer::TXN_UNKNOWN) {
      co_await SleepFor(env_.executor, env_.limits.ask_again_us);
      if (!declined) {
        env_.observer->Reached("gateway.vote-asked-again");
        continue;
      }
    }
    // So that the outcome comes sooner: the coordinator would wait for it.
    (void)co_await VoteNo(coordinator, group, response->message());
    co_return;
  }
}

Task<Decision> Driver::VoteNo(GroupId coordinator, GroupId participant, std::string reason) {
  peer::GroupRequest request;
  peer::VoteRequest* vote = request.mutable_vote();
  tablet::ToProto(plan_.id, vote->mutable_txn());
  vote->set_commit_start_us(commit_start_us_);
  vote->set_participant(participant.value);
  vote->set_yes(false);
  vote->set_reason(std::move(reason));
  absl::StatusOr<peer::GroupResponse> response =
      co_await env_.groups->Call(ctx_, coordinator, std::move(request));
  Decision d;
  if (response.ok() && response->error() == peer::GROUP_OK && response->vote().decided()) {
    d.kind = response->vote().commit() ? Decision::Kind::kCommitted : Decision::Kind::kAborted;
    d.s = Timestamp(response->vote().s());
    d.status = absl::AbortedError("the transaction was aborted; run it again");
  }
  co_return d;
}

Task<CommitReport> Driver::TwoPhase() {
  const Micros begun = env_.executor->MonotonicNow();
  const GroupId coordinator = ChooseCoordinator();
  ISO_CHECK(coordinator, "a transaction that writes has a coordinator");
  peer::GroupRequest request;
  peer::CoordinateRequest* body = request.mutable_coordinate();
  TaskScope prepares;
  for (const auto& [group, part] : plan_.parts) {
    if (group == coordinator) continue;
    body->add_participants(group.value);
    if (IsWriting(part)) body->add_writing_participants(group.value);
  }
  Fill(&plan_.parts[coordinator], body);
  if (plan_.s_max != Timestamp::Max()) body->set_s_max_us(plan_.s_max.us);
  const std::vector<uint64_t> participants(body->participants().begin(),
                                           body->participants().end());
  for (uint64_t p : participants) prepares.Spawn(Prepare(GroupId(p), coordinator));
  Decision d = co_await Decide(coordinator, std::move(request));
  if (d.kind == Decision::Kind::kNothing) {
    // Never executed there, but participants may be prepared: make the abort durable for them.
    Decision durable = co_await VoteNo(coordinator, coordinator, std::string(d.status.message()));
    if (durable.kind == Decision::Kind::kCommitted) d = durable;
  }
  prepares.Clear();
  env_.observer->Count("gateway.two_phase", 1);
  const Micros all = env_.executor->MonotonicNow() - begun;
  const LatencyAccount& l = d.latency;
  d.latency.two_pc_us = std::max<Micros>(
      0, all - l.lock_wait_us - l.paxos_us - l.commit_wait_exposed_us - l.queue_us);
  if (d.kind == Decision::Kind::kAborted || d.kind == Decision::Kind::kNothing) {
    Release(std::nullopt);
  }
  co_return Report(std::move(d), static_cast<int>(plan_.parts.size()));
}

Task<void> ReleaseOne(Gateway* gateway, Ctx ctx, TxnAttempt id, GroupId group) {
  peer::GroupRequest request;
  tablet::ToProto(id, request.mutable_release()->mutable_txn());
  (void)co_await gateway->env.groups->Call(std::move(ctx), group, std::move(request));
}

}  // namespace

Task<CommitReport> DriveCommit(Gateway* gateway, CommitPlan plan) {
  CommitReport report;
  absl::StatusOr<Timestamp> start = gateway->Latest();
  if (!start.ok()) {
    report.result = start.status();
    co_return report;
  }
  Driver driver(gateway, std::move(plan), start->us);
  report = co_await driver.Run();
  co_await driver.MendMap();
  co_return report;
}

void ReleaseLocks(Gateway* gateway, TxnAttempt id, const std::vector<GroupId>& groups) {
  if (gateway->closed) return;
  const Ctx ctx = gateway->MakeCtx(gateway->env.limits.release_timeout_us);
  for (GroupId group : groups) gateway->scope.Spawn(ReleaseOne(gateway, ctx, id, group));
}

}  // namespace isochron::txn
