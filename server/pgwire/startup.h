// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_STARTUP_H_
#define ISOCHRON_SERVER_PGWIRE_STARTUP_H_

// The packets without a type with which a connection begins (protocol 3.0, "Start-up"): a request
// for encryption, one to cancel another connection's statement, or who the client is. Pure.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::pgwire {

struct StartupPacket {
  enum class Kind { kTls, kGss, kCancel, kStart };
  Kind kind = Kind::kStart;
  // kCancel
  uint32_t process = 0;
  uint32_t secret = 0;
  // kStart: the minor version of 3, the parameters, and the protocol's options that nobody knows.
  int minor = 0;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::string> unknown_options;

  // Empty when it is not there.
  std::string Parameter(absl::string_view name) const;
};

// 28000: it does not say who the client is.
absl::Status NoUser();

// 08P01 when it makes no sense, 0A000 for another version of the protocol.
absl::StatusOr<StartupPacket> ReadStartup(absl::string_view body);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_STARTUP_H_
