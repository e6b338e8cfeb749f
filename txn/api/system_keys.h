// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_SYSTEM_KEYS_H_
#define ISOCHRON_TXN_API_SYSTEM_KEYS_H_

// Keys of the system range, which group 1 holds and which is never split.

#include <cstdint>
#include <string>

#include "common/types.h"

namespace isochron::txn {

inline constexpr GroupId kSystemGroup = GroupId(1);
inline constexpr GroupId kFirstDataGroup = GroupId(2);
// Groups made by splits count up from here.
inline constexpr uint64_t kFirstSplitGroup = 100;

// The system range ends, and data begins, here.
inline std::string SystemRangeEnd() { return std::string("\x02", 1); }
inline KeyRange SystemRange() { return KeyRange{std::string(), SystemRangeEnd()}; }
inline KeyRange DataRange() { return KeyRange{SystemRangeEnd(), std::string()}; }

// The published tablet map: one row a group, by the group's start key.
inline std::string MapKey(const std::string& start) { return std::string("\0map/", 5) + start; }
inline KeyRange MapRange() { return KeyRange{std::string("\0map/", 5), std::string("\0map0", 5)}; }
// The last group id given out, in decimal.
inline std::string GroupCounterKey() { return std::string("\0ids/group", 10); }

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_SYSTEM_KEYS_H_
