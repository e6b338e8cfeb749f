// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_ERRNO_STATUS_H_
#define ISOCHRON_SERVER_RUNTIME_ERRNO_STATUS_H_

// A failed system call as a Status: "what: reason", the code from errno.

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace isochron::runtime {

inline absl::Status ErrnoStatus(absl::string_view what, int error = errno) {
  return absl::ErrnoToStatus(error, what);
}

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_ERRNO_STATUS_H_
