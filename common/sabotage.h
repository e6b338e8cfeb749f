// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_SABOTAGE_H_
#define ISOCHRON_COMMON_SABOTAGE_H_

// Switches that break the protocol on purpose, so that a check is seen to fail (rule by rule:
// docs/internals/sabotages.md). Only the simulator turns one on; a served node always has none.
// Code asks `sabotage.Is(Sabotage::kX)` at the one place where the rule is kept.

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace isochron {

enum class Sabotage : int {
  kNone = 0,
  kClockLiesForward,
  kClockLiesBack,
  kClocklessGateway,
  kLeaseFromReceipt,
  kForgetVote,
  kCachedLeaseCheck,
  kResumeOwnLease,
  kTransferWithoutSmax,
  kStartFromEarliest,
  kNoCommitWait,
  kNoFollowerGate,
  kSkipWaitAfterFailover,
  kCommitBelowPrepare,
  kIgnorePrepared,
  kLastTsIgnores2pc,
  kFastpathIgnoresReads,
  kAckBeforeSync,
  kTruncateAtMemtable,
  kTruncateAnyBadRecord,
  kDropPreparedLocks,
  kEpochOnlyCheck,
  kVolatilePresumedAbort,
  kNoDedupeOneRound,
  kAbortOnNotLeader,
  kForgetServedRead,
  kNoWoundForward,
  kFifoQueue,
  kServeBeforeRecovered,
  kReleaseIgnoresAttempt,
  kNoGapLocks,
  kPromiseWithoutIndex,
  kVolatileHorizon,
  kDropTombstone,
  kAmnesiacVoter,
  kOverlappingChanges,
  kWitnessTruncatesEarly,
  kSnapshotWithoutPrepared,
  kSplitDropsPrepared,
  kMergeWithoutSmax,
  kRenegotiateMidRead,
  kForgetFinished,
  kReadVoteUnbounded,
  kNoSyncOnOpen,
  kUnheardRetention,
  kUnboundedElections,
  kUnregisteredGroup,
  kBackfillOverwritesDelete,
  kForeignKeyUnlocked,
  kSkipLockedUnchecked,
  kAdvisoryRenewsLate,
  kFenceAtOnce,
  kDeferredForgotten,
  kSchemaUnheld,
  kMissingSchemaRemembered,
  kYoungFence,
  kSnapshotBeforeMember,
  kCount,
};

// The switch's name on the command line, for example "no-commit-wait".
absl::string_view SabotageName(Sabotage s);
std::optional<Sabotage> SabotageFromName(absl::string_view name);
std::vector<Sabotage> AllSabotages();

class SabotageSet {
 public:
  SabotageSet() = default;
  explicit SabotageSet(Sabotage one) : one_(one) {}
  bool Is(Sabotage s) const { return one_ == s && s != Sabotage::kNone; }

 private:
  Sabotage one_ = Sabotage::kNone;
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_SABOTAGE_H_
