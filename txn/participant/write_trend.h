// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_PARTICIPANT_WRITE_TREND_H_
#define ISOCHRON_TXN_PARTICIPANT_WRITE_TREND_H_

// Whether the transactions of a group write to one end of an index: keys that only grow (a counter,
// a time) all go to the group that has the end, however often it is split. For isochron.hot_ranges.
//
// Counts transactions, not rows: a bulk load is no trend. Keys of the last half minute are kept, a
// few of each second. A key counts as at the end when it lies beyond three quarters of them: of
// keys that come from several counters side by side (a sequence's blocks, one a node), most still
// do; of random keys, or of old rows that are updated, a quarter. Memory: kIndexes * kKept keys.
// Not for threads; pure but for the time that it is given.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::txn {

struct HotRange {
  std::string prefix;       // what all keys of the index begin with
  std::string last_key;     // the furthest written
  bool descending = false;  // keys that only shrink
  double writes_per_s = 0;  // transactions that write to the index
  double share = 0;         // of those that write to the group, 0 to 1
};

class WriteTrend {
 public:
  static constexpr Micros kWindowUs = 2'000'000;
  static constexpr uint64_t kLeastPerS = 50;  // fewer are no load
  static constexpr double kShare = 0.5;       // of the group's transactions
  static constexpr double kAtTheEnd = 0.8;    // of the index's transactions
  static constexpr size_t kIndexes = 16;      // looked at in a window
  static constexpr size_t kKept = 64;         // keys of an index
  static constexpr size_t kLeastKept = 8;     // fewer tell nothing
  static constexpr Micros kKeepEveryUs = 500'000;

  // A transaction writes `key`, which begins with `prefix` bytes that name its index. Once a
  // transaction and index.
  void Note(absl::string_view key, size_t prefix, Micros now);
  // Once a transaction that writes.
  void NoteTransaction(Micros now);
  // Of the last whole window, if there is one.
  std::optional<HotRange> Hot(Micros now);
  // Nothing was written in this window and the last one.
  bool Idle(Micros now);

 private:
  struct Index {
    std::deque<std::string> kept;           // keys that were written, oldest first
    std::vector<absl::string_view> sorted;  // of them
    Micros kept_at = 0;
    std::string least, greatest;  // of this window
    uint64_t writes = 0, above = 0, below = 0;
  };
  static void Keep(absl::string_view key, Micros now, Index* index);
  void Turn(Micros now);

  Micros began_ = 0;
  uint64_t transactions_ = 0;
  std::map<std::string, Index, std::less<>> indexes_;
  std::optional<HotRange> last_;
  bool last_idle_ = true;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_PARTICIPANT_WRITE_TREND_H_
