// SPDX-License-Identifier: Apache-2.0

// Each rule that is broken on purpose must be noticed within 200 seeds: a check that never fails
// proves nothing. docs/internals/sabotages.md has the table.

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "common/sabotage.h"
#include "sim/sim_main.h"

namespace isochron::sim {
namespace {

class SabotageTest : public testing::TestWithParam<Sabotage> {};

TEST_P(SabotageTest, IsCaught) {
  const std::string name(SabotageName(GetParam()).data(), SabotageName(GetParam()).size());
  testing::internal::CaptureStdout();
  const int status = RunSim({"--seeds", "1..200", "--sabotage", name});
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_EQ(status, 1) << name << " was not noticed";
  EXPECT_FALSE(absl::StrContains(said, "setup-failed")) << "nothing was tried:\n" << said;
}

INSTANTIATE_TEST_SUITE_P(
    All, SabotageTest,
    testing::Values(
        Sabotage::kClockLiesForward, Sabotage::kClockLiesBack, Sabotage::kClocklessGateway,
        Sabotage::kLeaseFromReceipt, Sabotage::kForgetVote, Sabotage::kCachedLeaseCheck,
        Sabotage::kResumeOwnLease, Sabotage::kTransferWithoutSmax, Sabotage::kStartFromEarliest,
        Sabotage::kNoCommitWait, Sabotage::kNoFollowerGate, Sabotage::kSkipWaitAfterFailover,
        Sabotage::kCommitBelowPrepare, Sabotage::kIgnorePrepared, Sabotage::kFastpathIgnoresReads,
        Sabotage::kAckBeforeSync, Sabotage::kTruncateAtMemtable, Sabotage::kTruncateAnyBadRecord,
        Sabotage::kDropPreparedLocks, Sabotage::kEpochOnlyCheck, Sabotage::kVolatilePresumedAbort,
        Sabotage::kNoDedupeOneRound, Sabotage::kAbortOnNotLeader, Sabotage::kForgetServedRead,
        Sabotage::kNoWoundForward, Sabotage::kFifoQueue, Sabotage::kServeBeforeRecovered,
        Sabotage::kReleaseIgnoresAttempt, Sabotage::kNoGapLocks, Sabotage::kVolatileHorizon,
        Sabotage::kDropTombstone, Sabotage::kNoSyncOnOpen, Sabotage::kLastTsIgnores2pc,
        Sabotage::kPromiseWithoutIndex, Sabotage::kRenegotiateMidRead, Sabotage::kAmnesiacVoter,
        Sabotage::kOverlappingChanges, Sabotage::kSnapshotWithoutPrepared,
        Sabotage::kSplitDropsPrepared, Sabotage::kMergeWithoutSmax,
        Sabotage::kWitnessTruncatesEarly, Sabotage::kForgetFinished, Sabotage::kReadVoteUnbounded,
        Sabotage::kUnheardRetention, Sabotage::kUnboundedElections, Sabotage::kUnregisteredGroup,
        Sabotage::kBackfillOverwritesDelete, Sabotage::kForeignKeyUnlocked,
        Sabotage::kSkipLockedUnchecked, Sabotage::kAdvisoryRenewsLate, Sabotage::kFenceAtOnce,
        Sabotage::kDeferredForgotten, Sabotage::kSchemaUnheld, Sabotage::kMissingSchemaRemembered,
        Sabotage::kYoungFence, Sabotage::kSnapshotBeforeMember),
    [](const testing::TestParamInfo<Sabotage>& info) {
      const absl::string_view name = SabotageName(info.param);
      return absl::StrReplaceAll(std::string(name.data(), name.size()), {{"-", "_"}});
    });

}  // namespace
}  // namespace isochron::sim
