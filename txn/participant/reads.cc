// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/reads.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

using Spans = std::vector<KeyRange>;

Spans SpansFrom(const google::protobuf::RepeatedPtrField<peer::Span>& in) {
  Spans out;
  for (const peer::Span& s : in) out.push_back(tablet::FromProto(s));
  return out;
}

absl::Status CheckSpans(const GroupAccess& group, const Spans& spans) {
  if (spans.empty()) return absl::InvalidArgumentError("a read names no keys");
  const KeyRange own = tablet::FromProto(group.group_descriptor().range());
  for (const KeyRange& s : spans) {
    if (!own.Contains(s)) {
      return absl::OutOfRangeError(
          absl::StrCat("keys are not in group ", group.group_descriptor().group()));
    }
  }
  return absl::OkStatus();
}

// Fills in rows and what is left. Returns the greatest version examined.
absl::StatusOr<Timestamp> ReadSpans(const ServerEnv& env, GroupAccess* group, const Spans& spans,
                                    Timestamp t, ReadLimits limits, peer::ReadResponse* out) {
  Timestamp max_version;
  if (limits.bytes == 0) limits.bytes = env.options.page_bytes;
  ReadLimits left = limits;
  for (size_t i = 0; i < spans.size(); ++i) {
    auto page = group->Read(spans[i], t, left);
    if (!page.ok()) return page.status();
    max_version = std::max(max_version, page->max_version);
    uint64_t bytes = 0;
    const uint64_t rows = page->rows.size();
    for (peer::Row& row : page->rows) {
      bytes += row.key().size() + row.value().size();
      *out->add_rows() = std::move(row);
    }
    if (page->rest) tablet::ToProto(*page->rest, out->add_rest());
    const bool full = page->rest || bytes >= left.bytes || (left.rows > 0 && rows >= left.rows);
    if (full) {
      for (size_t j = i + 1; j < spans.size(); ++j) tablet::ToProto(spans[j], out->add_rest());
      break;
    }
    left.bytes -= bytes;
    if (left.rows > 0) left.rows -= rows;
  }
  return max_version;
}

// The same, by a program, over a page of its own. Nullopt where it cannot be run: then *out is as
// it was.
absl::StatusOr<std::optional<Timestamp>> RunProgram(const ServerEnv& env, GroupAccess* group,
                                                    const Spans& spans, Timestamp t, bool reverse,
                                                    absl::string_view program,
                                                    peer::ReadResponse* out) {
  if (env.programs == nullptr) return std::nullopt;
  auto run = env.programs->Start(program);
  if (!run.ok()) {
    env.observer->Reached("read.program_unknown");
    return std::nullopt;
  }
  auto given_up = [&]() -> absl::StatusOr<std::optional<Timestamp>> {
    env.observer->Reached("read.program_given_up");
    out->clear_rest();
    return std::nullopt;
  };
  Timestamp max_version;
  for (size_t i = 0; i < spans.size(); ++i) {
    auto page = group->Run(spans[i], t, {env.options.program_rows, 0, reverse}, run->get());
    // Of the store or of the program: the rows are read without it, and that shows which.
    if (!page.ok()) return given_up();
    max_version = std::max(max_version, page->max_version);
    if (!page->rest) continue;
    tablet::ToProto(*page->rest, out->add_rest());
    for (size_t j = i + 1; j < spans.size(); ++j) tablet::ToProto(spans[j], out->add_rest());
    break;
  }
  std::vector<KeyValue> results;
  if (!(*run)->Finish(&results).ok()) return given_up();
  for (KeyValue& kv : results) {
    peer::Row* row = out->add_rows();
    row->set_key(std::move(kv.key));
    row->set_value(std::move(kv.value));
  }
  out->set_program_ran(true);
  env.observer->Reached("read.program_ran");
  if (!out->rest().empty()) env.observer->Reached("read.program_paged");
  return max_version;
}

