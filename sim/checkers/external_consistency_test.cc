// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/external_consistency.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace isochron::sim {
namespace {

constexpr auto kRw = OpKind::kReadWrite;
constexpr auto kRo = OpKind::kReadOnly;
using Reads = std::vector<ObservedRead>;
using Writes = std::vector<RecordedWrite>;

// Hand-made histories: real time in microseconds, one client an operation.
class Maker {
 public:
  Operation& Begin(OpKind kind, Micros at) { return history_.Invoke(kind, ++clients_, at); }
  Operation& End(Operation& op, Outcome outcome, int64_t ts, Micros at, Reads reads,
                 Writes writes) {
    op.ts = Timestamp(ts);
    op.reads = std::move(reads);
    op.writes = std::move(writes);
    if (outcome != Outcome::kOpen) history_.Complete(op, outcome, at);
    return op;
  }
  // One after the other.
  void Write(Micros from, Micros to, int64_t s, Writes writes, Reads reads = {}) {
    End(Begin(kRw, from), Outcome::kCommitted, s, to, std::move(reads), std::move(writes));
  }
  void Read(Micros from, Micros to, int64_t t, Reads reads) {
    End(Begin(kRo, from), Outcome::kCommitted, t, to, std::move(reads), {});
  }
  std::string Names(const StoredVersions* stored = nullptr) {
    ExternalConsistencyChecker checker(&history_, stored);
    return absl::StrJoin(checker.Check(), ",",
                         [](std::string* out, const Anomaly& a) { out->append(a.name); });
  }
  History history_;
  int clients_ = 0;
};

TEST(ExternalConsistencyTest, AcceptsASerialHistory) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}, {"y", "1y"}});
  m.Read(21, 30, 25, {{"x", "1"}, {"y", "1y"}, {"z", std::nullopt}});
  m.Write(31, 40, 35, {{"x", "2"}}, {{"x", "1"}});
  m.Write(41, 50, 45, {{"y", std::nullopt}}, {{"x", "2"}});
  m.Read(51, 60, 55, {{"x", "2"}, {"y", std::nullopt}});
  EXPECT_EQ(m.Names(), "");
}

TEST(ExternalConsistencyTest, AcceptsConcurrentTransactionsInEitherOrder) {
  Maker m;
  Operation& a = m.Begin(kRw, 10);
  Operation& b = m.Begin(kRw, 11);
  m.End(a, Outcome::kCommitted, 20, 30, {}, {{"x", "a"}});
  m.End(b, Outcome::kCommitted, 15, 31, {}, {{"x", "b"}});
  m.Read(40, 50, 45, {{"x", "a"}});
  EXPECT_EQ(m.Names(), "");
}

TEST(ExternalConsistencyTest, AcceptsAReadInThePastOfItsOwnTimestampByALaterWriter) {
  // A read at 100 observed version 15 only: a later transaction may commit at 90 elsewhere.
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.Read(21, 30, 100, {{"x", "1"}});
  m.Write(31, 95, 90, {{"y", "1"}});
  EXPECT_EQ(m.Names(), "");
}

TEST(ExternalConsistencyTest, RejectsCommitOrderAgainstRealTime) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  m.Write(30, 40, 24, {{"y", "1"}});  // an instant hand-off
  EXPECT_EQ(m.Names(), "commit-before-commit,commit-before-begin");
}

TEST(ExternalConsistencyTest, RejectsAHandOffWithinOneInstant) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  Operation& late = m.Begin(kRw, 20);
  m.End(late, Outcome::kCommitted, 24, 40, {}, {{"y", "1"}});
  EXPECT_EQ(m.Names(), "commit-before-commit");  // by record order, whatever the clock says
}

TEST(ExternalConsistencyTest, RejectsAStrongReadThatMissesACommit) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  m.Read(31, 40, 20, {{"x", std::nullopt}});
  EXPECT_EQ(m.Names(), "read-before-commit");
}

TEST(ExternalConsistencyTest, AcceptsAStaleReadWhenAskedFor) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  Operation& r = m.Begin(kRo, 31);
  r.strong = false;
  m.End(r, Outcome::kCommitted, 20, 40, {{"x", std::nullopt}}, {});
  EXPECT_EQ(m.Names(), "");
}

