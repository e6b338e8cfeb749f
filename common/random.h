// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_RANDOM_H_
#define ISOCHRON_COMMON_RANDOM_H_

// The random seam: one deterministic stream from one seed (xoshiro256**, Blackman and Vigna).
// The real node seeds it from the system once (server/runtime); the simulator from the run's seed.

#include <cstdint>

namespace isochron {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& s : state_) {
      seed += 0x9e3779b97f4a7c15ull;  // splitmix64 expands the seed
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
      s = z ^ (z >> 31);
    }
  }

  uint64_t Next() {
    const uint64_t result = Rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = Rotl(state_[3], 45);
    return result;
  }
  // Uniform in [0, n); 0 when n is 0.
  uint64_t Below(uint64_t n) { return n == 0 ? 0 : Next() % n; }
  // Uniform in [lo, hi], lo <= hi.
  int64_t Between(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(Below(static_cast<uint64_t>(hi - lo) + 1));
  }
  double NextDouble() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool OneIn(double probability) { return NextDouble() < probability; }
  // An independent stream, so that one consumer's draws do not shift another's.
  Random Fork() { return Random(Next()); }

 private:
  static uint64_t Rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_RANDOM_H_
