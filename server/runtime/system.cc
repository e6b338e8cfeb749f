// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/system.h"

#include <time.h>

#include <random>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace isochron::runtime {
namespace {

Micros Monotonic() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * Micros{1'000'000} + t.tv_nsec / 1000;
}

}  // namespace

uint64_t SystemSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

std::string SystemRandomBytes(size_t count) {
  std::random_device device;
  std::string out;
  while (out.size() < count) out.push_back(static_cast<char>(device()));
  return out;
}

std::chrono::system_clock::time_point SystemDeadline(Micros after_us) {
  return std::chrono::system_clock::now() + std::chrono::microseconds(after_us);
}

Patience::Patience(Micros total_us) : end_us_(Monotonic() + total_us) {}

bool Patience::Over() const { return Monotonic() > end_us_; }

void Patience::Pause() const { absl::SleepFor(absl::Milliseconds(20)); }

}  // namespace isochron::runtime
