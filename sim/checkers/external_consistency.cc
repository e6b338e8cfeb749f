// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/external_consistency.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

std::string Show(const std::optional<std::string>& value) {
  return value ? absl::StrCat("'", absl::CHexEscape(*value), "'") : std::string("nothing");
}

bool HasWrites(const Operation& op) { return op.kind == OpKind::kReadWrite && !op.writes.empty(); }

bool MaybeHappened(const Operation& op) {
  return op.outcome == Outcome::kUnknown || op.outcome == Outcome::kOpen;
}

}  // namespace

ExternalConsistencyChecker::ExternalConsistencyChecker(
    const History* history, const StoredVersions* stored, const StoredVersions* written,
    const std::map<std::string, Timestamp>* horizons)
    : history_(history),
      stored_(stored),
      written_(written != nullptr ? written : stored),
      horizons_(horizons) {}

std::vector<Anomaly> ExternalConsistencyChecker::Check(size_t limit) {
  limit_ = limit;
  anomalies_.clear();
  ResolveOutcomes();
  BuildTimelines();
  if (stored_ != nullptr) CheckStored();
  CheckReads();
  NarrowMaybes();
  CheckRealTime();
  return std::move(anomalies_);
}

void ExternalConsistencyChecker::Report(std::string name, std::string what,
                                        std::vector<size_t> ops) {
  if (anomalies_.size() >= limit_) return;
  anomalies_.push_back(Anomaly{std::move(name), std::move(what), std::move(ops)});
}

// Which transactions took effect, and when.
void ExternalConsistencyChecker::ResolveOutcomes() {
  effective_.assign(history_->operations().size(), false);
  s_.assign(history_->operations().size(), Timestamp());
  for (const Operation& o : history_->operations()) {
    if (!HasWrites(o)) continue;
    if (o.outcome == Outcome::kCommitted) {
      effective_[o.id] = true;
      s_[o.id] = o.ts;
    } else if (MaybeHappened(o) && stored_ != nullptr) {
      ResolveUnknown(o);
    }
  }
}

// By its unique values in the store. A deletion leaves no unique trace and follows the rest.
void ExternalConsistencyChecker::ResolveUnknown(const Operation& o) {
  Timestamp found;
  bool missing = false;
  for (const RecordedWrite& w : o.writes) {
    if (!w.value) continue;
    Timestamp here;
    auto key = written_->find(w.key);
    if (key != written_->end()) {
      for (const StoredVersion& v : key->second) {
        if (v.value == w.value) here = v.ts;
      }
    }
    if (here == Timestamp()) {
      missing = true;
    } else if (found != Timestamp() && found != here) {
      Report("torn-transaction",
             absl::StrCat("its writes are stored at ", found.us, " and at ", here.us), {o.id});
    } else {
      found = here;
    }
  }
  if (found == Timestamp()) return;
  if (missing) Report("torn-transaction", "some of its writes are stored, some are not", {o.id});
  effective_[o.id] = true;
  s_[o.id] = found;
}

void ExternalConsistencyChecker::BuildTimelines() {
  timelines_.clear();
  sources_.clear();
  maybe_deleted_.clear();
  for (const Operation& o : history_->operations()) {
    if (!HasWrites(o)) continue;
    for (const RecordedWrite& w : o.writes) {
      if (!w.value && MaybeHappened(o)) maybe_deleted_.insert(w.key);
      if (w.value) sources_[{w.key, *w.value}] = Source{o.id, effective_[o.id], s_[o.id]};
      if (effective_[o.id]) timelines_[w.key].push_back(Version{s_[o.id], w.value, o.id});
    }
  }
  for (auto& [key, versions] : timelines_) {
    std::stable_sort(versions.begin(), versions.end(),
                     [](const Version& a, const Version& b) { return a.ts < b.ts; });
    for (size_t i = 1; i < versions.size(); ++i) {
      if (versions[i].ts == versions[i - 1].ts && versions[i].op != versions[i - 1].op) {
        Report("shared-timestamp",
               absl::StrCat("two transactions wrote ", absl::CHexEscape(key), " at ",
                            versions[i].ts.us),
               {versions[i - 1].op, versions[i].op});
      }
    }
  }
}

bool ExternalConsistencyChecker::MayBeGone(const std::string& key,
                                           const std::vector<Version>& timeline, size_t at) const {
  if (horizons_ == nullptr) return false;
  auto horizon = horizons_->find(key);
  if (horizon == horizons_->end() || timeline[at].ts > horizon->second) return false;
  const bool shadowed = at + 1 < timeline.size() && timeline[at + 1].ts <= horizon->second;
  return shadowed || !timeline[at].value.has_value();
}

