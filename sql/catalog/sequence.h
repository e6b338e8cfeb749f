// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_SEQUENCE_H_
#define ISOCHRON_SQL_CATALOG_SEQUENCE_H_

// A sequence as a relation of one row: its descriptor and what the row says. Pure.
//
// PostgreSQL's columns last_value, log_cnt and is_called are there to be read; hidden behind them
//
//   generation  changes with setval and RESTART: blocks of values taken before it are void
//   holder      whose blocks there may be: 0 nobody's, -1 several nodes', else one node's
//
// Values beyond last_value (from last_value itself on, while not is_called) are free to be taken.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/catalog/descriptor.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// Of values that a node takes at once, unless CACHE says otherwise.
inline constexpr int64_t kSequenceBlock = 1000;

struct SequenceState {
  int64_t last_value = 1;
  bool is_called = false;
  int64_t generation = 0;
  int64_t holder = 0;
};

// Values first, first + increment, ...: `count` of them.
struct SequenceRun {
  int64_t first = 0;
  int64_t count = 0;
};

// The descriptor of a sequence: name, columns and key, without options.
TableDescriptor SequenceDescriptor(std::string name);

std::string SequenceRowKey(const TableDescriptor& sequence);
std::string EncodeSequenceRow(const TableDescriptor& sequence, const SequenceState& state);
// DATA_LOSS
absl::StatusOr<SequenceState> DecodeSequenceRow(const TableDescriptor& sequence,
                                                absl::string_view value);

// Takes up to `count` values, at least one. 2200H at the end of a sequence that does not cycle.
absl::StatusOr<SequenceRun> TakeRun(const TableDescriptor& sequence, int64_t count,
                                    SequenceState* state);
// What nextval answers for a counted value: itself, or its bits in reverse.
int64_t SequenceValue(const TableDescriptor& sequence, int64_t counted);

// The bounds of a sequence over `type` that counts up or down, as PostgreSQL has them.
int64_t DefaultMin(Type type, bool ascending);
int64_t DefaultMax(Type type, bool ascending);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_SEQUENCE_H_
