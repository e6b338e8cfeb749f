// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_SQL_STEPS_H_
#define ISOCHRON_SIM_WORKLOADS_SQL_STEPS_H_

// What workloads have in common that work through SQL. Their rows are not the history's: an
// operation is recorded for its times and its outcome alone, and what must hold is their own
// business.

#include <string>
#include <utility>
#include <vector>

#include "sim/workloads/workload.h"
#include "sql/session/session.h"

namespace isochron::sim {

class SqlSteps : public Workload {
 public:
  std::string name() const final { return name_; }
  // Beside the tables, where the audit may write; End() looks at the tables themselves.
  std::vector<std::string> SplitKeys() const final { return {"sql/"}; }
  std::vector<std::string> AllKeys() const final { return {}; }
  bool uses_sql() const final { return true; }
  const std::vector<Anomaly>& anomalies() const final { return anomalies_; }

 protected:
  // One attempt of something, as far as the history knows. Without End: it never ended.
  class Recorded {
   public:
    // `turn`: Operation::turn.
    Recorded(Session* session, std::string note, std::string turn = "");
    void End(const absl::Status& status);

   private:
    Session* session_;
    Operation* op_;
  };

  explicit SqlSteps(std::string name) : name_(std::move(name)) {}

  void Report(std::string name, std::string what);
  // A statement that commits by itself.
  static Task<absl::StatusOr<sql::StatementResult>> Execute(Session* session, sql::Session* sql,
                                                            std::string statement);
  // What a workload begins with, one statement after the other. It may be run again when an answer
  // was lost: what is there already is well.
  static Task<absl::Status> Make(Session* session, std::vector<std::string> statements);
  // The database does not understand it: syntax, names, types.
  static bool IsMistake(const absl::Status& status);
  static std::string Told(const std::string& statement, const absl::Status& status);
  // Rows as text: columns parted by commas, rows by semicolons.
  static std::string Render(const sql::CollectingSink::Statement& result);

 private:
  const std::string name_;
  std::vector<Anomaly> anomalies_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_SQL_STEPS_H_
