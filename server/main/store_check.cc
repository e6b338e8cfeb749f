// SPDX-License-Identifier: Apache-2.0
#include "server/main/store_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/types.h"
#include "server/runtime/log.h"
#include "storage/engine/rocks_engine.h"
#include "tablet/group/salvage.h"

namespace isochron::server {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kWhatToDo =
    "; restore the data folder, or move it away and join with an empty one";

std::string MarkOf(const std::string& data) { return absl::StrCat(data, "/CHECK"); }

void SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

absl::Status Unmark(const std::string& data) {
  std::error_code error;
  fs::remove(MarkOf(data), error);
  if (error) return absl::InternalError(absl::StrCat("cannot remove ", MarkOf(data)));
  SyncFolder(data);
  return absl::OkStatus();
}

absl::Status Move(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot rename ", from, ": ", error.message()));
  }
  return absl::OkStatus();
}

// Copies what is whole of `store` into `copy`.
absl::Status CopyWhole(storage::RocksEngine* store, const std::string& copy) {
  const auto hurt = tablet::FindHurtGroups(store);
  if (absl::IsDataLoss(hurt.status())) {
    return absl::DataLossError(
        absl::StrCat("the groups in store/ cannot be read: ", hurt.status().message(), kWhatToDo));
  }
  ISO_RETURN_IF_ERROR(hurt.status());
  for (const auto& [group, why] : *hurt) {
    runtime::LogError("the store's part of group ", group.value, " is damaged: ", why);
  }
  std::error_code error;
  fs::remove_all(copy, error);
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<storage::RocksEngine> to,
                       storage::RocksEngine::Open(copy));
  return tablet::Salvage(store, *hurt, to.get());
}

}  // namespace

void MarkStoreForCheck(const std::string& data, const std::string& why) {
  const int fd = open(MarkOf(data).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const std::string text = why + "\n";
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written) fsync(fd);
  close(fd);
  SyncFolder(data);
}

absl::Status CheckMarkedStore(const std::string& data) {
  std::error_code error;
  if (!fs::exists(MarkOf(data), error)) return absl::OkStatus();
  const std::string folder = absl::StrCat(data, "/store");
  const std::string copy = absl::StrCat(data, "/store.new");
  const std::string old = absl::StrCat(data, "/store.damaged");
  if (!fs::exists(folder, error) && fs::exists(copy, error)) {
    // The last start ended between the two renames below.
    ISO_RETURN_IF_ERROR(Move(copy, folder));
    SyncFolder(data);
    return Unmark(data);
  }
  runtime::LogWarning("damage was met in the store: checking all of it");
  auto store = storage::RocksEngine::OpenReadOnly(folder);
  if (absl::IsDataLoss(store.status())) {
    return absl::DataLossError(absl::StrCat(store.status().message(), kWhatToDo));
  }
  ISO_RETURN_IF_ERROR(store.status());
  uint64_t files = 0;
  const std::vector<storage::DamagedFile> damaged = (*store)->CheckFiles(&files);
  for (const storage::DamagedFile& d : damaged) {
    runtime::LogError("store/", d.file, " is damaged: ", d.what);
  }
  if (damaged.empty()) {
    runtime::LogInfo("all ", files, " files of the store are whole");
    return Unmark(data);
  }
  ISO_RETURN_IF_ERROR(CopyWhole(store->get(), copy));
  store->reset();
  fs::remove_all(old, error);
  ISO_RETURN_IF_ERROR(Move(folder, old));
  ISO_RETURN_IF_ERROR(Move(copy, folder));
  SyncFolder(data);
  runtime::LogWarning("the store goes on without what is damaged; the old one is kept in ", old,
                      ", remove it when it is not needed");
  return Unmark(data);
}

}  // namespace isochron::server
