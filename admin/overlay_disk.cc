// SPDX-License-Identifier: Apache-2.0
#include "admin/overlay_disk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isochron::admin {

class OverlayDisk::MemoryFile : public File {
 public:
  explicit MemoryFile(Bytes bytes) : bytes_(std::move(bytes)) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    if (bytes_->size() < offset + data.size()) bytes_->resize(offset + data.size());
    bytes_->replace(offset, data.size(), data.data(), data.size());
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t n) override {
    if (offset >= bytes_->size()) return std::string();
    return bytes_->substr(offset, n);
  }
  absl::StatusOr<uint64_t> Size() override { return bytes_->size(); }
  absl::Status Preallocate(uint64_t size) override {
    if (bytes_->size() < size) bytes_->resize(size);
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t size) override {
    bytes_->resize(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  void WriteAndSyncAsync(uint64_t, std::string,
                         absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::UnimplementedError("nothing is written while a folder is looked at"));
  }

 private:
  const Bytes bytes_;
};

absl::StatusOr<OverlayDisk::Bytes> OverlayDisk::Find(const std::string& path) {
  if (auto it = files_.find(path); it != files_.end()) return it->second;
  if (removed_.contains(path)) return Bytes();
  const std::string real = absl::StrCat(folder_, "/", path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(real, error)) return Bytes();
  std::ifstream in(real, std::ios::binary);
  if (!in) return absl::PermissionDeniedError(absl::StrCat("cannot read ", real));
  auto bytes = std::make_shared<std::string>(std::istreambuf_iterator<char>(in),
                                             std::istreambuf_iterator<char>());
  if (in.bad()) return absl::DataLossError(absl::StrCat("cannot read all of ", real));
  return bytes;
}

absl::StatusOr<std::string> OverlayDisk::Read(const std::string& path) {
  absl::StatusOr<Bytes> found = Find(path);
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::NotFoundError(absl::StrCat("there is no ", path));
  return **found;
}

absl::StatusOr<std::unique_ptr<File>> OverlayDisk::Open(const std::string& path, bool create) {
  absl::StatusOr<Bytes> found = Find(path);
  if (!found.ok()) return found.status();
  if (*found == nullptr) {
    if (!create) return absl::NotFoundError(absl::StrCat("there is no ", path));
    *found = std::make_shared<std::string>();
    removed_.erase(path);
  }
  files_[path] = *found;
  return std::make_unique<MemoryFile>(*std::move(found));
}

absl::StatusOr<std::vector<std::string>> OverlayDisk::List(const std::string& folder) {
  std::set<std::string> names;
  const std::string prefix = folder.empty() ? "" : folder + "/";
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat(folder_, "/", folder), error)) {
    const std::string name = entry.path().filename().string();
    if (!removed_.contains(prefix + name)) names.insert(name);
  }
  for (const auto& [path, bytes] : files_) {
    if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos) {
      names.insert(path.substr(prefix.size()));
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::Status OverlayDisk::MakeFolder(const std::string&) { return absl::OkStatus(); }

absl::Status OverlayDisk::Rename(const std::string& from, const std::string& to) {
  absl::StatusOr<Bytes> found = Find(from);
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::NotFoundError(absl::StrCat("there is no ", from));
  files_.erase(from);
  removed_.insert(from);
  removed_.erase(to);
  files_[to] = *found;
  return absl::OkStatus();
}

absl::Status OverlayDisk::Remove(const std::string& path) {
  files_.erase(path);
  removed_.insert(path);
  return absl::OkStatus();
}

absl::Status OverlayDisk::SyncDir(const std::string&) { return absl::OkStatus(); }

}  // namespace isochron::admin
