// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_KEY_ENCODING_H_
#define ISOCHRON_COMMON_KEY_ENCODING_H_

// Keys whose byte order (memcmp) is the SQL order of the values in them.
//
// A row key is a table prefix and then one part a key column:
//
//   prefix      ordered(table id) ordered(index id)      index id 0 is the table itself
//   ordered(n)  one byte k = count of significant bytes (0 to 8), then k bytes big endian
//   part        a tag byte, then what the tag asks for:
//
//     0x02        NULL that sorts first                0xFB  NULL that sorts last
//     0x10 0x11   boolean false, true
//     0x20 b[8]   timestamptz: microseconds, big endian, sign bit flipped
//     0x21 b[8]   double: IEEE bits, all flipped when negative, else the sign bit flipped
//     0x28 ...    text: bytes with 0x00 written as 0x00 0xFF, ended by 0x00 0x01
//     0x29 ...    bytea: likewise
//     0x3F-0x47   bigint < 0: 0x47 - k, then the low k bytes, k = significant bytes of ~v
//     0x48-0x50   bigint >= 0: 0x48 + k, then k bytes
//     0x80-0xEF   a descending part: every byte of the ascending one complemented, tag included
//     0xFE        interleaving: ordered(child table id) ordered(child index id) and child parts
//                 follow. A child row's key is its parent's key, this mark, then its own columns:
//                 it sorts behind its parent and before the next one.
//
// NULL tags are chosen directly by NULLS FIRST or LAST, whatever the direction. -0 is stored as 0
// and every NaN as one NaN, greater than all else, as PostgreSQL orders them. Text sorts by bytes
// (collation "C"). Parts are self-delimiting and name their type, so a key can be printed without
// its schema; one column always holds one type, so the order of tags of different types never
// matters. No part of these bytes may change: stored data is ordered by them.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron {

enum class Order : uint8_t { kAscending = 0, kDescending = 1 };
enum class Nulls : uint8_t { kFirst = 0, kLast = 1 };

// Keys of one index of one table begin with this.
std::string TablePrefix(TableId table, uint64_t index_id = 0);
// The smallest key greater than every key that begins with `prefix`; empty (the end of the key
// space) when there is none.
std::string PrefixEnd(absl::string_view prefix);
KeyRange PrefixRange(absl::string_view prefix);
// All indexes of a table, interleaved children included.
KeyRange TableRange(TableId table);

// Appends parts to a string that it does not own.
class KeyWriter {
 public:
  explicit KeyWriter(std::string* out) : out_(out) {}

  void Prefix(TableId table, uint64_t index_id = 0);
  void Interleave(TableId child, uint64_t index_id = 0);
  void Null(Nulls nulls);
  void Bool(bool v, Order order = Order::kAscending);
  void Int64(int64_t v, Order order = Order::kAscending);
  void Double(double v, Order order = Order::kAscending);
  void Text(absl::string_view v, Order order = Order::kAscending);
  void Bytea(absl::string_view v, Order order = Order::kAscending);
  void Time(Timestamp v, Order order = Order::kAscending);

 private:
  void Finish(size_t from, Order order);
  void Escaped(uint8_t tag, absl::string_view v, Order order);
  std::string* out_;
};

enum class KeyPart : uint8_t {
  kEnd,  // nothing is left
  kNull,
  kBool,
  kInt64,
  kDouble,
  kText,
  kBytea,
  kTime,
  kInterleave,
  kUnknown,  // not a tag of this format
};

// Walks the parts of a key; the viewed bytes outlive it. Each Read takes one part and returns
// DATA_LOSS, without moving, when the next part is of another type or direction or is cut short.
class KeyReader {
 public:
  explicit KeyReader(absl::string_view key) : in_(key) {}

  KeyPart Peek() const;
  // Direction of the next part. Meaningless for kNull, kInterleave, kEnd.
  Order PeekOrder() const;

  absl::Status ReadPrefix(TableId* table, uint64_t* index_id);
  absl::Status ReadInterleave(TableId* child, uint64_t* index_id);
  absl::Status ReadNull();
  absl::Status ReadBool(bool* v, Order order = Order::kAscending);
  absl::Status ReadInt64(int64_t* v, Order order = Order::kAscending);
  absl::Status ReadDouble(double* v, Order order = Order::kAscending);
  absl::Status ReadText(std::string* v, Order order = Order::kAscending);
  absl::Status ReadBytea(std::string* v, Order order = Order::kAscending);
  absl::Status ReadTime(Timestamp* v, Order order = Order::kAscending);
  // Steps over one part of any type.
  absl::Status Skip();

  bool AtEnd() const { return in_.empty(); }
  absl::string_view rest() const { return in_; }

 private:
  absl::Status Fixed8(uint8_t tag, Order order, uint64_t* bits);
  absl::Status Escaped(uint8_t tag, Order order, std::string* v);
  absl::string_view in_;
};

// A key for people: "table 7 index 0 (1, 'abc', NULL)". Never fails; bytes that are no key are in
// hex.
std::string DebugKey(absl::string_view key);

}  // namespace isochron

#endif  // ISOCHRON_COMMON_KEY_ENCODING_H_
