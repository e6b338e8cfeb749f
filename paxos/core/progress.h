// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_PROGRESS_H_
#define ISOCHRON_PAXOS_CORE_PROGRESS_H_

// What a leader knows of one follower's log.

#include <cstdint>
#include <deque>
#include <utility>

#include "common/types.h"

namespace isochron::paxos {

struct Progress {
  enum class State : uint8_t {
    kProbe,      // position unknown: one message at a time
    kReplicate,  // pipelined: sends ahead of the acknowledgments
    kSnapshot,   // needs entries that are truncated: waits for the driver
  };

  State state = State::kProbe;
  uint64_t id = 0;           // the follower's life
  Micros left_at = 0;        // it is in no configuration any more, since then
  LogIndex match = 0;        // durable at the follower, at the leader's ballot
  LogIndex next = 1;         // first index to send
  LogIndex chosen = 0;       // that the follower acknowledged knowing
  LogIndex told_chosen = 0;  // that it was sent
  LogIndex kept = 0;         // durable there, and durably known to be chosen (rule 29)
  bool known = false;        // match was told by the follower at this ballot
  bool waiting = false;      // kProbe: a message is out
  Micros heard_at = 0;       // of progress
  Micros sent_at = 0;
  std::deque<std::pair<LogIndex, size_t>> inflight;  // (last index, bytes) of each message
  size_t inflight_bytes = 0;

  void Sent(LogIndex last, size_t bytes) {
    inflight.emplace_back(last, bytes);
    inflight_bytes += bytes;
  }
  void Acked(LogIndex upto) {
    while (!inflight.empty() && inflight.front().first <= upto) {
      inflight_bytes -= inflight.front().second;
      inflight.pop_front();
    }
  }
  // Falls back to one message at a time from match + 1.
  void Probe() {
    state = State::kProbe;
    if (known) next = match + 1;
    waiting = false;
    inflight.clear();
    inflight_bytes = 0;
  }
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_PROGRESS_H_
