// SPDX-License-Identifier: Apache-2.0
#include "sql/session/sequences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/wait_for.h"
#include "sql/catalog/full_name.h"
#include "sql/session/access.h"
#include "sql/session/settings.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxBlocks = 4096;
constexpr size_t kMaxDraws = 1 << 20;  // of one transaction, kept for its attempts and its replay

absl::Status NotAtHand() {
  return SqlError(sqlstate::kInternal, "a value of a sequence is not at hand");
}

}  // namespace

SequenceBlocks::SequenceBlocks(txn::Store* store, Executor* executor, TrueTime* truetime,
                               Random* random, Micros lease_us)
    : store_(store),
      executor_(executor),
      truetime_(truetime),
      random_(random),
      lease_us_(lease_us),
      self_(static_cast<int64_t>(random->Next() >> 2) + 1),
      filled_(executor) {}

bool SequenceBlocks::CanTake(TableId sequence) const {
  auto it = blocks_.find(sequence);
  if (it == blocks_.end() || it->second.left == 0) return false;
  auto now = truetime_->Now();
  return now.ok() && now->latest <= it->second.valid_until;
}

std::optional<int64_t> SequenceBlocks::Take(const TableDescriptor& sequence) {
  if (!CanTake(sequence.id)) return std::nullopt;
  Block& block = blocks_[sequence.id];
  const int64_t value = block.next;
  // The last one has none behind it: there it could overflow.
  if (--block.left > 0) block.next += sequence.sequence.increment;
  return value;
}

Task<absl::Status> SequenceBlocks::Backoff(Ctx ctx, int attempt, absl::Status last) {
  absl::Status alive = ctx->Check(executor_->MonotonicNow());
  if (!alive.ok()) {
    co_return absl::Status(alive.code(),
                           absl::StrCat(alive.message(), "; last refusal: ", last.message()));
  }
  const Micros ceiling = std::min<Micros>(100'000, Micros{1000} << std::min(attempt, 7));
  co_await SleepFor(executor_, random_->Between(ceiling / 2, ceiling));
  co_return absl::OkStatus();
}

template <typename Change>
Task<absl::StatusOr<Timestamp>> SequenceBlocks::Update(Ctx ctx, TablePtr sequence, Change change,
                                                       SequenceState* state) {
  const std::string key = SequenceRowKey(*sequence);
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store_->Begin(ctx));
  for (int attempt = 0;; ++attempt) {
    auto value = co_await txn->Get(ctx, key, txn::LockMode::kExclusive);
    absl::Status done = value.status();
    if (done.ok() && !value->has_value()) {
      txn->Rollback();
      co_return SqlError(sqlstate::kUndefinedTable,
                         absl::StrCat("relation \"", sequence->local_name(), "\" does not exist"));
    }
    if (done.ok()) {
      ISO_CO_ASSIGN_OR_RETURN(*state, DecodeSequenceRow(*sequence, **value));
      done = change(state);
      if (!done.ok()) {
        txn->Rollback();
        co_return done;
      }
      done = txn->Put(key, EncodeSequenceRow(*sequence, *state));
    }
    if (done.ok()) {
      auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
      if (committed.ok()) co_return committed->commit_timestamp;
      done = committed.status();
    }
    // Values that may have been taken are left out: the next attempt takes others.
    const bool again = done.code() == absl::StatusCode::kAborted;
    if (!again && done.code() != absl::StatusCode::kUnknown) {
      txn->Rollback();
      co_return done;
    }
    if (again) txn->Rollback();
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done));
    if (again) {
      ISO_CO_ASSIGN_OR_RETURN(txn, store_->Retry(ctx, *txn));
    } else {
      ISO_CO_ASSIGN_OR_RETURN(txn, store_->Begin(ctx));
    }
  }
}

Task<absl::Status> SequenceBlocks::Renew(Ctx ctx, TablePtr sequence) {
  ISO_CO_ASSIGN_OR_RETURN(TTInterval before, truetime_->Now());
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> txn,
                          store_->BeginReadOnly(ctx, std::nullopt));
  auto value = co_await txn->Get(ctx, SequenceRowKey(*sequence), txn::LockMode::kShared);
  if (!value.ok()) co_return value.status();
  auto it = blocks_.find(sequence->id);
  if (it == blocks_.end()) co_return absl::OkStatus();
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(const SequenceState state, DecodeSequenceRow(*sequence, **value));
    if (state.generation == it->second.generation) {
      it->second.valid_until = std::max(it->second.valid_until, before.earliest + lease_us_);
      co_return absl::OkStatus();
    }
  }
  blocks_.erase(it);
  co_return absl::OkStatus();
}

