// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_CONFIG_CONFIG_H_
#define ISOCHRON_SERVER_CONFIG_CONFIG_H_

// Settings from flags, environment and file, by one table.
//
// A setting `x_y` is the flag `--x-y V` or `--x-y=V`, the environment variable ISOCHRON_X_Y and the
// key `x_y` of the YAML file that --config names. A flag beats the environment, which beats the
// file, which beats the default. An unknown flag or key is an error that names the nearest one; an
// unknown ISOCHRON_ variable is not: platforms set some by themselves (Kubernetes does for each
// service). A YAML list stands for its items joined by commas.
//
//   Settings s({{"data", Kind::kText, "", "folder of this node's data"}, ...});
//   ISO_RETURN_IF_ERROR(s.Load(args, environment));
//   s.Text("data"), s.Integer("node"), s.DurationUs("lease"), s.Bool("bootstrap")

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::config {

enum class Kind {
  kText,
  kInteger,
  kBool,      // flag alone means true; --no-x means false
  kDuration,  // "5ms", "1m30s"; never a bare number but 0
  kSize,      // "64MiB", "4KiB", "1GiB", "10MB", or plain bytes
};

struct Setting {
  std::string key;  // with underscores
  Kind kind;
  std::string initial;  // the default, as text; empty is allowed for kText only
  std::string help;
  char short_flag = 0;  // for example 'e' for -e
};

// INVALID_ARGUMENT says what is accepted.
absl::StatusOr<int64_t> ParseDurationUs(absl::string_view text);
absl::StatusOr<int64_t> ParseSizeBytes(absl::string_view text);

// A flat YAML mapping of scalars and lists of scalars. INVALID_ARGUMENT with file and line.
absl::StatusOr<std::map<std::string, std::string>> ParseYaml(const std::string& text,
                                                             absl::string_view file);

// Every ISOCHRON_ variable of the process.
std::map<std::string, std::string> ProcessEnvironment();

class Settings {
 public:
  explicit Settings(std::vector<Setting> table);

  // All errors are INVALID_ARGUMENT (exit status 2) and name flag, variable or file key.
  absl::Status Load(const std::vector<std::string>& args,
                    const std::map<std::string, std::string>& environment);
  // Only a file, as `isochron config check` does.
  absl::Status LoadFile(const std::string& file);

  // The setting must be in the table with the kind asked for.
  const std::string& Text(absl::string_view key) const;
  int64_t Integer(absl::string_view key) const;
  bool Bool(absl::string_view key) const;
  int64_t DurationUs(absl::string_view key) const;
  int64_t SizeBytes(absl::string_view key) const;
  // True when flag, environment or file gave it.
  bool Given(absl::string_view key) const;
  // What is no flag, in order; after "--" everything.
  const std::vector<std::string>& positional() const { return positional_; }

  // A line a setting: flag, help, default.
  std::string Help() const;

 private:
  struct Value {
    std::string text;
    int rank = 0;  // 0 default, 1 file, 2 environment, 3 flag
  };
  const Setting* Find(absl::string_view key) const;
  absl::Status Set(const Setting& setting, absl::string_view text, int rank,
                   absl::string_view source);
  absl::Status LoadFlags(const std::vector<std::string>& args);
  absl::Status LoadEnvironment(const std::map<std::string, std::string>& environment);
  absl::StatusOr<const Setting*> FindFlag(absl::string_view flag, bool* negated) const;

  const std::vector<Setting> table_;
  std::map<std::string, Value> values_;
  std::vector<std::string> positional_;
};

}  // namespace isochron::config

#endif  // ISOCHRON_SERVER_CONFIG_CONFIG_H_
