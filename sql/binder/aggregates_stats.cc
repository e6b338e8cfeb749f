// SPDX-License-Identifier: Apache-2.0
//
// Statistical aggregates over double precision, by the same steps as PostgreSQL's (Youngs and
// Cramer), so that the last digits agree; and the ordered-set aggregates.
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sql/binder/aggregates.h"
#include "sql/binder/resolve.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of one variable, or of two: y, x.
struct Sums {
  double n = 0, sx = 0, sxx = 0, sy = 0, syy = 0, sxy = 0;

  void Add(double y, double x) {
    const double before = n;
    n += 1;
    sx += x;
    sy += y;
    if (before == 0) return;
    const double dx = x * n - sx, dy = y * n - sy, scale = 1.0 / (n * before);
    sxx += dx * dx * scale;
    syy += dy * dy * scale;
    sxy += dx * dy * scale;
  }
  void Add(double x) {
    const double before = n;
    n += 1;
    sx += x;
    if (before == 0) return;
    const double d = x * n - sx;
    sxx += d * d / (n * before);
  }
};

// False for NULL.
using Result = bool (*)(const Sums& s, double* out);

template <Result result, bool pairs>
class Statistic : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    if (pairs) {
      sums_.Add(args[0].float_value(), args[1].float_value());
    } else {
      sums_.Add(args[0].float_value());
    }
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    double v = 0;
    if (result(sums_, &v)) *out = Datum::Float(v);
    return absl::OkStatus();
  }

 private:
  Sums sums_;
};

bool VarPop(const Sums& s, double* out) {
  if (s.n > 0) *out = s.sxx / s.n;
  return s.n > 0;
}
bool VarSamp(const Sums& s, double* out) {
  if (s.n > 1) *out = s.sxx / (s.n - 1);
  return s.n > 1;
}
bool StddevPop(const Sums& s, double* out) {
  if (s.n > 0) *out = std::sqrt(s.sxx / s.n);
  return s.n > 0;
}
bool StddevSamp(const Sums& s, double* out) {
  if (s.n > 1) *out = std::sqrt(s.sxx / (s.n - 1));
  return s.n > 1;
}
bool Corr(const Sums& s, double* out) {
  if (s.n < 1 || s.sxx == 0 || s.syy == 0) return false;
  *out = s.sxy / std::sqrt(s.sxx * s.syy);
  return true;
}
bool CovarPop(const Sums& s, double* out) {
  if (s.n > 0) *out = s.sxy / s.n;
  return s.n > 0;
}
bool CovarSamp(const Sums& s, double* out) {
  if (s.n > 1) *out = s.sxy / (s.n - 1);
  return s.n > 1;
}
bool AvgX(const Sums& s, double* out) {
  if (s.n > 0) *out = s.sx / s.n;
  return s.n > 0;
}
bool AvgY(const Sums& s, double* out) {
  if (s.n > 0) *out = s.sy / s.n;
  return s.n > 0;
}
bool Sxx(const Sums& s, double* out) {
  *out = s.sxx;
  return s.n > 0;
}
bool Syy(const Sums& s, double* out) {
  *out = s.syy;
  return s.n > 0;
}
bool Sxy(const Sums& s, double* out) {
  *out = s.sxy;
  return s.n > 0;
}
bool R2(const Sums& s, double* out) {
  if (s.n < 1 || s.sxx == 0) return false;
  *out = s.syy == 0 ? 1.0 : (s.sxy * s.sxy) / (s.sxx * s.syy);
  return true;
}
bool Slope(const Sums& s, double* out) {
  if (s.n < 1 || s.sxx == 0) return false;
  *out = s.sxy / s.sxx;
  return true;
}
bool Intercept(const Sums& s, double* out) {
  if (s.n < 1 || s.sxx == 0) return false;
  *out = (s.sy - s.sx * s.sxy / s.sxx) / s.n;
  return true;
}

class RegrCount : public Aggregator {
 public:
  absl::Status Add(const Datum*, size_t) override {
    ++count_;
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    *out = Datum::Int(count_);
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
};

// Values in order, all kept.
class Ordered : public Aggregator {
 public:
  absl::Status Start(const Datum* direct, size_t count) override {
    if (count == 0 || direct[0].is_null()) {
      null_ = count > 0;
      return absl::OkStatus();
    }
    fraction_ = direct[0].float_value();
    if (!(fraction_ >= 0 && fraction_ <= 1)) {
      return SqlError(sqlstate::kValueOutOfRange,
                      absl::StrFormat("percentile value %g is not between 0 and 1", fraction_));
    }
    return absl::OkStatus();
  }
  absl::Status Add(const Datum* args, size_t) override {
    bytes_ += args[0].MemoryBytes();
    values_.push_back(args[0]);
    return absl::OkStatus();
  }
  int64_t MemoryBytes() const override { return bytes_; }

