// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_SERVICE_FAKE_CLUSTER_H_
#define ISOCHRON_TXN_SERVICE_FAKE_CLUSTER_H_

// For tests: a GroupService over fake groups in virtual time.
//
// A FakeState is what a group's log means and survives leader changes; a FakeAccess is one
// leadership of it. Replication takes a fixed time, can be held, and what is held can be lost or
// applied by the next leader. Calls between groups take a fixed time and can be dropped.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/observer.h"
#include "tablet/group/convert.h"
#include "txn/service/group_service.h"

namespace isochron::txn {

class FakeExecutor : public Executor {
 public:
  void Post(Fn fn) override { PostAfter(0, std::move(fn)); }
  TimerId PostAfter(Micros delay_us, Fn fn) override {
    queue_.emplace(std::pair(now_ + std::max<Micros>(0, delay_us), ++last_), std::move(fn));
    return last_;
  }
  void Cancel(TimerId id) override {
    std::erase_if(queue_, [id](const auto& e) { return e.first.second == id; });
  }
  Micros MonotonicNow() override { return now_; }
  void RunFor(Micros us) {
    const Micros end = now_ + us;
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
      auto node = queue_.extract(queue_.begin());
      now_ = std::max(now_, node.key().first);
      node.mapped()();
    }
    now_ = end;
  }

 private:
  std::map<std::pair<Micros, TimerId>, Fn> queue_;
  TimerId last_ = 0;
  Micros now_ = 0;
};

class CountingObserver : public Observer {
 public:
  void Count(absl::string_view name, int64_t delta) override {
    counts_[std::string(name)] += delta;
  }
  void Reached(absl::string_view name) override { ++counts_[std::string(name)]; }
  int64_t operator[](const std::string& name) { return counts_[name]; }

 private:
  std::map<std::string, int64_t> counts_;
};

constexpr int64_t kEpoch = 1'000'000'000'000;  // virtual time 0, as a Timestamp

struct FakeState {
  explicit FakeState(Executor* e) : executor(e) {}
  Executor* executor;
  peer::GroupDescriptor descriptor;
  std::vector<peer::GroupDescriptor> children;
  std::map<std::string, std::map<Timestamp, std::optional<std::string>>> rows;
  std::map<TxnAttempt, peer::Prepare> prepared;
  std::map<TxnAttempt, peer::Decide> decisions;
  std::map<TxnAttempt, peer::FinishedAttempt> finished;
  std::vector<peer::Command> log;
  Timestamp last;
  Micros uncertainty_us = 1'000;
  Micros replication_us = 2'000;
  bool hold = false;  // proposals wait
  std::vector<std::pair<peer::Command, OneShot<absl::Status>>> held;
  bool pipeline_full = false;
  bool clock_lost = false;
  uint64_t ballot = 0;

