// SPDX-License-Identifier: Apache-2.0
#include "sql/types/enum_handles.h"

#include <memory>

namespace isochron::sql {
namespace {

// About what it takes with its place in the table.
size_t BytesOf(const EnumType& type) {
  constexpr size_t kPlace = 128;
  size_t bytes = kPlace + sizeof(EnumType) + type.full_name.size() + type.name.size() +
                 type.array_name.size() + type.shown.size() + type.shown_array.size();
  for (const EnumLabel& label : type.labels) bytes += sizeof(EnumLabel) + label.name.size();
  return bytes;
}

}  // namespace

EnumHandles::~EnumHandles() {
  for (const Known& k : known_) delete k.type;
  for (const auto& chunk : chunks_) delete chunk.load();
}

uint32_t EnumHandles::For(const EnumType& type) {
  const std::lock_guard<std::mutex> lock(mu_);
  if (auto it = known_.find({&type, 0}); it != known_.end()) return it->handle;
  const size_t bytes = BytesOf(type);
  const auto handle = static_cast<uint32_t>(known_.size() + 1);
  if (handle >= kInChunk * kMostChunks || bytes > most_bytes_ - bytes_) return 0;
  std::atomic<Chunk*>& chunk = chunks_[handle / kInChunk];
  if (chunk.load(std::memory_order_relaxed) == nullptr) {
    chunk.store(new Chunk(), std::memory_order_release);
  }
  const auto* kept = new EnumType(type);
  (*chunk.load(std::memory_order_relaxed))[handle % kInChunk].store(kept,
                                                                    std::memory_order_release);
  known_.insert({kept, handle});
  bytes_ += bytes;
  return handle;
}

const EnumType* EnumHandles::Of(uint32_t handle) const {
  if (handle >= kInChunk * kMostChunks) return nullptr;
  const Chunk* chunk = chunks_[handle / kInChunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : (*chunk)[handle % kInChunk].load(std::memory_order_acquire);
}

size_t EnumHandles::count() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return known_.size();
}

size_t EnumHandles::bytes() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return bytes_;
}

}  // namespace isochron::sql
