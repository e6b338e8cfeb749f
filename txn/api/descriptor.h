// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_DESCRIPTOR_H_
#define ISOCHRON_TXN_API_DESCRIPTOR_H_

// Between the wire's group descriptors and the Router's.

#include "common/router.h"
#include "proto/peer.pb.h"

namespace isochron::txn {

inline GroupDescriptor ToDescriptor(const peer::GroupDescriptor& d) {
  GroupDescriptor out;
  out.group = GroupId(d.group());
  out.range = KeyRange{d.range().start(), d.range().end()};
  out.generation = d.generation();
  for (uint32_t v : d.voters()) out.voters.push_back(NodeId(v));
  for (const peer::Replica& r : d.replicas()) {
    const bool rows = r.kind() != peer::WITNESS && r.kind() != peer::NEW_WITNESS;
    (rows ? out.readers : out.witnesses).push_back(NodeId(r.node()));
  }
  return out;
}

inline peer::GroupDescriptor ToProto(const GroupDescriptor& d) {
  peer::GroupDescriptor out;
  out.set_group(d.group.value);
  out.mutable_range()->set_start(d.range.start);
  out.mutable_range()->set_end(d.range.end);
  out.set_generation(d.generation);
  for (NodeId v : d.voters) out.add_voters(v.value);
  for (NodeId n : d.readers) out.add_replicas()->set_node(n.value);
  for (NodeId n : d.witnesses) {
    peer::Replica* r = out.add_replicas();
    r->set_node(n.value);
    r->set_kind(peer::WITNESS);
  }
  return out;
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_DESCRIPTOR_H_
