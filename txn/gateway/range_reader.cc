// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/range_reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/status_macros.h"
#include "txn/gateway/join.h"

namespace isochron::txn {
namespace {

// True if end `a` lies before end `b`; empty is the end of the key space.
bool EndBefore(const std::string& a, const std::string& b) {
  if (a.empty()) return false;
  return b.empty() || a < b;
}

KeyRange Intersect(const KeyRange& a, const KeyRange& b) {
  return KeyRange{std::max(a.start, b.start), EndBefore(a.end, b.end) ? a.end : b.end};
}

bool Failed(const absl::StatusOr<SpanPage>& r) { return !r.ok(); }

}  // namespace

std::vector<RangeReader::Piece> RangeReader::Cut(const KeyRange& range, bool reverse,
                                                 size_t most) const {
  std::vector<Piece> pieces;
  KeyRange left = range;
  while (!left.Empty() && pieces.size() < most) {
    const GroupDescriptor* d = reverse ? router_->FindBefore(left.end) : router_->Find(left.start);
    if (d == nullptr) break;
    KeyRange piece = Intersect(left, d->range);
    const bool last = reverse ? piece.start <= left.start : !EndBefore(piece.end, left.end);
    if (reverse) {
      left.end = piece.start;
    } else {
      left.start = piece.end;
    }
    pieces.push_back(Piece{d->group, std::move(piece)});
    if (last) break;
  }
  return pieces;
}

Task<absl::Status> RangeReader::Reroute(Ctx ctx, bool hole) {
  ISO_CO_RETURN_IF_ERROR(ctx->Check(executor_->MonotonicNow()));
  ++reroutes_;
  // A stale entry was usually mended by the answer that said so; the published rows lag behind.
  if (hole || reroutes_ % 3 == 0) {
    absl::Status read = co_await router_->Refresh(ctx);
    if (read.ok() && !hole) co_return read;
  }
  if (hole || reroutes_ > 1) {
    const Micros wait = options_.reroute_backoff_us << std::min(reroutes_, 6);
    co_await SleepFor(executor_, wait);
  }
  co_return ctx->Check(executor_->MonotonicNow());
}

// Follows the pages of point reads, whose answer must be whole.
Task<absl::StatusOr<SpanPage>> RangeReader::WholeSpans(Ctx ctx, GroupId group, SpanRead read,
                                                       bool several) {
  SpanPage whole;
  while (true) {
    absl::StatusOr<SpanPage> page = co_await reader_->ReadGroup(ctx, group, read, several);
    if (!page.ok()) co_return page.status();
    if (page->rerouted) {
      // Rows of earlier pages are read again elsewhere.
      whole = SpanPage();
      whole.rerouted = true;
      co_return whole;
    }
    for (KeyValue& row : page->rows) whole.rows.push_back(std::move(row));
    if (page->rest.empty()) co_return whole;
    read.spans = std::move(page->rest);
  }
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> RangeReader::Points(
    Ctx ctx, std::vector<std::string> keys, LockMode lock) {
  if (keys.size() == 1) co_return co_await Point(std::move(ctx), std::move(keys[0]), lock);
  std::map<std::string, std::optional<std::string>> found;
  for (const std::string& key : keys) found[key];
  std::vector<std::string> missing;
  for (const auto& [key, value] : found) missing.push_back(key);
  reroutes_ = 0;
  while (!missing.empty()) {
    std::map<GroupId, std::vector<std::string>> by_group;
    bool hole = false;
    for (const std::string& key : missing) {
      const GroupDescriptor* d = router_->Find(key);
      hole = hole || d == nullptr;
      if (d != nullptr) by_group[d->group].push_back(key);
    }
    if (hole) {
      ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, true));
      continue;
    }
    std::vector<Task<absl::StatusOr<SpanPage>>> reads;
    for (const auto& [group, group_keys] : by_group) {
      SpanRead read;
      read.lock = lock;
      read.limit_bytes = options_.page_bytes;
      for (const std::string& key : group_keys) read.spans.push_back(KeyRange::Point(key));
      reads.push_back(WholeSpans(ctx, group, std::move(read), by_group.size() > 1));
    }
    auto pages = co_await Join(executor_, std::move(reads), Failed);
    for (const auto& page : pages) {
      if (page.has_value() && !page->ok()) co_return page->status();
    }
    missing.clear();
    size_t i = 0;
    for (auto& [group, group_keys] : by_group) {
      SpanPage& page = **pages[i++];
      if (page.rerouted) {
        for (std::string& key : group_keys) missing.push_back(std::move(key));
      }
      for (KeyValue& row : page.rows) found[row.key] = std::move(row.value);
    }
    if (!missing.empty()) ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, false));
  }
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const std::string& key : keys) values.push_back(found[key]);
  co_return values;
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> RangeReader::Point(Ctx ctx,
                                                                                 std::string key,
                                                                                 LockMode lock) {
  reroutes_ = 0;
  while (true) {
    const GroupDescriptor* d = router_->Find(key);
    if (d == nullptr) {
      ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, true));
      continue;
    }
    SpanRead read;
    read.lock = lock;
    read.limit_bytes = options_.page_bytes;
    read.spans.push_back(KeyRange::Point(key));
    absl::StatusOr<SpanPage> page = co_await WholeSpans(ctx, d->group, std::move(read), false);
    if (!page.ok()) co_return page.status();
    if (!page->rerouted) {
      std::vector<std::optional<std::string>> value(1);
      if (!page->rows.empty()) value[0] = std::move(page->rows[0].value);
      co_return value;
    }
    ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, false));
  }
}

