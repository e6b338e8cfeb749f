// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_DISK_H_
#define ISOCHRON_COMMON_DISK_H_

// The Disk seam: the few file operations that the log and the small durable files use. (RocksDB has
// its own files; the Engine seam stands for it.)
//
// Written bytes are durable only after a Sync that returned OK; a file's existence and name only
// after SyncDir of its folder. A failed sync is final: the caller stops the process (rule 34). A
// file that cannot be made or extended for want of space fails with RESOURCE_EXHAUSTED. Paths are
// relative to the node's data folder, '/'-separated.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron {

class File {
 public:
  virtual ~File() = default;
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view data) = 0;
  // Reads up to n bytes; fewer at the end of the file.
  virtual absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t n) = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Extends the file with zeros to at least `size` and allocates its blocks.
  virtual absl::Status Preallocate(uint64_t size) = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;
  virtual absl::Status Sync() = 0;

  // Writes then syncs without blocking the loop: on the disk thread (real) or after a virtual delay
  // (simulated). Calls on one file take effect in order. `done` runs on the Executor.
  virtual void WriteAndSyncAsync(uint64_t offset, std::string data,
                                 absl::AnyInvocable<void(absl::Status)> done) = 0;
};

struct DiskSpace {
  uint64_t free_bytes = 0;  // that this process may use
  uint64_t total_bytes = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;
  // Opens for reading and writing. NOT_FOUND when absent and !create.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  virtual absl::Status MakeFolder(const std::string& folder) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status SyncDir(const std::string& folder) = 0;
  // Of the disk that holds the data folder. UNIMPLEMENTED where nobody knows.
  virtual absl::StatusOr<DiskSpace> Space() {
    return absl::UnimplementedError("the free space of this disk is not known");
  }
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_DISK_H_
