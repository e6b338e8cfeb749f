// SPDX-License-Identifier: Apache-2.0

// The simulator as a program of its own, for whoever works on the protocol: it links nothing of the
// server's doors, so it builds faster than `isochron sim`, which is the same.

#include "sim/sim_main.h"

int main(int argc, char** argv) {
  return isochron::sim::RunSim(std::vector<std::string>(argv + 1, argv + argc));
}
