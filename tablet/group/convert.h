// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_CONVERT_H_
#define ISOCHRON_TABLET_GROUP_CONVERT_H_

// Between the wire's messages (proto/peer.proto) and the strong types of common/types.h.

#include "common/types.h"
#include "proto/peer.pb.h"

namespace isochron::tablet {

inline TxnAttempt FromProto(const peer::TxnRef& t) {
  return TxnAttempt{
      TxnId{Timestamp(t.start_us()), NodeId(t.gateway()), t.incarnation(), t.sequence()},
      t.attempt()};
}
inline void ToProto(const TxnAttempt& a, peer::TxnRef* t) {
  t->set_start_us(a.txn.start.us);
  t->set_gateway(a.txn.gateway.value);
  t->set_incarnation(a.txn.incarnation);
  t->set_sequence(a.txn.sequence);
  t->set_attempt(a.attempt);
}

inline KeyRange FromProto(const peer::Span& s) { return KeyRange{s.start(), s.end()}; }
inline void ToProto(const KeyRange& r, peer::Span* s) {
  s->set_start(r.start);
  s->set_end(r.end);
}

inline bool SameEpoch(const peer::LockEpoch& a, const peer::LockEpoch& b) {
  return a.ballot_round() == b.ballot_round() && a.ballot_node() == b.ballot_node() &&
         a.incarnation() == b.incarnation();
}

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_CONVERT_H_
