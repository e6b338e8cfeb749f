// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_disk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::sim {
namespace {

constexpr uint64_t kSector = 512;

}  // namespace

// An open file of one process. Asynchronous writes are served one at a time, in order.
class SimDisk::MountedFile final : public File {
 public:
  MountedFile(SimDisk* disk, InodePtr inode, SimExecutor* executor)
      : s_(std::make_shared<State>(State{disk, std::move(inode), executor, {}, false})) {}

  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    s_->executor->scheduler()->digest().MixBytes(data);
    if (s_->disk->died_) return Dead();
    if (s_->disk->DiesNow()) {
      data = data.substr(0, s_->disk->random_.Below(data.size() + 1));
      if (!data.empty()) s_->disk->Write(s_->inode.get(), offset, data);
      return Dead();
    }
    ISO_RETURN_IF_ERROR(s_->disk->Allocate(s_->inode.get(), offset + data.size()));
    s_->disk->Write(s_->inode.get(), offset, data);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t n) override {
    if (s_->disk->died_) return Dead();
    return s_->inode->cached.Read(offset, n);
  }
  absl::StatusOr<uint64_t> Size() override { return s_->inode->cached.size(); }
  absl::Status Preallocate(uint64_t size) override {
    if (s_->disk->died_ || s_->disk->DiesNow()) return Dead();
    ISO_RETURN_IF_ERROR(s_->disk->Allocate(s_->inode.get(), size));
    if (size > s_->inode->cached.size()) s_->disk->Resize(s_->inode.get(), size);
    return absl::OkStatus();
  }
  absl::Status Truncate(uint64_t size) override {
    if (s_->disk->died_) return Dead();
    const bool dies = s_->disk->DiesNow();
    if (!dies || s_->disk->random_.OneIn(0.5)) s_->disk->Resize(s_->inode.get(), size);
    return dies ? Dead() : absl::OkStatus();
  }
  absl::Status Sync() override {
    if (s_->disk->died_) return Dead();
    if (s_->disk->DiesNow()) {
      s_->disk->SyncSome(s_->inode.get(), s_->inode->End());
      return Dead();
    }
    return s_->disk->SyncBefore(s_->inode.get(), s_->inode->End());
  }
  void WriteAndSyncAsync(uint64_t offset, std::string data,
                         absl::AnyInvocable<void(absl::Status)> done) override {
    s_->executor->scheduler()->digest().MixBytes(data);
    s_->queue.push_back(Request{offset, std::move(data), std::move(done)});
    if (!s_->busy) Serve(s_);
  }

 private:
  struct Request {
    uint64_t offset;
    std::string data;
    absl::AnyInvocable<void(absl::Status)> done;
  };
  // Shared with the pending completion, so that a file may be closed under it.
  struct State {
    SimDisk* disk;
    InodePtr inode;
    SimExecutor* executor;
    std::deque<Request> queue;
    bool busy;
  };

  // The write reaches the page cache when its service begins, the medium when it ends.
  static void Serve(const std::shared_ptr<State>& s) {
    s->busy = true;
    SimDisk* disk = s->disk;
    if (disk->died_) return;
    if (disk->DiesNow()) {
      std::string& data = s->queue.front().data;
      data.resize(disk->random_.Below(data.size() + 1));
      if (!data.empty()) disk->Write(s->inode.get(), s->queue.front().offset, data);
      return;
    }
    disk->Write(s->inode.get(), s->queue.front().offset, s->queue.front().data);
    const uint64_t covered = s->inode->End();
    Micros took = disk->random_.Between(disk->options_.sync_min_us, disk->options_.sync_max_us);
    if (disk->random_.OneIn(disk->options_.slow_sync_rate)) {
      took += disk->random_.Between(0, disk->options_.slow_sync_us);
    }
    s->executor->At(s->executor->scheduler()->now() + took, [s, covered] {
      if (s->disk->died_) return;
      if (s->disk->DiesNow()) {
        s->disk->SyncSome(s->inode.get(), covered);
        return;
      }
      absl::Status status = s->disk->SyncBefore(s->inode.get(), covered);
      auto done = std::move(s->queue.front().done);
      s->queue.pop_front();
      s->busy = false;
      if (!s->queue.empty()) Serve(s);
      done(std::move(status));
    });
  }

  std::shared_ptr<State> s_;
};

