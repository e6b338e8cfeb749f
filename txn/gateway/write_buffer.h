// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_WRITE_BUFFER_H_
#define ISOCHRON_TXN_GATEWAY_WRITE_BUFFER_H_

// The writes of a transaction that nobody else sees yet, in key order, and their merging into what
// is read (rule 17). Savepoints are positions in a log of what each write replaced.
//
// Owned by one transaction; plain data, no I/O.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/request_context.h"
#include "common/types.h"
#include "txn/api/transaction.h"

namespace isochron::txn {

struct WriteLimits {
  size_t key_bytes = 8 << 10;
  size_t value_bytes = 10 << 20;
  size_t total_bytes = 64 << 20;
  std::shared_ptr<MemoryBudget> node;  // of all open transactions of the node; may be null
};

class WriteBuffer {
 public:
  // nullopt: the key is deleted.
  using Value = std::optional<std::string>;

  explicit WriteBuffer(WriteLimits limits) : limits_(std::move(limits)) {}
  ~WriteBuffer() {
    if (limits_.node) limits_.node->Release(static_cast<int64_t>(bytes_));
  }
  WriteBuffer(const WriteBuffer&) = delete;
  WriteBuffer& operator=(const WriteBuffer&) = delete;

  // RESOURCE_EXHAUSTED beyond a limit; the buffer is then unchanged.
  absl::Status Put(std::string key, std::string value);
  absl::Status Delete(std::string key);

  size_t Mark() const { return undo_.size(); }
  void RollbackTo(size_t mark);

  bool empty() const { return current_.empty(); }
  const std::map<std::string, Value>& writes() const { return current_; }
  // The buffered write of `key`; null when there is none.
  const Value* Find(const std::string& key) const;
  // Deletions in `range`, counted up to `most`.
  uint64_t Deletions(const KeyRange& range, uint64_t most) const;

  // Rows of `base` (what is stored in `range`, complete, in scan order) with the buffer laid over.
  std::vector<KeyValue> Overlay(std::vector<KeyValue> base, const KeyRange& range,
                                bool reverse) const;

 private:
  struct Replaced {
    std::string key;
    std::optional<Value> before;  // nullopt: there was no write
  };
  absl::Status Set(std::string key, Value value);

  const WriteLimits limits_;
  std::map<std::string, Value> current_;
  std::vector<Replaced> undo_;
  size_t bytes_ = 0;  // of both
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_WRITE_BUFFER_H_
