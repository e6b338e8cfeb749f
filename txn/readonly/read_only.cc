// SPDX-License-Identifier: Apache-2.0
#include "txn/readonly/read_only.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/gateway/group_status.h"
#include "txn/gateway/join.h"
#include "txn/gateway/replica_caller.h"

namespace isochron::txn {

namespace {

// In a request, in the place of a timestamp: LastTS will do.
constexpr int64_t kLastTsUs = -1;
// A read so close to the present is the leader's: others would have to ask it, and to wait for what
// it has under way.
constexpr Micros kFreshUs = 100'000;
// A replica that does not say at once how far it is, is too far.
constexpr Micros kSettleTryUs = 300'000;
constexpr size_t kSettleTries = 2;

}  // namespace

ReadOnlyTransaction::ReadOnlyTransaction(std::shared_ptr<Gateway> gateway, ReadOptions options)
    : gateway_(std::move(gateway)),
      options_(options),
      any_replica_(options.t.has_value() || options.not_before.has_value() ||
                   options.strong_at_replica),
      reader_(gateway_->env.executor, gateway_->env.router, this, gateway_->env.limits.reads) {
  if (!options.t.has_value()) return;
  Fix(*options.t);
  const auto now = gateway_->env.truetime->Now();
  if (now.ok() && t_ > now->latest - kFreshUs) any_replica_ = options.strong_at_replica;
}

ReadOnlyTransaction::~ReadOnlyTransaction() { Fix(Timestamp()); }

void ReadOnlyTransaction::Fix(Timestamp t) {
  auto& running = gateway_->read_timestamps;
  if (t_ != Timestamp()) running.erase(running.find(t_));
  t_ = t;
  if (t_ != Timestamp()) running.insert(t_);
}

Task<std::optional<Timestamp>> ReadOnlyTransaction::SafeAtNearest(Ctx ctx, GroupId group,
                                                                  std::vector<KeyRange> spans) {
  peer::GroupRequest request;
  for (const KeyRange& s : spans) tablet::ToProto(s, request.mutable_safe_time()->add_spans());
  size_t tries = 0;
  for (NodeId node : NearestReplicas(*gateway_, group)) {
    if (++tries > kSettleTries) break;
    auto answer = co_await gateway_->env.groups->CallAt(ctx, node, group, request, kSettleTryUs);
    if (answer.ok() && answer->error() == peer::GROUP_OK) {
      co_return Timestamp(answer->safe_time().safe_us());
    }
  }
  co_return std::nullopt;
}

Task<std::optional<Timestamp>> ReadOnlyTransaction::SafeOf(Ctx ctx, std::vector<KeyRange> ranges) {
  Gateway& gateway = *gateway_;
  std::map<GroupId, std::vector<KeyRange>> by_group;
  for (KeyRange left : ranges) {
    while (!left.Empty()) {
      const GroupDescriptor* d = gateway.env.router->Find(left.start);
      if (d == nullptr || by_group.size() > gateway.env.limits.settle_groups)
        co_return std::nullopt;
      const bool last = d->range.end.empty() || (!left.end.empty() && left.end <= d->range.end);
      by_group[d->group].push_back(KeyRange{left.start, last ? left.end : d->range.end});
      if (last) break;
      left.start = d->range.end;
    }
  }
  std::vector<Task<std::optional<Timestamp>>> asked;
  for (auto& [group, spans] : by_group) {
    asked.push_back(SafeAtNearest(ctx, group, std::move(spans)));
  }
  auto answers = co_await Join(gateway.env.executor, std::move(asked),
                               [](const std::optional<Timestamp>& t) { return !t.has_value(); });
  Timestamp safe = Timestamp::Max();
  for (const auto& answer : answers) {
    if (!answer.has_value() || !answer->has_value()) co_return std::nullopt;
    safe = std::min(safe, **answer);
  }
  co_return safe;
}

Task<absl::Status> ReadOnlyTransaction::Settle(Ctx ctx, std::vector<KeyRange> ranges) {
  if (!options_.not_before.has_value() || t_ != Timestamp()) co_return absl::OkStatus();
  ISO_CO_RETURN_IF_ERROR(ctx->Check(gateway_->env.executor->MonotonicNow()));
  const std::optional<Timestamp> safe = co_await SafeOf(ctx, std::move(ranges));
  Timestamp t = *options_.not_before;
  if (safe.has_value() && *safe > t && *safe != Timestamp::Max()) {
    gateway_->env.observer->Reached("read.settled_above_bound");
    t = *safe;
  }
  Fix(t);
  co_return ctx->Check(gateway_->env.executor->MonotonicNow());
}

Task<absl::StatusOr<std::optional<std::string>>> ReadOnlyTransaction::Get(Ctx ctx, std::string key,
                                                                          LockMode lock) {
  std::vector<std::string> keys;
  keys.push_back(std::move(key));
  absl::StatusOr<std::vector<std::optional<std::string>>> values =
      co_await reader_.Points(std::move(ctx), std::move(keys), lock);
  if (!values.ok()) co_return values.status();
  co_return std::move((*values)[0]);
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> ReadOnlyTransaction::MultiGet(
    Ctx ctx, std::vector<std::string> keys, LockMode lock) {
  return reader_.Points(std::move(ctx), std::move(keys), lock);
}

Task<absl::StatusOr<ScanResponse>> ReadOnlyTransaction::Scan(Ctx ctx, ScanRequest request) {
  ScanResponse response;
  KeyRange left = request.range;
  uint64_t bytes = 0;
  while (true) {
    const uint64_t limit = request.limit_rows == 0 ? 0 : request.limit_rows - response.rows.size();
    absl::StatusOr<RangePage> page =
        co_await reader_.Range(ctx, left, limit, request.reverse, request.lock);
    if (!page.ok()) co_return page.status();
    for (KeyValue& row : page->rows) {
      bytes += row.key.size() + row.value.size();
      response.rows.push_back(std::move(row));
    }
    response.rest = std::move(page->rest);
    // Short of a limit, goes on to the next group; without one a page may be handed over.
    const bool enough = bytes >= reader_.page_bytes() ||
                        (request.limit_rows == 0 ? !response.rows.empty()
                                                 : response.rows.size() >= request.limit_rows);
    if (!response.rest.has_value() || enough) co_return response;
    left = *response.rest;
  }
}

Task<absl::StatusOr<ScanResponse>> ReadOnlyTransaction::Filter(Ctx ctx, ScanRequest request,
                                                               std::string program) {
  ScanResponse response;
  response.rest = request.range;
  while (response.rest.has_value() && response.rows.empty()) {
    absl::StatusOr<RangePage> page = co_await reader_.Range(ctx, *response.rest, request.limit_rows,
                                                            request.reverse, request.lock, program);
    if (!page.ok()) co_return page.status();
    response.rows = std::move(page->rows);
    response.rest = std::move(page->rest);
  }
  co_return response;
}

Task<absl::StatusOr<SpanPage>> ReadOnlyTransaction::ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                                              bool several) {
  Gateway& gateway = *gateway_;
  if (gateway.closed) co_return absl::UnavailableError("the node is stopping");
  if (t_ == Timestamp() && options_.not_before.has_value()) Fix(*options_.not_before);
  if (gateway.env.sabotage.Is(Sabotage::kRenegotiateMidRead) && options_.not_before.has_value()) {
    const std::optional<Timestamp> safe = co_await SafeOf(ctx, read.spans);
    if (safe.has_value()) Fix(std::max(t_, *safe));
  }
  if (t_ == Timestamp() && several) {
    absl::StatusOr<Timestamp> now = gateway.Latest();
    if (!now.ok()) co_return now.status();
    Fix(*now);
  }
  const bool last_ts = t_ == Timestamp() && options_.single_read && !any_replica_;
  asked_.insert(group);
  peer::GroupRequest request;
  peer::SnapshotReadRequest* body = request.mutable_snapshot_read();
  body->set_timestamp_us(last_ts ? kLastTsUs : t_.us);
  body->set_any_replica(any_replica_);
  for (const KeyRange& s : read.spans) {
    peer::Span* span = body->add_spans();
    span->set_start(s.start);
    span->set_end(s.end);
  }
  body->set_limit_rows(read.limit_rows);
  body->set_limit_bytes(read.limit_bytes);
  body->set_reverse(read.reverse);
  body->set_program(std::move(read.program));
  absl::StatusOr<peer::GroupResponse> response = absl::UnavailableError("not asked");
  if (any_replica_) {
    response = co_await CallReplicas(&gateway, ctx, group, std::move(request));
  } else if (t_ != Timestamp() && !body->program().empty()) {
    response = co_await CallOrStandIn(&gateway, ctx, group, std::move(request));
  } else {
    response = co_await gateway.env.groups->Call(ctx, group, std::move(request));
  }
  if (!response.ok()) co_return response.status();
  ctx->latency.Add(ToAccount(response->latency()));
  SpanPage page;
  if (response->error() == peer::WRONG_RANGE) {
    page.rerouted = true;
    co_return page;
  }
  if (response->error() != peer::GROUP_OK) co_return ToStatus(*response);
  if (t_ == Timestamp()) Fix(Timestamp(response->read().timestamp_us()));
  page.program_ran = response->read().program_ran();
  for (peer::Row& row : *response->mutable_read()->mutable_rows()) {
    page.rows.push_back(KeyValue{std::move(*row.mutable_key()), std::move(*row.mutable_value())});
  }
  for (const peer::Span& s : response->read().rest()) {
    page.rest.push_back(KeyRange{s.start(), s.end()});
  }
  co_return page;
}

}  // namespace isochron::txn