// Sabotage no-gap-locks: only rows that exist are locked.
absl::Status KeepExistingKeys(LedGroup* group, std::vector<LockSpan>* spans) {
  std::vector<LockSpan> kept;
  for (const LockSpan& s : *spans) {
    auto page = group->access()->Read(s.range, Timestamp::Max(), ReadLimits());
    if (!page.ok()) return page.status();
    for (const peer::Row& row : page->rows) kept.push_back({KeyRange::Point(row.key()), s.mode});
  }
  *spans = std::move(kept);
  return absl::OkStatus();
}

Task<absl::StatusOr<peer::GroupResponse>> DoLockedRead(LedGroup* group, Ctx ctx,
                                                       peer::LockedReadRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  const Spans spans = SpansFrom(request.spans());
  ISO_CO_RETURN_IF_ERROR(group->access()->Leading().status());
  ISO_CO_RETURN_IF_ERROR(CheckSpans(*group->access(), spans));
  if (request.exclusive()) ISO_CO_RETURN_IF_ERROR(group->CheckWrites());
  if (group->access()->Finished(attempt)) {
    co_return absl::AbortedError("the transaction's attempt has ended");
  }
  ISO_CO_RETURN_IF_ERROR(
      group->CheckLocks(attempt, request.has_epoch() ? &request.epoch() : nullptr));

  std::vector<LockSpan> wanted;
  for (const KeyRange& s : spans) {
    wanted.push_back({s, request.exclusive() ? LockMode::kExclusive : LockMode::kShared});
  }
  if (group->env().sabotage.Is(Sabotage::kNoGapLocks)) {
    ISO_CO_RETURN_IF_ERROR(KeepExistingKeys(group, &wanted));
  }
  absl::Status locked =
      co_await group->Lock(ctx, attempt, std::move(wanted), request.lock_timeout_us());
  ISO_CO_RETURN_IF_ERROR(locked);

  if (group->stopped()) co_return absl::FailedPreconditionError("leadership of the group ended");
  ISO_CO_RETURN_IF_ERROR(group->access()->Leading().status());
  ISO_CO_RETURN_IF_ERROR(CheckSpans(*group->access(), spans));
  if (!group->locks().Alive(attempt)) {
    co_return absl::AbortedError("the transaction lost its locks to an older one");
  }
  peer::GroupResponse response;
  *response.mutable_read()->mutable_epoch() = group->access()->epoch();
  auto examined = ReadSpans(group->env(), group->access(), spans, Timestamp::Max(),
                            {request.limit_rows(), request.limit_bytes(), request.reverse()},
                            response.mutable_read());
  if (!examined.ok()) co_return RefusedAnswer(examined.status());
  group->locks().NoteRead(attempt, *examined);
  if (!group->env().sabotage.Is(Sabotage::kNoFollowerGate)) {
    absl::Status gated = co_await group->access()->WaitAfter(ctx, *examined);
    ISO_CO_RETURN_IF_ERROR(gated);
  }
  co_return response;
}

// Reads at `t`, which has just become readable here, and holds the answer back (rule 2).
Task<absl::StatusOr<peer::GroupResponse>> AnswerAt(const ServerEnv* env, GroupAccess* group,
                                                   Ctx ctx,
                                                   const peer::SnapshotReadRequest* request,
                                                   Spans spans, Timestamp t) {
  ISO_CO_RETURN_IF_ERROR(CheckSpans(*group, spans));
  peer::GroupResponse response;
  response.mutable_read()->set_timestamp_us(t.us);
  std::optional<Timestamp> by_program;
  if (!request->program().empty()) {
    ISO_CO_ASSIGN_OR_RETURN(by_program, RunProgram(*env, group, spans, t, request->reverse(),
                                                   request->program(), response.mutable_read()));
  }
  absl::StatusOr<Timestamp> examined = Timestamp();
  if (by_program.has_value()) {
    examined = *by_program;
  } else {
    examined = ReadSpans(*env, group, spans, t,
                         {request->limit_rows(), request->limit_bytes(), request->reverse()},
                         response.mutable_read());
  }
  if (absl::IsUnavailable(examined.status())) co_return examined.status();
  if (!examined.ok()) co_return RefusedAnswer(examined.status());
  if (!env->sabotage.Is(Sabotage::kNoFollowerGate)) {
    absl::Status gated = co_await group->WaitAfter(ctx, *examined);
    ISO_CO_RETURN_IF_ERROR(gated);
  }
  co_return response;
}

