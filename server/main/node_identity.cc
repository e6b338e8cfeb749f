// SPDX-License-Identifier: Apache-2.0
#include "server/main/node_identity.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::server {
namespace {

using nlohmann::json;

constexpr char kFile[] = "node.json";
constexpr char kTemporary[] = "node.json.new";

absl::Status Write(Disk* disk, const NodeIdentity& id) {
  const std::string text = json{{"format", 1},
                                {"universe", id.universe},
                                {"node", id.node.value},
                                {"region", id.region},
                                {"zone", id.zone}}
                               .dump() +
                           "\n";
  {
    ISO_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk->Open(kTemporary, true));
    ISO_RETURN_IF_ERROR(file->Truncate(0));
    ISO_RETURN_IF_ERROR(file->WriteAt(0, text));
    ISO_RETURN_IF_ERROR(file->Sync());
  }
  ISO_RETURN_IF_ERROR(disk->Rename(kTemporary, kFile));
  return disk->SyncDir("");
}

}  // namespace

absl::Status ClaimFolder(Disk* disk, const NodeIdentity& id) {
  absl::StatusOr<std::unique_ptr<File>> file = disk->Open(kFile, false);
  if (absl::IsNotFound(file.status())) return Write(disk, id);
  ISO_RETURN_IF_ERROR(file.status());
  ISO_ASSIGN_OR_RETURN(const uint64_t size, (*file)->Size());
  ISO_ASSIGN_OR_RETURN(const std::string text, (*file)->ReadAt(0, size));
  const json was = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!was.is_object() || !was.contains("universe") || !was["universe"].is_string() ||
      !was.contains("node") || !was["node"].is_number_unsigned()) {
    return absl::DataLossError(absl::StrCat(kFile, " in the data folder is damaged"));
  }
  const std::string universe = was["universe"].get<std::string>();
  const uint32_t node = was["node"].get<uint32_t>();
  if (universe != id.universe || node != id.node.value) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data folder belongs to node ", node, " of universe \"", universe, "\", not to node ",
        id.node.value, " of \"", id.universe, "\"; choose its own folder for each node"));
  }
  return absl::OkStatus();
}

}  // namespace isochron::server
