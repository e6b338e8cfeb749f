// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_VALUE_CODEC_H_
#define ISOCHRON_SERVER_PGWIRE_VALUE_CODEC_H_

// SQL values as PostgreSQL's clients write and read them, in text and in binary, and the numbers
// (oids) by which they know types. A timestamp in binary counts microseconds from 2000. Pure.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"

namespace isochron::pgwire {

struct PgType {
  int32_t oid;
  int16_t size;  // -1: varies
};
// A value of no known type is text to a client.
PgType PgTypeOf(sql::Type type);

// What a client declared a parameter as. kUnknown for 0, for "unknown" and for a type that we do
// not have: its text form then says it.
sql::Type TypeOfOid(int32_t oid);

// Appends a value that is not NULL. `format` is 0 for text, 1 for binary. Text is in the zone of
// `time`.
void AppendValue(sql::Type type, int16_t format, const sql::Datum& value,
                 const sql::TimeContext& time, std::string* out);

// A parameter, of the type that the statement gives it. 22P02 and the like for text that is no such
// value, 22P03 for binary of the wrong length, 22021 for what is not UTF-8.
absl::StatusOr<sql::Datum> DecodeValue(sql::Type type, int16_t format, absl::string_view bytes,
                                       const sql::TimeContext& time);

// The same as text, of which the statement makes a value of the type that it finds when it runs:
// for types that change, enums and arrays of them.
absl::StatusOr<sql::Datum> DecodeText(sql::Type type, int16_t format, absl::string_view bytes);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_VALUE_CODEC_H_
