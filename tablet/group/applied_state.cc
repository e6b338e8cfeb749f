// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/applied_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/coding.h"
#include "common/key_encoding.h"
#include "storage/engine/key_space.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/convert.h"

namespace isochron::tablet {
namespace {

// Metadata names of groups: "g", then the group's number in 8 bytes, then the kind of row.
constexpr absl::string_view kRoot = "g";
constexpr size_t kGroupAt = 2;  // in the engine's key: 'm', 'g'
constexpr size_t kKindAt = kGroupAt + 8;

std::string BigEndian(uint64_t v) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, v >>= 8) out[i] = static_cast<char>(v & 0xff);
  return out;
}

std::string AttemptKey(const TxnAttempt& a) {
  return absl::StrCat(BigEndian(a.txn.start.us), BigEndian(a.txn.gateway.value),
                      BigEndian(a.txn.incarnation), BigEndian(a.txn.sequence),
                      BigEndian(a.attempt));
}

// Without the greatest assigned timestamp, as older versions wrote it.
constexpr size_t kOldAppliedBytes = 32;
constexpr size_t kAppliedBytes = 40;

std::string AppliedValue(LogIndex index, Ballot ballot, Timestamp last_ts, Timestamp assigned) {
  return absl::StrCat(BigEndian(index), BigEndian(ballot.round), BigEndian(ballot.node.value),
                      BigEndian(last_ts.us), BigEndian(assigned.us));
}

uint64_t ReadBigEndian(absl::string_view in, size_t at) {
  uint64_t v = 0;
  for (size_t i = at; i < at + 8; ++i) v = (v << 8) | static_cast<uint8_t>(in[i]);
  return v;
}

absl::Status Unreadable(GroupId g, absl::string_view key) {
  return absl::DataLossError(
      absl::StrCat("metadata of group ", g.value, " cannot be read (row kind '",
                   key.size() > kKindAt ? key.substr(kKindAt, 1) : "?", "')"));
}

}  // namespace

std::string MetaPrefix(GroupId group) {
  return storage::MetaKey(absl::StrCat(kRoot, BigEndian(group.value)));
}

std::string MetaEnd(GroupId group) { return PrefixEnd(MetaPrefix(group)); }

std::string DamageRow(GroupId group) { return absl::StrCat(MetaPrefix(group), "q"); }

AppliedState AppliedState::Blank(GroupId group) {
  AppliedState s;
  s.state_.mutable_group_descriptor()->set_group(group.value);
  return s;
}

AppliedState AppliedState::Initial(const peer::GroupDescriptor& descriptor, Timestamp last_ts,
                                   LogIndex base_index) {
  AppliedState s;
  *s.state_.mutable_group_descriptor() = descriptor;
  s.state_.set_last_ts_us(last_ts.us);
  s.state_.set_assigned_us(last_ts.us);
  s.state_.set_format_version(1);
  s.index_ = base_index;
  return s;
}

AppliedState AppliedState::ChildOf(const AppliedState& parent, const peer::GroupDescriptor& child,
                                   Timestamp last_ts, LogIndex base_index) {
  AppliedState s = Initial(child, last_ts, base_index);
  s.state_.set_horizon_us(parent.state_.horizon_us());
  s.CoverAsIn(parent);
  for (const TxnAttempt& attempt : parent.finished_order_) {
    if (auto f = parent.Finished(attempt)) {
      s.Finish(f->txn(), f->commit_start_us(), f->commit(), Timestamp(f->s()));
    }
  }
  s.GuessGarbage();
  return s;
}

// What was written since the last horizon is not known: perhaps right above it.
void AppliedState::GuessGarbage() {
  garbage_from_ = last_ts() > horizon() ? horizon().Next() : Timestamp::Max();
}

absl::StatusOr<std::vector<GroupId>> AppliedState::ListGroups(storage::Engine* engine) {
  std::vector<GroupId> groups;
  std::string at = MetaPrefix(GroupId());
  auto it = engine->NewIterator(at, storage::MetaKey("h"));
  for (it->Seek(at); it->Valid(); it->Seek(at)) {
    if (it->key().size() < kKindAt) {
      return absl::DataLossError("the name of a row of a group's metadata is cut short");
    }
    GroupId g(ReadBigEndian(it->key(), kGroupAt));
    groups.push_back(g);
    at = MetaEnd(g);
  }
  ISO_RETURN_IF_ERROR(it->status());
  return groups;
}

