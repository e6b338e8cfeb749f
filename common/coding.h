// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_CODING_H_
#define ISOCHRON_COMMON_CODING_H_

// Compact byte coding for durable records and messages. It does not keep order: for keys see
// key_encoding.h.
//
//   fixed32, fixed64   little endian
//   varint             7 bits a byte, low bits first, at most 10 bytes, shortest form only
//   zigzag varint      signed numbers, small in either direction
//   bytes              varint length, then the bytes
//
// Writer appends to a string that it does not own. Reader walks a view that outlives it. A reader
// that meets the end or a malformed number returns false and stays failed: read a whole record,
// then ask ok() once. Lengths are checked against what is left before anything is allocated.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron {

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  void Byte(uint8_t v) { out_->push_back(static_cast<char>(v)); }
  void Bool(bool v) { Byte(v ? 1 : 0); }
  void Fixed32(uint32_t v);
  void Fixed64(uint64_t v);
  void Varint(uint64_t v);
  void Zigzag(int64_t v);
  void Bytes(absl::string_view v);
  // Without a length.
  void Raw(absl::string_view v) { out_->append(v.data(), v.size()); }

  void Time(Timestamp t) { Zigzag(t.us); }
  void Range(const KeyRange& r) {
    Bytes(r.start);
    Bytes(r.end);
  }

 private:
  std::string* out_;
};

class Reader {
 public:
  explicit Reader(absl::string_view in) : in_(in) {}

  // Each returns false, and leaves *v untouched, once the input is exhausted or malformed.
  bool Byte(uint8_t* v);
  bool Bool(bool* v);  // 0 or 1, nothing else
  bool Fixed32(uint32_t* v);
  bool Fixed64(uint64_t* v);
  bool Varint(uint64_t* v);
  bool Varint32(uint32_t* v);
  bool Zigzag(int64_t* v);
  // A view into the input.
  bool Bytes(absl::string_view* v);
  bool Bytes(std::string* v);
  bool Raw(uint64_t n, absl::string_view* v);

  bool Time(Timestamp* t) { return Zigzag(&t->us); }
  bool Range(KeyRange* r) { return Bytes(&r->start) && Bytes(&r->end); }

  bool ok() const { return ok_; }
  bool AtEnd() const { return in_.empty(); }
  absl::string_view rest() const { return in_; }

  // OK if nothing failed and nothing is left; else DATA_LOSS that names `what`.
  absl::Status Finish(absl::string_view what) const;

 private:
  bool Fail() {
    ok_ = false;
    return false;
  }
  absl::string_view in_;
  bool ok_ = true;
};

// Big-endian, for keys whose bytes are compared.
void AppendBigEndian64(std::string* out, uint64_t v);
void AppendBigEndian32(std::string* out, uint32_t v);
// `p` points to at least 8 (4) bytes.
uint64_t LoadBigEndian64(const char* p);
uint32_t LoadBigEndian32(const char* p);

}  // namespace isochron

#endif  // ISOCHRON_COMMON_CODING_H_
