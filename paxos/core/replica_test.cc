// SPDX-License-Identifier: Apache-2.0
//
// The contract between a replica and its driver, message by message. Behaviour under faults is in
// cluster_test.cc.

#include "paxos/core/replica.h"

#include <gtest/gtest.h>

#include <optional>

#include "paxos/core/invariants.h"

namespace isochron::paxos {
namespace {

class FixedClock : public TrueTime {
 public:
  absl::StatusOr<TTInterval> Now() override {
    return TTInterval{Timestamp(now - 5), Timestamp(now + 5)};
  }
  int64_t now = 1'000'000;
};

class NoReader : public LogReader {
 public:
  absl::StatusOr<std::vector<Entry>> ReadEntries(GroupId, LogIndex, LogIndex, size_t) override {
    return absl::NotFoundError("nothing");
  }
};

const NodeId kA(1);
const NodeId kB(2);
const NodeId kC(3);

Payload Value(const std::string& v) { return std::make_shared<const std::string>(v); }

// One node under test; the test plays its peers.
class ReplicaTest : public ::testing::Test {
 protected:
  void Start(std::vector<NodeId> voters, bool blank = false) {
    NodeSupport::Options s;
    s.self = kA;
    s.incarnation = 1;
    support_.emplace(s, &clock_);
    support_->SetPeers(voters);
    InitialState initial;
    if (!blank) {
      initial.config = Config::OfVoters(voters);
      initial.base = LogMark{kInitialIndex, Ballot()};
    }
    Replica::Options o;
    o.group = GroupId(5);
    o.max_pending_bytes = 1'000;
    replica_.emplace(o, std::move(initial), &*support_, &reader_);
    Tick(0);
  }
  void Tick(Micros passed) {
    loop_ += passed;
    clock_.now += passed;
    support_->Tick(loop_);
    replica_->Tick(loop_);
  }
  // Takes what is ready; persists it when asked to.
  Ready Take(bool persist = true) {
    Ready all;
    while (replica_->HasReady()) {
      Ready r = replica_->TakeReady();
      for (auto& m : r.messages) all.messages.push_back(std::move(m));
      for (auto& e : r.chosen) all.chosen.push_back(std::move(e));
      for (auto& e : r.entries) all.entries.push_back(std::move(e));
      for (NodeId n : r.need_snapshot) all.need_snapshot.push_back(n);
      if (r.hard_state) all.hard_state = r.hard_state;
      if (r.token != 0) all.token = r.token;
      if (r.token != 0 && persist) replica_->OnPersisted(r.token);
    }
    EXPECT_TRUE(invariants_.Check(*replica_).ok());
    return all;
  }
  void Step(NodeId from, Body body) {
    replica_->Step(from, Message{GroupId(5), kA, std::move(body)});
  }
  template <typename T>
  static std::vector<T> Of(const Ready& r) {
    std::vector<T> out;
    for (const Message& m : r.messages) {
      if (const T* t = std::get_if<T>(&m.body)) out.push_back(*t);
    }
    return out;
  }
  // Elects kA of {A, B, C} with B's votes.
  void Elect() {
    replica_->Campaign();
    auto pre = Of<Prepare>(Take());
    ASSERT_EQ(pre.size(), 2u);
    ASSERT_TRUE(pre[0].pre);
    Step(kB, Promise{pre[0].ballot, true, kInitialIndex, Ballot(), 0, VoteStamp{}, {}});
    auto real = Of<Prepare>(Take());
    ASSERT_EQ(real.size(), 2u);
    ASSERT_FALSE(real[0].pre);
    Step(kB,
         Promise{
             real[0].ballot, false, kInitialIndex, Ballot(), kInitialIndex, VoteStamp{1, 1}, {}});
    ASSERT_EQ(replica_->role(), Role::kLeader);
  }

