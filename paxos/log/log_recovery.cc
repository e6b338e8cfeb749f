// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "paxos/log/log.h"
#include "paxos/log/scan.h"
#include "paxos/log/segment_name.h"

// Replay at Open: all segments, oldest first; the newest record of each thing wins.

namespace isochron::paxos {

using format::RecordType;

namespace {

constexpr absl::string_view kWhatToDo =
    "restore the data folder, or move it away and join with an empty one";

}  // namespace

class Log::Recovery {
 public:
  explicit Recovery(Log* log) : log_(log) {}
  absl::Status Run();

 private:
  struct Found {
    HardState hard;
    LogMark base;
    bool has_hard = false;
    Location hard_at;
    Location base_at;
    std::map<LogIndex, std::pair<Entry, Location>> entries;
    // What is damaged and not superseded since, and where: of the hard state, the mark, entries.
    std::string hard_damage;
    std::string base_damage;
    std::map<LogIndex, std::string> lost;
    std::string quarantine;
    Location quarantine_at;

    std::string Damage() const;
  };

  absl::Status ListSegments(std::vector<uint64_t>* sequences);
  absl::Status CheckHead(bool required, std::vector<uint64_t>* sequences);
  absl::Status OpenSegment(uint64_t sequence, bool last, bool* head_required);
  absl::Status DropUnfinished(std::vector<uint64_t>* sequences);
  absl::Status ReadSegment(uint64_t sequence, bool last);
  absl::Status Replay(uint64_t sequence, absl::string_view data, uint64_t sealed_end, bool last);
  void ReplayRecord(uint64_t sequence, const format::ScannedRecord& record);
  bool ReplayEntries(uint64_t sequence, const format::ScannedRecord& record, Found* found);
  void Lose(uint64_t sequence, const format::ScannedRecord& record);
  std::string Where(uint64_t sequence, uint64_t offset, absl::string_view what) const;
  absl::Status Damaged(uint64_t sequence, uint64_t offset, absl::string_view what) const;
  absl::Status Missing(const std::string& path) const;
  absl::Status KeepTail();
  void Finish();
  void FinishGroup(GroupId id, Found found);