Task<absl::Status> SequenceBlocks::Fill(Ctx ctx, TablePtr sequence, int64_t count) {
  // One at a time: the others find what it brings.
  while (filling_.contains(sequence->id)) {
    ISO_CO_RETURN_IF_ERROR(co_await WaitFor(ctx, executor_, &filled_,
                                            [&] { return !filling_.contains(sequence->id); }));
    if (CanTake(sequence->id)) co_return absl::OkStatus();
  }
  filling_.insert(sequence->id);
  struct Filled {
    ~Filled() {
      blocks->filling_.erase(id);
      blocks->filled_.NotifyAll();
    }
    SequenceBlocks* const blocks;
    const TableId id;
  } filled{this, sequence->id};
  auto it = blocks_.find(sequence->id);
  if (it != blocks_.end() && it->second.left > 0) {
    ISO_CO_RETURN_IF_ERROR(co_await Renew(ctx, sequence));
    it = blocks_.find(sequence->id);
    if (it != blocks_.end() && it->second.left > 0) co_return absl::OkStatus();
  }
  ISO_CO_ASSIGN_OR_RETURN(TTInterval before, truetime_->Now());
  SequenceRun run;
  SequenceState state;
  const int64_t wanted = std::max(count, sequence->sequence.cache);
  auto committed = co_await Update(
      ctx, sequence,
      [&](SequenceState* s) -> absl::Status {
        ISO_ASSIGN_OR_RETURN(run, TakeRun(*sequence, wanted, s));
        if (s->holder != self_) s->holder = s->holder == 0 ? self_ : -1;
        return absl::OkStatus();
      },
      &state);
  if (!committed.ok()) co_return committed.status();
  auto known = blocks_.find(sequence->id);
  if (known != blocks_.end() && known->second.generation > state.generation) {
    co_return absl::OkStatus();  // set meanwhile; it asks again
  }
  if (blocks_.size() >= kMaxBlocks) blocks_.erase(blocks_.begin());
  blocks_[sequence->id] =
      Block{run.first, run.count, state.generation, before.earliest + lease_us_};
  co_return absl::OkStatus();
}

Task<absl::StatusOr<SequenceRun>> SequenceBlocks::TakeAlone(Ctx ctx, TablePtr sequence,
                                                            int64_t count) {
  SequenceRun run;
  SequenceState state;
  auto committed = co_await Update(
      ctx, sequence,
      [&](SequenceState* s) -> absl::Status {
        ISO_ASSIGN_OR_RETURN(run, TakeRun(*sequence, count, s));
        return absl::OkStatus();
      },
      &state);
  if (!committed.ok()) co_return committed.status();
  co_return run;
}

Task<absl::Status> SequenceBlocks::Set(Ctx ctx, TablePtr sequence, int64_t value, bool is_called) {
  blocks_.erase(sequence->id);
  SequenceState state;
  int64_t holder = 0;
  auto committed = co_await Update(
      ctx, sequence,
      [&](SequenceState* s) -> absl::Status {
        holder = s->holder;
        // Holders stay: whoever sets it may go before it has waited for their leases.
        *s = SequenceState{value, is_called, s->generation + 1, s->holder};
        return absl::OkStatus();
      },
      &state);
  if (!committed.ok()) co_return committed.status();
  // A block of before that is still on its way to this node is not to be taken up.
  Block& block = blocks_[sequence->id];
  if (block.generation < state.generation) block = Block{0, 0, state.generation, Timestamp()};
  if (holder == 0 || holder == self_) co_return absl::OkStatus();
  while (!truetime_->After(*committed + lease_us_)) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor_->MonotonicNow()));
    co_await SleepFor(executor_, 20'000);
  }
  co_return absl::OkStatus();
}

Draws::Draws(Catalog* catalog, SequenceBlocks* blocks, Settings* settings, bool read_only)
    : catalog_(catalog),
      blocks_(blocks),
      settings_(settings),
      memory_(&settings->sequences()),
      read_only_(read_only),
      path_(settings->path()) {}

absl::Status Draws::Allowed(const TableDescriptor& sequence, uint32_t rights) const {
  if (settings_->acts_as_bootstrap()) return absl::OkStatus();
  // Whoever runs the plan has found it (EngineImpl::CheckPlan).
  const AccessPtr& access = settings_->access();
  const bool may = access != nullptr && (access->Rights(sequence.EffectiveAcl()) & rights) != 0;
  return may ? absl::OkStatus() : NoPermission(sequence);
}

