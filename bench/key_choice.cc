// SPDX-License-Identifier: Apache-2.0
#include "bench/key_choice.h"

#include <algorithm>
#include <cmath>

namespace isochron::bench {
namespace {

double Zeta(int64_t n, double theta) {
  double sum = 0;
  for (int64_t i = 1; i <= n; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

// Spreads consecutive ranks: splitmix64's last steps.
uint64_t Scatter(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

KeyChoice::KeyChoice(int64_t n, double theta) : n_(std::max<int64_t>(1, n)), theta_(theta) {
  if (theta_ <= 0) return;
  zeta_n_ = Zeta(n_, theta_);
  alpha_ = 1 / (1 - theta_);
  eta_ = (1 - std::pow(2 / static_cast<double>(n_), 1 - theta_)) / (1 - Zeta(2, theta_) / zeta_n_);
}

int64_t KeyChoice::Rank(Random* random) const {
  if (theta_ <= 0 || n_ < 3) return static_cast<int64_t>(random->Below(static_cast<uint64_t>(n_)));
  const double u = random->NextDouble();
  const double uz = u * zeta_n_;
  if (uz < 1) return 0;
  if (uz < 1 + std::pow(0.5, theta_)) return 1;
  const auto rank =
      static_cast<int64_t>(static_cast<double>(n_) * std::pow(eta_ * u - eta_ + 1, alpha_));
  return std::clamp<int64_t>(rank, 0, n_ - 1);
}

int64_t KeyChoice::Scattered(Random* random) const {
  const int64_t rank = Rank(random);
  if (theta_ <= 0) return rank;
  return static_cast<int64_t>(Scatter(static_cast<uint64_t>(rank) + 1) % static_cast<uint64_t>(n_));
}

int64_t KeyChoice::Latest(Random* random, int64_t newest) const {
  return std::max<int64_t>(0, newest - Rank(random));
}

}  // namespace isochron::bench
