// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "paxos/log/segment_name.h"

namespace isochron::paxos {

using format::RecordType;

namespace {

// A batch without records, not synced: all before it was.
absl::Status WriteMark(File* file, uint64_t sequence, uint64_t offset) {
  std::string block(format::kBlock, '\0');
  format::BatchHeader header;
  header.sequence = sequence;
  header.offset = header.synced = offset;
  header.zero_tail = format::ZeroTail(block);
  block.replace(0, format::kBatchHeaderBytes, format::Encode(header));
  return file->WriteAt(offset, std::move(block));
}

}  // namespace

Log::Log(Disk* disk, Options options)
    : disk_(disk), options_(std::move(options)), alive_(std::make_shared<bool>(true)) {
  pending_.assign(format::kBatchHeaderBytes, '\0');
}

Log::~Log() = default;

std::vector<GroupId> Log::RecoveredGroups() const {
  std::vector<GroupId> out;
  for (const auto& [id, g] : recovered_) out.push_back(id);
  return out;
}

RecoveredGroup Log::TakeRecovered(GroupId group) {
  auto it = recovered_.find(group);
  if (it == recovered_.end()) return RecoveredGroup();
  RecoveredGroup g = std::move(it->second);
  recovered_.erase(it);
  return g;
}

// --- buffering -----------------------------------------------------------------------------------

size_t Log::BeginRecord() {
  const size_t start = pending_.size();
  pending_.append(format::kRecordHeaderBytes, '\0');
  return start;
}

void Log::EndRecord(size_t start, RecordType type, GroupId group, LogIndex first, uint32_t count) {
  const absl::string_view body =
      absl::string_view(pending_).substr(start + format::kRecordHeaderBytes);
  const format::RecordHeader header{
      type, group, first, count, static_cast<uint32_t>(body.size()), Crc32c(body)};
  pending_.replace(start, format::kRecordHeaderBytes, format::Encode(header));
  ++pending_records_;
  placed_.push_back(Placed{group, type, first, count});
}

// `at` no longer is where a group's newest lies.
void Log::Supersede(Location* at) {
  if (at->segment != 0) {
    auto it = segments_.find(at->segment);
    ISO_CHECK(it != segments_.end() && it->second.live >= at->bytes, "live bytes add up");
    it->second.live -= at->bytes;
  }
  *at = Location{0, pending_.size(), 0};
}

void Log::AppendHardState(GroupId id, Group* g) {
  Supersede(&g->hard_at);
  const size_t start = BeginRecord();
  pending_ += format::EncodeHardState(g->hard);
  g->hard_at.bytes = static_cast<uint32_t>(pending_.size() - start);
  EndRecord(start, RecordType::kHardState, id, 0, 0);
}

void Log::AppendMark(GroupId id, Group* g) {
  Supersede(&g->base_at);
  const size_t start = BeginRecord();
  pending_ += format::EncodeMark(g->base);
  g->base_at.bytes = static_cast<uint32_t>(pending_.size() - start);
  EndRecord(start, RecordType::kMark, id, 0, 0);
}

void Log::AppendQuarantine(GroupId id, Group* g) {
  Supersede(&g->quarantine_at);
  const size_t start = BeginRecord();
  pending_ += g->quarantine;
  g->quarantine_at.bytes = static_cast<uint32_t>(pending_.size() - start);
  EndRecord(start, RecordType::kQuarantined, id, 0, 0);
}

// `entries` are consecutive and lie after the mark.
void Log::AppendEntries(GroupId id, Group* g, absl::Span<const Entry> entries) {
  const LogIndex first = entries.front().index;
  ISO_CHECK(first > g->base.index && first <= g->base.index + g->entries.size() + 1,
            "a group's log has no hole");
  const size_t start = BeginRecord();
  for (const Entry& e : entries) {
    const size_t i = e.index - g->base.index - 1;
    if (i == g->entries.size()) g->entries.emplace_back();
    Location& at = g->entries[i];
    Supersede(&at);
    at.offset = pending_.size() + 4;
    at.bytes = format::AppendEntry(e, &pending_);
  }
  EndRecord(start, RecordType::kEntries, id, first, static_cast<uint32_t>(entries.size()));
}

void Log::Append(GroupId group, const HardState* hard, absl::Span<const Entry> entries) {
  Group& g = groups_[group];
  ISO_CHECK(g.quarantine.empty(), "nothing is appended for a quarantined group");
  if (hard != nullptr) {
    g.hard = *hard;
    g.has_hard = true;
    AppendHardState(group, &g);
  }
  // One record a consecutive run.
  for (size_t i = 0; i < entries.size();) {
    size_t end = i + 1;
    while (end < entries.size() && entries[end].index == entries[end - 1].index + 1) ++end;
    size_t from = i;
    while (from < end && entries[from].index <= g.base.index) ++from;
    if (from < end) AppendEntries(group, &g, entries.subspan(from, end - from));
    i = end;
  }
}

void Log::TruncatePrefix(GroupId group, LogMark mark) {
  Group& g = groups_[group];
  ISO_CHECK(g.quarantine.empty(), "a quarantined group has no log");
  if (mark.index < g.base.index) return;
  for (LogIndex i = g.base.index; i < mark.index && !g.entries.empty(); ++i) {
    Supersede(&g.entries.front());
    g.entries.pop_front();
  }
  g.base = mark;
  AppendMark(group, &g);
}

// Nothing of `g` is live any more.
void Log::Forget(Group* g) {
  Supersede(&g->hard_at);
  Supersede(&g->base_at);
  Supersede(&g->quarantine_at);
  for (Location& at : g->entries) Supersede(&at);
  *g = Group();
}

void Log::RemoveGroup(GroupId group) {
  auto it = groups_.find(group);
  if (it == groups_.end()) return;
  Forget(&it->second);
  groups_.erase(it);
  EndRecord(BeginRecord(), RecordType::kRemoved, group, 0, 0);
}

void Log::Quarantine(GroupId group, std::string reason) {
  Group& g = groups_[group];
  if (!g.quarantine.empty()) return;
  Forget(&g);
  g.quarantine = reason.empty() ? "damaged" : std::move(reason);
  AppendQuarantine(group, &g);
}

bool Log::IsQuarantined(GroupId group) const {
  auto it = groups_.find(group);
  return it != groups_.end() && !it->second.quarantine.empty();
}

// --- flushing ------------------------------------------------------------------------------------

void Log::Flush(absl::AnyInvocable<void()> done) {
  waiting_.push_back(std::move(done));
  if (!flush_out_ && !out_of_space_) StartFlush();
}

void Log::RetryFlush() {
  if (!std::exchange(out_of_space_, false)) return;
  if (!flush_out_ && !waiting_.empty()) StartFlush();
}

void Log::PlaceAt(Location* at, uint64_t segment, uint64_t batch_start) {
  if (at->segment != 0) return;  // placed by an earlier record of this batch that it replaced
  at->segment = segment;
  at->offset += batch_start;
  segments_[segment].live += at->bytes;
}

void Log::Place(uint64_t segment, uint64_t batch_start) {
  for (const Placed& p : placed_) {
    auto it = groups_.find(p.group);
    if (it == groups_.end()) continue;
    Group& g = it->second;
    if (p.type == RecordType::kHardState && g.has_hard) PlaceAt(&g.hard_at, segment, batch_start);
    // A record of a life that ended within this batch places nothing.
    if (!g.quarantine.empty()) {
      if (p.type == RecordType::kQuarantined) PlaceAt(&g.quarantine_at, segment, batch_start);
      continue;
    }
    if (p.type == RecordType::kMark) PlaceAt(&g.base_at, segment, batch_start);
    for (LogIndex i = p.first; i < p.first + p.count; ++i) {
      if (i <= g.base.index || i > g.base.index + g.entries.size()) continue;
      PlaceAt(&g.entries[i - g.base.index - 1], segment, batch_start);
    }
  }
  placed_.clear();
}

void Log::StartFlush() {
  if (failed_) return;
  CopyForward();
  const uint64_t bytes = format::RoundUp(pending_.size());
  if (segments_.rbegin()->second.end + bytes > segments_.rbegin()->second.size) {
    const absl::Status s = NewSegment(bytes);
    if (absl::IsResourceExhausted(s)) {
      out_of_space_ = true;
      if (options_.observer != nullptr) options_.observer->Reached("log.out_of_space");
      return;
    }
    if (!s.ok()) return Fatal(s);
  }
  auto& [sequence, segment] = *segments_.rbegin();
  const uint64_t offset = segment.end;
  // Only one flush is ever out, so all that lies before this batch is synced.
  format::BatchHeader header;
  header.sequence = sequence;
  header.offset = header.synced = offset;
  header.bytes = static_cast<uint32_t>(pending_.size() - format::kBatchHeaderBytes);
  header.records = pending_records_;
  pending_.resize(bytes);
  header.zero_tail = format::ZeroTail(pending_);
  pending_.replace(0, format::kBatchHeaderBytes, format::Encode(header));
  Place(sequence, offset);
  segment.end = offset + bytes;
  flush_bytes_ = bytes;
  removable_before_ = 0;
  for (const auto& [s, seg] : segments_) {
    if (seg.live != 0 || s == sequence) break;
    removable_before_ = s + 1;
  }
  flushing_ = std::exchange(waiting_, {});
  flush_out_ = true;
  if (options_.observer != nullptr) {
    options_.observer->Count("log.syncs", 1);
    options_.observer->Count("log.bytes", static_cast<int64_t>(bytes));
  }
  std::string data = std::exchange(pending_, std::string(format::kBatchHeaderBytes, '\0'));
  pending_records_ = 0;
  segment.file->WriteAndSyncAsync(offset, std::move(data),
                                  [this, alive = std::weak_ptr<bool>(alive_)](absl::Status status) {
                                    if (!alive.expired()) OnFlushed(std::move(status));
                                  });
}

void Log::OnFlushed(absl::Status status) {
  if (failed_) return;
  if (!status.ok()) return Fatal(status);
  flush_out_ = false;
  RemoveDeadSegments(removable_before_);
  auto done = std::exchange(flushing_, {});
  if (!waiting_.empty()) StartFlush();
  std::weak_ptr<bool> alive = alive_;
  for (auto& fn : done) {
    fn();
    if (alive.expired()) return;
  }
  if (flush_out_ || failed_ || options_.sabotage.Is(Sabotage::kTruncateAnyBadRecord)) return;
  // No next batch says that this one was synced: so that damage to it does not pass for a torn
  // write, a mark does (rule 33). The next batch takes its place.
  auto& [sequence, segment] = *segments_.rbegin();
  if (segment.end + format::kBlock > segment.size) return;
  const absl::Status marked = WriteMark(segment.file.get(), sequence, segment.end);
  if (!marked.ok()) Fatal(marked);
}

void Log::Fatal(absl::Status status) {
  failed_ = true;
  if (options_.on_fatal) return options_.on_fatal(std::move(status));
  std::fprintf(stderr, "the log cannot be written: %s\n", status.ToString().c_str());
  std::abort();
}

absl::Status Log::NewSegment(uint64_t min_bytes) {
  uint64_t sequence = 1;
  uint64_t previous_end = 0;
  Segment* previous = nullptr;
  if (!segments_.empty()) {
    sequence = segments_.rbegin()->first + 1;
    previous = &segments_.rbegin()->second;
    previous_end = previous->end;
  }
  const std::string path = SegmentPath(options_.folder, sequence);
  Segment segment;
  ISO_ASSIGN_OR_RETURN(segment.file, disk_->Open(path, /*create=*/true));
  segment.size = std::max(options_.segment_bytes, format::kBlock + min_bytes);
  segment.end = format::kBlock;
  if (absl::Status s = segment.file->Preallocate(segment.size); !s.ok()) {
    segment.file.reset();
    (void)disk_->Remove(path);  // what is left of it must not be taken for a segment
    return s;
  }
  ISO_RETURN_IF_ERROR(segment.file->WriteAt(
      0, format::Encode(format::SegmentHeader{format::kVersion, sequence, previous_end})));
  ISO_RETURN_IF_ERROR(segment.file->Sync());
  ISO_RETURN_IF_ERROR(disk_->SyncDir(options_.folder));
  segments_.emplace(sequence, std::move(segment));
  ISO_RETURN_IF_ERROR(WriteHead(segments_.begin()->first));
  // Where the one before ends is durable now. What it has beyond would add up: every start makes a
  // segment, and a node that restarts on a full disk could soon start no more.
  if (previous != nullptr && previous->file->Truncate(previous_end).ok()) {
    previous->size = previous_end;
  }
  return absl::OkStatus();
}

// Makes it durable which segments there are, `first` on: before the newest is written to, and
// before older ones are removed.
absl::Status Log::WriteHead(uint64_t first) {
  const std::string path = HeadPath(options_.folder);
  const std::string staged = path + ".new";
  {
    ISO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk_->Open(staged, /*create=*/true));
    ISO_RETURN_IF_ERROR(file->Truncate(0));
    ISO_RETURN_IF_ERROR(
        file->WriteAt(0, format::Encode(format::Head{first, segments_.rbegin()->first})));
    ISO_RETURN_IF_ERROR(file->Sync());
  }
  ISO_RETURN_IF_ERROR(disk_->Rename(staged, path));
  return disk_->SyncDir(options_.folder);
}

