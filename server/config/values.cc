// SPDX-License-Identifier: Apache-2.0
#include <yaml.h>

#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "server/config/config.h"

namespace isochron::config {
namespace {

struct Unit {
  const char* name;
  double bytes;
};
constexpr Unit kUnits[] = {{"KiB", 1024.0},
                           {"MiB", 1024.0 * 1024},
                           {"GiB", 1024.0 * 1024 * 1024},
                           {"KB", 1e3},
                           {"MB", 1e6},
                           {"GB", 1e9},
                           {"B", 1}};

// Walks libyaml's events; only a flat mapping is accepted.
class YamlReader {
 public:
  YamlReader(const std::string& text, absl::string_view file) : file_(file) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~YamlReader() {
    if (have_event_) yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }

  absl::StatusOr<std::map<std::string, std::string>> Read() {
    std::map<std::string, std::string> out;
    for (;;) {
      if (!Next()) return Error(parser_.problem != nullptr ? parser_.problem : "not YAML");
      if (event_.type == YAML_STREAM_END_EVENT) return out;
      if (event_.type == YAML_MAPPING_START_EVENT) break;
      if (event_.type == YAML_SCALAR_EVENT && event_.data.scalar.length == 0) continue;
      if (event_.type == YAML_SCALAR_EVENT || event_.type == YAML_SEQUENCE_START_EVENT) {
        return Error("expected lines of `key: value`");
      }
    }
    for (;;) {
      if (!Next()) return Error(parser_.problem);
      if (event_.type == YAML_MAPPING_END_EVENT) return out;
      if (event_.type != YAML_SCALAR_EVENT) return Error("expected a key");
      const std::string key = Scalar();
      if (out.contains(key)) return Error(absl::StrCat("the key ", key, " stands twice"));
      absl::StatusOr<std::string> value = ReadValue(key);
      if (!value.ok()) return value.status();
      out[key] = *std::move(value);
    }
  }

 private:
  absl::StatusOr<std::string> ReadValue(const std::string& key) {
    if (!Next()) return Error(parser_.problem);
    if (event_.type == YAML_SCALAR_EVENT) return Scalar();
    if (event_.type != YAML_SEQUENCE_START_EVENT) {
      return Error(absl::StrCat("the value of ", key, " is neither a word nor a list of words"));
    }
    std::vector<std::string> items;
    for (;;) {
      if (!Next()) return Error(parser_.problem);
      if (event_.type == YAML_SEQUENCE_END_EVENT) return absl::StrJoin(items, ",");
      if (event_.type != YAML_SCALAR_EVENT) {
        return Error(absl::StrCat("the list ", key, " holds something that is no word"));
      }
      items.push_back(Scalar());
    }
  }
  bool Next() {
    if (have_event_) yaml_event_delete(&event_);
    have_event_ = yaml_parser_parse(&parser_, &event_) != 0;
    return have_event_;
  }
  std::string Scalar() const {
    return std::string(reinterpret_cast<const char*>(event_.data.scalar.value),
                       event_.data.scalar.length);
  }
  absl::Status Error(absl::string_view why) const {
    const size_t line = have_event_ ? event_.start_mark.line : parser_.problem_mark.line;
    return absl::InvalidArgumentError(absl::StrCat(file_, ", line ", line + 1, ": ", why));
  }

  const std::string file_;
  yaml_parser_t parser_;
  yaml_event_t event_;
  bool have_event_ = false;
};

}  // namespace

absl::StatusOr<int64_t> ParseDurationUs(absl::string_view text) {
  absl::Duration d;
  if (!absl::ParseDuration(text, &d) || d < absl::ZeroDuration() || d > absl::Hours(24 * 3650)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a duration; write for example 5ms, 3s or 1m30s"));
  }
  return absl::ToInt64Microseconds(d);
}

absl::StatusOr<int64_t> ParseSizeBytes(absl::string_view text) {
  absl::string_view number = text;
  double factor = 1;
  for (const Unit& u : kUnits) {
    if (absl::ConsumeSuffix(&number, u.name)) {
      factor = u.bytes;
      break;
    }
  }
  double value = 0;
  if (!absl::SimpleAtod(number, &value) || !(value >= 0) || value * factor > 1e18) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a size; write for example 64MiB, 1GiB or 4096"));
  }
  return static_cast<int64_t>(value * factor);
}

absl::StatusOr<std::map<std::string, std::string>> ParseYaml(const std::string& text,
                                                             absl::string_view file) {
  return YamlReader(text, file).Read();
}

}  // namespace isochron::config
