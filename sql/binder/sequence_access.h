// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_SEQUENCE_ACCESS_H_
#define ISOCHRON_SQL_BINDER_SEQUENCE_ACCESS_H_

// Where nextval and its kin get their values. Evaluation never waits: what is not at hand is noted
// there and refused; whoever runs the statement gets it and runs the statement again
// (sql/session/sequences.h).

#include <string>

#include "absl/status/status.h"
#include "sql/types/datum.h"

namespace isochron::sql {

class SequenceAccess {
 public:
  virtual ~SequenceAccess() = default;
  // 42P01, 42501, 42809, 2200H, 25006.
  // `for_identity`: of a row that is inserted, which asks for no right to the sequence.
  virtual absl::Status Next(const std::string& name, bool for_identity, Datum* out) = 0;
  // 55000 before the session's first Next.
  virtual absl::Status Current(const std::string& name, Datum* out) = 0;
  virtual absl::Status Last(Datum* out) = 0;
  // 22003
  virtual absl::Status Set(const std::string& name, int64_t value, bool is_called, Datum* out) = 0;
  // About so many rows more will ask for what was just refused.
  virtual void Expect(size_t rows) = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_SEQUENCE_ACCESS_H_
