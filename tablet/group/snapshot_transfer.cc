// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/snapshot_transfer.h"

#include <optional>
#include <utility>

#include "common/status_macros.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {

SnapshotSource::SnapshotSource(uint64_t transfer, peer::GroupSnapshotHeader header,
                               storage::MvccStore* store, storage::Engine* engine)
    : transfer_(transfer),
      header_(std::move(header)),
      range_(FromProto(header_.state().group_descriptor().range())),
      store_(store),
      snapshot_(engine->NewSnapshot()) {}

absl::StatusOr<std::optional<std::string>> SnapshotSource::Next() {
  if (ended_) return std::nullopt;
  storage::ExportedChunk chunk;
  if (header_.witness_base() == 0) {
    ISO_ASSIGN_OR_RETURN(
        chunk, store_->ExportChunk(range_, cursor_, kSnapshotPieceBytes, snapshot_.get()));
  }
  peer::SnapshotPiece piece;
  piece.set_group(header_.state().group_descriptor().group());
  piece.set_transfer(transfer_);
  piece.set_number(number_);
  piece.set_last(!chunk.next.has_value());
  if (number_ == 0) *piece.mutable_header() = header_;
  piece.set_chunk(std::move(chunk.bytes));
  ended_ = piece.last();
  if (chunk.next) cursor_ = *std::move(chunk.next);
  ++number_;
  std::string bytes = piece.SerializeAsString();
  bytes_ += bytes.size();
  if (bytes_ > kSnapshotMaxBytes) {
    return absl::ResourceExhaustedError(
        "the group is too large to be sent as a snapshot: split it");
  }
  return bytes;
}

void SnapshotReceiver::Forget(GroupId group) {
  auto it = gathered_.find(group);
  if (it == gathered_.end()) return;
  bytes_ -= it->second.bytes;
  gathered_.erase(it);
}

void SnapshotReceiver::Expire(Micros now) {
  for (auto it = gathered_.begin(); it != gathered_.end();) {
    const GroupId group = it->first;
    const bool idle = now - it->second.heard_at > kSnapshotIdleUs;
    ++it;
    if (idle) Forget(group);
  }
}

absl::Status SnapshotReceiver::OnPiece(NodeId from, absl::string_view bytes) {
  peer::SnapshotPiece piece;
  if (!piece.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || piece.group() == 0) {
    return absl::InvalidArgumentError("a snapshot piece cannot be understood");
  }
  const Micros now = executor_->MonotonicNow();
  Expire(now);
  const GroupId group(piece.group());
  if (piece.number() == 0) {
    Forget(group);
    gathered_[group] =
        Gathered{from, piece.transfer(), 0, 0, now, std::move(*piece.mutable_header()), {}};
  }
  auto it = gathered_.find(group);
  if (it == gathered_.end() || it->second.from != from || it->second.transfer != piece.transfer() ||
      piece.number() != it->second.next) {
    Forget(group);
    return absl::FailedPreconditionError("a snapshot piece does not follow those before it");
  }
  Gathered& g = it->second;
  if (bytes_ + bytes.size() > kSnapshotMaxBytes) {
    Forget(group);
    return absl::ResourceExhaustedError(
        "too many snapshots are arriving here; send it again later");
  }
  ++g.next;
  g.heard_at = now;
  g.bytes += bytes.size();
  bytes_ += bytes.size();
  g.chunks.push_back(std::move(*piece.mutable_chunk()));
  if (!piece.last()) return absl::OkStatus();
  const peer::GroupSnapshotHeader header = std::move(g.header);
  std::vector<std::string> chunks = std::move(g.chunks);
  Forget(group);
  return target_->InstallSnapshot(header, std::move(chunks));
}

}  // namespace isochron::tablet