class SimDisk::MountedDisk final : public Disk {
 public:
  MountedDisk(SimDisk* disk, SimExecutor* executor) : disk_(disk), executor_(executor) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override {
    if (disk_->died_) return Dead();
    auto it = disk_->cached_.files.find(path);
    if (it == disk_->cached_.files.end()) {
      if (!create) return absl::NotFoundError(absl::StrCat("no file ", path));
      if (disk_->cached_.folders.count(Parent(path)) == 0) {
        return absl::NotFoundError(absl::StrCat("no folder for ", path));
      }
      ISO_RETURN_IF_ERROR(Change({NameChange::kCreate, path, "", std::make_shared<Inode>()}));
      it = disk_->cached_.files.find(path);
    }
    return std::make_unique<MountedFile>(disk_, it->second, executor_);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    if (disk_->died_) return Dead();
    if (disk_->cached_.folders.count(folder) == 0) {
      return absl::NotFoundError(absl::StrCat("no folder ", folder));
    }
    std::vector<std::string> names;
    auto add = [&](const std::string& path) {
      if (path.empty() || Parent(path) != folder) return;
      names.push_back(folder.empty() ? path : path.substr(folder.size() + 1));
    };
    for (const auto& [path, inode] : disk_->cached_.files) add(path);
    for (const std::string& path : disk_->cached_.folders) add(path);
    std::sort(names.begin(), names.end());
    return names;
  }
  absl::Status MakeFolder(const std::string& folder) override {
    if (disk_->cached_.folders.count(folder) > 0) return absl::OkStatus();
    if (disk_->cached_.folders.count(Parent(folder)) == 0) {
      return absl::NotFoundError(absl::StrCat("no folder for ", folder));
    }
    return Change({NameChange::kMakeFolder, folder, "", nullptr});
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    auto it = disk_->cached_.files.find(from);
    if (it == disk_->cached_.files.end())
      return absl::NotFoundError(absl::StrCat("no file ", from));
    if (disk_->cached_.folders.count(Parent(to)) == 0) {
      return absl::NotFoundError(absl::StrCat("no folder for ", to));
    }
    return Change({NameChange::kRename, from, to, it->second});
  }
  absl::Status Remove(const std::string& path) override {
    auto it = disk_->cached_.files.find(path);
    if (it == disk_->cached_.files.end())
      return absl::NotFoundError(absl::StrCat("no file ", path));
    const uint64_t size = it->second->cached.size();
    ISO_RETURN_IF_ERROR(Change({NameChange::kRemove, path, "", it->second}));
    disk_->Free(size);
    return absl::OkStatus();
  }
  absl::Status SyncDir(const std::string& folder) override {
    if (disk_->died_) return Dead();
    const bool dies = disk_->DiesNow();
    if (dies && disk_->random_.OneIn(0.5)) return Dead();
    absl::Status synced = disk_->SyncNames(folder);
    return dies ? Dead() : synced;
  }
  absl::StatusOr<DiskSpace> Space() override {
    return DiskSpace{.free_bytes = disk_->free_bytes_, .total_bytes = kPlenty};
  }

 private:
  absl::Status Change(NameChange change) {
    if (disk_->died_) return Dead();
    const bool dies = disk_->DiesNow();
    if (!dies || disk_->random_.OneIn(0.5)) {
      Apply(change, &disk_->cached_);
      disk_->unsynced_names_.push_back(std::move(change));
    }
    return dies ? Dead() : absl::OkStatus();
  }
  SimDisk* disk_;
  SimExecutor* executor_;
};

