// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/rocks_open.h"

#include <cstdarg>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/table.h"
#include "storage/engine/key_space.h"
#include "storage/engine/rocks_flush.h"

namespace isochron::storage {
namespace {

constexpr char kFormat[] = "isochron store 1";

// The part of a data key that all versions of a row share. Metadata has no prefix.
class VersionPrefixTransform : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "isochron.VersionPrefix.1"; }
  bool InDomain(const rocksdb::Slice& key) const override {
    return key.size() > kVersionBytes + 2 && key[0] == kDataKey;
  }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return rocksdb::Slice(key.data(), key.size() - kVersionBytes);
  }
};

// RocksDB's own messages, unsaid.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// What a write to metadata is found near: the last one of its prefix, that is of the same kind and
// group ('m', 'g', group, kind). Applied indexes overwrite one key, and attempts come in the order
// of time, so that such an insert into a memtable costs no search. Rows are all over the place.
class MetaHintTransform : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "isochron.MetaHint.1"; }
  bool InDomain(const rocksdb::Slice& key) const override {
    return IsInsertedByHint(absl::string_view(key.data(), key.size()));
  }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return rocksdb::Slice(key.data(), kHintBytes);
  }
};

// Files that RocksDB makes before a new database is complete.
bool IsLeftOverOfCreation(const std::string& name) {
  return name == "LOCK" || name == "IDENTITY" || absl::StartsWith(name, "LOG") ||
         absl::StartsWith(name, "MANIFEST-") || absl::StartsWith(name, "OPTIONS-") ||
         absl::EndsWith(name, ".dbtmp");
}

absl::Status PrepareFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder, error)) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot make the folder ", folder,
                     " for the store: ", error ? error.message() : "it is not a folder",
                     "; choose another data folder or change its permissions"));
  }
  if (std::filesystem::exists(folder + "/CURRENT", error)) return absl::OkStatus();
  std::filesystem::directory_iterator it(folder, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot read the folder ", folder, ": ", error.message()));
  }
  for (const auto& entry : it) {
    const std::string name = entry.path().filename().string();
    if (!IsLeftOverOfCreation(name)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the folder ", folder, " holds '", name,
                       "', which is not part of a store; nothing was changed, choose another "
                       "data folder"));
    }
  }
  return absl::OkStatus();
}

absl::Status OpenError(const rocksdb::Status& s, const std::string& folder) {
  const std::string text = s.ToString();
  if (absl::StrContains(text, "lock hold by") || absl::StrContains(text, "lock file")) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store in ", folder, " is open in another process; stop that one first"));
  }
  if (absl::StrContains(text, "Permission denied") || absl::StrContains(text, "Read-only file")) {
    return absl::PermissionDeniedError(absl::StrCat("the store in ", folder,
                                                    " cannot be written; change the permissions of "
                                                    "the folder: ",
                                                    text));
  }
  return FromRocks(s, absl::StrCat("cannot open the store in ", folder));
}

rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = 8 << 10;
  table.format_version = 5;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // Rows are looked up by prefix (any version), metadata is small: one filter, of prefixes.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = false;
  return table;
}

rocksdb::Options MakeOptions(const RocksOptions& from) {
  rocksdb::Options o;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  o.max_open_files = from.max_open_files;
  o.prefix_extractor = std::make_shared<VersionPrefixTransform>();

  // One writer, no log.
  o.allow_concurrent_memtable_write = false;
  o.avoid_flush_during_shutdown = true;
  o.max_bgerror_resume_count = 0;  // a failed flush is final (rule 34)

  o.write_buffer_size = from.write_buffer_bytes;
  o.max_write_buffer_number = from.write_buffers;
  o.memtable_prefix_bloom_size_ratio = 0.06;  // point reads pass by memtables without the row
  o.memtable_insert_with_hint_prefix_extractor = std::make_shared<MetaHintTransform>();
  // Writes should wait for the disk only when memory runs out, not to favour compaction: the log
  // has already paced them.
  o.level0_file_num_compaction_trigger = 4;
  o.level0_slowdown_writes_trigger = 40;
  o.level0_stop_writes_trigger = 80;
  o.level_compaction_dynamic_level_bytes = true;
  o.target_file_size_base = 32 << 20;
  o.max_bytes_for_level_base = 128 << 20;
  o.compression = rocksdb::kLZ4Compression;
  o.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                             rocksdb::kLZ4Compression};
  o.bytes_per_sync = 1 << 20;
  o.max_background_jobs = 2;

  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.keep_log_file_num = 3;
  o.max_log_file_size = 4 << 20;
  return o;
}

}  // namespace

