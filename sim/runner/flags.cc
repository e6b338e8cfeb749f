// SPDX-License-Identifier: Apache-2.0
#include "sim/runner/flags.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/nearest.h"
#include "common/status_macros.h"

namespace isochron::sim {
namespace {

absl::Status Unknown(absl::string_view what, absl::string_view word,
                     const std::vector<std::string>& known) {
  const std::string nearest = Nearest(word, known);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", what, " ", word,
                   nearest.empty() ? "; `isochron sim --list` names them all"
                                   : absl::StrCat("; did you mean ", nearest, "?")));
}

absl::Status CheckKnown(absl::string_view what, const std::vector<std::string>& words,
                        const std::vector<std::string>& known) {
  for (const std::string& word : words) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      return Unknown(what, word, known);
    }
  }
  return absl::OkStatus();
}

absl::Status ParseSeeds(const std::string& value, Flags* flags) {
  const std::pair<std::string, std::string> ends = absl::StrSplit(value, absl::MaxSplits("..", 1));
  if (!absl::SimpleAtoi(ends.first, &flags->first) ||
      !absl::SimpleAtoi(ends.second, &flags->last) || flags->first > flags->last) {
    return absl::InvalidArgumentError(
        absl::StrCat("--seeds wants a range such as 1..200, not ", value));
  }
  return absl::OkStatus();
}

absl::Status ParseNumber(absl::string_view name, const std::string& value, uint64_t* out) {
  if (absl::SimpleAtoi(value, out)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", name, " wants a number, not ", value));
}

// NAME or NAME:RATE, with commas between.
absl::Status ParseFaults(const std::string& value, const KnownNames& known, Flags* flags) {
  for (absl::string_view word : absl::StrSplit(value, ',')) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits(':', 1));
    flags->run.faults.push_back(parts.first);
    if (word.find(':') == absl::string_view::npos) continue;
    double rate = 0;
    if (!absl::SimpleAtod(parts.second, &rate) || !(rate >= 0 && rate <= 100'000)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the rate of a fault is a number, as in loss:0.2 or crash:10, not ", word));
    }
    flags->run.fault_rates[parts.first] = rate;
  }
  return CheckKnown("fault", flags->run.faults, known.faults);
}

absl::Status ApplyFlag(const std::string& name, const std::string& value, const KnownNames& known,
                       Flags* flags) {
  uint64_t number = 0;
  if (name == "seed") {
    ISO_RETURN_IF_ERROR(ParseNumber(name, value, &number));
    flags->first = flags->last = number;
  } else if (name == "seeds") {
    return ParseSeeds(value, flags);
  } else if (name == "workload") {
    flags->run.workloads = absl::StrSplit(value, ',');
    return CheckKnown("workload", flags->run.workloads, known.workloads);
  } else if (name == "fault") {
    return ParseFaults(value, known, flags);
  } else if (name == "scenario") {
    flags->scenario = value;
    return CheckKnown("scenario", {value}, known.scenarios);
  } else if (name == "clients") {
    ISO_RETURN_IF_ERROR(ParseNumber(name, value, &number));
    if (number < 1 || number > 200) return absl::InvalidArgumentError("--clients wants 1 to 200");
    flags->run.clients = static_cast<int>(number);
  } else if (name == "run-seconds") {
    ISO_RETURN_IF_ERROR(ParseNumber(name, value, &number));
    if (number < 1 || number > 3600) {
      return absl::InvalidArgumentError("--run-seconds wants 1 to 3600");
    }
    flags->run.run_us = static_cast<Micros>(number) * 1'000'000;
  } else if (name == "workload-file") {
    flags->run.sql_path = value;
  } else if (name == "check-history") {
    flags->check_history = value;
  } else if (name == "sabotage") {
    const auto sabotage = SabotageFromName(value);
    if (!sabotage) {
      std::vector<std::string> names;
      for (Sabotage s : AllSabotages()) names.emplace_back(SabotageName(s));
      return Unknown("sabotage", value, names);
    }
    flags->run.sabotage = *sabotage;
  } else {
    ISO_RETURN_IF_ERROR(ParseNumber(name, value, &number));
    if (number < 1 || number > 64) return absl::InvalidArgumentError("--jobs wants 1 to 64");
    flags->jobs = static_cast<int>(number);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& args, const KnownNames& known) {
  static const std::vector<std::string> kValued = {
      "seed", "seeds",   "workload",    "fault",         "scenario",     "sabotage",
      "jobs", "clients", "run-seconds", "workload-file", "check-history"};
  static const std::vector<std::string> kSwitches = {"trace", "explain", "shrink",
                                                     "json",  "list",    "counts"};
  Flags flags;
  for (size_t i = 0; i < args.size(); ++i) {
    absl::string_view arg = args[i];
    if (!absl::ConsumePrefix(&arg, "--")) {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", args[i]));
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(arg, absl::MaxSplits('=', 1));
    const std::string& name = parts.first;
    if (std::find(kSwitches.begin(), kSwitches.end(), name) != kSwitches.end()) {
      flags.run.trace |= name == "trace";
      flags.run.explain |= name == "explain";
      flags.shrink |= name == "shrink";
      flags.json |= name == "json";
      flags.list |= name == "list";
      flags.counts |= name == "counts";
      // `--explain 46` is `--seed 46 --explain`.
      const bool takes_seed = name == "explain" || name == "shrink";
      if (takes_seed && i + 1 < args.size() && absl::SimpleAtoi(args[i + 1], &flags.first)) {
        flags.last = flags.first;
        ++i;
      }
      continue;
    }
    if (std::find(kValued.begin(), kValued.end(), name) == kValued.end()) {
      std::vector<std::string> all;
      for (const auto* some : {&kValued, &kSwitches}) {
        for (const std::string& known_flag : *some) all.push_back(absl::StrCat("--", known_flag));
      }
      return Unknown("flag", absl::StrCat("--", name), all);
    }
    std::string value = parts.second;
    if (arg.find('=') == absl::string_view::npos) {
      if (++i == args.size()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " wants a value"));
      }
      value = args[i];
    }
    ISO_RETURN_IF_ERROR(ApplyFlag(name, value, known, &flags));
  }
  return flags;
}

}  // namespace isochron::sim