Task<absl::StatusOr<peer::GroupResponse>> DoSnapshotRead(LedGroup* group, Ctx ctx,
                                                         peer::SnapshotReadRequest request) {
  const Spans spans = SpansFrom(request.spans());
  ISO_CO_RETURN_IF_ERROR(CheckSpans(*group->access(), spans));
  auto readable =
      co_await group->access()->WaitReadable(ctx, spans, Timestamp(request.timestamp_us()));
  ISO_CO_RETURN_IF_ERROR(readable.status());
  if (group->stopped()) co_return absl::FailedPreconditionError("leadership of the group ended");
  co_return co_await AnswerAt(&group->env(), group->access(), ctx, &request, spans, *readable);
}

Task<absl::StatusOr<peer::GroupResponse>> DoReplicaRead(const ServerEnv* env, GroupAccess* replica,
                                                        Ctx ctx,
                                                        peer::SnapshotReadRequest request) {
  const Spans spans = SpansFrom(request.spans());
  const Timestamp wanted(request.timestamp_us());
  ISO_CO_RETURN_IF_ERROR(CheckSpans(*replica, spans));
  auto safe = co_await replica->WaitSafe(ctx, spans, wanted);
  ISO_CO_RETURN_IF_ERROR(safe.status());
  co_return co_await AnswerAt(env, replica, ctx, &request, spans, *safe);
}

}  // namespace

Task<peer::GroupResponse> LockedRead(std::shared_ptr<LedGroup> group, Ctx ctx,
                                     peer::LockedReadRequest request) {
  group->Count("txn.reads.locked");
  auto response = co_await DoLockedRead(group.get(), ctx, std::move(request));
  if (!response.ok()) co_return ErrorAnswer(*group->access(), response.status());
  SetLatency(ctx->latency, &*response);
  co_return *std::move(response);
}

Task<peer::GroupResponse> SnapshotRead(std::shared_ptr<LedGroup> group, Ctx ctx,
                                       peer::SnapshotReadRequest request) {
  group->Count("txn.reads.snapshot");
  auto response = co_await DoSnapshotRead(group.get(), ctx, std::move(request));
  if (!response.ok()) co_return ErrorAnswer(*group->access(), response.status());
  SetLatency(ctx->latency, &*response);
  co_return *std::move(response);
}

Task<peer::GroupResponse> ReplicaSnapshotRead(const ServerEnv* env,
                                              std::shared_ptr<GroupAccess> replica, Ctx ctx,
                                              peer::SnapshotReadRequest request) {
  env->observer->Count("txn.reads.replica", 1);
  auto response = co_await DoReplicaRead(env, replica.get(), ctx, std::move(request));
  if (absl::IsUnavailable(response.status())) {
    co_return NotLeaderAnswer(NodeId(), response.status().message());  // the group may be gone
  }
  if (!response.ok()) co_return ErrorAnswer(*replica, response.status());
  SetLatency(ctx->latency, &*response);
  if (response->error() == peer::GROUP_OK) env->observer->Reached("read.follower_answered");
  co_return *std::move(response);
}

Task<peer::GroupResponse> Promise(std::shared_ptr<LedGroup> group, Ctx ctx,
                                  peer::PromiseRequest request) {
  auto promise = co_await group->access()->Promise(ctx, Timestamp(request.t_us()));
  if (!promise.ok()) co_return ErrorAnswer(*group->access(), promise.status());
  peer::GroupResponse response;
  *response.mutable_promise() = *std::move(promise);
  co_return response;
}

peer::GroupResponse SafeTimeOf(GroupAccess* replica, const peer::SafeTimeRequest& request) {
  auto safe = replica->SafeFor(SpansFrom(request.spans()));
  if (!safe.ok()) return ErrorAnswer(*replica, safe.status());
  peer::GroupResponse response;
  response.mutable_safe_time()->set_safe_us(safe->us);
  response.mutable_safe_time()->set_horizon_us(replica->horizon().us);
  return response;
}

}  // namespace isochron::txn
