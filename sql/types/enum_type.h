// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_ENUM_TYPE_H_
#define ISOCHRON_SQL_TYPES_ENUM_TYPE_H_

// Enum types: what a Type with a handle stands for.
//
// A value is its label's place in the order, a number that a label keeps for ever: so values
// compare, and stand in keys and rows, as integers, and a new label between two others changes no
// row. The label is looked up where text is wanted.
//
// A handle stands for one version of one enum, with all that is known of it: two are the same type
// if and only if they are equal in all of it. Whoever reads a description that names an enum gets
// the handle for what it says (sql/catalog/descriptor.h); handles are this process's own, and never
// stored. All descriptions that say something of an enum change with it, at one timestamp, so no
// statement meets two versions.
//
// What handles stand for is kept as long as the process lives, within a bound
// (sql/types/enum_handles.h): a value may be shown long after its plan is gone.
//
// May be called by any thread.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

inline constexpr size_t kMostEnumLabels = 2000;

struct EnumLabel {
  int64_t place = 0;  // ascending within a type
  std::string name;
  friend auto operator<=>(const EnumLabel&, const EnumLabel&) = default;
};

struct EnumType {
  uint64_t id = 0;                 // its description's
  int64_t oid = 0;                 // PostgreSQL's; the array's is the next
  std::string full_name;           // sql/catalog/full_name.h
  std::string name, array_name;    // pg_type.typname
  std::string shown, shown_array;  // as messages and format_type show them
  std::vector<EnumLabel> labels;
  friend auto operator<=>(const EnumType&, const EnumType&) = default;
};

// The type that stands for just this; kEnum itself, which is not ready, where no more are kept. A
// description is read with its types, so whoever has one has them.
Type TypeOfEnum(const EnumType& type);
// 53400. The one for that; and before the last quarter is begun, which is for what others made: for
// whoever makes a version.
absl::Status TooManyEnums();
absl::Status RoomForAnEnum();
// Of an enum, or of an array of one; null for any other type, kEnum included.
const EnumType* EnumOf(Type t);

// Versions of one enum, or arrays of such: a value of the one is a value of the other.
bool SameEnum(Type a, Type b);

// The label at `place`; null if there is none.
const EnumLabel* LabelAt(const EnumType& type, int64_t place);
// Null if there is none of that name.
const EnumLabel* LabelNamed(const EnumType& type, absl::string_view name);
// 22P02.
absl::StatusOr<Datum> EnumFromText(Type type, absl::string_view text);
// The number itself for one that has no label.
std::string EnumToText(Type type, const Datum& d);

// A place for a new label beside the one at `at`: before it, or behind; behind all for at ==
// labels.size(). 54000 where labels were put between the same two so often that there is none left.
absl::StatusOr<int64_t> PlaceForLabel(const std::vector<EnumLabel>& labels, size_t at);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_ENUM_TYPE_H_
