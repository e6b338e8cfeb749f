// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_TCP_TRANSPORT_H_
#define ISOCHRON_SERVER_RUNTIME_TCP_TRANSPORT_H_

// The real Transport: plain TCP between nodes, on the node's own event loop.
//
// docs/adr/0001-peer-transport-tcp.md says why not gRPC streams. Each node dials each peer and uses
// that connection for sending only (peer_link.h); what it accepts, it only reads. A connection that
// opens with anything but a valid hello for this universe and this node, or whose frames fail their
// checksums, is closed with a line in the log, and nothing of it is delivered (tcp_frame.h).
//
// Messages of one turn leave at its end, one send a peer. Messages to self go through
// Executor::Post. Handlers run on the loop; the payload they see lies in the receive buffer.
//
// Loop thread only, but for construction before the loop runs. The loop outlives the transport.

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/transport.h"
#include "server/runtime/address.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/peer_link.h"
#include "server/runtime/resolver.h"

namespace isochron::runtime {

struct TcpTransportOptions {
  NodeId self;
  std::string universe;                  // nodes of different universes refuse each other
  HostPort listen;                       // port 0: any free one
  uint64_t seed = 1;                     // of reconnect jitter and WAN emulation
  size_t max_outbox_bytes = 64 << 20;    // a peer
  uint32_t max_frame_bytes = 128 << 20;  // refused when larger; bounds the receive buffer
  int max_strangers = 64;                // connections that did not say hello yet
  Micros hello_timeout_us = 5'000'000;
};

class TcpTransport final : public Transport {
 public:
  // Listens at once. UNAVAILABLE when the port is taken.
  static absl::StatusOr<std::unique_ptr<TcpTransport>> Make(EventLoop* loop,
                                                            TcpTransportOptions options);
  ~TcpTransport() override;

  NodeId self() const override { return options_.self; }
  void Send(NodeId to, Channel channel, std::string payload) override;
  void SetHandler(Channel channel, Handler handler) override;

  // Starts to connect to `peer`. A second call for the same peer replaces the address.
  void AddPeer(NodeId peer, const HostPort& address, LinkProfile profile);
  // Messages to it are dropped from now on, and its connections are closed.
  void RemovePeer(NodeId peer);

  const HostPort& listen_address() const { return listener_.address; }
  // Peers with a working connection from us to them.
  int peers_up() const;
  const TransportStats& stats() const { return stats_; }

 private:
  struct Inbound {
    int fd = -1;
    std::string remote;  // for the log
    NodeId from;         // none before the hello
    FrameParser parser;
    Executor::TimerId hello_timer = 0;
  };

  TcpTransport(EventLoop* loop, TcpTransportOptions options, Listener listener);
  void OnAccept();
  void OnInbound(int fd, uint32_t events);
  // Takes what the parser holds. An error closes the connection.
  absl::Status Parse(Inbound* in);
  absl::Status Greet(Inbound* in, absl::string_view payload);
  absl::Status DeliverFrame(NodeId from, absl::string_view frame);
  void Deliver(NodeId from, Channel channel, absl::string_view payload);
  void CloseInbound(int fd);
  void FlushDirty();

  EventLoop* const loop_;
  const TcpTransportOptions options_;
  const Listener listener_;
  bool accepting_ = true;
  // Shared with the turn-end hook and posted functions, which may outlive the transport.
  std::shared_ptr<TcpTransport*> this_ = std::make_shared<TcpTransport*>(this);

  TransportStats stats_;
  Random random_;
  Resolver resolver_;
  std::array<Handler, kNumChannels> handlers_;
  std::map<NodeId, std::unique_ptr<PeerLink>> links_;
  std::vector<NodeId> dirty_;
  std::map<int, std::unique_ptr<Inbound>> inbound_;  // by descriptor
  int strangers_ = 0;
  Executor::TimerId accept_timer_ = 0;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_TCP_TRANSPORT_H_
