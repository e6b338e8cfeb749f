// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_
#define ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_

// A whole group, sent to a replica that is too far behind for the log (rule 35).
//
// The leader takes header and rows at one store snapshot and sends numbered pieces by PeerRpc, one
// after the other: it holds one piece of each transfer. The receiver keeps them in memory until the
// last one came and hands them over to be installed in one store batch. Pieces of another transfer
// of the group drop what was gathered. What is gathered is bounded for a group (groups are split
// long before they reach that) and over all groups of the node; a transfer of which nothing came
// for a while is forgotten.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "storage/mvcc/mvcc.h"

namespace isochron::tablet {

inline constexpr uint64_t kSnapshotPieceBytes = 1 << 20;
inline constexpr uint64_t kSnapshotMaxBytes = 256 << 20;  // of a group, and of all that arrive
inline constexpr Micros kSnapshotIdleUs = 15'000'000;

class SnapshotTarget {
 public:
  virtual ~SnapshotTarget() = default;
  virtual absl::Status InstallSnapshot(const peer::GroupSnapshotHeader& header,
                                       std::vector<std::string> chunks) = 0;
};

// One transfer, read piece by piece from the store as it was when this was made.
class SnapshotSource {
 public:
  SnapshotSource(uint64_t transfer, peer::GroupSnapshotHeader header, storage::MvccStore* store,
                 storage::Engine* engine);
  // The next piece, nothing after the last one. RESOURCE_EXHAUSTED above kSnapshotMaxBytes; the
  // store's errors.
  absl::StatusOr<std::optional<std::string>> Next();

 private:
  const uint64_t transfer_;
  peer::GroupSnapshotHeader header_;
  const KeyRange range_;
  storage::MvccStore* const store_;
  const std::unique_ptr<storage::Snapshot> snapshot_;
  std::string cursor_;
  uint64_t number_ = 0;
  uint64_t bytes_ = 0;
  bool ended_ = false;
};

class SnapshotReceiver {
 public:
  SnapshotReceiver(SnapshotTarget* target, Executor* executor)
      : target_(target), executor_(executor) {}
  // FAILED_PRECONDITION when the piece does not follow the ones before it; RESOURCE_EXHAUSTED when
  // other transfers have filled the memory for them (send it again later); INVALID_ARGUMENT when it
  // cannot be understood; else the target's answer (on the last piece).
  absl::Status OnPiece(NodeId from, absl::string_view piece);
  uint64_t bytes() const { return bytes_; }

 private:
  struct Gathered {
    NodeId from;
    uint64_t transfer = 0;
    uint64_t next = 0;
    uint64_t bytes = 0;
    Micros heard_at = 0;
    peer::GroupSnapshotHeader header;
    std::vector<std::string> chunks;
  };
  void Forget(GroupId group);
  void Expire(Micros now);

  SnapshotTarget* const target_;
  Executor* const executor_;
  std::map<GroupId, Gathered> gathered_;
  uint64_t bytes_ = 0;  // of all
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_SNAPSHOT_TRANSFER_H_