// --- space ---------------------------------------------------------------------------------------

uint64_t Log::TotalBytes() const {
  uint64_t total = 0;
  for (const auto& [s, segment] : segments_) total += segment.size;
  return total;
}

void Log::RemoveDeadSegments(uint64_t before) {
  if (segments_.begin()->first >= before) return;
  // Durably, and first: recovery takes a missing segment for a loss.
  absl::Status s = WriteHead(before);
  while (s.ok() && segments_.begin()->first < before) {
    const std::string path = SegmentPath(options_.folder, segments_.begin()->first);
    segments_.erase(segments_.begin());
    s = disk_->Remove(path);
    if (s.ok()) s = disk_->SyncDir(options_.folder);
  }
  if (!s.ok()) Fatal(s);
}

uint64_t Log::OldestOfNewest(uint64_t bytes) const {
  uint64_t oldest = segments_.rbegin()->first;
  uint64_t total = 0;
  for (auto it = segments_.rbegin(); it != segments_.rend(); ++it) {
    total += it->second.size;
    if (total > bytes) break;
    oldest = it->first;
  }
  return oldest;
}

LogIndex Log::LastBefore(GroupId group, uint64_t segment) const {
  auto it = groups_.find(group);
  if (it == groups_.end()) return 0;
  const Group& g = it->second;
  LogIndex last = 0;
  for (size_t i = 0; i < g.entries.size(); ++i) {
    if (g.entries[i].segment == 0 || g.entries[i].segment >= segment) break;
    last = g.base.index + 1 + i;
  }
  return last;
}

