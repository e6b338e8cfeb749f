// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/wait_for.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr size_t kReadAheadBytes = 256 << 10;  // while a statement runs
constexpr int64_t kFreeBytes = 64 << 10;       // that are not counted
constexpr size_t kHighWaterBytes = 64 << 10;   // output that may wait
constexpr int kMessagesAtOnce = 64;            // then others have their turn
constexpr Micros kPatienceUs = 600'000'000;    // with a client that reads no answers
constexpr Micros kLingerUs = 10'000'000;       // for a client to take the last words

absl::Status WrongPassword(const std::string& user) {
  return sql::SqlError(kWrongPassword,
                       absl::StrCat("password authentication failed for user \"", user, "\""), -1,
                       "Passwords are those of roles (CREATE ROLE ... LOGIN PASSWORD), and of the "
                       "file of --pg-users.");
}

absl::Status NoPasswords() {
  return sql::SqlError(
      "28000", "clients of other machines are not let in, because this node knows no passwords", -1,
      "Give a role a password, give the node a file of users with --pg-users, or connect on the "
      "machine itself.");
}

}  // namespace

Connection::Connection(Host* host, int fd, uint32_t process, uint32_t secret, bool trusted,
                       Options options)
    : host_(host),
      fd_(fd),
      process_(process),
      secret_(secret),
      trusted_(trusted),
      options_(options),
      reader_(options.max_message_bytes),
      writable_(host->loop()) {
  startup_timer_ = host_->loop()->PostAfter(options_.startup_timeout_us, [this] {
    startup_timer_ = 0;
    Gone();
  });
  watched_ = EPOLLIN | EPOLLRDHUP;
  host_->loop()->AddFd(fd_, watched_, [this](uint32_t events) { OnEvents(events); });
}

Connection::~Connection() {
  scope_.Clear();
  host_->loop()->Cancel(startup_timer_);
  host_->loop()->Cancel(idle_timer_);
  Unwatch();
  close(fd_);
  if (charged_ > 0) host_->memory()->Release(charged_);
}

void Connection::OnEvents(uint32_t events) {
  if (closing_) return;
  if (events & (EPOLLERR | EPOLLHUP)) return Gone();
  if (events & EPOLLOUT) Flush();
  // What came before the end of the stream is read first; its end then reads as nothing.
  if (events & (EPOLLIN | EPOLLRDHUP)) OnReadable();
}