  Log* log_;
  std::map<GroupId, Found> found_;
  // Where each segment's valid part ends, as the next one's header says.
  std::map<uint64_t, uint64_t> sealed_end_;
};

absl::StatusOr<std::unique_ptr<Log>> Log::Open(Disk* disk, Options options) {
  std::unique_ptr<Log> log(new Log(disk, std::move(options)));
  absl::Status s = disk->MakeFolder(log->options_.folder);
  if (!s.ok() && !absl::IsAlreadyExists(s)) return s;
  ISO_RETURN_IF_ERROR(Recovery(log.get()).Run());
  // Also after a clean stop: what follows a torn tail is never mixed with it.
  ISO_RETURN_IF_ERROR(log->NewSegment(0));
  for (const auto& [id, group] : log->recovered_) {
    if (!group.damage.empty()) log->Quarantine(id, group.damage);
  }
  return log;
}

absl::StatusOr<bool> Log::Exists(Disk* disk, const std::string& folder) {
  auto head = disk->Open(HeadPath(folder), /*create=*/false);
  if (head.ok()) return true;
  if (!absl::IsNotFound(head.status())) return head.status();
  auto names = disk->List(folder);
  if (absl::IsNotFound(names.status())) return false;
  ISO_RETURN_IF_ERROR(names.status());
  return std::any_of(names->begin(), names->end(),
                     [](const std::string& n) { return SegmentSequence(n).has_value(); });
}

absl::Status Log::Recovery::Run() {
  std::vector<uint64_t> sequences;
  ISO_RETURN_IF_ERROR(ListSegments(&sequences));
  ISO_RETURN_IF_ERROR(DropUnfinished(&sequences));
  for (uint64_t s : sequences) ISO_RETURN_IF_ERROR(ReadSegment(s, s == sequences.back()));
  if (!log_->options_.sabotage.Is(Sabotage::kNoSyncOnOpen)) ISO_RETURN_IF_ERROR(KeepTail());
  Finish();
  return absl::OkStatus();
}

// A killed process may have left bytes that are written but not synced: they were read, they will
// be spoken of, so they are made durable first (rule 34). If it died of a failed sync, a second
// sync may lie about the same pages: so they are written again, the same bytes to the same place.
absl::Status Log::Recovery::KeepTail() {
  if (log_->segments_.empty()) return absl::OkStatus();
  Segment& tail = log_->segments_.rbegin()->second;
  ISO_ASSIGN_OR_RETURN(std::string data, tail.file->ReadAt(0, tail.end));
  ISO_RETURN_IF_ERROR(tail.file->WriteAt(0, data));
  return tail.file->Sync();
}

// --- which files there are -----------------------------------------------------------------------

absl::Status Log::Recovery::ListSegments(std::vector<uint64_t>* sequences) {
  ISO_ASSIGN_OR_RETURN(std::vector<std::string> names, log_->disk_->List(log_->options_.folder));
  for (const std::string& name : names) {
    if (auto s = SegmentSequence(name); s) sequences->push_back(*s);
  }
  std::sort(sequences->begin(), sequences->end());
  bool head_required = false;
  for (uint64_t s : *sequences) {
    ISO_RETURN_IF_ERROR(OpenSegment(s, s == sequences->back(), &head_required));
  }
  ISO_RETURN_IF_ERROR(CheckHead(head_required, sequences));
  for (size_t i = 1; i < sequences->size(); ++i) {
    if ((*sequences)[i] != (*sequences)[i - 1] + 1) {
      return Missing(SegmentPath(log_->options_.folder, (*sequences)[i - 1] + 1));
    }
  }
  return absl::OkStatus();
}

absl::Status Log::Recovery::OpenSegment(uint64_t sequence, bool last, bool* head_required) {
  Segment& segment = log_->segments_[sequence];
  const std::string path = SegmentPath(log_->options_.folder, sequence);
  ISO_ASSIGN_OR_RETURN(segment.file, log_->disk_->Open(path, /*create=*/false));
  ISO_ASSIGN_OR_RETURN(segment.size, segment.file->Size());
  ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(0, format::kBlock));
  format::SegmentHeader header;
  if (!format::Decode(data, &header)) return absl::OkStatus();  // judged when it is read
  if (header.version < 1 || header.version > format::kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has log format ", header.version, "; this program reads up to ",
                     format::kVersion, ", use the version that wrote it"));
  }
  *head_required |= header.version >= 2 && !last;  // it is written after the segment was made
  if (header.sequence == sequence) sealed_end_[sequence - 1] = header.previous_end;
  return absl::OkStatus();
}

// All segments that HEAD names must be there. Older ones are what an unfinished removal left.
absl::Status Log::Recovery::CheckHead(bool required, std::vector<uint64_t>* sequences) {
  const std::string path = HeadPath(log_->options_.folder);
  auto file = log_->disk_->Open(path, /*create=*/false);
  if (absl::IsNotFound(file.status())) {
    return required ? Missing(path) : absl::OkStatus();
  }
  ISO_RETURN_IF_ERROR(file.status());
  ISO_ASSIGN_OR_RETURN(std::string data, (*file)->ReadAt(0, format::kBlock));
  format::Head head;
  if (!format::Decode(data, &head)) {
    return absl::DataLossError(absl::StrCat(path, " is damaged; ", kWhatToDo));
  }
  while (!sequences->empty() && sequences->front() < head.first) {
    const uint64_t old = sequences->front();
    sequences->erase(sequences->begin());
    log_->segments_.erase(old);
    ISO_RETURN_IF_ERROR(log_->disk_->Remove(SegmentPath(log_->options_.folder, old)));
  }
  if (sequences->empty() || sequences->front() != head.first) {
    return Missing(SegmentPath(log_->options_.folder, head.first));
  }
  if (sequences->back() < head.last) {
    return Missing(SegmentPath(log_->options_.folder, head.last));
  }
  return absl::OkStatus();
}

// --- damage --------------------------------------------------------------------------------------

