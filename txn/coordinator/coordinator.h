// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_COORDINATOR_COORDINATOR_H_
#define ISOCHRON_TXN_COORDINATOR_COORDINATOR_H_

// The coordinator's side of two-phase commit at the leader of the anchor group (OSDI 2012, 4.2.1).
//
// Coordinate: lock the own writes, gather the votes, log one Decide with s and the own writes, wait
// until it is applied and until TT.after(s), answer, unlock, tell the participants until each
// writing one has acknowledged durably, then log that the record may go. The decision is the log
// entry: what Finished() says after it was applied is the outcome, whoever proposed it.
//
// Aborts are logged before anyone hears of them (rules 3 and 20): refused votes, wounds of older
// transactions (rule 1), silent participants, and attempts of which only votes are known. A new
// leader waits TT.after(s) before it repeats an outcome (rule 23).
//
// Loop-thread only. Owned by its LedGroup.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/coordinator/vote_book.h"
#include "txn/participant/led_group.h"

namespace isochron::txn {

class Coordinator {
 public:
  // `group` outlives this.
  explicit Coordinator(LedGroup* group);

  // Repeats the outcomes that a former leader decided; once more when those of a group that was
  // merged in have come along.
  void Start();
  void Stop();
  void Sweep();
  bool Quiet() const {
    return undecided_.empty() && early_.size() == 0 && forget_.empty() && !forgetting_;
  }

  Task<peer::GroupResponse> Coordinate(Ctx ctx, peer::CoordinateRequest request);
  Task<peer::GroupResponse> Vote(Ctx ctx, peer::VoteRequest request);
  Task<peer::GroupResponse> Wound(peer::WoundRequest request);

 private:
  // A transaction from its CoordinateRequest until it is decided.
  struct Undecided {
    Undecided(const std::vector<GroupId>& participants, Executor* executor)
        : book(participants), changed(executor) {}
    VoteBook book;
    bool proposed = false;  // from here on a wound comes too late
    WaitList changed;
  };

  Task<peer::GroupResponse> Run(Ctx ctx, peer::CoordinateRequest request);
  // Locks, votes: OK when the book is ready and the own locks are pinned.
  Task<absl::Status> Gather(Ctx ctx, const peer::CoordinateRequest& request,
                            std::shared_ptr<Undecided> state);
  Task<absl::Status> LockOwn(Ctx ctx, const peer::CoordinateRequest& request);
  Task<peer::GroupResponse> DecideCommit(Ctx ctx, peer::CoordinateRequest request,
                                         std::shared_ptr<Undecided> state);
  Task<peer::GroupResponse> DecideAbort(peer::CoordinateRequest request, absl::Status why);
  Task<peer::GroupResponse> AnswerDecided(peer::FinishedAttempt finished);
  Task<peer::GroupResponse> PresumeAbort(TxnAttempt attempt, int64_t commit_start_us);
  void Finish(const TxnAttempt& attempt);
  void WoundUndecided(const TxnAttempt& attempt);

  // Tells the outcome to `participants` until all have acknowledged, then queues the Forget.
  Task<void> Deliver(TxnAttempt attempt, Timestamp s, std::vector<GroupId> participants);
  Task<void> DeliverTo(GroupId participant, peer::OutcomeRequest outcome, std::shared_ptr<int> left,
                       std::shared_ptr<WaitList> done);
  Task<void> Redeliver(TxnAttempt attempt, Timestamp s, std::vector<GroupId> participants);
  Task<bool> TellOnce(GroupId participant, peer::OutcomeRequest outcome);
  Task<void> TellAndIgnore(GroupId participant, peer::OutcomeRequest outcome);
  void QueueForget(const TxnAttempt& attempt);
  Task<void> ForgetSoon();

  LedGroup* group_;
  std::map<TxnAttempt, std::shared_ptr<Undecided>> undecided_;
  EarlyVotes early_;
  std::set<TxnAttempt> delivering_;
  std::vector<TxnAttempt> forget_;
  bool forgetting_ = false;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_COORDINATOR_COORDINATOR_H_
