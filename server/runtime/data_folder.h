// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_DATA_FOLDER_H_
#define ISOCHRON_SERVER_RUNTIME_DATA_FOLDER_H_

// A node's data folder: one process at a time, and only a folder that is ours.
//
// LOCK is held with flock for the life of this object, so that the kernel frees it whatever way the
// process dies. FORMAT names the folder's format version; a folder that holds files but no FORMAT
// is somebody else's and is refused untouched.

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace isochron::runtime {

inline constexpr int kDataFormatVersion = 1;

class DataFolder {
 public:
  // Makes the folder (not its parents' parents) where absent, checks and locks it.
  //   ALREADY_EXISTS       in use by another process
  //   FAILED_PRECONDITION  foreign or of a newer format
  //   PERMISSION_DENIED and others of the system: cannot be made or written
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::string& path() const { return path_; }
  // True when this call made it: the node has no earlier life here.
  bool created() const { return created_; }

 private:
  DataFolder(std::string path, int lock_fd, bool created)
      : path_(std::move(path)), lock_fd_(lock_fd), created_(created) {}

  const std::string path_;
  const int lock_fd_;
  const bool created_;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_DATA_FOLDER_H_
