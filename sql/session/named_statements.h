// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_NAMED_STATEMENTS_H_
#define ISOCHRON_SQL_SESSION_NAMED_STATEMENTS_H_

// The prepared statements of a session: those of PREPARE and those of the PostgreSQL protocol are
// the same. The unnamed one is the protocol's alone. Owned by a session; loop-thread only.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/types.h"
#include "sql/session/session.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct NamedStatement {
  std::string sql;
  std::string shown;          // as its maker wrote it; empty: `sql`
  std::vector<Type> params;   // as the statement has them
  std::vector<int32_t> oids;  // as a client of the protocol is told
  StatementDescription description;
  bool from_sql = false;  // of PREPARE
  Timestamp made;
};

class NamedStatements {
 public:
  // A session keeps at most so many, and so many bytes of them.
  static constexpr size_t kMaxCount = 10'000;
  static constexpr size_t kMaxBytes = 16 << 20;

  // 42P05 for a name that is taken, 54000 beyond the limits.
  absl::Status Add(const std::string& name, std::shared_ptr<const NamedStatement> statement);
  // 42P05: before anything is spent on it.
  absl::Status CheckName(const std::string& name) const;
  // 26000.
  absl::StatusOr<std::shared_ptr<const NamedStatement>> Find(const std::string& name) const;
  // Whether there was one.
  bool Close(const std::string& name);
  // All that have names.
  void CloseAll();

  const std::map<std::string, std::shared_ptr<const NamedStatement>>& all() const {
    return statements_;
  }
  // About what all of it takes.
  size_t held_bytes() const { return bytes_; }

 private:
  std::map<std::string, std::shared_ptr<const NamedStatement>> statements_;
  size_t bytes_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_NAMED_STATEMENTS_H_
