// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/tcp_transport.h"

#include <unistd.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/runtime/tcp_frame.h"

namespace isochron::runtime {
namespace {

// A node: a loop on a thread of its own, and a transport on it.
class TestNode {
 public:
  explicit TestNode(uint32_t id, std::string universe = "u", int port = 0,
                    size_t outbox = 64 << 20) {
    thread_ = std::thread([this] { loop.Run(); });
    Do([&] {
      auto t = TcpTransport::Make(&loop, {.self = NodeId(id),
                                          .universe = std::move(universe),
                                          .listen = {"127.0.0.1", port},
                                          .seed = id,
                                          .max_outbox_bytes = outbox,
                                          .max_frame_bytes = 32 << 20});
      ASSERT_TRUE(t.ok()) << t.status();
      transport = *std::move(t);
    });
  }
  ~TestNode() {
    Do([&] { transport.reset(); });
    loop.Stop();
    thread_.join();
  }
  // Runs `fn` on the loop and waits for it.
  template <typename F>
  void Do(F fn) {
    std::promise<void> done;
    loop.Post([&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Polls `condition` on the loop until it holds, at most 20 s.
  template <typename F>
  bool Eventually(F condition) {
    std::promise<bool> result;
    const Micros end = loop.MonotonicNow() + 20'000'000;
    std::function<void()> check = [&] {
      if (condition()) return result.set_value(true);
      if (loop.MonotonicNow() > end) return result.set_value(false);
      loop.PostAfter(500, check);
    };
    loop.Post(check);
    return result.get_future().get();
  }
  void Know(TestNode& other, uint32_t id, LinkProfile profile = {}) {
    const HostPort address = other.transport->listen_address();
    Do([&] { transport->AddPeer(NodeId(id), address, profile); });
  }
  bool Connected() {
    return Eventually([&] { return transport->peers_up() == 1; });
  }

  EventLoop loop;
  std::unique_ptr<TcpTransport> transport;

 private:
  std::thread thread_;
};

struct Inbox {
  explicit Inbox(TestNode* node) : node(node) {
    node->Do([&] {
      for (int c = 0; c < kNumChannels; ++c) {
        node->transport->SetHandler(static_cast<Channel>(c),
                                    [this, c](NodeId from, absl::string_view payload) {
                                      channels.push_back(c);
                                      froms.push_back(from.value);
                                      messages.emplace_back(payload);
                                    });
      }
    });
  }
  // What still comes finds nobody: the node's thread runs on.
  ~Inbox() {
    node->Do([&] {
      for (int c = 0; c < kNumChannels; ++c) {
        node->transport->SetHandler(static_cast<Channel>(c), [](NodeId, absl::string_view) {});
      }
    });
  }
  bool WaitFor(size_t n) {
    return node->Eventually([&] { return messages.size() >= n; });
  }
  TestNode* node;
  std::vector<int> channels;
  std::vector<uint32_t> froms;
  std::vector<std::string> messages;
};

TEST(TcpTransportTest, DeliversInOrderAndPacksATurnIntoOneSend) {
  TestNode a(1);
  TestNode b(2);
  Inbox inbox(&b);
  a.Know(b, 2);
  ASSERT_TRUE(a.Connected());
  uint64_t sends_before = 0;
  a.Do([&] {
    sends_before = a.transport->stats().sends;
    for (int i = 0; i < 1000; ++i) {
      a.transport->Send(NodeId(2), Channel::kPaxos, std::to_string(i));
    }
    a.transport->Send(NodeId(2), Channel::kLease, "urgent");
  });
  ASSERT_TRUE(inbox.WaitFor(1001));
  b.Do([&] {
    EXPECT_EQ(inbox.messages[0], "urgent");
    EXPECT_EQ(inbox.channels[0], 0);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(inbox.messages[i + 1], std::to_string(i));
    EXPECT_EQ(inbox.froms[0], 1u);
  });
  a.Do([&] { EXPECT_EQ(a.transport->stats().sends - sends_before, 1u); });
}

TEST(TcpTransportTest, LargeMessagesBothWays) {
  TestNode a(1);
  TestNode b(2);
  Inbox at_a(&a);
  Inbox at_b(&b);
  a.Know(b, 2);
  b.Know(a, 1);
  ASSERT_TRUE(a.Connected());
  ASSERT_TRUE(b.Connected());
  for (TestNode* n : {&a, &b}) {
    n->Do([&] {
      for (int i = 0; i < 5; ++i) {
        n->transport->Send(NodeId(n == &a ? 2 : 1), Channel::kRpc, std::string(6 << 20, 'a' + i));
      }
    });
  }
  ASSERT_TRUE(at_a.WaitFor(5));
  ASSERT_TRUE(at_b.WaitFor(5));
  b.Do([&] {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(at_b.messages[i], std::string(6 << 20, 'a' + i));
  });
}

TEST(TcpTransportTest, MessageToSelfNeedsNoSocketAndIsNotReentrant) {
  TestNode a(1);
  Inbox inbox(&a);
  a.Do([&] {
    a.transport->Send(NodeId(1), Channel::kRpc, "me");
    EXPECT_TRUE(inbox.messages.empty());
  });
  ASSERT_TRUE(inbox.WaitFor(1));
}

TEST(TcpTransportTest, FullOutboxDrops) {
  TestNode a(1, "u", 0, 1 << 20);
  TestNode b(2);
  Inbox inbox(&b);
  a.Know(b, 2);
  ASSERT_TRUE(a.Connected());
  a.Do([&] {
    for (int i = 0; i < 100; ++i) {
      a.transport->Send(NodeId(2), Channel::kRpc, std::string(64 << 10, 'x'));
    }
    EXPECT_GT(a.transport->stats().dropped_full, 50u);
  });
  // What was accepted arrives, and there is room again afterwards.
  ASSERT_TRUE(inbox.WaitFor(10));
  a.Do([&] { a.transport->Send(NodeId(2), Channel::kRpc, "after"); });
  ASSERT_TRUE(b.Eventually([&] { return inbox.messages.back() == "after"; }));
}

TEST(TcpTransportTest, ReconnectsAfterThePeerRestarts) {
  TestNode a(1);
  auto b = std::make_unique<TestNode>(2);
  const int port = b->transport->listen_address().port;
  a.Know(*b, 2);
  ASSERT_TRUE(a.Connected());
  b.reset();
  ASSERT_TRUE(a.Eventually([&] { return a.transport->peers_up() == 0; }));
  b = std::make_unique<TestNode>(2, "u", port);
  Inbox inbox(b.get());
  ASSERT_TRUE(a.Connected());
  a.Do([&] { a.transport->Send(NodeId(2), Channel::kPaxos, "hello again"); });
  ASSERT_TRUE(inbox.WaitFor(1));
}

TEST(TcpTransportTest, AnotherUniverseOrNodeIsRefused) {
  TestNode a(1, "u");
  TestNode b(2, "other");
  Inbox inbox(&b);
  a.Know(b, 2);
  ASSERT_TRUE(b.Eventually([&] { return b.transport->stats().garbage_closed > 0; }));
  a.Do([&] { a.transport->Send(NodeId(2), Channel::kRpc, "x"); });
  TestNode c(3, "u");
  c.Know(a, 7);  // node 1 listens there, not node 7
  ASSERT_TRUE(a.Eventually([&] { return a.transport->stats().garbage_closed > 0; }));
  b.Do([&] { EXPECT_TRUE(inbox.messages.empty()); });
  a.Do([&] { EXPECT_EQ(a.transport->peers_up(), 0); });
}

// Connects to `node` and writes `bytes`; true if the node then closes the connection.
bool ClosedAfter(TestNode& node, const std::string& bytes) {
  auto where = Resolve(node.transport->listen_address(), true);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&where->storage), where->size), 0);
  (void)!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  char buffer[512];
  ssize_t n;
  while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
  }
  close(fd);
  return n <= 0;
}

TEST(TcpTransportTest, GarbageClosesTheConnectionAndNothingElse) {
  TestNode a(1);
  TestNode b(2);
  Inbox inbox(&b);
  a.Know(b, 2);
  ASSERT_TRUE(a.Connected());

  const std::string hello = EncodeHello({.universe = "u", .from = NodeId(9), .to = NodeId(2)});
  std::string frame;
  const size_t begin = BeginFrame(&frame);
  AppendMessage(&frame, Channel::kRpc, "payload");
  FinishFrame(&frame, begin, kFrameMagic);

  EXPECT_TRUE(ClosedAfter(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(ClosedAfter(b, std::string(100000, '\xff')));
  std::string flipped = frame;
  flipped.back() ^= 1;
  EXPECT_TRUE(ClosedAfter(b, hello + flipped));
  std::string huge = frame;
  huge[6] = '\x7f';  // the length
  EXPECT_TRUE(ClosedAfter(b, hello + huge));
  std::string bad_channel;
  const size_t at = BeginFrame(&bad_channel);
  bad_channel += "\x09\x01x";
  FinishFrame(&bad_channel, at, kFrameMagic);
  EXPECT_TRUE(ClosedAfter(b, hello + bad_channel));

  a.Do([&] { a.transport->Send(NodeId(2), Channel::kPaxos, "still here"); });
  ASSERT_TRUE(inbox.WaitFor(1));
  b.Do([&] {
    EXPECT_EQ(inbox.messages, (std::vector<std::string>{"still here"}));
    EXPECT_EQ(b.transport->stats().garbage_closed, 5u);
  });
}

TEST(TcpTransportTest, WanEmulationDelaysInOrder) {
  TestNode a(1);
  TestNode b(2);
  Inbox inbox(&b);
  a.Know(b, 2, LinkProfile{.one_way_us = 30'000, .jitter = 0.5});
  ASSERT_TRUE(a.Connected());
  const Micros start = a.loop.MonotonicNow();
  for (int i = 0; i < 20; ++i) {
    a.Do([&] { a.transport->Send(NodeId(2), Channel::kRpc, std::to_string(i)); });
  }
  ASSERT_TRUE(inbox.WaitFor(20));
  EXPECT_GE(b.loop.MonotonicNow() - start, 30'000);
  b.Do([&] {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(inbox.messages[i], std::to_string(i));
  });
}

TEST(TcpTransportTest, WanEmulationLosesItsShare) {
  TestNode a(1);
  TestNode b(2);
  Inbox inbox(&b);
  a.Know(b, 2, LinkProfile{.loss = 0.5});
  ASSERT_TRUE(a.Connected());
  a.Do([&] {
    for (int i = 0; i < 1000; ++i) a.transport->Send(NodeId(2), Channel::kRpc, "x");
    EXPECT_NEAR(a.transport->stats().lost_emulated, 500, 100);
  });
}

TEST(TcpTransportTest, BusyPortSaysSo) {
  TestNode a(1);
  EventLoop loop;
  auto second = TcpTransport::Make(
      &loop, {.self = NodeId(2), .universe = "u", .listen = a.transport->listen_address()});
  EXPECT_TRUE(absl::IsUnavailable(second.status()));
}

TEST(WanMatrixTest, TypicalAndParsed) {
  const WanMatrix typical = WanMatrix::Typical();
  EXPECT_EQ(typical.Link("us-east", "europe-west").one_way_us, 40'000);
  EXPECT_EQ(typical.Link("europe-west", "us-east").one_way_us, 40'000);
  EXPECT_EQ(typical.Link("us-east", "us-east").one_way_us, 250);
  auto own = WanMatrix::Parse("a b 10 # near\nloss 0.1\ndefault 50\n\n");
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->Link("b", "a").one_way_us, 5'000);
  EXPECT_EQ(own->Link("b", "c").one_way_us, 25'000);
  EXPECT_EQ(own->Link("b", "c").loss, 0.1);
  for (const char* bad : {"a b", "a b c d", "a b -1", "loss 2", "speed 3", "a b x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(WanMatrix::Parse(bad).status())) << bad;
  }
  EXPECT_TRUE(absl::IsNotFound(WanMatrix::Load("/nowhere").status()));
}

TEST(AddressTest, Parses) {
  EXPECT_EQ(ParseHostPort("a:1")->host, "a");
  EXPECT_EQ(ParseHostPort("[::1]:7400")->host, "::1");
  EXPECT_EQ(ParseHostPort("[::1]:7400")->ToString(), "[::1]:7400");
  EXPECT_EQ(ParseHostPort(":0")->port, 0);
  for (const char* bad : {"", "a", "a:", "a:x", "a:70000", "::1:7400"}) {
    EXPECT_FALSE(ParseHostPort(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace isochron::runtime
