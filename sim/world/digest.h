// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_DIGEST_H_
#define ISOCHRON_SIM_WORLD_DIGEST_H_

// The trace hash: a 64-bit digest over everything that happens in a run, in order. Two runs of one
// seed must end with the same value (rule 40). Not cryptographic, and the same on every machine.

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace isochron::sim {

class Digest {
 public:
  void Mix(uint64_t v) {
    h_ ^= v;
    h_ *= 0x9fb21c651e98df25ull;
    h_ ^= h_ >> 32;
  }
  void MixBytes(absl::string_view bytes) {
    const char* p = bytes.data();
    size_t n = bytes.size();
    Mix(n);
    for (; n >= 8; p += 8, n -= 8) {
      uint64_t v;
      std::memcpy(&v, p, 8);
      Mix(v);
    }
    uint64_t tail = 0;
    if (n > 0) std::memcpy(&tail, p, n);
    Mix(tail);
  }
  uint64_t value() const { return h_; }

 private:
  uint64_t h_ = 0x243f6a8885a308d3ull;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_DIGEST_H_
