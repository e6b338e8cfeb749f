// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_SQL_FILE_H_
#define ISOCHRON_SIM_WORKLOADS_SQL_FILE_H_

// A workload of the user's own: SQL with directives in comments (docs/operating/simulate.md).
//
//   --: setup                                  statements that run once, each by itself
//   --: transaction NAME [weight=N]            the statements of one transaction
//   --: let NAME = LOW..HIGH                   a parameter of the transaction above, drawn anew for
//   --: let NAME = 'a', 'b', 7                 each; or one of these. Used as :NAME.
//   --: invariant NAME                         one query: one row, one column, true
//
// Statements end with a semicolon. Other comments are for people.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/random.h"

namespace isochron::sim {

struct SqlFile {
  struct Variable {
    std::string name;
    int64_t low = 0, high = 0;
    std::vector<std::string> choices;  // if not empty, one of these instead
  };
  struct Transaction {
    std::string name;
    int64_t weight = 1;
    std::vector<Variable> variables;
    std::vector<std::string> statements;
  };
  struct Invariant {
    std::string name;
    std::string query;
  };
  std::vector<std::string> setup;
  std::vector<Transaction> transactions;
  std::vector<Invariant> invariants;
};

// INVALID_ARGUMENT names the line. At least one transaction and one invariant are needed.
absl::StatusOr<SqlFile> ParseSqlFile(absl::string_view text);

// A transaction's statements with its parameters drawn.
std::vector<std::string> DrawStatements(const SqlFile::Transaction& transaction, Random* random);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_SQL_FILE_H_
