// SPDX-License-Identifier: Apache-2.0
//
// For the programs that libFuzzer drives: writes the target's seeds to the folder that FUZZ_SEEDS
// names, for libFuzzer to read them there.
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : isochron::fuzz::Seeds()) {
    std::ofstream(std::string(folder) + "/seed_" + std::to_string(number++), std::ios::binary)
        << seed;
  }
  return 0;
}
