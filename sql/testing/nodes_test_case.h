// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TESTING_NODES_TEST_CASE_H_
#define ISOCHRON_SQL_TESTING_NODES_TEST_CASE_H_

// Tests of what two nodes make of one store, with a session on each.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"

namespace isochron::sql::testing {

class NodesTestCase : public ::testing::Test {
 protected:
  NodesTestCase() {
    for (uint64_t seed : {1, 2}) {
      EngineOptions options;
      options.seed = seed;
      engines_.push_back(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, options));
      sessions_.push_back(engines_.back()->NewSession());
    }
  }
  // Values of the rows, or the SQLSTATE.
  std::string Run(int node, const std::string& sql) {
    CollectingSink sink;
    absl::Status status =
        u_.Run(sessions_[static_cast<size_t>(node)]->Execute(u_.NewContext(), sql, {}, &sink))
            .status();
    return status.ok() ? Render(sink) : SqlStateOf(status);
  }
  std::string In(SqlTransaction* txn, const std::string& sql) {
    CollectingSink sink;
    absl::Status status = u_.Run(txn->Execute(u_.NewContext(), sql, {}, &sink)).status();
    return status.ok() ? Render(sink) : SqlStateOf(status);
  }
  static std::string Render(const CollectingSink& sink) {
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) {
        for (size_t i = 0; i < row.size(); ++i) {
          absl::StrAppend(&out, out.empty() ? "" : ",", DatumToText(s.columns[i].type, row[i]));
        }
      }
    }
    return out;
  }

  FakeUniverse u_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace isochron::sql::testing

#endif  // ISOCHRON_SQL_TESTING_NODES_TEST_CASE_H_
