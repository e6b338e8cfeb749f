// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"
#include "tablet/group/membership.h"

// Snapshots of groups, sent to a follower that needs one and installed here.

namespace isochron::tablet {
namespace {

constexpr Micros kSnapshotDeadlineUs = 120'000'000;
constexpr Micros kPieceTimeoutUs = 5'000'000;
// Transfers under way from one node; the others are asked for again a little later.
constexpr size_t kMaxSending = 8;

}  // namespace

// Whether the state is behind the change that made `to` a member. One of before it may be of before
// a merge as well, and the newcomer has no replica of the group that was merged.
bool GroupHost::ComesAfterMember(const Group& group, NodeId to) const {
  if (options_.sabotage.Is(Sabotage::kSnapshotBeforeMember)) return true;
  return ConfigOf(group.state().descriptor()).Find(to) != nullptr;
}

Task<void> GroupHost::SendSnapshot(GroupId id, NodeId to) {
  Group* g = Find(id);
  bool ok = false;
  LogIndex index = 0;
  // A leader that is behind a split, and has the piece by a snapshot, has not all that it says.
  bool ready = g != nullptr && g->initialised() && !g->state().Covers(g->range()) &&
               sending_snapshots_.size() <= kMaxSending && ComesAfterMember(*g, to);
  peer::GroupSnapshotHeader header;
  if (ready) ready = co_await PrepareForWitness(id, to, &header);
  g = Find(id);
  if (ready && g != nullptr) {
    if (header.witness_base() == 0) g->state().ToSnapshot(&header);
    if (options_.sabotage.Is(Sabotage::kSnapshotWithoutPrepared)) header.clear_prepared();
    index = header.witness_base() != 0 ? header.witness_base() : header.index();
    SnapshotSource source(static_cast<uint64_t>(env_.executor->MonotonicNow()), std::move(header),
                          &store_, env_.engine);
    env_.observer->Count("group.snapshots_made", 1);
    auto ctx =
        std::make_shared<RequestContext>(env_.executor->MonotonicNow() + kSnapshotDeadlineUs);
    for (;;) {
      auto piece = source.Next();
      ok = piece.ok();
      if (!ok || !piece->has_value()) break;
      // A lost piece must not hold the receiver back until the deadline: all is sent again then.
      auto answer = co_await env_.rpc->Call(ctx, to, rpc::Method::kSnapshotChunk,
                                            **std::move(piece), {.timeout_us = kPieceTimeoutUs});
      ok = answer.ok();
      if (!ok) break;
    }
  }
  sending_snapshots_.erase({id, to});
  env_.observer->Count("group.snapshots_sent", ok ? 1 : 0);
  g = Find(id);
  if (g == nullptr) co_return;
  g->replica()->ReportSnapshot(to, ok, index);
  MarkDirty(id);
}

Task<absl::StatusOr<std::string>> GroupHost::OnSnapshotPiece(NodeId from, std::string piece) {
  ISO_CO_RETURN_IF_ERROR(snapshots_.OnPiece(from, piece));
  co_return std::string();
}

absl::Status GroupHost::InstallSnapshot(const peer::GroupSnapshotHeader& header,
                                        std::vector<std::string> chunks) {
  const GroupId id(header.state().group_descriptor().group());
  Group* g = Find(id);
  if (g == nullptr) return absl::NotFoundError(absl::StrCat("no replica of group ", id.value));
  const paxos::Config config = ConfigOf(header.state().group_descriptor());
  const paxos::Member* meant = config.Find(env_.transport->self());
  if (meant != nullptr && meant->id != g->replica()->id()) {
    return absl::FailedPreconditionError("the snapshot is for another replica of this node");
  }
  if ((header.witness_base() != 0) != g->state().rowless() && g->initialised()) {
    return absl::FailedPreconditionError("the snapshot is for a replica of another kind");
  }
  if (g->replica()->role() == paxos::Role::kLeader) return absl::OkStatus();
  if (header.witness_base() != 0) return InstallWitness(g, header);
  if (header.index() <= g->state().index()) return absl::OkStatus();  // late: this one is ahead
  if (const Group* newer = NewerPiece(header.state().group_descriptor())) {
    env_.observer->Reached("group.snapshot_behind_a_piece");
    return absl::UnavailableError(
        absl::StrCat("group ", newer->id().value, " is here already, which was split off later"));
  }
  const KeyRange range = FromProto(header.state().group_descriptor().range());
  storage::WriteBatch batch;
  storage::MvccStore::ClearRange(&batch, range);
  batch.DeleteRange(MetaPrefix(id), MetaEnd(id));
  for (const std::string& chunk : chunks) {
    ISO_RETURN_IF_ERROR(storage::MvccStore::ImportChunk(&batch, range, chunk));
  }
  AppliedState state = AppliedState::FromSnapshot(header);
  const paxos::LogMark mark{state.index(), state.ballot()};
  return Install(g, std::move(state), mark, std::move(batch));
}

// `batch` holds the rows; the state follows, and the log forgets what it replaces.
absl::Status GroupHost::Install(Group* g, AppliedState state, paxos::LogMark mark,
                                storage::WriteBatch batch) {
  const GroupId id = g->id();
  const paxos::Config config = ConfigOf(state.descriptor());
  const LogIndex config_at = state.index();
  state.SaveAll(&batch);
  if (!state.rowless()) CoverOlder(state.descriptor(), &batch);
  SaveLife(id, g->replica()->id(), state.rowless(), &batch);
  DropNewborn(id, &batch);
  const std::vector<GroupId> newborn = BearSkipped(g, state, &batch);
  std::vector<GroupId> merged;
  for (uint64_t group : state.group_state().absorbed()) {
    merged.push_back(GroupId(group));
    quarantined_.erase(GroupId(group));
    batch.DeleteRange(MetaPrefix(GroupId(group)), MetaEnd(GroupId(group)));
    DropNewborn(GroupId(group), &batch);
  }
  absl::Status written = env_.engine->Write(std::move(batch));
  if (written.ok()) written = env_.engine->Flush();  // before the log forgets what it replaces
  if (!written.ok()) {
    env_.on_fatal(written);
    return written;
  }
  log_->TruncatePrefix(id, mark);
  g->replica()->InstallSnapshot(mark, config, config_at);
  g->InstallSnapshot(std::move(state));
  for (GroupId group : merged) EndReplica(group);
  RemoveLogs(std::move(merged));
  for (GroupId group : newborn) MakeNewborn(group);
  env_.observer->Reached("group.snapshot_installed");
  OnMembers(id, g->removed());
  MarkDirty(id);
  return absl::OkStatus();
}

}  // namespace isochron::tablet
