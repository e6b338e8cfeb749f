// SPDX-License-Identifier: Apache-2.0

// What users are told that the simulator does for them (docs/operating/simulate.md): the example
// there is run as it is written.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "sim/sim_main.h"

namespace isochron::sim {
namespace {

struct Ran {
  int status;
  std::string out;
};

Ran Sim(const std::string& args) {
  testing::internal::CaptureStdout();
  Ran ran;
  ran.status = RunSim(absl::StrSplit(args, ' ', absl::SkipEmpty()));
  std::fflush(stdout);
  ran.out = testing::internal::GetCapturedStdout();
  return ran;
}

// The example of the page, changed, in a file of its own.
std::string Example(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::ifstream page("docs/operating/simulate.md");
  const std::string text((std::istreambuf_iterator<char>(page)), {});
  const size_t begin = text.find("```sql\n") + 7;
  const size_t end = text.find("```", begin);
  EXPECT_NE(end, std::string::npos) << "the page has no example";
  const std::string path = testing::TempDir() + "/orders.sql";
  std::ofstream(path) << absl::StrReplaceAll(text.substr(begin, end - begin), changes);
  return path;
}

TEST(UserToolsTest, TheExampleHoldsAsItIsWritten) {
  const Ran ran = Sim("--workload-file " + Example({}) + " --seeds 1..20");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "20 seeds, 0 violations, trace ")) << ran.out;
}

TEST(UserToolsTest, AnInvariantThatDoesNotHoldIsFound) {
  const std::string path = Example({{"SET balance = balance + :amount", "SET balance = balance"}});
  const Ran ran = Sim("--workload-file " + path + " --seed 3");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "invariant-broken: \"the money stays the same\""))
      << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "replay: isochron sim --seed 3 --workload-file "));
}

TEST(UserToolsTest, AMistakeInAStatementIsFound) {
  const std::string path = Example({{"left_over - 1", "leftover - 1"}});
  const Ran ran = Sim("--workload-file " + path + " --seed 3 --fault none");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "statement-failed: `UPDATE stock SET")) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "42703")) << ran.out;
}

TEST(UserToolsTest, ASabotageBreaksTheInvariants) {
  const Ran ran =
      Sim("--workload-file " + Example({}) + " --seeds 1..200 --sabotage ignore-prepared");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "invariant-broken")) << ran.out;
}

TEST(UserToolsTest, ExplainTellsATransactionOfAGoodRun) {
  const Ran ran = Sim("--explain 46 --workload bank");
  EXPECT_EQ(ran.status, 0) << ran.out;
  for (const char* told : {"The story of op", "holds a lock and reads bank/", "sends the commit",
                           "gives it the prepare timestamp", "gives it the commit timestamp s = ",
                           "real time reaches s", "hears that it is committed", "has seen it"}) {
    EXPECT_TRUE(absl::StrContains(ran.out, told)) << told << "\n" << ran.out;
  }
}

TEST(UserToolsTest, ExplainTellsAViolation) {
  const Ran ran = Sim("--explain 1 --workload bank --sabotage no-commit-wait");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "The story of op")) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "What happened around:")) << ran.out;
}

TEST(UserToolsTest, ShrinkFindsASmallerCommandThatStillFails) {
  const Ran ran = Sim("--shrink 1 --sabotage no-commit-wait");
  EXPECT_EQ(ran.status, 1);
  const size_t at = ran.out.find(" runs: isochron sim ");
  ASSERT_NE(at, std::string::npos) << ran.out;
  const size_t begin = at + std::string(" runs: isochron sim ").size();
  const std::string command = ran.out.substr(begin, ran.out.find('\n', begin) - begin);
  EXPECT_TRUE(absl::StrContains(command, "--fault none")) << command;
  EXPECT_TRUE(absl::StrContains(command, "--clients ")) << command;
  EXPECT_TRUE(absl::StrContains(command, "--sabotage no-commit-wait")) << command;
  EXPECT_EQ(Sim(command).status, 1) << command;
}

}  // namespace
}  // namespace isochron::sim
