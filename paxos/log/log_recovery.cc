// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "paxos/log/log.h"
#include "paxos/log/segment_name.h"

// Replay at Open: all segments, oldest first; the newest record of each thing wins.

namespace isochron::paxos {

using format::RecordType;

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
  };

  absl::Status ListSegments(std::vector<uint64_t>* sequences);
  absl::Status ReadSegment(uint64_t sequence, bool last, bool* keep);
  absl::Status Replay(uint64_t sequence, absl::string_view data, uint64_t sealed_end, bool last);
  absl::Status ReplayBatch(uint64_t sequence, absl::string_view data, uint64_t offset,
                           const format::BatchHeader& header);
  absl::Status ReplayRecord(uint64_t sequence, uint64_t at, const format::RecordHeader& header,
                            absl::string_view body);
  bool Whole(absl::string_view data, uint64_t sequence, uint64_t offset,
             format::BatchHeader* header, std::string* damaged) const;
  bool SyncedBeyond(absl::string_view data, uint64_t sequence, uint64_t offset,
                    uint64_t* synced) const;
  absl::Status Damaged(uint64_t sequence, uint64_t offset, absl::string_view what) const;
  absl::Status Finish();
  absl::Status FinishGroup(GroupId id, Found found);

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
  return log;
}

absl::Status Log::Recovery::Run() {
  std::vector<uint64_t> sequences;
  ISO_RETURN_IF_ERROR(ListSegments(&sequences));
  for (uint64_t s : sequences) {
    bool keep = true;
    ISO_RETURN_IF_ERROR(ReadSegment(s, s == sequences.back(), &keep));
    if (keep) continue;
    log_->segments_.erase(s);
    ISO_RETURN_IF_ERROR(log_->disk_->Remove(SegmentPath(log_->options_.folder, s)));
    ISO_RETURN_IF_ERROR(log_->disk_->SyncDir(log_->options_.folder));
  }
  // A killed process may have left bytes that are written but not synced: they were read, they will
  // be spoken of, so they are made durable first (rule 34). If it died of a failed sync, a second
  // sync may lie about the same pages: so they are written again, the same bytes to the same place.
  if (!log_->segments_.empty()) {
    Segment& tail = log_->segments_.rbegin()->second;
    ISO_ASSIGN_OR_RETURN(std::string data, tail.file->ReadAt(0, tail.end));
    ISO_RETURN_IF_ERROR(tail.file->WriteAt(0, data));
    ISO_RETURN_IF_ERROR(tail.file->Sync());
  }
  return Finish();
}

absl::Status Log::Recovery::ListSegments(std::vector<uint64_t>* sequences) {
  ISO_ASSIGN_OR_RETURN(std::vector<std::string> names, log_->disk_->List(log_->options_.folder));
  for (const std::string& name : names) {
    if (auto s = SegmentSequence(name); s) sequences->push_back(*s);
  }
  std::sort(sequences->begin(), sequences->end());
  for (size_t i = 1; i < sequences->size(); ++i) {
    if ((*sequences)[i] != (*sequences)[i - 1] + 1) {
      return absl::DataLossError(
          absl::StrCat(SegmentPath(log_->options_.folder, (*sequences)[i - 1] + 1),
                       " is missing; restore the data folder or join as a new node"));
    }
  }
  for (uint64_t s : *sequences) {
    Segment& segment = log_->segments_[s];
    const std::string path = SegmentPath(log_->options_.folder, s);
    ISO_ASSIGN_OR_RETURN(segment.file, log_->disk_->Open(path, /*create=*/false));
    ISO_ASSIGN_OR_RETURN(segment.size, segment.file->Size());
    ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(0, format::kBlock));
    format::SegmentHeader header;
    if (!format::Decode(data, &header)) continue;  // judged when it is read
    if (header.version != format::kVersion) {
      return absl::FailedPreconditionError(absl::StrCat(path, " has log format ", header.version,
                                                        "; this program reads ", format::kVersion,
                                                        ", use the version that wrote it"));
    }
    if (header.sequence == s) sealed_end_[s - 1] = header.previous_end;
  }
  return absl::OkStatus();
}

absl::Status Log::Recovery::Damaged(uint64_t sequence, uint64_t offset,
                                    absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(
      SegmentPath(log_->options_.folder, sequence), ": damage at offset ", offset, " (", what,
      ") of what was written whole; restore the data folder or join as a new node"));
}

absl::Status Log::Recovery::ReadSegment(uint64_t sequence, bool last, bool* keep) {
  Segment& segment = log_->segments_[sequence];
  ISO_ASSIGN_OR_RETURN(std::string data, segment.file->ReadAt(0, segment.size));
  format::SegmentHeader header;
  if (!format::Decode(data, &header) || header.sequence != sequence) {
    uint64_t synced = 0;
    if (!last || SyncedBeyond(data, sequence, 0, &synced)) {
      return Damaged(sequence, 0, "segment header");
    }
    // Its creation was not finished, so nothing was ever written into it.
    *keep = false;
    return absl::OkStatus();
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
    format::BatchHeader header;
    std::string what;
    const uint64_t offset = segment.end;
    if (Whole(data, sequence, offset, &header, &what)) {
      ISO_RETURN_IF_ERROR(ReplayBatch(sequence, data, offset, header));
      segment.end = offset + format::RoundUp(format::kBatchHeaderBytes + header.bytes);
      continue;
    }
    uint64_t synced = sealed_end;
    const bool corrupt = sealed || SyncedBeyond(data, sequence, offset, &synced) ||
                         !format::LooksTorn(data.substr(offset), sequence, offset);
    if (corrupt && !log_->options_.sabotage.Is(Sabotage::kTruncateAnyBadRecord)) {
      return Damaged(sequence, offset, what);
    }
    const absl::string_view block = data.substr(offset, format::kBlock);
    log_->dropped_torn_tail_ |= block.find_first_not_of('\0') != absl::string_view::npos;
    break;
  }
  return absl::OkStatus();
}