std::string Log::Recovery::Where(uint64_t sequence, uint64_t offset, absl::string_view what) const {
  return absl::StrCat(SegmentPath(log_->options_.folder, sequence), ": damage at offset ", offset,
                      " (", what, ") of what was written whole");
}

absl::Status Log::Recovery::Damaged(uint64_t sequence, uint64_t offset,
                                    absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(Where(sequence, offset, what), "; ", kWhatToDo));
}

absl::Status Log::Recovery::Missing(const std::string& path) const {
  return absl::DataLossError(absl::StrCat(path, " is missing; ", kWhatToDo));
}

std::string Log::Recovery::Found::Damage() const {
  if (!quarantine.empty()) return quarantine;
  if (!hard_damage.empty()) return hard_damage;
  if (!base_damage.empty()) return base_damage;
  return lost.empty() ? "" : lost.begin()->second;
}

// --- replay --------------------------------------------------------------------------------------

// The newest segment, when its creation was cut short: nothing was ever written into it. The one
// before it is then the last again, whose end no later header tells.
absl::Status Log::Recovery::DropUnfinished(std::vector<uint64_t>* sequences) {
  if (sequences->empty()) return absl::OkStatus();
  const uint64_t sequence = sequences->back();
  Segment& segment = log_->segments_[sequence];
  ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(0, segment.size));
  format::SegmentHeader header;
  if (format::Decode(data, &header) && header.sequence == sequence) return absl::OkStatus();
  if (format::SyncedBeyond(data, sequence, 0)) return Damaged(sequence, 0, "segment header");
  if (log_->options_.observer != nullptr)
    log_->options_.observer->Reached("log.unfinished_segment");
  sequences->pop_back();
  log_->segments_.erase(sequence);
  ISO_RETURN_IF_ERROR(log_->disk_->Remove(SegmentPath(log_->options_.folder, sequence)));
  return log_->disk_->SyncDir(log_->options_.folder);
}

absl::Status Log::Recovery::ReadSegment(uint64_t sequence, bool last) {
  Segment& segment = log_->segments_[sequence];
  ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(0, segment.size));
  format::SegmentHeader header;
  if (!format::Decode(data, &header) || header.sequence != sequence) {
    return Damaged(sequence, 0, "segment header");
  }
  segment.end = format::kBlock;
  auto sealed = sealed_end_.find(sequence);
  const uint64_t sealed_end = sealed == sealed_end_.end() ? 0 : sealed->second;
  return Replay(sequence, data, sealed_end, last);
}

absl::Status Log::Recovery::Replay(uint64_t sequence, absl::string_view data, uint64_t sealed_end,
                                   bool last) {
  Segment& segment = log_->segments_[sequence];
  const bool sealed = !last;
  while (sealed ? segment.end < sealed_end : segment.end < data.size()) {
    const uint64_t offset = segment.end;
    const format::ScannedBatch batch = format::ScanBatch(data, sequence, offset);
    if (!batch.whole()) {
      const bool corrupt = sealed || format::SyncedBeyond(data, sequence, offset).has_value() ||
                           !format::LooksTorn(data.substr(offset), sequence, offset);
      if (!corrupt || log_->options_.sabotage.Is(Sabotage::kTruncateAnyBadRecord)) {
        const absl::string_view block = data.substr(offset, format::kBlock);
        log_->dropped_torn_tail_ |= block.find_first_not_of('\0') != absl::string_view::npos;
        break;
      }
      if (batch.lost_at) return Damaged(sequence, *batch.lost_at, batch.LostWhat());
    }
    for (const format::ScannedRecord& r : batch.records) ReplayRecord(sequence, r);
    segment.end = batch.end;
  }
  return absl::OkStatus();
}

// The body of `record`, or what it says, is damaged.
void Log::Recovery::Lose(uint64_t sequence, const format::ScannedRecord& record) {
  Found& found = found_[record.header.group];
  const std::string where = Where(sequence, record.offset,
                                  absl::StrCat("record of group ", ToString(record.header.group)));
  switch (record.header.type) {
    case RecordType::kHardState:
      found.hard_damage = where;
      break;
    case RecordType::kMark:
      found.base_damage = where;
      break;
    case RecordType::kQuarantined:
      found = Found();
      found.quarantine = where;
      break;
    default:
      for (LogIndex i = record.header.first; i < record.header.first + record.header.count; ++i) {
        found.entries.erase(i);
        if (i > found.base.index) found.lost[i] = where;
      }
  }
}

