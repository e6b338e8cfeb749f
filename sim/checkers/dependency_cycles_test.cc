// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/dependency_cycles.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace isochron::sim {
namespace {

constexpr auto kRw = OpKind::kReadWrite;
constexpr auto kRo = OpKind::kReadOnly;
using Reads = std::vector<ObservedRead>;
using Writes = std::vector<RecordedWrite>;
using Lists = std::vector<ListRead>;
using Appends = std::vector<ListAppend>;
constexpr auto kNone = std::nullopt;

// Hand-made histories without any timestamp.
class Maker {
 public:
  // One that runs from `from` to `to`; the times of one history are all different.
  Operation& Do(Micros from, Micros to, Outcome outcome = Outcome::kCommitted, OpKind kind = kRw) {
    Operation op;
    op.kind = kind;
    op.outcome = outcome;
    op.invoke_us = from;
    op.complete_us = outcome == Outcome::kOpen ? 0 : to;
    return history_.Add(std::move(op));
  }
  // All at the same time as each other.
  Operation& Rw(Reads reads, Writes writes, Outcome outcome = Outcome::kCommitted) {
    Operation& op = Do(1, 1000, outcome);
    op.reads = std::move(reads);
    op.writes = std::move(writes);
    return op;
  }
  Operation& Ls(Lists lists, Appends appends, Outcome outcome = Outcome::kCommitted) {
    Operation& op = Do(1, 1000, outcome);
    op.lists = std::move(lists);
    op.appends = std::move(appends);
    return op;
  }
  std::vector<Anomaly> Check() {
    history_.OrderByTime();
    return DependencyCycleChecker(&history_).Check();
  }
  std::string Names() {
    return absl::StrJoin(Check(), ",",
                         [](std::string* out, const Anomaly& a) { out->append(a.name); });
  }
  History history_;
};

TEST(DependencyCyclesTest, AcceptsAListThatGrows) {
  Maker m;
  Operation& a = m.Do(1, 10);
  a.appends = {{"l", "1"}};
  Operation& b = m.Do(11, 20);
  b.lists = {{"l", {"1"}}};
  b.appends = {{"l", "2"}};
  Operation& c = m.Do(21, 30, Outcome::kCommitted, kRo);
  c.lists = {{"l", {"1", "2"}}};
  Operation& own = m.Do(31, 40);
  own.appends = {{"l", "3"}, {"l", "4"}};
  own.lists = {{"l", {"1", "2", "3"}}};  // between its two appends
  EXPECT_EQ(m.Names(), "");
}

TEST(DependencyCyclesTest, AcceptsConcurrentTransactionsInAnyOneOrder) {
  Maker m;
  m.Ls({{"x", {}}}, {{"x", "1"}, {"y", "1"}});
  m.Ls({{"x", {"1"}}, {"y", {"1"}}}, {{"y", "2"}});
  m.Ls({{"y", {"1", "2"}}}, {{"x", "2"}});
  m.Ls({{"x", {"1"}}, {"y", {"1", "2"}}}, {});
  m.Ls({{"x", {"1", "2"}}, {"y", {"1", "2"}}}, {});
  EXPECT_EQ(m.Names(), "");
}

TEST(DependencyCyclesTest, RejectsG0) {
  Maker m;  // each is before the other, by another list
  m.Ls({}, {{"x", "1"}, {"y", "1"}});
  m.Ls({}, {{"x", "2"}, {"y", "2"}});
  m.Ls({{"x", {"1", "2"}}}, {});
  m.Ls({{"y", {"2", "1"}}}, {});
  EXPECT_EQ(m.Names(), "G0");
}

TEST(DependencyCyclesTest, RejectsAbortedReads) {
  Maker m;
  m.Ls({}, {{"x", "1"}}, Outcome::kAborted);
  m.Ls({{"x", {"1"}}}, {});
  EXPECT_EQ(m.Names(), "G1a");
  Maker r;
  r.Rw({}, {{"x", "1"}}, Outcome::kAborted);
  r.Rw({{"x", "1"}}, {});
  EXPECT_EQ(r.Names(), "G1a");
}

TEST(DependencyCyclesTest, RejectsIntermediateReads) {
  Maker m;
  m.Ls({}, {{"x", "1"}, {"x", "2"}});
  m.Ls({{"x", {"1"}}}, {});
  EXPECT_TRUE(absl::StartsWith(m.Names(), "G1b")) << m.Names();
  Maker r;
  r.Rw({}, {{"x", "1"}, {"x", "2"}});
  r.Rw({{"x", "1"}}, {});
  EXPECT_EQ(r.Names(), "G1b");
}

TEST(DependencyCyclesTest, RejectsG1c) {
  Maker m;  // each saw what the other wrote
  m.Ls({{"y", {"1"}}}, {{"x", "1"}});
  m.Ls({{"x", {"1"}}}, {{"y", "1"}});
  EXPECT_EQ(m.Names(), "G1c");
  Maker r;
  r.Rw({{"y", "1"}}, {{"x", "1"}});
  r.Rw({{"x", "1"}}, {{"y", "1"}});
  EXPECT_EQ(r.Names(), "G1c");
}

TEST(DependencyCyclesTest, RejectsReadSkew) {
  Maker m;  // one half of a transaction seen, and not the other
  m.Ls({}, {{"x", "1"}, {"y", "1"}});
  m.Ls({{"x", {"1"}}, {"y", {}}}, {});
  EXPECT_EQ(m.Names(), "G-single");
  Maker r;
  r.Rw({}, {{"x", "1"}, {"y", "1"}});
  r.Rw({{"x", "1"}, {"y", kNone}}, {});
  EXPECT_EQ(r.Names(), "G-single");
}

TEST(DependencyCyclesTest, RejectsWriteSkewAndSaysSo) {
  Maker m;
  m.Rw({{"x", kNone}, {"y", kNone}}, {{"x", "1"}});
  m.Rw({{"x", kNone}, {"y", kNone}}, {{"y", "1"}});
  const auto found = m.Check();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "G2-item");
  EXPECT_TRUE(absl::StrContains(found[0].what, "write skew")) << found[0].what;
  EXPECT_EQ(found[0].operations.size(), 2u);
}

