// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/fake_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tablet/group/convert.h"
#include "txn/api/descriptor.h"

namespace isochron::txn {
namespace {

peer::GroupResponse Answer(peer::GroupError error, const std::string& message) {
  peer::GroupResponse r;
  r.set_error(error);
  r.set_message(message);
  if (error == peer::REFUSED) r.set_code(static_cast<int>(absl::StatusCode::kInternal));
  return r;
}

peer::GroupResponse Committed(int64_t s) {
  peer::GroupResponse r;
  r.mutable_commit()->set_s(s);
  return r;
}

template <typename Writes>
std::vector<peer::Write> ToVector(const Writes& writes) {
  return std::vector<peer::Write>(writes.begin(), writes.end());
}

}  // namespace

FakeGroups::FakeGroups(rpc::TestExecutor* executor, TrueTime* truetime, uint64_t seed)
    : executor_(executor), truetime_(truetime), random_(seed) {}

void FakeGroups::AddGroup(GroupId id, KeyRange range) { groups_[id].range = std::move(range); }

GroupDescriptor FakeGroups::Describe(GroupId id, const Group& g) const {
  return GroupDescriptor{id, g.range, g.generation, {NodeId(1), NodeId(2), NodeId(3)}};
}

std::vector<GroupDescriptor> FakeGroups::Descriptors() const {
  std::vector<GroupDescriptor> all;
  for (const auto& [id, g] : groups_) all.push_back(Describe(id, g));
  return all;
}

void FakeGroups::Split(const std::string& key, GroupId child) {
  for (auto& [id, g] : groups_) {
    if (!g.range.Contains(key) || g.range.start == key || groups_.contains(child)) continue;
    if (!g.prepared.empty()) return;  // a real group waits for these
    Group made;
    made.range = KeyRange{key, g.range.end};
    made.generation = ++g.generation;
    g.range.end = key;
    for (auto it = g.rows.lower_bound(key); it != g.rows.end(); it = g.rows.erase(it)) {
      made.rows[it->first] = std::move(it->second);
    }
    // Whoever held a lock in what went away lost it.
    std::set<TxnAttempt> lost;
    for (const Lock& l : g.locks) {
      if (!g.range.Contains(l.range)) lost.insert(l.owner);
    }
    std::erase_if(g.locks, [&](const Lock& l) { return lost.contains(l.owner); });
    groups_[child] = std::move(made);
    return;
  }
}

void FakeGroups::NewLeader(GroupId group) {
  Group& g = groups_[group];
  ++g.ballot;
  std::erase_if(g.prepared, [](const auto& vote) { return vote.second.empty(); });
  std::erase_if(g.locks, [&](const Lock& l) { return !g.prepared.contains(l.owner); });
}

std::map<std::string, std::string> FakeGroups::Rows() const {
  std::map<std::string, std::string> rows;
  for (const auto& [id, g] : groups_) {
    for (const auto& [key, versions] : g.rows) {
      const auto& newest = versions.rbegin()->second;
      if (newest.has_value()) rows[key] = *newest;
    }
  }
  return rows;
}

size_t FakeGroups::locked() const {
  size_t n = 0;
  for (const auto& [id, g] : groups_) n += g.locks.size() + g.prepared.size();
  return n;
}

int64_t FakeGroups::NextTimestamp() {
  last_s_ = std::max(last_s_, truetime_->Now()->latest.us) + 1;
  return last_s_;
}

peer::LockEpoch FakeGroups::Epoch(const Group& g) const {
  peer::LockEpoch e;
  e.set_ballot_round(g.ballot);
  return e;
}

peer::GroupResponse FakeGroups::WrongRange(GroupId id) const {
  peer::GroupResponse r = Answer(peer::WRONG_RANGE, "not here");
  for (const auto& [other, g] : groups_) {
    if (other == id || other.value > id.value) *r.add_descriptors() = ToProto(Describe(other, g));
  }
  return r;
}

Task<CallResult> FakeGroups::CallTraced(Ctx ctx, GroupId group, peer::GroupRequest request) {
  ++calls[request.body_case()];
  co_await SleepFor(executor_, random_.Between(100, 2000) + (delay ? delay(request) : 0));
  if (absl::Status s = ctx->Check(executor_->MonotonicNow()); !s.ok())
    co_return CallResult{s, true};
  if (before) {
    std::optional<peer::GroupResponse> instead = before(group, request);
    if (instead.has_value()) co_return CallResult{*std::move(instead), false};
  }
  peer::GroupResponse response;
  if (request.has_coordinate()) {
    response = co_await Coordinate(ctx, group, request.coordinate());
  } else {
    response = Execute(group, request);
  }
  co_await SleepFor(executor_, random_.Between(100, 2000));
  for (const peer::GroupDescriptor& d : response.descriptors()) router->Learn(ToDescriptor(d));
  CallResult result{std::move(response), false};
  if (request.has_commit() || request.has_coordinate()) {
    if (random_.OneIn(lose_answer)) result.response = Answer(peer::TXN_UNKNOWN, "leader lost");
    if (random_.OneIn(lose_and_refuse)) {
      result = CallResult{Answer(peer::REFUSED, "try again"), true};
    }
  }
  co_return result;
}

peer::GroupResponse FakeGroups::Execute(GroupId id, const peer::GroupRequest& request) {
  Group& g = groups_[id];
  peer::GroupResponse r;
  switch (request.body_case()) {
    case peer::GroupRequest::kLockedRead:
      return LockedRead(id, request.locked_read());
    case peer::GroupRequest::kSnapshotRead:
      return SnapshotRead(id, request.snapshot_read());
    case peer::GroupRequest::kCommit:
      return Commit(id, request.commit());
    case peer::GroupRequest::kPrepare:
      return Prepare(id, request.prepare());
    case peer::GroupRequest::kVote: {
      const TxnAttempt txn = tablet::FromProto(request.vote().txn());
      const Done done = g.done.try_emplace(txn).first->second;
      // Participants ask the coordinator by and by; here they are told at once.
      for (auto& [other, part] : groups_) {
        if (!done.commit && part.prepared.contains(txn)) Finish(&part, txn, false, 0, {});
      }
      r.mutable_vote()->set_decided(true);
      r.mutable_vote()->set_commit(done.commit);
      r.mutable_vote()->set_s(done.s);
      return r;
    }
    case peer::GroupRequest::kHeartbeat:
      r.mutable_heartbeat()->set_alive(
          Holds(g, tablet::FromProto(request.heartbeat().txn()), &request.heartbeat().epoch()));
      return r;
    case peer::GroupRequest::kRelease: {
      const TxnAttempt txn = tablet::FromProto(request.release().txn());
      if (g.prepared.contains(txn)) return r;
      Finish(&g, txn, false, 0, {});
      return r;
    }
    case peer::GroupRequest::kSplit:
      if (!g.range.Contains(request.split().key())) return WrongRange(id);
      Split(request.split().key(), GroupId(request.split().new_group()));
      for (const GroupDescriptor& d : Descriptors()) {
        *r.mutable_split()->add_descriptors() = ToProto(d);
      }
      return r;
    default:
      return Answer(peer::REFUSED, "unknown request");
  }
}

bool FakeGroups::Acquire(Group* g, const TxnAttempt& owner, const KeyRange& range, bool exclusive) {
  std::set<TxnAttempt> wounded;
  for (const Lock& l : g->locks) {
    if (l.owner == owner || !l.range.Overlaps(range) || !(exclusive || l.exclusive)) continue;
    if (l.owner < owner || g->prepared.contains(l.owner)) return false;
    wounded.insert(l.owner);
  }
  std::erase_if(g->locks, [&](const Lock& l) { return wounded.contains(l.owner); });
  g->locks.push_back(Lock{owner, range, exclusive});
  return true;
}

bool FakeGroups::Holds(const Group& g, const TxnAttempt& owner,
                       const peer::LockEpoch* epoch) const {
  if (epoch != nullptr && !tablet::SameEpoch(*epoch, Epoch(g))) return false;
  return std::any_of(g.locks.begin(), g.locks.end(),
                     [&](const Lock& l) { return l.owner == owner; });
}

void FakeGroups::Finish(Group* g, const TxnAttempt& owner, bool commit, int64_t s,
                        const std::vector<peer::Write>& writes) {
  for (const peer::Write& w : writes) {
    auto& version = g->rows[w.key()][s];
    if (!w.tombstone()) version = w.value();
  }
  g->done.try_emplace(owner, Done{commit, s});
  g->prepared.erase(owner);
  std::erase_if(g->locks, [&](const Lock& l) { return l.owner == owner; });
}

void FakeGroups::Read(const Group& g, int64_t t, const std::vector<KeyRange>& spans,
                      uint64_t limit_rows, bool reverse, peer::ReadResponse* out) {
  uint64_t room = 1 + random_.Below(max_page_rows);
  if (limit_rows > 0) room = std::min(room, limit_rows);
  for (size_t i = 0; i < spans.size(); ++i) {
    std::vector<peer::Row> rows;
    for (auto it = g.rows.lower_bound(spans[i].start);
         it != g.rows.end() && spans[i].Contains(it->first); ++it) {
      auto version = it->second.upper_bound(t);
      if (version == it->second.begin() || !std::prev(version)->second.has_value()) continue;
      peer::Row row;
      row.set_key(it->first);
      row.set_value(*std::prev(version)->second);
      rows.push_back(std::move(row));
    }
    if (reverse) std::reverse(rows.begin(), rows.end());
    for (peer::Row& row : rows) {
      if (static_cast<uint64_t>(out->rows_size()) == room) {
        // The rest begins behind the last row that was given.
        KeyRange rest = spans[i];
        if (reverse) {
          rest.end = KeyRange::Point(row.key()).end;
        } else {
          rest.start = row.key();
        }
        tablet::ToProto(rest, out->add_rest());
        for (size_t j = i + 1; j < spans.size(); ++j) tablet::ToProto(spans[j], out->add_rest());
        return;
      }
      *out->add_rows() = std::move(row);
    }
  }
}

peer::GroupResponse FakeGroups::LockedRead(GroupId id, const peer::LockedReadRequest& r) {
  Group& g = groups_[id];
  const TxnAttempt txn = tablet::FromProto(r.txn());
  std::vector<KeyRange> spans;
  for (const peer::Span& s : r.spans()) spans.push_back(tablet::FromProto(s));
  for (const KeyRange& s : spans) {
    if (!g.range.Contains(s)) return WrongRange(id);
  }
  if (g.done.contains(txn)) return Answer(peer::TXN_ABORTED, "finished");
  if (r.has_epoch() && !Holds(g, txn, &r.epoch())) return Answer(peer::TXN_ABORTED, "locks lost");
  for (const KeyRange& s : spans) {
    if (!Acquire(&g, txn, s, r.exclusive())) return Answer(peer::TXN_ABORTED, "an older one waits");
  }
  peer::GroupResponse response;
  Read(g, INT64_MAX, spans, r.limit_rows(), r.reverse(), response.mutable_read());
  *response.mutable_read()->mutable_epoch() = Epoch(g);
  return response;
}

peer::GroupResponse FakeGroups::SnapshotRead(GroupId id, const peer::SnapshotReadRequest& r) {
  Group& g = groups_[id];
  std::vector<KeyRange> spans;
  for (const peer::Span& s : r.spans()) spans.push_back(tablet::FromProto(s));
  for (const KeyRange& s : spans) {
    if (!g.range.Contains(s)) return WrongRange(id);
  }
  const int64_t t = r.timestamp_us() <= 0 ? NextTimestamp() : r.timestamp_us();
  last_s_ = std::max(last_s_, t);
  // A real group waits for what is prepared at or below t; the snapshot tests have none.
  peer::GroupResponse response;
  Read(g, t, spans, r.limit_rows(), r.reverse(), response.mutable_read());
  response.mutable_read()->set_timestamp_us(t);
  return response;
}

peer::GroupResponse FakeGroups::Commit(GroupId id, const peer::CommitRequest& r) {
  Group& g = groups_[id];
  const TxnAttempt txn = tablet::FromProto(r.txn());
  if (auto it = g.done.find(txn); it != g.done.end()) {
    return it->second.commit ? Committed(it->second.s) : Answer(peer::TXN_ABORTED, "finished");
  }
  for (const peer::Write& w : r.writes()) {
    if (!g.range.Contains(w.key())) return WrongRange(id);
  }
  bool good = !r.has_epoch() || Holds(g, txn, &r.epoch());
  for (const peer::Write& w : r.writes()) {
    good = good && Acquire(&g, txn, KeyRange::Point(w.key()), true);
  }
  const int64_t s = NextTimestamp();
  if (!good || (r.s_max_us() != 0 && s > r.s_max_us())) {
    Finish(&g, txn, false, 0, {});
    return Answer(peer::TXN_ABORTED, "locks lost");
  }
  Finish(&g, txn, true, s, ToVector(r.writes()));
  return Committed(s);
}

peer::GroupResponse FakeGroups::Prepare(GroupId id, const peer::PrepareRequest& r) {
  Group& g = groups_[id];
  const TxnAttempt txn = tablet::FromProto(r.txn());
  if (g.done.contains(txn)) return Answer(peer::TXN_ABORTED, "finished");
  if (g.prepared.contains(txn)) return peer::GroupResponse();
  for (const peer::Write& w : r.writes()) {
    if (!g.range.Contains(w.key())) return WrongRange(id);
  }
  bool good = !r.has_epoch() || Holds(g, txn, &r.epoch());
  for (const peer::Write& w : r.writes()) {
    good = good && Acquire(&g, txn, KeyRange::Point(w.key()), true);
  }
  if (!good) {
    Finish(&g, txn, false, 0, {});
    return Answer(peer::TXN_ABORTED, "locks lost");
  }
  g.prepared[txn] = ToVector(r.writes());
  return peer::GroupResponse();
}

Task<peer::GroupResponse> FakeGroups::Coordinate(Ctx ctx, GroupId id, peer::CoordinateRequest r) {
  const TxnAttempt txn = tablet::FromProto(r.txn());
  {
    Group& g = groups_[id];
    if (auto it = g.done.find(txn); it != g.done.end()) {
      co_return it->second.commit ? Committed(it->second.s) : Answer(peer::TXN_ABORTED, "finished");
    }
    for (const peer::Write& w : r.writes()) {
      if (!g.range.Contains(w.key())) co_return WrongRange(id);
    }
    bool good = !r.has_epoch() || Holds(g, txn, &r.epoch());
    for (const peer::Write& w : r.writes()) {
      good = good && Acquire(&g, txn, KeyRange::Point(w.key()), true);
    }
    if (good) {
      g.prepared[txn] = ToVector(r.writes());
    } else {
      g.done[txn] = Done{};
    }
  }
  // Votes are looked at where they lie. A participant that finished without preparing said no.
  bool undecided = true;
  for (int i = 0; i < 20'000 && undecided; ++i) {
    undecided = false;
    bool no = groups_[id].done.contains(txn);
    for (uint64_t p : r.participants()) {
      const Group& part = groups_[GroupId(p)];
      no = no || part.done.contains(txn);
      undecided = undecided || !part.prepared.contains(txn);
    }
    if (no) break;
    if (undecided) co_await SleepFor(executor_, 500);
  }
  bool commit = !undecided && !groups_[id].done.contains(txn);
  for (uint64_t p : r.participants()) commit = commit && groups_[GroupId(p)].prepared.contains(txn);
  const int64_t s = NextTimestamp();
  commit = commit && (r.s_max_us() == 0 || s <= r.s_max_us());
  std::vector<uint64_t> all(r.participants().begin(), r.participants().end());
  all.push_back(id.value);
  for (uint64_t p : all) {
    Group& part = groups_[GroupId(p)];
    const std::vector<peer::Write> writes =
        commit ? part.prepared[txn] : std::vector<peer::Write>();
    Finish(&part, txn, commit, s, writes);
  }
  co_return commit ? Committed(s) : Answer(peer::TXN_ABORTED, "aborted");
}

}  // namespace isochron::txn
