// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_STATUS_MACROS_H_
#define ISOCHRON_COMMON_STATUS_MACROS_H_

// Early return on error. ISO_ forms are for functions, ISO_CO_ forms for coroutines.

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define ISO_CONCAT_INNER(a, b) a##b
#define ISO_CONCAT(a, b) ISO_CONCAT_INNER(a, b)

#define ISO_RETURN_IF_ERROR(expr)                               \
  do {                                                          \
    if (absl::Status iso_s = (expr); !iso_s.ok()) return iso_s; \
  } while (0)
#define ISO_CO_RETURN_IF_ERROR(expr)                               \
  do {                                                             \
    if (absl::Status iso_s = (expr); !iso_s.ok()) co_return iso_s; \
  } while (0)

#define ISO_ASSIGN_OR_RETURN_IMPL(ret, tmp, lhs, expr) \
  auto tmp = (expr);                                   \
  if (!tmp.ok()) ret tmp.status();                     \
  lhs = std::move(*tmp)
#define ISO_ASSIGN_OR_RETURN(lhs, expr) \
  ISO_ASSIGN_OR_RETURN_IMPL(return, ISO_CONCAT(iso_r, __LINE__), lhs, expr)
#define ISO_CO_ASSIGN_OR_RETURN(lhs, expr) \
  ISO_ASSIGN_OR_RETURN_IMPL(co_return, ISO_CONCAT(iso_r, __LINE__), lhs, expr)

#endif  // ISOCHRON_COMMON_STATUS_MACROS_H_
