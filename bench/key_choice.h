// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_KEY_CHOICE_H_
#define ISOCHRON_BENCH_KEY_CHOICE_H_

// Which key an operation takes: all alike, or a few much more often than the rest.
//
// Zipf's law with exponent theta in [0, 1): the i-th most wanted of n keys has a share of
// 1 / i^theta (Gray et al., "Quickly generating billion-record synthetic databases", 1994, which
// the YCSB workloads use too). Theta 0 is uniform. The popular keys are scattered over the key
// space, so that a skewed load is not also a load on one group; "latest" puts them at its end.
//
// Const after construction: clients share one.

#include <cstdint>

#include "common/random.h"

namespace isochron::bench {

class KeyChoice {
 public:
  // Of the keys 0..n-1, n >= 1.
  KeyChoice(int64_t n, double theta);

  int64_t Scattered(Random* random) const;
  // Counted back from `newest`, the greatest key there is; never below 0.
  int64_t Latest(Random* random, int64_t newest) const;

 private:
  // 0 is the most wanted.
  int64_t Rank(Random* random) const;

  const int64_t n_;
  const double theta_;
  double zeta_n_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_KEY_CHOICE_H_
