// SPDX-License-Identifier: Apache-2.0
#include "paxos/lease/incarnation.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace isochron::paxos {
namespace {

// magic and version, counter, first, checksum of all. Version 1 had no first: it was 1.
constexpr uint32_t kMagic1 = 0x01434e49;  // "INC" 1
constexpr uint32_t kMagic2 = 0x02434e49;
constexpr size_t kBytes1 = 16;
constexpr size_t kBytes2 = 24;

std::string Encode(const Incarnation& i) {
  std::string out;
  Writer w(&out);
  w.Fixed32(kMagic2);
  w.Fixed64(i.now);
  w.Fixed64(i.first);
  w.Fixed32(Crc32c(out));
  return out;
}

absl::StatusOr<Incarnation> Decode(const std::string& path, absl::string_view data) {
  Reader r(data);
  Incarnation i{0, 1};
  uint32_t magic = 0;
  uint32_t crc = 0;
  bool good = data.size() == kBytes1 || data.size() == kBytes2;
  good = good && r.Fixed32(&magic) && magic == (data.size() == kBytes1 ? kMagic1 : kMagic2);
  good = good && r.Fixed64(&i.now) && (magic == kMagic1 || r.Fixed64(&i.first));
  if (!good || !r.Fixed32(&crc) || crc != Crc32c(data.substr(0, data.size() - 4))) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged; restore the data folder or join as a new node"));
  }
  return i;
}

}  // namespace

absl::StatusOr<Incarnation> RaiseIncarnation(Disk* disk, const std::string& path, uint64_t first) {
  Incarnation incarnation{first - 1, first};
  auto old = disk->Open(path, /*create=*/false);
  if (old.ok()) {
    ISO_ASSIGN_OR_RETURN(std::string data, (*old)->ReadAt(0, kBytes2 + 1));
    ISO_ASSIGN_OR_RETURN(incarnation, Decode(path, data));
    old->reset();
  } else if (!absl::IsNotFound(old.status())) {
    return old.status();
  } else if (first == 0) {
    return absl::UnavailableError(
        "a new data folder is numbered by the clock, which vouches for no bound yet; start again");
  }
  ++incarnation.now;
  const std::string staged = path + ".new";
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk->Open(staged, /*create=*/true));
  ISO_RETURN_IF_ERROR(file->Truncate(0));
  ISO_RETURN_IF_ERROR(file->WriteAt(0, Encode(incarnation)));
  ISO_RETURN_IF_ERROR(file->Sync());
  file.reset();
  ISO_RETURN_IF_ERROR(disk->Rename(staged, path));
  const size_t slash = path.rfind('/');
  ISO_RETURN_IF_ERROR(disk->SyncDir(slash == std::string::npos ? "" : path.substr(0, slash)));
  return incarnation;
}

}  // namespace isochron::paxos
