// SPDX-License-Identifier: Apache-2.0
#include "sim/runner/run.h"

#include "common/coding.h"

namespace isochron::sim {

std::string EncodeResult(const RunResult& result) {
  std::string bytes;
  Writer w(&bytes);
  w.Fixed64(result.seed);
  w.Fixed64(result.trace);
  w.Varint(result.events);
  w.Zigzag(result.virtual_us);
  w.Varint(result.anomalies.size());
  for (const Anomaly& a : result.anomalies) {
    w.Bytes(a.name);
    w.Bytes(a.what);
  }
  w.Varint(result.timeline.size());
  for (const std::string& line : result.timeline) w.Bytes(line);
  w.Varint(result.counts.size());
  for (const auto& [name, count] : result.counts) {
    w.Bytes(name);
    w.Zigzag(count);
  }
  return bytes;
}

bool DecodeResult(absl::string_view bytes, RunResult* result) {
  Reader r(bytes);
  *result = RunResult();
  uint64_t n = 0;
  r.Fixed64(&result->seed);
  r.Fixed64(&result->trace);
  r.Varint(&result->events);
  r.Zigzag(&result->virtual_us);
  r.Varint(&n);
  for (uint64_t i = 0; i < n && r.ok(); ++i) {
    Anomaly a;
    r.Bytes(&a.name);
    r.Bytes(&a.what);
    result->anomalies.push_back(std::move(a));
  }
  n = 0;
  r.Varint(&n);
  for (uint64_t i = 0; i < n && r.ok(); ++i) r.Bytes(&result->timeline.emplace_back());
  n = 0;
  r.Varint(&n);
  for (uint64_t i = 0; i < n && r.ok(); ++i) {
    std::string name;
    int64_t count = 0;
    r.Bytes(&name);
    r.Zigzag(&count);
    result->counts[name] = count;
  }
  return r.ok() && r.AtEnd();
}

}  // namespace isochron::sim