void Log::Recovery::ReplayRecord(uint64_t sequence, const format::ScannedRecord& record) {
  const format::RecordHeader& header = record.header;
  const Location whole{sequence, record.offset,
                       static_cast<uint32_t>(format::kRecordHeaderBytes + header.bytes)};
  if (header.type == RecordType::kRemoved) {
    found_.erase(header.group);
    return;
  }
  Found& found = found_[header.group];
  bool good = record.whole;
  if (good && header.type == RecordType::kQuarantined) {
    found = Found();
    found.quarantine = std::string(record.body);
    found.quarantine_at = whole;
  } else if (good && header.type == RecordType::kHardState) {
    good = format::DecodeHardState(record.body, &found.hard);
    found.has_hard = true;
    found.hard_at = whole;
    found.hard_damage.clear();
  } else if (good && header.type == RecordType::kMark) {
    good = format::DecodeMark(record.body, &found.base);
    found.base_at = whole;
    found.base_damage.clear();
    found.entries.erase(found.entries.begin(), found.entries.upper_bound(found.base.index));
    found.lost.erase(found.lost.begin(), found.lost.upper_bound(found.base.index));
  } else if (good) {
    good = ReplayEntries(sequence, record, &found);
  }
  if (!good) Lose(sequence, record);
}

bool Log::Recovery::ReplayEntries(uint64_t sequence, const format::ScannedRecord& record,
                                  Found* found) {
  uint64_t offset = record.offset + format::kRecordHeaderBytes;
  absl::string_view body = record.body;
  for (uint32_t i = 0; i < record.header.count; ++i) {
    Entry e;
    uint32_t length = 0;
    Reader r(body);
    if (!r.Fixed32(&length) || length > r.rest().size() ||
        !format::DecodeEntry(r.rest().substr(0, length), &e)) {
      return false;
    }
    e.index = record.header.first + i;
    found->lost.erase(e.index);
    if (e.index > found->base.index) {
      found->entries[e.index] = {std::move(e), Location{sequence, offset + 4, length}};
    }
    body.remove_prefix(4 + length);
    offset += 4 + length;
  }
  return true;
}

void Log::Recovery::Finish() {
  for (auto& [id, found] : found_) FinishGroup(id, std::move(found));
}

void Log::Recovery::FinishGroup(GroupId id, Found found) {
  LogIndex next = found.base.index + 1;
  for (const auto& [index, entry] : found.entries) {
    if (index != next || !found.Damage().empty()) break;
    ++next;
  }
  const bool hole = !found.entries.empty() && found.entries.rbegin()->first >= next;
  RecoveredGroup& out = log_->recovered_[id];
  out.damage = found.Damage();
  if (hole && out.damage.empty()) {
    out.damage = absl::StrCat(log_->options_.folder, ": entry ", next, " of group ", ToString(id),
                              " is missing");
  }
  if (log_->options_.sabotage.Is(Sabotage::kTruncateAnyBadRecord)) out.damage.clear();
  Group& group = log_->groups_[id];
  auto live = [this](const Location& at) { log_->segments_[at.segment].live += at.bytes; };
  if (!out.damage.empty()) {
    if (found.quarantine_at.segment == 0) return;  // Open writes it down
    group.quarantine = out.damage;
    group.quarantine_at = found.quarantine_at;
    return live(found.quarantine_at);
  }
  group.hard = out.hard = found.hard;
  group.base = out.base = found.base;
  group.has_hard = found.has_hard;
  group.hard_at = found.hard_at;
  group.base_at = found.base_at;
  if (found.has_hard) live(found.hard_at);
  if (found.base_at.segment != 0) live(found.base_at);
  for (auto& [index, entry] : found.entries) {
    if (index >= next) break;
    live(entry.second);
    group.entries.push_back(entry.second);
    out.entries.push_back(std::move(entry.first));
  }
}

}  // namespace isochron::paxos
