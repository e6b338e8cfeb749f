// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_GROUP_ACCESS_H_
#define ISOCHRON_TXN_PARTICIPANT_GROUP_ACCESS_H_

// What the server side of transactions needs of a group that this node leads, and for reads of one
// that it holds a replica of: tablet::Group behind
// a narrow interface (txn/service/tablet_access.h), a fake in the tests.
//
// The promises are those of tablet/group/group.h. Loop-thread only.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/api/scan_program.h"

namespace isochron::txn {

struct Leadership {
  Timestamp lease_end;
  TTInterval now;
};

struct Proposed {
  Timestamp s;
  OneShot<absl::Status> applied;
};

struct ReadLimits {
  uint64_t rows = 0;  // 0: none
  uint64_t bytes = 0;
  bool reverse = false;
};

struct ReadPage {
  std::vector<peer::Row> rows;
  Timestamp max_version;         // greatest version or tombstone examined
  std::optional<KeyRange> rest;  // set when a limit ended it early
};

struct RunPage {
  Timestamp max_version;
  std::optional<KeyRange> rest;
};

class GroupAccess {
 public:
  virtual ~GroupAccess() = default;

  virtual const peer::GroupDescriptor& group_descriptor() const = 0;
  virtual std::vector<peer::GroupDescriptor> children() const = 0;
  virtual NodeId leader_hint() const = 0;

  // Asks the clock afresh (rule 15). FAILED_PRECONDITION, UNAVAILABLE.
  virtual absl::StatusOr<Leadership> Leading() = 0;
  virtual peer::LockEpoch epoch() const = 0;
  // Assigns and appends without suspending (rule 13). ABORTED, FAILED_PRECONDITION, UNAVAILABLE,
  // RESOURCE_EXHAUSTED, OUT_OF_RANGE: nothing was appended.
  virtual absl::StatusOr<Proposed> Propose(peer::Command command, Timestamp min_s,
                                           Timestamp s_max) = 0;
  virtual Task<absl::StatusOr<Timestamp>> WaitReadable(Ctx ctx, std::vector<KeyRange> spans,
                                                       Timestamp t) = 0;
  virtual Task<absl::Status> WaitAfter(Ctx ctx, Timestamp t) = 0;
  virtual Task<absl::StatusOr<peer::PromiseResponse>> Promise(Ctx /*ctx*/, Timestamp /*t*/) {
    co_return absl::UnimplementedError("no promises here");
  }
  // Of a replica that does not lead. After UNAVAILABLE the group may be gone: ask it no more.
  virtual Task<absl::StatusOr<Timestamp>> WaitSafe(Ctx ctx, std::vector<KeyRange> spans,
                                                   Timestamp t) {
    return WaitReadable(std::move(ctx), std::move(spans), t);
  }
  virtual absl::StatusOr<Timestamp> SafeFor(const std::vector<KeyRange>& /*spans*/) {
    return absl::UnimplementedError("no safe time here");
  }
  // The earliest readable timestamp.
  virtual Timestamp horizon() const { return Timestamp(); }
  // Leadership is not handed over before TT.after(the result): a read vote's s_max (rules 4 and
  // 12). That is t, or less while a hand-over waits for earlier promises.
  virtual Timestamp HoldLeadershipUntil(Timestamp t) = 0;

  // The newest versions at or below t, from this replica's store.
  virtual absl::StatusOr<ReadPage> Read(const KeyRange& span, Timestamp t, ReadLimits limits) = 0;

  // The same, but the rows go to `run` where they lie.
  virtual absl::StatusOr<RunPage> Run(const KeyRange& span, Timestamp t, ReadLimits limits,
                                      ScanRun* run) {
    auto page = Read(span, t, limits);
    if (!page.ok()) return page.status();
    for (const peer::Row& row : page->rows) {
      auto more = run->Add(row.key(), row.value());
      if (!more.ok()) return more.status();
    }
    return RunPage{page->max_version, std::move(page->rest)};
  }

  virtual const std::map<TxnAttempt, peer::Prepare>& prepared() const = 0;
  virtual const std::map<TxnAttempt, peer::Decide>& decisions() const = 0;
  virtual std::optional<peer::FinishedAttempt> Finished(const TxnAttempt& attempt) const = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_GROUP_ACCESS_H_
