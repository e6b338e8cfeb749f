// SPDX-License-Identifier: Apache-2.0
#include "sql/session/private_writer.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// So much is held before it goes ahead; a statement that never waits may bring more.
constexpr size_t kHeldBytes = 4 << 20;
constexpr size_t kMostBytes = 64 << 20;
constexpr size_t kAtOnceBytes = 1 << 20;
constexpr size_t kPerKey = 64;
constexpr Micros kRetryUs = 20'000;

}  // namespace

void PrivateWriter::Add(std::string prefix) {
  if (!IsPrivate(prefix)) prefixes_.push_back(std::move(prefix));
}

size_t PrivateWriter::Adopt(size_t inner_mark) {
  marks_.push_back({inner_mark, 0, 0});
  return marks_.size() - 1;
}

bool PrivateWriter::IsPrivate(absl::string_view key) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [key](const std::string& p) { return absl::StartsWith(key, p); });
}

absl::Status PrivateWriter::status() const {
  if (!broken_) return absl::OkStatus();
  return SqlError(sqlstate::kUnsupported,
                  "rows that were loaded in bulk into a new table cannot be taken back by a "
                  "savepoint",
                  -1, "ROLLBACK the transaction.");
}

absl::Status PrivateWriter::Hold(std::string key, Value value) {
  ISO_RETURN_IF_ERROR(status());
  const size_t bytes = key.size() + (value.has_value() ? value->size() : 0) + kPerKey;
  if (held_bytes_ + bytes > kMostBytes) {
    return absl::ResourceExhaustedError("a statement writes too much");
  }
  auto it = held_.find(key);
  Undo undo{key, std::nullopt};
  if (it == held_.end()) {
    held_.emplace(std::move(key), std::move(value));
  } else {
    undo.before = std::move(it->second);
    it->second = std::move(value);
  }
  held_bytes_ += bytes;
  undo_.push_back(std::move(undo));
  return absl::OkStatus();
}

absl::Status PrivateWriter::Put(std::string key, std::string value) {
  if (!IsPrivate(key)) return inner_->Put(std::move(key), std::move(value));
  return Hold(std::move(key), std::move(value));
}

absl::Status PrivateWriter::Delete(std::string key) {
  if (!IsPrivate(key)) return inner_->Delete(std::move(key));
  return Hold(std::move(key), std::nullopt);
}

size_t PrivateWriter::Mark() const {
  marks_.push_back({inner_->Mark(), undo_.size(), gone_});
  return marks_.size() - 1;
}

void PrivateWriter::RollbackToMark(size_t mark) {
  const Point point = marks_[mark];
  marks_.resize(mark + 1);
  inner_->RollbackToMark(point.inner);
  if (point.gone != gone_) broken_ = true;
  const size_t to = point.gone == gone_ ? point.undo : 0;
  while (undo_.size() > to) {
    Undo& undo = undo_.back();
    if (undo.before.has_value()) {
      held_[undo.key] = *std::move(undo.before);
    } else {
      held_.erase(undo.key);
    }
    undo_.pop_back();
  }
}

Task<absl::Status> PrivateWriter::SendSome(Ctx ctx,
                                           const std::vector<std::pair<std::string, Value>>* some) {
  for (;;) {
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store_->Begin(ctx));
    for (const auto& [key, value] : *some) {
      ISO_CO_RETURN_IF_ERROR(value.has_value() ? txn->Put(key, *value) : txn->Delete(key));
    }
    absl::Status done = (co_await txn->Commit(ctx, txn::CommitOptions{})).status();
    // One of unknown outcome may be carried out later, over what is written here meanwhile: the ids
    // are given up with the attempt, so that it lands where nobody looks.
    if (done.code() == absl::StatusCode::kUnknown) {
      co_return absl::AbortedError("rows were loaded ahead, and whether they arrived is unknown");
    }
    const bool again = done.code() == absl::StatusCode::kAborted;
    if (!again) co_return done;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(store_->executor()->MonotonicNow()));
    co_await SleepFor(store_->executor(), kRetryUs);
  }
}

