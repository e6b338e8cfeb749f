// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/runtime/errno_status.h"

namespace isochron::runtime {

struct PosixDisk::Handle {
  Handle(int descriptor, std::string name) : fd(descriptor), path(std::move(name)) {}
  ~Handle() { close(fd); }

  // Keeps the first failure, so that no later call can report success.
  absl::Status Fail(absl::string_view what, int error) {
    int none = 0;
    broken.compare_exchange_strong(none, error);
    return ErrnoStatus(absl::StrCat(what, " of ", path, " failed"), error);
  }
  absl::Status Check() const {
    const int error = broken.load();
    if (error == 0) return absl::OkStatus();
    return ErrnoStatus(absl::StrCat("an earlier write or sync of ", path, " failed"), error);
  }

  absl::Status Write(uint64_t offset, absl::string_view data) {
    ISO_RETURN_IF_ERROR(Check());
    while (!data.empty()) {
      const ssize_t n = pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
      if (n < 0) {
        if (errno == EINTR) continue;
        return Fail("write", errno);
      }
      data.remove_prefix(n);
      offset += n;
    }
    return absl::OkStatus();
  }
  absl::Status Sync() {
    ISO_RETURN_IF_ERROR(Check());
    if (fdatasync(fd) != 0) return Fail("sync", errno);
    return absl::OkStatus();
  }

