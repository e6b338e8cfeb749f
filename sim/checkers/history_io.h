// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_HISTORY_IO_H_
#define ISOCHRON_SIM_CHECKERS_HISTORY_IO_H_

// Histories as text, one JSON object an operation a line, so that a history of real processes meets
// the checkers of the simulator (`isochron sim --check-history FILE`).
//
//   {"client":3,"kind":"rw","outcome":"committed","invoke_us":10,"complete_us":20,"ts":15,
//    "reads":[["x","1"],["y",null]],"writes":[["x","2"]],
//    "lists":[["l",["a","b"]]],"appends":[["l","c"]],"note":"transfer"}
//
//   client       a number; it has one operation at a time
//   kind         "rw", or "ro" for a read-only transaction
//   outcome      "committed", "aborted" (nothing took effect), "unknown", or "open" (no answer)
//   invoke_us,   real time of the recorder: before the first call left, after the last answer came.
//   complete_us  Absent or 0 when it never ended. Equal times count as concurrent.
//   ts           commit timestamp, or the one read at; absent: not known
//   strong       of "ro": false for a read in the past (default true)
//   local        of "ro": one strong read that stands alone (default false)
//   not_before   of "ro": the bound of a bounded read
//   reads        key and value as stored, null for none; not the transaction's own writes
//   writes       key and value, null for a deletion. The values of a key are all different.
//   lists        list and what it held; own appends before may be left at its end
//   appends      list and element added to its end. The elements of a list are all different.
//   invoke_seq,  the order of events, of the simulator. Given for all operations or for none: then
//   complete_seq times order them.
//
// All but kind, outcome and invoke_us may be absent. Unknown members are ignored.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sim/checkers/history.h"

namespace isochron::sim {

// One line, without its end. Bytes that are no UTF-8 are replaced.
std::string EncodeOperation(const Operation& op);
// INVALID_ARGUMENT says which member is wrong.
absl::StatusOr<Operation> DecodeOperation(absl::string_view line);

// Empty lines are skipped. NOT_FOUND, or INVALID_ARGUMENT with the number of the line.
absl::StatusOr<History> ReadHistory(const std::string& path);
absl::Status WriteHistory(const History& history, const std::string& path);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_HISTORY_IO_H_