TEST(ExternalConsistencyTest, HoldsReadsAtLastTsToTheirOwnKeysOnly) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.Write(21, 30, 25, {{"y", "1"}});
  Operation& r = m.Begin(kRo, 31);
  r.local = true;
  m.End(r, Outcome::kCommitted, 15, 40, {{"x", "1"}}, {});
  EXPECT_EQ(m.Names(), "");
  Maker missed;
  missed.Write(10, 20, 15, {{"x", "1"}});
  missed.Write(21, 30, 25, {{"x", "2"}});
  Operation& old = missed.Begin(kRo, 31);
  old.local = true;
  missed.End(old, Outcome::kCommitted, 15, 40, {{"x", "1"}}, {});
  EXPECT_EQ(missed.Names(), "read-before-commit");
}

TEST(ExternalConsistencyTest, RejectsABoundedReadBelowItsBound) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  Operation& r = m.Begin(kRo, 31);
  r.strong = false;
  r.not_before = Timestamp(21);
  m.End(r, Outcome::kCommitted, 20, 40, {{"x", std::nullopt}}, {});
  EXPECT_EQ(m.Names(), "read-before-bound");
}

TEST(ExternalConsistencyTest, RejectsAWriteBelowAVersionSeenBefore) {
  Maker m;
  Operation& w = m.Begin(kRw, 10);
  m.Read(11, 30, 26, {{"x", "1"}});
  Operation& below = m.Begin(kRw, 11);
  m.End(below, Outcome::kCommitted, 20, 50, {}, {{"y", "1"}});
  m.End(w, Outcome::kCommitted, 25, 60, {}, {{"x", "1"}});
  EXPECT_EQ(m.Names(), "commit-before-read");
}

TEST(ExternalConsistencyTest, RejectsAReadBelowAVersionSeenBefore) {
  Maker m;
  Operation& w = m.Begin(kRw, 10);
  m.Read(11, 30, 26, {{"x", "1"}});
  m.Read(31, 40, 20, {{"x", std::nullopt}});
  m.End(w, Outcome::kCommitted, 25, 60, {}, {{"x", "1"}});
  EXPECT_EQ(m.Names(), "read-before-read");
}

TEST(ExternalConsistencyTest, RejectsStaleAndFutureReads) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.Write(21, 30, 25, {{"x", "2"}});
  m.Read(31, 40, 35, {{"x", "1"}});
  EXPECT_EQ(m.Names(), "stale-read");
  Maker f;
  f.Write(10, 20, 15, {{"x", "1"}});
  Operation& r = f.Begin(kRo, 11);
  f.Write(21, 30, 25, {{"x", "2"}});
  f.End(r, Outcome::kCommitted, 18, 40, {{"x", "2"}}, {});
  EXPECT_EQ(f.Names(), "read-from-the-future");
}

TEST(ExternalConsistencyTest, RejectsALostUpdate) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  Operation& a = m.Begin(kRw, 21);
  Operation& b = m.Begin(kRw, 22);
  m.End(a, Outcome::kCommitted, 25, 30, {{"x", "1"}}, {{"x", "a"}});
  m.End(b, Outcome::kCommitted, 26, 31, {{"x", "1"}}, {{"x", "b"}});
  EXPECT_EQ(m.Names(), "stale-read");
}

TEST(ExternalConsistencyTest, RejectsWriteSkew) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}, {"y", "1"}});
  Operation& a = m.Begin(kRw, 21);
  Operation& b = m.Begin(kRw, 22);
  m.End(a, Outcome::kCommitted, 25, 30, {{"y", "1"}}, {{"x", "a"}});
  m.End(b, Outcome::kCommitted, 26, 31, {{"x", "1"}}, {{"y", "b"}});
  EXPECT_EQ(m.Names(), "stale-read");
}