  TTInterval Now() const {
    const int64_t t = kEpoch + executor->MonotonicNow();
    return {Timestamp(t - uncertainty_us), Timestamp(t + uncertainty_us)};
  }
  void Write(const google::protobuf::RepeatedPtrField<peer::Write>& writes, Timestamp s) {
    for (const auto& w : writes) {
      rows[w.key()][s] = w.tombstone() ? std::nullopt : std::optional(w.value());
    }
  }
  void Finish(const peer::TxnRef& txn, bool commit, int64_t s) {
    peer::FinishedAttempt f;
    *f.mutable_txn() = txn;
    f.set_commit(commit);
    f.set_s(s);
    finished.emplace(tablet::FromProto(txn), f);
  }
  void Apply(const peer::Command& c) {
    log.push_back(c);
    if (c.has_commit_one_round()) {
      const auto& o = c.commit_one_round();
      if (finished.contains(tablet::FromProto(o.txn()))) return;
      Write(o.writes(), Timestamp(o.s()));
      Finish(o.txn(), true, o.s());
    } else if (c.has_prepare()) {
      if (finished.contains(tablet::FromProto(c.prepare().txn()))) return;
      prepared[tablet::FromProto(c.prepare().txn())] = c.prepare();
    } else if (c.has_decide()) {
      const auto& d = c.decide();
      if (finished.contains(tablet::FromProto(d.txn()))) return;
      if (d.commit()) Write(d.writes(), Timestamp(d.s()));
      if (d.commit() && d.participants_size() > 0) decisions[tablet::FromProto(d.txn())] = d;
      Finish(d.txn(), d.commit(), d.s());
    } else if (c.has_outcome()) {
      auto it = prepared.find(tablet::FromProto(c.outcome().txn()));
      if (it == prepared.end()) return;
      if (c.outcome().commit()) Write(it->second.writes(), Timestamp(c.outcome().s()));
      prepared.erase(it);
      Finish(c.outcome().txn(), c.outcome().commit(), c.outcome().s());
    } else if (c.has_forget()) {
      for (const auto& t : c.forget().txns()) decisions.erase(tablet::FromProto(t));
    } else if (c.has_split()) {
      peer::GroupDescriptor child = descriptor;
      child.set_group(c.split().new_group());
      child.mutable_range()->set_start(c.split().key());
      descriptor.mutable_range()->set_end(c.split().key());
      children.push_back(child);
    }
  }
};

class FakeAccess : public GroupAccess {
 public:
  explicit FakeAccess(std::shared_ptr<FakeState> state) : st_(std::move(state)) {
    ballot_ = ++st_->ballot;
  }

  const peer::GroupDescriptor& group_descriptor() const override { return st_->descriptor; }
  std::vector<peer::GroupDescriptor> children() const override { return st_->children; }
  NodeId leader_hint() const override { return NodeId(7); }
  absl::StatusOr<Leadership> Leading() override {
    if (ballot_ != st_->ballot) return absl::FailedPreconditionError("not the leader");
    if (st_->clock_lost) return absl::UnavailableError("no bound");
    return Leadership{st_->Now().latest + 3'000'000, st_->Now()};
  }
  peer::LockEpoch epoch() const override {
    peer::LockEpoch e;
    e.set_ballot_round(ballot_);
    return e;
  }
  absl::StatusOr<Proposed> Propose(peer::Command c, Timestamp min_s, Timestamp s_max) override {
    if (auto view = Leading(); !view.ok()) return view.status();
    if (st_->pipeline_full) return absl::ResourceExhaustedError("the pipeline is full");
    for (const auto& w : c.commit_one_round().writes()) {
      if (!tablet::FromProto(st_->descriptor.range()).Contains(w.key())) {
        return absl::OutOfRangeError("a key is not in this group");
      }
    }
    Timestamp s;
    const bool stamped = c.has_commit_one_round() || c.has_prepare() || c.has_split() ||
                         (c.has_decide() && c.decide().commit());
    if (stamped) {
      s = std::max({st_->Now().latest.Next(), st_->last.Next(), min_s});
      if (s > s_max) return absl::AbortedError("no timestamp is left");
      st_->last = s;
    }
    if (c.has_commit_one_round()) c.mutable_commit_one_round()->set_s(s.us);
    if (c.has_prepare()) c.mutable_prepare()->set_s_prepare(s.us);
    if (c.has_decide() && c.decide().commit()) c.mutable_decide()->set_s(s.us);
    if (c.has_split()) c.mutable_split()->set_s(s.us);
    OneShot<absl::Status> applied(st_->executor);
    if (st_->hold) {
      st_->held.emplace_back(c, applied);
    } else {
      st_->executor->PostAfter(
          st_->replication_us, [st = st_, ballot = ballot_, c, applied]() mutable {
            st->Apply(c);
            applied.Set(ballot == st->ballot ? absl::OkStatus()
                                             : absl::UnknownError("leadership was lost"));
          });
    }
    return Proposed{s, applied};
  }
  Task<absl::StatusOr<Timestamp>> WaitReadable(Ctx, std::vector<KeyRange>, Timestamp t) override {
    if (auto view = Leading(); !view.ok()) co_return view.status();
    co_return t.us == 0 ? st_->Now().latest : t;
  }
  Task<absl::Status> WaitAfter(Ctx, Timestamp t) override {
    while (st_->Now().earliest <= t) {
      if (st_->clock_lost) co_return absl::UnavailableError("no bound");
      co_await SleepFor(st_->executor, t.us - st_->Now().earliest.us + 1);
    }
    co_return absl::OkStatus();
  }
  Timestamp HoldLeadershipUntil(Timestamp t) override {
    return held_until = std::max(held_until, t);
  }
  absl::StatusOr<ReadPage> Read(const KeyRange& span, Timestamp t, ReadLimits limits) override {
    ReadPage page;
    for (auto it = st_->rows.lower_bound(span.start);
         it != st_->rows.end() && span.Contains(it->first); ++it) {
      auto v = it->second.upper_bound(t);
      if (v == it->second.begin()) continue;
      --v;
      if (limits.rows > 0 && page.rows.size() == limits.rows) {
        page.rest = KeyRange{it->first, span.end};
        break;
      }
      page.max_version = std::max(page.max_version, v->first);
      if (!v->second) continue;
      page.rows.emplace_back();
      page.rows.back().set_key(it->first);
      page.rows.back().set_value(*v->second);
    }
    return page;
  }
  const std::map<TxnAttempt, peer::Prepare>& prepared() const override { return st_->prepared; }
  const std::map<TxnAttempt, peer::Decide>& decisions() const override { return st_->decisions; }
  std::optional<peer::FinishedAttempt> Finished(const TxnAttempt& attempt) const override {
    auto it = st_->finished.find(attempt);
    if (it == st_->finished.end()) return std::nullopt;
    return it->second;
  }

