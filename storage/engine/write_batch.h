// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_WRITE_BATCH_H_
#define ISOCHRON_STORAGE_ENGINE_WRITE_BATCH_H_

// Changes that an Engine takes all together or not at all, in order: a later one wins over an
// earlier one, also within the batch.
//
// The bytes are those of a RocksDB write batch (12 bytes of header, then operations), so that
// RocksDB takes them over without copying; whoever else reads them uses ForEach. A value type
// without locks.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace isochron::storage {

class WriteBatch {
 public:
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual void Put(absl::string_view key, absl::string_view value) = 0;
    virtual void Delete(absl::string_view key) = 0;
    virtual void DeleteRange(absl::string_view begin, absl::string_view end) = 0;
  };

  WriteBatch() { Clear(); }

  void Put(absl::string_view key, absl::string_view value);
  // No effect where the key is absent.
  void Delete(absl::string_view key);
  // Deletes [begin, end). Dear to read over afterwards: for whole groups, not for rows. No effect
  // when begin >= end.
  void DeleteRange(absl::string_view begin, absl::string_view end);
  // Adds the operations of `other` behind those here.
  void Append(const WriteBatch& other);

  void Clear();
  bool empty() const { return count_ == 0; }
  uint32_t count() const { return count_; }
  size_t ByteSize() const { return rep_.size(); }
  void ForEach(Visitor* visitor) const;

  // RocksDB's bytes; the batch is empty afterwards.
  std::string Take();

 private:
  void Record(uint8_t type, absl::string_view a);
  void Record(uint8_t type, absl::string_view a, absl::string_view b);
  std::string rep_;
  uint32_t count_ = 0;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_WRITE_BATCH_H_
