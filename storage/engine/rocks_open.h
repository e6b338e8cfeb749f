// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_ROCKS_OPEN_H_
#define ISOCHRON_STORAGE_ENGINE_ROCKS_OPEN_H_

// Opening the store's RocksDB: its tuning, and clear words for what can be wrong with its folder.
//
// Internal to rocks_engine.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/cache.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "storage/engine/rocks_engine.h"

namespace isochron::storage {

struct OpenedRocks {
  std::unique_ptr<rocksdb::DB> db;
  std::shared_ptr<rocksdb::Cache> cache;
};

// Errors as of RocksEngine::Open.
absl::StatusOr<OpenedRocks> OpenRocks(const std::string& folder, const RocksOptions& options,
                                      std::shared_ptr<rocksdb::EventListener> listener,
                                      std::shared_ptr<rocksdb::CompactionFilterFactory> filters);

// Changes nothing. Errors as of RocksEngine::Open; NOT_FOUND where there is no store.
absl::StatusOr<OpenedRocks> OpenRocksReadOnly(const std::string& folder);

// Reads every block of every file.
std::vector<DamagedFile> CheckRocksFiles(rocksdb::DB* db, uint64_t* files);

// Every store holds a record that names its format. Writes it, durably, into an empty store.
// FAILED_PRECONDITION when it is missing from one that is not empty, or names another format.
absl::Status CheckRocksMarker(rocksdb::DB* db, const std::string& folder);

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_ROCKS_OPEN_H_
