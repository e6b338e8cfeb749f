// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_GROUP_STATUS_H_
#define ISOCHRON_TXN_GATEWAY_GROUP_STATUS_H_

// From a group's answer to what a client is told.

#include "absl/status/status.h"
#include "common/request_context.h"
#include "proto/peer.pb.h"
#include "txn/api/reasons.h"

namespace isochron::txn {

// Of an answer that is neither GROUP_OK nor WRONG_RANGE.
inline absl::Status ToStatus(const peer::GroupResponse& r) {
  switch (r.error()) {
    case peer::TXN_ABORTED:
      return absl::AbortedError(r.message());
    case peer::LOCK_TIMEOUT:
      return LockTimeout(r.message());
    case peer::DISK_FULL:
      return DiskFull(r.message());
    case peer::VERSIONS_GONE:
      return VersionsGone(r.message());
    case peer::TXN_UNKNOWN:
      return absl::UnknownError(r.message());
    case peer::REFUSED: {
      const bool canonical = r.code() > 0 && r.code() <= 16;
      return absl::Status(
          canonical ? static_cast<absl::StatusCode>(r.code()) : absl::StatusCode::kInternal,
          r.message());
    }
    default:
      return absl::UnavailableError(r.message());
  }
}

inline LatencyAccount ToAccount(const peer::Latency& l) {
  LatencyAccount a;
  a.queue_us = l.queue_us();
  a.lock_wait_us = l.lock_wait_us();
  a.paxos_us = l.paxos_us();
  a.two_pc_us = l.two_pc_us();
  a.commit_wait_hidden_us = l.commit_wait_hidden_us();
  a.commit_wait_exposed_us = l.commit_wait_exposed_us();
  return a;
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_GROUP_STATUS_H_
