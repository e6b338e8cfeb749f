// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/peer_link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "server/runtime/log.h"
#include "server/runtime/resolver.h"

namespace isochron::runtime {
namespace {

constexpr size_t kMessageOverhead = 16;
// A peer that acknowledges nothing for so long is dialled anew, so that a healed partition is not
// waited out in TCP's own retransmission backoff.
constexpr int kUserTimeoutMs = 5000;

size_t Lane(Channel channel) { return channel == Channel::kLease ? 0 : 1; }

}  // namespace

PeerLink::PeerLink(EventLoop* loop, Resolver* resolver, const PeerLinkOptions& options, NodeId peer,
                   HostPort address, LinkProfile profile, uint64_t seed, TransportStats* stats,
                   absl::AnyInvocable<void()> on_dirty)
    : loop_(loop),
      resolver_(resolver),
      options_(options),
      peer_(peer),
      address_(std::move(address)),
      profile_(profile),
      random_(seed),
      stats_(stats),
      on_dirty_(std::move(on_dirty)),
      backoff_us_(options.backoff_min_us) {}

PeerLink::~PeerLink() {
  *alive_ = false;
  loop_->Cancel(timer_);
  loop_->Cancel(release_timer_);
  CloseSocket();
}

void PeerLink::Connect() {
  state_ = State::kResolving;
  resolver_->Lookup(address_, [this, alive = alive_](absl::StatusOr<SocketAddress> where) {
    if (*alive) OnResolved(std::move(where));
  });
}

void PeerLink::OnResolved(absl::StatusOr<SocketAddress> where) {
  if (!where.ok()) return Fail(where.status().message());
  fd_ = socket(where->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Fail(strerror(errno));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof(kUserTimeoutMs));
  state_ = State::kConnecting;
  const int r = connect(fd_, reinterpret_cast<const sockaddr*>(&where->storage), where->size);
  if (r != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close(std::exchange(fd_, -1));
    return Fail(strerror(error));
  }
  watching_writable_ = true;
  loop_->AddFd(fd_, EPOLLIN | EPOLLOUT, [this](uint32_t events) { OnEvents(events); });
  timer_ = loop_->PostAfter(options_.connect_timeout_us, [this] {
    timer_ = 0;
    Fail("no answer to the connection attempt");
  });
}

void PeerLink::OnEvents(uint32_t events) {
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Fail(strerror(error));
    if ((events & EPOLLOUT) == 0) return;
    OnConnected();
    return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    OnReadable();
    if (fd_ < 0) return;
  }
  if ((events & EPOLLOUT) != 0) Flush();
}

void PeerLink::OnConnected() {
  state_ = State::kGreeting;
  parser_ = FrameParser();
  const std::string hello = EncodeHello(
      {.universe = options_.universe, .from = options_.self, .to = peer_, .refusal = ""});
  // A fresh socket's buffer takes it whole.
  if (send(fd_, hello.data(), hello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size())) {
    return Fail("the hello could not be sent");
  }
  WatchWritable(false);
}

void PeerLink::OnReadable() {
  char* room = parser_.Reserve(4096);
  const ssize_t n = recv(fd_, room, 4096, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) return Fail(strerror(errno));
  if (n == 0) return Fail("the peer closed the connection");
  parser_.Wrote(n);
  // After its hello the accepting side sends nothing.
  if (state_ != State::kGreeting) return Fail("the peer sent what it should not");
  absl::string_view payload;
  absl::StatusOr<bool> complete = parser_.Next(kHelloMagic, kMaxHelloBytes, &payload);
  if (!complete.ok()) return Fail(complete.status().message());
  if (!*complete) return;
  absl::StatusOr<Hello> hello = DecodeHello(payload);
  if (!hello.ok()) return Fail(hello.status().message());
  if (!hello->refusal.empty()) return Fail(absl::StrCat("refused: ", hello->refusal));
  if (hello->from != peer_ || hello->universe != options_.universe) {
    return Fail(absl::StrCat("another node answers there: node ", hello->from.value,
                             " of universe \"", hello->universe, "\""));
  }
  loop_->Cancel(std::exchange(timer_, 0));
  state_ = State::kUp;
  backoff_us_ = options_.backoff_min_us;
  ++stats_->connects;
  if (complained_) LogInfo("node ", peer_.value, " (", address_.ToString(), ") is reachable again");
  complained_ = false;
  Flush();
}

