// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/workload.h"

#include <utility>

namespace isochron::sim {
namespace {

using Make = std::unique_ptr<Workload> (*)(Random);

constexpr std::pair<const char*, Make> kWorkloads[] = {
    {"bank", NewBank},       {"register", NewRegister}, {"append", NewAppend},
    {"counter", NewCounter}, {"cycle", NewCycle},       {"phantom", NewPhantom},
    {"probes", NewProbes},   {"ddl", NewDdl},           {"schema", NewSchema},
};
// The last ones join by a draw of their own.
constexpr size_t kDrawn = 8;

}  // namespace

std::vector<std::string> WorkloadNames() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kWorkloads) names.emplace_back(name);
  return names;
}

std::unique_ptr<Workload> NewWorkload(const std::string& name, Random random) {
  for (const auto& [known, make] : kWorkloads) {
    if (name == known) return make(random);
  }
  return nullptr;
}

std::vector<std::string> DrawWorkloads(Random random) {
  std::vector<std::string> names = WorkloadNames();
  const std::vector<std::string> others(names.begin() + kDrawn, names.end());
  names.resize(kDrawn);
  const size_t n = 2 + random.Below(2);
  for (size_t i = 0; i < n; ++i) std::swap(names[i], names[i + random.Below(names.size() - i)]);
  names.resize(n);
  for (const std::string& other : others) {
    if (random.OneIn(0.2)) names.push_back(other);
  }
  return names;
}

}  // namespace isochron::sim
