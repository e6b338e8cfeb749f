// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/write_batch.h"

#include <utility>

#include "common/check.h"
#include "common/coding.h"
#include "storage/engine/key_space.h"

namespace isochron::storage {
namespace {

constexpr size_t kHeader =
    12;  // sequence number (8, filled in by RocksDB), count (4, little endian)
constexpr uint8_t kDelete = 0x00;
constexpr uint8_t kPut = 0x01;
constexpr uint8_t kDeleteRange = 0x0f;

}  // namespace

void WriteBatch::Clear() {
  rep_.assign(kHeader, '\0');
  count_ = 0;
}

void WriteBatch::Record(uint8_t type, absl::string_view a) {
  Writer w(&rep_);
  w.Byte(type);
  w.Bytes(a);
  ++count_;
}

void WriteBatch::Record(uint8_t type, absl::string_view a, absl::string_view b) {
  Record(type, a);
  Writer(&rep_).Bytes(b);
}

void WriteBatch::Put(absl::string_view key, absl::string_view value) { Record(kPut, key, value); }

void WriteBatch::Delete(absl::string_view key) { Record(kDelete, key); }

void WriteBatch::DeleteRange(absl::string_view begin, absl::string_view end) {
  ISO_CHECK(!IsInsertedByHint(begin), "no range is deleted that begins where a hint leads");
  if (begin < end) Record(kDeleteRange, begin, end);
}

void WriteBatch::Append(const WriteBatch& other) {
  rep_.append(other.rep_, kHeader, std::string::npos);
  count_ += other.count_;
}

void WriteBatch::ForEach(Visitor* visitor) const {
  Reader r(absl::string_view(rep_).substr(kHeader));
  for (uint32_t i = 0; i < count_; ++i) {
    uint8_t type = 0;
    absl::string_view a;
    absl::string_view b;
    bool ok = r.Byte(&type) && r.Bytes(&a);
    if (type != kDelete) ok = ok && r.Bytes(&b);
    ISO_CHECK(ok, "a write batch is malformed");
    if (type == kPut) {
      visitor->Put(a, b);
    } else if (type == kDelete) {
      visitor->Delete(a);
    } else {
      visitor->DeleteRange(a, b);
    }
  }
}

std::string WriteBatch::Take() {
  for (int i = 0; i < 4; ++i) rep_[8 + i] = static_cast<char>(count_ >> (8 * i));
  std::string taken = std::move(rep_);
  Clear();
  return taken;
}

}  // namespace isochron::storage
