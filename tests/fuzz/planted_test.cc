// SPDX-License-Identifier: Apache-2.0
//
// A target with two bugs put in on purpose, so that it is known that a bug would be seen: a number
// from the input is used as an index without a bound, and another as a count of rounds.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "tests/fuzz/replay.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

bool bound_is_checked = true;

std::string FileWith(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(PlantedTest, AGoodTargetPasses) { EXPECT_EQ(ReplayFolder("there/is/none", 3000), 0); }

TEST(PlantedTest, AMissingBoundIsFound) {
  bound_is_checked = false;
  EXPECT_DEATH(ReplayFolder("there/is/none", 3000), "input: [0-9a-f]+");
  bound_is_checked = true;
}

TEST(PlantedTest, TheInputThatIsPrintedIsTheOne) {
  bound_is_checked = false;
  EXPECT_DEATH(ReplayFiles({FileWith("bad", "\x01\xc8")}), "input: 01c8");
  bound_is_checked = true;
}

TEST(PlantedTest, ASlowInputIsFound) {
  EXPECT_EQ(ReplayFiles({FileWith("good", "\x01\x02"), FileWith("slow", "slow")}), 1);
}

}  // namespace

std::vector<std::string> Seeds() { return {"\x01\x07", "\x01\x3f"}; }

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Input in(data, size);
  if (absl::string_view(reinterpret_cast<const char*>(data), size) == "slow") {
    for (const std::clock_t start = std::clock(); std::clock() - start < 1.2 * CLOCKS_PER_SEC;) {
    }
  }
  if (in.Byte() != 1) return 0;
  const std::vector<int> table(64, 1);
  const size_t at = in.Byte();
  if (isochron::fuzz::bound_is_checked && at >= table.size()) return 0;
  return table[at] - 1;  // the library's own check ends the process
}
