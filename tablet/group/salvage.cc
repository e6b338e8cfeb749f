// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/salvage.h"

#include <vector>

#include "common/status_macros.h"
#include "storage/engine/key_space.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {
namespace {

constexpr size_t kBatchBytes = 1 << 20;

absl::Status Copy(storage::Engine* from, const std::string& lower, const std::string& upper,
                  storage::Engine* to) {
  auto it = from->NewIterator(lower, upper);
  storage::WriteBatch batch;
  size_t bytes = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    batch.Put(it->key(), it->value());
    bytes += it->key().size() + it->value().size();
    if (bytes < kBatchBytes) continue;
    ISO_RETURN_IF_ERROR(to->Write(std::exchange(batch, storage::WriteBatch())));
    bytes = 0;
  }
  ISO_RETURN_IF_ERROR(it->status());
  return batch.empty() ? absl::OkStatus() : to->Write(std::move(batch));
}

}  // namespace

absl::StatusOr<std::map<GroupId, std::string>> FindHurtGroups(storage::Engine* store) {
  ISO_ASSIGN_OR_RETURN(const std::vector<GroupId> groups, AppliedState::ListGroups(store));
  storage::MvccStore rows(store);
  std::map<GroupId, std::string> hurt;
  for (GroupId id : groups) {
    const absl::StatusOr<AppliedState> state = AppliedState::Load(store, id);
    absl::Status status = state.status();
    if (status.ok() && state->initialised()) {
      status = rows.Digest(FromProto(state->descriptor().range())).status();
    }
    if (status.ok()) continue;
    if (!absl::IsDataLoss(status)) return status;
    hurt.emplace(id, std::string(status.message()));
  }
  return hurt;
}

absl::Status Salvage(storage::Engine* from, const std::map<GroupId, std::string>& hurt,
                     storage::Engine* to) {
  // Metadata that is no group's lies before and behind that of the groups.
  const std::string groups_begin = MetaPrefix(GroupId());
  const std::string groups_end = storage::MetaKey("h");
  ISO_RETURN_IF_ERROR(Copy(from, storage::MetaKey(""), groups_begin, to));
  ISO_RETURN_IF_ERROR(Copy(from, groups_end, std::string(1, storage::kMetaKey + 1), to));
  ISO_ASSIGN_OR_RETURN(const std::vector<GroupId> groups, AppliedState::ListGroups(from));
  for (GroupId id : groups) {
    if (auto it = hurt.find(id); it != hurt.end()) {
      storage::WriteBatch batch;
      batch.Put(DamageRow(id), it->second);
      ISO_RETURN_IF_ERROR(to->Write(std::move(batch)));
      continue;
    }
    ISO_ASSIGN_OR_RETURN(const AppliedState state, AppliedState::Load(from, id));
    const KeyRange range = FromProto(state.descriptor().range());
    ISO_RETURN_IF_ERROR(Copy(from, MetaPrefix(id), MetaEnd(id), to));
    if (!state.initialised()) continue;
    ISO_RETURN_IF_ERROR(Copy(from, storage::LowerBound(range), storage::UpperBound(range), to));
  }
  return to->Flush();
}

}  // namespace isochron::tablet