absl::StatusOr<AppliedState> AppliedState::Load(storage::Engine* engine, GroupId group) {
  AppliedState s = Blank(group);
  const std::string prefix = MetaPrefix(group);
  auto it = engine->NewIterator(prefix, MetaEnd(group));
  Timestamp last_ts, assigned;
  bool any = false;
  for (it->Seek(prefix); it->Valid(); it->Next()) {
    const absl::string_view key = it->key();
    const absl::string_view value = it->value();
    any = true;
    bool good = key.size() > prefix.size();
    switch (good ? key[prefix.size()] : 0) {
      case 'a':
        if ((good = value.size() == kAppliedBytes || value.size() == kOldAppliedBytes)) {
          s.index_ = ReadBigEndian(value, 0);
          s.ballot_ = Ballot{ReadBigEndian(value, 8),
                             NodeId(static_cast<uint32_t>(ReadBigEndian(value, 16)))};
          last_ts = Timestamp(static_cast<int64_t>(ReadBigEndian(value, 24)));
          if (value.size() == kAppliedBytes) {
            assigned = Timestamp(static_cast<int64_t>(ReadBigEndian(value, 32)));
          }
        }
        break;
      case 's':
        good = s.state_.ParseFromArray(value.data(), value.size()) &&
               s.state_.group_descriptor().group() == group.value;
        break;
      case 'p': {
        peer::Prepare p;
        if ((good = p.ParseFromArray(value.data(), value.size()))) {
          s.prepared_.emplace(FromProto(p.txn()), std::move(p));
        }
        break;
      }
      case 'd': {
        peer::Decide d;
        if ((good = d.ParseFromArray(value.data(), value.size()))) {
          s.decisions_.emplace(FromProto(d.txn()), std::move(d));
        }
        break;
      }
      case 'f': {
        peer::FinishedAttempts f;
        good = f.ParseFromArray(value.data(), value.size()) && key.size() == prefix.size() + 9;
        if (!good) break;
        int64_t newest = 0;
        for (const auto& a : f.attempts()) {
          s.Finish(a.txn(), a.commit_start_us(), a.commit(), Timestamp(a.s()));
          newest = std::max<int64_t>(newest, a.commit_start_us());
        }
        const uint64_t row = ReadBigEndian(key, prefix.size() + 1);
        s.saved_rows_.push_back({row, newest});
        s.next_row_ = row + 1;
        break;
      }
      case 'c':
        s.covered_.push_back(
            KeyRange{std::string(key.substr(prefix.size() + 1)), std::string(value)});
        break;
      case 'q':
        return absl::DataLossError(value);
      default:
        good = false;
    }
    if (!good) return Unreadable(group, key);
  }
  ISO_RETURN_IF_ERROR(it->status());
  if (!any) return absl::NotFoundError(absl::StrCat("no group ", group.value));
  s.unsaved_.clear();
  s.RaiseLastTs(last_ts);
  s.RaiseAssigned(assigned);
  s.GuessGarbage();
  return s;
}

