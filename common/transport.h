// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_TRANSPORT_H_
#define ISOCHRON_COMMON_TRANSPORT_H_

// The Transport seam: fire-and-forget messages between nodes.
//
// A message may be lost, late, doubled or out of order; never altered. Send never blocks: a full
// outbox drops (bounded memory, rule 38), senders retry by their own timers. All channels and
// groups share one stream a peer; the real transport packs what one loop turn sends into one write.
// A message to oneself is delivered through the Executor, without a socket.

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron {

enum class Channel : uint8_t {
  kLease = 0,  // node-pair lease support; sent first (rule 38)
  kPaxos = 1,
  kRpc = 2,
  kSafeTime = 3,  // promises of idle groups, for all groups of a node pair at once
};
inline constexpr int kNumChannels = 4;

class Transport {
 public:
  // `payload` is valid during the call only. Runs on the Executor.
  using Handler = absl::AnyInvocable<void(NodeId from, absl::string_view payload)>;

  virtual ~Transport() = default;
  virtual NodeId self() const = 0;
  virtual void Send(NodeId to, Channel channel, std::string payload) = 0;
  // One handler a channel, set before the first message can arrive.
  virtual void SetHandler(Channel channel, Handler handler) = 0;
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_TRANSPORT_H_