Task<absl::StatusOr<RangePage>> RangeReader::Range(Ctx ctx, KeyRange range, uint64_t limit_rows,
                                                   bool reverse, LockMode lock,
                                                   std::string program) {
  RangePage page;
  if (range.Empty()) co_return page;
  reroutes_ = 0;
  const std::string& begins = reverse ? range.end : range.start;
  const bool continued = continued_at_.has_value() && *continued_at_ == begins;
  continued_at_.reset();
  const size_t at_once = continued || limit_rows > 0 ? 1 : options_.groups_at_once;
  std::vector<Piece> pieces;
  std::vector<std::optional<absl::StatusOr<SpanPage>>> results;
  while (true) {
    pieces = Cut(range, reverse, at_once);
    if (pieces.empty()) {
      ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, true));
      continue;
    }
    // One group out of several is no read of one group alone: later pages go elsewhere.
    const bool several = pieces[0].range != range;
    std::vector<Task<absl::StatusOr<SpanPage>>> reads;
    for (const Piece& p : pieces) {
      SpanRead read;
      read.spans = {p.range};
      read.limit_rows = limit_rows;
      read.limit_bytes = options_.page_bytes;
      read.reverse = reverse;
      read.lock = lock;
      read.program = program;
      reads.push_back(reader_->ReadGroup(ctx, p.group, std::move(read), several));
    }
    results = co_await Join(executor_, std::move(reads), Failed);
    for (const auto& r : results) {
      if (r.has_value() && !r->ok()) co_return r->status();
    }
    if (!(*results[0])->rerouted) break;
    ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, false));
  }
  // Takes over pages up to the first that is not whole.
  KeyRange left = range;
  for (size_t i = 0; i < pieces.size(); ++i) {
    SpanPage& got = **results[i];
    if (got.rerouted) break;
    for (KeyValue& row : got.rows) page.rows.push_back(std::move(row));
    const KeyRange& piece = pieces[i].range;
    const bool last = reverse ? piece.start == range.start : piece.end == range.end;
    if (!got.rest.empty()) {
      if (reverse) {
        left.end = got.rest[0].end;
      } else {
        left.start = got.rest[0].start;
      }
      continued_at_ = reverse ? left.end : left.start;
      page.rest = left;
      co_return page;
    }
    if (last) co_return page;
    if (reverse) {
      left.end = piece.start;
    } else {
      left.start = piece.end;
    }
  }
  page.rest = left;
  co_return page;
}

Task<absl::StatusOr<ReduceResponse>> RangeReader::Reduce(Ctx ctx, ReduceRequest request) {
  ReduceResponse response;
  std::vector<KeyRange> left = std::move(request.ranges);
  reroutes_ = 0;
  while (true) {
    std::vector<Piece> pieces;
    bool hole = false;
    for (const KeyRange& range : left) {
      if (range.Empty()) continue;
      const std::vector<Piece> cut = Cut(range, false, options_.groups_at_once - pieces.size());
      hole = hole || (cut.empty() && pieces.size() < options_.groups_at_once);
      KeyRange uncut = range;
      for (const Piece& p : cut) {
        uncut.start = p.range.end;
        pieces.push_back(p);
      }
      const bool whole = !cut.empty() && cut.back().range.end == range.end;
      if (!whole) response.rest.push_back(std::move(uncut));
    }
    if (pieces.empty() && !hole) co_return response;
    const bool several = pieces.size() > 1 || !response.rest.empty();
    std::vector<Task<absl::StatusOr<SpanPage>>> reads;
    for (const Piece& p : pieces) {
      SpanRead read;
      read.spans = {p.range};
      read.limit_bytes = options_.page_bytes;
      read.program = request.program;
      reads.push_back(reader_->ReadGroup(ctx, p.group, std::move(read), several));
    }
    auto pages = co_await Join(executor_, std::move(reads), Failed);
    for (const auto& page : pages) {
      if (page.has_value() && !page->ok()) co_return page->status();
    }
    bool read = false;
    for (size_t i = 0; i < pieces.size(); ++i) {
      SpanPage& page = **pages[i];
      if (page.rerouted) {
        response.rest.push_back(pieces[i].range);
        continue;
      }
      read = true;
      std::vector<KeyValue>* out = page.program_ran ? &response.results : &response.rows;
      response.pages += page.program_ran ? 1 : 0;
      for (KeyValue& row : page.rows) out->push_back(std::move(row));
      for (KeyRange& rest : page.rest) response.rest.push_back(std::move(rest));
    }
    if (read) co_return response;
    ISO_CO_RETURN_IF_ERROR(co_await Reroute(ctx, hole));
    left = std::exchange(response.rest, {});
  }
}

}  // namespace isochron::txn
