// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_ERROR_H_
#define ISOCHRON_SQL_TYPES_ERROR_H_

// How SQL errors travel: an absl::Status whose payloads carry the SQLSTATE, the position in the
// statement's text (1-based, in characters, as PostgreSQL counts) and a hint.
//
// The canonical code follows from the SQLSTATE, so that the Spanner API answers INVALID_ARGUMENT
// where PostgreSQL's protocol answers 42601. Statuses from below SQL carry no payload; SqlStateOf
// maps them by their canonical code.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

namespace sqlstate {
inline constexpr char kConnectionFailure[] = "08006";
inline constexpr char kUnsupported[] = "0A000";
inline constexpr char kCardinalityViolation[] = "21000";
inline constexpr char kStringTooLong[] = "22001";
inline constexpr char kValueOutOfRange[] = "22003";
inline constexpr char kDatetimeFormat[] = "22007";
inline constexpr char kDatetimeOverflow[] = "22008";
inline constexpr char kSequenceLimit[] = "2200H";
inline constexpr char kDivisionByZero[] = "22012";
inline constexpr char kInvalidRowCount[] = "2201W";
inline constexpr char kInvalidRowOffset[] = "2201X";
inline constexpr char kInvalidParameter[] = "22023";
inline constexpr char kInvalidText[] = "22P02";
inline constexpr char kNotNullViolation[] = "23502";
inline constexpr char kForeignKeyViolation[] = "23503";
inline constexpr char kUniqueViolation[] = "23505";
inline constexpr char kCheckViolation[] = "23514";
inline constexpr char kActiveTransaction[] = "25001";
inline constexpr char kReadOnlyTransaction[] = "25006";
inline constexpr char kNoActiveTransaction[] = "25P01";
inline constexpr char kFailedTransaction[] = "25P02";
inline constexpr char kIdleInTransaction[] = "25P03";
inline constexpr char kDependentObjects[] = "2BP01";
inline constexpr char kInvalidSavepoint[] = "3B001";
inline constexpr char kInvalidCatalog[] = "3D000";
inline constexpr char kInvalidSchema[] = "3F000";
inline constexpr char kSerializationFailure[] = "40001";
inline constexpr char kCompletionUnknown[] = "40003";
inline constexpr char kSyntaxError[] = "42601";
inline constexpr char kDuplicateColumn[] = "42701";
inline constexpr char kAmbiguousColumn[] = "42702";
inline constexpr char kUndefinedColumn[] = "42703";
inline constexpr char kUndefinedObject[] = "42704";
inline constexpr char kDuplicateObject[] = "42710";
inline constexpr char kDuplicateAlias[] = "42712";
inline constexpr char kGrouping[] = "42803";
inline constexpr char kDatatypeMismatch[] = "42804";
inline constexpr char kWrongObjectType[] = "42809";
inline constexpr char kCannotCoerce[] = "42846";
inline constexpr char kUndefinedFunction[] = "42883";
inline constexpr char kAmbiguousFunction[] = "42725";
inline constexpr char kGeneratedAlways[] = "428C9";
inline constexpr char kUndefinedTable[] = "42P01";
inline constexpr char kUndefinedParameter[] = "42P02";
inline constexpr char kDuplicateDatabase[] = "42P04";
inline constexpr char kDuplicateTable[] = "42P07";
inline constexpr char kInvalidColumnReference[] = "42P10";
inline constexpr char kInvalidTableDefinition[] = "42P16";
inline constexpr char kInvalidObjectDefinition[] = "42P17";
inline constexpr char kIndeterminateType[] = "42P18";
inline constexpr char kDiskFull[] = "53100";
inline constexpr char kOutOfMemory[] = "53200";
inline constexpr char kProgramLimit[] = "54000";
inline constexpr char kNotInPrerequisiteState[] = "55000";
inline constexpr char kObjectInUse[] = "55006";
inline constexpr char kLockNotAvailable[] = "55P03";
inline constexpr char kQueryCanceled[] = "57014";
inline constexpr char kCannotConnectNow[] = "57P03";
inline constexpr char kSnapshotTooOld[] = "72000";
inline constexpr char kInternal[] = "XX000";
inline constexpr char kDataCorrupted[] = "XX001";
}  // namespace sqlstate

// `position` is a 0-based byte offset into the statement's text, or -1 where there is none.
absl::Status SqlError(absl::string_view sql_state, absl::string_view message, int position = -1,
                      absl::string_view hint = "");

// What an error is about, in fields of their own: PostgreSQL's protocol sends them beside the
// message. Empty ones are left out.
struct ErrorFields {
  std::string detail;
  std::string schema, table, column, constraint;
  std::string where;    // in what, beside the statement: a line of COPY
  std::string routine;  // by which drivers know some errors
};
absl::Status WithFields(absl::Status status, const ErrorFields& fields);
ErrorFields FieldsOf(const absl::Status& status);

// Five characters. "00000" for OK.
std::string SqlStateOf(const absl::Status& status);
// 1-based character position for a client, 0 when unknown.
int PositionOf(const absl::Status& status);
// Empty when there is none.
std::string HintOf(const absl::Status& status);

// Turns the byte offset that SqlError stored into a character position within `text`, which begins
// `base` bytes into what the client sent. Idempotent. The session calls it once per error.
absl::Status ResolvePosition(absl::Status status, absl::string_view whole_text, int base);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_ERROR_H_