void AppliedState::Apply(const peer::Command& command, LogIndex index, Ballot ballot,
                         SabotageSet sabotage, storage::WriteBatch* batch) {
  ISO_CHECK(index == index_ + 1, "entries are applied in order");
  index_ = index;
  ballot_ = ballot;
  const std::string prefix = MetaPrefix(id());
  switch (command.kind_case()) {
    case peer::Command::kCommitOneRound: {
      const auto& c = command.commit_one_round();
      RaiseAssigned(Timestamp(c.s()));
      if (Finished(FromProto(c.txn()))) break;  // one outcome for an attempt (invariant 10)
      ApplyWrites(c.writes(), Timestamp(c.s()), batch);
      Finish(c.txn(), c.commit_start_us(), true, Timestamp(c.s()));
      break;
    }
    case peer::Command::kPrepare: {
      const auto& p = command.prepare();
      const TxnAttempt attempt = FromProto(p.txn());
      RaiseAssigned(Timestamp(p.s_prepare()));
      if (Finished(attempt)) break;  // a zombie (rule 22)
      peer::Prepare& kept = prepared_[attempt] = p;
      if (rowless_) kept.clear_writes();  // whom it binds is a leader's business
      if (rowless_) kept.clear_locks();
      batch->Put(absl::StrCat(prefix, "p", AttemptKey(attempt)), kept.SerializeAsString());
      break;
    }
    case peer::Command::kDecide: {
      const auto& d = command.decide();
      const TxnAttempt attempt = FromProto(d.txn());
      if (d.commit()) RaiseAssigned(Timestamp(d.s()));
      if (Finished(attempt)) break;
      if (d.commit()) {
        ApplyWrites(d.writes(), Timestamp(d.s()), batch);
        if (d.participants_size() > 0) {
          peer::Decide record = d;
          record.clear_writes();
          batch->Put(absl::StrCat(prefix, "d", AttemptKey(attempt)), record.SerializeAsString());
          decisions_[attempt] = std::move(record);
        }
      }
      Finish(d.txn(), d.commit_start_us(), d.commit(), Timestamp(d.s()));
      break;
    }
    case peer::Command::kOutcome:
      ApplyOutcome(command.outcome(), sabotage, batch);
      break;
    case peer::Command::kForget:
      for (const auto& t : command.forget().txns()) {
        const TxnAttempt attempt = FromProto(t);
        if (decisions_.erase(attempt) > 0) {
          batch->Delete(absl::StrCat(prefix, "d", AttemptKey(attempt)));
        }
      }
      break;
    case peer::Command::kSplit:
      ApplySplit(command.split(), batch);
      break;
    case peer::Command::kSetHorizon:
      ApplyHorizon(command.set_horizon(), sabotage, batch);
      break;
    case peer::Command::kFreeze:
      ApplyFreeze(command.freeze(), batch);
      break;
    default:
      break;
  }
}

void AppliedState::SaveApplied(storage::WriteBatch* batch) const {
  batch->Put(absl::StrCat(MetaPrefix(id()), "a"),
             AppliedValue(index_, ballot_, last_ts(), assigned()));
}

void AppliedState::SaveSettled(LogIndex settled, storage::WriteBatch* batch) {
  if (settled == state_.settled()) return;
  state_.set_settled(settled);
  batch->Put(absl::StrCat(MetaPrefix(id()), "s"), state_.SerializeAsString());
}

void AppliedState::ApplyMembers(const peer::GroupDescriptor& members, LogIndex index, Ballot ballot,
                                storage::WriteBatch* batch) {
  ISO_CHECK(index == index_ + 1, "entries are applied in order");
  index_ = index;
  ballot_ = ballot;
  peer::GroupDescriptor* own = state_.mutable_group_descriptor();
  *own->mutable_replicas() = members.replicas();
  *own->mutable_voters() = members.voters();
  own->set_generation(own->generation() + 1);
  const bool witness =
      std::any_of(members.replicas().begin(), members.replicas().end(), [](const peer::Replica& r) {
        return r.kind() == peer::WITNESS || r.kind() == peer::NEW_WITNESS;
      });
  if (!witness) state_.clear_settled();
  batch->Put(absl::StrCat(MetaPrefix(id()), "s"), state_.SerializeAsString());
}

void AppliedState::ApplyOutcome(const peer::Outcome& outcome, SabotageSet sabotage,
                                storage::WriteBatch* batch) {
  const TxnAttempt attempt = FromProto(outcome.txn());
  // What is prepared is resolved, although a group that was merged in may have known the outcome.
  if (Finished(attempt) && prepared_.count(attempt) == 0) return;
  int64_t commit_start_us = last_ts().us;  // of an attempt that never prepared: about now
  auto it = prepared_.find(attempt);
  if (it != prepared_.end()) {
    commit_start_us = it->second.commit_start_us();
    if (outcome.commit()) ApplyWrites(it->second.writes(), Timestamp(outcome.s()), batch);
    prepared_.erase(it);
    batch->Delete(absl::StrCat(MetaPrefix(id()), "p", AttemptKey(attempt)));
  }
  Finish(outcome.txn(), commit_start_us, outcome.commit(), Timestamp(outcome.s()));
  if (outcome.commit() && !sabotage.Is(Sabotage::kLastTsIgnores2pc)) {
    RaiseLastTs(Timestamp(outcome.s()));
  }
}

