// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/promise_exchange.h"

#include <algorithm>

#include "common/coding.h"

namespace isochron::tablet {
namespace {

constexpr uint8_t kFormat = 1;

}  // namespace

struct PromiseExchange::Parsed {
  uint64_t incarnation = 0, sequence = 0, base = 0, version = 0;
  Timestamp t, oldest_read;
  int64_t sent_us = 0, echo_us = 0, held_us = 0;
  uint64_t ack_incarnation = 0, ack_version = 0;
  std::vector<std::pair<GroupId, Entry>> changes;

  absl::Status Read(absl::string_view message);
};

// ---- giving ----

void PromiseExchange::Change(Out* out, GroupId group, const Entry& entry) {
  Entry& e = out->entries[group];
  out->changes.erase({e.changed, group});
  e = entry;
  e.changed = ++out->version;
  out->changes.insert({e.changed, group});
}

void PromiseExchange::Join(GroupId group, Ballot ballot, LogIndex index,
                           const std::vector<NodeId>& peers) {
  Leave(group);
  given_[group] = {index, peers};
  for (NodeId peer : peers) Change(&out_[peer], group, Entry{true, ballot, index, 0});
}

void PromiseExchange::Leave(GroupId group) {
  auto it = given_.find(group);
  if (it == given_.end()) return;
  for (NodeId peer : it->second.second) Change(&out_[peer], group, Entry());
  given_.erase(it);
}

std::optional<LogIndex> PromiseExchange::SharedAt(GroupId group) const {
  auto it = given_.find(group);
  if (it == given_.end()) return std::nullopt;
  return it->second.first;
}

// ---- exchanging ----

std::string PromiseExchange::Message(NodeId to, Timestamp t, Timestamp oldest_read, Micros now) {
  Out& out = out_[to];
  const In& in = in_[to];
  std::string message;
  Writer w(&message);
  w.Byte(kFormat);
  w.Varint(incarnation_);
  w.Varint(++out.sequence);
  w.Varint(out.acknowledged);
  w.Varint(out.version);
  w.Time(t);
  w.Time(oldest_read);
  w.Zigzag(now);
  w.Zigzag(in.sent_us);
  w.Zigzag(in.heard_us == 0 ? 0 : now - in.heard_us);
  w.Varint(in.incarnation);
  w.Varint(in.version);
  w.Varint(out.changes.size());
  for (const auto& [version, group] : out.changes) {
    const Entry& e = out.entries[group];
    w.Varint(group.value);
    w.Bool(e.in);
    if (!e.in) continue;
    w.Varint(e.ballot.round);
    w.Varint(e.ballot.node.value);
    w.Varint(e.index);
  }
  return message;
}

absl::Status PromiseExchange::Parsed::Read(absl::string_view message) {
  Reader r(message);
  uint8_t format = 0;
  uint64_t count = 0;
  r.Byte(&format);
  r.Varint(&incarnation);
  r.Varint(&sequence);
  r.Varint(&base);
  r.Varint(&version);
  r.Time(&t);
  r.Time(&oldest_read);
  r.Zigzag(&sent_us);
  r.Zigzag(&echo_us);
  r.Zigzag(&held_us);
  r.Varint(&ack_incarnation);
  r.Varint(&ack_version);
  r.Varint(&count);
  for (uint64_t i = 0; i < count && r.ok(); ++i) {
    uint64_t group = 0;
    Entry e;
    r.Varint(&group);
    r.Bool(&e.in);
    if (e.in) {
      uint32_t node = 0;
      r.Varint(&e.ballot.round);
      r.Varint32(&node);
      r.Varint(&e.index);
      e.ballot.node = NodeId(node);
    }
    changes.emplace_back(GroupId(group), e);
  }
  if (!r.Finish("a message about safe time").ok() || format != kFormat || base > version) {
    return absl::InvalidArgumentError("not a message about safe time");
  }
  return absl::OkStatus();
}

void PromiseExchange::End(const In& in, GroupId group, const SharedPromise& promise) {
  if (in.t.us == 0) return;
  ended_(group, SharedPromise{promise.ballot, promise.index, in.t});
}

void PromiseExchange::Forget(In* in) {
  for (const auto& [group, promise] : in->groups) End(*in, group, promise);
  in->groups.clear();
  in->version = 0;
  in->t = Timestamp();
}

absl::Status PromiseExchange::Step(NodeId from, absl::string_view bytes, Micros now) {
  Parsed m;
  if (absl::Status read = m.Read(bytes); !read.ok()) return read;
  In& in = in_[from];
  if (m.incarnation < in.incarnation) return absl::OkStatus();
  if (m.incarnation > in.incarnation) {
    Forget(&in);
    in = In();
    in.incarnation = m.incarnation;
  }
  if (m.sequence <= in.sequence) return absl::OkStatus();  // late or doubled
  in.sequence = m.sequence;
  in.heard_us = now;
  in.sent_us = m.sent_us;
  in.oldest_read = m.oldest_read;
  if (m.echo_us != 0 && m.ack_incarnation == incarnation_) {
    in.round_trip_us = std::max<Micros>(1, now - m.echo_us - m.held_us);
  }
  Acknowledge(from, m.ack_incarnation, m.ack_version);
  // What changed before the base is missing here: this process is new, and its next message says
  // so.
  if (m.base > in.version) return absl::OkStatus();
  if (m.base == 0 && in.version != 0 && m.version < in.version) Forget(&in);
  for (const auto& [group, e] : m.changes) {
    auto it = in.groups.find(group);
    const bool same = e.in && it != in.groups.end() && it->second.ballot == e.ballot &&
                      it->second.index == e.index;
    if (same) continue;
    if (it != in.groups.end()) {
      End(in, group, it->second);
      in.groups.erase(it);
    }
    if (e.in) in.groups[group] = SharedPromise{e.ballot, e.index, Timestamp()};
  }
  in.version = m.version;
  if (m.t > in.t) in.t = m.t;
  return absl::OkStatus();
}

void PromiseExchange::Acknowledge(NodeId peer, uint64_t incarnation, uint64_t version) {
  Out& out = out_[peer];
  if (incarnation != incarnation_) version = 0;  // it knows nothing of this process
  if (version > out.version) return;
  if (version < out.acknowledged) {
    // The peer has started anew: all of the set, as if it had just been made.
    out.acknowledged = 0;
    out.changes.clear();
    std::erase_if(out.entries, [](const auto& e) { return !e.second.in; });
    for (const auto& [group, e] : out.entries) out.changes.insert({e.changed, group});
    return;
  }
  out.acknowledged = version;
  while (!out.changes.empty() && out.changes.begin()->first <= version) {
    const GroupId group = out.changes.begin()->second;
    out.changes.erase(out.changes.begin());
    if (auto it = out.entries.find(group); !it->second.in) out.entries.erase(it);
  }
}

// ---- knowing ----

std::optional<SharedPromise> PromiseExchange::Known(GroupId group) const {
  std::optional<SharedPromise> best;
  for (const auto& [peer, in] : in_) {
    auto it = in.groups.find(group);
    if (it == in.groups.end() || in.t.us == 0) continue;
    if (!best || in.t > best->t) best = SharedPromise{it->second.ballot, it->second.index, in.t};
  }
  return best;
}

Micros PromiseExchange::RoundTrip(NodeId peer) const {
  auto it = in_.find(peer);
  return it == in_.end() ? 0 : it->second.round_trip_us;
}

Micros PromiseExchange::HeardAt(NodeId peer) const {
  auto it = in_.find(peer);
  return it == in_.end() ? 0 : it->second.heard_us;
}

Timestamp PromiseExchange::OldestRead(Micros since) const {
  Timestamp oldest = Timestamp::Max();
  for (const auto& [peer, in] : in_) {
    if (in.heard_us > 0 && in.heard_us >= since) oldest = std::min(oldest, in.oldest_read);
  }
  return oldest;
}

}  // namespace isochron::tablet
