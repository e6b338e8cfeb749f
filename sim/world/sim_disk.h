// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SIM_DISK_H_
#define ISOCHRON_SIM_WORLD_SIM_DISK_H_

// One node's disk: it outlives the node's processes, which see it through Mount().
//
// Each file has a page cache image, which processes read and write, and a durable image.
//   process crash  the page cache survives, unsynced writes included and still unsynced; a queued
//                  asynchronous write that had not begun is lost (rule 34)
//   power crash    every unsynced write is lost, kept or torn at a sector boundary, each by its own
//                  draw; of the unsynced changes of names (create, rename, remove) a prefix
//                  survives
//   failed sync    the writes it covered stay in the page cache but never reach the medium, not
//                  even with a later sync that succeeds (rule 34: a retry can lie)
//   slow sync      asynchronous syncs take a drawn time, now and then a long one
//   bit flip       a bit of the durable image turns over at a power crash
//   full           only so many bytes more can be allocated: preallocating and growing beyond fails
//                  with RESOURCE_EXHAUSTED, as writing into what is allocated does not
//   death          the process dies within its n-th operation, which is done in part: a write by a
//                  prefix, a sync by some of what it covers, a change of names or not. Nothing that
//                  the process still tries has any effect
//   others         a sector lies where another belongs, a file is lost: when asked for

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/disk.h"
#include "common/random.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sparse_bytes.h"

namespace isochron::sim {

struct DiskOptions {
  Micros sync_min_us = 100;
  Micros sync_max_us = 500;
  double slow_sync_rate = 0;
  Micros slow_sync_us = 0;
  double fail_sync_rate = 0;
  double flip_rate = 0;  // a power crash
};

class SimDisk {
 public:
  SimDisk(DiskOptions options, Random random);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // The disk as one process incarnation sees it. Destroy it, and the files opened through it, after
  // the process crashed and before the next Mount.
  std::unique_ptr<Disk> Mount(SimExecutor* executor);

  void SetOptions(DiskOptions options) { options_ = options; }
  // How much can still be allocated; removing files gives their size back.
  void SetFree(uint64_t bytes) { free_bytes_ = bytes; }
  static constexpr uint64_t kPlenty = uint64_t{1} << 42;
  uint64_t refused_for_space() const { return refused_for_space_; }

  // The process dies in the middle of its `n`th operation from now, and `die` is called: it must
  // see to the crash, since the process is still on the stack. 0: not any more.
  void DieAt(uint64_t n, std::function<void()> die);
  // It did, and nothing was mounted since.
  bool died() const { return died_; }
  uint64_t operations() const { return operations_; }

  // Call with no process mounted. A process crash needs no call: the page cache is the machine's.
  void CrashPower();
  // Everything is gone (a wiped data folder).
  void Wipe();

  uint64_t syncs() const { return syncs_; }
  uint64_t failed_syncs() const { return failed_syncs_; }
  // Damages a byte of a durable file, in the page cache too. False if there is none.
  bool FlipDurableBit(const std::string& path, uint64_t offset, int bit);
  // A sector is written where another one belongs: `to` holds what `from` holds. The same return.
  bool Misdirect(const std::string& path, uint64_t from, uint64_t to);
  // The sector at `offset` holds zeros. The same return.
  bool ClearSector(const std::string& path, uint64_t offset);
  // The file is gone, durably. False if there is none.
  bool LoseFile(const std::string& path);
  // The durable files of a folder, and how far each was ever written and synced.
  std::map<std::string, uint64_t> SyncedExtents(const std::string& folder) const;

 private:
  class MountedFile;
  class MountedDisk;

  struct Change {  // an unsynced change of a file's bytes
    enum Kind { kWrite, kResize } kind;
    uint64_t offset;  // or the new size
    std::string data;
  };
  struct Inode {
    SparseBytes cached;
    SparseBytes durable;
    std::vector<Change> unsynced;
    uint64_t synced_extent = 0;
    uint64_t settled = 0;  // changes before those, synced or failed
    uint64_t End() const { return settled + unsynced.size(); }
  };
  using InodePtr = std::shared_ptr<Inode>;
  struct Names {
    std::map<std::string, InodePtr> files;
    std::set<std::string> folders;
  };
  struct NameChange {
    enum Kind { kCreate, kRename, kRemove, kMakeFolder } kind;
    std::string path;
    std::string to;
    InodePtr inode;
  };

  static std::string Parent(const std::string& path);
  static void Apply(const Change& change, SparseBytes* bytes);
  static void Apply(const NameChange& change, Names* names);
  void Write(Inode* inode, uint64_t offset, absl::string_view data);
  void Resize(Inode* inode, uint64_t size);
  // Makes the changes before the `end`th ever durable, or fails as the options say.
  absl::Status SyncBefore(Inode* inode, uint64_t end);
  void LosePower(Inode* inode);
  // One operation more. True: it is the one to die in.
  bool DiesNow();
  static absl::Status Dead() { return absl::UnavailableError("the process is dead"); }
  // The first writes of a sync that was cut short.
  void SyncSome(Inode* inode, uint64_t end);
  absl::Status SyncNames(const std::string& folder);

  DiskOptions options_;
  Random random_;
  Names cached_;
  Names durable_;
  std::vector<NameChange> unsynced_names_;
  // Takes what `inode` needs more to be `size` bytes long.
  absl::Status Allocate(Inode* inode, uint64_t size);
  void Free(uint64_t bytes) { free_bytes_ = std::min(kPlenty, free_bytes_ + bytes); }

  uint64_t free_bytes_ = kPlenty;
  uint64_t refused_for_space_ = 0;
  uint64_t operations_ = 0;
  uint64_t dies_at_ = 0;
  std::function<void()> die_;
  bool died_ = false;
  uint64_t syncs_ = 0;
  uint64_t failed_syncs_ = 0;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SIM_DISK_H_