TEST(DependencyCyclesTest, RejectsALongForkAndSaysSo) {
  Maker m;  // two readers that saw two writes in different orders
  m.Rw({}, {{"x", "1"}});
  m.Rw({}, {{"y", "1"}});
  m.Rw({{"x", "1"}, {"y", kNone}}, {});
  m.Rw({{"x", kNone}, {"y", "1"}}, {});
  const auto found = m.Check();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "G2-item");
  EXPECT_TRUE(absl::StrContains(found[0].what, "long fork")) << found[0].what;
}

TEST(DependencyCyclesTest, RejectsLostUpdates) {
  Maker m;
  m.Rw({}, {{"x", "1"}});
  m.Rw({{"x", "1"}}, {{"x", "2"}});
  m.Rw({{"x", "1"}}, {{"x", "3"}});
  EXPECT_EQ(m.Names(), "lost-update,G2-item");
  Maker l;  // the list row was written back without what another had appended meanwhile
  l.Ls({{"x", {}}}, {{"x", "1"}});
  l.Ls({{"x", {}}}, {{"x", "2"}});
  l.Ls({{"x", {"2"}}}, {});
  EXPECT_NE(l.Names(), "");
}

TEST(DependencyCyclesTest, RejectsListsThatAreNotPrefixes) {
  Maker m;
  m.Ls({}, {{"x", "1"}});
  m.Ls({}, {{"x", "2"}});
  m.Ls({{"x", {"1"}}}, {});
  m.Ls({{"x", {"2", "1"}}}, {});
  EXPECT_TRUE(absl::StartsWith(m.Names(), "incompatible-order")) << m.Names();
  Maker twice;
  twice.Ls({}, {{"x", "1"}});
  twice.Ls({{"x", {"1", "1"}}}, {});
  EXPECT_TRUE(absl::StartsWith(twice.Names(), "duplicate-element")) << twice.Names();
}

TEST(DependencyCyclesTest, RejectsWhatNobodyWroteAndValuesThatAreNotUnique) {
  Maker m;
  m.Ls({{"x", {"9"}}}, {});
  EXPECT_EQ(m.Names(), "read-from-nowhere");
  Maker r;
  r.Rw({{"x", "9"}}, {});
  EXPECT_EQ(r.Names(), "read-from-nowhere");
  Maker twice;
  twice.Rw({}, {{"x", "1"}});
  twice.Rw({}, {{"x", "1"}});
  EXPECT_EQ(twice.Names(), "duplicate-value");
  Maker again;  // the next attempt of what was aborted
  again.Rw({}, {{"x", "1"}}, Outcome::kAborted);
  again.Rw({}, {{"x", "1"}});
  again.Rw({{"x", "1"}}, {});
  EXPECT_EQ(again.Names(), "");
}

// w(x=1) ends, then r(x) begins.
Maker ReadAfterWrite(std::optional<std::string> saw, bool strong, bool local, std::string key) {
  Maker m;
  Operation& w = m.Do(1, 10);
  w.writes = {{"x", "1"}};
  Operation& r = m.Do(11, 20, Outcome::kCommitted, kRo);
  r.strong = strong;
  r.local = local;
  r.reads = {{key, saw}};
  return m;
}

TEST(DependencyCyclesTest, RejectsStaleStrongReads) {
  EXPECT_EQ(ReadAfterWrite("1", true, false, "x").Names(), "");
  EXPECT_EQ(ReadAfterWrite(kNone, true, false, "x").Names(), "G-single-realtime");
  EXPECT_EQ(ReadAfterWrite(kNone, false, false, "x").Names(), "");  // it asked for the past
  EXPECT_EQ(ReadAfterWrite(kNone, true, true, "x").Names(), "G-single-realtime");
  EXPECT_EQ(ReadAfterWrite(kNone, true, true, "y").Names(), "");
}

