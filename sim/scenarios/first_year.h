// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SCENARIOS_FIRST_YEAR_H_
#define ISOCHRON_SIM_SCENARIOS_FIRST_YEAR_H_

// The failures of a new cluster's first year, a scenario each: `isochron sim --scenario NAME`, or
// first-year for all of them. docs/operating/failures.md has what each did to the service.
//
// Five machines, each standing for a rack (or, where the network is what fails, for a site), with a
// replica of every group on each; where replicas are replaced, three of the five. Long outages are
// cut short: once others have taken over nothing changes any more. All checkers are on.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/runner/run.h"

namespace isochron::sim {

std::vector<std::string> FirstYearNames();
RunResult RunFirstYear(const RunOptions& options, const std::string& name);

// Sums over the seeds of one scenario.
class ScenarioRow {
 public:
  explicit ScenarioRow(std::string name) : name_(std::move(name)) {}
  void Add(const RunResult& result);

  double availability() const;  // the share of writes that succeeded during the event and after it
  double gap_s() const { return static_cast<double>(gap_ms_) / 1000; }            // the longest
  double recovery_s() const { return static_cast<double>(recovery_ms_) / 1000; }  // the longest
  int64_t violations() const { return violations_; }
  // As in the table; without the numbers of the last four columns when nothing was added.
  std::string Markdown() const;

 private:
  std::string name_;
  int64_t tried_ = 0;
  int64_t ok_ = 0;
  int64_t event_ms_ = 0;
  int64_t gap_ms_ = 0;
  int64_t recovery_ms_ = 0;
  int64_t committed_ = 0;
  int64_t violations_ = 0;
};

std::string FirstYearTableHead();

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SCENARIOS_FIRST_YEAR_H_
