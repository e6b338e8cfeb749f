// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_ROW_FIELDS_H_
#define ISOCHRON_SQL_CATALOG_ROW_FIELDS_H_

// The fields of a row's value (row_codec.h), one after the other, for who wants a few of them:
// what is skipped costs no copy. Never trusts the bytes.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// As row_codec.cc writes them; durable. pushdown_test.cc holds the two together.
inline constexpr uint8_t kRowFormat = 1;
enum RowTag : uint8_t {
  kNullTag = 0,
  kFalseTag = 1,
  kTrueTag = 2,
  kIntTag = 3,
  kFloatTag = 4,
  kStringTag = 5,
  kSmallNumericTag = 6,
  kNumericTag = 7,
  kBpcharTag = 8,
  kIntervalTag = 9,
  kArrayTag = 10,
  kJsonbTag = 11,
};

class RowFields {
 public:
  explicit RowFields(absl::string_view value)
      : at_(value.data()), end_(value.data() + value.size()) {
    if (at_ == end_ || static_cast<uint8_t>(*at_) != kRowFormat) {
      Fail();
    } else {
      ++at_;
    }
  }

  // Moves to the next field, which is then read or skipped; false at the end and after damage.
  bool Next(uint64_t* id) { return at_ != end_ && Varint(id); }
  bool Read(Datum* d);
  bool Skip();
  // The value with the fields of these columns alone, by ascending ids; false for a damaged one.
  static bool Pick(absl::string_view value, const std::vector<uint32_t>& ids, std::string* out);
  // Nothing was damaged so far.
  bool ok() const { return ok_; }

 private:
  bool Fail() {
    ok_ = false;
    at_ = end_;
    return false;
  }
  bool Varint(uint64_t* v) {
    if (at_ == end_) return Fail();
    const auto first = static_cast<uint8_t>(*at_);
    if (first < 0x80) {
      ++at_;
      *v = first;
      return true;
    }
    return LongVarint(v);
  }
  bool LongVarint(uint64_t* v);
  bool Move(uint64_t bytes) {
    if (bytes > static_cast<uint64_t>(end_ - at_)) return Fail();
    at_ += bytes;
    return true;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_ROW_FIELDS_H_