  FixedClock clock_;
  NoReader reader_;
  Micros loop_ = 1;
  std::optional<NodeSupport> support_;
  std::optional<Replica> replica_;
  ReplicaInvariants invariants_;
};

TEST_F(ReplicaTest, AGroupOfOneChoosesAlone) {
  Start({kA});
  EXPECT_TRUE(absl::IsFailedPrecondition(replica_->Propose(Value("x")).status()));
  replica_->Campaign();
  Take();
  ASSERT_EQ(replica_->role(), Role::kLeader);
  EXPECT_TRUE(replica_->Recovered());
  EXPECT_GT(replica_->LeaseEnd(), Timestamp(clock_.now + 5));
  auto index = replica_->Propose(Value("x"));
  ASSERT_TRUE(index.ok());
  Ready r = Take(/*persist=*/false);
  EXPECT_TRUE(r.chosen.empty());  // not before it is durable
  ASSERT_EQ(r.entries.size(), 1u);
  replica_->OnPersisted(r.token);
  r = Take();
  ASSERT_EQ(r.chosen.size(), 1u);
  EXPECT_EQ(r.chosen[0].index, *index);
  EXPECT_EQ(r.chosen[0].origin, replica_->ballot());
}

TEST_F(ReplicaTest, PromisesAndAcknowledgmentsWaitForTheDisk) {
  Start({kA, kB, kC});
  Step(kB, Prepare{Ballot{4, kB}, false, 1, kInitialIndex + 1, Ballot()});
  Ready r = Take(/*persist=*/false);
  ASSERT_TRUE(r.hard_state.has_value());
  EXPECT_EQ(r.hard_state->holder, kB);
  EXPECT_TRUE(r.messages.empty());
  replica_->OnPersisted(r.token);
  EXPECT_EQ(Of<Promise>(Take()).size(), 1u);

  Accept accept{Ballot{4, kB}, 1, 11, 10, {}};
  accept.entries.push_back(
      Entry{11, Ballot{4, kB}, Ballot{4, kB}, EntryKind::kCommand, Value("x")});
  Step(kB, accept);
  r = Take(/*persist=*/false);
  EXPECT_TRUE(r.messages.empty());
  ASSERT_EQ(r.entries.size(), 1u);
  replica_->OnPersisted(r.token);
  auto acks = Of<Accepted>(Take());
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].match, 11u);
  EXPECT_EQ(acks[0].chosen, 10u);
}

TEST_F(ReplicaTest, OneAcknowledgmentATurn) {
  Start({kA, kB, kC});
  for (LogIndex i = 11; i < 21; ++i) {
    Accept accept{Ballot{4, kB}, 1, i, 10, {}};
    accept.entries.push_back(
        Entry{i, Ballot{4, kB}, Ballot{4, kB}, EntryKind::kCommand, Value("x")});
    Step(kB, accept);
  }
  auto acks = Of<Accepted>(Take());
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].match, 20u);
}

TEST_F(ReplicaTest, NothingIsAcknowledgedPastAHole) {
  Start({kA, kB, kC});
  Accept accept{Ballot{4, kB}, 1, 13, 13, {}};
  accept.entries.push_back(
      Entry{13, Ballot{4, kB}, Ballot{4, kB}, EntryKind::kCommand, Value("x")});
  Step(kB, accept);
  Ready r = Take();
  auto acks = Of<Accepted>(r);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_TRUE(acks[0].gap);
  EXPECT_EQ(acks[0].match, 10u);
  EXPECT_TRUE(r.chosen.empty());
}

TEST_F(ReplicaTest, TheVoteIsHeldWhileSupportLasts) {
  Start({kA, kB, kC});
  NodeSupport other({.self = kB, .incarnation = 1}, &clock_);
  other.SetPeers({kA});
  other.Tick(1);
  for (auto& [to, m] : other.TakeMessages()) ASSERT_TRUE(support_->Step(kB, m).ok());
  Step(kB, Prepare{Ballot{4, kB}, false, 1, 11, Ballot()});
  Take();
  Step(kC, Prepare{Ballot{5, kC}, false, 1, 11, Ballot()});
  Ready r = Take();
  ASSERT_EQ(Of<Nack>(r).size(), 1u);
  EXPECT_EQ(Of<Nack>(r)[0].reason, NackReason::kHeld);
  EXPECT_EQ(Of<HoldQuery>(r).size(), 1u);
  EXPECT_EQ(replica_->hard_state().promised, (Ballot{4, kB}));
  // Released: free at once.
  Step(kB, Release{Ballot{4, kB}});
  Step(kC, Prepare{Ballot{5, kC}, false, 1, 11, Ballot()});
  EXPECT_EQ(Of<Promise>(Take()).size(), 1u);
  // And a lapsed one is free after its end, by this node's clock.
  Step(kB, Prepare{Ballot{6, kB}, false, 1, 11, Ballot()});
  EXPECT_EQ(Of<Promise>(Take()).size(), 1u);
  Step(kC, Prepare{Ballot{7, kC}, false, 1, 11, Ballot()});
  EXPECT_EQ(Of<Promise>(Take()).size(), 0u);
  Tick(4'000'000);
  Step(kC, Prepare{Ballot{7, kC}, false, 1, 11, Ballot()});
  EXPECT_EQ(Of<Promise>(Take()).size(), 1u);
}

