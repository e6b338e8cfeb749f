// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_RPC_ENVELOPE_H_
#define ISOCHRON_COMMON_RPC_ENVELOPE_H_

// The frame around a request, an answer or a cancel between nodes.
//
//   version (1 byte), type (1 byte), incarnation of the caller (fixed64), id (varint), then
//   request:   method (varint), microseconds left (varint), priority (1 byte), principal (bytes),
//              payload (the rest)
//   response:  status code (varint), message (bytes), payload (the rest)
//   cancel:    nothing
//
// An answer carries the incarnation of the caller, so that it never finds a call of the next
// process of the same node.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/request_context.h"
#include "common/types.h"

namespace isochron::rpc {

enum class Method : uint16_t {
  kNone = 0,
  kGroupRequest = 1,   // peer.GroupRequest -> peer.GroupResponse
  kSnapshotChunk = 2,  // a part of a group's snapshot
  kNodeInfo = 3,       // what a node tells of itself to the system tables
  kNewReplica = 4,     // peer.GroupDescriptor -> peer.Replica: begins a blank replica
  kSpace = 10,         // whether a node has room to lead, and the group named, if any
};

enum class MessageType : uint8_t { kRequest = 1, kResponse = 2, kCancel = 3 };

struct Envelope {
  MessageType type = MessageType::kRequest;
  uint64_t incarnation = 0;
  uint64_t id = 0;
  // Requests.
  Method method = Method::kNone;
  Micros left_us = 0;
  Priority priority = Priority::kNormal;
  std::string principal;
  // Responses.
  int code = 0;
  std::string message;

  std::string payload;
};

std::string Encode(const Envelope& envelope);
// False for anything that Encode did not write.
bool Decode(absl::string_view bytes, Envelope* envelope);

}  // namespace isochron::rpc

#endif  // ISOCHRON_COMMON_RPC_ENVELOPE_H_
