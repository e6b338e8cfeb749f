// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_RANGE_READER_H_
#define ISOCHRON_TXN_GATEWAY_RANGE_READER_H_

// Points and ranges over many groups: cut at the groups' borders by the router, one message a
// group, side by side; pages; and again where the map was stale.
//
// How one group is read (under locks, or at a timestamp) is the GroupReader's business. One read is
// under way at a time.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/request_context.h"
#include "common/router.h"
#include "common/task.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "txn/api/scan_program.h"
#include "txn/api/transaction.h"

namespace isochron::txn {

struct SpanRead {
  std::vector<KeyRange> spans;
  uint64_t limit_rows = 0;
  uint64_t limit_bytes = 0;
  bool reverse = false;
  LockMode lock = LockMode::kShared;
  std::string program;  // scan_program.h; empty: none
};

struct SpanPage {
  // A span does not lie in the group (any more): nothing was read, the router has learnt why.
  bool rerouted = false;
  bool program_ran = false;
  std::vector<KeyValue> rows;
  std::vector<KeyRange> rest;
};

class GroupReader {
 public:
  virtual ~GroupReader() = default;
  // `several`: other groups are read for the same answer.
  virtual Task<absl::StatusOr<SpanPage>> ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                                   bool several) = 0;
};

struct RangePage {
  std::vector<KeyValue> rows;
  std::optional<KeyRange> rest;
};

class RangeReader {
 public:
  struct Options {
    uint64_t page_bytes = 1 << 20;
    size_t groups_at_once = 16;
    Micros reroute_backoff_us = 5'000;
  };

  RangeReader(Executor* executor, Router* router, GroupReader* reader, Options options)
      : executor_(executor), router_(router), reader_(reader), options_(options) {}

  // Values of `keys`, in their order.
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Points(
      Ctx ctx, std::vector<std::string> keys, LockMode lock);

  // A page of `range`: at most `limit_rows` (0: no limit) rows, and what is left of the range. The
  // part before `rest` is complete.
  // With a program that gives rows as they are, one page of one group by it.
  Task<absl::StatusOr<RangePage>> Range(Ctx ctx, KeyRange range, uint64_t limit_rows, bool reverse,
                                        LockMode lock, std::string program = "");

  // A page of each of the ranges' groups, as many as are read side by side.
  Task<absl::StatusOr<ReduceResponse>> Reduce(Ctx ctx, ReduceRequest request);

  // A scan that holds this much is handed over, short of its row limit too.
  uint64_t page_bytes() const { return options_.page_bytes; }

 private:
  struct Piece {
    GroupId group;
    KeyRange range;
  };
  // The first pieces of `range` in scan order, at most `most`; empty when the router has a hole
  // there.
  std::vector<Piece> Cut(const KeyRange& range, bool reverse, size_t most) const;
  // Learns where things are and lets a moment pass. Fails with ctx.
  Task<absl::Status> Reroute(Ctx ctx, bool hole);
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Point(Ctx ctx, std::string key,
                                                                      LockMode lock);
  Task<absl::StatusOr<SpanPage>> WholeSpans(Ctx ctx, GroupId group, SpanRead read, bool several);

  Executor* const executor_;
  Router* const router_;
  GroupReader* const reader_;
  const Options options_;
  int reroutes_ = 0;
  // Where the last page ended inside a group: what follows is read one group at a time, so that
  // pages of later groups are not fetched to be thrown away.
  std::optional<std::string> continued_at_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_RANGE_READER_H_