SimDisk::SimDisk(DiskOptions options, Random random) : options_(options), random_(random) {
  Wipe();
}

std::unique_ptr<Disk> SimDisk::Mount(SimExecutor* executor) {
  died_ = false;
  return std::make_unique<MountedDisk>(this, executor);
}

void SimDisk::DieAt(uint64_t n, std::function<void()> die) {
  dies_at_ = n == 0 ? 0 : operations_ + n;
  die_ = std::move(die);
}

bool SimDisk::DiesNow() {
  if (++operations_ != dies_at_) return false;
  died_ = true;
  std::function<void()> die = std::move(die_);
  DieAt(0, nullptr);
  die();
  return true;
}

std::string SimDisk::Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

void SimDisk::Apply(const Change& change, SparseBytes* bytes) {
  if (change.kind == Change::kWrite) {
    bytes->Write(change.offset, change.data);
  } else {
    bytes->Resize(change.offset);
  }
}

void SimDisk::Apply(const NameChange& change, Names* names) {
  switch (change.kind) {
    case NameChange::kCreate:
      names->files[change.path] = change.inode;
      return;
    case NameChange::kRename:
      names->files.erase(change.path);
      names->files[change.to] = change.inode;
      return;
    case NameChange::kRemove:
      names->files.erase(change.path);
      return;
    case NameChange::kMakeFolder:
      names->folders.insert(change.path);
      return;
  }
}

void SimDisk::Write(Inode* inode, uint64_t offset, absl::string_view data) {
  inode->unsynced.push_back(Change{Change::kWrite, offset, std::string(data)});
  Apply(inode->unsynced.back(), &inode->cached);
}

void SimDisk::Resize(Inode* inode, uint64_t size) {
  inode->unsynced.push_back(Change{Change::kResize, size, ""});
  Apply(inode->unsynced.back(), &inode->cached);
}

absl::Status SimDisk::Allocate(Inode* inode, uint64_t size) {
  const uint64_t more = size - std::min(size, inode->cached.size());
  if (more > free_bytes_) {
    ++refused_for_space_;
    return absl::ResourceExhaustedError("no space left on the disk");
  }
  free_bytes_ -= more;
  return absl::OkStatus();
}

absl::Status SimDisk::SyncBefore(Inode* inode, uint64_t end) {
  ++syncs_;
  // Another sync of the same file may have covered some of them already.
  const size_t n = end > inode->settled ? end - inode->settled : 0;
  const bool failed = random_.OneIn(options_.fail_sync_rate);
  if (!failed) {
    for (size_t i = 0; i < n; ++i) {
      const Change& c = inode->unsynced[i];
      Apply(c, &inode->durable);
      if (c.kind == Change::kWrite) {
        inode->synced_extent = std::max<uint64_t>(inode->synced_extent, c.offset + c.data.size());
      }
    }
  }
  inode->settled += n;
  inode->unsynced.erase(inode->unsynced.begin(), inode->unsynced.begin() + static_cast<int64_t>(n));
  failed_syncs_ += failed ? 1 : 0;
  if (failed) return absl::DataLossError("the disk failed to sync");
  return absl::OkStatus();
}

void SimDisk::SyncSome(Inode* inode, uint64_t end) {
  const size_t n = end > inode->settled ? end - inode->settled : 0;
  const size_t done = random_.Below(n + 1);
  for (size_t i = 0; i < done; ++i) Apply(inode->unsynced[i], &inode->durable);
  inode->settled += done;
  inode->unsynced.erase(inode->unsynced.begin(),
                        inode->unsynced.begin() + static_cast<int64_t>(done));
}

