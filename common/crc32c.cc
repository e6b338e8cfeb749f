// SPDX-License-Identifier: Apache-2.0
#include "common/crc32c.h"

#include <array>
#include <cstring>

namespace isochron {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0u);
    table[i] = c;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ExtendSse42(uint32_t crc, absl::string_view data) {
  const char* p = data.data();
  size_t n = data.size();
  uint64_t state = crc ^ 0xffffffffu;
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  uint32_t tail = static_cast<uint32_t>(state);
  for (; n > 0; ++p, --n) tail = __builtin_ia32_crc32qi(tail, static_cast<uint8_t>(*p));
  return tail ^ 0xffffffffu;
}
#endif

using ExtendFn = uint32_t (*)(uint32_t, absl::string_view);

ExtendFn Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return &ExtendSse42;
#endif
  return &crc32c_internal::ExtendPortable;
}

}  // namespace

namespace crc32c_internal {
uint32_t ExtendPortable(uint32_t crc, absl::string_view data) {
  uint32_t state = crc ^ 0xffffffffu;
  for (char c : data) state = (state >> 8) ^ kTable[(state ^ static_cast<uint8_t>(c)) & 0xff];
  return state ^ 0xffffffffu;
}
}  // namespace crc32c_internal

uint32_t ExtendCrc32c(uint32_t crc, absl::string_view data) {
  static const ExtendFn extend = Choose();
  return extend(crc, data);
}

}  // namespace isochron
