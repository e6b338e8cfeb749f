// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace isochron::fuzz {
namespace {

// Where lengths, counts and depths go wrong.
constexpr uint8_t kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, '0', '9', '(', '\'', '-'};

void Overwrite(std::string* s, Random* random) {
  if (s->empty()) return;
  (*s)[random->Below(s->size())] = static_cast<char>(random->Below(256));
}

void FlipBit(std::string* s, Random* random) {
  if (s->empty()) return;
  (*s)[random->Below(s->size())] ^= static_cast<char>(1u << random->Below(8));
}

// A run of bytes becomes one of the edges: four or eight of 0xFF are a length.
void PutEdges(std::string* s, Random* random) {
  if (s->empty()) return;
  const size_t at = random->Below(s->size());
  const size_t n = std::min<size_t>(size_t{1} << random->Below(4), s->size() - at);
  std::fill_n(s->begin() + static_cast<std::ptrdiff_t>(at), n,
              static_cast<char>(kEdges[random->Below(std::size(kEdges))]));
}

void Erase(std::string* s, Random* random) {
  if (s->empty()) return;
  s->erase(random->Below(s->size()), 1 + random->Below(16));
}

void Insert(std::string* s, Random* random) {
  s->insert(random->Below(s->size() + 1), 1 + random->Below(8),
            static_cast<char>(random->Below(256)));
}

void Truncate(std::string* s, Random* random) { s->resize(random->Below(s->size() + 1)); }

// A piece of `from` is put into `s`, over what is there or between.
void Splice(std::string* s, const std::string& from, Random* random) {
  if (from.empty()) return;
  const std::string piece =
      from.substr(random->Below(from.size()), 1 + random->Below(std::min<size_t>(from.size(), 64)));
  const size_t at = random->Below(s->size() + 1);
  if (random->Below(2) == 0) {
    s->insert(at, piece);
  } else {
    s->replace(at, piece.size(), piece);
  }
}

// The same again and again: lists that grow, nesting.
void Repeat(std::string* s, Random* random) {
  if (s->empty()) return;
  const size_t at = random->Below(s->size());
  const std::string piece = s->substr(at, 1 + random->Below(16));
  std::string many;
  for (uint64_t i = 1 + random->Below(32); i > 0; --i) many += piece;
  s->insert(at, many);
}

}  // namespace

std::string Mutate(const std::string& input, const std::vector<std::string>& others,
                   size_t max_bytes, Random* random) {
  std::string s = input;
  for (uint64_t i = 1 + random->Below(4); i > 0; --i) {
    switch (random->Below(9)) {
      case 0:
      case 1:
        FlipBit(&s, random);
        break;
      case 2:
        Overwrite(&s, random);
        break;
      case 3:
        PutEdges(&s, random);
        break;
      case 4:
        Erase(&s, random);
        break;
      case 5:
        Insert(&s, random);
        break;
      case 6:
        Truncate(&s, random);
        break;
      case 7:
        Repeat(&s, random);
        break;
      default:
        Splice(&s, others[random->Below(others.size())], random);
    }
  }
  if (s.size() > max_bytes) s.resize(max_bytes);
  return s;
}

}  // namespace isochron::fuzz
