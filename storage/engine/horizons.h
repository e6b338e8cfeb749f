// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_HORIZONS_H_
#define ISOCHRON_STORAGE_ENGINE_HORIZONS_H_

// Which versions a compaction may drop: those that a newer version of their row at or below the
// horizon of their range shadows, seen in the same pass (rule 32).
//
// No read at or above the horizon misses them: it finds the newer one. A pass that does not see the
// newer one keeps the older; tombstones that shadow are kept too, since what lies below them may be
// in files that the pass does not see (MvccStore::CollectGarbage removes those).
//
// HorizonTable is thread-safe: the loop sets it, compaction threads take what is current when their
// pass begins. A ShadowFilter belongs to one pass.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace isochron::storage {

struct VersionHorizon {
  std::string lower;  // engine keys, [lower, upper)
  std::string upper;
  int64_t horizon_us = 0;
};

class HorizonTable {
 public:
  using Horizons = std::shared_ptr<const std::vector<VersionHorizon>>;

  // In key order, without overlaps.
  void Set(std::vector<VersionHorizon> horizons);
  Horizons Get() const;

 private:
  mutable std::mutex mu_;  // guards current_
  Horizons current_ = std::make_shared<const std::vector<VersionHorizon>>();
};

class ShadowFilter {
 public:
  explicit ShadowFilter(HorizonTable::Horizons horizons) : horizons_(std::move(horizons)) {}

  // True when the entry may be dropped. Engine keys come in order.
  bool Drop(absl::string_view engine_key);

 private:
  int64_t HorizonOf(absl::string_view engine_key);

  const HorizonTable::Horizons horizons_;
  size_t at_ = 0;             // the first range that does not end before the key
  std::string row_;           // engine key of the row that is passed, without timestamp
  bool shadowed_ = false;     // a version of it at or below the horizon was seen,
  uint64_t shadowed_by_ = 0;  // its inverted timestamp
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_HORIZONS_H_
