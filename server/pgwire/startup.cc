// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/startup.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

// First words of a packet.
constexpr int32_t kCancelRequest = 80877102;
constexpr int32_t kSslRequest = 80877103;
constexpr int32_t kGssRequest = 80877104;
constexpr int kMajor = 3;

absl::Status ReadParameters(BodyReader* in, StartupPacket* out) {
  while (in->ok()) {
    std::string name(in->CString());
    if (name.empty()) break;
    std::string value(in->CString());
    if (absl::StartsWith(name, "_pq_.")) {
      out->unknown_options.push_back(std::move(name));
    } else {
      out->parameters.emplace_back(std::move(name), std::move(value));
    }
  }
  if (in->Finish().ok()) return absl::OkStatus();
  return sql::SqlError(kProtocolViolation,
                       "invalid startup packet layout: expected terminator as last byte");
}

}  // namespace

absl::Status NoUser() {
  return sql::SqlError("28000", "no PostgreSQL user name specified in startup packet");
}

std::string StartupPacket::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return "";
}

absl::StatusOr<StartupPacket> ReadStartup(absl::string_view body) {
  BodyReader in(body);
  StartupPacket out;
  const int32_t code = in.Int32();
  if (!in.ok()) return in.Finish();
  if (code == kSslRequest || code == kGssRequest) {
    out.kind = code == kSslRequest ? StartupPacket::Kind::kTls : StartupPacket::Kind::kGss;
    ISO_RETURN_IF_ERROR(in.Finish());
    return out;
  }
  if (code == kCancelRequest) {
    out.kind = StartupPacket::Kind::kCancel;
    out.process = static_cast<uint32_t>(in.Int32());
    out.secret = static_cast<uint32_t>(in.Int32());
    ISO_RETURN_IF_ERROR(in.Finish());
    return out;
  }
  const int major = code >> 16;
  out.minor = code & 0xFFFF;
  if (major != kMajor) {
    return sql::SqlError(sql::sqlstate::kUnsupported,
                         absl::StrCat("unsupported frontend protocol ", major, ".", out.minor,
                                      ": server supports 3.0 to 3.0"));
  }
  ISO_RETURN_IF_ERROR(ReadParameters(&in, &out));
  return out;
}

}  // namespace isochron::pgwire
