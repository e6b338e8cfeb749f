// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sessions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "common/wait_for.h"
#include "server/rpc/status_codec.h"
#include "server/rpc/value_codec.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;
using ReadOnly = spanner::TransactionOptions::ReadOnly;

constexpr absl::string_view kSessionsPart = "/sessions/";

// The part of a name that the table is keyed by; empty if there is none.
std::string IdOf(absl::string_view name) {
  const size_t part = name.rfind(kSessionsPart);
  if (part == absl::string_view::npos) return "";
  return std::string(name.substr(part + kSessionsPart.size()));
}

}  // namespace

Task<absl::Status> Turn::Enter(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(co_await WaitFor(ctx, executor_, &waiters_, [this] { return !taken_; }));
  taken_ = true;
  co_return absl::OkStatus();
}

void Turn::Leave() {
  taken_ = false;
  waiters_.NotifyAll();
}

SessionUse::SessionUse(std::shared_ptr<ApiSession> session, Executor* executor)
    : session_(std::move(session)), executor_(executor) {
  ++session_->requests;
  session_->last_use_us = executor_->MonotonicNow();
}

SessionUse::~SessionUse() {
  --session_->requests;
  session_->last_use_us = executor_->MonotonicNow();
}

Sessions::Sessions(sql::Engine* engine, Executor* executor, TrueTime* truetime, Options options)
    : engine_(engine),
      executor_(executor),
      truetime_(truetime),
      options_(std::move(options)),
      random_(options_.seed) {}

Task<absl::StatusOr<std::shared_ptr<sql::Session>>> Sessions::Open(Ctx ctx, std::string name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 6 || parts[0] != "projects" || parts[2] != "instances" ||
      parts[4] != "databases") {
    co_return absl::InvalidArgumentError(absl::StrCat("\"", name,
                                                      "\" does not name a database; write "
                                                      "projects/isochron/instances/default/"
                                                      "databases/",
                                                      options_.database));
  }
  if (parts[5] == options_.database) co_return Pooled();
  auto opened = co_await engine_->Open(std::move(ctx), parts[5]);
  if (absl::IsNotFound(opened.status())) {
    co_return absl::NotFoundError(absl::StrCat("Database not found: ", name));
  }
  if (!opened.ok()) co_return opened.status();
  co_return std::shared_ptr<sql::Session>(*std::move(opened));
}

Task<absl::Status> Sessions::CheckDatabase(Ctx ctx, std::string name) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, co_await Open(std::move(ctx), std::move(name)));
  GiveBack(std::move(session));
  co_return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ApiSession>> Sessions::Create(const std::string& database,
                                                             std::shared_ptr<sql::Session> in,
                                                             const spanner::Session& wanted) {
  if (sessions_.size() >= options_.max_sessions) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "this node has ", sessions_.size(),
        " sessions, its limit; delete some, or use one multiplexed session for many requests"));
  }
  auto session = std::make_shared<ApiSession>(executor_);
  std::string id = NewId();
  session->name = absl::StrCat(database, kSessionsPart, id);
  session->database = database;
  if (in->database() == options_.database) {
    GiveBack(std::move(in));
  } else {
    session->own = std::move(in);
  }
  session->labels.insert(wanted.labels().begin(), wanted.labels().end());
  session->creator_role = wanted.creator_role();
  session->multiplexed = wanted.multiplexed();
  session->last_use_us = executor_->MonotonicNow();
  if (truetime_ != nullptr) {
    if (auto now = truetime_->Now(); now.ok()) session->create_time = now->latest;
  }
  sessions_.emplace(std::move(id), session);
  return session;
}

absl::StatusOr<std::shared_ptr<ApiSession>> Sessions::Find(absl::string_view name) {
  auto it = sessions_.find(IdOf(name));
  if (it != sessions_.end() && name == it->second->name) return it->second;
  return SessionNotFound(name);
}

void Sessions::Delete(absl::string_view name) {
  // Requests under way keep the session; its transactions end with the last of them.
  if (Find(name).ok()) sessions_.erase(IdOf(name));
}

std::string Sessions::List(const std::string& database, const std::string& token, int limit,
                           std::vector<std::shared_ptr<ApiSession>>* out) const {
  std::string last;
  for (auto it = sessions_.upper_bound(token); it != sessions_.end(); ++it) {
    if (it->second->database != database) continue;
    if (static_cast<int>(out->size()) >= limit) return last;
    out->push_back(it->second);
    last = it->first;
  }
  return "";
}

void Sessions::Describe(const ApiSession& session, spanner::Session* out) const {
  out->set_name(session.name);
  for (const auto& [key, value] : session.labels) (*out->mutable_labels())[key] = value;
  if (session.create_time.us != 0) {
    EncodeTime(session.create_time, out->mutable_create_time());
    const Micros idle = executor_->MonotonicNow() - session.last_use_us;
    if (auto now = truetime_->Now(); now.ok()) {
      EncodeTime(std::max(session.create_time, now->latest - idle),
                 out->mutable_approximate_last_use_time());
    }
  }
  out->set_creator_role(session.creator_role);
  out->set_multiplexed(session.multiplexed);
}

