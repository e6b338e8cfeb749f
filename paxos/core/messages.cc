// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/messages.h"

#include "absl/status/status.h"
#include "common/coding.h"
#include "paxos/core/membership.h"

namespace isochron::paxos {
namespace {

constexpr uint8_t kVersion = 2;  // 2: messages name the replicas' lives

// Wire numbers of the bodies; only ever added to. Same order as in Body.
enum Type : uint8_t {
  kPrepare = 0,
  kPromise = 1,
  kNack = 2,
  kAccept = 3,
  kAccepted = 4,
  kRelease = 5,
  kHoldQuery = 6,
  kTimeoutNow = 7,
};

void Put(Writer* w, const Ballot& b) {
  w->Varint(b.round);
  w->Varint(b.node.value);
}
bool Get(Reader* r, Ballot* b) { return r->Varint(&b->round) && r->Varint32(&b->node.value); }

void Put(Writer* w, const VoteStamp& v) {
  w->Varint(v.epoch);
  w->Varint(v.incarnation);
}
bool Get(Reader* r, VoteStamp* v) { return r->Varint(&v->epoch) && r->Varint(&v->incarnation); }

// Indexes of the entries follow from the first one's; `with_ballot` when they differ in it.
void PutEntries(Writer* w, const std::vector<Entry>& entries, bool with_ballot) {
  w->Varint(entries.size());
  for (const Entry& e : entries) {
    if (with_ballot) Put(w, e.ballot);
    Put(w, e.origin);
    w->Byte(static_cast<uint8_t>(e.kind));
    if (e.kind != EntryKind::kNoop) w->Bytes(e.payload ? *e.payload : std::string());
  }
}

bool GetEntries(Reader* r, LogIndex first, const Ballot* ballot, std::vector<Entry>* entries) {
  uint64_t n = 0;
  // An entry takes at least three bytes, so a lying count cannot make us allocate.
  if (!r->Varint(&n) || n > r->rest().size() / 3 || first + n < first) return false;
  entries->resize(n);
  for (uint64_t i = 0; i < n; ++i) {
    Entry& e = (*entries)[i];
    e.index = first + i;
    uint8_t kind = 0;
    if (ballot != nullptr) e.ballot = *ballot;
    if (ballot == nullptr && !Get(r, &e.ballot)) return false;
    if (!Get(r, &e.origin) || !r->Byte(&kind) || kind > 2) return false;
    e.kind = static_cast<EntryKind>(kind);
    if (e.kind == EntryKind::kNoop) continue;
    absl::string_view bytes;
    if (!r->Bytes(&bytes)) return false;
    if (e.kind == EntryKind::kConfig && !DecodeConfig(bytes).ok()) return false;
    e.payload = std::make_shared<const std::string>(bytes.data(), bytes.size());
  }
  return true;
}

void Put(Writer* w, const Prepare& m) {
  Put(w, m.ballot);
  w->Bool(m.pre);
  w->Varint(m.incarnation);
  w->Varint(m.from);
  Put(w, m.released);
  w->Varint(m.config_at);
}
bool Get(Reader* r, Prepare* m) {
  return Get(r, &m->ballot) && r->Bool(&m->pre) && r->Varint(&m->incarnation) &&
         r->Varint(&m->from) && Get(r, &m->released) && r->Varint(&m->config_at);
}

void Put(Writer* w, const Promise& m) {
  Put(w, m.ballot);
  w->Bool(m.pre);
  w->Varint(m.chosen);
  Put(w, m.chosen_origin);
  w->Varint(m.last);
  Put(w, m.vote);
  w->Varint(m.entries.empty() ? 0 : m.entries.front().index);
  PutEntries(w, m.entries, /*with_ballot=*/true);
}
bool Get(Reader* r, Promise* m) {
  LogIndex first = 0;
  return Get(r, &m->ballot) && r->Bool(&m->pre) && r->Varint(&m->chosen) &&
         Get(r, &m->chosen_origin) && r->Varint(&m->last) && Get(r, &m->vote) &&
         r->Varint(&first) && GetEntries(r, first, nullptr, &m->entries);
}

void Put(Writer* w, const Nack& m) {
  Put(w, m.ballot);
  Put(w, m.promised);
  w->Byte(static_cast<uint8_t>(m.reason));
  w->Bool(m.pre);
  if (m.reason == NackReason::kMerged) w->Varint(m.into.value);
}
bool Get(Reader* r, Nack* m) {
  uint8_t reason = 0;
  if (!Get(r, &m->ballot) || !Get(r, &m->promised) || !r->Byte(&reason) || reason > 5) return false;
  m->reason = static_cast<NackReason>(reason);
  if (!r->Bool(&m->pre)) return false;
  return m->reason != NackReason::kMerged || r->Varint(&m->into.value);
}

void Put(Writer* w, const Accept& m) {
  Put(w, m.ballot);
  w->Varint(m.incarnation);
  w->Varint(m.first);
  w->Varint(m.chosen);
  PutEntries(w, m.entries, /*with_ballot=*/false);
  if (m.settled == 0 && !m.settle) return;  // as versions without witnesses write and read it
  w->Varint(m.settled);
  w->Bool(m.settle);
}
bool Get(Reader* r, Accept* m) {
  return Get(r, &m->ballot) && r->Varint(&m->incarnation) && r->Varint(&m->first) &&
         r->Varint(&m->chosen) && GetEntries(r, m->first, &m->ballot, &m->entries) &&
         (r->AtEnd() || (r->Varint(&m->settled) && r->Bool(&m->settle)));
}

void Put(Writer* w, const Accepted& m) {
  Put(w, m.ballot);
  w->Varint(m.match);
  w->Varint(m.chosen);
  w->Bool(m.gap);
  Put(w, m.vote);
  if (m.kept != 0) w->Varint(m.kept);
}
bool Get(Reader* r, Accepted* m) {
  return Get(r, &m->ballot) && r->Varint(&m->match) && r->Varint(&m->chosen) && r->Bool(&m->gap) &&
         Get(r, &m->vote) && (r->AtEnd() || r->Varint(&m->kept));
}

void Put(Writer* w, const Release& m) { Put(w, m.ballot); }
bool Get(Reader* r, Release* m) { return Get(r, &m->ballot); }

void Put(Writer* w, const HoldQuery& m) {
  Put(w, m.ballot);
  w->Varint(m.incarnation);
}
bool Get(Reader* r, HoldQuery* m) { return Get(r, &m->ballot) && r->Varint(&m->incarnation); }

void Put(Writer* w, const TimeoutNow& m) { Put(w, m.ballot); }
bool Get(Reader* r, TimeoutNow* m) { return Get(r, &m->ballot); }

template <typename T>
bool GetBody(Reader* r, Body* body) {
  return Get(r, &body->emplace<T>());
}

bool GetMessage(absl::string_view in, Message* m) {
  Reader r(in);
  uint8_t type = 0;
  if (!r.Byte(&type) || !r.Varint(&m->group.value) || !r.Varint(&m->from_id) ||
      !r.Varint(&m->to_id)) {
    return false;
  }
  bool ok = false;
  switch (type) {
    case kPrepare:
      ok = GetBody<Prepare>(&r, &m->body);
      break;
    case kPromise:
      ok = GetBody<Promise>(&r, &m->body);
      break;
    case kNack:
      ok = GetBody<Nack>(&r, &m->body);
      break;
    case kAccept:
      ok = GetBody<Accept>(&r, &m->body);
      break;
    case kAccepted:
      ok = GetBody<Accepted>(&r, &m->body);
      break;
    case kRelease:
      ok = GetBody<Release>(&r, &m->body);
      break;
    case kHoldQuery:
      ok = GetBody<HoldQuery>(&r, &m->body);
      break;
    case kTimeoutNow:
      ok = GetBody<TimeoutNow>(&r, &m->body);
      break;
    default:
      return false;
  }
  return ok && r.AtEnd();
}

}  // namespace

std::string NewFrame() { return std::string(1, static_cast<char>(kVersion)); }

void AppendToFrame(const Message& message, std::string* frame) {
  // The length is patched in afterwards, so that the message is written once.
  const size_t start = frame->size();
  Writer w(frame);
  w.Fixed32(0);
  w.Byte(static_cast<uint8_t>(message.body.index()));
  w.Varint(message.group.value);
  w.Varint(message.from_id);
  w.Varint(message.to_id);
  std::visit([&w](const auto& body) { Put(&w, body); }, message.body);
  std::string length;
  Writer(&length).Fixed32(static_cast<uint32_t>(frame->size() - start - 4));
  frame->replace(start, 4, length);
}

absl::StatusOr<std::vector<Message>> DecodeFrame(absl::string_view frame) {
  Reader r(frame);
  Reader counter(frame);
  uint8_t version = 0;
  if (!r.Byte(&version) || version != kVersion) {
    return absl::InvalidArgumentError("a Paxos frame of an unknown version");
  }
  // One allocation: a message is large, and a frame may hold one for each of many groups.
  size_t count = 0;
  absl::string_view skipped;
  uint32_t size = 0;
  for (counter.Byte(&version); counter.Fixed32(&size) && counter.Raw(size, &skipped);) ++count;
  std::vector<Message> messages;
  messages.reserve(count);
  while (!r.AtEnd()) {
    uint32_t length = 0;
    absl::string_view body;
    if (!r.Fixed32(&length) || !r.Raw(length, &body) ||
        !GetMessage(body, &messages.emplace_back())) {
      return absl::InvalidArgumentError("a Paxos message from a peer cannot be understood");
    }
  }
  return messages;
}

}  // namespace isochron::paxos
