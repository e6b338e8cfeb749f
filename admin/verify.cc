// SPDX-License-Identifier: Apache-2.0
#include "admin/verify.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/overlay_disk.h"
#include "common/status_macros.h"
#include "paxos/lease/incarnation.h"
#include "paxos/log/log.h"
#include "storage/engine/rocks_engine.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/convert.h"

namespace isochron::admin {
namespace {

using Json = nlohmann::ordered_json;

// Holds the folder's LOCK, so that no node starts meanwhile.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& data) {
    const int fd = open(absl::StrCat(data, "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(data, " is not a node's data folder: it has no LOCK that can be read"));
    }
    std::unique_ptr<FolderLock> lock(new FolderLock(fd));
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("a process has ", data, " open; stop the node first"));
    }
    return lock;
  }
  ~FolderLock() { close(fd_); }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

class Verification {
 public:
  Verification(const std::string& data, Report* report)
      : data_(data), disk_(data), report_(report) {}

  void Run() {
    SmallFiles();
    Log();
    Store();
    report_->Line({{"kind", "summary"},
                   {"groups", groups_},
                   {"store_files", files_},
                   {"findings", report_->findings()}},
                  absl::StrCat(data_, ": ", groups_, " groups, ", files_, " store files, ",
                               report_->findings(), " findings"));
  }

 private:
  void Found(const std::string& file, absl::string_view what,
             const std::set<GroupId>& groups = {}) {
    Json j = {{"file", file}};
    if (!groups.empty()) {
      j["groups"] = Json::array();
      for (GroupId g : groups) j["groups"].push_back(g.value);
    }
    report_->Finding(std::move(j), what);
  }

  void SmallFiles() {
    const auto format = disk_.Read("FORMAT");
    if (!format.ok() || !absl::StartsWith(*format, "isochron data folder, format ")) {
      Found("FORMAT", "FORMAT: missing or not one of ours");
    }
    const auto identity = disk_.Read("node.json");
    const auto parsed = identity.ok() ? nlohmann::json::parse(*identity, nullptr, false)
                                      : nlohmann::json(nlohmann::json::value_t::discarded);
    if (!parsed.is_object() || !parsed.contains("universe") || !parsed.contains("node")) {
      Found("node.json", "node.json: missing or damaged");
    }
    const auto incarnation = paxos::RaiseIncarnation(&disk_, "incarnation", 1);
    if (!incarnation.ok()) Found("incarnation", incarnation.status().message());
    if (incarnation.ok() && incarnation->now == 1) Found("incarnation", "incarnation: missing");
  }

  void Log() {
    paxos::Log::Options options;
    options.on_fatal = [](absl::Status) {};
    auto log = paxos::Log::Open(&disk_, std::move(options));
    if (!log.ok()) return Found("log", log.status().message());
    if ((*log)->dropped_torn_tail()) {
      report_->Line({{"kind", "note"}, {"file", "log"}, {"what", "torn tail"}},
                    "log: ends in a torn write, which a start drops");
    }
    for (GroupId id : (*log)->RecoveredGroups()) {
      in_log_.insert(id);
      const std::string damage = (*log)->TakeRecovered(id).damage;
      if (!damage.empty()) Found("log", absl::StrCat("group ", id.value, ": ", damage), {id});
    }
  }

  void Store() {
    const std::string folder = absl::StrCat(data_, "/store");
    auto opened = storage::RocksEngine::OpenReadOnly(folder);
    if (!opened.ok()) return Found("store", opened.status().message());
    storage::RocksEngine* store = opened->get();
    std::vector<storage::DamagedFile> damaged = store->CheckFiles(&files_);
    std::set<GroupId> hurt = Groups(store, !damaged.empty());
    for (const storage::DamagedFile& d : damaged) {
      Found(absl::StrCat("store/", d.file), absl::StrCat("store/", d.file, ": ", d.what), hurt);
    }
  }

  // Loads every group; with `rows`, reads all that it holds. The groups that cannot be read.
  std::set<GroupId> Groups(storage::RocksEngine* engine, bool rows) {
    std::set<GroupId> hurt;
    std::set<GroupId> all = in_log_;
    const auto listed = tablet::AppliedState::ListGroups(engine);
    if (!listed.ok()) {
      Found("store", absl::StrCat("the groups cannot be listed: ", listed.status().message()));
    } else {
      all.insert(listed->begin(), listed->end());
    }
    storage::MvccStore store(engine);
    for (GroupId id : all) {
      auto state = tablet::AppliedState::Load(engine, id);
      if (absl::IsNotFound(state.status())) continue;  // its split is not flushed yet
      ++groups_;
      absl::Status status = state.status();
      if (status.ok() && rows)
        status = store.Digest(tablet::FromProto(state->descriptor().range())).status();
      if (status.ok()) continue;
      hurt.insert(id);
      Found("store", absl::StrCat("group ", id.value, ": ", status.message()), {id});
    }
    return hurt;
  }

  const std::string& data_;
  OverlayDisk disk_;
  Report* const report_;
  std::set<GroupId> in_log_;
  uint64_t groups_ = 0;
  uint64_t files_ = 0;
};

}  // namespace

absl::Status Verify(const std::string& data, Report* report) {
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(data));
  Verification(data, report).Run();
  return absl::OkStatus();
}

}  // namespace isochron::admin
