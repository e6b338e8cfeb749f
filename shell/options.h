// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_OPTIONS_H_
#define ISOCHRON_SHELL_OPTIONS_H_

// Flags of the client commands: `--x-y V`, `--x-y=V`, `--switch`, and one-letter short forms. An
// unknown one is INVALID_ARGUMENT and names the nearest.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::shell {

struct FlagSpec {
  std::string name;
  bool is_switch = false;
  std::string initial;
  std::string help;
  char short_name = 0;
  // What the value may be, for the message when it is not; empty: anything.
  std::vector<std::string> choices;
};

class Flags {
 public:
  static absl::StatusOr<Flags> Parse(const std::vector<FlagSpec>& specs,
                                     const std::vector<std::string>& args);

  bool Given(const std::string& name) const { return given_.contains(name); }
  // The last value given, else the initial one.
  const std::string& Text(const std::string& name) const { return values_.at(name).back(); }
  // Every value given.
  std::vector<std::string> All(const std::string& name) const;
  bool On(const std::string& name) const { return Text(name) == "true"; }
  // INVALID_ARGUMENT when the value is no number in [min, max].
  absl::StatusOr<int64_t> Number(const std::string& name, int64_t min, int64_t max) const;
  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::map<std::string, int> given_;
  std::vector<std::string> arguments_;
};

std::string FlagHelp(const std::vector<FlagSpec>& specs);

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_OPTIONS_H_