void Draws::NewAttempt() {
  cursor_ = 0;
  wanted_.reset();
  supplied_ = false;
}

absl::StatusOr<TablePtr> Draws::Find(const std::string& text) {
  auto known = found_.find(text);
  TablePtr sequence = known == found_.end() ? nullptr : known->second;
  if (sequence == nullptr) {
    ISO_ASSIGN_OR_RETURN(std::vector<std::string> names, SequenceNames(text, *path_));
    for (size_t i = 0; i < names.size() && sequence == nullptr; ++i) {
      if (inside_ == nullptr || !inside_->contains(names[i])) {
        // Where it is not known, one further on may not be meant.
        sequence = i == 0 || names.size() == 1 ? catalog_->Peek(names[i]) : nullptr;
        break;
      }
      sequence = inside_->at(names[i]);
    }
    const bool gone = sequence == nullptr && inside_ != nullptr &&
                      std::all_of(names.begin(), names.end(),
                                  [this](const auto& n) { return inside_->contains(n); });
    if (gone) {
      return SqlError(sqlstate::kUndefinedTable,
                      absl::StrCat("relation \"", text, "\" does not exist"));
    }
    if (sequence == nullptr) {
      if (!wanted_.has_value()) {
        wanted_.emplace();
        wanted_->name = text;
        wanted_->means = std::move(names);
      }
      return NotAtHand();
    }
  }
  if (sequence->kind != RelationKind::kSequence) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("\"", sequence->local_name(), "\" is not a sequence"));
  }
  return sequence;
}

const Draw* Draws::Again(TableId sequence, bool set) {
  if (cursor_ >= log_.size()) return nullptr;
  const Draw& draw = log_[cursor_];
  if (draw.sequence == sequence && draw.set == set) {
    ++cursor_;
    return &draw;
  }
  log_.resize(cursor_);
  return nullptr;
}

void Draws::Drew(const TableDescriptor& sequence, int64_t value) {
  memory_->values[sequence.id] = value;
  memory_->last = sequence.id;
}

absl::Status Draws::Next(const std::string& name, bool for_identity, Datum* out) {
  if (wanted_.has_value()) return NotAtHand();
  if (read_only_) {
    return SqlError(sqlstate::kReadOnlyTransaction,
                    "cannot execute nextval() in a read-only transaction");
  }
  ISO_ASSIGN_OR_RETURN(const TablePtr sequence, Find(name));
  // Whoever may insert may have the identity of the row.
  if (!for_identity) ISO_RETURN_IF_ERROR(Allowed(*sequence, kRightUsage | kRightUpdate));
  if (const Draw* again = Again(sequence->id, false)) {
    *out = Datum::Int(again->value);
    Drew(*sequence, again->value);
    return absl::OkStatus();
  }
  if (log_.size() >= kMaxDraws) {
    return SqlError(sqlstate::kProgramLimit,
                    absl::StrCat("a transaction draws at most ", kMaxDraws, " values of sequences"),
                    -1, "Draw fewer in one transaction.");
  }
  std::optional<int64_t> counted;
  if (sequence->sequence.cache > 1) {
    counted = blocks_->Take(*sequence);
  } else if (auto it = alone_.find(sequence->id); it != alone_.end() && it->second.count > 0) {
    counted = it->second.first;
    if (--it->second.count > 0) it->second.first += sequence->sequence.increment;
  }
  if (!counted.has_value()) {
    wanted_.emplace();
    wanted_->sequence = sequence;
    return NotAtHand();
  }
  const int64_t value = SequenceValue(*sequence, *counted);
  log_.push_back({sequence->id, value, false});
  cursor_ = log_.size();
  Drew(*sequence, value);
  *out = Datum::Int(value);
  return absl::OkStatus();
}

absl::Status Draws::Current(const std::string& name, Datum* out) {
  if (wanted_.has_value()) return NotAtHand();
  ISO_ASSIGN_OR_RETURN(const TablePtr sequence, Find(name));
  ISO_RETURN_IF_ERROR(Allowed(*sequence, kRightUsage | kRightSelect));
  auto it = memory_->values.find(sequence->id);
  if (it == memory_->values.end()) {
    return SqlError(sqlstate::kNotInPrerequisiteState,
                    absl::StrCat("currval of sequence \"", sequence->local_name(),
                                 "\" is not yet defined in this session"));
  }
  *out = Datum::Int(it->second);
  return absl::OkStatus();
}

