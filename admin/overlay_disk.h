// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_OVERLAY_DISK_H_
#define ISOCHRON_ADMIN_OVERLAY_DISK_H_

// A Disk that reads a data folder and keeps all changes in memory: code that recovers a log runs on
// it as a node would, and nothing on the real disk changes.
//
// Whole files are read into memory when opened. One thread uses it.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/disk.h"

namespace isochron::admin {

class OverlayDisk : public Disk {
 public:
  // `folder` is the node's data folder.
  explicit OverlayDisk(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status MakeFolder(const std::string& folder) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDir(const std::string& folder) override;

  // The content of a file. NOT_FOUND when absent.
  absl::StatusOr<std::string> Read(const std::string& path);

 private:
  class MemoryFile;
  using Bytes = std::shared_ptr<std::string>;

  // Null when there is no such file. Errors of reading it.
  absl::StatusOr<Bytes> Find(const std::string& path);

  const std::string folder_;
  std::map<std::string, Bytes> files_;
  std::set<std::string> removed_;
};

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_OVERLAY_DISK_H_
