// SPDX-License-Identifier: Apache-2.0
//
#include "tests/fuzz/replay.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

// Of the sanitizers, where one is linked.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace isochron::fuzz {
namespace {

constexpr double kSlowSeconds = 1;
constexpr size_t kMaxBytes = 4096;

// What runs now, for the report of a crash.
const std::string* running = nullptr;

void PrintRunning() {
  if (running == nullptr) return;
  constexpr char kDigits[] = "0123456789abcdef";
  (void)!write(STDERR_FILENO, "\ninput: ", 8);
  for (const char c : *running) {
    const char two[] = {kDigits[static_cast<uint8_t>(c) >> 4], kDigits[c & 15]};
    (void)!write(STDERR_FILENO, two, 2);
  }
  (void)!write(STDERR_FILENO, "\n", 1);
  running = nullptr;
}

void OnSignal(int signal) {
  PrintRunning();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Of this process: a busy machine does not make an input slow.
double CpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

// False when it was slow.
bool RunOne(const std::string& input, const std::string& name) {
  // A copy of exactly its size: a read behind the end is seen.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  running = &input;
  const double before = CpuSeconds();
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  const double seconds = CpuSeconds() - before;
  if (seconds > kSlowSeconds) {
    std::fprintf(stderr, "%s: took %.1f s", name.c_str(), seconds);
    PrintRunning();
  }
  running = nullptr;
  return seconds <= kSlowSeconds;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

void WatchForCrashes() {
  std::signal(SIGABRT, OnSignal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(PrintRunning);
  } else {
    for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(s, OnSignal);
  }
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int ReplayFiles(const std::vector<std::string>& files) {
  WatchForCrashes();
  int slow = 0;
  for (const std::string& file : files) slow += RunOne(ReadFile(file), file) ? 0 : 1;
  return slow;
}

int ReplayFolder(const std::string& folder, int mutations) {
  WatchForCrashes();
  const std::vector<std::string> files = FilesIn(folder);
  std::vector<std::string> inputs;
  int slow = 0;
  for (const std::string& file : files) {
    inputs.push_back(ReadFile(file));
    slow += RunOne(inputs.back(), file) ? 0 : 1;
  }
  for (std::string& seed : Seeds()) {
    slow += RunOne(seed, "a seed") ? 0 : 1;
    inputs.push_back(std::move(seed));
  }
  inputs.emplace_back();
  Random random(1);
  for (int i = 0; i < mutations; ++i) {
    const std::string& from = inputs[random.Below(inputs.size())];
    const std::string input = Mutate(from, inputs, kMaxBytes, &random);
    slow += RunOne(input, "mutation " + std::to_string(i)) ? 0 : 1;
  }
  std::printf("%zu files, %zu inputs, %d mutations, %d slow\n", files.size(), inputs.size(),
              mutations, slow);
  return slow;
}

}  // namespace isochron::fuzz
