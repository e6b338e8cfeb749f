// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datetime_parse.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sql/types/datetime_decode.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using datetime::DecodeError;
using datetime::Decoder;
using datetime::Word;

constexpr size_t kMaxText = 1024;  // far beyond any time; bounds what an error message repeats

absl::Status Refuse(DecodeError error, absl::string_view type, absl::string_view text,
                    const std::string& bad_zone) {
  text = text.substr(0, kMaxText);
  switch (error) {
    case DecodeError::kRange:
      return SqlError(sqlstate::kDatetimeOverflow,
                      absl::StrCat("date/time field value out of range: \"", text, "\""));
    case DecodeError::kMonthOrDay:
      return SqlError(sqlstate::kDatetimeOverflow,
                      absl::StrCat("date/time field value out of range: \"", text, "\""), -1,
                      "Perhaps you need a different \"datestyle\" setting.");
    case DecodeError::kZoneRange:
      return SqlError("22009", absl::StrCat("time zone displacement out of range: \"", text, "\""));
    case DecodeError::kBadZone:
      return SqlError(sqlstate::kInvalidParameter,
                      absl::StrCat("time zone \"", bad_zone, "\" not recognized"));
    default:
      return SqlError(sqlstate::kDatetimeFormat,
                      absl::StrCat("invalid input syntax for type ", type, ": \"", text, "\""));
  }
}

absl::Status Decode(absl::string_view text, absl::string_view type, Decoder* decoder) {
  std::vector<datetime::Field> fields;
  DecodeError error = DecodeError::kFormat;
  if (text.size() <= kMaxText && datetime::SplitFields(text, &fields)) {
    error = decoder->Run(std::move(fields));
  }
  if (error == DecodeError::kNone) return absl::OkStatus();
  return Refuse(error, type, text, decoder->bad_zone());
}

int64_t TimeOfDayUs(const CivilTime& t) {
  return t.hour * kHourUs + t.minute * kMinuteUs + t.second * kSecondUs + t.micro;
}

// 0 where the text says a time.
int64_t SpecialTimestamp(Word word) {
  return word == Word::kInfinity        ? kTimestampInfinity
         : word == Word::kMinusInfinity ? kTimestampMinusInfinity
                                        : 0;
}

absl::StatusOr<int64_t> Checked(const CivilTime& t, int64_t offset_s, absl::string_view text) {
  const auto out_of_range = [&] {
    return SqlError(sqlstate::kDatetimeOverflow,
                    absl::StrCat("timestamp out of range: \"", text.substr(0, kMaxText), "\""));
  };
  if (t.year < -4713 || t.year > 294247) return out_of_range();
  const int64_t days = DaysFromCivil(t.year, t.month, t.day);
  int64_t us = 0;
  if (__builtin_mul_overflow(days, kDayUs, &us) ||
      __builtin_add_overflow(us, TimeOfDayUs(t) - offset_s * kSecondUs, &us) ||
      !IsFiniteTimestampInRange(us)) {
    return out_of_range();
  }
  return us;
}

void Note(uint8_t used, uint8_t* uses) {
  if (uses != nullptr) *uses |= used;
}

}  // namespace

const TimeContext& PlainTimeContext() {
  static const auto* context = new TimeContext;
  return *context;
}

absl::StatusOr<int64_t> ParseDate(absl::string_view text, const TimeContext& context,
                                  uint8_t* uses) {
  Decoder decoder(context, false);
  const absl::Status decoded = Decode(text, "date", &decoder);
  Note(decoder.uses() & (kUsesNow | kUsesOrder), uses);
  if (!decoded.ok()) return decoded;
  switch (decoder.special()) {
    case Word::kNone:
      break;
    case Word::kInfinity:
      return kDateInfinity;
    case Word::kMinusInfinity:
      return kDateMinusInfinity;
    default:
      return 0;
  }
  const CivilTime& t = decoder.civil();
  const int64_t days = t.year < -4713 || t.year > 5874897 ? kDateMinusInfinity
                                                          : DaysFromCivil(t.year, t.month, t.day);
  if (days < kMinDate || days > kMaxDate) {
    return SqlError(sqlstate::kDatetimeOverflow, absl::StrCat("date out of range: \"", text, "\""));
  }
  return days;
}

absl::StatusOr<int64_t> ParseTime(absl::string_view text, const TimeContext& context,
                                  uint8_t* uses) {
  Decoder decoder(context, true);
  const absl::Status decoded = Decode(text, "time", &decoder);
  Note(decoder.uses() & kUsesNow, uses);
  if (!decoded.ok()) return decoded;
  return TimeOfDayUs(decoder.civil());
}

absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text, const TimeContext& context,
                                       uint8_t* uses) {
  Decoder decoder(context, false);
  const absl::Status decoded = Decode(text, "timestamp", &decoder);
  Note(decoder.uses() & (kUsesNow | kUsesOrder), uses);
  if (!decoded.ok()) return decoded;
  if (decoder.special() != Word::kNone) return SpecialTimestamp(decoder.special());
  return Checked(decoder.civil(), 0, text);
}

absl::StatusOr<int64_t> ParseTimestamptz(absl::string_view text, const TimeContext& context,
                                         uint8_t* uses) {
  Decoder decoder(context, false);
  const absl::Status decoded = Decode(text, "timestamp with time zone", &decoder);
  Note(decoder.uses(), uses);
  if (!decoded.ok()) return decoded;
  if (decoder.special() != Word::kNone) return SpecialTimestamp(decoder.special());
  return Checked(decoder.civil(), decoder.offset_s(), text);
}

}  // namespace isochron::sql
