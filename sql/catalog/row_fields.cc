// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/row_fields.h"

#include <string>

#include "common/coding.h"
#include "sql/catalog/row_codec.h"

namespace isochron::sql {

bool RowFields::LongVarint(uint64_t* v) {
  Reader in(absl::string_view(at_, static_cast<size_t>(end_ - at_)));
  if (!in.Varint(v)) return Fail();
  at_ = end_ - in.rest().size();
  return true;
}

bool RowFields::Read(Datum* d) {
  if (at_ == end_) return Fail();
  uint64_t n = 0;
  switch (static_cast<uint8_t>(*at_)) {
    case kIntTag:
      ++at_;
      if (!Varint(&n)) return false;
      *d = Datum::Int(static_cast<int64_t>(n >> 1) ^ -static_cast<int64_t>(n & 1));
      return true;
    case kStringTag: {
      ++at_;
      if (!Varint(&n)) return false;
      const char* from = at_;
      if (!Move(n)) return false;
      *d = Datum::String(std::string(from, n));
      return true;
    }
    default: {
      Reader in(absl::string_view(at_, static_cast<size_t>(end_ - at_)));
      if (!ReadDatum(&in, d)) return Fail();
      at_ = end_ - in.rest().size();
      return true;
    }
  }
}

bool RowFields::Skip() {
  if (at_ == end_) return Fail();
  uint64_t n = 0;
  switch (static_cast<uint8_t>(*at_++)) {
    case kNullTag:
    case kFalseTag:
    case kTrueTag:
      return true;
    case kIntTag:
      return Varint(&n);
    case kFloatTag:
      return Move(8);
    case kSmallNumericTag:
      return Varint(&n) && Varint(&n);
    case kStringTag:
    case kNumericTag:
    case kBpcharTag:
    case kIntervalTag:
    case kArrayTag:
    case kJsonbTag:
      return Varint(&n) && Move(n);
    default:
      return Fail();
  }
}

bool RowFields::Pick(absl::string_view value, const std::vector<uint32_t>& ids, std::string* out) {
  RowFields fields(value);
  out->assign(1, static_cast<char>(kRowFormat));
  auto wanted = ids.begin();
  while (wanted != ids.end()) {
    const char* from = fields.at_;
    uint64_t id = 0;
    if (!fields.Next(&id) || !fields.Skip()) break;
    while (wanted != ids.end() && *wanted < id) ++wanted;
    if (wanted != ids.end() && *wanted == id) {
      out->append(from, static_cast<size_t>(fields.at_ - from));
    }
  }
  return fields.ok();
}

}  // namespace isochron::sql