// Whether a whole batch starts at `offset`. If not, `damaged` says what is wrong, and of which
// group.
bool Log::Recovery::Whole(absl::string_view data, uint64_t sequence, uint64_t offset,
                          format::BatchHeader* header, std::string* damaged) const {
  if (!format::Decode(data.substr(std::min<uint64_t>(offset, data.size())), sequence, offset,
                      header) ||
      header->bytes > data.size() - offset - format::kBatchHeaderBytes) {
    *damaged = "batch header, group unknown";
    return false;
  }
  absl::string_view rest = data.substr(offset + format::kBatchHeaderBytes, header->bytes);
  for (uint32_t i = 0; i < header->records; ++i) {
    format::RecordHeader record;
    if (!format::Decode(rest, &record)) {
      *damaged = "record header, group unknown";
      return false;
    }
    rest.remove_prefix(format::kRecordHeaderBytes);
    if (record.bytes > rest.size() || Crc32c(rest.substr(0, record.bytes)) != record.body_crc) {
      *damaged = absl::StrCat("record of group ", ToString(record.group));
      return false;
    }
    rest.remove_prefix(record.bytes);
  }
  return true;
}

// Whether a batch header at or after `offset` was written when more than `offset` was synced.
bool Log::Recovery::SyncedBeyond(absl::string_view data, uint64_t sequence, uint64_t offset,
                                 uint64_t* synced) const {
  for (uint64_t at = offset + format::kBlock; at < data.size(); at += format::kBlock) {
    format::BatchHeader header;
    if (!format::Decode(data.substr(at), sequence, at, &header)) continue;
    if (header.synced > offset) {
      *synced = header.synced;
      return true;
    }
  }
  return false;
}

absl::Status Log::Recovery::ReplayBatch(uint64_t sequence, absl::string_view data, uint64_t offset,
                                        const format::BatchHeader& header) {
  uint64_t at = offset + format::kBatchHeaderBytes;
  for (uint32_t i = 0; i < header.records; ++i) {
    format::RecordHeader record;
    ISO_CHECK(format::Decode(data.substr(at), &record), "the batch was checked");
    const absl::string_view body = data.substr(at + format::kRecordHeaderBytes, record.bytes);
    ISO_RETURN_IF_ERROR(ReplayRecord(sequence, at, record, body));
    at += format::kRecordHeaderBytes + record.bytes;
  }
  return absl::OkStatus();
}

absl::Status Log::Recovery::ReplayRecord(uint64_t sequence, uint64_t at,
                                         const format::RecordHeader& header,
                                         absl::string_view body) {
  const Location whole{sequence, at,
                       static_cast<uint32_t>(format::kRecordHeaderBytes + header.bytes)};
  const std::string what = absl::StrCat("record of group ", ToString(header.group));
  if (header.type == RecordType::kRemoved) {
    found_.erase(header.group);
    return absl::OkStatus();
  }
  Found& found = found_[header.group];
  if (header.type == RecordType::kHardState) {
    if (!format::DecodeHardState(body, &found.hard)) return Damaged(sequence, at, what);
    found.has_hard = true;
    found.hard_at = whole;
    return absl::OkStatus();
  }
  if (header.type == RecordType::kMark) {
    if (!format::DecodeMark(body, &found.base)) return Damaged(sequence, at, what);
    found.base_at = whole;
    found.entries.erase(found.entries.begin(), found.entries.upper_bound(found.base.index));
    return absl::OkStatus();
  }
  uint64_t offset = at + format::kRecordHeaderBytes;
  for (uint32_t i = 0; i < header.count; ++i) {
    Entry e;
    uint32_t length = 0;
    Reader r(body);
    if (!r.Fixed32(&length) || length > r.rest().size() ||
        !format::DecodeEntry(r.rest().substr(0, length), &e)) {
      return Damaged(sequence, at, what);
    }
    e.index = header.first + i;
    if (e.index > found.base.index) {
      found.entries[e.index] = {std::move(e), Location{sequence, offset + 4, length}};
    }
    body.remove_prefix(4 + length);
    offset += 4 + length;
  }
  return absl::OkStatus();
}

absl::Status Log::Recovery::Finish() {
  for (auto& [id, found] : found_) ISO_RETURN_IF_ERROR(FinishGroup(id, std::move(found)));
  return absl::OkStatus();
}

absl::Status Log::Recovery::FinishGroup(GroupId id, Found found) {
  Group& group = log_->groups_[id];
  RecoveredGroup& out = log_->recovered_[id];
  auto live = [this](const Location& at) { log_->segments_[at.segment].live += at.bytes; };
  group.hard = out.hard = found.hard;
  group.base = out.base = found.base;
  group.has_hard = found.has_hard;
  group.hard_at = found.hard_at;
  group.base_at = found.base_at;
  if (found.has_hard) live(found.hard_at);
  if (found.base_at.segment != 0) live(found.base_at);
  for (auto& [index, entry] : found.entries) {
    if (index != out.base.index + out.entries.size() + 1) {
      if (log_->options_.sabotage.Is(Sabotage::kTruncateAnyBadRecord)) break;
      return absl::DataLossError(absl::StrCat(
          log_->options_.folder, ": entry ", out.base.index + out.entries.size() + 1, " of group ",
          ToString(id), " is missing; restore the data folder or join as a new node"));
    }
    live(entry.second);
    group.entries.push_back(entry.second);
    out.entries.push_back(std::move(entry.first));
  }
  return absl::OkStatus();
}

}  // namespace isochron::paxos
