// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LOG_FORMAT_H_
#define ISOCHRON_PAXOS_LOG_FORMAT_H_

// The bytes of a log segment (docs/internals/log.md).
//
//   segment = header block, batch*, zeros          blocks and batches start at multiples of kBlock
//   batch   = batch header, record*, padding       one write and one sync; whole or not at all
//   record  = record header, body                  the header has its own checksum, so that damage
//                                                  to a body still names its group
//
// A torn write of one batch cannot reach another's block. A batch header names its own segment and
// offset, so that a misdirected or stale block is not mistaken for it.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/types.h"
#include "paxos/core/entry.h"

namespace isochron::paxos::format {

inline constexpr uint64_t kBlock = 512;
// 2: the folder has a HEAD file, and records may be of type kQuarantined.
inline constexpr uint32_t kVersion = 2;

inline uint64_t RoundUp(uint64_t n) { return (n + kBlock - 1) / kBlock * kBlock; }

struct SegmentHeader {
  uint32_t version = kVersion;
  uint64_t sequence = 0;
  // Where the valid part of the segment before ends: all of it was synced before this was written.
  uint64_t previous_end = 0;
};
std::string Encode(const SegmentHeader& h);  // kBlock bytes
// False when damaged. A header of another version is not damaged.
bool Decode(absl::string_view in, SegmentHeader* h);

struct BatchHeader {
  uint64_t sequence = 0;
  uint64_t offset = 0;  // of this header in its segment
  uint64_t synced = 0;  // everything before it in the segment was synced
  uint32_t bytes = 0;   // of the records
  uint32_t records = 0;
  uint32_t zero_tail = 0;  // ZeroTail of the whole batch
};
inline constexpr size_t kBatchHeaderBytes = 44;
std::string Encode(const BatchHeader& h);  // kBatchHeaderBytes
// False unless it is whole and names this very place.
bool Decode(absl::string_view in, uint64_t sequence, uint64_t offset, BatchHeader* h);

// The lengths of the runs of zeros at the end of each block of a batch, added up; without the
// header. Segments are never reused, so whatever a torn write leaves out is zeros up to the end of
// a block: tearing makes this sum greater, a flipped bit in what was written does not (rule 33).
uint32_t ZeroTail(absl::string_view batch);
// `in` starts where a batch should, and that batch is damaged: whether a torn write explains it.
bool LooksTorn(absl::string_view in, uint64_t sequence, uint64_t offset);

// The folder's HEAD file: which segments there are, so that a lost one is missed.
struct Head {
  uint64_t first = 0;
  uint64_t last = 0;
};
std::string Encode(const Head& h);
bool Decode(absl::string_view in, Head* h);

enum class RecordType : uint8_t {
  kEntries = 1,
  kHardState = 2,
  kMark = 3,     // truncated up to a mark
  kRemoved = 4,  // the group is gone
  kQuarantined =
      5,  // damage was found: nothing of the group before this counts; the body says what
};
struct RecordHeader {
  RecordType type = RecordType::kEntries;
  GroupId group;
  LogIndex first = 0;  // of the entries
  uint32_t count = 0;
  uint32_t bytes = 0;  // of the body
  uint32_t body_crc = 0;
};
inline constexpr size_t kRecordHeaderBytes = 33;
std::string Encode(const RecordHeader& h);  // kRecordHeaderBytes
bool Decode(absl::string_view in, RecordHeader* h);

// One entry within a kEntries body: fixed32 length, then that many bytes (which end with a checksum
// of their own, for reading one back alone). The index is not in it. Returns the length.
uint32_t AppendEntry(const Entry& e, std::string* out);
// `in`: the bytes after the length.
bool DecodeEntry(absl::string_view in, Entry* e);

std::string EncodeHardState(const HardState& s);
bool DecodeHardState(absl::string_view in, HardState* s);
std::string EncodeMark(const LogMark& m);
bool DecodeMark(absl::string_view in, LogMark* m);

}  // namespace isochron::paxos::format

#endif  // ISOCHRON_PAXOS_LOG_FORMAT_H_
