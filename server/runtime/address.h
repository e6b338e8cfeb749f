// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_ADDRESS_H_
#define ISOCHRON_SERVER_RUNTIME_ADDRESS_H_

// "host:port" addresses and listening sockets. An IPv6 host stands in brackets: "[::1]:7400".

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::runtime {

struct HostPort {
  std::string host;  // without brackets; empty means every interface, when listening
  int port = 0;

  std::string ToString() const;
};

// INVALID_ARGUMENT with what is wrong.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Looks a name up. Blocks on the network unless `numeric_only`, which then fails for names.
absl::StatusOr<SocketAddress> Resolve(const HostPort& address, bool numeric_only);

// A non-blocking listening TCP socket, and the address it got (port 0: any free one).
// UNAVAILABLE when the port is taken.
struct Listener {
  int fd = -1;
  HostPort address;
};
absl::StatusOr<Listener> Listen(const HostPort& address);
void CloseListener(const Listener& listener);

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_ADDRESS_H_
