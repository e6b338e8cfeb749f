// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tablet/group/group_host.h"

// Checkpoints: the store is flushed, then the log is truncated below what that covered.

namespace isochron::tablet {

void GroupHost::MaybeCheckpoint() {
  if (checkpointing_) return;
  // What no checkpoint can free (a witness may need it) is no reason for the next one.
  const uint64_t bytes = log_->TotalBytes();
  const bool log_is_large = bytes > options_.log_limit_bytes &&
                            bytes > log_after_checkpoint_ + options_.log_limit_bytes / 8;
  if (applied_since_checkpoint_ >= options_.checkpoint_entries ||
      (log_is_large && applied_since_checkpoint_ > 0)) {
    Checkpoint();
  }
}

void GroupHost::Checkpoint() {
  checkpointing_ = true;
  applied_since_checkpoint_ = 0;
  storage::WriteBatch batch;
  std::map<GroupId, LogIndex> covered;
  for (auto& [id, g] : groups_) {
    if (!g->initialised()) continue;
    g->mutable_state()->SaveFinished(&batch);
    covered[id] = MayForget(g.get(), g->state().index(), &batch);
  }
  if (!batch.empty()) {
    absl::Status written = env_.engine->Write(std::move(batch));
    if (!written.ok()) {
      env_.on_fatal(written);
      return;
    }
  }
  if (options_.sabotage.Is(Sabotage::kTruncateAtMemtable)) {
    checkpointing_ = false;
    TruncateLogs(covered);
    return;
  }
  env_.engine->FlushAsync(env_.executor, [this, covered](absl::Status flushed) {
    checkpointing_ = false;
    if (!flushed.ok()) {
      env_.on_fatal(flushed);
      return;
    }
    TruncateLogs(covered);
  });
}

// What the store has goes from the log, but for a tail that spares followers that lag a snapshot.
// The tail goes too where it lies in the older half of the log: a group that is seldom written must
// not keep segments that others filled (rule 31).
void GroupHost::TruncateLogs(const std::map<GroupId, LogIndex>& durable) {
  const uint64_t recent = log_->OldestOfNewest(options_.log_limit_bytes / 2);
  for (const auto& [id, index] : durable) {
    Group* g = Find(id);
    if (g == nullptr) continue;
    LogIndex applied = std::min(index, g->replica()->emitted_index());
    if (g->replica()->HasWitness()) {
      // It may have come while the store was flushed: nothing was settled, or saved, for it.
      applied = std::min({applied, g->replica()->Settled(), g->state().settled()});
    }
    const LogIndex upto = std::max(applied - std::min(applied, options_.keep_entries),
                                   std::min(applied, log_->LastBefore(id, recent)));
    if (upto <= g->replica()->base().index) continue;
    log_->TruncatePrefix(id, g->replica()->MarkAt(upto));
    g->replica()->Truncate(upto);
  }
  env_.observer->Reached("log.truncated");
  FlushLog();
  log_after_checkpoint_ = log_->TotalBytes();
}

}  // namespace isochron::tablet
