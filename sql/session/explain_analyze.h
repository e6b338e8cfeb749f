// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_EXPLAIN_ANALYZE_H_
#define ISOCHRON_SQL_SESSION_EXPLAIN_ANALYZE_H_

// What EXPLAIN shows, as lines or as JSON.

#include <string>
#include <vector>

#include "common/request_context.h"
#include "sql/exec/profile.h"
#include "sql/parser/ast.h"
#include "sql/planner/plan.h"

namespace isochron::sql {

struct Explained {
  Micros planning_us = 0;
  Micros execution_us = 0;
  LatencyAccount latency;
  const Profile* profile = nullptr;  // null: the statement did not run
};

// One text a row: lines, or one JSON document.
std::vector<std::string> ExplainRows(const Plan& plan, const ast::Explain& explain,
                                     const Explained& explained);
// What the commit of a statement that stood alone took: lines behind those.
std::vector<std::string> CommitRows(const LatencyAccount& latency, int groups);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_EXPLAIN_ANALYZE_H_
