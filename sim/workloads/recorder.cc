// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/recorder.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::sim {

std::string TextOf(const std::string& value) { return value.substr(0, value.rfind('#')); }

Outcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return Outcome::kCommitted;
  return status.code() == absl::StatusCode::kUnknown ? Outcome::kUnknown : Outcome::kAborted;
}

RecordedTransaction::RecordedTransaction(Session* session, RecordedTransaction* previous)
    : session_(session),
      ctx_(session->NewContext()),
      op_(&session->history->Invoke(OpKind::kReadWrite, session->client,
                                    session->scheduler->now())) {
  auto begun = previous != nullptr && previous->rw_ != nullptr
                   ? session->store->Retry(ctx_, *previous->rw_)
                   : session->store->Begin(ctx_);
  begun_ = begun.status();
  if (begun.ok()) rw_ = std::move(*begun);
}

RecordedTransaction::RecordedTransaction(Session* session, txn::ReadOptions options)
    : session_(session),
      ctx_(session->NewContext()),
      op_(&session->history->Invoke(OpKind::kReadOnly, session->client,
                                    session->scheduler->now())) {
  op_->strong = !options.t.has_value() && !options.not_before.has_value();
  op_->local = op_->strong && options.single_read;
  op_->not_before = options.not_before.value_or(Timestamp());
  auto begun = session->store->BeginRead(ctx_, options);
  begun_ = begun.status();
  if (begun.ok()) ro_ = std::move(*begun);
}

RecordedTransaction::~RecordedTransaction() = default;

void RecordedTransaction::Step(std::string what) {
  session_->history->AddStep(*op_, session_->scheduler->now(), std::move(what));
}

void RecordedTransaction::Record(const std::string& key, const std::optional<std::string>& value) {
  if (session_->history->keeps_steps()) {
    Step(absl::StrCat(rw_ ? "holds a lock and reads " : "reads ", key, " = ",
                      value ? absl::CHexEscape(*value) : "(none)"));
  }
  auto own = buffer_.find(key);
  if (own == buffer_.end()) {
    op_->reads.push_back(ObservedRead{key, value});
  } else if (own->second != value) {
    // Shows up as a read that nobody can have written.
    op_->reads.push_back(
        ObservedRead{key, absl::StrCat("not its own write: ", value.value_or(""))});
  }
}

Task<absl::Status> RecordedTransaction::Settle(std::string first, std::string last) {
  ISO_CO_RETURN_IF_ERROR(begun_);
  std::vector<KeyRange> ranges = {KeyRange{std::move(first), KeyRange::Point(last).end}};
  co_return co_await ro_->Settle(ctx_, std::move(ranges));
}

void RecordedTransaction::Ask(const std::vector<std::string>& keys, txn::LockMode lock) {
  if (!rw_) return;
  (lock == txn::LockMode::kExclusive ? op_->exclusive : op_->shared)
      .insert(keys.begin(), keys.end());
}

Task<absl::StatusOr<std::optional<std::string>>> RecordedTransaction::Get(std::string key,
                                                                          txn::LockMode lock) {
  ISO_CO_RETURN_IF_ERROR(begun_);
  txn::ReadTransaction* t = rw_ ? rw_.get() : ro_.get();
  Ask({key}, lock);
  auto value = co_await t->Get(ctx_, key, lock);
  if (value.ok()) Record(key, *value);
  co_return value;
}

Task<absl::StatusOr<Values>> RecordedTransaction::MultiGet(std::vector<std::string> keys,
                                                           txn::LockMode lock) {
  ISO_CO_RETURN_IF_ERROR(begun_);
  txn::ReadTransaction* t = rw_ ? rw_.get() : ro_.get();
  Ask(keys, lock);
  auto values = co_await t->MultiGet(ctx_, keys, lock);
  if (values.ok()) {
    for (size_t i = 0; i < keys.size(); ++i) Record(keys[i], (*values)[i]);
  }
  co_return values;
}

Task<absl::StatusOr<Values>> RecordedTransaction::ScanAll(std::vector<std::string> keys,
                                                          txn::LockMode lock) {
  ISO_CO_RETURN_IF_ERROR(begun_);
  txn::ReadTransaction* t = rw_ ? rw_.get() : ro_.get();
  Ask(keys, lock);
  txn::ScanRequest request;
  request.range = KeyRange{keys.front(), KeyRange::Point(keys.back()).end};
  request.reverse = session_->random.OneIn(0.3);
  request.limit_rows = session_->random.OneIn(0.5) ? 0 : session_->random.Between(1, 4);
  request.lock = lock;
  std::map<std::string, std::string> found;
  while (true) {
    auto page = co_await t->Scan(ctx_, request);
    if (!page.ok()) co_return page.status();
    for (txn::KeyValue& row : page->rows) found[row.key] = row.value;
    if (!page->rest) break;
    request.range = *page->rest;
  }
  Values values;
  for (const std::string& key : keys) {
    auto it = found.find(key);
    values.push_back(it == found.end() ? std::nullopt : std::optional<std::string>(it->second));
    if (it != found.end()) found.erase(it);
    Record(key, values.back());
  }
  for (const auto& [key, value] : found) Record(key, value);  // rows that nobody wrote
  co_return values;
}

absl::Status RecordedTransaction::Put(const std::string& key, const std::string& text) {
  ISO_RETURN_IF_ERROR(begun_);
  std::string value = absl::StrCat(text, "#", op_->id);
  ISO_RETURN_IF_ERROR(rw_->Put(key, value));
  buffer_[key] = std::move(value);
  return absl::OkStatus();
}

absl::Status RecordedTransaction::Delete(const std::string& key) {
  ISO_RETURN_IF_ERROR(begun_);
  ISO_RETURN_IF_ERROR(rw_->Delete(key));
  buffer_[key] = std::nullopt;
  return absl::OkStatus();
}

Task<absl::Status> RecordedTransaction::Commit() {
  if (!begun_.ok()) {
    End(Outcome::kAborted, begun_);
    co_return begun_;
  }
  // Recorded before the commit is sent: it may take effect although nobody lives to hear of it.
  for (const auto& [key, value] : buffer_) op_->writes.push_back(RecordedWrite{key, value});
  Step(absl::StrCat("sends the commit of ", buffer_.size(), " writes"));
  auto result = co_await rw_->Commit(ctx_, txn::CommitOptions{});
  if (result.ok()) {
    op_->ts = result->commit_timestamp;
    groups_ = result->groups;
  }
  if (result.ok()) {
    const LatencyAccount& spent = ctx_->latency;
    Step(absl::StrCat("hears that it is committed at s = ", op_->ts.us, " over ", groups_,
                      " groups (waited for locks ", spent.lock_wait_us, " us, Paxos ",
                      spent.paxos_us, " us, two-phase commit ", spent.two_pc_us,
                      " us, commit wait ", spent.commit_wait_hidden_us, " us hidden and ",
                      spent.commit_wait_exposed_us, " us exposed)"));
  }
  End(OutcomeOf(result.status()), result.status());
  co_return result.status();
}

void RecordedTransaction::Finish(const absl::Status& status) {
  if (ro_ && status.ok()) op_->ts = ro_->read_timestamp();
  if (rw_) rw_->Rollback();
  End(status.ok() && op_->kind == OpKind::kReadOnly ? Outcome::kCommitted : Outcome::kAborted,
      status);
}

void RecordedTransaction::End(Outcome outcome, const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  if (!status.ok()) op_->note = absl::StrCat(op_->note, " ", status.ToString());
  session_->history->Complete(*op_, outcome, session_->scheduler->now());
}

}  // namespace isochron::sim
