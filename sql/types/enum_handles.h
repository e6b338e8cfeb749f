// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_ENUM_HANDLES_H_
#define ISOCHRON_SQL_TYPES_ENUM_HANDLES_H_

// The versions of enums that this process knows, by number.
//
// What is equal has one number, however often it is read. A number stands for the same as long as
// the table lives, because a Type that holds it may lie anywhere: in a plan, in a prepared
// statement, in a result that is still being sent. So nothing is forgotten, and what is held is
// bounded instead: beyond `most_bytes` a version gets no number. An enum comes to a new version
// when its name or labels change, and not by restarts, by reading, or by what is done to tables.
//
// May be called by any thread; Of() takes no lock, for it is asked for every value that is shown.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>

#include "sql/types/enum_type.h"

namespace isochron::sql {

class EnumHandles {
 public:
  // At most 2^20 - 1 versions, and about `most_bytes`.
  explicit EnumHandles(size_t most_bytes) : most_bytes_(most_bytes) {}
  EnumHandles(const EnumHandles&) = delete;
  EnumHandles& operator=(const EnumHandles&) = delete;
  ~EnumHandles();

  // From 1 on; 0 for one that is new and has no room.
  uint32_t For(const EnumType& type);
  // Null for a number that none has.
  const EnumType* Of(uint32_t handle) const;

  size_t count() const;
  size_t bytes() const;
  // Three quarters are used: whoever makes versions should stop, so that others can read theirs.
  bool scarce() const { return bytes() > most_bytes_ - most_bytes_ / 4; }

 private:
  static constexpr uint32_t kInChunk = 1024, kMostChunks = 1024;
  using Chunk = std::array<std::atomic<const EnumType*>, kInChunk>;
  struct Known {
    const EnumType* type = nullptr;
    uint32_t handle = 0;
  };
  struct ByContent {
    bool operator()(const Known& a, const Known& b) const { return *a.type < *b.type; }
  };

  const size_t most_bytes_;
  mutable std::mutex mu_;  // guards known_ and bytes_, and who writes chunks_
  std::set<Known, ByContent> known_;
  size_t bytes_ = 0;
  std::array<std::atomic<Chunk*>, kMostChunks> chunks_ = {};
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_ENUM_HANDLES_H_