absl::Status Draws::Last(Datum* out) {
  if (!memory_->last.has_value()) {
    return SqlError(sqlstate::kNotInPrerequisiteState,
                    "lastval is not yet defined in this session");
  }
  *out = Datum::Int(memory_->values[*memory_->last]);
  return absl::OkStatus();
}

absl::Status Draws::Set(const std::string& name, int64_t value, bool is_called, Datum* out) {
  if (wanted_.has_value()) return NotAtHand();
  if (read_only_) {
    return SqlError(sqlstate::kReadOnlyTransaction,
                    "cannot execute setval() in a read-only transaction");
  }
  ISO_ASSIGN_OR_RETURN(const TablePtr sequence, Find(name));
  ISO_RETURN_IF_ERROR(Allowed(*sequence, kRightUpdate));
  const SequenceOptions& options = sequence->sequence;
  if (value < options.min || value > options.max) {
    return SqlError(
        sqlstate::kValueOutOfRange,
        absl::StrCat("setval: value ", value, " is out of bounds for sequence \"",
                     sequence->local_name(), "\" (", options.min, "..", options.max, ")"));
  }
  *out = Datum::Int(value);
  if (Again(sequence->id, true) == nullptr) {
    wanted_.emplace();
    wanted_->sequence = sequence;
    wanted_->set = true;
    wanted_->value = value;
    wanted_->is_called = is_called;
    return NotAtHand();
  }
  if (is_called) memory_->values[sequence->id] = value;
  return absl::OkStatus();
}

void Draws::Expect(size_t rows) {
  if (wanted_.has_value()) wanted_->count = std::max<int64_t>(1, static_cast<int64_t>(rows));
}

Task<absl::Status> Draws::Supply(Ctx ctx) {
  const WantedDraw wanted = *std::move(wanted_);
  wanted_.reset();
  absl::Status done = co_await Bring(std::move(ctx), wanted);
  supplied_ = done.ok();
  co_return done;
}

Task<absl::Status> Draws::Bring(Ctx ctx, WantedDraw wanted) {
  if (wanted.sequence == nullptr) {
    for (const std::string& name : wanted.means) {
      if (inside_ != nullptr && inside_->contains(name)) {
        found_[wanted.name] = inside_->at(name);
        if (inside_->at(name) != nullptr) co_return absl::OkStatus();
        continue;
      }
      auto found = co_await catalog_->Resolve(ctx, name);
      if (found.ok()) {
        found_[wanted.name] = *std::move(found);
        co_return absl::OkStatus();
      }
      if (SqlStateOf(found.status()) != sqlstate::kUndefinedTable) co_return found.status();
    }
    co_return SqlError(sqlstate::kUndefinedTable,
                       absl::StrCat("relation \"", wanted.name, "\" does not exist"));
  }
  if (wanted.set) {
    ISO_CO_RETURN_IF_ERROR(
        co_await blocks_->Set(ctx, wanted.sequence, wanted.value, wanted.is_called));
    log_.resize(std::min(log_.size(), cursor_));
    log_.push_back({wanted.sequence->id, wanted.value, true});
    co_return absl::OkStatus();
  }
  // Where the statement does not say how many it will want, more and more: each time it runs again.
  const int64_t drawn = static_cast<int64_t>(log_.size());
  if (wanted.sequence->sequence.cache > 1) {
    co_return co_await blocks_->Fill(ctx, wanted.sequence, std::max(wanted.count, drawn));
  }
  const int64_t count = std::max<int64_t>(wanted.count, std::min<int64_t>(drawn, kSequenceBlock));
  ISO_CO_ASSIGN_OR_RETURN(alone_[wanted.sequence->id],
                          co_await blocks_->TakeAlone(ctx, wanted.sequence, count));
  co_return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SequenceNames(const std::string& text,
                                                       const SearchPath& path) {
  ISO_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitName(text));
  std::vector<std::string> out;
  if (parts.size() > 1) {
    out.push_back(FullName(parts[parts.size() - 2], parts.back()));
    return out;
  }
  for (const std::string& schema : path) out.push_back(FullName(schema, parts[0]));
  if (out.empty()) {
    return SqlError(sqlstate::kUndefinedTable,
                    absl::StrCat("relation \"", text, "\" does not exist"));
  }
  return out;
}

}  // namespace isochron::sql
