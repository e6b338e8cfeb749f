// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_MEMBERSHIP_H_
#define ISOCHRON_TABLET_GROUP_MEMBERSHIP_H_

// Who is in a group: between its descriptor and the configuration that the log agrees on; the
// numbers that name the lives of replicas; and which changes are sensible (rule 28;
// docs/internals/membership.md).

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/types.h"
#include "paxos/core/entry.h"
#include "proto/peer.pb.h"

namespace isochron::tablet {

// Descriptors of earlier versions list voters only: these are in their first life, 1.
paxos::Config ConfigOf(const peer::GroupDescriptor& d);
void SetConfig(const paxos::Config& config, peer::GroupDescriptor* d);

// A life is numbered by the folder that begins it: (incarnation of the process, count).
// Incarnations of a folder that joins start at its clock, so no later folder of the node gives a
// number again. The replicas that a universe begins with have number 1.
inline constexpr int kLifeCountBits = 20;
inline constexpr uint64_t kFirstLife = 1;
inline uint64_t MakeLife(uint64_t incarnation, uint64_t count) {
  return (incarnation << kLifeCountBits) | count;
}
// Whether a folder whose processes had the incarnations first..now began this life.
bool BelongsTo(uint64_t life, uint64_t first, uint64_t now);

// The next configuration on the way to what `wanted` asks for; equal to `now` when it is reached.
// A voter joins as a learner; `caught_up` says that the newcomer may vote, `life` is that of a new
// replica. A witness does the same, without rows; there are no more of them than voters
// (rule 29; docs/internals/membership.md). A nonzero id in `wanted` is checked against the one that
// is there. INVALID_ARGUMENT, FAILED_PRECONDITION.
absl::StatusOr<paxos::Config> NextConfig(const paxos::Config& now, const peer::Replica& wanted,
                                         bool remove, uint64_t life, bool caught_up);

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_MEMBERSHIP_H_
