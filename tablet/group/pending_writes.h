// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_PENDING_WRITES_H_
#define ISOCHRON_TABLET_GROUP_PENDING_WRITES_H_

// Keys whose value at a timestamp is not settled yet: written by commands that were proposed but
// not applied, or by prepared transactions without an outcome. This is t_tm per key range (OSDI
// 2012 4.1.3 and the refinement of 4.2.4): a read at t waits only for pending writes <= t that it
// touches.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/types.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "proto/peer.pb.h"

namespace isochron::tablet {

class PendingWrites {
 public:
  // `s` is a lower bound of the timestamp at which the attempt's writes will appear; `prepared`: it
  // may be greater, and its client may know of it before this group does. An attempt that is
  // already pending keeps its first (smaller) bound.
  void Add(const TxnAttempt& attempt, Timestamp s, bool prepared,
           const google::protobuf::RepeatedPtrField<peer::Write>& writes);
  void Remove(const TxnAttempt& attempt);
  void Clear();

  // True when a pending write at or below `t` lies in `range`.
  bool Touches(const KeyRange& range, Timestamp t) const;
  // The smallest bound of those in `range`; t_tm there is what precedes it.
  std::optional<Timestamp> Smallest(const KeyRange& range) const;
  // True when a prepared write, whatever its bound, lies in `range`.
  bool TouchesPrepared(const KeyRange& range) const;
  bool Contains(const TxnAttempt& attempt) const { return attempts_.count(attempt) > 0; }
  bool empty() const { return attempts_.empty(); }
  size_t size() const { return attempts_.size(); }

 private:
  struct Pending {
    Timestamp s;
    bool prepared;
  };
  using ByKey = std::multimap<std::string, Pending>;
  ByKey::const_iterator Within(ByKey::const_iterator it, const KeyRange& range) const;
  ByKey by_key_;
  std::map<TxnAttempt, std::vector<ByKey::iterator>> attempts_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_PENDING_WRITES_H_
