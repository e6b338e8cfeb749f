// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sparse_bytes.h"

#include <algorithm>
#include <cstring>

namespace isochron::sim {

void SparseBytes::Write(uint64_t offset, absl::string_view data) {
  size_ = std::max<uint64_t>(size_, offset + data.size());
  while (!data.empty()) {
    const uint64_t in_page = offset % kPage;
    const uint64_t n = std::min<uint64_t>(kPage - in_page, data.size());
    std::string& page = pages_[offset / kPage];
    if (page.empty()) page.assign(kPage, '\0');
    std::memcpy(page.data() + in_page, data.data(), n);
    data.remove_prefix(n);
    offset += n;
  }
}

std::string SparseBytes::Read(uint64_t offset, uint64_t n) const {
  if (offset >= size_) return std::string();
  n = std::min(n, size_ - offset);
  std::string out(n, '\0');
  auto it = pages_.lower_bound(offset / kPage);
  for (; it != pages_.end() && it->first * kPage < offset + n; ++it) {
    const uint64_t page_start = it->first * kPage;
    const uint64_t from = std::max(offset, page_start);
    const uint64_t to = std::min(offset + n, page_start + kPage);
    std::memcpy(out.data() + (from - offset), it->second.data() + (from - page_start), to - from);
  }
  return out;
}

void SparseBytes::Resize(uint64_t size) {
  if (size < size_) {
    pages_.erase(pages_.lower_bound((size + kPage - 1) / kPage), pages_.end());
    auto last = pages_.find(size / kPage);
    if (last != pages_.end()) {
      std::fill(last->second.begin() + static_cast<int64_t>(size % kPage), last->second.end(),
                '\0');
    }
  }
  size_ = size;
}

void SparseBytes::FlipBit(uint64_t offset, int bit) {
  std::string byte = Read(offset, 1);
  if (byte.empty()) return;
  byte[0] = static_cast<char>(byte[0] ^ (1 << (bit & 7)));
  Write(offset, byte);
}

}  // namespace isochron::sim
