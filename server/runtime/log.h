// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_LOG_H_
#define ISOCHRON_SERVER_RUNTIME_LOG_H_

// The server's log: one line an event on standard error, "TIME LEVEL message". Safe from any
// thread; a line is one write, so lines of different threads do not mix. Not for the hot path.

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace isochron::runtime {

enum class LogLevel { kInfo, kWarning, kError };

void LogLine(LogLevel level, absl::string_view message);

template <typename... Args>
void LogInfo(const Args&... args) {
  LogLine(LogLevel::kInfo, absl::StrCat(args...));
}
template <typename... Args>
void LogWarning(const Args&... args) {
  LogLine(LogLevel::kWarning, absl::StrCat(args...));
}
template <typename... Args>
void LogError(const Args&... args) {
  LogLine(LogLevel::kError, absl::StrCat(args...));
}

// Put before every message, for example "n3"; set once, before other threads start.
void SetLogName(absl::string_view name);

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_LOG_H_
