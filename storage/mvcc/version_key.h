// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_MVCC_VERSION_KEY_H_
#define ISOCHRON_STORAGE_MVCC_VERSION_KEY_H_

// The engine keys and values of versions, byte by byte (storage/engine/key_space.h has the layout).
//
// A stored value is one byte of kind and then the row: 0x01 a row, 0x00 a tombstone (nothing
// follows). Other kinds are refused as damage.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::storage {

inline constexpr char kTombstoneKind = 0x00;
inline constexpr char kRowKind = 0x01;

// What all versions of a key begin with: its engine key without the timestamp.
std::string VersionPrefix(absl::string_view key);
// The engine key of one version.
std::string VersionKey(absl::string_view key, Timestamp t);
// Appends the last 8 bytes of a version's key.
void AppendInverted(std::string* out, Timestamp t);
inline Timestamp FromInverted(uint64_t inverted) {
  return Timestamp(static_cast<int64_t>(~inverted));
}

// Bounds of a key range in the engine: [lower, upper).
std::string LowerBound(const KeyRange& range);
std::string UpperBound(const KeyRange& range);

// Splits a version's engine key. DATA_LOSS when it is none.
absl::Status ParseVersionKey(absl::string_view engine_key, std::string* key, Timestamp* t);
// The timestamp alone. DATA_LOSS when the key is too short.
absl::Status ParseVersionTime(absl::string_view engine_key, Timestamp* t);
// The part of a version's engine key that all versions of its key share.
inline absl::string_view SharedPart(absl::string_view engine_key) {
  return engine_key.substr(0, engine_key.size() - 8);
}

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_MVCC_VERSION_KEY_H_
