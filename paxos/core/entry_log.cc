// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/entry_log.h"

#include <algorithm>

#include "common/check.h"

namespace isochron::paxos {

void EntryLog::Reset(LogMark mark) {
  if (mark.index >= last()) {
    entries_.clear();
    cached_bytes_ = 0;
    cached_from_ = mark.index;
  } else {
    for (LogIndex i = base_.index; i < mark.index; ++i) {
      if (i + 1 > cached_from_) cached_bytes_ -= entries_.front().Bytes();
      entries_.pop_front();
    }
    cached_from_ = std::max(cached_from_, mark.index);
  }
  base_ = mark;
}

void EntryLog::Put(Entry entry) {
  ISO_CHECK(entry.index > base_.index && entry.index <= last() + 1, "the log has no holes");
  cached_bytes_ += entry.Bytes();
  if (entry.index == last() + 1) {
    entries_.push_back(std::move(entry));
    return;
  }
  ISO_CHECK(entry.index > cached_from_, "an applied entry is never replaced");
  Entry& old = entries_[entry.index - base_.index - 1];
  cached_bytes_ -= old.Bytes();
  old = std::move(entry);
}

void EntryLog::DropAfter(LogIndex index) {
  while (last() > index) {
    cached_bytes_ -= entries_.back().Bytes();
    entries_.pop_back();
  }
}

absl::StatusOr<std::vector<Entry>> EntryLog::Read(LogIndex lo, LogIndex hi,
                                                  size_t max_bytes) const {
  ISO_CHECK(lo > base_.index && hi <= last() && lo <= hi, "reads stay within the log");
  if (lo <= cached_from_) {
    return reader_->ReadEntries(group_, lo, std::min(hi, cached_from_), max_bytes);
  }
  std::vector<Entry> out;
  size_t bytes = 0;
  for (LogIndex i = lo; i <= hi; ++i) {
    const Entry& e = At(i);
    bytes += e.Bytes();
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(e);
  }
  return out;
}

void EntryLog::Shrink(size_t bytes, LogIndex upto) {
  while (cached_bytes_ > bytes && cached_from_ < upto) {
    Entry& e = entries_[cached_from_ - base_.index];
    cached_bytes_ -= e.Bytes();
    e.payload.reset();
    ++cached_from_;
  }
}

}  // namespace isochron::paxos
