// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "tablet/group/convert.h"
#include "txn/participant/answers.h"
#include "txn/participant/one_round.h"
#include "txn/service/merge.h"

// What a group answers for one that was merged into it. Nothing was prepared there when it was
// frozen and nothing is proposed there any more, so whatever has no record there never happens.

namespace isochron::txn {
namespace {

using Led = std::shared_ptr<LedGroup>;

peer::GroupResponse Elsewhere(LedGroup* group) {
  return ErrorAnswer(*group->access(),
                     absl::OutOfRangeError("the group was merged into its neighbour"));
}

Task<peer::GroupResponse> LogAbort(Led group, TxnAttempt attempt, int64_t commit_start_us) {
  absl::Status logged = co_await group->LogAbort(nullptr, attempt, commit_start_us);
  if (!logged.ok()) co_return UnknownAnswer(logged.message(), group->env().sabotage);
  co_return AbortedAnswer("its group was merged into its neighbour; run it again");
}

// A commit request, of one round or for the coordinator.
template <typename Request>
Task<peer::GroupResponse> Decided(Led group, Ctx ctx, Request request, bool log) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  if (auto f = group->access()->Finished(attempt)) co_return co_await AnswerFinished(group, *f);
  absl::Status window = group->CheckWindow(request.commit_start_us());
  if (!window.ok()) co_return ErrorAnswer(*group->access(), window);
  peer::GroupResponse response =
      AbortedAnswer("its group was merged into its neighbour; run it again");
  if (log) {
    response = co_await group->Join(ctx, LedGroup::Flight::kCoordinate, attempt, [&] {
      return LogAbort(group, attempt, request.commit_start_us());
    });
    if (auto f = group->access()->Finished(attempt)) co_return co_await AnswerFinished(group, *f);
  }
  AddDescriptors(*group->access(), &response);
  co_return response;
}

}  // namespace

Task<peer::GroupResponse> ServeMerged(Led group, std::shared_ptr<Coordinator> coordinator,
                                      MergeHost host, Ctx ctx, peer::GroupRequest request) {
  auto view = group->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group->access(), view.status());
  group->Reached("merge.answered_for");
  peer::GroupResponse response;
  switch (request.body_case()) {
    case peer::GroupRequest::kVote:
      co_return co_await coordinator->Vote(ctx, std::move(*request.mutable_vote()));
    case peer::GroupRequest::kWound:
      co_return co_await coordinator->Wound(std::move(*request.mutable_wound()));
    case peer::GroupRequest::kCommit:
      co_return co_await Decided(group, ctx, std::move(*request.mutable_commit()), false);
    case peer::GroupRequest::kCoordinate:
      co_return co_await Decided(group, ctx, std::move(*request.mutable_coordinate()), true);
    case peer::GroupRequest::kPrepare:
      if (auto f = group->access()->Finished(tablet::FromProto(request.prepare().txn()))) {
        co_return VoteAnswer(true, f->commit(), Timestamp(f->s()));
      }
      co_return Elsewhere(group.get());
    case peer::GroupRequest::kOutcome:  // it was logged before the freeze, or never prepared
      co_return VoteAnswer(true, request.outcome().commit(), Timestamp(request.outcome().s()));
    case peer::GroupRequest::kHeartbeat:
      response.mutable_heartbeat()->set_alive(false);
      co_return response;
    case peer::GroupRequest::kRelease:
      co_return response;
    case peer::GroupRequest::kFreeze:
      co_return MayThaw(group.get(), host, request.freeze());
    default:
      co_return Elsewhere(group.get());
  }
}

}  // namespace isochron::txn
