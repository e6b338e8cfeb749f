// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SPARSE_BYTES_H_
#define ISOCHRON_SIM_WORLD_SPARSE_BYTES_H_

// The bytes of a simulated file, kept by page so that a preallocated segment of zeros costs
// nothing.

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace isochron::sim {

class SparseBytes {
 public:
  uint64_t size() const { return size_; }
  void Write(uint64_t offset, absl::string_view data);
  // Up to n bytes, fewer at the end.
  std::string Read(uint64_t offset, uint64_t n) const;
  // Cuts, or extends with zeros.
  void Resize(uint64_t size);
  void FlipBit(uint64_t offset, int bit);

 private:
  static constexpr uint64_t kPage = 4096;
  uint64_t size_ = 0;
  std::map<uint64_t, std::string> pages_;  // page number -> kPage bytes; an absent page is zeros
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SPARSE_BYTES_H_
