// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/address.h"

#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/runtime/errno_status.h"

namespace isochron::runtime {

std::string HostPort::ToString() const {
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  HostPort out;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &out.port) ||
      out.port < 0 || out.port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a HOST:PORT address"));
  }
  absl::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": put an IPv6 address in brackets, as in [::1]:7400"));
  }
  out.host = std::string(host);
  return out;
}

absl::StatusOr<SocketAddress> Resolve(const HostPort& address, bool numeric_only) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0) |
                   (address.host.empty() ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot resolve ", address.ToString(), ": ", gai_strerror(error)));
  }
  SocketAddress out;
  memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  freeaddrinfo(found);
  return out;
}

absl::StatusOr<Listener> Listen(const HostPort& address) {
  ISO_ASSIGN_OR_RETURN(const SocketAddress where, Resolve(address, false));
  const int fd = socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus("cannot make a socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0 ||
      listen(fd, 1024) != 0) {
    const int error = errno;
    close(fd);
    if (error == EADDRINUSE) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address.ToString(),
                       ": another process has the port; stop it or choose another port"));
    }
    return ErrnoStatus(absl::StrCat("cannot listen on ", address.ToString()), error);
  }
  Listener out{fd, address};
  SocketAddress got;
  got.size = sizeof(got.storage);
  getsockname(fd, reinterpret_cast<sockaddr*>(&got.storage), &got.size);
  out.address.port = ntohs(got.storage.ss_family == AF_INET6
                               ? reinterpret_cast<const sockaddr_in6*>(&got.storage)->sin6_port
                               : reinterpret_cast<const sockaddr_in*>(&got.storage)->sin_port);
  return out;
}

void CloseListener(const Listener& listener) { close(listener.fd); }

}  // namespace isochron::runtime
