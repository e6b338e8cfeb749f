// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_REASONS_H_
#define ISOCHRON_TXN_API_REASONS_H_

// Failures that clients tell apart although they share a canonical code with others.
//
//   LockTimeout  the locks of a read were not free within RequestContext::lock_timeout_us. Nothing
//                happened; the transaction's earlier locks are still held. PostgreSQL's 55P03.
//   DiskFull     the leader's disk is down to its reserve: new writes are refused there, at their
//                first lock; what was begun before goes on. PostgreSQL's 53100.
//   VersionsGone the read timestamp is older than the versions that are kept; the message names the
//                earliest that is left. PostgreSQL's 72000.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace isochron::txn {

// RequestContext::lock_timeout_us of a read that takes its locks at once or not at all: a conflict
// is a LockTimeout, nobody is waited for and nobody wounded (NOWAIT, SKIP LOCKED).
inline constexpr int64_t kNoWaitForLocks = -1;

inline constexpr char kLockTimeoutUrl[] = "isochron/lock-timeout";
inline constexpr char kDiskFullUrl[] = "isochron/disk-full";
inline constexpr char kVersionsGoneUrl[] = "isochron/versions-gone";

inline absl::Status LockTimeout(absl::string_view message) {
  absl::Status status = absl::DeadlineExceededError(message);
  status.SetPayload(kLockTimeoutUrl, absl::Cord("1"));
  return status;
}
inline bool IsLockTimeout(const absl::Status& status) {
  return status.GetPayload(kLockTimeoutUrl).has_value();
}

inline absl::Status DiskFull(absl::string_view message) {
  absl::Status status = absl::ResourceExhaustedError(message);
  status.SetPayload(kDiskFullUrl, absl::Cord("1"));
  return status;
}
inline bool IsDiskFull(const absl::Status& status) {
  return status.GetPayload(kDiskFullUrl).has_value();
}

inline absl::Status VersionsGone(absl::string_view message) {
  absl::Status status = absl::FailedPreconditionError(message);
  status.SetPayload(kVersionsGoneUrl, absl::Cord("1"));
  return status;
}
inline bool IsVersionsGone(const absl::Status& status) {
  return status.GetPayload(kVersionsGoneUrl).has_value();
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_REASONS_H_