TEST_F(ReplicaTest, ALeaderWithoutStampedVotesHasNoLease) {
  Start({kA, kB, kC});
  Elect();
  Take();
  EXPECT_EQ(replica_->LeaseEnd(), Timestamp());  // B's stamp is known, its grant is not
  NodeSupport other({.self = kB, .incarnation = 1}, &clock_);
  Tick(1'000'000);
  for (auto& [to, m] : support_->TakeMessages()) {
    if (to == kB) ASSERT_TRUE(other.Step(kA, m).ok());
  }
  for (auto& [to, m] : other.TakeMessages()) ASSERT_TRUE(support_->Step(kB, m).ok());
  EXPECT_EQ(replica_->LeaseEnd(), Timestamp(clock_.now - 5 + 3'000'000));
  EXPECT_FALSE(replica_->Recovered());
}

TEST_F(ReplicaTest, ProposalsAreBounded) {
  Start({kA, kB, kC});
  Elect();
  ASSERT_TRUE(replica_->Propose(Value(std::string(600, 'x'))).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(replica_->Propose(Value(std::string(600, 'x'))).status()));
  Take();
  Step(kB, Accepted{replica_->ballot(), replica_->last_index(), 10, false, VoteStamp{1, 1}});
  EXPECT_TRUE(replica_->Propose(Value(std::string(600, 'x'))).ok());
}

TEST_F(ReplicaTest, HandOverReleasesAndNamesTheSuccessor) {
  Start({kA, kB, kC});
  Elect();
  Take();
  const Ballot ballot = replica_->ballot();
  EXPECT_TRUE(absl::IsInvalidArgument(replica_->TransferTo(kA)));
  ASSERT_TRUE(replica_->TransferTo(kC).ok());
  Ready r = Take();
  EXPECT_EQ(Of<Release>(r).size(), 2u);
  ASSERT_EQ(Of<TimeoutNow>(r).size(), 1u);
  EXPECT_EQ(Of<TimeoutNow>(r)[0].ballot, ballot);
  EXPECT_EQ(replica_->LeaseEnd(), Timestamp());
  EXPECT_TRUE(absl::IsFailedPrecondition(replica_->TransferTo(kC)));
  Step(kC, Prepare{Ballot{ballot.round + 1, kC}, false, 1, 11, ballot});
  EXPECT_EQ(Of<Promise>(Take()).size(), 1u);
}

TEST_F(ReplicaTest, ABlankReplicaOnlyAsksForASnapshot) {
  Start({kA, kB, kC}, /*blank=*/true);
  Step(kB, Prepare{Ballot{4, kB}, false, 1, 11, Ballot()});
  Step(kB, Accept{Ballot{4, kB}, 1, 11, 10, {}});
  replica_->Campaign();
  Tick(10'000'000);
  Ready r = Take();
  EXPECT_EQ(r.token, 0u);
  auto nacks = Of<Nack>(r);
  ASSERT_EQ(nacks.size(), 2u);
  EXPECT_EQ(nacks[1].reason, NackReason::kBlank);
  replica_->InstallSnapshot(LogMark{50, Ballot{3, kB}}, Config::OfVoters({kA, kB, kC}));
  EXPECT_EQ(replica_->emitted_index(), 50u);
  Step(kB, Accept{Ballot{4, kB}, 1, 51, 50, {}});
  auto acks = Of<Accepted>(Take());
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].match, 50u);
}

