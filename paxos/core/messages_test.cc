// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/messages.h"

#include <gtest/gtest.h>

#include "common/random.h"

namespace isochron::paxos {
namespace {

const GroupId kGroup(300);
const Ballot kBallot{70'000, NodeId(3)};

Entry Command(LogIndex index, Ballot ballot, const std::string& value) {
  return Entry{index, ballot, Ballot{5, NodeId(1)}, EntryKind::kCommand,
               std::make_shared<const std::string>(value)};
}

std::vector<Message> One() {
  Accept accept{kBallot, 9, 100, 99, {Command(100, kBallot, "one"), Command(101, kBallot, "")}};
  accept.entries.push_back(Entry{102, kBallot, kBallot, EntryKind::kNoop, nullptr});
  Promise promise{kBallot, false, 7, Ballot{2, NodeId(2)}, 12, VoteStamp{3, 4}, {}};
  promise.entries = {Command(8, Ballot{3, NodeId(1)}, "x"), Command(9, Ballot{4, NodeId(2)}, "y")};
  std::vector<Body> bodies = {Prepare{kBallot, true, 2, 11, Ballot{1, NodeId(9)}},
                              promise,
                              Nack{kBallot, Ballot{8, NodeId(8)}, NackReason::kHeld, true},
                              accept,
                              Accepted{kBallot, 102, 90, true, VoteStamp{1, 2}},
                              Release{kBallot},
                              HoldQuery{kBallot, 77},
                              TimeoutNow{kBallot}};
  std::vector<Message> out;
  Accept settled{kBallot, 9, 100, 99, {}, 80, true};
  bodies.insert(bodies.end(), {settled, Accepted{kBallot, 102, 90, true, VoteStamp{1, 2}, 70}});
  bodies.push_back(Nack{kBallot, Ballot(), NackReason::kMerged, true, GroupId(7)});
  for (Body& b : bodies) out.push_back(Message{kGroup, NodeId(), std::move(b)});
  return out;
}

std::string Frame(const std::vector<Message>& messages) {
  std::string frame = NewFrame();
  for (const Message& m : messages) AppendToFrame(m, &frame);
  return frame;
}

TEST(MessagesTest, EveryKindSurvivesTheWire) {
  const std::vector<Message> sent = One();
  auto got = DecodeFrame(Frame(sent));
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ((*got)[i].group, kGroup);
    EXPECT_EQ((*got)[i].body.index(), sent[i].body.index());
  }
  // Encoding what was decoded gives the same bytes: no field was dropped.
  EXPECT_EQ(Frame(*got), Frame(sent));
  const auto& accept = std::get<Accept>((*got)[3].body);
  EXPECT_EQ(accept.entries[1].index, 101u);
  EXPECT_EQ(accept.entries[1].ballot, kBallot);
  EXPECT_EQ(accept.entries[1].origin, (Ballot{5, NodeId(1)}));
  EXPECT_EQ(*accept.entries[0].payload, "one");
  EXPECT_EQ(accept.entries[2].payload, nullptr);
  EXPECT_EQ(accept.settled, 0u);
  EXPECT_EQ(std::get<Accept>((*got)[8].body).settled, 80u);
  EXPECT_TRUE(std::get<Accept>((*got)[8].body).settle);
  EXPECT_EQ(std::get<Accepted>((*got)[9].body).kept, 70u);
  const auto& promise = std::get<Promise>((*got)[1].body);
  EXPECT_EQ(promise.entries[1].ballot, (Ballot{4, NodeId(2)}));
}

TEST(MessagesTest, EmptyFrame) {
  EXPECT_TRUE(DecodeFrame(NewFrame())->empty());
  EXPECT_FALSE(DecodeFrame("").ok());
  EXPECT_FALSE(DecodeFrame("\x01").ok());
}

TEST(MessagesTest, GarbageNeverCrashes) {
  const std::string good = Frame(One());
  for (size_t n = 1; n < good.size(); ++n) (void)DecodeFrame(absl::string_view(good).substr(0, n));
  Random random(7);
  for (int i = 0; i < 100'000; ++i) {
    std::string bad = good;
    for (uint64_t k = 0; k <= random.Below(4); ++k) {
      bad[random.Below(bad.size())] = static_cast<char>(random.Next());
    }
    (void)DecodeFrame(bad);
  }
  for (int i = 0; i < 100'000; ++i) {
    std::string noise(random.Below(60), '\0');
    for (char& c : noise) c = static_cast<char>(random.Next());
    if (!noise.empty()) noise[0] = 1;
    (void)DecodeFrame(noise);
  }
}

}  // namespace
}  // namespace isochron::paxos
