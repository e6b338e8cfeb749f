// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/convert.h"

// Freezing and merging, as every replica applies them (rule 36).

namespace isochron::tablet {
namespace {

// Nodes and kinds; descriptors of earlier versions list voters only.
std::vector<std::pair<uint32_t, int>> Replicas(const peer::GroupDescriptor& d) {
  std::vector<std::pair<uint32_t, int>> out;
  for (const peer::Replica& r : d.replicas()) out.emplace_back(r.node(), r.kind());
  if (out.empty()) {
    for (uint32_t v : d.voters()) out.emplace_back(v, peer::VOTER);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

bool SameReplicas(const peer::GroupDescriptor& a, const peer::GroupDescriptor& b) {
  return Replicas(a) == Replicas(b);
}

void AppliedState::ApplyFreeze(const peer::Freeze& freeze, storage::WriteBatch* batch) {
  if (freeze.thaw()) {
    if (!frozen() || state_.frozen().token() != freeze.token()) return;
    state_.clear_frozen();
  } else {
    // The leader waited for what was prepared; without that there is no freeze.
    if (!prepared_.empty() || (frozen() && state_.frozen().owner() != freeze.owner())) return;
    *state_.mutable_frozen() = freeze;
    RaiseAssigned(Timestamp(freeze.s_max()));
  }
  batch->Put(absl::StrCat(MetaPrefix(id()), "s"), state_.SerializeAsString());
}

bool AppliedState::HasAbsorbed(GroupId group) const {
  const auto& all = state_.absorbed();
  return std::find(all.begin(), all.end(), group.value) != all.end();
}

bool AppliedState::CanAbsorb(const peer::Merge& merge) const {
  const peer::GroupDescriptor& own = descriptor();
  const peer::GroupDescriptor& right = merge.right();
  return !frozen() && !own.range().end().empty() && own.range().end() == right.range().start() &&
         own.generation() == merge.left_generation() && SameReplicas(own, right);
}

void AppliedState::Absorb(const peer::Merge& merge, const AppliedState& right, SabotageSet sabotage,
                          storage::WriteBatch* batch) {
  ISO_CHECK(right.frozen() && right.state_.frozen().owner() == id().value &&
                right.state_.frozen().token() == merge.token(),
            "a group is merged that is frozen for it");
  ISO_CHECK(right.prepared_.empty(), "nothing is prepared in a frozen group");
  peer::GroupDescriptor* own = state_.mutable_group_descriptor();
  own->mutable_range()->set_end(right.descriptor().range().end());
  own->set_generation(std::max(own->generation(), right.descriptor().generation()) + 1);
  state_.set_horizon_us(std::max(state_.horizon_us(), right.state_.horizon_us()));
  state_.add_absorbed(right.id().value);
  state_.mutable_absorbed()->MergeFrom(right.state_.absorbed());
  auto* children = state_.mutable_children();
  children->MergeFrom(right.state_.children());
  children->erase(std::remove_if(children->begin(), children->end(),
                                 [&](const auto& c) { return c.group() == right.id().value; }),
                  children->end());
  if (!sabotage.Is(Sabotage::kMergeWithoutSmax)) {
    RaiseAssigned(Timestamp(merge.s()));
    RaiseLastTs(right.last_ts());
  }
  const std::string prefix = MetaPrefix(id());
  for (const auto& [attempt, d] : right.decisions_) {
    batch->Put(DecisionKey(attempt), d.SerializeAsString());
    decisions_[attempt] = d;
  }
  for (const TxnAttempt& attempt : right.finished_order_) {
    if (auto f = right.Finished(attempt)) {
      Finish(f->txn(), f->commit_start_us(), f->commit(), Timestamp(f->s()));
    }
  }
  SaveFinished(batch);  // the log that they came from goes
  for (const KeyRange& range : right.covered_) Cover(range, batch);
  written_bytes_ += right.written_bytes_;
  garbage_from_ = std::min(garbage_from_, right.garbage_from_);
  batch->Put(absl::StrCat(prefix, "s"), state_.SerializeAsString());
  batch->DeleteRange(MetaPrefix(right.id()), MetaEnd(right.id()));
}

}  // namespace isochron::tablet