TEST_F(ReplicaTest, ANewbornReplicaPromisesDurablyAndAcceptsNothing) {
  Start({kA, kB, kC}, /*blank=*/true);
  replica_->BeNewborn();
  Step(kB, Prepare{Ballot{4, kB}, false, 1, 11, Ballot()});
  Ready r = Take();
  EXPECT_NE(r.token, 0u);
  ASSERT_TRUE(r.hard_state.has_value());
  EXPECT_EQ(r.hard_state->promised, (Ballot{4, kB}));
  auto promises = Of<Promise>(r);
  ASSERT_EQ(promises.size(), 1u);
  EXPECT_EQ(promises[0].last, 0u);
  EXPECT_EQ(promises[0].chosen, 0u);
  Step(kC, Prepare{Ballot{3, kC}, false, 1, 11, Ballot()});
  Step(kB, Accept{Ballot{4, kB}, 1, 11, 10, {}});
  replica_->Campaign();
  Tick(10'000'000);
  r = Take();
  EXPECT_EQ(r.token, 0u);
  auto nacks = Of<Nack>(r);
  ASSERT_EQ(nacks.size(), 2u);
  EXPECT_EQ(nacks[0].reason, NackReason::kHigherBallot);
  EXPECT_EQ(nacks[1].reason, NackReason::kBlank);
}

TEST_F(ReplicaTest, AFollowerBelowTheTruncationPointNeedsASnapshot) {
  Start({kA, kB, kC});
  Elect();
  for (int i = 0; i < 5; ++i) (void)replica_->Propose(Value("x"));
  Take();
  Step(kB, Accepted{replica_->ballot(), 16, 10, false, VoteStamp{1, 1}});
  EXPECT_EQ(Take().chosen.size(), 6u);
  replica_->Truncate(14);
  EXPECT_EQ(replica_->base().index, 14u);
  Step(kC, Accepted{replica_->ballot(), 10, 10, true, VoteStamp{1, 1}});
  EXPECT_EQ(Take().need_snapshot, std::vector<NodeId>{kC});
  replica_->ReportSnapshot(kC, true, 16);
  Take();
  EXPECT_EQ(replica_->MatchOf(kC), 16u);
}

TEST_F(ReplicaTest, ARestartKeepsPromiseVoteAndEntries) {
  Start({kA, kB, kC});
  InitialState initial;
  initial.config = Config::OfVoters({kA, kB, kC});
  initial.base = LogMark{20, Ballot{2, kB}};
  initial.hard = HardState{Ballot{4, kB}, kB, 1, 21};
  initial.applied = LogMark{20, Ballot{2, kB}};
  for (LogIndex i = 21; i <= 23; ++i) {
    initial.entries.push_back(
        Entry{i, Ballot{4, kB}, Ballot{4, kB}, EntryKind::kCommand, Value("x")});
  }
  Replica::Options o;
  o.group = GroupId(5);
  replica_.emplace(o, std::move(initial), &*support_, &reader_);
  invariants_ = ReplicaInvariants();
  EXPECT_EQ(Take().chosen.size(), 1u);  // 21, as the hint said
  Step(kB, Accept{Ballot{4, kB}, 1, 24, 22, {}});
  Ready r = Take();
  auto acks = Of<Accepted>(r);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].match, 23u);
  EXPECT_EQ(r.chosen.size(), 1u);
  Step(kC, Prepare{Ballot{3, kC}, false, 1, 21, Ballot()});
  EXPECT_EQ(Of<Nack>(Take())[0].reason, NackReason::kHigherBallot);
}

// A witness's state comes before the log that leads to it: what its log has below the state was
// accepted, and is not chosen for that.
TEST_F(ReplicaTest, AWitnessKnowsNothingChosenByItsState) {
  Start({kA, kB, kC});
  for (const bool witness : {true, false}) {
    InitialState initial;
    initial.config =
        Config{{{kB}, {kC}, {kA, witness ? ReplicaKind::kWitness : ReplicaKind::kVoter}}};
    initial.base = LogMark{20, Ballot{2, kB}};
    initial.hard = HardState{Ballot{4, kB}, kB, 1, 21};
    initial.applied = LogMark{30, Ballot{4, kC}};
    initial.witness = witness;
    for (LogIndex i = 21; i <= 33; ++i) {
      initial.entries.push_back(
          Entry{i, Ballot{3, kB}, Ballot{3, kB}, EntryKind::kCommand, Value("x")});
    }
    Replica::Options o;
    o.group = GroupId(5);
    replica_.emplace(o, std::move(initial), &*support_, &reader_);
    EXPECT_EQ(replica_->chosen_index(), witness ? 21u : 30u);
    EXPECT_EQ(replica_->emitted_index(), witness ? 21u : 30u);
    // Only what this ballot's leader sent counts as matched.
    invariants_ = ReplicaInvariants();
    Step(kC, Accept{Ballot{5, kC}, 1, 34, 20, {}});
    EXPECT_EQ(Of<Accepted>(Take())[0].match, witness ? 21u : 30u);
  }
}

