// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LOG_MEMORY_DISK_H_
#define ISOCHRON_PAXOS_LOG_MEMORY_DISK_H_

// A disk in memory for tests of what is above it: completes asynchronous writes when told to, and
// at a power crash loses, keeps or tears what was not synced. (The simulator has its own, with more
// faults.)

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/disk.h"
#include "common/random.h"

namespace isochron::paxos {

class MemoryDisk : public Disk {
 public:
  struct Data {
    std::string written;
    std::string synced;
  };

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status MakeFolder(const std::string&) override { return absl::OkStatus(); }
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDir(const std::string&) override { return absl::OkStatus(); }

  // Completes the oldest outstanding WriteAndSyncAsync. False if there is none.
  bool CompleteOne();
  void CompleteAll() {
    while (CompleteOne()) {
    }
  }
  size_t outstanding() const { return queue_.size(); }
  // Unsynced blocks are each kept or lost; outstanding writes may have reached the disk in part.
  void PowerCrash(Random* random);
  // As after kill -9: outstanding writes are forgotten, written bytes stay.
  void ProcessCrash() { queue_.clear(); }

  std::string& Written(const std::string& path) { return files_[path]->written; }
  bool Exists(const std::string& path) const { return files_.contains(path); }
  void FailSyncs(absl::Status status) { sync_status_ = std::move(status); }
  // No file can be extended ahead of its writes.
  void SetFull(bool full) { full_ = full; }
  int syncs() const { return syncs_; }

 private:
  class MemoryFile;
  struct Write {
    std::shared_ptr<Data> file;
    uint64_t offset;
    std::string data;
    absl::AnyInvocable<void(absl::Status)> done;
  };
  static void Put(std::string* bytes, uint64_t offset, absl::string_view data);

  std::map<std::string, std::shared_ptr<Data>> files_;
  std::deque<Write> queue_;
  absl::Status sync_status_;
  bool full_ = false;
  int syncs_ = 0;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LOG_MEMORY_DISK_H_
