// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/read_write.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/gateway/group_status.h"

namespace isochron::txn {
namespace {

// A scan with a row limit asks for as many rows more as it deleted itself, but not for any number.
constexpr uint64_t kMostExtraRows = 1000;

}  // namespace

GatewayTransaction::GatewayTransaction(std::shared_ptr<Gateway> gateway, TxnAttempt id)
    : gateway_(std::move(gateway)),
      held_(std::make_shared<Held>()),
      begun_us_(gateway_->env.executor->MonotonicNow()),
      buffer_(gateway_->env.limits.writes),
      reader_(gateway_->env.executor, gateway_->env.router, this, gateway_->env.limits.reads) {
  held_->id = id;
  ++gateway_->open;
}

GatewayTransaction::~GatewayTransaction() {
  Rollback();
  --gateway_->open;
}

absl::Status GatewayTransaction::Usable(const Ctx& ctx) const {
  if (held_->finished) {
    return absl::FailedPreconditionError("the transaction has ended");
  }
  if (gateway_->closed) return absl::UnavailableError("the node is stopping");
  if (!held_->doomed.ok()) return held_->doomed;
  const Micros now = gateway_->env.executor->MonotonicNow();
  const Micros limit = gateway_->env.limits.max_age_us;
  if (now - begun_us_ > limit) {
    return absl::ResourceExhaustedError(absl::StrCat("the transaction is older than the limit of ",
                                                     limit / 1'000'000, " s; run it again"));
  }
  return ctx->Check(now);
}

// ---- reading ----

Task<absl::StatusOr<std::optional<std::string>>> GatewayTransaction::Get(Ctx ctx, std::string key,
                                                                         LockMode lock) {
  std::vector<std::string> keys;
  keys.push_back(std::move(key));
  absl::StatusOr<std::vector<std::optional<std::string>>> values =
      co_await MultiGet(std::move(ctx), std::move(keys), lock);
  if (!values.ok()) co_return values.status();
  co_return std::move((*values)[0]);
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> GatewayTransaction::MultiGet(
    Ctx ctx, std::vector<std::string> keys, LockMode lock) {
  ISO_CO_RETURN_IF_ERROR(Usable(ctx));
  std::vector<std::optional<std::string>> values(keys.size());
  std::vector<std::string> stored;
  std::vector<size_t> places;
  for (size_t i = 0; i < keys.size(); ++i) {
    // What this transaction wrote itself is what it reads: nobody else is asked.
    if (const WriteBuffer::Value* own = buffer_.Find(keys[i]); own != nullptr) {
      values[i] = *own;
    } else {
      places.push_back(i);
      stored.push_back(std::move(keys[i]));
    }
  }
  if (!stored.empty()) {
    absl::StatusOr<std::vector<std::optional<std::string>>> got =
        co_await reader_.Points(std::move(ctx), std::move(stored), lock);
    if (!got.ok()) co_return got.status();
    for (size_t i = 0; i < places.size(); ++i) values[places[i]] = std::move((*got)[i]);
  }
  co_return values;
}

Task<absl::StatusOr<ScanResponse>> GatewayTransaction::Scan(Ctx ctx, ScanRequest request) {
  ISO_CO_RETURN_IF_ERROR(Usable(ctx));
  ScanResponse response;
  KeyRange left = request.range;
  size_t bytes = 0;
  while (!left.Empty()) {
    uint64_t wanted = 0;
    if (request.limit_rows > 0) {
      wanted = request.limit_rows - response.rows.size() + buffer_.Deletions(left, kMostExtraRows);
    }
    absl::StatusOr<RangePage> page =
        co_await reader_.Range(ctx, left, wanted, request.reverse, request.lock);
    if (!page.ok()) co_return page.status();
    KeyRange covered = left;
    if (page->rest.has_value()) {
      if (request.reverse) {
        covered.start = page->rest->end;
      } else {
        covered.end = page->rest->start;
      }
    }
    std::vector<KeyValue> rows = buffer_.Overlay(std::move(page->rows), covered, request.reverse);
    for (KeyValue& row : rows) {
      if (request.limit_rows > 0 && response.rows.size() == request.limit_rows) {
        // More than wanted: what follows the last row given is still to be read.
        const std::string& last = response.rows.back().key;
        response.rest = request.reverse ? KeyRange{left.start, last}
                                        : KeyRange{KeyRange::Point(last).end, left.end};
        co_return response;
      }
      bytes += row.key.size() + row.value.size();
      response.rows.push_back(std::move(row));
    }
    response.rest = std::move(page->rest);
    if (!response.rest.has_value()) co_return response;
    if (request.limit_rows > 0 && response.rows.size() == request.limit_rows) co_return response;
    if (bytes >= reader_.page_bytes() || (request.limit_rows == 0 && bytes > 0)) co_return response;
    left = *response.rest;
  }
  co_return response;
}

Task<absl::StatusOr<SpanPage>> GatewayTransaction::ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                                             bool /*several*/) {
  ISO_CO_RETURN_IF_ERROR(Usable(ctx));
  peer::GroupRequest request;
  peer::LockedReadRequest* body = request.mutable_locked_read();
  tablet::ToProto(held_->id, body->mutable_txn());
  for (const KeyRange& s : read.spans) tablet::ToProto(s, body->add_spans());
  body->set_exclusive(read.lock == LockMode::kExclusive);
  body->set_limit_rows(read.limit_rows);
  body->set_limit_bytes(read.limit_bytes);
  body->set_reverse(read.reverse);
  body->set_lock_timeout_us(ctx->lock_timeout_us);
  auto known = held_->epochs.find(group);
  if (known != held_->epochs.end()) *body->mutable_epoch() = known->second;
  // The first lock anywhere starts the heartbeats.
  if (held_->asked.empty()) gateway_->scope.Spawn(Heartbeats(gateway_.get(), held_));
  held_->asked.insert(group);

  absl::StatusOr<peer::GroupResponse> response =
      co_await gateway_->env.groups->Call(ctx, group, std::move(request));
  if (!response.ok()) co_return response.status();
  ctx->latency.Add(ToAccount(response->latency()));
  SpanPage page;
  if (response->error() == peer::WRONG_RANGE) {
    page.rerouted = true;
    co_return page;
  }
  if (response->error() == peer::TXN_ABORTED) {
    held_->doomed = absl::AbortedError(response->message());
    co_return held_->doomed;
  }
  if (response->error() != peer::GROUP_OK) co_return ToStatus(*response);
  auto [epoch, first] = held_->epochs.try_emplace(group, response->read().epoch());
  if (!first && !tablet::SameEpoch(epoch->second, response->read().epoch())) {
    held_->doomed = absl::AbortedError(absl::StrCat("the locks of the transaction in ",
                                                    ToString(group), " were lost with its leader"));
    co_return held_->doomed;
  }
  for (peer::Row& row : *response->mutable_read()->mutable_rows()) {
    page.rows.push_back(KeyValue{std::move(*row.mutable_key()), std::move(*row.mutable_value())});
  }
  for (const peer::Span& s : response->read().rest()) page.rest.push_back(tablet::FromProto(s));
  co_return page;
}

// ---- writing ----

absl::Status GatewayTransaction::Put(std::string key, std::string value) {
  if (held_->finished) return absl::FailedPreconditionError("the transaction has ended");
  return buffer_.Put(std::move(key), std::move(value));
}

absl::Status GatewayTransaction::Delete(std::string key) {
  if (held_->finished) return absl::FailedPreconditionError("the transaction has ended");
  return buffer_.Delete(std::move(key));
}

// ---- ending ----

void GatewayTransaction::Rollback() {
  if (held_->finished) return;
  held_->finished = true;
  ReleaseLocks(gateway_.get(), held_->id,
               std::vector<GroupId>(held_->asked.begin(), held_->asked.end()));
}

Task<absl::StatusOr<CommitPlan>> GatewayTransaction::Plan(Ctx ctx, CommitOptions options) {
  CommitPlan plan;
  plan.id = held_->id;
  plan.s_max = options.s_max;
  for (const auto& [group, epoch] : held_->epochs) plan.parts[group].epoch = epoch;
  for (const auto& [key, value] : buffer_.writes()) {
    const GroupDescriptor* d = gateway_->env.router->Find(key);
    while (d == nullptr) {
      ISO_CO_RETURN_IF_ERROR(Usable(ctx));
      (void)co_await gateway_->env.router->Refresh(ctx);
      d = gateway_->env.router->Find(key);
      if (d != nullptr) break;
      co_await SleepFor(gateway_->env.executor, 20'000);
      d = gateway_->env.router->Find(key);
    }
    peer::Write write;
    write.set_key(key);
    write.set_tombstone(!value.has_value());
    if (value.has_value()) write.set_value(*value);
    plan.parts[d->group].writes.push_back(std::move(write));
  }
  co_return plan;
}

Task<absl::StatusOr<CommitResult>> GatewayTransaction::Commit(Ctx ctx, CommitOptions options) {
  if (held_->finished) co_return absl::FailedPreconditionError("the transaction has ended");
  absl::Status usable = Usable(ctx);
  if (!usable.ok()) {
    Rollback();
    co_return usable;
  }
  absl::StatusOr<CommitPlan> plan = co_await Plan(ctx, options);
  // Nothing was sent yet, so every reason to stop is a clean one.
  if (plan.ok() && !held_->doomed.ok()) plan = held_->doomed;
  if (!plan.ok()) {
    Rollback();
    co_return plan.status();
  }
  if (plan->parts.empty()) {
    held_->finished = true;
    co_return CommitResult{};
  }
  // Locks that were asked for, without an answer, are in no part: they are given back at the end.
  std::vector<GroupId> stray;
  for (GroupId group : held_->asked) {
    if (!plan->parts.contains(group)) stray.push_back(group);
  }
  OneShot<CommitReport> reported(gateway_->env.executor);
  gateway_->scope.Spawn(RunCommit(gateway_.get(), *std::move(plan), reported));
  // From here on only the outcome tells; giving up is not knowing (invariant 10).
  held_->finished = true;
  auto given_up = [reported, id = held_->id]() mutable {
    CommitReport report;
    report.result = absl::UnknownError(
        absl::StrCat("the outcome of transaction ", ToString(id),
                     " was not awaited: it may have been committed; look before running it again"));
    reported.Set(std::move(report));
  };
  Executor* const executor = gateway_->env.executor;
  const Executor::TimerId timer = executor->PostAfter(
      std::max<Micros>(0, ctx->deadline_us() - executor->MonotonicNow()), given_up);
  const uint64_t cancel_id = ctx->OnCancel(given_up);
  CommitReport report = co_await reported;
  executor->Cancel(timer);
  ctx->RemoveOnCancel(cancel_id);
  ctx->latency.Add(report.latency);
  ReleaseLocks(gateway_.get(), held_->id, stray);
  co_return std::move(report.result);
}

Task<void> GatewayTransaction::RunCommit(Gateway* gateway, CommitPlan plan,
                                         OneShot<CommitReport> report) {
  CommitReport r = co_await DriveCommit(gateway, std::move(plan));
  report.Set(std::move(r));
}

// ---- heartbeats ----

Task<void> GatewayTransaction::Heartbeats(Gateway* gateway, std::shared_ptr<Held> held) {
  while (true) {
    co_await SleepFor(gateway->env.executor, gateway->env.limits.heartbeat_us);
    if (held->finished || !held->doomed.ok()) co_return;
    for (const auto& [group, epoch] : held->epochs) {
      gateway->scope.Spawn(Beat(gateway, held, group, epoch));
    }
  }
}

Task<void> GatewayTransaction::Beat(Gateway* gateway, std::shared_ptr<Held> held, GroupId group,
                                    peer::LockEpoch epoch) {
  peer::GroupRequest request;
  tablet::ToProto(held->id, request.mutable_heartbeat()->mutable_txn());
  *request.mutable_heartbeat()->mutable_epoch() = epoch;
  Ctx ctx = gateway->MakeCtx(gateway->env.limits.heartbeat_us * 2);
  absl::StatusOr<peer::GroupResponse> response =
      co_await gateway->env.groups->Call(std::move(ctx), group, std::move(request));
  if (!response.ok() || held->finished) co_return;
  const bool lost = response->error() == peer::TXN_ABORTED ||
                    (response->error() == peer::GROUP_OK && !response->heartbeat().alive());
  if (lost && held->doomed.ok()) {
    const std::string why = response->message().empty()
                                ? "the transaction lost its locks; run it again"
                                : response->message();
    held->doomed = absl::AbortedError(why);
  }
}

}  // namespace isochron::txn