absl::StatusOr<OpenedRocks> OpenRocks(const std::string& folder, const RocksOptions& options,
                                      std::shared_ptr<rocksdb::EventListener> listener,
                                      std::shared_ptr<rocksdb::CompactionFilterFactory> filters) {
  if (absl::Status s = PrepareFolder(folder); !s.ok()) return s;
  OpenedRocks opened;
  opened.cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  rocksdb::Options o = MakeOptions(options);
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(opened.cache)));
  o.listeners.push_back(std::move(listener));
  o.compaction_filter_factory = std::move(filters);
  // One thread to flush and one to compact, for all stores of the process.
  o.env->SetBackgroundThreads(1, rocksdb::Env::HIGH);
  o.env->SetBackgroundThreads(1, rocksdb::Env::LOW);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status s = rocksdb::DB::Open(o, folder, &db);
  if (!s.ok()) return OpenError(s, folder);
  opened.db.reset(db);
  return opened;
}

absl::StatusOr<OpenedRocks> OpenRocksReadOnly(const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder + "/CURRENT", error)) {
    return absl::NotFoundError(absl::StrCat("there is no store in ", folder));
  }
  OpenedRocks opened;
  opened.cache = rocksdb::NewLRUCache(8 << 20);
  rocksdb::Options o = MakeOptions(RocksOptions());
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(opened.cache)));
  o.create_if_missing = false;
  o.info_log = std::make_shared<NoLog>();  // it would be written into the folder
  rocksdb::DB* db = nullptr;
  const rocksdb::Status s = rocksdb::DB::OpenForReadOnly(o, folder, &db);
  if (!s.ok()) return OpenError(s, folder);
  opened.db.reset(db);
  return opened;
}

std::vector<DamagedFile> CheckRocksFiles(rocksdb::DB* db, uint64_t* files) {
  std::vector<rocksdb::LiveFileMetaData> live;
  db->GetLiveFilesMetaData(&live);
  std::vector<DamagedFile> damaged;
  for (const rocksdb::LiveFileMetaData& f : live) {
    rocksdb::Options o = db->GetOptions();
    rocksdb::SstFileReader reader(o);
    rocksdb::Status s = reader.Open(f.db_path + f.name);
    if (s.ok()) s = reader.VerifyChecksum(rocksdb::ReadOptions());
    ++*files;
    if (s.ok()) continue;
    const std::string name = absl::StartsWith(f.name, "/") ? f.name.substr(1) : f.name;
    damaged.push_back({name, s.ToString(), f.smallestkey, f.largestkey});
  }
  return damaged;
}

absl::Status CheckRocksMarker(rocksdb::DB* db, const std::string& folder) {
  const std::string key = MetaKey("store.format");
  std::string found;
  rocksdb::Status s = db->Get(rocksdb::ReadOptions(), key, &found);
  if (s.ok()) {
    if (found == kFormat) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("the store in ", folder, " has the format '",
                                                      found, "', this program reads '", kFormat,
                                                      "'"));
  }
  if (!s.IsNotFound()) return FromRocks(s, absl::StrCat("cannot read the store in ", folder));
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read));
  it->SeekToFirst();
  if (it->Valid()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the folder ", folder, " holds a database of another program; choose another data folder"));
  }
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  s = it->status();
  if (s.ok()) s = db->Put(write, key, kFormat);
  if (s.ok()) s = db->Flush(rocksdb::FlushOptions());
  return FromRocks(s, absl::StrCat("cannot write to the store in ", folder));
}

}  // namespace isochron::storage
