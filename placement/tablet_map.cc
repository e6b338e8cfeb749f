// SPDX-License-Identifier: Apache-2.0
#include "placement/tablet_map.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"

namespace isochron::placement {
namespace {

// True if end `a` lies before end `b`; empty is the end of the key space.
bool EndBefore(const std::string& a, const std::string& b) {
  if (a.empty()) return false;
  return b.empty() || a < b;
}

// What is left of `range` without `cut`, in order.
std::vector<KeyRange> Subtract(const KeyRange& range, const KeyRange& cut) {
  if (!range.Overlaps(cut)) return {range};
  std::vector<KeyRange> left;
  if (range.start < cut.start) left.push_back(KeyRange{range.start, cut.start});
  if (EndBefore(cut.end, range.end)) left.push_back(KeyRange{cut.end, range.end});
  return left;
}

std::vector<KeyRange> Subtract(const std::vector<KeyRange>& ranges, const KeyRange& cut) {
  std::vector<KeyRange> left;
  for (const KeyRange& r : ranges) {
    for (KeyRange& piece : Subtract(r, cut)) left.push_back(std::move(piece));
  }
  return left;
}

}  // namespace

TabletMap::TabletMap(Executor* executor, const std::vector<GroupDescriptor>& initial)
    : executor_(executor), refreshed_(executor) {
  for (const GroupDescriptor& d : initial) {
    Learn(d);
    for (NodeId n : d.voters) {
      if (std::find(all_nodes_.begin(), all_nodes_.end(), n) == all_nodes_.end()) {
        all_nodes_.push_back(n);
      }
    }
  }
}

const GroupDescriptor* TabletMap::Find(const std::string& key) const {
  auto it = pieces_.upper_bound(key);
  if (it == pieces_.begin()) return nullptr;
  --it;
  return it->second.range.Contains(key) ? &it->second : nullptr;
}

const GroupDescriptor* TabletMap::FindBefore(const std::string& end) const {
  auto it = end.empty() ? pieces_.end() : pieces_.lower_bound(end);
  if (it == pieces_.begin()) return nullptr;
  --it;
  const KeyRange& range = it->second.range;
  return EndBefore(range.end, end) ? nullptr : &it->second;
}

std::vector<NodeId> TabletMap::Voters(GroupId group) const {
  auto it = groups_.find(group);
  if (it == groups_.end() || it->second.voters.empty()) return all_nodes_;
  return it->second.voters;
}

std::vector<NodeId> TabletMap::Readers(GroupId group) const {
  auto it = groups_.find(group);
  if (it == groups_.end() || it->second.readers.empty()) return Voters(group);
  return it->second.readers;
}

std::vector<NodeId> TabletMap::Witnesses(GroupId group) const {
  auto it = groups_.find(group);
  return it == groups_.end() ? std::vector<NodeId>() : it->second.witnesses;
}

NodeId TabletMap::LeaderHint(GroupId group) const {
  auto it = leaders_.find(group);
  return it == leaders_.end() ? NodeId() : it->second;
}

void TabletMap::ReportLeader(GroupId group, NodeId leader) {
  if (leader) {
    leaders_[group] = leader;
  } else {
    leaders_.erase(group);
  }
}

TabletMap::Pieces::iterator TabletMap::FirstIn(const KeyRange& range) {
  auto it = pieces_.upper_bound(range.start);
  if (it != pieces_.begin() && std::prev(it)->second.range.Overlaps(range)) --it;
  return it;
}

void TabletMap::Learn(const GroupDescriptor& descriptor) {
  if (!descriptor.group || descriptor.range.Empty()) return;
  nodes_.insert(descriptor.voters.begin(), descriptor.voters.end());
  nodes_.insert(descriptor.readers.begin(), descriptor.readers.end());
  nodes_.insert(descriptor.witnesses.begin(), descriptor.witnesses.end());
  const KeyRange range = descriptor.range;
  auto [known, fresh] = groups_.try_emplace(descriptor.group, descriptor);
  if (!fresh) {
    if (known->second.generation >= descriptor.generation) return;
    // What the group was known to hold encloses all its pieces.
    const KeyRange before = known->second.range;
    for (auto it = FirstIn(before); it != pieces_.end() && it->second.range.Overlaps(before);) {
      it = it->second.group == descriptor.group ? pieces_.erase(it) : std::next(it);
    }
    known->second = descriptor;
  }
  std::vector<KeyRange> mine = {range};
  for (auto it = FirstIn(range); it != pieces_.end() && it->second.range.Overlaps(range); ++it) {
    if (it->second.generation >= descriptor.generation) mine = Subtract(mine, it->second.range);
  }
  std::vector<GroupDescriptor> changed;
  for (auto it = FirstIn(range); it != pieces_.end() && it->second.range.Overlaps(range);) {
    std::vector<KeyRange> left = {it->second.range};
    for (const KeyRange& m : mine) left = Subtract(left, m);
    if (left.size() == 1 && left[0] == it->second.range) {
      ++it;
      continue;
    }
    for (KeyRange& piece : left) {
      changed.push_back(it->second);
      changed.back().range = std::move(piece);
    }
    it = pieces_.erase(it);
  }
  for (KeyRange& piece : mine) {
    changed.push_back(descriptor);
    changed.back().range = std::move(piece);
  }
  for (GroupDescriptor& d : changed) {
    std::string start = d.range.start;
    pieces_.emplace(std::move(start), std::move(d));
  }
  CheckAround(range);
}

void TabletMap::CheckAround(const KeyRange& range) {
  auto it = FirstIn(range);
  if (it != pieces_.begin()) --it;
  const GroupDescriptor* before = nullptr;
  for (; it != pieces_.end(); ++it) {
    const GroupDescriptor& piece = it->second;
    ISO_CHECK(it->first == piece.range.start && !piece.range.Empty(),
              "a piece is filed by its start");
    ISO_CHECK(before == nullptr || !before->range.Overlaps(piece.range), "pieces do not overlap");
    if (before != nullptr && !piece.range.Overlaps(range)) break;
    before = &piece;
  }
}

std::vector<GroupDescriptor> TabletMap::Entries() const {
  std::vector<GroupDescriptor> entries;
  for (const auto& [start, piece] : pieces_) entries.push_back(piece);
  return entries;
}

Task<absl::Status> TabletMap::Refresh(Ctx ctx) {
  if (caller_ == nullptr) co_return absl::UnavailableError("the tablet map cannot be read yet");
  const uint64_t before = refreshes_;
  while (refreshing_) {
    if (absl::Status s = ctx->Check(executor_->MonotonicNow()); !s.ok()) co_return s;
    co_await refreshed_.WaitUntil(
        std::min(ctx->deadline_us(), executor_->MonotonicNow() + 100'000));
    if (refreshes_ > before) co_return absl::OkStatus();
  }
  // However this coroutine ends, the next one may read.
  struct Turn {
    TabletMap* map;
    explicit Turn(TabletMap* m) : map(m) { map->refreshing_ = true; }
    Turn(const Turn&) = delete;
    ~Turn() {
      map->refreshing_ = false;
      map->refreshed_.NotifyAll();
    }
  } turn(this);
  absl::Status status = co_await ReadRows(std::move(ctx));
  if (status.ok()) ++refreshes_;
  co_return status;
}

Task<absl::Status> TabletMap::ReadRows(Ctx ctx) {
  std::vector<KeyRange> spans = {txn::MapRange()};
  Timestamp t;  // the leader's choice at first: all rows are in one group
  while (!spans.empty()) {
    peer::GroupRequest request;
    peer::SnapshotReadRequest* read = request.mutable_snapshot_read();
    read->set_timestamp_us(t.us);
    read->set_limit_bytes(1 << 20);
    for (const KeyRange& s : spans) {
      peer::Span* span = read->add_spans();
      span->set_start(s.start);
      span->set_end(s.end);
    }
    absl::StatusOr<peer::GroupResponse> response =
        co_await caller_->Call(ctx, txn::kSystemGroup, std::move(request));
    if (!response.ok()) co_return response.status();
    if (response->error() != peer::GROUP_OK) {
      co_return absl::UnavailableError(
          absl::StrCat("the tablet map cannot be read: ", response->message()));
    }
    t = Timestamp(response->read().timestamp_us());
    for (const peer::Row& row : response->read().rows()) {
      peer::GroupDescriptor d;
      if (!d.ParseFromString(row.value())) {
        co_return absl::DataLossError("a row of the tablet map is malformed");
      }
      Learn(txn::ToDescriptor(d));
    }
    spans.clear();
    for (const peer::Span& s : response->read().rest()) {
      spans.push_back(KeyRange{s.start(), s.end()});
    }
  }
  co_return absl::OkStatus();
}

}  // namespace isochron::placement
