// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios/first_year.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

// docs/operating/failures.md against what the scenarios do now. The same code gives the same
// numbers to the last digit; as code changes they move a little, so each has some play here.

namespace isochron::sim {
namespace {

constexpr uint64_t kSeeds = 5;  // as the page says
constexpr double kPoints = 12;  // of the share of writes, in per cent
constexpr double kFactor = 2;   // of the times
constexpr double kSeconds = 6;

using Cells = std::vector<std::string>;

std::map<std::string, Cells> RowsOf(const std::string& path) {
  std::map<std::string, Cells> rows;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    Cells cells = absl::StrSplit(line, " | ");
    if (cells.size() != 8 || cells[0].size() < 3) continue;
    cells[0] = cells[0].substr(2);
    rows[cells[0]] = cells;
  }
  return rows;
}

double Number(const std::string& cell) {
  double number = -1;
  EXPECT_TRUE(absl::SimpleAtod(cell.substr(0, cell.find(' ')), &number)) << cell;
  return number;
}

void ExpectTime(double now, double told, const std::string& what) {
  EXPECT_LE(now, told * kFactor + kSeconds) << what;
  EXPECT_GE(now, told / kFactor - kSeconds) << what;
}

TEST(FirstYearTest, ThePageTellsWhatHappensNow) {
  const std::map<std::string, Cells> rows = RowsOf("docs/operating/failures.md");
  std::string page = FirstYearTableHead();
  for (const std::string& name : FirstYearNames()) {
    ScenarioRow row(name);
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      RunOptions options;
      options.seed = seed;
      const RunResult result = RunFirstYear(options, name);
      for (const Anomaly& a : result.anomalies) {
        ADD_FAILURE() << name << ", seed " << seed << ": " << a.name << ": " << a.what;
      }
      row.Add(result);
    }
    page += "\n" + row.Markdown();
    const auto told = rows.find(name);
    if (told == rows.end()) {
      ADD_FAILURE() << name << " has no row";
      continue;
    }
    const Cells& cells = told->second;
    EXPECT_NEAR(100 * row.availability(), Number(cells[3]), kPoints) << name;
    ExpectTime(row.gap_s(), Number(cells[4]), name + ": longest gap");
    ExpectTime(row.recovery_s(), Number(cells[5]), name + ": recovery");
    EXPECT_EQ(row.violations(), 0) << name;
  }
  EXPECT_EQ(FirstYearNames().size(), 16u);
  if (HasFailure()) std::printf("as it is now:\n%s\n", page.c_str());
}

}  // namespace
}  // namespace isochron::sim