absl::Status SimDisk::SyncNames(const std::string& folder) {
  ++syncs_;
  std::vector<NameChange> rest;
  for (NameChange& c : unsynced_names_) {
    // A folder's own entry reaches the medium with the first change in it, as journals do.
    const bool covered = Parent(c.path) == folder ||
                         (c.kind == NameChange::kRename && Parent(c.to) == folder) ||
                         (c.kind == NameChange::kMakeFolder && c.path == folder);
    if (covered) {
      Apply(c, &durable_);
    } else {
      rest.push_back(std::move(c));
    }
  }
  unsynced_names_ = std::move(rest);
  return absl::OkStatus();
}

void SimDisk::LosePower(Inode* inode) {
  for (const Change& c : inode->unsynced) {
    const uint64_t fate = random_.Below(3);
    if (fate == 0) continue;
    if (fate == 1 || c.kind == Change::kResize) {
      Apply(c, &inode->durable);
      continue;
    }
    // Torn: each sector by itself reached the medium or did not.
    uint64_t at = 0;
    while (at < c.data.size()) {
      const uint64_t n =
          std::min<uint64_t>(kSector - (c.offset + at) % kSector, c.data.size() - at);
      if (random_.Below(2) == 0) {
        inode->durable.Write(c.offset + at, absl::string_view(c.data).substr(at, n));
      }
      at += n;
    }
  }
  inode->settled = inode->End();
  inode->unsynced.clear();
  if (inode->durable.size() > 0 && random_.OneIn(options_.flip_rate)) {
    inode->durable.FlipBit(random_.Below(inode->durable.size()),
                           static_cast<int>(random_.Below(8)));
  }
  inode->cached = inode->durable;
}

void SimDisk::CrashPower() {
  const size_t kept = random_.Below(unsynced_names_.size() + 1);
  for (size_t i = 0; i < kept; ++i) Apply(unsynced_names_[i], &durable_);
  unsynced_names_.clear();
  // A file whose folder did not survive is gone with it.
  for (auto it = durable_.files.begin(); it != durable_.files.end();) {
    it = durable_.folders.count(Parent(it->first)) > 0 ? std::next(it) : durable_.files.erase(it);
  }
  cached_ = durable_;
  for (auto& [path, inode] : cached_.files) LosePower(inode.get());
}

void SimDisk::Wipe() {
  cached_ = Names();
  cached_.folders.insert("");
  durable_ = cached_;
  unsynced_names_.clear();
}

bool SimDisk::FlipDurableBit(const std::string& path, uint64_t offset, int bit) {
  auto it = durable_.files.find(path);
  if (it == durable_.files.end() || offset >= it->second->durable.size()) return false;
  it->second->durable.FlipBit(offset, bit);
  it->second->cached.FlipBit(offset, bit);
  return true;
}

bool SimDisk::Misdirect(const std::string& path, uint64_t from, uint64_t to) {
  auto it = durable_.files.find(path);
  if (it == durable_.files.end()) return false;
  SparseBytes& durable = it->second->durable;
  from -= from % kSector;
  to -= to % kSector;
  if (std::max(from, to) + kSector > durable.size()) return false;
  const std::string sector = durable.Read(from, kSector);
  durable.Write(to, sector);
  it->second->cached.Write(to, sector);
  return true;
}

bool SimDisk::ClearSector(const std::string& path, uint64_t offset) {
  auto it = durable_.files.find(path);
  offset -= offset % kSector;
  if (it == durable_.files.end() || offset + kSector > it->second->durable.size()) return false;
  const std::string zeros(kSector, '\0');
  it->second->durable.Write(offset, zeros);
  it->second->cached.Write(offset, zeros);
  return true;
}

bool SimDisk::LoseFile(const std::string& path) {
  if (durable_.files.erase(path) == 0) return false;
  cached_.files.erase(path);
  return true;
}

std::map<std::string, uint64_t> SimDisk::SyncedExtents(const std::string& folder) const {
  std::map<std::string, uint64_t> extents;
  for (const auto& [path, inode] : durable_.files) {
    if (Parent(path) == folder) extents[path] = inode->synced_extent;
  }
  return extents;
}

}  // namespace isochron::sim
