// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_LED_GROUP_H_
#define ISOCHRON_TXN_PARTICIPANT_LED_GROUP_H_

// One group while this node leads it: the lock table of this leadership, what is in flight, and the
// steps that one-round commits, participants and the coordinator share.
//
// Made when leadership begins, stopped when it ends (Stop), destroyed when the last coroutine that
// works on it has ended: those hold a shared_ptr. After Stop nothing is proposed or locked; waits
// for locks end with FAILED_PRECONDITION, proposals with UNKNOWN from the group.
//
// Work that must not end with the request that began it (anything that may be proposed) runs as a
// flight: the first request starts it, later ones for the same attempt attach to it (rule 21).
// Loop-thread only.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/lock/lock_table.h"
#include "txn/participant/group_access.h"
#include "txn/participant/server_env.h"
#include "txn/participant/write_trend.h"

namespace isochron::txn {

// Why an attempt is pinned, and whom to ask when it stands in an older one's way (rule 1).
struct PinReason {
  enum class Kind { kProposed, kPrepared, kReadVote, kCoordinating };
  Kind kind = Kind::kProposed;
  GroupId coordinator;
  int64_t commit_start_us = 0;
  bool wounding = false;  // the coordinator is being asked
};

class LedGroup : public std::enable_shared_from_this<LedGroup> {
 public:
  enum class Flight { kOneRound, kPrepare, kCoordinate, kOutcome };

  // Restores the locks of prepared attempts (invariant 9).
  LedGroup(const ServerEnv* env, std::unique_ptr<GroupAccess> access);

  GroupAccess* access() { return access_.get(); }
  LockTable& locks() { return locks_; }
  const ServerEnv& env() const { return *env_; }
  GroupId id() const { return id_; }
  KeyRange range() const;
  Micros now_us() const { return env_->executor->MonotonicNow(); }

  bool stopped() const { return stopped_; }
  void Stop();
  // The range shrank: attempts that locked keys outside end.
  void OnRangeChanged();
  void Sweep();
  // Nothing is locked, remembered or under way, and nothing was written lately.
  bool Quiet() {
    return locks_.attempts() == 0 && locks_.waiting() == 0 && pins_.empty() && flights_.empty() &&
           trend_.Idle(now_us());
  }
  // Where most of the group's transactions write to one end of an index.
  std::optional<HotRange> Hot() { return trend_.Hot(now_us()); }
  // Runs `task` to its end, whatever becomes of the requests; keeps this object alive.
  void Spawn(Task<void> task);

  // Starts or joins the flight; answers TXN_UNKNOWN when ctx ends first.
  Task<peer::GroupResponse> Join(Ctx ctx, Flight kind, TxnAttempt attempt,
                                 std::function<Task<peer::GroupResponse>()> start);
  bool InFlight(Flight kind, const TxnAttempt& attempt) const;

  // Waits for locks. ABORTED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION (leadership ended),
  // DEADLINE_EXCEEDED, CANCELLED; LockTimeout after `longest_us`, if that is not 0; at once for
  // kNoWaitForLocks. Adds to ctx's lock wait.
  Task<absl::Status> Lock(Ctx ctx, TxnAttempt attempt, std::vector<LockSpan> spans,
                          Micros longest_us = 0);
  // For a request that decides: waits so long only that an abort can still be logged and told
  // before ctx ends. At its end nobody would hear more than that the outcome is unknown. ABORTED
  // then.
  Task<absl::Status> LockToDecide(Ctx ctx, TxnAttempt attempt, std::vector<LockSpan> spans,
                                  Micros longest_us);
  // The attempt's earlier locks are still here (rule 8); ABORTED when not. Without an epoch: OK.
  absl::Status CheckLocks(const TxnAttempt& attempt, const peer::LockEpoch* epoch);
  // txn::DiskFull when this node takes no new writes.
  absl::Status CheckWrites() {
    absl::Status may = env_->check_writes ? env_->check_writes() : absl::OkStatus();
    if (!may.ok()) Reached("txn.refused_for_space");
    return may;
  }
  absl::Status CheckRange(const google::protobuf::RepeatedPtrField<peer::Write>& writes) const;
  // Refuses commit requests out of the window (rule 20): ok() when inside.
  absl::Status CheckWindow(int64_t commit_start_us);

  // Proposes for an attempt that holds its locks, waiting while the pipeline is full, and pins it
  // in the same step. ABORTED when it lost its locks meanwhile, else as GroupAccess::Propose.
  Task<absl::StatusOr<Proposed>> ProposeFor(Ctx ctx, TxnAttempt attempt, PinReason reason,
                                            peer::Command command, Timestamp min_s,
                                            Timestamp s_max);
  // Proposes something that needs no locks, with the same patience; then waits until it is applied.
  // UNKNOWN when it may still be chosen.
  Task<absl::Status> ProposeAndApply(Ctx ctx, peer::Command command);
  // A durable end of an attempt that never was proposed.
  Task<absl::Status> LogAbort(Ctx ctx, TxnAttempt attempt, int64_t commit_start_us);

  void Pin(const TxnAttempt& attempt, PinReason reason);
  const PinReason* pin(const TxnAttempt& attempt) const;
  // Ends locks, requests and pin.
  void Release(const TxnAttempt& attempt, bool marker);

  // Waits until TT.after(t), as long as it takes. False when leadership ended before.
  Task<bool> WaitPast(Timestamp t);
  // The commit wait for s (invariant 5).
  Task<bool> WaitOut(Timestamp s);

  // Keeps `part` (a Participant, a Coordinator) as long as this.
  void Own(std::shared_ptr<void> part) { parts_.push_back(std::move(part)); }

  // Right-hand neighbours that are being merged into this group, by this leadership.
  std::set<GroupId>& merging() { return merging_; }
  // A number for a merge that no other one has: of the leadership's ballot and the time.
  uint64_t NewMergeToken();

  // Called for a pinned attempt that is being coordinated here and blocks an older one.
  std::function<void(const TxnAttempt&)> wound_coordinated;

  void Reached(absl::string_view name) { env_->observer->Reached(name); }
  void Count(absl::string_view name) { env_->observer->Count(name, 1); }

 private:
  struct FlightState {
    explicit FlightState(Executor* executor) : done(executor) {}
    std::optional<peer::GroupResponse> response;
    WaitList done;
  };
  using FlightKey = std::pair<Flight, TxnAttempt>;

  Task<void> RunFlight(FlightKey key, std::shared_ptr<FlightState> state,
                       Task<peer::GroupResponse> body);
  static Task<void> KeepAlive(std::shared_ptr<LedGroup> self, Task<void> body);
  void NoteWrites(const peer::Command& command);
  void OnPinnedBlocked(const TxnAttempt& attempt);
  Task<void> ForwardWound(TxnAttempt attempt);

  const ServerEnv* env_;
  std::unique_ptr<GroupAccess> access_;
  GroupId id_;
  LockTable locks_;
  std::map<TxnAttempt, PinReason> pins_;
  std::map<FlightKey, std::shared_ptr<FlightState>> flights_;
  bool stopped_ = false;
  WriteTrend trend_;
  std::set<GroupId> merging_;
  std::vector<std::shared_ptr<void>> parts_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_LED_GROUP_H_