Task<absl::Status> PrivateWriter::SendAhead(Ctx ctx) {
  if (held_.empty()) co_return absl::OkStatus();
  ++gone_;
  undo_.clear();
  while (!held_.empty()) {
    std::vector<std::pair<std::string, Value>> some;
    size_t bytes = 0;
    auto it = held_.begin();
    for (; it != held_.end() && bytes < kAtOnceBytes; ++it) {
      bytes += it->first.size() + (it->second.has_value() ? it->second->size() : 0);
      some.emplace_back(it->first, it->second);
    }
    absl::Status sent = co_await SendSome(ctx, &some);
    if (!sent.ok()) {
      broken_ = true;
      co_return sent;
    }
    held_.erase(held_.begin(), it);
  }
  held_bytes_ = 0;
  co_return absl::OkStatus();
}

Task<absl::Status> PrivateWriter::Relieve(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(status());
  if (held_bytes_ < kHeldBytes) co_return absl::OkStatus();
  co_return co_await SendAhead(std::move(ctx));
}

Task<absl::Status> PrivateWriter::Finish(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(status());
  if (gone_ > 0) co_return co_await SendAhead(std::move(ctx));
  for (auto& [key, value] : held_) {
    ISO_CO_RETURN_IF_ERROR(value.has_value() ? inner_->Put(key, *std::move(value))
                                             : inner_->Delete(key));
  }
  held_.clear();
  held_bytes_ = 0;
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::optional<std::string>>> PrivateWriter::Get(Ctx ctx, std::string key,
                                                                    txn::LockMode lock) {
  if (!IsPrivate(key)) co_return co_await inner_->Get(ctx, std::move(key), lock);
  std::vector<std::string> keys = {std::move(key)};
  ISO_CO_ASSIGN_OR_RETURN(auto found, co_await MultiGet(ctx, std::move(keys), lock));
  co_return std::move(found[0]);
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> PrivateWriter::MultiGet(
    Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) {
  std::vector<std::optional<std::string>> out(keys.size());
  std::vector<std::string> others, gone;
  std::vector<size_t> at_others, at_gone;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!IsPrivate(keys[i])) {
      others.push_back(keys[i]);
      at_others.push_back(i);
    } else if (auto it = held_.find(keys[i]); it != held_.end()) {
      out[i] = it->second;
    } else if (gone_ > 0) {
      gone.push_back(keys[i]);
      at_gone.push_back(i);
    }
  }
  if (!others.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(auto found, co_await inner_->MultiGet(ctx, std::move(others), lock));
    for (size_t i = 0; i < found.size(); ++i) out[at_others[i]] = std::move(found[i]);
  }
  if (!gone.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                            store_->BeginReadOnly(ctx, std::nullopt));
    ISO_CO_ASSIGN_OR_RETURN(auto found, co_await reader->MultiGet(ctx, std::move(gone), lock));
    for (size_t i = 0; i < found.size(); ++i) out[at_gone[i]] = std::move(found[i]);
  }
  // Whoever writes locks first: a place to make room.
  ISO_CO_RETURN_IF_ERROR(co_await Relieve(ctx));
  co_return out;
}

Task<absl::StatusOr<txn::ScanResponse>> PrivateWriter::Scan(Ctx ctx, txn::ScanRequest request) {
  if (!IsPrivate(request.range.start)) co_return co_await inner_->Scan(ctx, std::move(request));
  if (gone_ > 0) {
    ISO_CO_RETURN_IF_ERROR(co_await SendAhead(ctx));
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                            store_->BeginReadOnly(ctx, std::nullopt));
    co_return co_await reader->Scan(ctx, std::move(request));
  }
  txn::ScanResponse out;
  const auto from = held_.lower_bound(request.range.start);
  const auto to = request.range.end.empty() ? held_.end() : held_.lower_bound(request.range.end);
  for (auto it = from; it != to; ++it) {
    if (it->second.has_value()) out.rows.push_back({it->first, *it->second});
  }
  if (request.reverse) std::reverse(out.rows.begin(), out.rows.end());
  if (request.limit_rows > 0 && out.rows.size() > request.limit_rows) {
    out.rows.resize(request.limit_rows);
    out.rest = request.range;
    const std::string& last = out.rows.back().key;
    (request.reverse ? out.rest->end : out.rest->start) = request.reverse ? last : last + '\0';
  }
  co_return out;
}

Task<absl::StatusOr<txn::CommitResult>> PrivateWriter::Commit(Ctx ctx, txn::CommitOptions options) {
  ISO_CO_RETURN_IF_ERROR(co_await Finish(ctx));
  co_return co_await inner_->Commit(std::move(ctx), options);
}

}  // namespace isochron::sql
