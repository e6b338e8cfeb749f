// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_CLIENTS_H_
#define ISOCHRON_SIM_UNIVERSE_CLIENTS_H_

// The clients of a universe: a few of them, each with one request at a time at a random gateway.
//
// When a request ends its client begins the next one, elsewhere, often in the same instant: an
// answer at one gateway is followed by a transaction at another without any delay that could hide a
// missing commit wait (rule 39). When a gateway crashes its clients go on at another.

#include <cstdint>
#include <map>
#include <vector>

#include "common/random.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

class Clients {
 public:
  Clients(Universe* universe, Random random);

  void Start();
  // No client begins another request.
  void Stop() { stopping_ = true; }
  bool idle() const { return running_.empty(); }
  int steps() const { return steps_; }

 private:
  struct Request {
    NodeId gateway;
    uint64_t serial;
  };
  void Next(int client);
  void Ended(int client, uint64_t serial);
  // Clients of a burst are numbered from here and stop when it ends.
  static constexpr int kFirstOfBurst = 100;
  void Burst(int more, Micros for_us);
  // How many steps may have begun by now, so that a run has load to its end.
  int Allowed() const;
  Task<void> Serve(int client, uint64_t serial, Session session, Workload* workload);
  Session NewSession(SimNode* gateway, int client);

  Universe* universe_;
  Random random_;
  bool stopping_ = false;
  int steps_ = 0;
  Micros began_us_ = 0;
  Micros burst_until_us_ = 0;
  uint64_t serial_ = 0;
  std::map<int, Request> running_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_CLIENTS_H_