absl::StatusOr<std::shared_ptr<ApiTransaction>> Sessions::Begin(
    Ctx ctx, ApiSession* session, const spanner::TransactionOptions& options, bool choose_now) {
  if (session->transactions.size() - session->finished.size() >= options_.max_open_transactions) {
    return absl::ResourceExhaustedError(
        "too many transactions are open on this session; commit or roll back some");
  }
  auto txn = std::make_shared<ApiTransaction>(executor_, NewId());
  txn->last_use_us = executor_->MonotonicNow();
  if (!options.has_partitioned_dml()) {
    sql::TransactionOptions wanted;
    wanted.read_only = options.has_read_only();
    if (wanted.read_only) {
      const ReadOnly& read_only = options.read_only();
      if (read_only.has_min_read_timestamp() || read_only.has_max_staleness()) {
        return absl::InvalidArgumentError(
            "min_read_timestamp and max_staleness are for single-use transactions only; use "
            "read_timestamp or exact_staleness");
      }
      ISO_ASSIGN_OR_RETURN(wanted.bound, DecodeBound(read_only));
      const bool strong = wanted.bound.kind == sql::ReadBound::Kind::kStrong;
      if (strong && choose_now && read_only.return_read_timestamp() && truetime_ != nullptr) {
        ISO_ASSIGN_OR_RETURN(const TTInterval now, truetime_->Now());
        wanted.bound = {sql::ReadBound::Kind::kReadTimestamp, now.latest.us};
      }
    }
    const std::string& before = options.read_write().multiplexed_session_previous_transaction_id();
    if (auto it = session->transactions.find(before); it != session->transactions.end()) {
      wanted.previous = it->second->txn;
    }
    txn->session = Own(session);
    ISO_ASSIGN_OR_RETURN(txn->txn, txn->session->Begin(std::move(ctx), std::move(wanted)));
  }
  session->transactions.emplace(txn->id, txn);
  return txn;
}

absl::StatusOr<std::shared_ptr<ApiTransaction>> Sessions::FindTransaction(ApiSession* session,
                                                                          const std::string& id) {
  auto it = session->transactions.find(id);
  if (it == session->transactions.end()) {
    return absl::NotFoundError(
        "Transaction not found: it ended long ago, was idle for too long, or was begun on another "
        "session or node; begin another");
  }
  it->second->last_use_us = executor_->MonotonicNow();
  return it->second;
}

void Sessions::Finish(ApiSession* session, ApiTransaction* txn) {
  if (txn->finished) return;
  txn->finished = true;
  txn->slot.Release();
  session->finished.push_back(txn->id);
  while (session->finished.size() > options_.finished_transactions) {
    session->transactions.erase(session->finished.front());
    session->finished.pop_front();
  }
}

std::shared_ptr<sql::Session> Sessions::Own(ApiSession* session) {
  if (!session->own) session->own = engine_->NewSession();
  return session->own;
}

std::shared_ptr<sql::Session> Sessions::Borrow(ApiSession* session) {
  if (session->own && session->own->database() != options_.database) return session->own->Another();
  return Pooled();
}

std::shared_ptr<sql::Session> Sessions::Pooled() {
  if (pool_.empty()) return engine_->NewSession();
  std::shared_ptr<sql::Session> session = std::move(pool_.back());
  pool_.pop_back();
  return session;
}

void Sessions::GiveBack(std::shared_ptr<sql::Session> session) {
  const bool first = session->database() == options_.database;
  if (first && pool_.size() < options_.max_pooled) pool_.push_back(std::move(session));
}

void Sessions::SweepTransactions(ApiSession* session, Micros now) {
  std::vector<std::shared_ptr<ApiTransaction>> abandoned;
  for (auto& [id, txn] : session->transactions) {
    const bool idle = now - txn->last_use_us >= options_.transaction_idle_us;
    if (idle && !txn->finished && !txn->turn.taken()) abandoned.push_back(txn);
  }
  for (const auto& txn : abandoned) {
    if (txn->txn) txn->txn->Rollback();
    txn->idle_too_long = true;
    Finish(session, txn.get());
  }
}

void Sessions::Sweep() {
  const Micros now = executor_->MonotonicNow();
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    ApiSession* s = it->second.get();
    SweepTransactions(s, now);
    // One that failed, or was idle for too long, holds nothing any more.
    const bool inside_begin = s->own && s->own->transaction_status() == 'T';
    const Micros limit = inside_begin ? options_.transaction_idle_us : options_.session_idle_us;
    if (s->requests == 0 && now - s->last_use_us >= limit) {
      it = sessions_.erase(it);
    } else {
      ++it;
    }
  }
}

std::string Sessions::NewId() { return absl::StrFormat("%016x", random_.Next()); }

absl::StatusOr<sql::ReadBound> DecodeBound(const ReadOnly& read_only) {
  using Kind = sql::ReadBound::Kind;
  const auto at = [](Kind kind, absl::StatusOr<Timestamp> t) -> absl::StatusOr<sql::ReadBound> {
    ISO_RETURN_IF_ERROR(t.status());
    return sql::ReadBound{kind, t->us};
  };
  const auto since = [](Kind kind, absl::StatusOr<Micros> us) -> absl::StatusOr<sql::ReadBound> {
    ISO_RETURN_IF_ERROR(us.status());
    return sql::ReadBound{kind, *us};
  };
  switch (read_only.timestamp_bound_case()) {
    case ReadOnly::kReadTimestamp:
      return at(Kind::kReadTimestamp, DecodeTime(read_only.read_timestamp()));
    case ReadOnly::kMinReadTimestamp:
      return at(Kind::kMinReadTimestamp, DecodeTime(read_only.min_read_timestamp()));
    case ReadOnly::kExactStaleness:
      return since(Kind::kExactStaleness, DecodeDuration(read_only.exact_staleness()));
    case ReadOnly::kMaxStaleness:
      return since(Kind::kMaxStaleness, DecodeDuration(read_only.max_staleness()));
    case ReadOnly::kStrong:
    case ReadOnly::TIMESTAMP_BOUND_NOT_SET:
      return sql::ReadBound{};
  }
  return absl::InvalidArgumentError("unknown timestamp bound");
}

}  // namespace isochron::rpc
