// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_TIME_CODEC_H_
#define ISOCHRON_SERVER_PGWIRE_TIME_CODEC_H_

// date, time, timestamp, timestamptz and interval in PostgreSQL's binary form: days and
// microseconds from 2000; an interval as microseconds, days, months. Pure.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::pgwire {

// Preconditions of both: sql::IsTimeType(type).
void AppendBinaryTime(sql::Type type, const sql::Datum& value, std::string* out);
// `bytes` are as many as the type has. 22008 out of range.
absl::StatusOr<sql::Datum> DecodeBinaryTime(sql::Type type, absl::string_view bytes);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_TIME_CODEC_H_