void PeerLink::Fail(absl::string_view why) {
  if (!complained_) {
    LogWarning("no connection to node ", peer_.value, " (", address_.ToString(), "): ", why,
               "; trying again");
    complained_ = true;
  }
  CloseSocket();
  loop_->Cancel(std::exchange(timer_, 0));
  state_ = State::kWaiting;
  stats_->dropped_unreachable += lanes_[0].size() + lanes_[1].size();
  lanes_[0].clear();
  lanes_[1].clear();
  out_.clear();
  sent_ = 0;
  pending_bytes_ = 0;
  for (const Delayed& d : delayed_) {
    pending_bytes_ += d.message.payload.size() + kMessageOverhead;
  }
  // Spread, so that all do not come back at once.
  const Micros wait_us = backoff_us_ / 2 + random_.Between(0, backoff_us_ / 2);
  backoff_us_ = std::min(2 * backoff_us_, options_.backoff_max_us);
  timer_ = loop_->PostAfter(wait_us, [this] {
    timer_ = 0;
    Connect();
  });
}

void PeerLink::CloseSocket() {
  if (fd_ < 0) return;
  loop_->RemoveFd(fd_);
  close(std::exchange(fd_, -1));
  watching_writable_ = false;
}

void PeerLink::Send(Channel channel, std::string payload) {
  const size_t bytes = payload.size() + kMessageOverhead;
  if (pending_bytes_ + bytes > options_.max_outbox_bytes) {
    ++stats_->dropped_full;
    return;
  }
  Message message{channel, std::move(payload)};
  if (profile_.loss > 0 && random_.OneIn(profile_.loss)) {
    ++stats_->lost_emulated;
    return;
  }
  if (profile_.one_way_us <= 0) {
    Enqueue(std::move(message));
    return;
  }
  pending_bytes_ += bytes;
  const auto extra = static_cast<Micros>(static_cast<double>(profile_.one_way_us) *
                                         profile_.jitter * random_.NextDouble());
  last_release_us_ =
      std::max(last_release_us_, loop_->MonotonicNow() + profile_.one_way_us + extra);
  delayed_.push_back({last_release_us_, std::move(message)});
  ArmRelease();
}

void PeerLink::ArmRelease() {
  if (release_timer_ != 0 || delayed_.empty()) return;
  const Micros wait_us = std::max<Micros>(delayed_.front().release_us - loop_->MonotonicNow(), 0);
  release_timer_ = loop_->PostAfter(wait_us, [this] {
    release_timer_ = 0;
    Release();
  });
}

void PeerLink::Release() {
  const Micros now = loop_->MonotonicNow();
  while (!delayed_.empty() && delayed_.front().release_us <= now) {
    Message message = std::move(delayed_.front().message);
    delayed_.pop_front();
    pending_bytes_ -= message.payload.size() + kMessageOverhead;
    Enqueue(std::move(message));
  }
  ArmRelease();
}

void PeerLink::Enqueue(Message message) {
  const size_t bytes = message.payload.size() + kMessageOverhead;
  if (state_ != State::kUp && pending_bytes_ + bytes > options_.max_disconnected_bytes) {
    ++stats_->dropped_unreachable;
    return;
  }
  pending_bytes_ += bytes;
  lanes_[Lane(message.channel)].push_back(std::move(message));
  on_dirty_();
}

void PeerLink::Pack() {
  const size_t begin = BeginFrame(&out_);
  size_t packed = 0;
  for (auto& lane : lanes_) {
    while (!lane.empty() && out_.size() - begin < options_.frame_target_bytes) {
      AppendMessage(&out_, lane.front().channel, lane.front().payload);
      packed += lane.front().payload.size() + kMessageOverhead;
      ++stats_->messages_sent;
      lane.pop_front();
    }
  }
  FinishFrame(&out_, begin, kFrameMagic);
  pending_bytes_ = pending_bytes_ - packed + (out_.size() - begin);
}

void PeerLink::Flush() {
  if (state_ != State::kUp) return;
  for (;;) {
    if (sent_ == out_.size()) {
      pending_bytes_ -= std::min(pending_bytes_, out_.size());
      out_.clear();
      sent_ = 0;
      if (out_.capacity() > 4 * options_.frame_target_bytes) out_.shrink_to_fit();
      if (lanes_[0].empty() && lanes_[1].empty()) {
        WatchWritable(false);
        return;
      }
      Pack();
    }
    const ssize_t n = send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    ++stats_->sends;
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Fail(strerror(errno));
      WatchWritable(true);
      return;
    }
    sent_ += n;
    stats_->bytes_sent += n;
  }
}

void PeerLink::WatchWritable(bool on) {
  if (watching_writable_ == on) return;
  watching_writable_ = on;
  loop_->ModFd(fd_, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

}  // namespace isochron::runtime
