// SPDX-License-Identifier: Apache-2.0
//
// The main function of a target's test.
//
//     TARGET_test FOLDER MUTATIONS
//     TARGET_test FILE..            these inputs alone
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/fuzz/replay.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const bool files = !args.empty() && std::filesystem::is_regular_file(args[0]);
  if (files) return isochron::fuzz::ReplayFiles(args) == 0 ? 0 : 1;
  if (args.size() != 2) return 2;
  return isochron::fuzz::ReplayFolder(args[0], std::atoi(args[1].c_str())) == 0 ? 0 : 1;
}
