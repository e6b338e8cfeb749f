// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_CRC32C_H_
#define ISOCHRON_COMMON_CRC32C_H_

// CRC-32C (Castagnoli polynomial, reflected, RFC 3720): the checksum of log records and durable
// files. Uses the SSE4.2 instruction where the processor has it, a table elsewhere; both give the
// same value. Safe from any thread.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace isochron {

// The checksum of A+B, given `crc` = the checksum of A. ExtendCrc32c(0, B) is that of B alone.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view data);

inline uint32_t Crc32c(absl::string_view data) { return ExtendCrc32c(0, data); }

namespace crc32c_internal {
// The fallback, visible to its test.
uint32_t ExtendPortable(uint32_t crc, absl::string_view data);
}  // namespace crc32c_internal

}  // namespace isochron

#endif  // ISOCHRON_COMMON_CRC32C_H_
