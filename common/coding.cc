// SPDX-License-Identifier: Apache-2.0
#include "common/coding.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace isochron {

void Writer::Fixed32(uint32_t v) {
  char b[4];
  for (int i = 0; i < 4; ++i) b[i] = static_cast<char>(v >> (8 * i));
  out_->append(b, sizeof(b));
}

void Writer::Fixed64(uint64_t v) {
  char b[8];
  for (int i = 0; i < 8; ++i) b[i] = static_cast<char>(v >> (8 * i));
  out_->append(b, sizeof(b));
}

void Writer::Varint(uint64_t v) {
  char b[10];
  int n = 0;
  while (v >= 0x80) {
    b[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  b[n++] = static_cast<char>(v);
  out_->append(b, n);
}

void Writer::Zigzag(int64_t v) {
  Varint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
}

void Writer::Bytes(absl::string_view v) {
  Varint(v.size());
  Raw(v);
}

bool Reader::Raw(uint64_t n, absl::string_view* v) {
  if (!ok_ || n > in_.size()) return Fail();
  *v = in_.substr(0, n);
  in_.remove_prefix(n);
  return true;
}

bool Reader::Byte(uint8_t* v) {
  absl::string_view b;
  if (!Raw(1, &b)) return false;
  *v = static_cast<uint8_t>(b[0]);
  return true;
}

bool Reader::Bool(bool* v) {
  uint8_t b;
  if (!Byte(&b)) return false;
  if (b > 1) return Fail();
  *v = b == 1;
  return true;
}

bool Reader::Fixed32(uint32_t* v) {
  absl::string_view b;
  if (!Raw(4, &b)) return false;
  uint32_t r = 0;
  for (int i = 3; i >= 0; --i) r = (r << 8) | static_cast<uint8_t>(b[i]);
  *v = r;
  return true;
}

bool Reader::Fixed64(uint64_t* v) {
  absl::string_view b;
  if (!Raw(8, &b)) return false;
  uint64_t r = 0;
  for (int i = 7; i >= 0; --i) r = (r << 8) | static_cast<uint8_t>(b[i]);
  *v = r;
  return true;
}

bool Reader::Varint(uint64_t* v) {
  if (!ok_) return false;
  uint64_t r = 0;
  for (size_t i = 0; i < 10 && i < in_.size(); ++i) {
    const uint8_t b = static_cast<uint8_t>(in_[i]);
    if (i == 9 && b > 1) break;          // beyond 64 bits
    if (i > 0 && b == 0) return Fail();  // not the shortest form
    r |= static_cast<uint64_t>(b & 0x7f) << (7 * i);
    if (b < 0x80) {
      in_.remove_prefix(i + 1);
      *v = r;
      return true;
    }
  }
  return Fail();
}

bool Reader::Varint32(uint32_t* v) {
  uint64_t r;
  if (!Varint(&r)) return false;
  if (r > std::numeric_limits<uint32_t>::max()) return Fail();
  *v = static_cast<uint32_t>(r);
  return true;
}

bool Reader::Zigzag(int64_t* v) {
  uint64_t r;
  if (!Varint(&r)) return false;
  *v = static_cast<int64_t>((r >> 1) ^ (~(r & 1) + 1));
  return true;
}

bool Reader::Bytes(absl::string_view* v) {
  uint64_t n;
  return Varint(&n) && Raw(n, v);
}

bool Reader::Bytes(std::string* v) {
  absl::string_view view;
  if (!Bytes(&view)) return false;
  v->assign(view.data(), view.size());
  return true;
}

absl::Status Reader::Finish(absl::string_view what) const {
  if (!ok_) return absl::DataLossError(absl::StrCat(what, " is cut short or malformed"));
  if (!in_.empty()) {
    return absl::DataLossError(absl::StrCat(what, " has ", in_.size(), " bytes too many"));
  }
  return absl::OkStatus();
}

void AppendBigEndian64(std::string* out, uint64_t v) {
  char b[8];
  for (int i = 0; i < 8; ++i) b[i] = static_cast<char>(v >> (56 - 8 * i));
  out->append(b, sizeof(b));
}

void AppendBigEndian32(std::string* out, uint32_t v) {
  char b[4];
  for (int i = 0; i < 4; ++i) b[i] = static_cast<char>(v >> (24 - 8 * i));
  out->append(b, sizeof(b));
}

uint64_t LoadBigEndian64(const char* p) {
  uint64_t r = 0;
  for (int i = 0; i < 8; ++i) r = (r << 8) | static_cast<uint8_t>(p[i]);
  return r;
}

uint32_t LoadBigEndian32(const char* p) {
  uint32_t r = 0;
  for (int i = 0; i < 4; ++i) r = (r << 8) | static_cast<uint8_t>(p[i]);
  return r;
}

}  // namespace isochron
