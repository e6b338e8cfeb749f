// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TESTS_FUZZ_TARGET_H_
#define ISOCHRON_TESTS_FUZZ_TARGET_H_

// A fuzz target: one function that takes any bytes and must come back, and a few good inputs to
// start from (docs/internals/fuzzing.md).
//
// Each target is linked twice: with replay.cc into a test, which runs the seeds, the files of its
// corpus folder and mutations of both; and with libFuzzer into a program that looks for more
// (./dev fuzz). What must hold of an answer is checked with ISO_CHECK.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace isochron::fuzz {

// What the real encoders write: defined by each target, so that seeds never grow stale.
std::vector<std::string> Seeds();

// Cuts an input into the pieces that a target wants. When nothing is left it goes on with zeros.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto b = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  // Big endian.
  uint64_t Number(int bytes) {
    uint64_t n = 0;
    for (int i = 0; i < bytes; ++i) n = n << 8 | Byte();
    return n;
  }
  // A length (two bytes), then as many bytes as there are of it.
  absl::string_view Piece() { return Raw(Number(2)); }
  absl::string_view Raw(size_t n) {
    const absl::string_view piece = rest_.substr(0, n);
    rest_.remove_prefix(piece.size());
    return piece;
  }
  absl::string_view Rest() { return Raw(rest_.size()); }

 private:
  absl::string_view rest_;
};

// The opposite of Input::Piece, for seeds.
inline std::string Piece(absl::string_view bytes) {
  std::string out;
  out.push_back(static_cast<char>(bytes.size() >> 8));
  out.push_back(static_cast<char>(bytes.size()));
  out.append(bytes.data(), bytes.size());
  return out;
}

}  // namespace isochron::fuzz

#endif  // ISOCHRON_TESTS_FUZZ_TARGET_H_
