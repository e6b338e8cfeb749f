// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_REQUEST_CONTEXT_H_
#define ISOCHRON_COMMON_REQUEST_CONTEXT_H_

// What every request carries through all layers and hops (design.md section 4): deadline, cancel
// token, principal, priority, memory account, latency account.
//
// Made once at a door, shared by everything that works for the request. Loop-thread only, but for
// Cancel flags set through the Executor. Rpc calls carry deadline, priority and principal on.

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/types.h"

namespace isochron {

// Where one request's time went, in microseconds (interfaces.md, `bench`).
struct LatencyAccount {
  Micros queue_us = 0;
  Micros lock_wait_us = 0;
  Micros paxos_us = 0;
  Micros two_pc_us = 0;
  Micros commit_wait_hidden_us = 0;   // overlapped with replication
  Micros commit_wait_exposed_us = 0;  // what the client waited for in addition

  void Add(const LatencyAccount& o) {
    queue_us += o.queue_us;
    lock_wait_us += o.lock_wait_us;
    paxos_us += o.paxos_us;
    two_pc_us += o.two_pc_us;
    commit_wait_hidden_us += o.commit_wait_hidden_us;
    commit_wait_exposed_us += o.commit_wait_exposed_us;
  }
};

// Bytes that all statements and open transactions of one node may hold together. Loop-thread only.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit_bytes) : limit_(limit_bytes) {}
  // RESOURCE_EXHAUSTED; never waits.
  absl::Status Charge(int64_t bytes) {
    if (used_ + bytes > limit_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("statements and open transactions of this node hold ", used_,
                       " bytes of memory, and the limit (--memory-limit) is ", limit_,
                       "; try again when some have ended, or use another node"));
    }
    used_ += bytes;
    return absl::OkStatus();
  }
  void Release(int64_t bytes) { used_ -= bytes; }
  int64_t used() const { return used_; }

 private:
  const int64_t limit_;
  int64_t used_ = 0;
};

// Bytes a request may hold. Charge refuses with RESOURCE_EXHAUSTED, it never waits.
class MemoryAccount {
 public:
  explicit MemoryAccount(int64_t limit_bytes) : limit_(limit_bytes) {}
  ~MemoryAccount() {
    if (node_) node_->Release(used_);
  }
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // Before the first Charge. What it holds counts for the node's budget as well.
  void Attach(int64_t limit_bytes, std::shared_ptr<MemoryBudget> node) {
    limit_ = limit_bytes;
    node_ = std::move(node);
  }
  absl::Status Charge(int64_t bytes) {
    if (used_ + bytes > limit_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the statement needs more than its memory limit of ", limit_,
                       " bytes; make it smaller or page it"));
    }
    if (node_) {
      if (absl::Status s = node_->Charge(bytes); !s.ok()) return s;
    }
    used_ += bytes;
    return absl::OkStatus();
  }
  void Release(int64_t bytes) {
    used_ -= bytes;
    if (node_) node_->Release(bytes);
  }
  int64_t used() const { return used_; }

 private:
  int64_t limit_;
  int64_t used_ = 0;
  std::shared_ptr<MemoryBudget> node_;
};

enum class Priority : uint8_t { kLow = 0, kNormal = 1, kHigh = 2 };

class RequestContext {
 public:
  static constexpr Micros kDefaultTimeoutUs = 60'000'000;
  static constexpr int64_t kDefaultMemoryBytes = 64 << 20;

  explicit RequestContext(Micros deadline_us) : deadline_us_(deadline_us) {}

  // Executor::MonotonicNow units, of this node.
  Micros deadline_us() const { return deadline_us_; }
  void set_deadline_us(Micros d) { deadline_us_ = d; }

  bool cancelled() const { return cancelled_; }
  // Runs the registered callbacks once. Idempotent.
  void Cancel() {
    if (cancelled_) return;
    cancelled_ = true;
    auto callbacks = std::move(on_cancel_);
    on_cancel_.clear();
    for (auto& c : callbacks) c.second();
  }
  // Called on Cancel (at once if already cancelled). Unregister with the returned id.
  uint64_t OnCancel(absl::AnyInvocable<void()> fn) {
    if (cancelled_) {
      fn();
      return 0;
    }
    on_cancel_.emplace_back(++next_id_, std::move(fn));
    return next_id_;
  }
  void RemoveOnCancel(uint64_t id) {
    on_cancel_.remove_if([id](const auto& e) { return e.first == id; });
  }

  // OK, CANCELLED or DEADLINE_EXCEEDED.
  absl::Status Check(Micros now_us) const {
    if (cancelled_) return absl::CancelledError("canceling statement due to user request");
    if (now_us >= deadline_us_) {
      return absl::DeadlineExceededError("the statement did not finish before its deadline");
    }
    return absl::OkStatus();
  }

  LatencyAccount latency;
  MemoryAccount memory{kDefaultMemoryBytes};
  std::string principal;
  Priority priority = Priority::kNormal;
  Micros lock_timeout_us = 0;  // longest wait for the locks of one read; 0: none but the deadline

 private:
  Micros deadline_us_;
  bool cancelled_ = false;
  uint64_t next_id_ = 0;
  std::list<std::pair<uint64_t, absl::AnyInvocable<void()>>> on_cancel_;
};

using Ctx = std::shared_ptr<RequestContext>;

}  // namespace isochron

#endif  // ISOCHRON_COMMON_REQUEST_CONTEXT_H_
