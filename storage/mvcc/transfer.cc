// SPDX-License-Identifier: Apache-2.0
//
// Ranges as a whole: what snapshot transfer and replica comparison need.
//
// A chunk: format byte 0x01, then (engine key, stored value) pairs, each length-prefixed, then the
// CRC-32C of all that, 4 bytes little endian.

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"

namespace isochron::storage {
namespace {

constexpr uint8_t kChunkFormat = 1;

// A 64-bit hash that depends on nothing but the bytes fed to it, lengths included.
class Hasher {
 public:
  void Add(uint64_t v) {
    state_ ^= v;
    state_ *= 0x9e3779b97f4a7c15ull;
    state_ ^= state_ >> 29;
    state_ *= 0xbf58476d1ce4e5b9ull;
    state_ ^= state_ >> 32;
  }
  void Add(absl::string_view bytes) {
    Add(bytes.size());
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) Add(LoadBigEndian64(bytes.data()));
    uint64_t tail = 0;
    for (char c : bytes) tail = (tail << 8) | static_cast<uint8_t>(c);
    Add(tail);
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x6973'6f63'6872'6f6eull;
};

}  // namespace

absl::StatusOr<ExportedChunk> MvccStore::ExportChunk(const KeyRange& range,
                                                     absl::string_view cursor, uint64_t max_bytes,
                                                     const Snapshot* snapshot) const {
  ExportedChunk chunk;
  Writer w(&chunk.bytes);
  w.Byte(kChunkFormat);
  if (!range.Empty()) {
    auto it = engine_->NewIterator(LowerBound(range), UpperBound(range), snapshot);
    bool any = false;
    for (it->Seek(cursor); it->Valid(); it->Next()) {
      if (any && chunk.bytes.size() + it->key().size() + it->value().size() > max_bytes) {
        chunk.next = std::string(it->key());
        break;
      }
      w.Bytes(it->key());
      w.Bytes(it->value());
      any = true;
    }
    ISO_RETURN_IF_ERROR(it->status());
  }
  w.Fixed32(Crc32c(chunk.bytes));
  return chunk;
}

absl::Status MvccStore::ImportChunk(WriteBatch* batch, const KeyRange& range,
                                    absl::string_view bytes) {
  constexpr absl::string_view kWhat = "a chunk of a snapshot";
  if (bytes.size() < 5) return absl::DataLossError(absl::StrCat(kWhat, " is cut short"));
  const absl::string_view body = bytes.substr(0, bytes.size() - 4);
  uint32_t crc = 0;
  Reader(bytes.substr(body.size())).Fixed32(&crc);
  if (crc != Crc32c(body)) return absl::DataLossError(absl::StrCat(kWhat, " has a bad checksum"));
  if (static_cast<uint8_t>(body[0]) != kChunkFormat) {
    return absl::DataLossError(absl::StrCat(kWhat, " has an unknown format"));
  }
  WriteBatch imported;
  Reader r(body.substr(1));
  while (!r.AtEnd()) {
    absl::string_view engine_key;
    absl::string_view value;
    if (!r.Bytes(&engine_key) || !r.Bytes(&value)) break;
    std::string key;
    Timestamp t;
    ISO_RETURN_IF_ERROR(ParseVersionKey(engine_key, &key, &t));
    if (!range.Contains(key)) {
      return absl::InvalidArgumentError(absl::StrCat(kWhat, " holds a key outside its range"));
    }
    if (value.empty() || (value[0] != kRowKind && value[0] != kTombstoneKind)) {
      return absl::DataLossError(absl::StrCat(kWhat, " holds a value of an unknown kind"));
    }
    imported.Put(engine_key, value);
  }
  ISO_RETURN_IF_ERROR(r.Finish(kWhat));
  batch->Append(imported);
  return absl::OkStatus();
}

void MvccStore::ClearRange(WriteBatch* batch, const KeyRange& range) {
  if (!range.Empty()) batch->DeleteRange(LowerBound(range), UpperBound(range));
}

absl::StatusOr<uint64_t> MvccStore::Digest(const KeyRange& range, Timestamp horizon) const {
  Hasher hasher;
  if (range.Empty()) return hasher.value();
  auto it = engine_->NewIterator(LowerBound(range), UpperBound(range));
  std::string row;
  bool shadowed = false;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (SharedPart(it->key()) != row) {
      row.assign(SharedPart(it->key()).data(), SharedPart(it->key()).size());
      shadowed = false;
    }
    Timestamp t;
    ISO_RETURN_IF_ERROR(ParseVersionTime(it->key(), &t));
    if (t <= horizon) {
      // The newest one is seen; a tombstone looks like no row at all.
      if (std::exchange(shadowed, true)) continue;
      if (!it->value().empty() && it->value()[0] == kTombstoneKind) continue;
    }
    hasher.Add(it->key());
    hasher.Add(it->value());
  }
  ISO_RETURN_IF_ERROR(it->status());
  return hasher.value();
}

}  // namespace isochron::storage
