// SPDX-License-Identifier: Apache-2.0
#include "sql/session/advisory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "common/wait_for.h"
#include "sql/catalog/layout.h"
#include "sql/types/error.h"
#include "txn/api/reasons.h"

namespace isochron::sql {
namespace {

constexpr Micros kPatienceUs = 5'000'000;  // of one transaction in the background

bool Again(const absl::Status& status) { return absl::IsAborted(status); }

}  // namespace

// ---- rows ----

std::string AdvisoryLocks::LockKey(const AdvisoryKey& key) {
  std::string out = absl::StrCat(AdvisoryPrefix(), "k");
  Writer w(&out);
  w.Bool(key.pair);
  w.Fixed64(static_cast<uint64_t>(key.a));
  w.Fixed64(static_cast<uint64_t>(key.b));
  return out;
}

std::string AdvisoryLocks::LeaseKey(const std::string& lease) {
  return absl::StrCat(AdvisoryPrefix(), "l", lease);
}

std::string AdvisoryLocks::Encode(const std::vector<Holder>& holders) {
  std::string out;
  Writer w(&out);
  w.Byte(1);  // the format
  w.Varint(holders.size());
  for (const Holder& h : holders) {
    w.Bytes(h.lease);
    w.Varint(h.session);
    w.Bool(h.shared);
  }
  return out;
}

absl::StatusOr<std::vector<AdvisoryLocks::Holder>> AdvisoryLocks::Decode(const std::string& row) {
  std::vector<Holder> out;
  Reader r(row);
  uint8_t format = 0;
  uint64_t count = 0;
  bool good = r.Byte(&format) && format == 1 && r.Varint(&count);
  for (uint64_t i = 0; good && i < count; ++i) {
    Holder h;
    good = r.Bytes(&h.lease) && r.Varint(&h.session) && r.Bool(&h.shared);
    out.push_back(std::move(h));
  }
  if (!good) return absl::DataLossError("the row of an advisory lock cannot be read");
  return out;
}

// ---- the lease ----

Ctx AdvisoryLocks::OwnContext() const {
  return std::make_shared<RequestContext>(deps_.executor->MonotonicNow() + kPatienceUs);
}

absl::StatusOr<bool> AdvisoryLocks::Valid() const {
  if (lease_.empty()) return false;
  ISO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  return now.latest < lease_end_;
}

void AdvisoryLocks::LoseAll() {
  if (!held_.empty() && deps_.observer != nullptr) {
    deps_.observer->Reached("sql.advisory_lease_lost");
  }
  for (const auto& [session, held] : held_) lost_.insert(session);
  held_.clear();
  lease_.clear();
  lease_end_ = Timestamp();
}

absl::Status AdvisoryLocks::LostError() {
  return SqlError("57P01",
                  "terminating connection: the lease of its node's advisory locks has ended, and "
                  "the locks with it",
                  -1, "Connect again, take the lock, and look at what was done under it.");
}

bool AdvisoryLocks::Lost(uint64_t session) {
  if (lost_.contains(session)) return true;
  auto it = held_.find(session);
  if (it == held_.end()) return false;
  auto valid = Valid();
  // Without a bound of the clock nothing can be vouched for.
  if (valid.ok() && *valid) return false;
  LoseAll();
  return true;
}

bool AdvisoryLocks::Vouches(uint64_t session) const {
  auto valid = Valid();
  return held_.contains(session) && valid.ok() && *valid;
}

Task<absl::Status> AdvisoryLocks::NewLease(Ctx ctx) {
  LoseAll();
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  // The transaction's name is nobody else's.
  const std::string name = ToString(txn->id());
  ISO_CO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  const Timestamp end = now.latest + deps_.lease_us;
  std::string value;
  Writer(&value).Time(end);
  ISO_CO_RETURN_IF_ERROR(txn->Put(LeaseKey(name), std::move(value)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  if (!committed.ok()) co_return committed.status();
  lease_ = name;
  lease_end_ = end;
  co_return absl::OkStatus();
}

Task<absl::Status> AdvisoryLocks::RenewLease(Ctx ctx) {
  const std::string name = lease_;
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  auto value = co_await txn->Get(ctx, LeaseKey(name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  Timestamp end;
  if (!value->has_value() || !Reader(**value).Time(&end)) {
    co_return absl::NotFoundError("the node's lease of advisory locks is gone");
  }
  ISO_CO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  const Timestamp next = now.latest + deps_.lease_us;
  std::string bytes;
  Writer(&bytes).Time(next);
  ISO_CO_RETURN_IF_ERROR(txn->Put(LeaseKey(name), std::move(bytes)));
  // A lease that has ended stays so.
  txn::CommitOptions options;
  if (!deps_.sabotage.Is(Sabotage::kAdvisoryRenewsLate)) options.s_max = end;
  auto committed = co_await txn->Commit(ctx, options);
  if (!committed.ok()) co_return committed.status();
  if (lease_ == name) lease_end_ = std::max(lease_end_, next);
  co_return absl::OkStatus();
}

Task<absl::Status> AdvisoryLocks::EnsureLease(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(
      co_await WaitFor(ctx, deps_.executor, &changed_, [this] { return !ensuring_; }));
  ISO_CO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  if (!lease_.empty() && now.latest + deps_.lease_us / 2 < lease_end_) co_return absl::OkStatus();
  struct Ensuring {
    explicit Ensuring(AdvisoryLocks* locks) : locks(locks) { locks->ensuring_ = true; }
    ~Ensuring() {
      locks->ensuring_ = false;
      locks->changed_.NotifyAll();
    }
    AdvisoryLocks* const locks;
  } ensuring(this);
  absl::Status done = absl::NotFoundError("none");
  if (!lease_.empty() && now.latest < lease_end_) done = co_await RenewLease(ctx);
  if (absl::IsNotFound(done)) done = co_await NewLease(ctx);
  ISO_CO_RETURN_IF_ERROR(done);
  if (!std::exchange(keeping_, true)) scope_.Spawn(KeepLease());
  co_return absl::OkStatus();
}

Task<void> AdvisoryLocks::KeepLease() {
  for (;;) {
    co_await SleepFor(deps_.executor, deps_.lease_us / 4);
    if (held_.empty() && leaving_.empty()) break;
    if (ensuring_) continue;
    const absl::Status renewed = co_await RenewLease(OwnContext());
    auto valid = Valid();
    if (!renewed.ok() && (!valid.ok() || !*valid)) LoseAll();
  }
  keeping_ = false;
}

// ---- taking ----

struct AdvisoryLocks::Unsettled {
  Unsettled(AdvisoryLocks* locks, Entry entry) : locks(locks), entry(std::move(entry)) {}
  ~Unsettled() {
    if (settled) return;
    std::vector<Entry> one;
    one.push_back(entry);
    locks->scope_.Spawn(locks->RemoveSoon(std::move(one)));
  }
  AdvisoryLocks* const locks;
  const Entry entry;
  bool settled = false;
};

Task<absl::Status> AdvisoryLocks::Pause(Ctx ctx, int attempt) {
  ISO_CO_RETURN_IF_ERROR(ctx->Check(deps_.executor->MonotonicNow()));
  const Micros ceiling = std::min<Micros>(100'000, Micros{2000} << std::min(attempt, 6));
  co_await SleepFor(deps_.executor, deps_.random->Between(ceiling / 2, ceiling));
  co_return ctx->Check(deps_.executor->MonotonicNow());
}

Task<absl::StatusOr<bool>> AdvisoryLocks::Dead(Ctx ctx, txn::ReadWriteTransaction* txn,
                                               std::string lease) {
  auto value = co_await txn->Get(ctx, LeaseKey(lease), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  Timestamp end;
  if (!value->has_value() || !Reader(**value).Time(&end)) co_return true;
  ISO_CO_ASSIGN_OR_RETURN(const TTInterval now, deps_.truetime->Now());
  co_return now.earliest > end;
}

Task<absl::StatusOr<bool>> AdvisoryLocks::TryOnce(Ctx ctx, uint64_t session, AdvisoryKey key,
                                                  bool shared) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  auto value = co_await txn->Get(ctx, LockKey(key), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  std::vector<Holder> holders;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(holders, Decode(**value));
  }
  std::vector<Holder> stay;
  std::map<std::string, bool> dead;
  for (const Holder& h : holders) {
    const bool mine = h.lease == lease_;
    if (!mine && !dead.contains(h.lease)) {
      ISO_CO_ASSIGN_OR_RETURN(dead[h.lease], co_await Dead(ctx, txn.get(), h.lease));
    }
    if (!mine && dead[h.lease]) continue;
    stay.push_back(h);
    const bool self = mine && h.session == session;
    if (self && h.shared == shared) co_return true;
    if (!self && !(h.shared && shared)) co_return false;
  }
  if (stay.size() < holders.size() && deps_.observer != nullptr) {
    deps_.observer->Reached("sql.advisory_taken_over");
  }
  stay.push_back({lease_, session, shared});
  ISO_CO_RETURN_IF_ERROR(txn->Put(LockKey(key), Encode(stay)));
  txn::CommitOptions options;
  options.s_max = lease_end_;
  auto committed = co_await txn->Commit(ctx, options);
  if (!committed.ok()) co_return committed.status();
  co_return true;
}

Task<absl::StatusOr<bool>> AdvisoryLocks::Lock(Ctx ctx, uint64_t session, AdvisoryKey key,
                                               bool shared, bool of_transaction, bool wait) {
  const Entry entry{session, key, shared};
  const Micros begun = deps_.executor->MonotonicNow();
  auto known = held_.find(session);
  if (known != held_.end() && known->second.size() >= kMaxHeld) {
    co_return SqlError(sqlstate::kProgramLimit, "the session holds too many advisory locks");
  }
  for (int attempt = 0;; ++attempt) {
    // A new lease takes away what the old one held.
    ISO_CO_RETURN_IF_ERROR(co_await EnsureLease(ctx));
    const std::string lease = lease_;
    if (auto held = held_.find(session); held != held_.end()) {
      auto it = held->second.find(key);
      if (it != held->second.end() && it->second.in_mode(shared) > 0) {
        ++it->second.of[of_transaction][shared];
        co_return true;
      }
    }
    if (lost_.contains(session)) co_return LostError();
    absl::StatusOr<bool> taken = false;
    // What is on its way out has to be out first, or the removal would take the new one.
    const bool busy = leaving_.contains(entry);
    if (!busy) {
      // Also when the caller is dropped half way: it may have been taken all the same.
      Unsettled unsettled(this, entry);
      taken = co_await TryOnce(ctx, session, key, shared);
      if (taken.ok() && *taken && lease == lease_ && !lost_.contains(session)) {
        ++held_[session][key].of[of_transaction][shared];
        unsettled.settled = true;
        co_return true;
      }
      unsettled.settled = taken.ok() || Again(taken.status());
    }
    if (!taken.ok() && !Again(taken.status())) co_return taken.status();
    const auto leaves = [this, key] {
      return std::any_of(leaving_.begin(), leaving_.end(),
                         [&key](const Entry& e) { return std::get<AdvisoryKey>(e) == key; });
    };
    if (taken.ok() && !busy && !*taken && !wait) {
      // Whose session has ended here gives it back: PostgreSQL's would have by now.
      if (!leaves()) co_return false;
      ISO_CO_RETURN_IF_ERROR(
          co_await WaitFor(ctx, deps_.executor, &changed_, [&] { return !leaves(); }));
      continue;
    }
    const Micros limit = ctx->lock_timeout_us;
    if (limit > 0 && deps_.executor->MonotonicNow() - begun >= limit) {
      co_return SqlError(sqlstate::kLockNotAvailable, "canceling statement due to lock timeout");
    }
    ISO_CO_RETURN_IF_ERROR(co_await Pause(ctx, attempt));
  }
}

// ---- giving back ----

Task<absl::Status> AdvisoryLocks::Remove(Ctx ctx, Entry entry) {
  const auto& [session, key, shared] = entry;
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, deps_.store->Begin(ctx));
  auto value = co_await txn->Get(ctx, LockKey(key), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  if (!value->has_value()) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(std::vector<Holder> holders, Decode(**value));
  const size_t before = holders.size();
  std::erase_if(holders, [&, session = session, shared = shared](const Holder& h) {
    return h.lease == lease_ && h.session == session && h.shared == shared;
  });
  if (holders.size() == before) co_return absl::OkStatus();
  ISO_CO_RETURN_IF_ERROR(holders.empty() ? txn->Delete(LockKey(key))
                                         : txn->Put(LockKey(key), Encode(holders)));
  auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
  co_return committed.status();
}

Task<void> AdvisoryLocks::RemoveSoon(std::vector<Entry> entries) {
  for (const Entry& e : entries) leaving_.insert(e);
  const std::string lease = lease_;
  for (const Entry& e : entries) {
    // Until it is done, or the lease that it stands under is another.
    for (int attempt = 0; lease == lease_; ++attempt) {
      const absl::Status removed = co_await Remove(OwnContext(), e);
      if (removed.ok()) break;
      co_await SleepFor(deps_.executor, Micros{2000} << std::min(attempt, 8));
    }
    leaving_.erase(e);
    changed_.NotifyAll();
  }
}

Task<absl::Status> AdvisoryLocks::RemoveAll(Ctx ctx, std::vector<Entry> entries) {
  if (entries.empty()) co_return absl::OkStatus();
  for (const Entry& e : entries) leaving_.insert(e);
  scope_.Spawn(RemoveSoon(entries));
  // Others see it free when this has returned.
  co_return co_await WaitFor(ctx, deps_.executor, &changed_, [&] {
    return std::none_of(entries.begin(), entries.end(),
                        [this](const Entry& e) { return leaving_.contains(e); });
  });
}

std::vector<AdvisoryLocks::Entry> AdvisoryLocks::Uncount(uint64_t session, int scope) {
  std::vector<Entry> gone;
  auto held = held_.find(session);
  if (held == held_.end()) return gone;
  for (auto it = held->second.begin(); it != held->second.end();) {
    Counts& counts = it->second;
    for (const bool shared : {false, true}) {
      if (std::exchange(counts.of[scope][shared], 0) > 0 && counts.in_mode(shared) == 0) {
        gone.emplace_back(session, it->first, shared);
      }
    }
    it = counts.none() ? held->second.erase(it) : std::next(it);
  }
  if (held->second.empty()) held_.erase(held);
  return gone;
}

Task<absl::StatusOr<bool>> AdvisoryLocks::Unlock(Ctx ctx, uint64_t session, AdvisoryKey key,
                                                 bool shared) {
  auto held = held_.find(session);
  if (held == held_.end()) co_return false;
  auto it = held->second.find(key);
  if (it == held->second.end() || it->second.of[0][shared] == 0) co_return false;
  --it->second.of[0][shared];
  const bool gone = it->second.in_mode(shared) == 0;
  if (it->second.none()) held->second.erase(it);
  if (held->second.empty()) held_.erase(held);
  if (gone) {
    std::vector<Entry> one;
    one.emplace_back(session, key, shared);
    ISO_CO_RETURN_IF_ERROR(co_await RemoveAll(ctx, std::move(one)));
  }
  co_return true;
}

Task<absl::Status> AdvisoryLocks::UnlockAll(Ctx ctx, uint64_t session) {
  return RemoveAll(std::move(ctx), Uncount(session, 0));
}

bool AdvisoryLocks::OfTransaction(uint64_t session) const {
  auto held = held_.find(session);
  if (held == held_.end()) return false;
  return std::any_of(held->second.begin(), held->second.end(),
                     [](const auto& h) { return h.second.of[1][0] + h.second.of[1][1] > 0; });
}

Task<absl::Status> AdvisoryLocks::EndTransaction(Ctx ctx, uint64_t session) {
  return RemoveAll(std::move(ctx), Uncount(session, 1));
}

void AdvisoryLocks::EndTransactionSoon(uint64_t session) {
  std::vector<Entry> gone = Uncount(session, 1);
  if (!gone.empty()) scope_.Spawn(RemoveSoon(std::move(gone)));
}

void AdvisoryLocks::EndSession(uint64_t session) {
  EndTransactionSoon(session);
  std::vector<Entry> gone = Uncount(session, 0);
  if (!gone.empty()) scope_.Spawn(RemoveSoon(std::move(gone)));
  lost_.erase(session);
}

}  // namespace isochron::sql