TEST(ExternalConsistencyTest, RejectsSharedTimestampsOfConflictingTransactionsOnly) {
  Maker m;
  Operation& a = m.Begin(kRw, 10);
  Operation& b = m.Begin(kRw, 11);
  Operation& c = m.Begin(kRw, 12);
  m.End(a, Outcome::kCommitted, 25, 30, {}, {{"x", "a"}});
  m.End(b, Outcome::kCommitted, 25, 31, {}, {{"y", "b"}});
  EXPECT_EQ(m.Names(), "");
  m.End(c, Outcome::kCommitted, 25, 32, {}, {{"x", "c"}});
  EXPECT_EQ(m.Names(), "shared-timestamp");
}

TEST(ExternalConsistencyTest, RejectsExposureBeforeTheTimestampHasPassed) {
  Maker m;
  m.Write(10, 20, 25, {{"x", "1"}});
  EXPECT_EQ(m.Names(), "acknowledged-too-early");
  Maker r;
  Operation& w = r.Begin(kRw, 10);
  r.Read(11, 20, 30, {{"x", "1"}});
  r.End(w, Outcome::kCommitted, 25, 40, {}, {{"x", "1"}});
  EXPECT_EQ(r.Names(), "seen-too-early");
}

TEST(ExternalConsistencyTest, RejectsDirtyReadsAndReadsFromNowhere) {
  Maker m;
  Operation& w = m.Begin(kRw, 10);
  m.Read(11, 20, 15, {{"x", "1"}});
  m.End(w, Outcome::kAborted, 0, 40, {}, {{"x", "1"}});
  EXPECT_EQ(m.Names().substr(0, 10), "dirty-read");
  Maker n;
  n.Read(11, 20, 15, {{"x", "ghost"}});
  EXPECT_EQ(n.Names().substr(0, 17), "read-from-nowhere");
}

TEST(ExternalConsistencyTest, ReadsOfAbortedTransactionsMustBeCommittedToo) {
  Maker m;
  Operation& w = m.Begin(kRw, 10);
  m.End(w, Outcome::kAborted, 0, 40, {}, {{"x", "1"}});
  Operation& r = m.Begin(kRw, 41);
  m.End(r, Outcome::kAborted, 0, 50, {{"x", "1"}}, {});
  EXPECT_EQ(m.Names(), "dirty-read");
}

TEST(ExternalConsistencyTest, UntimedReadersNeedOneInstant) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}, {"y", "1"}});
  m.Write(21, 30, 25, {{"x", "2"}, {"y", "2"}});
  m.Write(31, 40, 0, {}, {{"x", "2"}, {"y", "2"}});
  EXPECT_EQ(m.Names(), "");
  m.Write(41, 50, 0, {}, {{"x", "2"}, {"y", "1"}});
  EXPECT_EQ(m.Names(), "unserializable-reads");
}

TEST(ExternalConsistencyTest, UnknownOutcomesMayGoEitherWay) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.End(m.Begin(kRw, 21), Outcome::kUnknown, 0, 30, {}, {{"x", "u"}});
  m.Read(31, 40, 35, {{"x", "1"}});
  EXPECT_EQ(m.Names(), "");
  m.Read(41, 50, 45, {{"x", "u"}});  // it may take effect after it was given up
  EXPECT_EQ(m.Names(), "");
  m.Read(51, 60, 55, {{"x", "1"}});  // but not vanish again
  EXPECT_NE(m.Names(), "");
}

TEST(ExternalConsistencyTest, AnUnknownDeletionExplainsAnAbsentRowUnlessTheStoreKnowsBetter) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.End(m.Begin(kRw, 21), Outcome::kUnknown, 0, 30, {}, {{"x", std::nullopt}, {"y", "u"}});
  m.Read(31, 40, 35, {{"x", std::nullopt}});
  EXPECT_EQ(m.Names(), "");
  StoredVersions kept = {{"x", {{Timestamp(15), "1"}}}};
  EXPECT_EQ(m.Names(&kept), "stale-read");
}

TEST(ExternalConsistencyTest, UnknownOutcomesAreResolvedByTheStore) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}});
  m.End(m.Begin(kRw, 21), Outcome::kOpen, 0, 0, {}, {{"x", "u"}, {"y", "u"}});
  StoredVersions without = {{"x", {{Timestamp(15), "1"}}}};
  EXPECT_EQ(m.Names(&without), "");
  StoredVersions with = {{"x", {{Timestamp(15), "1"}, {Timestamp(25), "u"}}},
                         {"y", {{Timestamp(25), "u"}}}};
  EXPECT_EQ(m.Names(&with), "");
  m.Read(31, 40, 35, {{"x", "1"}});
  EXPECT_EQ(m.Names(&with), "stale-read");
}

