// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/snapshot_transfer.h"

#include <optional>
#include <utility>

#include "common/status_macros.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {

absl::StatusOr<std::vector<std::string>> MakeSnapshotPieces(uint64_t transfer,
                                                            const peer::GroupSnapshotHeader& header,
                                                            storage::MvccStore* store,
                                                            storage::Engine* engine) {
  const uint64_t group = header.state().group_descriptor().group();
  const KeyRange range = FromProto(header.state().group_descriptor().range());
  auto snapshot = engine->NewSnapshot();
  std::vector<std::string> pieces;
  uint64_t bytes = 0;
  std::string cursor;
  for (uint64_t number = 0;; ++number) {
    ISO_ASSIGN_OR_RETURN(storage::ExportedChunk chunk,
                         store->ExportChunk(range, cursor, kSnapshotPieceBytes, snapshot.get()));
    peer::SnapshotPiece piece;
    piece.set_group(group);
    piece.set_transfer(transfer);
    piece.set_number(number);
    piece.set_last(!chunk.next.has_value());
    if (number == 0) *piece.mutable_header() = header;
    piece.set_chunk(std::move(chunk.bytes));
    pieces.push_back(piece.SerializeAsString());
    bytes += pieces.back().size();
    if (bytes > kSnapshotMaxBytes) {
      return absl::ResourceExhaustedError(
          "the group is too large to be sent as a snapshot: split it");
    }
    if (!chunk.next) return pieces;
    cursor = *chunk.next;
  }
}

absl::Status SnapshotReceiver::OnPiece(NodeId from, absl::string_view bytes) {
  peer::SnapshotPiece piece;
  if (!piece.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || piece.group() == 0) {
    return absl::InvalidArgumentError("a snapshot piece cannot be understood");
  }
  const GroupId group(piece.group());
  Gathered& g = gathered_[group];
  if (piece.number() == 0) {
    g = Gathered{from, piece.transfer(), 0, 0, std::move(*piece.mutable_header()), {}};
  }
  if (g.from != from || g.transfer != piece.transfer() || piece.number() != g.next ||
      g.bytes + piece.chunk().size() > kSnapshotMaxBytes) {
    gathered_.erase(group);
    return absl::FailedPreconditionError("a snapshot piece does not follow those before it");
  }
  ++g.next;
  g.bytes += piece.chunk().size();
  g.chunks.push_back(std::move(*piece.mutable_chunk()));
  if (!piece.last()) return absl::OkStatus();
  Gathered whole = std::move(g);
  gathered_.erase(group);
  return target_->InstallSnapshot(whole.header, std::move(whole.chunks));
}

}  // namespace isochron::tablet