std::vector<GroupId> Log::GroupsPinning(size_t max_groups) const {
  std::vector<GroupId> out;
  if (TotalBytes() <= options_.limit_bytes / 2 || segments_.size() < 2) return out;
  for (const auto& [id, g] : groups_) {
    if (out.size() == max_groups) break;
    if (!g.entries.empty() && g.entries.front().segment == segments_.begin()->first) {
      out.push_back(id);
    }
  }
  return out;
}

// Moves what is left alive in the oldest segment to the end of the log. A segment that is mostly
// alive stays: copying it would free nothing, its groups have to be truncated (GroupsPinning).
void Log::CopyForward() {
  if (segments_.size() < 2 || TotalBytes() <= options_.limit_bytes) return;
  const auto& [oldest, segment] = *segments_.begin();
  if (segment.live == 0 || segment.live > segment.size / 2) return;
  const size_t before = pending_.size();
  for (auto& [id, g] : groups_) {
    if (!CopyGroupForward(oldest, id, &g)) break;
  }
  if (options_.observer != nullptr) {
    options_.observer->Count("log.copied_bytes", static_cast<int64_t>(pending_.size() - before));
  }
}

bool Log::CopyGroupForward(uint64_t segment, GroupId id, Group* g) {
  if (g->has_hard && g->hard_at.segment == segment) AppendHardState(id, g);
  if (g->base_at.segment == segment) AppendMark(id, g);
  if (g->quarantine_at.segment == segment) AppendQuarantine(id, g);
  for (size_t i = 0; i < g->entries.size(); ++i) {
    if (g->entries[i].segment != segment) continue;
    auto entry = ReadEntry(id, g->base.index + 1 + i, g->entries[i]);
    if (!entry.ok()) {
      Fatal(entry.status());
      return false;
    }
    AppendEntries(id, g, absl::MakeConstSpan(&*entry, 1));
  }
  return true;
}

