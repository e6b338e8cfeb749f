// SPDX-License-Identifier: Apache-2.0
//
// The durable log: recovery of a folder whose files hold anything.
//
// An input describes files. Bytes as they are seldom get past a checksum, so an input may also give
// batches and records whose checksums are put right here, and damage to a log that was written by
// the real one. Whatever there is, Open answers OK, DATA_LOSS or FAILED_PRECONDITION; what it
// recovered can be read back, is found again by another Open, and can be written behind.
#include <optional>

#include "common/check.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "paxos/log/format.h"
#include "paxos/log/log.h"
#include "paxos/log/memory_disk.h"
#include "paxos/log/segment_name.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

namespace format = paxos::format;
using paxos::Entry;
using paxos::Log;
using paxos::MemoryDisk;

constexpr char kFolder[] = "log";
constexpr uint64_t kSegmentBytes = 8 << 10;
constexpr size_t kMaxSegments = 4;

Log::Options Options() {
  Log::Options options;
  options.folder = kFolder;
  options.segment_bytes = kSegmentBytes;
  options.limit_bytes = 64 << 10;
  options.on_fatal = [](const absl::Status&) { ISO_CHECK(false, "nothing here is fatal"); };
  return options;
}

void PutFile(MemoryDisk* disk, const std::string& path, absl::string_view bytes) {
  auto file = disk->Open(path, /*create=*/true);
  ISO_CHECK(file.ok() && (*file)->Truncate(0).ok() && (*file)->WriteAt(0, bytes).ok() &&
                (*file)->Sync().ok(),
            "the disk works");
}

// One record with right checksums, unless the input wants its body's wrong.
void AppendRecord(Input* in, std::string* out) {
  format::RecordHeader header;
  const uint8_t flags = in->Byte();
  header.type = static_cast<format::RecordType>(1 + flags % 5);
  header.group = GroupId(in->Byte() % 3);
  header.first = (flags & 0x20) != 0 ? in->Number(8) : in->Byte();
  header.count = (flags & 0x40) != 0 ? static_cast<uint32_t>(in->Number(4)) : in->Byte() % 4;
  std::string body;
  if (header.type == format::RecordType::kEntries && (flags & 0x10) == 0) {
    for (uint32_t i = 0; i < header.count % 4; ++i) {
      const absl::string_view bytes = in->Piece();
      std::string entry(bytes);
      Writer(&entry).Fixed32(Crc32c(bytes));
      Writer(&body).Fixed32(static_cast<uint32_t>(entry.size()));
      body += entry;
    }
  } else {
    body = std::string(in->Piece());
  }
  header.bytes = static_cast<uint32_t>(body.size());
  header.body_crc = Crc32c(body) ^ ((flags & 0x80) != 0 ? 1 : 0);
  *out += format::Encode(header) + body;
}

// A segment of well-formed batches.
std::string Segment(Input* in, uint64_t sequence) {
  format::SegmentHeader header;
  header.sequence = sequence;
  const uint8_t flags = in->Byte();
  header.version = 1 + (flags & 1);
  header.previous_end = in->Number(2);
  std::string out = format::Encode(header);
  for (int batches = flags >> 4 & 3; batches > 0; --batches) {
    std::string records;
    format::BatchHeader batch;
    batch.sequence = sequence;
    batch.offset = out.size();
    batch.synced = in->Number(2);
    batch.records = in->Byte() % 8;
    for (uint32_t i = 0; i < batch.records; ++i) AppendRecord(in, &records);
    if ((flags & 2) != 0) batch.records = static_cast<uint32_t>(in->Number(4));
    batch.bytes = (flags & 4) != 0 ? static_cast<uint32_t>(in->Number(4))
                                   : static_cast<uint32_t>(records.size());
    std::string whole = format::Encode(batch) + records;
    whole.resize(format::RoundUp(whole.size()));
    batch.zero_tail = format::ZeroTail(whole);
    whole.replace(0, format::kBatchHeaderBytes, format::Encode(batch));
    out += whole;
  }
  if ((flags & 8) != 0) out.resize(std::max<size_t>(out.size(), kSegmentBytes));
  return out;
}

// Seeds, and inputs of the third kind: what the real log writes.
void WriteRealLog(MemoryDisk* disk, int appends) {
  auto log = Log::Open(disk, Options());
  ISO_CHECK(log.ok(), "a new log opens");
  const GroupId a(1), b(2);
  (*log)->TruncatePrefix(a, {10, Ballot{1, NodeId(1)}});
  (*log)->TruncatePrefix(b, {10, Ballot{1, NodeId(1)}});
  paxos::HardState hard{Ballot{1, NodeId(1)}, NodeId(1), 7, 10};
  for (int i = 0; i < appends; ++i) {
    Entry e;
    e.index = static_cast<LogIndex>(11 + i);
    e.ballot = e.origin = Ballot{1, NodeId(1)};
    e.kind = paxos::EntryKind::kCommand;
    e.payload = std::make_shared<std::string>(static_cast<size_t>(200 + 300 * (i % 3)), 'x');
    (*log)->Append(i % 2 == 0 ? a : b, &hard, {});
    (*log)->Append(a, nullptr, {e});
    if (i % 4 == 3) (*log)->Append(b, nullptr, {});
    if (i == 9) (*log)->TruncatePrefix(a, {13, Ballot{1, NodeId(1)}});
    (*log)->Flush([] {});
    disk->CompleteAll();
  }
}