// The store at the end against the replayed writes: nothing lost, nothing from nowhere.
void ExternalConsistencyChecker::CheckStored() {
  for (const auto& [key, versions] : *written_) {
    for (const StoredVersion& v : versions) {
      const Version* expected = Newest(key, v.ts, true);
      if (expected != nullptr && expected->ts == v.ts && expected->value == v.value) continue;
      std::vector<size_t> ops;
      if (v.value) {
        if (const Source* source = FindSource(key, *v.value)) ops.push_back(source->op);
      }
      const bool aborted = !ops.empty() && op(ops[0]).outcome == Outcome::kAborted;
      Report(aborted ? "aborted-but-stored" : "write-from-nowhere",
             absl::StrCat(absl::CHexEscape(key), " holds ", Show(v.value), " at ", v.ts.us), ops);
    }
  }
  for (const auto& [key, versions] : timelines_) {
    auto found = stored_->find(key);
    for (size_t i = 0; i < versions.size(); ++i) {
      const Version& v = versions[i];
      bool there = false;
      if (found != stored_->end()) {
        auto it = std::lower_bound(found->second.begin(), found->second.end(), v.ts,
                                   [](const StoredVersion& s, Timestamp t) { return s.ts < t; });
        there = it != found->second.end() && it->ts == v.ts && it->value == v.value;
      }
      if (there || MayBeGone(key, versions, i)) continue;
      Report("lost-write",
             absl::StrCat("an acknowledged write of ", absl::CHexEscape(key), " = ", Show(v.value),
                          " at ", v.ts.us, " is not stored"),
             {v.op});
    }
  }
}

const ExternalConsistencyChecker::Version* ExternalConsistencyChecker::Newest(
    const std::string& key, Timestamp t, bool inclusive) const {
  auto timeline = timelines_.find(key);
  if (timeline == timelines_.end()) return nullptr;
  const std::vector<Version>& versions = timeline->second;
  auto it = inclusive ? std::upper_bound(versions.begin(), versions.end(), t,
                                         [](Timestamp a, const Version& v) { return a < v.ts; })
                      : std::lower_bound(versions.begin(), versions.end(), t,
                                         [](const Version& v, Timestamp a) { return v.ts < a; });
  return it == versions.begin() ? nullptr : &*std::prev(it);
}

const ExternalConsistencyChecker::Source* ExternalConsistencyChecker::FindSource(
    const std::string& key, const std::string& value) const {
  auto it = sources_.find({key, value});
  return it == sources_.end() ? nullptr : &it->second;
}

bool ExternalConsistencyChecker::MaybeDeleted(const std::string& key) const {
  return stored_ == nullptr && maybe_deleted_.count(key) > 0;
}

void ExternalConsistencyChecker::CheckReads() {
  for (const Operation& o : history_->operations()) {
    for (const ObservedRead& r : o.reads) CheckSeen(o, r);
    if (o.kind == OpKind::kReadOnly) {
      if (o.outcome != Outcome::kCommitted) continue;
      for (const ObservedRead& r : o.reads) CheckReadAt(o, r, o.ts, true);
    } else if (effective_[o.id]) {
      for (const ObservedRead& r : o.reads) CheckReadAt(o, r, s_[o.id], false);
    } else if (o.outcome == Outcome::kCommitted) {
      CheckUntimed(o);
    }
  }
}

// Whatever a client saw, even in a transaction that was aborted later, somebody committed before.
void ExternalConsistencyChecker::CheckSeen(const Operation& o, const ObservedRead& read) {
  if (!read.value) return;
  const Source* source = FindSource(read.key, *read.value);
  if (source == nullptr) {
    Report("read-from-nowhere",
           absl::StrCat("read ", absl::CHexEscape(read.key), " = ", Show(read.value),
                        ", which nobody wrote"),
           {o.id});
    return;
  }
  if (source->effective) {
    if (o.complete_seq != 0 && o.complete_us <= source->ts.us) {
      Report("seen-too-early",
             absl::StrCat("saw version ", source->ts.us, " of ", absl::CHexEscape(read.key),
                          " at real time ", o.complete_us),
             {source->op, o.id});
    }
    return;
  }
  if (stored_ == nullptr && MaybeHappened(op(source->op))) {
    maybe_.try_emplace(source->op);
    return;
  }
  Report("dirty-read",
         absl::StrCat("read ", absl::CHexEscape(read.key), " = ", Show(read.value),
                      " of a transaction that did not commit"),
         {source->op, o.id});
}

