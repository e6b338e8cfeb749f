// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "server/runtime/errno_status.h"

namespace isochron::runtime {
namespace {

constexpr char kFormatPrefix[] = "isochron data folder, format ";

// A descriptor that closes itself unless released.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

absl::Status SyncFolder(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("sync of ", path));
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return ErrnoStatus(absl::StrCat("cannot make the data folder ", path), error.value());
  }
  const std::string parent = std::filesystem::absolute(path, error).parent_path().string();
  return SyncFolder(parent.empty() ? "/" : parent);
}

// The content of FORMAT, or nothing when the folder has none.
absl::StatusOr<std::optional<std::string>> ReadFormat(const std::string& path) {
  Fd fd(open(absl::StrCat(path, "/FORMAT").c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return ErrnoStatus(absl::StrCat("cannot read ", path, "/FORMAT"));
  }
  char buffer[256];
  const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
  if (n < 0) return ErrnoStatus(absl::StrCat("cannot read ", path, "/FORMAT"));
  return std::optional<std::string>(std::string(buffer, n));
}

absl::Status CheckFormat(const std::string& path, absl::string_view content) {
  int version = 0;
  absl::string_view rest = content;
  if (!absl::ConsumePrefix(&rest, kFormatPrefix) || !absl::ConsumeSuffix(&rest, "\n") ||
      !absl::SimpleAtoi(rest, &version) || version < 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, "/FORMAT is not one of ours; choose an empty or a new folder for --data"));
  }
  if (version > kDataFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the data folder ", path, " has format ",
                                                      version,
                                                      ", written by a newer isochron; this one "
                                                      "knows formats up to ",
                                                      kDataFormatVersion));
  }
  return absl::OkStatus();
}

// Files that a first start which was interrupted may have left.
bool LooksUnused(const std::string& path) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (name != "LOCK" && name != "FORMAT.new" && name != "lost+found") return false;
  }
  return !error;
}

absl::Status WriteFormat(const std::string& path) {
  const std::string content = absl::StrCat(kFormatPrefix, kDataFormatVersion, "\n");
  const std::string temporary = absl::StrCat(path, "/FORMAT.new");
  {
    Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0 ||
        write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        fsync(fd.get()) != 0) {
      return ErrnoStatus(absl::StrCat("cannot write ", temporary));
    }
  }
  if (rename(temporary.c_str(), absl::StrCat(path, "/FORMAT").c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("cannot rename ", temporary));
  }
  return SyncFolder(path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& path) {
  struct stat st;
  if (stat(path.c_str(), &st) != 0) {
    ISO_RETURN_IF_ERROR(MakeFolder(path));
  } else if (!S_ISDIR(st.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
  }
  ISO_ASSIGN_OR_RETURN(const std::optional<std::string> format, ReadFormat(path));
  if (format.has_value()) {
    ISO_RETURN_IF_ERROR(CheckFormat(path, *format));
  } else if (!LooksUnused(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the folder ", path,
                     " holds files that are not an isochron node's (it has no "
                     "FORMAT file); choose an empty or a new folder for --data"));
  }

  const std::string lock_path = absl::StrCat(path, "/LOCK");
  Fd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.get() < 0)
    return ErrnoStatus(absl::StrCat("the data folder ", path, " is not writable"));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(absl::StrCat("cannot lock ", lock_path));
    return absl::AlreadyExistsError(
        absl::StrCat("the data folder ", path,
                     " is in use by another process; stop it or choose another folder"));
  }
  if (!format.has_value()) {
    // Another process may have finished its first start between our look and our lock.
    ISO_ASSIGN_OR_RETURN(const std::optional<std::string> again, ReadFormat(path));
    if (again.has_value()) {
      ISO_RETURN_IF_ERROR(CheckFormat(path, *again));
      return std::unique_ptr<DataFolder>(new DataFolder(path, lock.release(), false));
    }
    ISO_RETURN_IF_ERROR(WriteFormat(path));
  }
  return std::unique_ptr<DataFolder>(new DataFolder(path, lock.release(), !format.has_value()));
}

DataFolder::~DataFolder() { close(lock_fd_); }

}  // namespace isochron::runtime
