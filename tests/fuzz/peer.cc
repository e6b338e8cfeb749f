// SPDX-License-Identifier: Apache-2.0
//
// What comes from another node: the connection's frames and hello, the messages of each channel.
// (The bodies of requests to groups: see group_request.cc; pieces of snapshots: snapshot.cc.)
#include "common/check.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/rpc/envelope.h"
#include "paxos/core/membership.h"
#include "paxos/core/messages.h"
#include "paxos/lease/node_support.h"
#include "server/runtime/tcp_frame.h"
#include "tablet/group/promise_exchange.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

constexpr uint32_t kMaxPayload = 1 << 16;

// The stream comes in pieces of any size.
void CheckFrames(Input in) {
  const uint32_t magic = in.Byte() % 2 == 0 ? runtime::kFrameMagic : runtime::kHelloMagic;
  std::string made;
  if (in.Byte() % 2 == 0) {  // a frame around the rest, so that its payload is looked at
    const size_t begin = runtime::BeginFrame(&made);
    made += std::string(in.Rest());
    runtime::FinishFrame(&made, begin, magic);
  }
  Input stream(reinterpret_cast<const uint8_t*>(made.data()), made.size());
  if (!made.empty()) in = stream;
  runtime::FrameParser parser;
  while (!in.empty()) {
    const absl::string_view piece = in.Raw(1 + in.Byte() % 64);
    std::copy(piece.begin(), piece.end(), parser.Reserve(piece.size()));
    parser.Wrote(piece.size());
    for (;;) {
      absl::string_view payload;
      auto next = parser.Next(magic, kMaxPayload, &payload);
      if (!next.ok()) return;
      if (!*next) break;
      ISO_CHECK(payload.size() <= kMaxPayload, "a frame keeps the limit");
      Channel channel;
      absl::string_view message;
      while (!payload.empty() && runtime::TakeMessage(&payload, &channel, &message).ok()) {
      }
    }
  }
}

void CheckHello(absl::string_view payload) {
  auto hello = runtime::DecodeHello(payload);
  if (!hello.ok()) return;
  const std::string again = runtime::EncodeHello(*hello);
  auto twice = runtime::DecodeHello(absl::string_view(again).substr(runtime::kFrameHeaderBytes));
  ISO_CHECK(twice.ok() && twice->universe == hello->universe && twice->from == hello->from,
            "a hello there and back");
}

void CheckEnvelope(absl::string_view bytes) {
  rpc::Envelope envelope;
  if (!rpc::Decode(bytes, &envelope)) return;
  ISO_CHECK(rpc::Encode(envelope) == bytes, "an envelope has one spelling");
}

void CheckPaxos(absl::string_view bytes) {
  auto messages = paxos::DecodeFrame(bytes);
  if (!messages.ok()) return;
  std::string frame = paxos::NewFrame();
  for (const paxos::Message& m : *messages) {
    paxos::AppendToFrame(m, &frame);
    const auto* accept = std::get_if<paxos::Accept>(&m.body);
    const auto* promise = std::get_if<paxos::Promise>(&m.body);
    const std::vector<paxos::Entry> none;
    for (const paxos::Entry& e : accept ? accept->entries : promise ? promise->entries : none) {
      ISO_CHECK(e.kind != paxos::EntryKind::kConfig || paxos::DecodeConfig(*e.payload).ok(),
                "a configuration that is taken in can be read");
    }
  }
  auto again = paxos::DecodeFrame(frame);
  ISO_CHECK(again.ok() && again->size() == messages->size(), "a frame there and back");
}

class FixedClock : public TrueTime {
 public:
  absl::StatusOr<TTInterval> Now() override {
    return TTInterval{Timestamp(1'000'000'000), Timestamp(1'000'001'000)};
  }
};

// Several messages, from two nodes.
void CheckLease(Input in) {
  FixedClock clock;
  paxos::NodeSupport support({.self = NodeId(1), .incarnation = 7}, &clock);
  support.SetPeers({NodeId(2), NodeId(3)});
  support.Tick(1);
  while (!in.empty()) {
    const NodeId from(2 + in.Byte() % 2);
    (void)support.Step(from, in.Piece());
    (void)support.GrantedBy(from);
    (void)support.MayVoteAgainst(from, in.Byte());
  }
  (void)support.TakeMessages();
}

void CheckPromises(Input in) {
  tablet::PromiseExchange exchange(7, [](GroupId, const tablet::SharedPromise&) {});
  exchange.Join(GroupId(5), Ballot{1, NodeId(1)}, 12, {NodeId(2)});
  Micros now = 1'000'000;
  while (!in.empty()) {
    const NodeId from(2 + in.Byte() % 2);
    (void)exchange.Step(from, in.Piece(), now);
    (void)exchange.Message(from, Timestamp(now), Timestamp::Max(), now);
    (void)exchange.OldestRead(0);
    (void)exchange.RoundTrip(from);
    now += 100;
  }
  (void)exchange.Known(GroupId(5));
}

