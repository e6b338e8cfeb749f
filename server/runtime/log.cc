// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/log.h"

#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace isochron::runtime {
namespace {

std::string& Name() {
  static std::string* name = new std::string;
  return *name;
}

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "?";
}

}  // namespace

void SetLogName(absl::string_view name) { Name() = absl::StrCat(name, " "); }

void LogLine(LogLevel level, absl::string_view message) {
  const std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()), " ",
                   LevelName(level), " ", Name(), message, "\n");
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace isochron::runtime