// What is settled is not raised while a new full replica comes up to it. All may have told how far
// they keep by the end of that, and have nothing more to say.
TEST_F(ReplicaTest, WhatIsSettledRisesAfterAHoldWithoutAnotherWord) {
  Start({kA, kB, kC});
  InitialState initial;
  initial.config = Config{{{kA}, {kB}, {kC, ReplicaKind::kWitness}}};
  initial.base = LogMark{kInitialIndex, Ballot()};
  Replica::Options o;
  o.group = GroupId(5);
  replica_.emplace(o, std::move(initial), &*support_, &reader_);
  Tick(0);
  Elect();
  const LogIndex last = *replica_->Propose(Value("x"));
  Take();
  const auto acknowledge = [&](LogIndex kept) {
    Step(kB, Accepted{replica_->ballot(), last, last, false, VoteStamp{1, 1}, kept});
    Take();
  };
  acknowledge(0);
  ASSERT_EQ(replica_->chosen_index(), last);
  Config next = replica_->config();
  next.members.push_back({NodeId(4), ReplicaKind::kLearner, 9});
  ASSERT_TRUE(absl::IsUnavailable(replica_->ProposeConfig(next).status()));
  acknowledge(last);
  EXPECT_LT(replica_->Settled(), last);
  Tick(5'000'000);
  replica_->WantSettled(last);
  EXPECT_EQ(replica_->Settled(), last);
}

// A newcomer's addition may be lost, or followed by its removal, before it knows the addition to be
// chosen. Nobody sends it anything then: it has to ask.
TEST_F(ReplicaTest, ANewcomerAsksWhetherItsAdditionStands) {
  Start({kB, kC});
  InitialState initial;
  initial.config = Config::OfVoters({kB, kC});
  initial.base = LogMark{kInitialIndex, Ballot()};
  initial.replica_id = 7;
  Replica::Options o;
  o.group = GroupId(5);
  replica_.emplace(o, std::move(initial), &*support_, &reader_);
  const Ballot b{2, kB};
  const Config with_a{{{kB}, {kC}, {kA, ReplicaKind::kLearner, 7}}};
  Step(kB,
       Accept{b, 1, 11, 10, {Entry{11, b, b, EntryKind::kConfig, Value(EncodeConfig(with_a))}}});
  Take();
  ASSERT_FALSE(replica_->member());
  Tick(10'000'000);
  replica_->AskIfMember();
  const auto asked = Of<Prepare>(Take());
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(asked[0].pre);
  EXPECT_EQ(asked[0].config_at, 11u);
  Step(kC, Nack{asked[0].ballot, Ballot(), NackReason::kRemoved, true});
  EXPECT_TRUE(replica_->removed());
}

TEST_F(ReplicaTest, ANewcomerWhoseAdditionWasNotChosenIsToldSo) {
  Start({kA, kB, kC});
  const Ballot b{2, kB};
  std::vector<Entry> entries;
  for (LogIndex i = 11; i <= 20; ++i) {
    entries.push_back(Entry{i, b, b, EntryKind::kCommand, Value("x")});
  }
  Step(kB, Accept{b, 1, 11, 20, entries});
  Take();
  Tick(10'000'000);
  // At 21 it may be chosen yet.
  for (const LogIndex at : {11, 20, 21}) {
    Message question{GroupId(5), kA, Prepare{Ballot{9, NodeId(4)}, true, 1, 11, Ballot(), at}};
    question.from_id = 7;
    replica_->Step(NodeId(4), std::move(question));
    const auto nacks = Of<Nack>(Take());
    EXPECT_EQ(!nacks.empty() && nacks[0].reason == NackReason::kRemoved, at <= 20) << at;
  }
}

}  // namespace
}  // namespace isochron::paxos
