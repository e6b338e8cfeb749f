// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_DATABASE_OPTIONS_H_
#define ISOCHRON_TXN_API_DATABASE_OPTIONS_H_

// Options of the database: rows among the catalog's (sql/catalog/layout.h), which ALTER DATABASE
// writes and the nodes look at now and then. Durable: names and formats are never changed.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::txn {

// How long old versions are kept, in microseconds, in decimal. Without a row: as each node was
// told. Spanner takes one hour at the least; shorter is for tests and for tables of counters, which
// nobody reads in the past.
inline constexpr Micros kMinVersionRetentionUs = 1'000'000;
inline constexpr Micros kMaxVersionRetentionUs = Micros{7} * 24 * 3'600'000'000;

inline std::string VersionRetentionKey() { return std::string("\x01o/version_retention"); }

// Nothing for what ALTER DATABASE would not have written.
inline std::optional<Micros> ParseVersionRetention(absl::string_view stored) {
  Micros us = 0;
  if (!absl::SimpleAtoi(stored, &us) || us < kMinVersionRetentionUs ||
      us > kMaxVersionRetentionUs) {
    return std::nullopt;
  }
  return us;
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_DATABASE_OPTIONS_H_