// --- reading back --------------------------------------------------------------------------------

absl::StatusOr<Entry> Log::ReadEntry(GroupId group, LogIndex index, const Location& at) {
  Segment& segment = segments_[at.segment];
  ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(at.offset, at.bytes));
  Entry e;
  if (data.size() != at.bytes || !format::DecodeEntry(data, &e)) {
    return absl::DataLossError(absl::StrCat(SegmentPath(options_.folder, at.segment),
                                            ": the entry at offset ", at.offset, " of group ",
                                            ToString(group), " is damaged"));
  }
  e.index = index;
  return e;
}

absl::StatusOr<std::vector<Entry>> Log::ReadEntries(GroupId group, LogIndex lo, LogIndex hi,
                                                    size_t max_bytes) {
  auto it = groups_.find(group);
  std::vector<Entry> out;
  size_t bytes = 0;
  for (LogIndex i = lo; i <= hi && it != groups_.end(); ++i) {
    const Group& g = it->second;
    if (i <= g.base.index || i > g.base.index + g.entries.size()) break;
    const Location& at = g.entries[i - g.base.index - 1];
    const bool written =
        at.segment != 0 && !(flush_out_ && at.segment == segments_.rbegin()->first &&
                             at.offset >= segments_.rbegin()->second.end - flush_bytes_);
    if (!written) break;
    bytes += at.bytes;
    if (!out.empty() && bytes > max_bytes) break;
    ISO_ASSIGN_OR_RETURN(Entry e, ReadEntry(group, i, at));
    out.push_back(std::move(e));
  }
  if (out.empty()) {
    return absl::NotFoundError(absl::StrCat("entry ", lo, " of group ", ToString(group),
                                            " is truncated or not written yet"));
  }
  return out;
}

}  // namespace isochron::paxos
