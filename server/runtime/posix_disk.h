// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_POSIX_DISK_H_
#define ISOCHRON_SERVER_RUNTIME_POSIX_DISK_H_

// The real Disk: files below one data folder, synced with fdatasync.
//
// WriteAndSyncAsync hands the write to the disk's one thread, which takes all that is queued,
// writes it in order, syncs each file once, and posts the completions to the Executor: what queued
// up while a sync ran shares the next one.
//
// A failed write or sync is final for its file (rule 34: the kernel may have dropped the dirty
// pages, and a second fdatasync would then report success). Every later call on it fails as well.
//
// Threading: Disk and File calls from the loop's thread; they block, but for WriteAndSyncAsync. A
// File may be destroyed with writes queued: they are still carried out. The Disk outlives its
// Files; its destructor finishes what is queued, and drops completions that did not run yet.

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/disk.h"
#include "common/executor.h"
#include "server/runtime/mutex.h"

namespace isochron::runtime {

class PosixDisk final : public Disk {
 public:
  // `root` must exist (DataFolder makes it). NOT_FOUND or PERMISSION_DENIED name it.
  static absl::StatusOr<std::unique_ptr<PosixDisk>> Make(const std::string& root,
                                                         Executor* executor);
  ~PosixDisk() override;

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status MakeFolder(const std::string& folder) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDir(const std::string& folder) override;
  absl::StatusOr<DiskSpace> Space() override;

  const std::string& root() const { return root_; }

 private:
  friend class PosixFile;
  struct Handle;  // the descriptor and its sticky error
  struct Job {
    std::shared_ptr<Handle> handle;
    uint64_t offset;
    std::string data;
    absl::AnyInvocable<void(absl::Status)> done;
  };

  PosixDisk(std::string root, int root_fd, Executor* executor);
  void Enqueue(Job job);
  void ThreadMain();
  void Carry(std::vector<Job> jobs);

  const std::string root_;
  const int root_fd_;
  Executor* const executor_;
  // Cleared on the loop's thread, where completions look at it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  Mutex mu_;
  CondVar changed_;
  std::vector<Job> queue_ ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_POSIX_DISK_H_