TEST(DependencyCyclesTest, ReadsInThePastSeeOneInstantToo) {
  Maker m;
  Operation& a = m.Do(1, 10);
  a.writes = {{"x", "1"}, {"y", "1"}};
  Operation& r = m.Do(11, 20, Outcome::kCommitted, kRo);
  r.strong = false;
  r.reads = {{"x", "1"}, {"y", kNone}};
  EXPECT_EQ(m.Names(), "G-single");
}

TEST(DependencyCyclesTest, RealTimeOrdersBlindWritesForTheirReaders) {
  Maker m;
  m.Do(1, 10).writes = {{"x", "1"}};
  m.Do(11, 20).writes = {{"x", "2"}};
  m.Do(21, 30).reads = {{"x", "2"}};
  EXPECT_EQ(m.Names(), "");
  m.Do(31, 40).reads = {{"x", "1"}};
  EXPECT_EQ(m.Names(), "G-single-realtime");
}

TEST(DependencyCyclesTest, RejectsWritesOutOfRealTimeOrder) {
  Maker m;
  m.Do(1, 10).appends = {{"x", "1"}};
  m.Do(11, 20).appends = {{"x", "2"}};
  m.Ls({{"x", {"2", "1"}}}, {});
  EXPECT_EQ(m.Names(), "G0-realtime");
  Maker c;  // saw what began after it had ended
  c.Do(1, 10).reads = {{"x", "1"}};
  c.Do(11, 20).writes = {{"x", "1"}};
  EXPECT_EQ(c.Names(), "G1c-realtime");
}

TEST(DependencyCyclesTest, RejectsWriteSkewThatNeedsRealTime) {
  Maker m;  // each misses what the other wrote; the versions are ordered by real time alone
  m.Do(1, 10).writes = {{"x", "0"}, {"y", "0"}};
  Operation& a = m.Do(20, 40);
  a.reads = {{"x", "0"}};
  a.writes = {{"y", "a"}};
  Operation& b = m.Do(21, 41);
  b.reads = {{"y", "0"}};
  b.writes = {{"x", "b"}};
  EXPECT_EQ(m.Names(), "G2-item-realtime");
}

TEST(DependencyCyclesTest, UnknownOutcomesCountOnceTheyWereSeen) {
  Maker m;
  m.Do(1, 10).writes = {{"x", "1"}};
  Operation& u = m.Do(11, 20, Outcome::kOpen);
  u.reads = {{"x", "1"}};
  u.writes = {{"x", "u"}};
  m.Do(21, 30).reads = {{"x", "1"}};
  EXPECT_EQ(m.Names(), "");
  m.Do(31, 40).reads = {{"x", "u"}};  // it may take effect after it was given up
  EXPECT_EQ(m.Names(), "");
  m.Do(41, 50).reads = {{"x", "1"}};  // but not vanish again
  EXPECT_EQ(m.Names(), "G-single-realtime");
}

TEST(DependencyCyclesTest, DeletedRowsAreNoVersionsToNameByAbsence) {
  Maker m;
  m.Do(1, 10).writes = {{"x", "1"}};
  m.Do(11, 20).writes = {{"x", kNone}};
  m.Do(21, 30).reads = {{"x", kNone}};
  EXPECT_EQ(m.Names(), "");
  m.Do(31, 40).reads = {{"x", "1"}};
  EXPECT_EQ(m.Names(), "G-single-realtime");
}

TEST(DependencyCyclesTest, TellsTheShortestCycleAsAStory) {
  Maker m;
  m.Do(1, 10).writes = {{"x", "1"}};
  for (int i = 2; i < 30; ++i) {
    Operation& op = m.Do(10 * i, 10 * i + 5);
    op.reads = {{"x", absl::StrCat(i - 1)}};
    op.writes = {{"x", absl::StrCat(i)}};
  }
  m.Do(400, 410).reads = {{"x", "28"}};
  const auto found = m.Check();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].operations, (std::vector<size_t>{29, 28})) << found[0].what;
  EXPECT_TRUE(absl::StrContains(found[0].what, "29 read 'x' without what 28 wrote"));
  EXPECT_TRUE(absl::StrContains(found[0].what, "28 ended at 295, 29 began at 400"));
}

TEST(DependencyCyclesTest, FindsTheOneReadSkewInALongHistory) {
  Maker m;
  m.Do(1, 2).writes = {{"x", "x1"}, {"y", "y1"}};
  for (int i = 2; i < 2000; ++i) {
    Operation& op = m.Do(1, 100'000);
    const std::string key = i % 2 == 0 ? "x" : "y";
    op.reads = {{key, absl::StrCat(key, i < 4 ? 1 : i - 2)}};
    op.writes = {{key, absl::StrCat(key, i)}};
  }
  Operation& r = m.Do(1, 100'000, Outcome::kCommitted, kRo);
  r.strong = false;
  r.reads = {{"x", "x1998"}, {"y", kNone}};
  const auto found = m.Check();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "G-single") << found[0].what;
}

}  // namespace
}  // namespace isochron::sim
