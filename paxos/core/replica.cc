// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

// The frame of the state machine: start, durability, Ready. The roles are in acceptor.cc,
// candidate.cc and leader.cc.

namespace isochron::paxos {

Replica::Replica(Options options, InitialState initial, NodeSupport* support, LogReader* reader)
    : options_(std::move(options)),
      self_(support->self()),
      incarnation_(support->incarnation()),
      support_(support),
      reader_(reader),
      random_(options_.seed),
      hard_(initial.hard),
      log_(options_.group, reader) {
  if (const Member* own = initial.config.Find(self_)) id_ = own->id;
  if (initial.replica_id != 0) id_ = initial.replica_id;
  log_.Reset(initial.base);
  configs_.Reset(std::max(initial.applied.index, initial.base.index), std::move(initial.config));
  settled_ = initial.settled;
  for (Entry& e : initial.entries) {
    if (e.index > configs_.settled_at()) PutConfig(e);
    log_.Put(std::move(e));
  }
  // The store may be ahead of the log: a snapshot was installed, then the process died. A witness's
  // state comes before the log that leads to it.
  if (initial.applied.index > log_.last() && !initial.witness) log_.Reset(initial.applied);
  chosen_ = std::max(std::min(hard_.chosen, log_.last()), log_.base().index);
  // What a replica applied it applied from its log. Not so a witness: a snapshot's state lies above
  // its log's beginning, and what the log has between them may have been accepted and never chosen.
  if (!initial.witness) chosen_ = std::max(chosen_, std::min(initial.applied.index, log_.last()));
  emitted_ = std::max(std::min(initial.applied.index, chosen_), log_.base().index);
  kept_ = hard_.chosen = chosen_;
  configs_.Settle(chosen_);
  log_.Shrink(options_.cache_bytes, emitted_);
  max_round_ = hard_.promised.round;
  if (options_.sabotage.Is(Sabotage::kForgetVote)) FreeVote();
  told_ = SoftState{role_, ballot(), leader()};
}

void Replica::Tick(Micros now) {
  now_ = now;
  if (role_ == Role::kLeader) {
    TickLeader();
  } else {
    TickElection();
  }
}

Rest Replica::MayRest() const {
  if (HasReady()) return Rest::kTick;
  if (role_ == Role::kLeader) return LeaderMayRest() ? Rest::kSleep : Rest::kTick;
  if (role_ != Role::kFollower) return Rest::kTick;
  if (!MayLead()) return Rest::kSleep;
  // Its own vote it gives back when its older lease is over.
  if (Holds(self_, incarnation_)) return Rest::kTick;
  if (!VoteIsFree(self_, incarnation_)) return Rest::kSleep;
  return options_.auto_campaign ? Rest::kTick : Rest::kCampaign;
}

void Replica::Step(NodeId from, Message message) {
  if (from == self_ || !ForThisLife(from, message)) return;
  std::visit(
      [this, from](const auto& m) {
        using T = std::decay_t<decltype(m)>;
        if constexpr (std::is_same_v<T, Prepare>) OnPrepare(from, m);
        if constexpr (std::is_same_v<T, Promise>) OnPromise(from, m);
        if constexpr (std::is_same_v<T, Nack>) OnNack(from, m);
        if constexpr (std::is_same_v<T, Accept>) OnAccept(from, m);
        if constexpr (std::is_same_v<T, Accepted>) OnAccepted(from, m);
        if constexpr (std::is_same_v<T, Release>) OnRelease(from, m);
        if constexpr (std::is_same_v<T, HoldQuery>) OnHoldQuery(from, m);
        if constexpr (std::is_same_v<T, TimeoutNow>) OnTimeoutNow(from, m);
      },
      message.body);
}

// --- durability ----------------------------------------------------------------------------------

uint64_t Replica::DurableToken() const {
  if (hard_changed_ || !to_append_.empty()) return last_token_ + 1;  // that of the next Ready
  return persisted_token_ < last_token_ ? last_token_ : 0;
}

void Replica::Send(NodeId to, Body body) {
  outbox_.push_back(Message{options_.group, to, std::move(body), id_, LifeOf(to)});
}

void Replica::SendDurably(NodeId to, Body body) {
  const uint64_t token = options_.sabotage.Is(Sabotage::kAckBeforeSync) ? 0 : DurableToken();
  // One loop turn owes a leader one acknowledgment, however many messages it sent.
  if (const auto* ack = std::get_if<Accepted>(&body); ack != nullptr) {
    auto same = [&](const Message& m) {
      const auto* older = std::get_if<Accepted>(&m.body);
      return older != nullptr && m.to == to && older->ballot == ack->ballot &&
             older->gap == ack->gap;
    };
    if (token == 0) {
      std::erase_if(outbox_, same);
    } else {
      std::erase_if(held_, [&](const Held& h) { return h.token == token && same(h.message); });
    }
  }
  if (token == 0) {
    Send(to, std::move(body));
  } else {
    held_.push_back(Held{token, Message{options_.group, to, std::move(body), id_, LifeOf(to)}});
  }
}

void Replica::AppendEntry(Entry entry) {
  if (unstable_.empty() || unstable_.back().token != 0) {
    unstable_.push_back(Unstable{0, entry.index});
  } else {
    unstable_.back().first = std::min(unstable_.back().first, entry.index);
  }
  to_append_.push_back(entry);
  if (entry.index > configs_.settled_at()) PutConfig(entry);
  log_.Put(std::move(entry));
}

LogIndex Replica::Stable() const {
  LogIndex stable = log_.last();
  if (options_.sabotage.Is(Sabotage::kAckBeforeSync)) return stable;
  for (const Unstable& u : unstable_) stable = std::min(stable, u.first - 1);
  return std::max(stable, log_.base().index);
}

void Replica::OnPersisted(uint64_t token) {
  persisted_token_ = std::max(persisted_token_, token);
  for (; !keeping_.empty() && keeping_.front().first <= token; keeping_.pop_front()) {
    kept_ = std::max(kept_, keeping_.front().second);
  }
  std::erase_if(unstable_, [&](const Unstable& u) { return u.token != 0 && u.token <= token; });
  size_t kept = 0;
  for (Held& h : held_) {
    if (h.token <= token) {
      outbox_.push_back(std::move(h.message));
    } else {
      if (&held_[kept] != &h) held_[kept] = std::move(h);
      ++kept;
    }
  }
  held_.resize(kept);
  if (own_promise_token_ && *own_promise_token_ <= token) CountOwnPromise();
  if (role_ == Role::kLeader) {
    AdvanceChosen();
    UpdateSettled();
  }
}

// --- Ready ---------------------------------------------------------------------------------------

bool Replica::HasReady() const {
  return hard_changed_ || !to_append_.empty() || !outbox_.empty() || !need_snapshot_.empty() ||
         replicate_ || emitted_ < std::min(chosen_, Stable()) ||
         told_ != SoftState{role_, ballot(), leader()};
}

Ready Replica::TakeReady() {
  Ready ready;
  if (replicate_) Replicate();
  if (hard_changed_ || !to_append_.empty()) {
    ready.token = ++last_token_;
    hard_.chosen = chosen_;
    keeping_.emplace_back(last_token_, chosen_);
    ready.hard_state = hard_;
    ready.entries = std::exchange(to_append_, {});
    hard_changed_ = false;
    if (!unstable_.empty() && unstable_.back().token == 0) unstable_.back().token = last_token_;
  }
  CollectChosen(&ready);
  ready.messages = std::exchange(outbox_, {});
  ready.need_snapshot = std::exchange(need_snapshot_, {});
  const SoftState soft{role_, ballot(), leader()};
  if (soft != told_) {
    told_ = soft;
    ready.soft_state = soft;
  }
  return ready;
}

void Replica::CollectChosen(Ready* ready) {
  const LogIndex upto = std::min(chosen_, Stable());
  if (emitted_ < upto) {
    auto entries = log_.Read(emitted_ + 1, upto, options_.max_apply_bytes);
    ISO_CHECK(entries.ok(), "what is not applied yet is in memory");
    ready->chosen = std::move(*entries);
    emitted_ = ready->chosen.back().index;
  }
  log_.Shrink(options_.cache_bytes, std::min(emitted_, Stable()));
}

void Replica::SetChosen(LogIndex index) {
  chosen_ = std::max(chosen_, index);
  SettleConfigs();
}

// --- upkeep and looking --------------------------------------------------------------------------

void Replica::Truncate(LogIndex upto) {
  if (upto <= log_.base().index) return;
  ISO_CHECK(upto <= emitted_, "only what was handed out is truncated");
  ISO_CHECK(!HasWitness() || upto <= Settled(), "what is not settled stays for a witness");
  log_.Reset(MarkAt(upto));
}

void Replica::InstallSnapshot(LogMark mark, Config config, LogIndex config_at) {
  if (mark.index <= emitted_) return;
  if (role_ != Role::kFollower) StepDown(ballot_);
  configs_.Reset(std::max(mark.index, config_at), std::move(config));
  settled_ = 0;  // the group may have been without a witness in between
  log_.Reset(mark);
  std::erase_if(to_append_, [&](const Entry& e) { return e.index <= mark.index; });
  SetChosen(mark.index);
  kept_ = std::max(kept_, mark.index);
  emitted_ = mark.index;
  match_ = std::max(match_, mark.index);
}

std::vector<Entry> Replica::TakeChosenUpTo(LogIndex index) {
  std::vector<Entry> entries;
  ISO_CHECK(index <= log_.last(), "what is known to be chosen is in the log");
  SetChosen(index);
  while (emitted_ < index) {
    auto more = log_.Read(emitted_ + 1, index, options_.max_apply_bytes);
    ISO_CHECK(more.ok(), "what is not applied yet is in memory");
    emitted_ = more->back().index;
    for (Entry& e : *more) entries.push_back(std::move(e));
  }
  return entries;
}

LogMark Replica::MarkAt(LogIndex index) const {
  if (index == log_.base().index) return log_.base();
  return LogMark{index, log_.At(index).origin};
}

LogIndex Replica::MatchOf(NodeId node) const {
  if (node == self_) return Stable();
  auto it = progress_.find(node);
  return it == progress_.end() ? 0 : it->second.match;
}

NodeId Replica::leader() const {
  if (role_ == Role::kLeader) return self_;
  return hard_.holder == self_ ? NodeId() : hard_.holder;
}

}  // namespace isochron::paxos
