// SPDX-License-Identifier: Apache-2.0
#include "shell/options.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/nearest.h"

namespace isochron::shell {
namespace {

absl::Status Unknown(const std::vector<FlagSpec>& specs, const std::string& name) {
  std::vector<std::string> known;
  for (const FlagSpec& s : specs) known.push_back(s.name);
  const std::string nearest = Nearest(name, known);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag --", name,
                   nearest.empty() ? "" : absl::StrCat("; did you mean --", nearest, "?")));
}

}  // namespace

absl::StatusOr<Flags> Flags::Parse(const std::vector<FlagSpec>& specs,
                                   const std::vector<std::string>& args) {
  Flags flags;
  for (const FlagSpec& s : specs) flags.values_[s.name] = {s.is_switch ? "false" : s.initial};
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    std::string name;
    std::string value;
    bool has_value = false;
    if (absl::StartsWith(arg, "--") && arg.size() > 2) {
      const size_t equals = arg.find('=');
      name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
      has_value = equals != std::string::npos;
      if (has_value) value = arg.substr(equals + 1);
    } else if (arg.size() == 2 && arg[0] == '-') {
      name = arg.substr(1);
      for (const FlagSpec& s : specs) {
        if (s.short_name == arg[1]) name = s.name;
      }
    } else {
      flags.arguments_.push_back(arg);
      continue;
    }
    auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) { return s.name == name; });
    if (spec == specs.end()) return Unknown(specs, name);
    if (!has_value) {
      if (spec->is_switch) {
        value = "true";
      } else if (i + 1 < args.size()) {
        value = args[++i];
      } else {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
      }
    }
    const auto& choices = spec->choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", name, " is one of ", absl::StrJoin(choices, ", "), ", not \"", value, "\""));
    }
    if (flags.given_[name]++ == 0) flags.values_[name].clear();
    flags.values_[name].push_back(value);
  }
  return flags;
}

std::vector<std::string> Flags::All(const std::string& name) const {
  return Given(name) ? values_.at(name) : std::vector<std::string>();
}

absl::StatusOr<int64_t> Flags::Number(const std::string& name, int64_t min, int64_t max) const {
  int64_t n = 0;
  if (!absl::SimpleAtoi(Text(name), &n) || n < min || n > max) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, " is a number from ", min, " to ",
                                                   max, ", not \"", Text(name), "\""));
  }
  return n;
}

std::string FlagHelp(const std::vector<FlagSpec>& specs) {
  std::string out;
  for (const FlagSpec& s : specs) {
    const std::string shown =
        absl::StrCat(s.short_name != 0 ? absl::StrCat("-", std::string(1, s.short_name), ", ") : "",
                     "--", s.name);
    absl::StrAppendFormat(&out, "  %-20s %s%s\n", shown, s.help,
                          s.initial.empty() ? "" : absl::StrCat(" (", s.initial, ")"));
  }
  return out;
}

}  // namespace isochron::shell
