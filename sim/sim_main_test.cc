// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_main.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace isochron::sim {
namespace {

struct Ran {
  int status;
  std::string out;
  std::string last_line;
};

Ran Sim(const std::string& args) {
  testing::internal::CaptureStdout();
  Ran ran;
  ran.status = RunSim(absl::StrSplit(args, ' ', absl::SkipEmpty()));
  std::fflush(stdout);
  ran.out = testing::internal::GetCapturedStdout();
  const std::vector<std::string> lines = absl::StrSplit(ran.out, '\n', absl::SkipEmpty());
  if (!lines.empty()) ran.last_line = lines.back();
  return ran;
}

TEST(SimMainTest, TheSeamsKeepTheirPromises) {
  const Ran ran = Sim("--seeds 1..40 --scenario seams");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_TRUE(absl::StartsWith(ran.last_line, "40 seeds, 0 violations, trace ")) << ran.out;
}

TEST(SimMainTest, OneSeedOneTraceWhateverTheJobs) {
  const std::string once = Sim("--seeds 1..6 --scenario seams").last_line;
  EXPECT_EQ(once, Sim("--seeds 1..6 --scenario seams").last_line);
  EXPECT_EQ(once, Sim("--seeds 1..6 --scenario seams --jobs 3").last_line);
  EXPECT_NE(once, Sim("--seeds 2..7 --scenario seams").last_line);
}

TEST(SimMainTest, ASabotageStopsAtItsFirstViolation) {
  const Ran ran = Sim("--seeds 1..200 --scenario seams --sabotage ack-before-sync");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "lost-write")) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "replay: isochron sim --seed ")) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.last_line, " 1 violations,")) << ran.out;
}

TEST(SimMainTest, ListNamesAKindAndANameALine) {
  const Ran ran = Sim("--list");
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(absl::StrContains(ran.out, "sabotage no-commit-wait\n"));
  EXPECT_TRUE(absl::StrContains(ran.out, "scenario seams\n"));
}

TEST(SimMainTest, ARecordedHistoryIsChecked) {
  const std::string path = testing::TempDir() + "/recorded.jsonl";
  const auto check = [&](const std::string& lines) {
    std::ofstream(path) << lines;
    return Sim("--check-history " + path);
  };
  const std::string write =
      R"({"kind":"rw","outcome":"committed","invoke_us":10,"complete_us":20,"ts":15,"writes":[["x","1"]]})";
  const std::string read =
      R"({"kind":"ro","outcome":"committed","invoke_us":21,"complete_us":30,"ts":25,"reads":[["x",)";
  Ran ran = check(write + "\n" + read + "\"1\"]]}\n");
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_EQ(ran.last_line, "2 operations, 0 anomalies");
  ran = check(write + "\n" + read + "null]]}\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(absl::StrContains(ran.out, "stale-read: ")) << ran.out;
  EXPECT_TRUE(absl::StrContains(ran.out, "G-single-realtime: ")) << ran.out;
  testing::internal::CaptureStderr();
  EXPECT_EQ(check("{}").status, 2);
  EXPECT_TRUE(absl::StrContains(testing::internal::GetCapturedStderr(), "line 1"));
}

TEST(SimMainTest, UsageErrorsNameTheNearestWord) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Sim("--sede 3").status, 2);
  EXPECT_EQ(Sim("--sabotage no-comit-wait").status, 2);
  EXPECT_EQ(Sim("--seeds 9..1").status, 2);
  EXPECT_EQ(Sim("--seed").status, 2);
  EXPECT_EQ(Sim("stray").status, 2);
  const std::string errors = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(absl::StrContains(errors, "did you mean --seed?")) << errors;
  EXPECT_TRUE(absl::StrContains(errors, "did you mean no-commit-wait?")) << errors;
}

}  // namespace
}  // namespace isochron::sim
