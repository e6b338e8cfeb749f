// SPDX-License-Identifier: Apache-2.0
#include "server/node/peer_checksums.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/gateway/group_status.h"

namespace isochron::server {
namespace {

// A replica that lags has so long to catch up to the timestamp.
constexpr Micros kPatienceUs = 15'000'000;
constexpr uint64_t kPageBytes = 1 << 20;

// The part of the span that the group has, by the descriptor that came with a refusal.
std::optional<KeyRange> Clipped(const peer::GroupResponse& refusal, GroupId group,
                                const KeyRange& span) {
  for (const peer::GroupDescriptor& d : refusal.descriptors()) {
    if (d.group() != group.value) continue;
    const KeyRange own = tablet::FromProto(d.range());
    if (!own.Overlaps(span)) return std::nullopt;
    KeyRange part{std::max(span.start, own.start), span.end};
    if (part.end.empty() || (!own.end.empty() && own.end < part.end)) part.end = own.end;
    return part;
  }
  return std::nullopt;
}

uint32_t Sum(const peer::ReadResponse& read) {
  uint32_t crc = 0;
  for (const peer::Row& row : read.rows()) {
    crc = ExtendCrc32c(crc, absl::StrCat(row.key().size(), ",", row.value().size(), ";"));
    crc = ExtendCrc32c(crc, row.key());
    crc = ExtendCrc32c(crc, row.value());
  }
  return crc;
}

}  // namespace

Task<absl::StatusOr<peer::GroupResponse>> PeerChecksums::Read(Ctx ctx, GroupId group, NodeId node,
                                                              Timestamp t, KeyRange span) {
  peer::GroupRequest request;
  request.set_group(group.value);
  request.set_priority(static_cast<uint32_t>(ctx->priority));
  peer::SnapshotReadRequest* read = request.mutable_snapshot_read();
  read->set_timestamp_us(t.us);
  read->set_any_replica(true);
  read->set_limit_bytes(kPageBytes);
  tablet::ToProto(span, read->add_spans());
  if (node == rpc_->self()) co_return co_await here_(std::move(ctx), std::move(request));
  rpc::CallOptions options;
  options.timeout_us = kPatienceUs;
  auto answer = co_await rpc_->Call(std::move(ctx), node, rpc::Method::kGroupRequest,
                                    request.SerializeAsString(), options);
  ISO_CO_RETURN_IF_ERROR(answer.status());
  peer::GroupResponse response;
  if (!response.ParseFromString(*answer)) {
    co_return absl::InternalError(absl::StrCat("node ", node.value, " sent what cannot be read"));
  }
  co_return response;
}

Task<absl::StatusOr<sql::ReplicaChecksum>> PeerChecksums::Checksum(Ctx ctx, GroupId group,
                                                                   NodeId node, Timestamp t,
                                                                   KeyRange span) {
  ISO_CO_ASSIGN_OR_RETURN(peer::GroupResponse response, co_await Read(ctx, group, node, t, span));
  if (response.error() == peer::WRONG_RANGE) {
    const std::optional<KeyRange> part = Clipped(response, group, span);
    if (part.has_value()) {
      span = *part;
      ISO_CO_ASSIGN_OR_RETURN(response, co_await Read(ctx, group, node, t, span));
    }
  }
  if (response.error() == peer::WRONG_RANGE) co_return absl::OutOfRangeError(response.message());
  if (response.error() != peer::GROUP_OK) co_return txn::ToStatus(response);
  sql::ReplicaChecksum sum;
  sum.rows = static_cast<uint64_t>(response.read().rows_size());
  sum.checksum = Sum(response.read());
  sum.more = response.read().rest_size() > 0;
  if (sum.more) span.end = response.read().rest(0).start();
  sum.covered = std::move(span);
  co_return sum;
}

}  // namespace isochron::server
