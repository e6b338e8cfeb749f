// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/convert.h"

// What a newer group here holds of a lagging group's range (group_host_overlaps.cc): a row of the
// group's metadata for each such range, which names its beginning and holds its end.

namespace isochron::tablet {
namespace {

std::string RowPrefix(GroupId group) { return absl::StrCat(MetaPrefix(group), "c"); }

KeyRange Clip(const KeyRange& r, const KeyRange& to) {
  const bool shorter = r.end.empty() || (!to.end.empty() && to.end < r.end);
  return KeyRange{std::max(r.start, to.start), shorter ? to.end : r.end};
}

std::vector<KeyRange> ClipAll(const std::vector<KeyRange>& ranges, const KeyRange& to) {
  std::vector<KeyRange> out;
  for (const KeyRange& r : ranges) {
    if (r.Overlaps(to)) out.push_back(Clip(r, to));
  }
  return out;
}

}  // namespace

void AppliedState::Cover(const KeyRange& range, storage::WriteBatch* batch) {
  std::erase_if(covered_, [&](const KeyRange& c) { return range.Contains(c); });
  covered_.push_back(range);
  SaveCovered(batch);
}

void AppliedState::CoverAsIn(const AppliedState& other) {
  const KeyRange own = FromProto(descriptor().range());
  for (KeyRange& r : ClipAll(other.covered_, own)) covered_.push_back(std::move(r));
}

void AppliedState::UncoverOutside(storage::WriteBatch* batch) {
  if (covered_.empty()) return;
  covered_ = ClipAll(covered_, FromProto(descriptor().range()));
  SaveCovered(batch);
}

void AppliedState::SaveCovered(storage::WriteBatch* batch) const {
  const std::string prefix = RowPrefix(id());
  batch->DeleteRange(prefix, absl::StrCat(MetaPrefix(id()), "d"));
  for (const KeyRange& r : covered_) batch->Put(absl::StrCat(prefix, r.start), r.end);
}

bool AppliedState::Covers(const KeyRange& span) const {
  return std::any_of(covered_.begin(), covered_.end(),
                     [&](const KeyRange& c) { return c.Overlaps(span); });
}

}  // namespace isochron::tablet