void ExternalConsistencyChecker::CheckReadAt(const Operation& o, const ObservedRead& read,
                                             Timestamp t, bool inclusive) {
  const Version* newest = Newest(read.key, t, inclusive);
  if (!inclusive) {
    const Version* same = Newest(read.key, t, true);
    if (same != nullptr && same->ts == t && same->op != o.id) {
      Report("shared-timestamp",
             absl::StrCat("a transaction read ", absl::CHexEscape(read.key),
                          " and another wrote it, both at ", t.us),
             {same->op, o.id});
    }
  }
  const std::optional<std::string> expected = newest ? newest->value : std::nullopt;
  if (expected == read.value) return;
  std::vector<size_t> ops;
  if (read.value) {
    const Source* source = FindSource(read.key, *read.value);
    if (source == nullptr) return;  // reported already
    ops.push_back(source->op);
    auto maybe = maybe_.find(source->op);
    if (maybe != maybe_.end()) {
      const Timestamp limit = inclusive ? t : t.Prev();
      if (limit < maybe->second.hi) {
        maybe->second.hi = limit;
        maybe->second.hi_op = o.id;
      }
      if (newest != nullptr && newest->ts > maybe->second.lo) {
        maybe->second.lo = newest->ts;
        maybe->second.lo_op = newest->op;
      }
      return;
    }
    if (!source->effective) return;  // a dirty read, reported already
  } else if (MaybeDeleted(read.key)) {
    return;
  }
  if (newest != nullptr) ops.push_back(newest->op);
  ops.push_back(o.id);
  const bool future =
      read.value && FindSource(read.key, *read.value)->ts > (newest ? newest->ts : Timestamp());
  Report(future ? "read-from-the-future" : "stale-read",
         absl::StrCat("read ", absl::CHexEscape(read.key), " = ", Show(read.value), " at ", t.us,
                      " where ", Show(expected), " was the newest"),
         ops);
}

// A committed transaction without writes has no timestamp: some instant must explain all it read.
void ExternalConsistencyChecker::CheckUntimed(const Operation& o) {
  Timestamp from, to = Timestamp::Max();
  std::vector<size_t> ops;
  for (const ObservedRead& r : o.reads) {
    Timestamp begin;
    if (r.value) {
      const Source* source = FindSource(r.key, *r.value);
      if (source == nullptr || !source->effective) return;
      begin = source->ts;
      ops.push_back(source->op);
    }
    auto timeline = timelines_.find(r.key);
    if (timeline == timelines_.end()) continue;
    // The reads of deleted rows do not name their version: any gap before the first value will do.
    auto next = std::upper_bound(timeline->second.begin(), timeline->second.end(), begin,
                                 [](Timestamp a, const Version& v) { return a < v.ts; });
    from = std::max(from, begin);
    if (r.value && next != timeline->second.end()) to = std::min(to, next->ts.Prev());
  }
  if (from <= to) return;
  ops.push_back(o.id);
  Report("unserializable-reads",
         absl::StrCat("no instant has all it read: ", from.us, " is after ", to.us), ops);
}

// Observers of an unknown transaction bound its timestamp; those that saw an older value where it
// should have been must agree too.
void ExternalConsistencyChecker::NarrowMaybes() {
  if (maybe_.empty()) return;
  for (const auto& [id, m] : maybe_) {
    if (m.lo < m.hi) continue;
    Report("unknown-misplaced",
           absl::StrCat("a transaction of unknown outcome was seen as if it were after ", m.lo.us,
                        " and not after ", m.hi.us),
           {m.lo_op, id, m.hi_op});
  }
  CheckReadsPastMaybes();
}

// Who reads at or after where an unknown transaction was seen must not find an older version. Of
// those that wrote a key, the one that must lie lowest counts.
void ExternalConsistencyChecker::CheckReadsPastMaybes() {
  std::map<std::string, std::vector<size_t>> by_key;  // seen unknown writers, by hi
  for (const auto& [id, m] : maybe_) {
    if (m.hi == Timestamp::Max() || m.lo >= m.hi) continue;
    for (const RecordedWrite& w : op(id).writes) by_key[w.key].push_back(id);
  }
  for (auto& [key, ids] : by_key) {
    std::sort(ids.begin(), ids.end(),
              [this](size_t a, size_t b) { return maybe_.at(a).hi < maybe_.at(b).hi; });
  }
  for (const Operation& o : history_->operations()) {
    if (o.kind != OpKind::kReadOnly || o.outcome != Outcome::kCommitted) continue;
    for (const ObservedRead& r : o.reads) {
      auto ids = by_key.find(r.key);
      if (ids == by_key.end() || !r.value) continue;
      const Source* source = FindSource(r.key, *r.value);
      if (source == nullptr || !source->effective) continue;
      // Above the version that was read, and seen at or before the read.
      auto seen = std::upper_bound(ids->second.begin(), ids->second.end(), source->ts,
                                   [this](Timestamp t, size_t id) { return t < maybe_.at(id).hi; });
      for (; seen != ids->second.end() && maybe_.at(*seen).hi <= o.ts; ++seen) {
        const Maybe& m = maybe_.at(*seen);
        if (source->ts > m.lo) continue;
        Report("stale-read",
               absl::StrCat("read ", absl::CHexEscape(r.key), " = ", Show(r.value), " at ", o.ts.us,
                            " after a transaction of unknown outcome was seen at ", m.hi.us),
               {*seen, m.hi_op, o.id});
        break;
      }
    }
  }
}

