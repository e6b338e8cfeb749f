// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/workload.h"

#include <utility>

namespace isochron::sim {
namespace {

using Make = std::unique_ptr<Workload> (*)(Random);

constexpr std::pair<const char*, Make> kWorkloads[] = {
    {"bank", NewBank},         {"register", NewRegister}, {"append", NewAppend},
    {"counter", NewCounter},   {"cycle", NewCycle},       {"phantom", NewPhantom},
    {"probes", NewProbes},     {"ddl", NewDdl},           {"schema", NewSchema},
    {"sequence", NewSequence}, {"merge", NewMerge},       {"references", NewReferences},
    {"queue", NewQueue},       {"advisory", NewAdvisory}, {"names", NewNames},
    {"enums", NewEnums},       {"rights", NewRights},
};
// The others run where they are asked for.
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
  names.resize(kDrawn);
  const size_t n = 2 + random.Below(2);
  for (size_t i = 0; i < n; ++i) std::swap(names[i], names[i + random.Below(names.size() - i)]);
  names.resize(n);
  return names;
}

}  // namespace isochron::sim