 protected:
  bool null_ = false;
  double fraction_ = 0;
  std::vector<Datum> values_;

 private:
  int64_t bytes_ = 0;
};

class PercentileDisc : public Ordered {
 public:
  absl::Status Finish(Datum* out) override {
    if (null_ || values_.empty()) return absl::OkStatus();
    const double row = std::ceil(fraction_ * static_cast<double>(values_.size()));
    *out = values_[row < 1 ? 0 : static_cast<size_t>(row) - 1];
    return absl::OkStatus();
  }
};

class PercentileCont : public Ordered {
 public:
  absl::Status Finish(Datum* out) override {
    if (null_ || values_.empty()) return absl::OkStatus();
    const double row = fraction_ * static_cast<double>(values_.size() - 1);
    const double low = values_[static_cast<size_t>(std::floor(row))].float_value();
    const double high = values_[static_cast<size_t>(std::ceil(row))].float_value();
    const double part = row - std::floor(row);
    *out = Datum::Float(part == 0 ? low : low + part * (high - low));
    return absl::OkStatus();
  }
};

class Mode : public Ordered {
 public:
  absl::Status Finish(Datum* out) override {
    size_t most = 0;
    for (size_t i = 0; i < values_.size();) {
      size_t end = i + 1;
      while (end < values_.size() && CompareDatums(values_[i], values_[end]) == 0) ++end;
      if (end - i > most) {
        most = end - i;
        *out = values_[i];
      }
      i = end;
    }
    return absl::OkStatus();
  }
};

template <typename T>
std::unique_ptr<Aggregator> Make(Type) {
  return std::make_unique<T>();
}

}  // namespace

namespace aggregate_groups {

void AddStatistics(std::vector<AggregateFunction>* out) {
  constexpr Type kF = Type::kFloat8;
  auto add = [out](const char* name, std::vector<Type> args, Type result,
                   std::unique_ptr<Aggregator> (*make)(Type)) -> AggregateFunction& {
    AggregateFunction f;
    f.signature = {name, std::move(args), result, nullptr};
    f.make = make;
    out->push_back(std::move(f));
    return out->back();
  };
  add("var_pop", {kF}, kF, Make<Statistic<VarPop, false>>);
  add("var_samp", {kF}, kF, Make<Statistic<VarSamp, false>>);
  add("variance", {kF}, kF, Make<Statistic<VarSamp, false>>);
  add("stddev_pop", {kF}, kF, Make<Statistic<StddevPop, false>>);
  add("stddev_samp", {kF}, kF, Make<Statistic<StddevSamp, false>>);
  add("stddev", {kF}, kF, Make<Statistic<StddevSamp, false>>);
  add("corr", {kF, kF}, kF, Make<Statistic<Corr, true>>);
  add("covar_pop", {kF, kF}, kF, Make<Statistic<CovarPop, true>>);
  add("covar_samp", {kF, kF}, kF, Make<Statistic<CovarSamp, true>>);
  add("regr_avgx", {kF, kF}, kF, Make<Statistic<AvgX, true>>);
  add("regr_avgy", {kF, kF}, kF, Make<Statistic<AvgY, true>>);
  add("regr_sxx", {kF, kF}, kF, Make<Statistic<Sxx, true>>);
  add("regr_syy", {kF, kF}, kF, Make<Statistic<Syy, true>>);
  add("regr_sxy", {kF, kF}, kF, Make<Statistic<Sxy, true>>);
  add("regr_r2", {kF, kF}, kF, Make<Statistic<R2, true>>);
  add("regr_slope", {kF, kF}, kF, Make<Statistic<Slope, true>>);
  add("regr_intercept", {kF, kF}, kF, Make<Statistic<Intercept, true>>);
  add("regr_count", {kF, kF}, Type::kInt8, Make<RegrCount>);
  add("percentile_cont", {kF, kF}, kF, Make<PercentileCont>).within_group = true;
  AggregateFunction& disc = add("percentile_disc", {kF, kAnyType}, kAnyType, Make<PercentileDisc>);
  disc.within_group = true;
  add("mode", {kAnyType}, kAnyType, Make<Mode>).within_group = true;
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
