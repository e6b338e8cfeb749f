// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/statements.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/value_codec.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::pgwire {
namespace {

absl::StatusOr<Formats> ReadFormats(BodyReader* in) {
  const int count = in->Int16();
  Formats out;
  for (int i = 0; i < count && in->ok(); ++i) {
    out.push_back(in->Int16());
    if (out.back() != 0 && out.back() != 1) {
      return sql::SqlError(sql::sqlstate::kInvalidParameter,
                           absl::StrCat("unsupported format code: ", out.back()));
    }
  }
  if (count < 0 || !in->ok()) return sql::SqlError(kProtocolViolation, "invalid message format");
  return out;
}

absl::Status CheckFormats(const Formats& formats, size_t wanted, absl::string_view what) {
  if (formats.size() < 2 || formats.size() == wanted) return absl::OkStatus();
  return sql::SqlError(kProtocolViolation,
                       absl::StrCat("bind message has ", formats.size(), " ", what, " formats but ",
                                    wanted, " ", what, "s"));
}

absl::Status InParameter(const absl::Status& status, size_t i) {
  return sql::SqlError(sql::SqlStateOf(status),
                       absl::StrCat(status.message(), " (parameter $", i + 1, ")"));
}

// As much as it takes, about.
size_t BytesOf(const std::string& name, const Portal& p) {
  size_t bytes = sizeof(Portal) + name.size() + p.formats.size() * sizeof(int16_t);
  for (const auto& param : p.params) {
    bytes += sizeof(param) + static_cast<size_t>(param.value.MemoryBytes());
  }
  return bytes;
}

}  // namespace

absl::StatusOr<Portal*> Portals::AddPortal(const std::string& name,
                                           std::shared_ptr<Portal> portal) {
  if (!name.empty() && portals_.contains(name)) {
    return sql::SqlError("42P03", absl::StrCat("cursor \"", name, "\" already exists"));
  }
  ClosePortal(name);
  portal->bytes = BytesOf(name, *portal);
  if (portals_.size() >= kMaxCount || portal_bytes_ > kMaxPortalBytes) {
    return sql::SqlError(sql::sqlstate::kProgramLimit, "the connection keeps too many portals", -1,
                         "Close those that are not used any more.");
  }
  portal_bytes_ += portal->bytes;
  std::shared_ptr<Portal>& slot = portals_[name];
  slot = std::move(portal);
  return slot.get();
}

void Portals::ClosePortal(const std::string& name) {
  auto it = portals_.find(name);
  if (it == portals_.end()) return;
  portal_bytes_ -= it->second->bytes;
  portals_.erase(it);
}

void Portals::ClosePortals() {
  portals_.clear();
  portal_bytes_ = 0;
}

absl::StatusOr<std::shared_ptr<Portal>> Portals::FindPortal(const std::string& name) const {
  auto it = portals_.find(name);
  if (it != portals_.end()) return it->second;
  return sql::SqlError("34000", absl::StrCat("portal \"", name, "\" does not exist"));
}

absl::Status ReadBind(BodyReader* in, const sql::TimeContext& time,
                      const std::string& statement_name, const Statement& statement, Portal* out) {
  ISO_ASSIGN_OR_RETURN(const Formats formats, ReadFormats(in));
  const int count = in->Int16();
  if (count < 0 || !in->ok()) return sql::SqlError(kProtocolViolation, "invalid message format");
  const size_t wanted = statement.params.size();
  if (static_cast<size_t>(count) != wanted) {
    return sql::SqlError(kProtocolViolation, absl::StrCat("bind message supplies ", count,
                                                          " parameters, but prepared statement \"",
                                                          statement_name, "\" requires ", wanted));
  }
  ISO_RETURN_IF_ERROR(CheckFormats(formats, wanted, "parameter"));
  out->params.reserve(wanted);
  for (size_t i = 0; i < wanted; ++i) {
    const int32_t size = in->Int32();
    sql::TypedDatum param{statement.params[i], sql::Datum::Null()};
    if (size >= 0) {
      const absl::string_view bytes = in->Bytes(size);
      if (!in->ok()) break;
      const int16_t format = FormatAt(formats, i);
      const sql::Type sent = TypeOfOid(statement.oids[i]);
      const bool made =
          sql::EnumOf(param.type) != nullptr && sql::OidOf(param.type) == statement.oids[i];
      if (format == 1 && sent == sql::Type::kUnknown && statement.oids[i] != 0 && !made) {
        return sql::SqlError(sql::sqlstate::kUnsupported,
                             absl::StrCat("parameter $", i + 1, " is in the binary format of type ",
                                          statement.oids[i], ", which is not supported"),
                             -1, "Send it as text.");
      }
      // In binary a value is of the type that its sender had in mind.
      if (format == 1 && sent != sql::Type::kUnknown) param.type = sent;
      const bool changes = sql::EnumOf(param.type) != nullptr;
      auto value = changes ? DecodeText(param.type, format, bytes)
                           : DecodeValue(param.type, format, bytes, time);
      if (changes) param.type = sql::Type::kUnknown;
      if (!value.ok()) return InParameter(value.status(), i);
      param.value = *std::move(value);
    }
    out->params.push_back(std::move(param));
  }
  ISO_ASSIGN_OR_RETURN(out->formats, ReadFormats(in));
  ISO_RETURN_IF_ERROR(in->Finish());
  return CheckFormats(out->formats, statement.description.columns.size(), "result");
}

}  // namespace isochron::pgwire