TEST(ExternalConsistencyTest, StoreMustHoldWhatWasAcknowledgedAndNothingElse) {
  Maker m;
  m.Write(10, 20, 15, {{"x", "1"}, {"y", "1"}});
  m.End(m.Begin(kRw, 21), Outcome::kAborted, 0, 30, {}, {{"x", "a"}});
  StoredVersions good = {{"x", {{Timestamp(15), "1"}}}, {"y", {{Timestamp(15), "1"}}}};
  EXPECT_EQ(m.Names(&good), "");
  StoredVersions lost = {{"x", {{Timestamp(15), "1"}}}};
  EXPECT_EQ(m.Names(&lost), "lost-write");
  StoredVersions aborted = good;
  aborted["x"].push_back({Timestamp(25), "a"});
  EXPECT_EQ(m.Names(&aborted), "aborted-but-stored");
  StoredVersions ghost = good;
  ghost["z"].push_back({Timestamp(25), "?"});
  EXPECT_EQ(m.Names(&ghost), "write-from-nowhere");
  StoredVersions moved = {{"x", {{Timestamp(16), "1"}}}, {"y", {{Timestamp(15), "1"}}}};
  EXPECT_EQ(m.Names(&moved), "write-from-nowhere,lost-write");
}

TEST(ExternalConsistencyTest, ATransactionIsAllOrNothing) {
  Maker m;
  m.End(m.Begin(kRw, 21), Outcome::kUnknown, 0, 30, {}, {{"x", "u"}, {"y", "v"}});
  StoredVersions half = {{"x", {{Timestamp(25), "u"}}}};
  EXPECT_EQ(m.Names(&half).substr(0, 16), "torn-transaction");
  StoredVersions apart = {{"x", {{Timestamp(25), "u"}}}, {"y", {{Timestamp(26), "v"}}}};
  EXPECT_EQ(m.Names(&apart).substr(0, 16), "torn-transaction");
}

TEST(ExternalConsistencyTest, NamesTheOperationsInvolved) {
  Maker m;
  m.Write(10, 30, 25, {{"x", "1"}});
  m.Read(31, 40, 20, {{"x", std::nullopt}});
  ExternalConsistencyChecker checker(&m.history_, nullptr);
  std::vector<Anomaly> found = checker.Check();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].operations, (std::vector<size_t>{0, 1}));
}

// Version GC: what is shadowed at or below the horizon may be missing, nothing else.
TEST(ExternalConsistency, VersionsBelowTheHorizonMayBeGone) {
  Maker m;
  m.Write(0, 20, 10, {{"k", "a"}});
  m.Write(30, 50, 40, {{"k", "b"}});
  m.Write(60, 80, 70, {{"k", "c"}});
  const StoredVersions all = {
      {"k", {{Timestamp(10), "a"}, {Timestamp(40), "b"}, {Timestamp(70), "c"}}}};
  const StoredVersions left = {{"k", {{Timestamp(40), "b"}, {Timestamp(70), "c"}}}};
  const StoredVersions little = {{"k", {{Timestamp(70), "c"}}}};
  auto names = [&](const StoredVersions& stored, int64_t horizon) {
    const std::map<std::string, Timestamp> horizons = {{"k", Timestamp(horizon)}};
    ExternalConsistencyChecker checker(&m.history_, &stored, &all, &horizons);
    return absl::StrJoin(checker.Check(), ",",
                         [](std::string* out, const Anomaly& a) { out->append(a.name); });
  };
  EXPECT_EQ(names(all, 0), "");
  EXPECT_EQ(names(left, 50), "");
  EXPECT_EQ(names(left, 40), "");
  EXPECT_EQ(names(left, 39), "lost-write");
  EXPECT_EQ(names(little, 60), "lost-write");
  EXPECT_EQ(names(little, 70), "");
}

}  // namespace
}  // namespace isochron::sim
