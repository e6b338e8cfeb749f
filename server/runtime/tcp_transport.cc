// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/tcp_transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/coding.h"
#include "common/status_macros.h"
#include "server/runtime/errno_status.h"
#include "server/runtime/log.h"

namespace isochron::runtime {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr Micros kAcceptPauseUs = 100'000;

std::string Describe(const SocketAddress& a) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&a.storage), a.size, host, sizeof(host), port,
                  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "an unknown address";
  }
  return absl::StrCat(host, ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TcpTransport>> TcpTransport::Make(EventLoop* loop,
                                                                 TcpTransportOptions options) {
  ISO_ASSIGN_OR_RETURN(Listener listener, Listen(options.listen));
  return std::unique_ptr<TcpTransport>(
      new TcpTransport(loop, std::move(options), std::move(listener)));
}

TcpTransport::TcpTransport(EventLoop* loop, TcpTransportOptions options, Listener listener)
    : loop_(loop),
      options_(std::move(options)),
      listener_(std::move(listener)),
      random_(options_.seed),
      resolver_(loop) {
  loop_->AddFd(listener_.fd, EPOLLIN, [this](uint32_t) { OnAccept(); });
  loop_->OnTurnEnd([self = this_] {
    if (*self != nullptr) (*self)->FlushDirty();
  });
}

TcpTransport::~TcpTransport() {
  *this_ = nullptr;
  loop_->Cancel(accept_timer_);
  while (!inbound_.empty()) CloseInbound(inbound_.begin()->first);
  links_.clear();
  if (accepting_) loop_->RemoveFd(listener_.fd);
  close(listener_.fd);
}

void TcpTransport::SetHandler(Channel channel, Handler handler) {
  handlers_[static_cast<int>(channel)] = std::move(handler);
}

void TcpTransport::AddPeer(NodeId peer, const HostPort& address, LinkProfile profile) {
  if (peer == options_.self) return;
  const PeerLinkOptions link_options = {.universe = options_.universe,
                                        .self = options_.self,
                                        .max_outbox_bytes = options_.max_outbox_bytes};
  auto& link = links_[peer];
  link = std::make_unique<PeerLink>(loop_, &resolver_, link_options, peer, address, profile,
                                    random_.Next(), &stats_, [this, peer] {
                                      if (dirty_.empty() || dirty_.back() != peer) {
                                        dirty_.push_back(peer);
                                      }
                                    });
  link->Start();
}

void TcpTransport::RemovePeer(NodeId peer) {
  links_.erase(peer);
  std::vector<int> theirs;
  for (const auto& [fd, in] : inbound_) {
    if (in->from == peer) theirs.push_back(fd);
  }
  // Not now: the caller may be a handler that one of them is delivering to.
  loop_->Post([self = this_, peer, theirs = std::move(theirs)] {
    if (*self == nullptr) return;
    for (int fd : theirs) {
      auto it = (*self)->inbound_.find(fd);
      if (it != (*self)->inbound_.end() && it->second->from == peer) (*self)->CloseInbound(fd);
    }
  });
}

int TcpTransport::peers_up() const {
  return static_cast<int>(
      std::count_if(links_.begin(), links_.end(), [](const auto& l) { return l.second->up(); }));
}

void TcpTransport::Send(NodeId to, Channel channel, std::string payload) {
  if (to == options_.self) {
    loop_->Post([self = this_, channel, payload = std::move(payload)] {
      if (*self != nullptr) (*self)->Deliver((*self)->options_.self, channel, payload);
    });
    return;
  }
  auto it = links_.find(to);
  if (it == links_.end()) {
    ++stats_.dropped_unreachable;
    return;
  }
  it->second->Send(channel, std::move(payload));
}

void TcpTransport::FlushDirty() {
  if (dirty_.empty()) return;
  std::vector<NodeId> dirty;
  dirty.swap(dirty_);
  std::sort(dirty.begin(), dirty.end());
  dirty.erase(std::unique(dirty.begin(), dirty.end()), dirty.end());
  for (NodeId peer : dirty) {
    if (auto it = links_.find(peer); it != links_.end()) it->second->Flush();
  }
}

void TcpTransport::OnAccept() {
  SocketAddress remote;
  remote.size = sizeof(remote.storage);
  const int fd = accept4(listener_.fd, reinterpret_cast<sockaddr*>(&remote.storage), &remote.size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    LogError("cannot accept peers' connections: ", strerror(errno));
    loop_->RemoveFd(listener_.fd);
    accepting_ = false;
    accept_timer_ = loop_->PostAfter(kAcceptPauseUs, [this] {
      accept_timer_ = 0;
      accepting_ = true;
      loop_->AddFd(listener_.fd, EPOLLIN, [this](uint32_t) { OnAccept(); });
    });
    return;
  }
  if (strangers_ >= options_.max_strangers) {
    close(fd);
    return;
  }
  const int on = 1;
  const int idle_s = 10;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  ++strangers_;
  auto in = std::make_unique<Inbound>();
  in->fd = fd;
  in->remote = Describe(remote);
  in->hello_timer = loop_->PostAfter(options_.hello_timeout_us, [this, fd] { CloseInbound(fd); });
  inbound_.emplace(fd, std::move(in));
  loop_->AddFd(fd, EPOLLIN, [this, fd](uint32_t events) { OnInbound(fd, events); });
}

void TcpTransport::OnInbound(int fd, uint32_t /*events*/) {
  Inbound* in = inbound_.at(fd).get();
  const size_t want = in->from ? kReadBytes : kMaxHelloBytes;
  char* room = in->parser.Reserve(want);
  const ssize_t n = recv(fd, room, want, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return CloseInbound(fd);
  in->parser.Wrote(n);
  stats_.bytes_received += n;
  const absl::Status parsed = Parse(in);
  if (!parsed.ok()) {
    ++stats_.garbage_closed;
    LogWarning("closing the connection from ", in->remote,
               in->from ? absl::StrCat(" (node ", in->from.value, ")") : std::string(), ": ",
               parsed.message());
    CloseInbound(fd);
  }
}

absl::Status TcpTransport::Parse(Inbound* in) {
  absl::string_view payload;
  if (!in->from) {
    ISO_ASSIGN_OR_RETURN(const bool complete,
                         in->parser.Next(kHelloMagic, kMaxHelloBytes, &payload));
    if (!complete) return absl::OkStatus();
    ISO_RETURN_IF_ERROR(Greet(in, payload));
  }
  for (;;) {
    ISO_ASSIGN_OR_RETURN(const bool complete,
                         in->parser.Next(kFrameMagic, options_.max_frame_bytes, &payload));
    if (!complete) return absl::OkStatus();
    ISO_RETURN_IF_ERROR(DeliverFrame(in->from, payload));
  }
}

absl::Status TcpTransport::Greet(Inbound* in, absl::string_view payload) {
  ISO_ASSIGN_OR_RETURN(const Hello hello, DecodeHello(payload));
  Hello answer{
      .universe = options_.universe, .from = options_.self, .to = hello.from, .refusal = ""};
  if (hello.universe != options_.universe) {
    answer.refusal =
        absl::StrCat("this is universe \"", options_.universe, "\", not \"", hello.universe, "\"");
  } else if (hello.to != options_.self) {
    answer.refusal =
        absl::StrCat("this is node ", options_.self.value, ", not node ", hello.to.value);
  } else if (!hello.from || hello.from == options_.self) {
    answer.refusal =
        absl::StrCat("node ", hello.from.value, " cannot be a peer of node ", options_.self.value);
  } else if (hello.version != kPeerProtocolVersion) {
    answer.refusal =
        absl::StrCat("peer protocol version ", hello.version, " is not ", kPeerProtocolVersion);
  }
  const std::string bytes = EncodeHello(answer);
  (void)!send(in->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (!answer.refusal.empty()) return absl::FailedPreconditionError(answer.refusal);

  // The node dialled anew: what its old connection still holds is not worth waiting for.
  std::vector<int> older;
  for (const auto& [fd, other] : inbound_) {
    if (other->from == hello.from) older.push_back(fd);
  }
  for (int fd : older) CloseInbound(fd);
  in->from = hello.from;
  --strangers_;
  loop_->Cancel(std::exchange(in->hello_timer, 0));
  return absl::OkStatus();
}

absl::Status TcpTransport::DeliverFrame(NodeId from, absl::string_view frame) {
  while (!frame.empty()) {
    Channel channel;
    absl::string_view message;
    ISO_RETURN_IF_ERROR(TakeMessage(&frame, &channel, &message));
    Deliver(from, channel, message);
  }
  return absl::OkStatus();
}

void TcpTransport::Deliver(NodeId from, Channel channel, absl::string_view payload) {
  ++stats_.messages_received;
  Handler& handler = handlers_[static_cast<int>(channel)];
  if (handler) handler(from, payload);
}

void TcpTransport::CloseInbound(int fd) {
  auto it = inbound_.find(fd);
  if (it == inbound_.end()) return;
  if (!it->second->from) --strangers_;
  loop_->Cancel(it->second->hello_timer);
  loop_->RemoveFd(fd);
  close(fd);
  inbound_.erase(it);
}

}  // namespace isochron::runtime
