// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TESTS_FUZZ_REPLAY_H_
#define ISOCHRON_TESTS_FUZZ_REPLAY_H_

// Runs a target without libFuzzer: its seeds, the files of a corpus folder, and mutations of both,
// always the same ones. An input that kills the process is printed to stderr in hex; one that takes
// more than a second of this process's time is printed too and counted.

#include <string>
#include <vector>

namespace isochron::fuzz {

// These return how many inputs were slow. A folder may be absent.
int ReplayFolder(const std::string& folder, int mutations);
int ReplayFiles(const std::vector<std::string>& files);

}  // namespace isochron::fuzz

#endif  // ISOCHRON_TESTS_FUZZ_REPLAY_H_
