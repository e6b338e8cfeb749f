// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_PEER_LINK_H_
#define ISOCHRON_SERVER_RUNTIME_PEER_LINK_H_

// The sending half towards one peer: a connection that we dial and write, and its outbox.
//
// Messages wait in two lanes (lease channel first, rule 38) until the turn's end, when all of them
// are packed into as few frames and sends as possible. The outbox is bounded in bytes: what exceeds
// it is dropped and counted. While there is no connection only a little is kept, and it goes when
// an attempt fails: a message for a peer that is away is stale by the time it is back.
//
// WAN emulation: with a link profile, Send puts the message into a delay queue first and a timer
// releases it into the lanes, in order.
//
// Loop thread only.

#include <array>
#include <deque>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "common/random.h"
#include "common/transport.h"
#include "server/runtime/address.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/tcp_frame.h"
#include "server/runtime/wan.h"

namespace isochron::runtime {

// Counters of one transport, all links together.
struct TransportStats {
  uint64_t messages_sent = 0;
  uint64_t messages_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t sends = 0;                // system calls
  uint64_t dropped_full = 0;         // the outbox was full
  uint64_t dropped_unreachable = 0;  // no connection
  uint64_t lost_emulated = 0;
  uint64_t garbage_closed = 0;  // connections closed for what came over them
  uint64_t connects = 0;
};

// Turns names into addresses on a thread of its own; results come back on the loop.
class Resolver;

struct PeerLinkOptions {
  std::string universe;
  NodeId self;
  size_t max_outbox_bytes = 64 << 20;
  size_t max_disconnected_bytes = 256 << 10;
  size_t frame_target_bytes = 1 << 20;
  Micros backoff_min_us = 20'000;
  Micros backoff_max_us = 1'000'000;
  Micros connect_timeout_us = 3'000'000;
};

class PeerLink {
 public:
  // `on_dirty` tells the transport to call Flush at the end of this turn.
  PeerLink(EventLoop* loop, Resolver* resolver, const PeerLinkOptions& options, NodeId peer,
           HostPort address, LinkProfile profile, uint64_t seed, TransportStats* stats,
           absl::AnyInvocable<void()> on_dirty);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void Start() { Connect(); }
  void Send(Channel channel, std::string payload);
  void Flush();

  bool up() const { return state_ == State::kUp; }
  void set_profile(LinkProfile profile) { profile_ = profile; }

 private:
  enum class State { kWaiting, kResolving, kConnecting, kGreeting, kUp };
  struct Message {
    Channel channel;
    std::string payload;
  };
  struct Delayed {
    Micros release_us;
    Message message;
  };

  void Connect();
  void OnResolved(absl::StatusOr<SocketAddress> where);
  void OnEvents(uint32_t events);
  void OnConnected();
  void OnReadable();
  // Closes and tries again after the backoff.
  void Fail(absl::string_view why);
  void CloseSocket();
  void Enqueue(Message message);
  void Release();
  void ArmRelease();
  // Moves messages from the lanes into out_, one frame.
  void Pack();
  void WatchWritable(bool on);

  EventLoop* const loop_;
  Resolver* const resolver_;
  const PeerLinkOptions options_;
  const NodeId peer_;
  const HostPort address_;
  LinkProfile profile_;
  Random random_;
  TransportStats* const stats_;
  absl::AnyInvocable<void()> on_dirty_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  State state_ = State::kWaiting;
  int fd_ = -1;
  bool watching_writable_ = false;
  bool complained_ = false;  // one log line an outage
  Micros backoff_us_;
  Executor::TimerId timer_ = 0;  // backoff, or the connect timeout
  FrameParser parser_;

  std::deque<Delayed> delayed_;
  Micros last_release_us_ = 0;
  Executor::TimerId release_timer_ = 0;
  std::array<std::deque<Message>, 2> lanes_;
  std::string out_;  // packed, partly sent
  size_t sent_ = 0;
  size_t pending_bytes_ = 0;  // delayed, in the lanes, and in out_
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_PEER_LINK_H_