void AppliedState::ApplySplit(const peer::Split& split, storage::WriteBatch* batch) {
  peer::GroupDescriptor* own = state_.mutable_group_descriptor();
  peer::GroupDescriptor child = *own;
  child.set_group(split.new_group());
  child.mutable_range()->set_start(split.key());
  own->mutable_range()->set_end(split.key());
  own->set_generation(own->generation() + 1);
  child.set_generation(own->generation());
  child.set_split_by_size(split.by_size());
  *state_.add_children() = child;
  RaiseAssigned(Timestamp(split.s()));
  batch->Put(absl::StrCat(MetaPrefix(id()), "s"), state_.SerializeAsString());
}

void AppliedState::ApplyHorizon(const peer::SetHorizon& command, SabotageSet sabotage,
                                storage::WriteBatch* batch) {
  if (command.horizon_us() <= state_.horizon_us()) return;
  state_.set_horizon_us(command.horizon_us());
  GuessGarbage();
  if (sabotage.Is(Sabotage::kVolatileHorizon)) return;
  batch->Put(absl::StrCat(MetaPrefix(id()), "s"), state_.SerializeAsString());
}

void AppliedState::ApplyWrites(const google::protobuf::RepeatedPtrField<peer::Write>& writes,
                               Timestamp s, storage::WriteBatch* batch) {
  if (rowless_) return;
  const KeyRange range = FromProto(descriptor().range());
  if (!writes.empty()) garbage_from_ = std::min(garbage_from_, s);
  for (const peer::Write& w : writes) {
    written_bytes_ += w.key().size() + w.value().size() + 16;
    // The leader refuses such commands before they are proposed (rule 27).
    ISO_CHECK(range.Contains(w.key()), "an applied write lies in the group's range");
    if (!covered_.empty() && Covers(KeyRange::Point(w.key()))) continue;
    if (w.tombstone()) {
      storage::MvccStore::PutTombstone(batch, w.key(), s);
    } else {
      storage::MvccStore::PutVersion(batch, w.key(), s, w.value());
    }
  }
}

void AppliedState::ReplayFinished(const peer::Command& command) {
  switch (command.kind_case()) {
    case peer::Command::kCommitOneRound: {
      const auto& c = command.commit_one_round();
      Finish(c.txn(), c.commit_start_us(), true, Timestamp(c.s()));
      break;
    }
    case peer::Command::kDecide: {
      const auto& d = command.decide();
      Finish(d.txn(), d.commit_start_us(), d.commit(), Timestamp(d.s()));
      break;
    }
    case peer::Command::kOutcome: {
      const auto& o = command.outcome();
      Finish(o.txn(), o.s() > 0 ? o.s() : last_ts().us, o.commit(), Timestamp(o.s()));
      break;
    }
    default:
      break;
  }
}

void AppliedState::Finish(const peer::TxnRef& txn, int64_t commit_start_us, bool commit,
                          Timestamp s) {
  const TxnAttempt attempt = FromProto(txn);
  auto [it, added] = finished_.try_emplace(attempt, FinishedRecord{commit_start_us, commit, s});
  if (!added) return;
  finished_order_.push_back(attempt);
  unsaved_.push_back(attempt);
}

std::optional<peer::FinishedAttempt> AppliedState::Finished(const TxnAttempt& attempt) const {
  peer::FinishedAttempt out;
  if (auto it = finished_.find(attempt); it != finished_.end()) {
    out.set_commit_start_us(it->second.commit_start_us);
    out.set_commit(it->second.commit);
    out.set_s(it->second.s.us);
  } else if (auto d = decisions_.find(attempt); d != decisions_.end()) {
    out.set_commit_start_us(d->second.commit_start_us());
    out.set_commit(d->second.commit());
    out.set_s(d->second.s());
  } else {
    return std::nullopt;
  }
  ToProto(attempt, out.mutable_txn());
  return out;
}

