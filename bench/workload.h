// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_WORKLOAD_H_
#define ISOCHRON_BENCH_WORKLOAD_H_

// A workload of `isochron bench`: sets its tables up, is run by many client threads at once, then
// checks what it left behind.
//
// Each client thread has a Client (its own connection) and Stats of its own. Only ends-in-_ members
// that Setup made, and what a workload guards itself, are shared.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bench/stats.h"
#include "client/client.h"
#include "common/random.h"
#include "nlohmann/json.hpp"
#include "shell/options.h"

namespace isochron::bench {

using Json = nlohmann::ordered_json;

int64_t NowUs();  // monotonic
void SleepMs(int64_t ms);
double Round(double v);  // to three decimals

struct ClientRun {
  int number = 0;  // of the client, from 0
  client::Client* client = nullptr;
  Random random{1};
  Stats stats;
  const std::atomic<bool>* stop = nullptr;
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual absl::Status Setup(client::Client* client) = 0;
  // One operation, counted in run->stats.
  virtual void Step(ClientRun* run) = 0;
  // Threads besides the clients, such as readers that check; each calls Watch until stop.
  virtual int watchers() const { return 0; }
  virtual void Watch(ClientRun* /*run*/) {}
  // After all clients stopped. Adds to the report; a status other than OK is a finding.
  virtual absl::Status Check(client::Client* client, Json* report) = 0;
};

std::unique_ptr<Workload> MakeKv(const shell::Flags& flags);
std::unique_ptr<Workload> MakeBank(const shell::Flags& flags);
// Lists or registers whose history is recorded (history.h).
std::unique_ptr<Workload> MakeAppend(const shell::Flags& flags);
std::unique_ptr<Workload> MakeRegister(const shell::Flags& flags);
std::unique_ptr<Workload> MakeSnapshot(const shell::Flags& flags);
// `letter` is a to f.
std::unique_ptr<Workload> MakeYcsb(char letter, const shell::Flags& flags);

// Tries for a while: the universe may be in the middle of a failover.
absl::StatusOr<client::Result> ExecutePatiently(client::Client* client, const std::string& sql,
                                                const std::vector<client::Value>& params = {});
absl::StatusOr<Counters> ReadCounters(client::Client* client);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_WORKLOAD_H_