  Timestamp held_until;

 private:
  std::shared_ptr<FakeState> st_;
  uint64_t ballot_;
};

using Answer = std::shared_ptr<std::optional<peer::GroupResponse>>;

class FakeCluster : public GroupCaller {
 public:
  // Groups 1..n; group i holds the keys that begin with the i-th letter.
  explicit FakeCluster(int groups, SabotageSet sabotage = {}) : sabotage_(sabotage) {
    service_ = std::make_unique<GroupService>(
        GroupService::Env{NodeId(7), &executor, &observer, this, sabotage_, options,
                          [](GroupId) { return nullptr; }, nullptr, nullptr, nullptr,
                          [this] { return may_write; }, [this] { return close_to_stall; }});
    for (int i = 1; i <= groups; ++i) {
      auto st = std::make_shared<FakeState>(&executor);
      st->descriptor.set_group(static_cast<uint64_t>(i));
      st->descriptor.mutable_range()->set_start(std::string(1, static_cast<char>('a' + i - 1)));
      st->descriptor.mutable_range()->set_end(std::string(1, static_cast<char>('a' + i)));
      states_[GroupId(static_cast<uint64_t>(i))] = st;
      Lead(i);
    }
  }
  ~FakeCluster() override {
    scope_.Clear();
    service_.reset();
  }

  absl::Status may_write;       // what the node says of new writes
  bool close_to_stall = false;  // and of its store

  FakeState& state(int g) { return *states_.at(GroupId(static_cast<uint64_t>(g))); }
  FakeAccess* access(int g) { return access_.at(g); }
  GroupService& service() { return *service_; }