void ExternalConsistencyChecker::CheckRealTime() {
  struct Event {
    uint64_t seq;
    bool complete;
    size_t op;
  };
  std::vector<Event> events;
  for (const Operation& o : history_->operations()) {
    events.push_back({o.invoke_seq, false, o.id});
    if (o.complete_seq != 0) events.push_back({o.complete_seq, true, o.id});
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.seq < b.seq; });
  Bound committed, observed;
  by_key_.clear();
  for (const Event& e : events) {
    const Operation& o = op(e.op);
    if (!e.complete) {
      CheckOrder(o, committed, observed);
      continue;
    }
    if (o.outcome == Outcome::kCommitted && effective_[o.id] && s_[o.id] > committed.ts) {
      committed = Bound{s_[o.id], o.id};
    }
    NoteByKey(o);
    for (const ObservedRead& r : o.reads) {
      if (!r.value) continue;
      const Source* source = FindSource(r.key, *r.value);
      if (source != nullptr && source->effective && source->ts > observed.ts) {
        observed = Bound{source->ts, o.id};
      }
    }
  }
}

void ExternalConsistencyChecker::NoteByKey(const Operation& o) {
  auto raise = [&](const std::string& key, Timestamp ts) {
    Bound& bound = by_key_[key];
    if (ts > bound.ts) bound = Bound{ts, o.id};
  };
  if (o.outcome == Outcome::kCommitted && effective_[o.id]) {
    for (const RecordedWrite& w : o.writes) raise(w.key, s_[o.id]);
  }
  for (const ObservedRead& r : o.reads) {
    if (!r.value) continue;
    const Source* source = FindSource(r.key, *r.value);
    if (source != nullptr && source->effective) raise(r.key, source->ts);
  }
}

void ExternalConsistencyChecker::CheckOrderByKey(const Operation& o) {
  for (const ObservedRead& r : o.reads) {
    auto bound = by_key_.find(r.key);
    if (bound == by_key_.end() || o.ts >= bound->second.ts) continue;
    Report("read-before-commit",
           absl::StrCat("began after op ", bound->second.op, " had shown version ",
                        bound->second.ts.us, " of ", absl::CHexEscape(r.key), ", yet read at ",
                        o.ts.us),
           {bound->second.op, o.id});
  }
}

void ExternalConsistencyChecker::CheckOrder(const Operation& o, const Bound& committed,
                                            const Bound& observed) {
  if (effective_[o.id]) {
    const Timestamp s = s_[o.id];
    if (s <= committed.ts) {
      Report("commit-before-commit",
             absl::StrCat("began after op ", committed.op,
                          " had completed with s = ", committed.ts.us, ", yet committed at ", s.us),
             {committed.op, o.id});
    }
    if (s <= observed.ts) {
      Report("commit-before-read",
             absl::StrCat("began after op ", observed.op, " had seen version ", observed.ts.us,
                          ", yet committed at ", s.us),
             {observed.op, o.id});
    }
    if (s.us <= o.invoke_us) {
      Report("commit-before-begin",
             absl::StrCat("committed at ", s.us, ", before it began at real time ", o.invoke_us),
             {o.id});
    }
    if (o.outcome == Outcome::kCommitted && o.complete_us <= s.us) {
      Report("acknowledged-too-early",
             absl::StrCat("acknowledged at real time ", o.complete_us, " with s = ", s.us), {o.id});
    }
  } else if (o.kind != OpKind::kReadOnly || o.outcome != Outcome::kCommitted) {
    return;
  } else if (o.ts < o.not_before) {
    Report("read-before-bound",
           absl::StrCat("read at ", o.ts.us, ", before its bound ", o.not_before.us), {o.id});
  } else if (o.local) {
    CheckOrderByKey(o);
  } else if (o.strong) {
    if (o.ts < committed.ts) {
      Report("read-before-commit",
             absl::StrCat("began after op ", committed.op,
                          " had completed with s = ", committed.ts.us, ", yet read at ", o.ts.us),
             {committed.op, o.id});
    }
    if (o.ts < observed.ts) {
      Report("read-before-read",
             absl::StrCat("began after op ", observed.op, " had seen version ", observed.ts.us,
                          ", yet read at ", o.ts.us),
             {observed.op, o.id});
    }
  }
}

}  // namespace isochron::sim
