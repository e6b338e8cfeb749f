// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_TYPES_H_
#define ISOCHRON_COMMON_TYPES_H_

// Strong ids and the timestamp type shared by every room.
//
// An id is a distinct type around an integer, so that a GroupId never lands where a NodeId is
// meant. All are cheap values with a total order; zero means "none" for each of them.

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isochron {

template <typename Tag, typename Rep>
struct StrongId {
  Rep value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value);
  }
};

using GroupId = StrongId<struct GroupIdTag, uint64_t>;
using NodeId = StrongId<struct NodeIdTag, uint32_t>;
using TableId = StrongId<struct TableIdTag, uint64_t>;

// Position in one group's replicated log; the first entry a group ever chooses has an index > 0.
using LogIndex = uint64_t;

// Durations and monotonic instants, in microseconds.
using Micros = int64_t;

// Microseconds since 1970-01-01 UTC. MVCC versions, commit timestamps, lease ends (design rule 11).
struct Timestamp {
  int64_t us = 0;

  constexpr Timestamp() = default;
  constexpr explicit Timestamp(int64_t micros) : us(micros) {}
  static constexpr Timestamp Max() { return Timestamp(std::numeric_limits<int64_t>::max()); }
  static constexpr Timestamp Min() { return Timestamp(0); }
  constexpr Timestamp Next() const { return Timestamp(us + 1); }
  constexpr Timestamp Prev() const { return Timestamp(us - 1); }
  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
  friend constexpr Timestamp operator+(Timestamp t, Micros d) { return Timestamp(t.us + d); }
  friend constexpr Timestamp operator-(Timestamp t, Micros d) { return Timestamp(t.us - d); }
};

// A Paxos ballot: totally ordered, unique per proposing node.
struct Ballot {
  uint64_t round = 0;
  NodeId node;

  friend constexpr auto operator<=>(const Ballot&, const Ballot&) = default;
};

// Identity of a transaction, and its age for wound-wait: one total order everywhere (rule 18).
// Smaller is older. A retry keeps its TxnId and raises `attempt` (rule 19).
struct TxnId {
  Timestamp start;
  NodeId gateway;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;

  friend constexpr auto operator<=>(const TxnId&, const TxnId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TxnId& t) {
    return H::combine(std::move(h), t.start.us, t.gateway, t.incarnation, t.sequence);
  }
};

struct TxnAttempt {
  TxnId txn;
  uint32_t attempt = 0;

  friend constexpr auto operator<=>(const TxnAttempt&, const TxnAttempt&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TxnAttempt& t) {
    return H::combine(std::move(h), t.txn, t.attempt);
  }
};

// A half-open interval of encoded keys. An empty `end` means "to the end of the key space".
struct KeyRange {
  std::string start;
  std::string end;

  static KeyRange Point(std::string key) {
    std::string after = key;
    after.push_back('\0');
    return KeyRange{std::move(key), std::move(after)};
  }
  bool Contains(const std::string& key) const { return key >= start && (end.empty() || key < end); }
  bool Contains(const KeyRange& o) const {
    return o.start >= start && (end.empty() || (!o.end.empty() && o.end <= end));
  }
  bool Overlaps(const KeyRange& o) const {
    return (end.empty() || o.start < end) && (o.end.empty() || start < o.end);
  }
  bool Empty() const { return !end.empty() && start >= end; }
  friend auto operator<=>(const KeyRange&, const KeyRange&) = default;
};

inline std::string ToString(Timestamp t) { return absl::StrCat(t.us); }
inline std::string ToString(NodeId n) { return absl::StrCat("n", n.value); }
inline std::string ToString(GroupId g) { return absl::StrCat("g", g.value); }
inline std::string ToString(const Ballot& b) { return absl::StrCat(b.round, ".", b.node.value); }
inline std::string ToString(const TxnId& t) {
  return absl::StrCat(t.start.us, ".", t.gateway.value, ".", t.incarnation, ".", t.sequence);
}
inline std::string ToString(const TxnAttempt& t) {
  return absl::StrCat(ToString(t.txn), "#", t.attempt);
}

}  // namespace isochron

#endif  // ISOCHRON_COMMON_TYPES_H_
