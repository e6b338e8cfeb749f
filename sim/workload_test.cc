// SPDX-License-Identifier: Apache-2.0

// Workloads that the seeds' own mix does not draw, over a few seeds each, with its faults. What
// schema.md says of the other seeds of `schema` keeps its range short.

#include <gtest/gtest.h>

#include <string>

#include "sim/sim_main.h"

namespace isochron::sim {
namespace {

void ExpectClean(const std::string& workload, const std::string& seeds) {
  testing::internal::CaptureStdout();
  const int status = RunSim({"--seeds", seeds, "--workload", workload});
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_EQ(status, 0) << said;
}

// Seed 19 is of a setval that was given up before it had waited for leases.
TEST(WorkloadTest, SequencesGiveNoValueTwice) { ExpectClean("sequence", "1..60"); }

TEST(WorkloadTest, JobsAreDoneOnce) { ExpectClean("queue", "1..10"); }

TEST(WorkloadTest, AdvisoryLocksHaveOneHolder) { ExpectClean("advisory", "1..30"); }

TEST(WorkloadTest, IndexesEqualTheirTables) { ExpectClean("schema", "1..40"); }

TEST(WorkloadTest, SingleStatementsMoveWhatThereIs) { ExpectClean("merge", "1..30"); }

TEST(WorkloadTest, NoChildIsWithoutItsParent) { ExpectClean("references", "1..8"); }

TEST(WorkloadTest, RowsKeepTheirLabels) { ExpectClean("enums", "1..40"); }

TEST(WorkloadTest, RightsAreHeldTo) { ExpectClean("rights", "1..60"); }

// A change that takes effect before old descriptions have run out.
TEST(WorkloadTest, ARightThatIsLostIsFound) {
  testing::internal::CaptureStdout();
  const int status =
      RunSim({"--seeds", "1..4", "--workload", "rights", "--sabotage", "fence-at-once"});
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_EQ(status, 1);
  EXPECT_NE(said.find("right-lost"), std::string::npos) << said;
}

TEST(WorkloadTest, NamesLeadToTheirTables) { ExpectClean("names", "1..60"); }

}  // namespace
}  // namespace isochron::sim
