// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_COUNTERS_H_
#define ISOCHRON_SERVER_NODE_COUNTERS_H_

// The served node's Observer: named counters, shown by isochron.counters. Loop-thread only.

#include <cstdint>
#include <map>
#include <string>

#include "common/observer.h"

namespace isochron::server {

class Counters : public Observer {
 public:
  void Count(absl::string_view name, int64_t delta) override { Slot(name) += delta; }
  void Reached(absl::string_view name) override { ++Slot(name); }

  const std::map<std::string, int64_t, std::less<>>& values() const { return values_; }
  int64_t Value(absl::string_view name) const {
    auto it = values_.find(std::string_view(name.data(), name.size()));
    return it == values_.end() ? 0 : it->second;
  }

 private:
  int64_t& Slot(absl::string_view name) {
    const std::string_view key(name.data(), name.size());
    auto it = values_.find(key);
    if (it == values_.end()) it = values_.emplace(std::string(key), 0).first;
    return it->second;
  }
  std::map<std::string, int64_t, std::less<>> values_;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_COUNTERS_H_
