// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/memory_disk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace isochron::paxos {

class MemoryDisk::MemoryFile : public File {
 public:
  MemoryFile(MemoryDisk* disk, std::shared_ptr<Data> data) : disk_(disk), data_(std::move(data)) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    Put(&data_->written, offset, data);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t n) override {
    if (offset >= data_->written.size()) return std::string();
    return data_->written.substr(offset, n);
  }
  absl::StatusOr<uint64_t> Size() override { return data_->written.size(); }
  absl::Status Preallocate(uint64_t size) override {
    if (disk_->full_) return absl::ResourceExhaustedError("no space left on the disk");
    if (data_->written.size() < size) data_->written.resize(size);
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t size) override {
    data_->written.resize(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    ++disk_->syncs_;
    if (disk_->sync_status_.ok()) data_->synced = data_->written;
    return disk_->sync_status_;
  }
  void WriteAndSyncAsync(uint64_t offset, std::string data,
                         absl::AnyInvocable<void(absl::Status)> done) override {
    disk_->queue_.push_back(Write{data_, offset, std::move(data), std::move(done)});
  }

 private:
  MemoryDisk* disk_;
  std::shared_ptr<Data> data_;
};

void MemoryDisk::Put(std::string* bytes, uint64_t offset, absl::string_view data) {
  if (bytes->size() < offset + data.size()) bytes->resize(offset + data.size());
  bytes->replace(offset, data.size(), data.data(), data.size());
}

absl::StatusOr<std::unique_ptr<File>> MemoryDisk::Open(const std::string& path, bool create) {
  auto it = files_.find(path);
  if (it == files_.end()) {
    if (!create) return absl::NotFoundError(path);
    it = files_.emplace(path, std::make_shared<Data>()).first;
  }
  return std::make_unique<MemoryFile>(this, it->second);
}

absl::StatusOr<std::vector<std::string>> MemoryDisk::List(const std::string& folder) {
  std::vector<std::string> out;
  const std::string prefix = folder + "/";
  for (const auto& [path, data] : files_) {
    if (path.compare(0, prefix.size(), prefix) == 0) out.push_back(path.substr(prefix.size()));
  }
  return out;
}

absl::Status MemoryDisk::Rename(const std::string& from, const std::string& to) {
  auto it = files_.find(from);
  if (it == files_.end()) return absl::NotFoundError(from);
  files_[to] = it->second;
  files_.erase(from);
  return absl::OkStatus();
}

absl::Status MemoryDisk::Remove(const std::string& path) {
  return files_.erase(path) == 1 ? absl::OkStatus() : absl::NotFoundError(path);
}

bool MemoryDisk::CompleteOne() {
  if (queue_.empty()) return false;
  Write w = std::move(queue_.front());
  queue_.pop_front();
  ++syncs_;
  Put(&w.file->written, w.offset, w.data);
  if (sync_status_.ok()) w.file->synced = w.file->written;
  w.done(sync_status_);
  return true;
}

void MemoryDisk::PowerCrash(Random* random) {
  constexpr size_t kSector = 512;
  for (Write& w : queue_) Put(&w.file->written, w.offset, w.data);
  queue_.clear();
  for (auto& [path, data] : files_) {
    std::string after = data->written;
    data->synced.resize(after.size());
    for (size_t at = 0; at < after.size(); at += kSector) {
      const size_t n = std::min(kSector, after.size() - at);
      if (after.compare(at, n, data->synced, at, n) == 0) continue;
      const uint64_t fate = random->Below(3);
      if (fate == 0) after.replace(at, n, data->synced, at, n);
      if (fate == 1) {  // torn within the sector
        const size_t kept = random->Below(n);
        after.replace(at + kept, n - kept, data->synced, at + kept, n - kept);
      }
    }
    data->written = after;
    data->synced = after;
  }
}

}  // namespace isochron::paxos
