// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_ARRAY_H_
#define ISOCHRON_SQL_TYPES_ARRAY_H_

// Arrays as PostgreSQL has them: up to six dimensions, each with a length and a lower bound, and
// elements that may be NULL. The empty array has no dimension.
//
// A Datum of an array holds its bytes: the dimensions, then each element with its shape, so that
// two arrays compare without knowing their type. The bytes are durable (they stand in rows): the
// format is never changed. int2vector and oidvector are arrays whose one dimension begins at 0 and
// whose text is numbers parted by spaces. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/coding.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"

namespace isochron::sql {

inline constexpr size_t kMaxArrayDimensions = 6;
inline constexpr int64_t kMaxArrayElements = 134'217'727;

// An array, or one of the two vectors.
bool IsArrayType(Type t);
// Of what an array is; kUnknown if it is none.
Type ArrayElement(Type t);

struct ArrayDimension {
  int32_t length = 0;
  int32_t lower = 1;
  int32_t upper() const { return lower + length - 1; }
  friend bool operator==(const ArrayDimension&, const ArrayDimension&) = default;
};

struct ArrayValue {
  std::vector<ArrayDimension> dims;
  std::vector<Datum> elements;  // the last dimension varies fastest
};

// One dimension that begins at 1, or the empty array.
ArrayValue MakeVector(std::vector<Datum> elements);

Datum ArrayDatum(const ArrayValue& value);
// False for bytes that are no array; for what is read from outside.
bool ReadArray(absl::string_view bytes, ArrayValue* out);
// Precondition: an array's Datum.
ArrayValue ArrayOfDatum(const Datum& d);

// Walks an array's elements without building them all. Precondition: an array's bytes.
class ArrayReader {
 public:
  explicit ArrayReader(absl::string_view bytes);
  const std::vector<ArrayDimension>& dims() const { return dims_; }
  int64_t size() const { return size_; }
  // False after the last.
  bool Next(Datum* d);

 private:
  Reader in_;
  std::vector<ArrayDimension> dims_;
  int64_t size_ = 0, at_ = 0;
};

// As PostgreSQL orders arrays: by elements, then by their number, dimensions and bounds.
int CompareArrays(absl::string_view a, absl::string_view b);

// Whether the product of the dimensions is a size that an array may have. 54000.
absl::Status CheckArraySize(const std::vector<ArrayDimension>& dims);

// '{1,NULL,"a b"}', '[0:1]={1,2}'. `type` is the array's.
std::string ArrayToText(Type type, const Datum& d, const TimeContext& time = PlainTimeContext());
// 22P02 for what is malformed, and what the elements' type says of each.
// `uses`, which may be null: as DatumFromText has it.
absl::StatusOr<Datum> ArrayFromText(Type type, absl::string_view text,
                                    const TimeContext& time = PlainTimeContext(),
                                    uint8_t* uses = nullptr);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_ARRAY_H_
