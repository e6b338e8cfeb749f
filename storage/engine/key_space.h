// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_KEY_SPACE_H_
#define ISOCHRON_STORAGE_ENGINE_KEY_SPACE_H_

// How an engine's one key space is divided.
//
//   'd' escaped(user key) 0x00 0x01 inverted timestamp (8, big endian)    a version of a row
//   (mvcc.h) 'm' name                                                              metadata of
//   groups and nodes
//
// escaped writes 0x00 as 0x00 0xFF, so that versions of one key lie side by side whatever other
// keys begin with it. The timestamp is inverted so that the newest version comes first.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace isochron::storage {

inline constexpr char kDataKey = 'd';
inline constexpr char kMetaKey = 'm';
inline constexpr size_t kVersionBytes = 8;
inline constexpr size_t kHintBytes = 11;

// The engine's key for a piece of metadata. Names are the caller's; those that begin with "store."
// are the engine's own.
inline std::string MetaKey(absl::string_view name) { return absl::StrCat("m", name); }

// Metadata of groups ('g', group in 8 bytes, kind), of the kinds that are written all the time.
// RocksDB finds where such a key goes near the last one of its group and kind (rocks_open.cc), and
// takes that for the place of a deleted range that begins in one, which is in another list: no
// range may.
inline bool IsInsertedByHint(absl::string_view key) {
  return key.size() >= kHintBytes && key[0] == kMetaKey && key[1] == 'g' &&
         absl::string_view("adfps").find(key[kHintBytes - 1]) != absl::string_view::npos;
}

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_KEY_SPACE_H_