  // Leadership of g ends. What was held is applied by the next leader, or lost.
  void Unlead(int g, bool apply_held = false) {
    FakeState& st = state(g);
    ++st.ballot;
    auto held = std::move(st.held);
    st.held.clear();
    st.hold = false;
    for (auto& [command, applied] : held) {
      if (apply_held) st.Apply(command);
      applied.Set(absl::UnknownError("leadership was lost"));
    }
    service_->EndLeading(GroupId(static_cast<uint64_t>(g)));
  }
  void Lead(int g) {
    auto access = std::make_unique<FakeAccess>(states_.at(GroupId(static_cast<uint64_t>(g))));
    access_[g] = access.get();
    service_->BeginLeading(GroupId(static_cast<uint64_t>(g)), std::move(access));
  }
  void Failover(int g, bool apply_held = false) {
    Unlead(g, apply_held);
    executor.RunFor(10);
    Lead(g);
  }
  void ReleaseHeld(int g) {
    auto held = std::move(state(g).held);
    state(g).held.clear();
    state(g).hold = false;
    for (auto& [command, applied] : held) {
      state(g).Apply(command);
      applied.Set(absl::OkStatus());
    }
  }

  Answer Send(int g, peer::GroupRequest request, Micros timeout_us = 60'000'000) {
    auto answer = std::make_shared<std::optional<peer::GroupResponse>>();
    auto ctx = std::make_shared<RequestContext>(executor.MonotonicNow() + timeout_us);
    request.set_group(static_cast<uint64_t>(g));
    scope_.Spawn(Drive(ctx, std::move(request), answer));
    return answer;
  }

  // GroupCaller
  Task<absl::StatusOr<peer::GroupResponse>> Call(Ctx ctx, GroupId group,
                                                 peer::GroupRequest request) override {
    request.set_group(group.value);
    for (;;) {
      co_await SleepFor(&executor, hop_us);
      if (absl::Status going = ctx->Check(executor.MonotonicNow()); !going.ok()) co_return going;
      if (!drop || !drop(group, request)) {
        peer::GroupResponse r = co_await service_->Handle(ctx, NodeId(7), request);
        if (r.error() != peer::NOT_LEADER && r.error() != peer::UNKNOWN_GROUP) co_return r;
      }
      co_await SleepFor(&executor, 50'000);
    }
  }

  Micros hop_us = 1'000;
  std::function<bool(GroupId, const peer::GroupRequest&)> drop;
  FakeExecutor executor;
  CountingObserver observer;
  ServerOptions options;

 private:
  Task<void> Drive(Ctx ctx, peer::GroupRequest request, Answer answer) {
    *answer = co_await service_->Handle(ctx, NodeId(9), std::move(request));
  }

  SabotageSet sabotage_;
  std::map<GroupId, std::shared_ptr<FakeState>> states_;
  std::map<int, FakeAccess*> access_;
  std::unique_ptr<GroupService> service_;
  TaskScope scope_;
};

// ---- requests ----

inline TxnAttempt Txn(int64_t age, uint32_t attempt = 0) {
  return TxnAttempt{TxnId{Timestamp(age), NodeId(9), 1, 1}, attempt};
}

inline peer::GroupRequest LockedReadOf(const TxnAttempt& txn, std::vector<KeyRange> spans,
                                       bool exclusive, const peer::LockEpoch* epoch = nullptr) {
  peer::GroupRequest r;
  auto* body = r.mutable_locked_read();
  tablet::ToProto(txn, body->mutable_txn());
  for (const KeyRange& s : spans) tablet::ToProto(s, body->add_spans());
  body->set_exclusive(exclusive);
  if (epoch != nullptr) *body->mutable_epoch() = *epoch;
  return r;
}

template <typename Body>
void FillCommit(Body* body, const TxnAttempt& txn, int64_t commit_start_us,
                const std::map<std::string, std::string>& writes, const peer::LockEpoch* epoch) {
  tablet::ToProto(txn, body->mutable_txn());
  body->set_commit_start_us(commit_start_us);
  if (epoch != nullptr) *body->mutable_epoch() = *epoch;
  for (const auto& [key, value] : writes) {
    auto* w = body->add_writes();
    w->set_key(key);
    w->set_value(value);
  }
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_SERVICE_FAKE_CLUSTER_H_
