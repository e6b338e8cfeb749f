// SPDX-License-Identifier: Apache-2.0
#include "paxos/lease/incarnation.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace isochron::paxos {
namespace {

// magic and version, counter, checksum of both
constexpr uint32_t kMagic = 0x01434e49;  // "INC" 1
constexpr size_t kBytes = 16;

std::string Encode(uint64_t counter) {
  std::string out;
  Writer w(&out);
  w.Fixed32(kMagic);
  w.Fixed64(counter);
  w.Fixed32(Crc32c(out));
  return out;
}

absl::StatusOr<uint64_t> Decode(const std::string& path, absl::string_view data) {
  Reader r(data);
  uint32_t magic = 0;
  uint32_t crc = 0;
  uint64_t counter = 0;
  if (data.size() != kBytes || !r.Fixed32(&magic) || !r.Fixed64(&counter) || !r.Fixed32(&crc) ||
      magic != kMagic || crc != Crc32c(data.substr(0, kBytes - 4))) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged; restore the data folder or join as a new node"));
  }
  return counter;
}

}  // namespace

absl::StatusOr<uint64_t> RaiseIncarnation(Disk* disk, const std::string& path) {
  uint64_t counter = 0;
  auto old = disk->Open(path, /*create=*/false);
  if (old.ok()) {
    ISO_ASSIGN_OR_RETURN(std::string data, (*old)->ReadAt(0, kBytes + 1));
    ISO_ASSIGN_OR_RETURN(counter, Decode(path, data));
    old->reset();
  } else if (!absl::IsNotFound(old.status())) {
    return old.status();
  }
  ++counter;
  const std::string staged = path + ".new";
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk->Open(staged, /*create=*/true));
  ISO_RETURN_IF_ERROR(file->Truncate(0));
  ISO_RETURN_IF_ERROR(file->WriteAt(0, Encode(counter)));
  ISO_RETURN_IF_ERROR(file->Sync());
  file.reset();
  ISO_RETURN_IF_ERROR(disk->Rename(staged, path));
  const size_t slash = path.rfind('/');
  ISO_RETURN_IF_ERROR(disk->SyncDir(slash == std::string::npos ? "" : path.substr(0, slash)));
  return counter;
}

}  // namespace isochron::paxos
