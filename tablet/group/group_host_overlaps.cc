// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "tablet/group/convert.h"
#include "tablet/group/group_host.h"

// Groups of this node whose ranges overlap. A replica that is behind a split still has the whole
// range when the piece comes by a snapshot, and its log goes on writing there: rows that the piece
// has deleted since, and whose tombstones are gone, would come back for good. Of two groups that
// overlap the newer is the one with the greater generation: a split gives its child a generation
// that the parent never had before, and it only grows.

namespace isochron::tablet {

// In the batch that brings the newer one's rows.
void GroupHost::CoverOlder(const peer::GroupDescriptor& newer, storage::WriteBatch* batch) {
  const KeyRange range = FromProto(newer.range());
  for (const auto& [id, g] : groups_) {
    if (id.value == newer.group() || !g->initialised() || !g->range().Overlaps(range)) continue;
    env_.observer->Reached("group.behind_its_piece");
    g->mutable_state()->Cover(range, batch);
  }
}

// One that is here already and knows more of the range than a snapshot with this descriptor does.
const Group* GroupHost::NewerPiece(const peer::GroupDescriptor& descriptor) const {
  const KeyRange range = FromProto(descriptor.range());
  for (const auto& [id, g] : groups_) {
    if (id.value != descriptor.group() && g->initialised() &&
        g->descriptor().generation() > descriptor.generation() && g->range().Overlaps(range)) {
      return g.get();
    }
  }
  return nullptr;
}

// What of `range` lies in no group's range but `owner`'s.
std::vector<KeyRange> GroupHost::HeldByNoOther(const KeyRange& range, GroupId owner) const {
  std::vector<KeyRange> others;
  for (const auto& [id, g] : groups_) {
    if (id != owner && g->initialised() && !g->state().rowless()) others.push_back(g->range());
  }
  std::sort(others.begin(), others.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.start < b.start; });
  std::vector<KeyRange> left;
  std::string from = range.start;
  bool to_the_end = false;
  for (const KeyRange& o : others) {
    if (!range.end.empty() && o.start >= range.end) break;
    if (!o.end.empty() && o.end <= from) continue;
    if (o.start > from) left.push_back(KeyRange{from, o.start});
    to_the_end = o.end.empty();
    if (to_the_end) break;
    from = o.end;
  }
  if (!to_the_end && (range.end.empty() || from < range.end)) {
    left.push_back(KeyRange{from, range.end});
  }
  return left;
}

}  // namespace isochron::tablet