// Overwrites, cuts and removes.
void Damage(Input* in, MemoryDisk* disk) {
  auto names = disk->List(kFolder);
  ISO_CHECK(names.ok(), "the disk works");
  while (!in->empty() && !names->empty()) {
    const std::string path = std::string(kFolder) + "/" + (*names)[in->Byte() % names->size()];
    if (!disk->Exists(path)) continue;
    std::string bytes = disk->Written(path);
    const uint8_t what = in->Byte();
    const size_t at = bytes.empty() ? 0 : in->Number(2) % bytes.size();
    if (what % 8 == 0) {
      ISO_CHECK(disk->Remove(path).ok(), "the disk works");
      continue;
    }
    if (what % 8 == 1) {
      bytes.resize(at);
    } else {
      const absl::string_view over = in->Raw(what % 8);
      bytes.replace(at, over.size(), over.data(), over.size());
    }
    PutFile(disk, path, bytes);
  }
}

void Build(Input* in, MemoryDisk* disk) {
  const uint8_t kind = in->Byte();
  if (kind % 4 == 2) {
    WriteRealLog(disk, kind >> 3);
    Damage(in, disk);
    return;
  }
  const size_t segments = 1 + (kind >> 2) % kMaxSegments;
  if ((kind & 0x80) != 0) {
    PutFile(disk, paxos::HeadPath(kFolder), in->Piece());
  } else {
    PutFile(disk, paxos::HeadPath(kFolder), format::Encode(format::Head{1, segments}));
  }
  for (uint64_t s = 1; s <= segments; ++s) {
    const std::string path = paxos::SegmentPath(kFolder, s);
    PutFile(disk, path, kind % 4 == 0 ? std::string(in->Piece()) : Segment(in, s));
  }
}

struct Recovered {
  std::map<GroupId, paxos::RecoveredGroup> groups;
};

std::optional<Recovered> OpenAndUse(MemoryDisk* disk, bool use) {
  auto log = Log::Open(disk, Options());
  if (!log.ok()) {
    ISO_CHECK(absl::IsDataLoss(log.status()) || absl::IsFailedPrecondition(log.status()),
              "a log that cannot be opened says why");
    return std::nullopt;
  }
  Recovered out;
  for (GroupId g : (*log)->RecoveredGroups()) {
    paxos::RecoveredGroup group = (*log)->TakeRecovered(g);
    LogIndex next = group.base.index + 1;
    for (const Entry& e : group.entries) {
      ISO_CHECK(e.index == next++, "recovered entries have no hole");
    }
    if (!group.entries.empty()) {
      auto read =
          (*log)->ReadEntries(g, group.entries.front().index, group.entries.back().index, 1 << 20);
      ISO_CHECK(read.ok() && read->size() == group.entries.size(), "what was recovered is read");
    }
    ISO_CHECK(group.damage.empty() == !(*log)->IsQuarantined(g), "damage is quarantine");
    if (use && group.damage.empty() && next != 0 && next < next + 1) {
      Entry e;
      e.index = next;
      (*log)->Append(g, &group.hard, {e});
    }
    out.groups.emplace(g, std::move(group));
  }
  bool flushed = false;
  (*log)->Flush([&flushed] { flushed = true; });
  disk->CompleteAll();
  ISO_CHECK(flushed, "a recovered log can be written");
  return out;
}

void Check(Input in) {
  MemoryDisk disk;
  Build(&in, &disk);
  auto first = OpenAndUse(&disk, /*use=*/false);
  if (!first) return;
  auto second = OpenAndUse(&disk, /*use=*/true);
  ISO_CHECK(second.has_value(), "what was opened can be opened again");
  for (const auto& [g, was] : first->groups) {
    // Of a group without anything nothing need stay.
    if (was.damage.empty() && was.base == paxos::LogMark() && was.hard == paxos::HardState() &&
        was.entries.empty()) {
      continue;
    }
    auto is = second->groups.find(g);
    ISO_CHECK(is != second->groups.end(), "a group stays");
    ISO_CHECK(is->second.damage.empty() == was.damage.empty() && is->second.hard == was.hard &&
                  is->second.base == was.base && is->second.entries.size() == was.entries.size(),
              "a group is recovered as it was before");
  }
  ISO_CHECK(OpenAndUse(&disk, /*use=*/false).has_value(), "what was written can be opened");
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (int appends : {1, 4, 12, 24}) {
    const std::string kind(1, static_cast<char>(appends << 3 | 2));
    seeds.push_back(kind);
    seeds.push_back(kind + std::string("\x01\x02\x03\x00\x55\xaa", 6));
  }
  // As they are: what the real log wrote, short of its padding.
  MemoryDisk disk;
  WriteRealLog(&disk, 3);
  std::string raw = disk.Written(paxos::SegmentPath(kFolder, 1));
  seeds.push_back(std::string(1, '\0') + Piece(raw.substr(0, 2560)));
  // Put right here: a segment of a batch of a mark, a hard state, two entries and a removal.
  std::string entry("\x01\x01\x01\x01\x01payload", 12);
  std::string segment("\x19\x00\x00\x02\x00\x05", 6);
  segment += std::string("\x02\x01\x00\x00", 4) + Piece(std::string("\x0a\x01\x01", 3));
  segment += std::string("\x01\x01\x00\x00", 4) + Piece(std::string("\x01\x01\x01\x07\x0a", 5));
  segment += std::string("\x00\x01\x0b\x02", 4) + Piece(entry) + Piece(entry);
  segment += std::string("\x03\x02\x00\x00", 4) + Piece("");
  segment += std::string("\x04\x02\x00\x00", 4) + Piece("why");
  seeds.push_back("\x01" + segment);
  seeds.push_back("\x05" + segment + segment);
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Check(isochron::fuzz::Input(data, size));
  return 0;
}
