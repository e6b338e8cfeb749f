// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_
#define ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_

// A whole group, sent to a replica that is too far behind for the log (rule 35).
//
// The leader takes header and rows at one store snapshot, then sends numbered pieces by PeerRpc;
// the receiver keeps them in memory until the last one came and hands them over to be installed in
// one store batch. Pieces of another transfer of the group drop what was gathered. The bound is one
// group's, and groups are split long before they reach it; over all groups of a node there is none.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "storage/mvcc/mvcc.h"

namespace isochron::tablet {

inline constexpr uint64_t kSnapshotPieceBytes = 1 << 20;
inline constexpr uint64_t kSnapshotMaxBytes = 256 << 20;

class SnapshotTarget {
 public:
  virtual ~SnapshotTarget() = default;
  virtual absl::Status InstallSnapshot(const peer::GroupSnapshotHeader& header,
                                       std::vector<std::string> chunks) = 0;
};

// The pieces of one transfer, in order. RESOURCE_EXHAUSTED above kSnapshotMaxBytes.
absl::StatusOr<std::vector<std::string>> MakeSnapshotPieces(uint64_t transfer,
                                                            const peer::GroupSnapshotHeader& header,
                                                            storage::MvccStore* store,
                                                            storage::Engine* engine);

class SnapshotReceiver {
 public:
  explicit SnapshotReceiver(SnapshotTarget* target) : target_(target) {}
  // FAILED_PRECONDITION when the piece does not follow the ones before it; INVALID_ARGUMENT when it
  // cannot be understood; else the target's answer (on the last piece).
  absl::Status OnPiece(NodeId from, absl::string_view piece);

 private:
  struct Gathered {
    NodeId from;
    uint64_t transfer = 0;
    uint64_t next = 0;
    uint64_t bytes = 0;
    peer::GroupSnapshotHeader header;
    std::vector<std::string> chunks;
  };
  SnapshotTarget* target_;
  std::map<GroupId, Gathered> gathered_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_
