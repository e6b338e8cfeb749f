// SPDX-License-Identifier: Apache-2.0
#include "server/main/version.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "server/config/config.h"
#include "server/runtime/data_folder.h"
#include "server/runtime/tcp_frame.h"

namespace isochron::server {

int RunVersion(const std::vector<std::string>& args) {
  config::Settings settings({{"json", config::Kind::kBool, "false", "print one JSON object"}});
  const absl::Status status = settings.Load(args, {});
  if (!status.ok() || !settings.positional().empty()) {
    std::cerr << "isochron version: "
              << (status.ok() ? "takes no arguments but --json" : status.message()) << "\n";
    return 2;
  }
  if (settings.Bool("json")) {
    std::cout << nlohmann::json{{"version", kVersion},
                                {"data_format", runtime::kDataFormatVersion},
                                {"peer_protocol", runtime::kPeerProtocolVersion}}
              << "\n";
  } else {
    std::cout << "isochron " << kVersion << " (data format " << runtime::kDataFormatVersion
              << ", peer protocol " << runtime::kPeerProtocolVersion << ")\n";
  }
  return 0;
}

}  // namespace isochron::server
