// SPDX-License-Identifier: Apache-2.0
#include "sql/types/error.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "txn/api/reasons.h"

namespace isochron::sql {
namespace {

constexpr char kStateUrl[] = "isochron/sqlstate";
constexpr char kOffsetUrl[] = "isochron/byte_offset";
constexpr char kPositionUrl[] = "isochron/position";
constexpr char kHintUrl[] = "isochron/hint";
constexpr char kDetailUrl[] = "isochron/detail";
constexpr char kSchemaUrl[] = "isochron/schema";
constexpr char kTableUrl[] = "isochron/table";
constexpr char kColumnUrl[] = "isochron/column";
constexpr char kConstraintUrl[] = "isochron/constraint";
constexpr char kWhereUrl[] = "isochron/where";
constexpr char kRoutineUrl[] = "isochron/routine";

absl::StatusCode CanonicalOf(absl::string_view state) {
  if (state == sqlstate::kUndefinedTable || state == sqlstate::kInvalidCatalog) {
    return absl::StatusCode::kNotFound;
  }
  if (state == sqlstate::kUniqueViolation || state == sqlstate::kDuplicateTable) {
    return absl::StatusCode::kAlreadyExists;
  }
  if (state == sqlstate::kUnsupported) return absl::StatusCode::kUnimplemented;
  if (state == sqlstate::kSerializationFailure) return absl::StatusCode::kAborted;
  if (state == sqlstate::kCompletionUnknown) return absl::StatusCode::kUnknown;
  if (state == sqlstate::kQueryCanceled) return absl::StatusCode::kCancelled;
  if (state == sqlstate::kOutOfMemory) return absl::StatusCode::kResourceExhausted;
  if (state == sqlstate::kValueOutOfRange || state == sqlstate::kDivisionByZero ||
      state == sqlstate::kSnapshotTooOld) {
    return absl::StatusCode::kOutOfRange;
  }
  if (state == sqlstate::kNotNullViolation || state == sqlstate::kObjectInUse ||
      state == sqlstate::kCheckViolation || state == sqlstate::kForeignKeyViolation ||
      state == sqlstate::kDependentObjects) {
    return absl::StatusCode::kFailedPrecondition;
  }
  if (state == sqlstate::kCannotConnectNow) return absl::StatusCode::kUnavailable;
  if (state == sqlstate::kInternal) return absl::StatusCode::kInternal;
  if (state == sqlstate::kDataCorrupted) return absl::StatusCode::kDataLoss;
  const absl::string_view klass = state.substr(0, 2);
  if (klass == "25" || klass == "3B") return absl::StatusCode::kFailedPrecondition;
  return absl::StatusCode::kInvalidArgument;
}

std::string TextPayload(const absl::Status& status, absl::string_view url) {
  auto payload = status.GetPayload(url);
  return payload ? std::string(*payload) : std::string();
}

int IntPayload(const absl::Status& status, absl::string_view url, int otherwise) {
  auto payload = status.GetPayload(url);
  int value = otherwise;
  if (payload && absl::SimpleAtoi(std::string(*payload), &value)) return value;
  return otherwise;
}

}  // namespace

absl::Status SqlError(absl::string_view sql_state, absl::string_view message, int position,
                      absl::string_view hint) {
  absl::Status status(CanonicalOf(sql_state), message);
  status.SetPayload(kStateUrl, absl::Cord(sql_state));
  if (position >= 0) status.SetPayload(kOffsetUrl, absl::Cord(absl::StrCat(position)));
  if (!hint.empty()) status.SetPayload(kHintUrl, absl::Cord(hint));
  return status;
}

std::string SqlStateOf(const absl::Status& status) {
  if (auto payload = status.GetPayload(kStateUrl)) return std::string(*payload);
  if (txn::IsLockTimeout(status)) return sqlstate::kLockNotAvailable;
  if (txn::IsDiskFull(status)) return sqlstate::kDiskFull;
  if (txn::IsVersionsGone(status)) return sqlstate::kSnapshotTooOld;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "00000";
    case absl::StatusCode::kAborted:
      return sqlstate::kSerializationFailure;
    case absl::StatusCode::kUnknown:
      return sqlstate::kCompletionUnknown;
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return sqlstate::kQueryCanceled;
    case absl::StatusCode::kUnavailable:
      return sqlstate::kCannotConnectNow;
    case absl::StatusCode::kResourceExhausted:
      return sqlstate::kOutOfMemory;
    case absl::StatusCode::kOutOfRange:
      return sqlstate::kSnapshotTooOld;
    case absl::StatusCode::kFailedPrecondition:
      return sqlstate::kNotInPrerequisiteState;
    case absl::StatusCode::kInvalidArgument:
      return sqlstate::kInvalidParameter;
    case absl::StatusCode::kUnimplemented:
      return sqlstate::kUnsupported;
    case absl::StatusCode::kDataLoss:
      return sqlstate::kDataCorrupted;
    default:
      return sqlstate::kInternal;
  }
}

int PositionOf(const absl::Status& status) {
  int position = IntPayload(status, kPositionUrl, 0);
  if (position > 0) return position;
  return IntPayload(status, kOffsetUrl, -1) + 1;
}

std::string HintOf(const absl::Status& status) { return TextPayload(status, kHintUrl); }

absl::Status WithFields(absl::Status status, const ErrorFields& fields) {
  const auto set = [&status](absl::string_view url, const std::string& value) {
    if (!value.empty()) status.SetPayload(url, absl::Cord(value));
  };
  set(kDetailUrl, fields.detail);
  set(kSchemaUrl, fields.schema);
  set(kTableUrl, fields.table);
  set(kColumnUrl, fields.column);
  set(kConstraintUrl, fields.constraint);
  set(kWhereUrl, fields.where);
  set(kRoutineUrl, fields.routine);
  return status;
}

ErrorFields FieldsOf(const absl::Status& status) {
  return {TextPayload(status, kDetailUrl),     TextPayload(status, kSchemaUrl),
          TextPayload(status, kTableUrl),      TextPayload(status, kColumnUrl),
          TextPayload(status, kConstraintUrl), TextPayload(status, kWhereUrl),
          TextPayload(status, kRoutineUrl)};
}

absl::Status ResolvePosition(absl::Status status, absl::string_view whole_text, int base) {
  const int offset = IntPayload(status, kOffsetUrl, -1);
  if (offset < 0 || IntPayload(status, kPositionUrl, 0) > 0) return status;
  const size_t end = std::min<size_t>(static_cast<size_t>(base + offset), whole_text.size());
  int characters = 1;
  for (size_t i = 0; i < end; ++i) {
    if ((static_cast<unsigned char>(whole_text[i]) & 0xC0) != 0x80) ++characters;
  }
  status.SetPayload(kPositionUrl, absl::Cord(absl::StrCat(characters)));
  return status;
}

}  // namespace isochron::sql
