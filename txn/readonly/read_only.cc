// SPDX-License-Identifier: Apache-2.0
#include "txn/readonly/read_only.h"

#include <utility>

#include "common/status_macros.h"
#include "txn/gateway/group_status.h"

namespace isochron::txn {

ReadOnlyTransaction::ReadOnlyTransaction(std::shared_ptr<Gateway> gateway,
                                         std::optional<Timestamp> t)
    : gateway_(std::move(gateway)),
      t_(t.value_or(Timestamp())),
      reader_(gateway_->env.executor, gateway_->env.router, this, gateway_->env.limits.reads) {}

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
  while (true) {
    const uint64_t limit = request.limit_rows == 0 ? 0 : request.limit_rows - response.rows.size();
    absl::StatusOr<RangePage> page =
        co_await reader_.Range(ctx, left, limit, request.reverse, request.lock);
    if (!page.ok()) co_return page.status();
    for (KeyValue& row : page->rows) response.rows.push_back(std::move(row));
    response.rest = std::move(page->rest);
    // Short of a limit, goes on to the next group; without one a page may be handed over.
    const bool enough = request.limit_rows == 0 ? !response.rows.empty()
                                                : response.rows.size() >= request.limit_rows;
    if (!response.rest.has_value() || enough) co_return response;
    left = *response.rest;
  }
}

Task<absl::StatusOr<SpanPage>> ReadOnlyTransaction::ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                                              bool several) {
  Gateway& gateway = *gateway_;
  if (gateway.closed) co_return absl::UnavailableError("the node is stopping");
  if (t_ == Timestamp() && several) {
    absl::StatusOr<Timestamp> now = gateway.Latest();
    if (!now.ok()) co_return now.status();
    t_ = *now;
  }
  peer::GroupRequest request;
  peer::SnapshotReadRequest* body = request.mutable_snapshot_read();
  body->set_timestamp_us(t_.us);
  for (const KeyRange& s : read.spans) {
    peer::Span* span = body->add_spans();
    span->set_start(s.start);
    span->set_end(s.end);
  }
  body->set_limit_rows(read.limit_rows);
  body->set_limit_bytes(read.limit_bytes);
  body->set_reverse(read.reverse);
  absl::StatusOr<peer::GroupResponse> response =
      co_await gateway.env.groups->Call(ctx, group, std::move(request));
  if (!response.ok()) co_return response.status();
  ctx->latency.Add(ToAccount(response->latency()));
  SpanPage page;
  if (response->error() == peer::WRONG_RANGE) {
    page.rerouted = true;
    co_return page;
  }
  if (response->error() != peer::GROUP_OK) co_return ToStatus(*response);
  if (t_ == Timestamp()) t_ = Timestamp(response->read().timestamp_us());
  for (peer::Row& row : *response->mutable_read()->mutable_rows()) {
    page.rows.push_back(KeyValue{std::move(*row.mutable_key()), std::move(*row.mutable_value())});
  }
  for (const peer::Span& s : response->read().rest()) {
    page.rest.push_back(KeyRange{s.start(), s.end()});
  }
  co_return page;
}

}  // namespace isochron::txn
