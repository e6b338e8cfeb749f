// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/format.h"

#include <algorithm>

#include "common/coding.h"
#include "common/crc32c.h"
#include "paxos/core/membership.h"

namespace isochron::paxos::format {
namespace {

constexpr uint64_t kSegmentMagic = 0x474f4c4f5349ull;   // "ISOLOG"
constexpr uint64_t kHeadMagic = 0x44414548534f4c49ull;  // "ILOSHEAD"
constexpr uint32_t kBatchMagic = 0x48435442;            // "BTCH"
// Length, kind, two ballots, checksum.
constexpr uint32_t kMinEntryBytes = 4 + 1 + 4 + 4;
constexpr size_t kSegmentHeaderBytes = 8 + 4 + 8 + 8;

void Put(Writer* w, const Ballot& b) {
  w->Varint(b.round);
  w->Varint(b.node.value);
}
bool Get(Reader* r, Ballot* b) { return r->Varint(&b->round) && r->Varint32(&b->node.value); }

// Appends the checksum of what was appended since `start`.
void Seal(size_t start, std::string* out) {
  const uint32_t crc = Crc32c(absl::string_view(*out).substr(start));
  Writer(out).Fixed32(crc);
}

// Whether `in` is `body` followed by its checksum.
bool Unseal(absl::string_view in, absl::string_view* body) {
  if (in.size() < 4) return false;
  *body = in.substr(0, in.size() - 4);
  uint32_t crc = 0;
  return Reader(in.substr(body->size())).Fixed32(&crc) && crc == Crc32c(*body);
}

}  // namespace

std::string Encode(const SegmentHeader& h) {
  std::string out;
  Writer w(&out);
  w.Fixed64(kSegmentMagic);
  w.Fixed32(h.version);
  w.Fixed64(h.sequence);
  w.Fixed64(h.previous_end);
  Seal(0, &out);
  out.resize(kBlock);
  return out;
}

bool Decode(absl::string_view in, SegmentHeader* h) {
  absl::string_view body;
  if (in.size() < kSegmentHeaderBytes + 4 ||
      !Unseal(in.substr(0, kSegmentHeaderBytes + 4), &body)) {
    return false;
  }
  Reader r(body);
  uint64_t magic = 0;
  return r.Fixed64(&magic) && magic == kSegmentMagic && r.Fixed32(&h->version) &&
         r.Fixed64(&h->sequence) && r.Fixed64(&h->previous_end);
}

std::string Encode(const BatchHeader& h) {
  std::string out;
  Writer w(&out);
  w.Fixed32(kBatchMagic);
  w.Fixed64(h.sequence);
  w.Fixed64(h.offset);
  w.Fixed64(h.synced);
  w.Fixed32(h.bytes);
  w.Fixed32(h.records);
  w.Fixed32(h.zero_tail);
  Seal(0, &out);
  return out;
}

bool Decode(absl::string_view in, uint64_t sequence, uint64_t offset, BatchHeader* h) {
  absl::string_view body;
  if (in.size() < kBatchHeaderBytes || !Unseal(in.substr(0, kBatchHeaderBytes), &body)) {
    return false;
  }
  Reader r(body);
  uint32_t magic = 0;
  return r.Fixed32(&magic) && magic == kBatchMagic && r.Fixed64(&h->sequence) &&
         r.Fixed64(&h->offset) && r.Fixed64(&h->synced) && r.Fixed32(&h->bytes) &&
         r.Fixed32(&h->records) && r.Fixed32(&h->zero_tail) && h->sequence == sequence &&
         h->offset == offset;
}

std::string Encode(const Head& h) {
  std::string out;
  Writer w(&out);
  w.Fixed64(kHeadMagic);
  w.Fixed64(h.first);
  w.Fixed64(h.last);
  Seal(0, &out);
  return out;
}

bool Decode(absl::string_view in, Head* h) {
  absl::string_view body;
  if (!Unseal(in, &body)) return false;
  Reader r(body);
  uint64_t magic = 0;
  return r.Fixed64(&magic) && magic == kHeadMagic && r.Fixed64(&h->first) && r.Fixed64(&h->last) &&
         r.AtEnd() && h->first >= 1 && h->first <= h->last;
}

uint32_t ZeroTail(absl::string_view batch) {
  uint32_t sum = 0;
  for (size_t at = 0; at < batch.size(); at += kBlock) {
    const size_t from = at == 0 ? kBatchHeaderBytes : at;
    size_t end = std::min<size_t>(at + kBlock, batch.size());
    for (; end > from && batch[end - 1] == '\0'; --end) ++sum;
  }
  return sum;
}

bool LooksTorn(absl::string_view in, uint64_t sequence, uint64_t offset) {
  BatchHeader h;
  if (Decode(in, sequence, offset, &h)) {
    const uint64_t bytes = RoundUp(kBatchHeaderBytes + h.bytes);
    return bytes > in.size() || ZeroTail(in.substr(0, bytes)) > h.zero_tail;
  }
  // A header whose fields name this place was written, and so was its block if something follows
  // it; then its checksum does not fail by tearing.
  Reader r(in.substr(0, kBatchHeaderBytes));
  uint32_t magic = 0;
  r.Fixed32(&magic);
  r.Fixed64(&h.sequence);
  r.Fixed64(&h.offset);
  const int named = (magic == kBatchMagic) + (h.sequence == sequence) + (h.offset == offset);
  const absl::string_view block = in.substr(0, kBlock);
  const bool followed = block.size() > kBatchHeaderBytes &&
                        block.find_first_not_of('\0', kBatchHeaderBytes) != block.npos;
  return named < 2 || !followed;
}

std::string Encode(const RecordHeader& h) {
  std::string out;
  Writer w(&out);
  w.Byte(static_cast<uint8_t>(h.type));
  w.Fixed64(h.group.value);
  w.Fixed64(h.first);
  w.Fixed32(h.count);
  w.Fixed32(h.bytes);
  w.Fixed32(h.body_crc);
  Seal(0, &out);
  return out;
}

bool Decode(absl::string_view in, RecordHeader* h) {
  absl::string_view body;
  if (in.size() < kRecordHeaderBytes || !Unseal(in.substr(0, kRecordHeaderBytes), &body)) {
    return false;
  }
  Reader r(body);
  uint8_t type = 0;
  if (!r.Byte(&type) || type < 1 || type > 5) return false;
  h->type = static_cast<RecordType>(type);
  return r.Fixed64(&h->group.value) && r.Fixed64(&h->first) && r.Fixed32(&h->count) &&
         r.Fixed32(&h->bytes) && r.Fixed32(&h->body_crc) && h->count <= h->bytes / kMinEntryBytes &&
         h->first <= h->first + h->count;
}

uint32_t AppendEntry(const Entry& e, std::string* out) {
  const size_t start = out->size();
  Writer w(out);
  w.Fixed32(0);
  w.Byte(static_cast<uint8_t>(e.kind));
  Put(&w, e.ballot);
  Put(&w, e.origin);
  if (e.payload) w.Raw(*e.payload);
  Seal(start + 4, out);
  const uint32_t length = static_cast<uint32_t>(out->size() - start - 4);
  std::string encoded;
  Writer(&encoded).Fixed32(length);
  out->replace(start, 4, encoded);
  return length;
}

bool DecodeEntry(absl::string_view in, Entry* e) {
  absl::string_view body;
  if (!Unseal(in, &body)) return false;
  Reader r(body);
  uint8_t kind = 0;
  if (!r.Byte(&kind) || kind > 2 || !Get(&r, &e->ballot) || !Get(&r, &e->origin)) return false;
  e->kind = static_cast<EntryKind>(kind);
  e->payload.reset();
  if (e->kind == EntryKind::kConfig && !DecodeConfig(r.rest()).ok()) return false;
  if (e->kind != EntryKind::kNoop) {
    e->payload = std::make_shared<const std::string>(r.rest().data(), r.rest().size());
  }
  return true;
}

std::string EncodeHardState(const HardState& s) {
  std::string out;
  Writer w(&out);
  Put(&w, s.promised);
  w.Varint(s.holder.value);
  w.Varint(s.holder_incarnation);
  w.Varint(s.chosen);
  return out;
}

bool DecodeHardState(absl::string_view in, HardState* s) {
  Reader r(in);
  return Get(&r, &s->promised) && r.Varint32(&s->holder.value) &&
         r.Varint(&s->holder_incarnation) && r.Varint(&s->chosen) && r.AtEnd();
}

std::string EncodeMark(const LogMark& m) {
  std::string out;
  Writer w(&out);
  w.Varint(m.index);
  Put(&w, m.origin);
  return out;
}

bool DecodeMark(absl::string_view in, LogMark* m) {
  Reader r(in);
  return r.Varint(&m->index) && Get(&r, &m->origin) && r.AtEnd();
}

}  // namespace isochron::paxos::format