std::string PaxosSeed() {
  std::string frame = paxos::NewFrame();
  paxos::Entry command{12, Ballot{3, NodeId(1)}, Ballot{3, NodeId(1)}, paxos::EntryKind::kCommand,
                       std::make_shared<std::string>("command")};
  paxos::Entry config = command;
  config.index = 13;
  config.kind = paxos::EntryKind::kConfig;
  config.payload = std::make_shared<std::string>(
      paxos::EncodeConfig(paxos::Config::OfVoters({NodeId(1), NodeId(2), NodeId(3)})));
  const Ballot ballot{3, NodeId(1)};
  for (const paxos::Body& body : std::initializer_list<paxos::Body>{
           paxos::Prepare{ballot, true, 7, 11, {}, 10},
           paxos::Promise{ballot, false, 11, ballot, 13, {1, 7}, {command, config}},
           paxos::Nack{ballot, ballot, paxos::NackReason::kHeld, false},
           paxos::Accept{ballot, 7, 12, 11, {command, config}},
           paxos::Accepted{ballot, 13, 11, false, {1, 7}}, paxos::Release{ballot},
           paxos::HoldQuery{ballot, 7}, paxos::TimeoutNow{ballot}}) {
    paxos::AppendToFrame({GroupId(5), NodeId(), body, 1, 2}, &frame);
  }
  return frame;
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  std::string frame;
  const size_t begin = runtime::BeginFrame(&frame);
  runtime::AppendMessage(&frame, Channel::kPaxos, PaxosSeed());
  runtime::FinishFrame(&frame, begin, runtime::kFrameMagic);
  std::string pieces;
  for (size_t at = 0; at < frame.size(); at += 64) pieces += "\x3f" + frame.substr(at, 64);
  seeds.push_back(std::string("\x00\x00\x01", 3) + pieces);
  seeds.push_back(std::string("\x00\x01\x00", 3) + "a payload");
  const runtime::Hello hello{1, "universe", NodeId(1), NodeId(2), "no"};
  seeds.push_back("\x01" + runtime::EncodeHello(hello).substr(runtime::kFrameHeaderBytes));
  rpc::Envelope request;
  request.incarnation = 9;
  request.id = 1;
  request.method = rpc::Method::kGroupRequest;
  request.left_us = 1'000'000;
  request.principal = "somebody";
  request.payload = "payload";
  seeds.push_back("\x02" + rpc::Encode(request));
  request.type = rpc::MessageType::kResponse;
  request.code = 5;
  request.message = "not found";
  seeds.push_back("\x02" + rpc::Encode(request));
  request.type = rpc::MessageType::kCancel;
  request.payload.clear();
  seeds.push_back("\x02" + rpc::Encode(request));
  seeds.push_back("\x03" + PaxosSeed());
  FixedClock clock;
  paxos::NodeSupport leader({.self = NodeId(2), .incarnation = 7}, &clock);
  leader.SetPeers({NodeId(1)});
  leader.Tick(1);
  for (const auto& [to, message] : leader.TakeMessages()) {
    paxos::NodeSupport voter({.self = NodeId(1), .incarnation = 8}, &clock);
    voter.SetPeers({NodeId(2)});
    (void)voter.Step(NodeId(2), message);
    std::string both = std::string("\x04\x00", 2) + Piece(message) + '\0';
    for (const auto& [back, answer] : voter.TakeMessages()) {
      both += std::string(1, '\0') + Piece(answer) + '\0';
    }
    seeds.push_back(both);
  }
  tablet::PromiseExchange exchange(9, [](GroupId, const tablet::SharedPromise&) {});
  exchange.Join(GroupId(6), Ballot{1, NodeId(2)}, 14, {NodeId(1)});
  seeds.push_back(std::string("\x05\x00", 2) +
                  Piece(exchange.Message(NodeId(1), Timestamp(5), Timestamp(3), 77)));
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron::fuzz;
  Input in(data, size);
  switch (in.Byte() % 6) {
    case 0:
      CheckFrames(in);
      break;
    case 1:
      CheckHello(in.Rest());
      break;
    case 2:
      CheckEnvelope(in.Rest());
      break;
    case 3:
      CheckPaxos(in.Rest());
      break;
    case 4:
      CheckLease(in);
      break;
    default:
      CheckPromises(in);
  }
  return 0;
}
