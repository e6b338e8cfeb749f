// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/horizons.h"

#include <algorithm>

#include "common/coding.h"
#include "storage/engine/key_space.h"

namespace isochron::storage {

void HorizonTable::Set(std::vector<VersionHorizon> horizons) {
  std::sort(horizons.begin(), horizons.end(),
            [](const VersionHorizon& a, const VersionHorizon& b) { return a.lower < b.lower; });
  auto next = std::make_shared<const std::vector<VersionHorizon>>(std::move(horizons));
  std::lock_guard<std::mutex> lock(mu_);
  current_ = std::move(next);
}

HorizonTable::Horizons HorizonTable::Get() const {
  std::lock_guard<std::mutex> lock(mu_);
  return current_;
}

int64_t ShadowFilter::HorizonOf(absl::string_view engine_key) {
  while (at_ < horizons_->size() && (*horizons_)[at_].upper <= engine_key) ++at_;
  if (at_ == horizons_->size() || engine_key < (*horizons_)[at_].lower) return 0;
  return (*horizons_)[at_].horizon_us;
}

bool ShadowFilter::Drop(absl::string_view engine_key) {
  if (engine_key.size() <= kVersionBytes || engine_key[0] != kDataKey) return false;
  const absl::string_view row = engine_key.substr(0, engine_key.size() - kVersionBytes);
  const uint64_t inverted = LoadBigEndian64(engine_key.data() + row.size());
  if (row != row_) {
    row_.assign(row.data(), row.size());
    shadowed_ = false;
  }
  if (shadowed_) return inverted > shadowed_by_;
  const int64_t horizon = HorizonOf(engine_key);
  if (horizon > 0 && static_cast<int64_t>(~inverted) <= horizon) {
    shadowed_ = true;
    shadowed_by_ = inverted;
  }
  return false;
}

}  // namespace isochron::storage