void Connection::OnReadable() {
  if (closing_ || gone_) return;
  size_t room = 0;
  char* const scratch = host_->scratch(&room);
  const ssize_t n = recv(fd_, scratch, room, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return Gone();
  if (ending_) return;  // its answer is on the way out
  const size_t before = reader_.buffered();
  if (!Take(absl::string_view(scratch, static_cast<size_t>(n)))) return;
  // Nothing but the handshake's.
  if (tls_ != nullptr && reader_.buffered() == before) return Flush();
  if (absl::Status charged = ChargeHeld(); !charged.ok()) return Refuse(charged);
  Watch();
  if (serving_) return;
  serving_ = true;
  host_->Arrived(this);
}

bool Connection::Take(absl::string_view bytes) {
  if (tls_ == nullptr) {
    reader_.Append(bytes);
    return true;
  }
  std::string plain;
  const absl::Status status = tls_->Receive(bytes, &plain);
  reader_.Append(plain);
  if (status.ok()) return true;
  // An alert tells the client why, where there is one.
  Flush();
  Gone();
  return false;
}

bool Connection::Fill() {
  sent_ = 0;
  sending_ = out_.Take();
  if (tls_ == nullptr) return true;
  if (!sending_.empty() && !tls_->Send(sending_).ok()) {
    Gone();
    return false;
  }
  if (ending_ && !serving_) tls_->Close();
  sending_ = tls_->TakeOutput();
  return true;
}

absl::Status Connection::ChargeHeld() {
  MemoryBudget* const memory = host_->memory();
  if (memory == nullptr) return absl::OkStatus();
  // A message is there once more in what is made of it.
  const size_t kept = conversation_ ? conversation_->held_bytes() : 0;
  const int64_t held = static_cast<int64_t>(reader_.capacity() + 2 * message_bytes_ + kept);
  const int64_t wanted = held > kFreeBytes ? held : 0;
  if (wanted > charged_) {
    ISO_RETURN_IF_ERROR(memory->Charge(wanted - charged_));
  } else {
    memory->Release(charged_ - wanted);
  }
  charged_ = wanted;
  return absl::OkStatus();
}

void Connection::Watch() {
  if (closing_ || !watching_) return;
  const bool full = serving_ && reader_.buffered() >= kReadAheadBytes;
  // Of a full one a lost connection still shows as an error.
  uint32_t events = full ? 0 : EPOLLIN | EPOLLRDHUP;
  if (sent_ < sending_.size()) events |= EPOLLOUT;
  if (events == watched_) return;
  watched_ = events;
  host_->loop()->ModFd(fd_, events);
}

void Connection::Unwatch() {
  if (std::exchange(watching_, false)) host_->loop()->RemoveFd(fd_);
}

void Connection::Gone() {
  if (std::exchange(gone_, true)) return;
  Unwatch();
  if (conversation_) conversation_->Cancel();
  writable_.NotifyAll();
  if (!serving_) CloseSoon();
}

void Connection::CloseSoon() {
  if (std::exchange(closing_, true)) return;
  host_->Closed(this);
}

void Connection::Refuse(const absl::Status& status) {
  if (conversation_) {
    conversation_->End(status);
    conversation_->Cancel();
  } else {
    out_.Error(ReportOf(status, "FATAL"));
  }
  ending_ = true;
  Flush();
}

void Connection::Cancel() {
  if (conversation_) conversation_->Cancel();
}

void Connection::Terminate(const absl::Status& why) {
  if (terminate_.ok()) terminate_ = why;
  if (serving_ || closing_) return;
  Refuse(terminate_);
}

void Connection::Flush() {
  if (closing_) return;
  if (gone_) {
    (void)out_.Take();
    return;
  }
  for (;;) {
    if (sent_ == sending_.size()) {
      if (!Fill()) return;
      if (sending_.empty()) break;
    }
    const ssize_t n =
        send(fd_, sending_.data() + sent_, sending_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return Gone();
    sent_ += static_cast<size_t>(n);
  }
  const bool all = sent_ == sending_.size();
  if (all) writable_.NotifyAll();
  Watch();
  if (!ending_ || serving_) return;
  if (all) return CloseSoon();
  if (startup_timer_ == 0) {
    startup_timer_ = host_->loop()->PostAfter(kLingerUs, [this] {
      startup_timer_ = 0;
      Gone();
    });
  }
}

Task<bool> Connection::Drain(Ctx ctx) {
  Flush();
  const WakeOnCancel wake(ctx, &writable_);
  bool in_time = true;
  while (in_time && !gone_ && !ctx->cancelled() &&
         sending_.size() - sent_ + out_.size() > kHighWaterBytes) {
    in_time = co_await writable_.WaitUntil(ctx->deadline_us());
  }
  co_return in_time && !gone_ && !ctx->cancelled();
}

void Connection::Serve() {
  if (closing_) return;
  scope_.Spawn(Run());
}

Task<void> Connection::Run() {
  int served = 0;
  while (!gone_ && !ending_ && terminate_.ok()) {
    Message message;
    const absl::StatusOr<bool> next = reader_.Next(&message);
    if (!next.ok()) {
      Refuse(next.status());
      break;
    }
    if (!*next) break;
    message_bytes_ = message.body.size();
    if (absl::Status charged = ChargeHeld(); !charged.ok()) {
      Refuse(charged);
      break;
    }
    Watch();
    if (scram_ != nullptr) {
      co_await ServePassword(std::move(message));
    } else if (conversation_ == nullptr) {
      co_await ServeStartup(std::move(message.body));
    } else {
      co_await conversation_->Handle(std::move(message), reader_.SyncIsNext());
      ending_ = ending_ || conversation_->ended();
    }
    message_bytes_ = 0;
    if (absl::Status charged = ChargeHeld(); !charged.ok()) {
      Refuse(charged);
      break;
    }
    if (sending_.size() - sent_ + out_.size() > kHighWaterBytes) {
      const bool taken = co_await Drain(
          std::make_shared<RequestContext>(host_->loop()->MonotonicNow() + kPatienceUs));
      if (!taken) Gone();
    }
    if (++served % kMessagesAtOnce == 0) co_await SleepFor(host_->loop(), 0);
  }
  serving_ = false;
  if (gone_) co_return CloseSoon();
  if (!terminate_.ok() && !ending_) Refuse(terminate_);
  if (conversation_ && !ending_) AwaitClient();
  Flush();
  Watch();
}

void Connection::AwaitClient() {
  const Micros limit = conversation_->idle_limit_us();
  if (limit <= 0) return;
  // One timer for many messages: it looks when it fires.
  idle_since_ = host_->loop()->MonotonicNow();
  if (idle_timer_ != 0 && idle_until_ <= idle_since_ + limit) return;
  host_->loop()->Cancel(idle_timer_);
  idle_until_ = idle_since_ + limit;
  idle_timer_ = host_->loop()->PostAfter(limit, [this] { OnIdleTimer(); });
}

void Connection::OnIdleTimer() {
  idle_timer_ = 0;
  const Micros limit = conversation_->idle_limit_us();
  if (serving_ || ending_ || closing_ || gone_ || limit <= 0) return;
  idle_until_ = idle_since_ + limit;
  const Micros left = idle_until_ - host_->loop()->MonotonicNow();
  if (left <= 0) return Terminate(conversation_->IdleTooLong());
  idle_timer_ = host_->loop()->PostAfter(left, [this] { OnIdleTimer(); });
}

Task<void> Connection::ServeStartup(std::string body) {
  absl::StatusOr<StartupPacket> packet = ReadStartup(body);
  if (!packet.ok()) {
    Refuse(packet.status());
    co_return;
  }
  switch (packet->kind) {
    case StartupPacket::Kind::kTls:
    case StartupPacket::Kind::kGss:
      co_return ServeEncryption(packet->kind == StartupPacket::Kind::kTls);
    case StartupPacket::Kind::kCancel:
      host_->CancelRequest(packet->process, packet->secret);
      ending_ = true;
      co_return;
    case StartupPacket::Kind::kStart:
      co_await Begin(*std::move(packet));
  }
}

void Connection::ServeEncryption(bool tls) {
  // What came behind it was meant for after the answer: a client that does that is not one.
  if (reader_.buffered() > 0) {
    return Refuse(sql::SqlError(kProtocolViolation, "received unencrypted data after SSL request"));
  }
  std::shared_ptr<const TlsIdentity> identity;
  if (tls && tls_ == nullptr) identity = host_->tls();
  out_.buffer()->push_back(identity != nullptr ? 'S' : 'N');
  Flush();
  if (identity != nullptr) tls_ = std::make_unique<TlsSession>(std::move(identity));
}

Task<void> Connection::Begin(StartupPacket packet) {
  if (absl::Status status = host_->MayStart(*this); !status.ok()) {
    Refuse(status);
    co_return;
  }
  packet_ = std::move(packet);
  if (packet_.minor > 0 || !packet_.unknown_options.empty()) {
    out_.NegotiateProtocolVersion(0, packet_.unknown_options);
  }
  const Users* const users = host_->users();
  if (users == nullptr && trusted_) co_return co_await LetIn();
  const std::string user = packet_.Parameter("user");
  const absl::Status text = CheckText(user);
  if (!text.ok() || user.empty()) {
    Refuse(text.ok() ? NoUser() : text);
    co_return;
  }
  ScramVerifier verifier = (users != nullptr ? users : host_->nobody())->Find(user);
  if (users == nullptr || !users->Has(user)) {
    const absl::StatusOr<sql::Login> login = co_await host_->FindLogin(user);
    if (!login.ok() || (users == nullptr && !login->passwords)) {
      Refuse(login.ok() ? NoPasswords() : login.status());
      co_return;
    }
    if (auto known = ParseVerifier(login->verifier); known.ok()) verifier = *std::move(known);
  }
  reader_.Started(true);
  scram_ =
      std::make_unique<ScramExchange>(std::move(verifier), host_->RandomBytes(kScramNonceBytes),
                                      tls_ != nullptr ? tls_->end_point() : "");
  out_.AuthenticationSaslMechanisms(scram_->mechanisms());
  Flush();
}

Task<void> Connection::ServePassword(Message message) {
  if (message.type == 'X') {
    ending_ = true;
    co_return;
  }
  absl::StatusOr<std::string> answer =
      message.type != 'p' ? sql::SqlError(kProtocolViolation, "a password is expected")
      : scram_begun_      ? scram_->Final(message.body)
                          : scram_->Begin(message.body);
  if (!answer.ok()) {
    Refuse(sql::SqlStateOf(answer.status()) == kWrongPassword
               ? WrongPassword(packet_.Parameter("user"))
               : answer.status());
    co_return;
  }
  out_.AuthenticationSasl(scram_begun_ ? kSaslFinal : kSaslContinue, *answer);
  if (std::exchange(scram_begun_, true)) co_return co_await LetIn();
  Flush();
}

Task<void> Connection::LetIn() {
  scram_ = nullptr;
  // Others may have come in meanwhile.
  if (absl::Status status = host_->MayStart(*this); !status.ok()) {
    Refuse(status);
    co_return;
  }
  host_->loop()->Cancel(std::exchange(startup_timer_, 0));
  reader_.Started();
  conversation_ = host_->NewConversation(this, &out_);
  host_->Started(this);
  co_await conversation_->Start(std::exchange(packet_, {}).parameters, process_, secret_);
  ending_ = ending_ || conversation_->ended();
}

}  // namespace isochron::pgwire