  const int fd;
  const std::string path;
  std::atomic<int> broken{0};
};

class PosixFile final : public File {
 public:
  PosixFile(PosixDisk* disk, std::shared_ptr<PosixDisk::Handle> handle)
      : disk_(disk), handle_(std::move(handle)) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    return handle_->Write(offset, data);
  }

  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t n) override {
    ISO_ASSIGN_OR_RETURN(const uint64_t size, Size());
    std::string out;
    if (offset >= size) return out;
    out.resize(std::min(n, size - offset));
    size_t got = 0;
    while (got < out.size()) {
      const ssize_t r =
          pread(handle_->fd, out.data() + got, out.size() - got, static_cast<off_t>(offset + got));
      if (r < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(absl::StrCat("read of ", handle_->path, " failed"));
      }
      if (r == 0) break;
      got += r;
    }
    out.resize(got);
    return out;
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat st;
    if (fstat(handle_->fd, &st) != 0) return ErrnoStatus(absl::StrCat("stat of ", handle_->path));
    return static_cast<uint64_t>(st.st_size);
  }

  absl::Status Preallocate(uint64_t size) override {
    ISO_ASSIGN_OR_RETURN(const uint64_t old_size, Size());
    if (old_size >= size) return absl::OkStatus();
    int error = posix_fallocate(handle_->fd, static_cast<off_t>(old_size),
                                static_cast<off_t>(size - old_size));
    if (error != 0) {
      return ErrnoStatus(absl::StrCat("allocating ", size, " bytes for ", handle_->path), error);
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    ISO_RETURN_IF_ERROR(handle_->Check());
    if (ftruncate(handle_->fd, static_cast<off_t>(size)) != 0) {
      return handle_->Fail("truncation", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override { return handle_->Sync(); }

  void WriteAndSyncAsync(uint64_t offset, std::string data,
                         absl::AnyInvocable<void(absl::Status)> done) override {
    disk_->Enqueue({handle_, offset, std::move(data), std::move(done)});
  }

 private:
  PosixDisk* const disk_;
  const std::shared_ptr<PosixDisk::Handle> handle_;
};

absl::StatusOr<std::unique_ptr<PosixDisk>> PosixDisk::Make(const std::string& root,
                                                           Executor* executor) {
  const int fd = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(absl::StrCat("cannot open the data folder ", root));
  return std::unique_ptr<PosixDisk>(new PosixDisk(root, fd, executor));
}

PosixDisk::PosixDisk(std::string root, int root_fd, Executor* executor)
    : root_(std::move(root)), root_fd_(root_fd), executor_(executor) {
  thread_ = std::thread([this] { ThreadMain(); });
}

PosixDisk::~PosixDisk() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
  *alive_ = false;
  close(root_fd_);
}

absl::StatusOr<std::unique_ptr<File>> PosixDisk::Open(const std::string& path, bool create) {
  const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
  const int fd = openat(root_fd_, path.c_str(), flags, 0644);
  if (fd < 0) return ErrnoStatus(absl::StrCat("cannot open ", root_, "/", path));
  return std::unique_ptr<File>(new PosixFile(this, std::make_shared<Handle>(fd, path)));
}

absl::StatusOr<std::vector<std::string>> PosixDisk::List(const std::string& folder) {
  const std::string path = folder.empty() ? "." : folder;
  const int fd = openat(root_fd_, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = fd < 0 ? nullptr : fdopendir(fd);
  if (dir == nullptr) return ErrnoStatus(absl::StrCat("cannot list ", root_, "/", folder));
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir)) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixDisk::MakeFolder(const std::string& folder) {
  if (mkdirat(root_fd_, folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("cannot make the folder ", root_, "/", folder));
  }
  return absl::OkStatus();
}

absl::Status PosixDisk::Rename(const std::string& from, const std::string& to) {
  if (renameat(root_fd_, from.c_str(), root_fd_, to.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("cannot rename ", from, " to ", to, " in ", root_));
  }
  return absl::OkStatus();
}

absl::Status PosixDisk::Remove(const std::string& path) {
  if (unlinkat(root_fd_, path.c_str(), 0) == 0) return absl::OkStatus();
  // Linux says EISDIR for a folder, POSIX says EPERM.
  if ((errno == EISDIR || errno == EPERM) && unlinkat(root_fd_, path.c_str(), AT_REMOVEDIR) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(absl::StrCat("cannot remove ", root_, "/", path));
}

absl::StatusOr<DiskSpace> PosixDisk::Space() {
  struct statvfs v = {};
  if (fstatvfs(root_fd_, &v) != 0) {
    return ErrnoStatus(absl::StrCat("cannot tell the free space of ", root_));
  }
  return DiskSpace{.free_bytes = uint64_t{v.f_bavail} * v.f_frsize,
                   .total_bytes = uint64_t{v.f_blocks} * v.f_frsize};
}

absl::Status PosixDisk::SyncDir(const std::string& folder) {
  const std::string path = folder.empty() ? "." : folder;
  const int fd = openat(root_fd_, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(absl::StrCat("cannot open the folder ", root_, "/", folder));
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (error != 0) return ErrnoStatus(absl::StrCat("sync of the folder ", folder, " failed"), error);
  return absl::OkStatus();
}

void PosixDisk::Enqueue(Job job) {
  {
    MutexLock lock(&mu_);
    queue_.push_back(std::move(job));
  }
  changed_.NotifyAll();
}

void PosixDisk::ThreadMain() {
  for (;;) {
    std::vector<Job> jobs;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stop_) changed_.Wait(&mu_);
      if (queue_.empty()) return;
      jobs.swap(queue_);
    }
    Carry(std::move(jobs));
  }
}

void PosixDisk::Carry(std::vector<Job> jobs) {
  std::vector<absl::Status> results(jobs.size());
  std::vector<Handle*> touched;
  for (size_t i = 0; i < jobs.size(); ++i) {
    Handle* h = jobs[i].handle.get();
    results[i] = h->Write(jobs[i].offset, jobs[i].data);
    std::string().swap(jobs[i].data);
    if (std::find(touched.begin(), touched.end(), h) == touched.end()) touched.push_back(h);
  }
  for (Handle* h : touched) {
    const absl::Status synced = h->Sync();
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].handle.get() == h && results[i].ok()) results[i] = synced;
    }
  }
  executor_->Post([alive = alive_, jobs = std::move(jobs), results = std::move(results)]() mutable {
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (*alive) jobs[i].done(std::move(results[i]));
    }
  });
}

}  // namespace isochron::runtime
