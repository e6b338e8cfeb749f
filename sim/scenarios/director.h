// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SCENARIOS_DIRECTOR_H_
#define ISOCHRON_SIM_SCENARIOS_DIRECTOR_H_

// What a scenario's script may do to a universe. A machine stands for its rack: all that is in it
// fails together. Racks are numbered from 0, in an order drawn from the seed. Each step that lets
// time pass says so.

#include <vector>

#include "common/random.h"
#include "sim/scenarios/service_probe.h"
#include "sim/universe/nemesis.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

class Director {
 public:
  Director(Universe* universe, ServiceProbe* probe, Random random);

  size_t racks() const { return order_.size(); }
  Random& random() { return random_; }
  void Pass(Micros us) { universe_->RunFor(us); }

  void PowerOff(size_t rack);
  void Kill(size_t rack);
  void PowerOn(size_t rack);
  // Hands over all that it leads, and waits until it leads nothing; passes time.
  void Drain(size_t rack);
  // Not heard by the others, nor hearing them.
  void Cut(size_t rack);
  void CutPair(size_t a, size_t b);
  void HealNetwork();
  // Of what it sends and gets.
  void Lose(size_t rack, double rate);
  void Reachable(size_t rack, bool from_outside);
  void SlowDisk(size_t rack, bool slow);
  void Pause(size_t rack, bool paused);
  void SlowDown(size_t rack, Micros turn_us);
  void LoseClock(size_t rack, bool lost);
  void SetClock(size_t rack, Micros off_us);
  // The profile's faults at their own rates, for so long; passes time.
  void NemesisFor(Micros us);
  // All is well again.
  void Mend();

 private:
  SimNode* At(size_t rack) { return universe_->nodes()[order_[rack]].get(); }
  NodeId IdOf(size_t rack) { return At(rack)->id(); }

  Universe* universe_;
  ServiceProbe* probe_;
  Random random_;
  std::vector<size_t> order_;
  sim::Nemesis nemesis_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SCENARIOS_DIRECTOR_H_
