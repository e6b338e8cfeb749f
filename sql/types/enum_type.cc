// SPDX-License-Identifier: Apache-2.0
#include "sql/types/enum_type.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "sql/types/enum_handles.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr uint32_t kHandleShift = 8;
// Between neighbours: a label can be put between two as often as this can be halved.
constexpr int64_t kDistance = int64_t{1} << 32;

// Some 300,000 versions of an ordinary enum.
constexpr size_t kMostBytes = size_t{128} << 20;

EnumHandles& AllHandles() {
  static auto* handles = new EnumHandles(kMostBytes);
  return *handles;
}

}  // namespace

Type TypeOfEnum(const EnumType& type) {
  return static_cast<Type>((AllHandles().For(type) << kHandleShift) | NumberOf(Type::kEnum));
}

absl::Status TooManyEnums() {
  return SqlError("53400",
                  absl::StrCat("too many versions of enum types: this node keeps ",
                               kMostBytes >> 20, " MiB of those that it has seen"),
                  -1, "It forgets them when it starts anew.");
}

absl::Status RoomForAnEnum() { return AllHandles().scarce() ? TooManyEnums() : absl::OkStatus(); }

const EnumType* EnumOf(Type t) {
  const uint32_t handle = NumberOf(t) >> kHandleShift;
  return handle == 0 ? nullptr : AllHandles().Of(handle);
}

bool SameEnum(Type a, Type b) {
  const EnumType* of_a = EnumOf(a);
  const EnumType* of_b = EnumOf(b);
  return of_a != nullptr && of_b != nullptr && of_a->id == of_b->id && KindOf(a) == KindOf(b);
}

const EnumLabel* LabelAt(const EnumType& type, int64_t place) {
  auto it = std::lower_bound(type.labels.begin(), type.labels.end(), place,
                             [](const EnumLabel& l, int64_t p) { return l.place < p; });
  return it == type.labels.end() || it->place != place ? nullptr : &*it;
}

const EnumLabel* LabelNamed(const EnumType& type, absl::string_view name) {
  auto it = std::find_if(type.labels.begin(), type.labels.end(),
                         [name](const EnumLabel& l) { return l.name == name; });
  return it == type.labels.end() ? nullptr : &*it;
}

absl::StatusOr<Datum> EnumFromText(Type type, absl::string_view text) {
  const EnumType* e = EnumOf(type);
  if (e != nullptr) {
    if (const EnumLabel* label = LabelNamed(*e, text)) return Datum::Int(label->place);
  }
  return SqlError(sqlstate::kInvalidText, absl::StrCat("invalid input value for enum ",
                                                       TypeName(type), ": \"", text, "\""));
}

std::string EnumToText(Type type, const Datum& d) {
  const EnumType* e = EnumOf(type);
  const EnumLabel* label = e == nullptr ? nullptr : LabelAt(*e, d.int_value());
  return label == nullptr ? absl::StrCat(d.int_value()) : label->name;
}

absl::StatusOr<int64_t> PlaceForLabel(const std::vector<EnumLabel>& labels, size_t at) {
  if (labels.empty()) return 0;
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max() / 2;
  if (at == labels.size() && labels.back().place < kEnd) return labels.back().place + kDistance;
  if (at == 0 && labels.front().place > -kEnd) return labels.front().place - kDistance;
  if (at > 0 && at < labels.size() && labels[at].place - labels[at - 1].place > 1) {
    return labels[at - 1].place + (labels[at].place - labels[at - 1].place) / 2;
  }
  return SqlError(sqlstate::kProgramLimit, "there is no place left for a label between these two",
                  -1, "Put it elsewhere, or make a new type and change the columns to it.");
}

}  // namespace isochron::sql
