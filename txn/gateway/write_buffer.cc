// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/write_buffer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::txn {
namespace {

constexpr size_t kOverheadBytes = 64;  // of an entry, map node and log

size_t SizeOf(const std::string& key, const WriteBuffer::Value& value) {
  return kOverheadBytes + key.size() + (value.has_value() ? value->size() : 0);
}

}  // namespace

absl::Status WriteBuffer::Put(std::string key, std::string value) {
  if (key.size() > limits_.key_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a key of ", key.size(), " bytes exceeds the limit of ", limits_.key_bytes));
  }
  if (value.size() > limits_.value_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a row of ", value.size(), " bytes exceeds the limit of ", limits_.value_bytes));
  }
  return Set(std::move(key), std::move(value));
}

absl::Status WriteBuffer::Delete(std::string key) { return Set(std::move(key), std::nullopt); }

absl::Status WriteBuffer::Set(std::string key, Value value) {
  const size_t more = SizeOf(key, value);
  if (bytes_ + more > limits_.total_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the transaction's writes exceed the limit of ", limits_.total_bytes,
                     " bytes; commit in smaller parts"));
  }
  if (limits_.node) {
    if (absl::Status s = limits_.node->Charge(static_cast<int64_t>(more)); !s.ok()) return s;
  }
  bytes_ += more;
  Replaced replaced;
  replaced.key = key;
  auto [it, inserted] = current_.try_emplace(std::move(key));
  if (!inserted) replaced.before = std::move(it->second);
  it->second = std::move(value);
  undo_.push_back(std::move(replaced));
  return absl::OkStatus();
}

void WriteBuffer::RollbackTo(size_t mark) {
  ISO_CHECK(mark <= undo_.size(), "a savepoint lies in the past");
  while (undo_.size() > mark) {
    Replaced& last = undo_.back();
    auto it = current_.find(last.key);
    const size_t size = SizeOf(it->first, it->second);
    bytes_ -= size;
    if (limits_.node) limits_.node->Release(static_cast<int64_t>(size));
    if (last.before.has_value()) {
      it->second = *std::move(last.before);
    } else {
      current_.erase(it);
    }
    undo_.pop_back();
  }
}

const WriteBuffer::Value* WriteBuffer::Find(const std::string& key) const {
  auto it = current_.find(key);
  return it == current_.end() ? nullptr : &it->second;
}

uint64_t WriteBuffer::Deletions(const KeyRange& range, uint64_t most) const {
  uint64_t n = 0;
  for (auto it = current_.lower_bound(range.start);
       it != current_.end() && range.Contains(it->first) && n < most; ++it) {
    if (!it->second.has_value()) ++n;
  }
  return n;
}

std::vector<KeyValue> WriteBuffer::Overlay(std::vector<KeyValue> base, const KeyRange& range,
                                           bool reverse) const {
  auto from = current_.lower_bound(range.start);
  if (from == current_.end() || !range.Contains(from->first)) return base;
  auto to = range.end.empty() ? current_.end() : current_.lower_bound(range.end);
  std::vector<KeyValue> merged;
  merged.reserve(base.size());
  size_t next = 0;
  auto one = [&](const std::string& key, const Value& value) {
    while (next < base.size() && (reverse ? base[next].key > key : base[next].key < key)) {
      merged.push_back(std::move(base[next++]));
    }
    if (next < base.size() && base[next].key == key) ++next;
    if (value.has_value()) merged.push_back(KeyValue{key, *value});
  };
  if (reverse) {
    for (auto it = to; it != from;) {
      --it;
      one(it->first, it->second);
    }
  } else {
    for (auto it = from; it != to; ++it) one(it->first, it->second);
  }
  for (; next < base.size(); ++next) merged.push_back(std::move(base[next]));
  return merged;
}

}  // namespace isochron::txn
