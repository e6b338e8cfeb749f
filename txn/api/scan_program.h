// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_SCAN_PROGRAM_H_
#define ISOCHRON_TXN_API_SCAN_PROGRAM_H_

// What a read may have made of its rows by the replica that holds them: the tablet hands rows to a
// run of a program, and answers with what the run gives instead. Programs are bytes here; SQL says
// what they mean (sql/pushdown).
//
// A program is pure: what it makes of a row depends on the program and the row alone, so that it
// does not matter who runs it, or whether a page is read twice. It runs over each page of a read by
// itself. Nobody has to know it: an unknown one is not run, one that fails is given up, and the
// rows themselves are the answer; whoever asked runs it then, and sees the error.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "txn/api/transaction.h"

namespace isochron::txn {

// Ranges of which a program makes something, in any order.
struct ReduceRequest {
  std::vector<KeyRange> ranges;
  std::string program;
};

struct ReduceResponse {
  std::vector<KeyValue> results;  // of runs of the program, over some of the rows each
  std::vector<KeyValue> rows;     // over which nobody ran it
  std::vector<KeyRange> rest;     // not read yet
  int pages = 0;                  // over which it ran
};

// What a ReadTransaction is besides, if its reads are at a timestamp and not its own writes too.
class ReducingTransaction {
 public:
  virtual ~ReducingTransaction() = default;
  // A part of the ranges' rows, as large as one page of each of several groups, side by side: ask
  // again with the rest.
  virtual Task<absl::StatusOr<ReduceResponse>> Reduce(Ctx ctx, ReduceRequest request) = 0;
  // As Scan, in its order, by a program that gives rows as they are, or does not: those that it
  // does not give may be missing. Hands over what one page of one group gave, if that is any row.
  virtual Task<absl::StatusOr<ScanResponse>> Filter(Ctx ctx, ScanRequest request,
                                                    std::string program) = 0;
};

// One run, over one page.
class ScanRun {
 public:
  virtual ~ScanRun() = default;
  // One row. False: the page ends behind it.
  virtual absl::StatusOr<bool> Add(absl::string_view key, absl::string_view value) = 0;
  // What the rows came to. Once, at the end.
  virtual absl::Status Finish(std::vector<KeyValue>* out) = 0;
};

class ScanPrograms {
 public:
  virtual ~ScanPrograms() = default;
  // UNIMPLEMENTED for a program that this version does not know. Never trusts the bytes.
  virtual absl::StatusOr<std::unique_ptr<ScanRun>> Start(absl::string_view program) const = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_SCAN_PROGRAM_H_
