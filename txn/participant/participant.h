// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_PARTICIPANT_H_
#define ISOCHRON_TXN_PARTICIPANT_PARTICIPANT_H_

// A group's side of two-phase commit, while this node leads the group (OSDI 2012, section 4.2.1).
//
// Prepare with writes: lock them, log a Prepare that names all locks of the attempt and gets the
// prepare timestamp, vote yes. From then on the attempt is pinned; its vote is sent again, which is
// also the question what became of it, with a capped backoff until the outcome is known, by each
// new leader too (rules 9 and 22). Outcome: logged, applied, then locks go after TT.after(s) and
// the coordinator gets its acknowledgement.
//
// Prepare without writes: a read vote. It is not logged; s_min is the greatest version read and
// s_max the lease end, and the locks stay until the outcome or until TT.after(s_max), when no
// commit at or below s_max can be followed by a conflicting smaller one (rule 4).
//
// A prepare that fails votes no. Only the coordinator's answer tells a client that its transaction
// was aborted: the answer to a PrepareRequest is GROUP_OK with a message in that case, WRONG_RANGE
// when its keys moved, NOT_LEADER when nobody voted.

#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

class Participant {
 public:
  // `group` outlives this.
  explicit Participant(LedGroup* group);

  // Asks again for the outcome of everything that a former leader prepared.
  void Start();
  void Stop();
  bool Quiet() const { return resolving_.empty(); }

  Task<peer::GroupResponse> Prepare(Ctx ctx, peer::PrepareRequest request);
  Task<peer::GroupResponse> Outcome(Ctx ctx, peer::OutcomeRequest request);
  peer::GroupResponse Heartbeat(const peer::HeartbeatRequest& request);
  peer::GroupResponse Release(const peer::ReleaseRequest& request);

 private:
  Task<peer::GroupResponse> RunPrepare(Ctx ctx, peer::PrepareRequest request);
  Task<peer::GroupResponse> LogPrepare(Ctx ctx, peer::PrepareRequest request);
  peer::GroupResponse ReadVote(const peer::PrepareRequest& request);
  // The prepare did not happen: votes no where that is final, and answers.
  peer::GroupResponse Fail(const peer::PrepareRequest& request, const absl::Status& why);
  // Votes until the outcome is known.
  Task<void> Resolve(TxnAttempt attempt, GroupId coordinator, peer::VoteRequest vote);
  // Votes again until the outcome comes or s_max has passed; then the locks go, and the vote.
  Task<void> HoldReadVote(TxnAttempt attempt, GroupId coordinator, peer::VoteRequest vote);
  Task<void> SendNo(GroupId coordinator, peer::VoteRequest vote);
  Task<absl::StatusOr<peer::VoteResponse>> SendVote(GroupId coordinator, peer::VoteRequest vote,
                                                    Micros timeout_us);
  void StartResolving(const TxnAttempt& attempt);
  // What became of the attempt is known: makes it so here. OK when durable.
  Task<absl::Status> Learn(TxnAttempt attempt, bool commit, Timestamp s);
  Task<peer::GroupResponse> RunOutcome(peer::OutcomeRequest request);
  void Wake(const TxnAttempt& attempt);

  std::shared_ptr<LedGroup> Shared() const { return group_->shared_from_this(); }

  LedGroup* group_;
  // Woken when the attempt's outcome arrives; one for each that asks.
  std::map<TxnAttempt, std::shared_ptr<WaitList>> resolving_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_PARTICIPANT_H_
