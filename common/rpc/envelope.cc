// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/envelope.h"

#include <limits>

#include "common/coding.h"

namespace isochron::rpc {
namespace {

constexpr uint8_t kVersion = 1;
constexpr Micros kMaxLeftUs = 24ll * 3600 * 1'000'000;
constexpr uint64_t kMaxCode = 16;  // the canonical codes

}  // namespace

std::string Encode(const Envelope& e) {
  std::string out;
  out.reserve(48 + e.principal.size() + e.message.size() + e.payload.size());
  Writer w(&out);
  w.Byte(kVersion);
  w.Byte(static_cast<uint8_t>(e.type));
  w.Fixed64(e.incarnation);
  w.Varint(e.id);
  if (e.type == MessageType::kRequest) {
    w.Varint(static_cast<uint64_t>(e.method));
    w.Varint(static_cast<uint64_t>(e.left_us > 0 ? e.left_us : 0));
    w.Byte(static_cast<uint8_t>(e.priority));
    w.Bytes(e.principal);
  } else if (e.type == MessageType::kResponse) {
    w.Varint(static_cast<uint64_t>(e.code));
    w.Bytes(e.message);
  }
  w.Raw(e.payload);
  return out;
}

bool Decode(absl::string_view bytes, Envelope* e) {
  Reader r(bytes);
  uint8_t version = 0;
  uint8_t type = 0;
  if (!r.Byte(&version) || version != kVersion || !r.Byte(&type)) return false;
  if (!r.Fixed64(&e->incarnation) || !r.Varint(&e->id) || e->id == 0) return false;
  e->type = static_cast<MessageType>(type);
  switch (e->type) {
    case MessageType::kRequest: {
      uint64_t method = 0;
      uint64_t left = 0;
      uint8_t priority = 0;
      if (!r.Varint(&method) || !r.Varint(&left) || !r.Byte(&priority) || !r.Bytes(&e->principal)) {
        return false;
      }
      if (method > std::numeric_limits<uint16_t>::max()) return false;
      if (left > static_cast<uint64_t>(kMaxLeftUs)) return false;
      if (priority > static_cast<uint8_t>(Priority::kHigh)) return false;
      e->method = static_cast<Method>(method);
      e->left_us = static_cast<Micros>(left);
      e->priority = static_cast<Priority>(priority);
      break;
    }
    case MessageType::kResponse: {
      uint64_t code = 0;
      if (!r.Varint(&code) || code > kMaxCode || !r.Bytes(&e->message)) return false;
      e->code = static_cast<int>(code);
      break;
    }
    case MessageType::kCancel:
      return r.AtEnd();
    default:
      return false;
  }
  e->payload.assign(r.rest().data(), r.rest().size());
  return true;
}

}  // namespace isochron::rpc
