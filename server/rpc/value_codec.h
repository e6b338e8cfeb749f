// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_VALUE_CODEC_H_
#define ISOCHRON_SERVER_RPC_VALUE_CODEC_H_

// SQL types and values in the forms of google.spanner.v1: INT64 as a string of digits, TIMESTAMP as
// RFC 3339, BYTES as base64, FLOAT64 as a number or "NaN", "Infinity", "-Infinity".
//
// Parameters are named p1, p2, ... for $1, $2, ... ("$1" and "1" are understood too). One without a
// declared type is given as text, and the statement decides its type. Stateless.

#include "absl/status/statusor.h"
#include "common/types.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/spanner/v1/type.pb.h"
#include "sql/types/datum.h"

namespace isochron::rpc {

void EncodeType(sql::Type type, google::spanner::v1::Type* out);
// INVALID_ARGUMENT for a type that this dialect does not have.
absl::StatusOr<sql::Type> DecodeType(const google::spanner::v1::Type& type);

void EncodeColumns(const std::vector<sql::ColumnInfo>& columns,
                   google::spanner::v1::StructType* out);

void EncodeValue(sql::Type type, const sql::Datum& value, google::protobuf::Value* out);
// `type` may be kUnknown. INVALID_ARGUMENT if the value does not have the type's form.
absl::StatusOr<sql::TypedDatum> DecodeValue(sql::Type type, const google::protobuf::Value& value);

using ParamTypes = google::protobuf::Map<std::string, google::spanner::v1::Type>;
// INVALID_ARGUMENT names the parameter. Gaps (p1, p3) are NULL of unknown type.
absl::StatusOr<sql::Params> DecodeParams(const google::protobuf::Struct& params,
                                         const ParamTypes& types);

void EncodeTime(Timestamp t, google::protobuf::Timestamp* out);
// INVALID_ARGUMENT out of range.
absl::StatusOr<Timestamp> DecodeTime(const google::protobuf::Timestamp& t);
absl::StatusOr<Micros> DecodeDuration(const google::protobuf::Duration& d);

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_VALUE_CODEC_H_