void AppliedState::SaveAll(storage::WriteBatch* batch) {
  const std::string prefix = MetaPrefix(id());
  batch->Put(absl::StrCat(prefix, "s"), state_.SerializeAsString());
  for (const auto& [attempt, p] : prepared_) {
    batch->Put(absl::StrCat(prefix, "p", AttemptKey(attempt)), p.SerializeAsString());
  }
  for (const auto& [attempt, d] : decisions_) {
    batch->Put(absl::StrCat(prefix, "d", AttemptKey(attempt)), d.SerializeAsString());
  }
  if (!covered_.empty()) SaveCovered(batch);
  SaveFinished(batch);
  SaveApplied(batch);
}

void AppliedState::SaveFinished(storage::WriteBatch* batch) {
  const std::string prefix = absl::StrCat(MetaPrefix(id()), "f");
  while (!saved_rows_.empty() &&
         saved_rows_.front().newest_commit_start_us + kFinishedWindowUs < last_ts().us) {
    batch->Delete(absl::StrCat(prefix, BigEndian(saved_rows_.front().sequence)));
    saved_rows_.pop_front();
  }
  if (unsaved_.empty()) return;
  peer::FinishedAttempts row;
  int64_t newest = 0;
  for (const TxnAttempt& attempt : unsaved_) {
    auto it = finished_.find(attempt);
    if (it == finished_.end()) continue;
    peer::FinishedAttempt* f = row.add_attempts();
    ToProto(attempt, f->mutable_txn());
    f->set_commit_start_us(it->second.commit_start_us);
    f->set_commit(it->second.commit);
    f->set_s(it->second.s.us);
    newest = std::max<int64_t>(newest, it->second.commit_start_us);
  }
  unsaved_.clear();
  batch->Put(absl::StrCat(prefix, BigEndian(next_row_)), row.SerializeAsString());
  saved_rows_.push_back({next_row_++, newest});
}

void AppliedState::ExpireFinished(Timestamp now) {
  while (!finished_order_.empty()) {
    auto it = finished_.find(finished_order_.front());
    if (it != finished_.end()) {
      if (it->second.commit_start_us + kFinishedWindowUs >= now.us) return;
      finished_.erase(it);
    }
    finished_order_.pop_front();
  }
}

std::string AppliedState::DecisionKey(const TxnAttempt& attempt) const {
  return absl::StrCat(MetaPrefix(id()), "d", AttemptKey(attempt));
}

void AppliedState::RaiseLastTs(Timestamp s) {
  if (s.us > state_.last_ts_us()) state_.set_last_ts_us(s.us);
}

void AppliedState::RaiseAssigned(Timestamp s) {
  if (s.us > state_.assigned_us()) state_.set_assigned_us(s.us);
  RaiseLastTs(s);
}

void AppliedState::ToSnapshot(peer::GroupSnapshotHeader* header) const {
  header->set_index(index_);
  header->set_ballot_round(ballot_.round);
  header->set_ballot_node(ballot_.node.value);
  *header->mutable_state() = state_;
  header->mutable_state()->clear_settled();
  for (const auto& [attempt, p] : prepared_) *header->add_prepared() = p;
  for (const auto& [attempt, d] : decisions_) *header->add_decisions() = d;
  for (const TxnAttempt& attempt : finished_order_) {
    if (auto f = Finished(attempt)) *header->mutable_finished()->add_attempts() = *f;
  }
}

AppliedState AppliedState::FromSnapshot(const peer::GroupSnapshotHeader& header) {
  AppliedState s;
  s.state_ = header.state();
  s.index_ = header.index();
  s.ballot_ = Ballot{header.ballot_round(), NodeId(header.ballot_node())};
  for (const auto& p : header.prepared()) s.prepared_.emplace(FromProto(p.txn()), p);
  for (const auto& d : header.decisions()) s.decisions_.emplace(FromProto(d.txn()), d);
  for (const auto& f : header.finished().attempts()) {
    s.Finish(f.txn(), f.commit_start_us(), f.commit(), Timestamp(f.s()));
  }
  s.GuessGarbage();
  return s;
}

}  // namespace isochron::tablet
