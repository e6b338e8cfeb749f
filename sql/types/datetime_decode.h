// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATETIME_DECODE_H_
#define ISOCHRON_SQL_TYPES_DATETIME_DECODE_H_

// From the fields of a text to a date and a time of day: what each number means follows from what
// came before it. One Decoder reads one text. Used by datetime_parse.cc alone.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datetime_tokens.h"

namespace isochron::sql::datetime {

enum class DecodeError : uint8_t {
  kNone,
  kFormat,      // 22007
  kRange,       // 22008
  kMonthOrDay,  // 22008; another order of day and month might do
  kZoneRange,   // 22009
  kBadZone,     // 22023, Decoder::bad_zone()
};

// Numbers from the front of a text.
// False if there is no digit; *overflow if the number does not fit.
bool EatInt(absl::string_view* in, int64_t* v, bool* overflow);
// ".5" and the like: microseconds, rounded; false if something else follows the point.
bool ParseFraction(absl::string_view text, int64_t* us);
// "+02", "-0330", "+01:02:03": seconds east.
DecodeError ParseOffset(absl::string_view text, int* offset_s);

class Decoder {
 public:
  Decoder(const TimeContext& context, bool time_only) : context_(context), time_only_(time_only) {}

  DecodeError Run(std::vector<Field> fields);

  // After success. kNone: civil() and offset; else kEpoch, kInfinity or kMinusInfinity.
  Word special() const { return special_; }
  const CivilTime& civil() const { return t_; }
  // Seconds east of UTC.
  int offset_s() const { return offset_s_; }
  uint8_t uses() const { return uses_; }
  const std::string& bad_zone() const { return bad_zone_; }

 private:
  enum Part : uint32_t {
    kYear = 1,
    kMonth = 2,
    kDay = 4,
    kHour = 8,
    kMinute = 16,
    kSecond = 32,
    kZone = 64,
    kDst = 128,
    kDayOfYear = 256,
    kWeekday = 512,
    kEra = 1024,
    kAmPm = 2048,
    kFraction = 4096,
    kSpecial = 8192,
    kDate = kYear | kMonth | kDay,
    kTime = kHour | kMinute | kSecond | kFraction,
    kHms = kHour | kMinute | kSecond,
  };

  DecodeError OnField(const Field& field);
  DecodeError OnDateField(const Field& field);
  DecodeError OnNumberField(const Field& field);
  DecodeError OnPrefixed(absl::string_view text);
  DecodeError OnWord(const std::string& word);
  DecodeError OnRelative(Word word);
  DecodeError Date(absl::string_view text);
  DecodeError Number(absl::string_view digits, absl::string_view text);
  DecodeError DateNumber(int64_t v, size_t length);
  DecodeError RunTogether(absl::string_view text, bool have_date);
  DecodeError TimeOfDay(absl::string_view text);
  bool NamedZone(const std::string& name);
  DecodeError Finish();
  DecodeError FinishDate();
  void ResolveZone();
  int64_t ClockUs() const {
    return t_.hour * kHourUs + t_.minute * kMinuteUs + t_.second * kSecondUs + t_.micro;
  }
  // The parts that this field gave.
  DecodeError Add(uint32_t parts) {
    if ((parts & seen_) != 0) return DecodeError::kFormat;
    seen_ |= parts;
    return DecodeError::kNone;
  }

  const TimeContext& context_;
  const bool time_only_;
  uint32_t seen_ = 0;
  CivilTime t_{};
  int day_of_year_ = 0;
  int offset_s_ = 0;
  bool text_month_ = false;
  bool two_digits_ = false;
  bool julian_ = false;
  bool bc_ = false;
  int am_pm_ = -1;
  bool has_prefix_ = false;  // "y", "m", "t" and so on stand before this field
  bool iso_time_ = false;
  Unit prefix_ = Unit::kOther;
  Word special_ = Word::kNone;
  bool may_be_date_ = true;
  bool named_zone_ = false;
  bool abbreviated_ = false;  // the zone was
  TimeZone zone_;
  uint8_t uses_ = 0;
  std::string bad_zone_;
};

}  // namespace isochron::sql::datetime

#endif  // ISOCHRON_SQL_TYPES_DATETIME_DECODE_H_
