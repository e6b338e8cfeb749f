// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATETIME_TOKENS_H_
#define ISOCHRON_SQL_TYPES_DATETIME_TOKENS_H_

// The words of dates, times and intervals: how a text falls into fields, and what a word means.
// Used by the parsers of this folder alone. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace isochron::sql::datetime {

enum class FieldKind : uint8_t {
  kNumber,   // 12, 12.5
  kDate,     // 2024-01-02, 1/2/03, 02-jan-2024
  kTime,     // 12:34:56.7
  kZone,     // +02:00, -3: a sign and digits
  kWord,     // lower case letters
  kSpecial,  // a sign and letters: -infinity
};

struct Field {
  FieldKind kind;
  std::string text;  // lower case
};

// False if the text holds what no time holds, or more than 25 fields.
bool SplitFields(absl::string_view text, std::vector<Field>* out);

// What words stand for.
enum class Word : uint8_t {
  kNone,
  kIgnored,  // "at", "on"
  kMonth,    // value 1 to 12
  kDay,      // of the week, 0 is Sunday
  kAmPm,     // value 0 am, 1 pm
  kEra,      // value 1 for BC
  kUnit,     // value a Unit: a prefix in dates, "y2024 m1 d2"
  kIsoTime,  // "t"
  kDst,      // "dst": an hour more
  kNow,
  kToday,
  kTomorrow,
  kYesterday,
  kMidnight,  // "allballs": midnight UTC
  kEpoch,
  kInfinity,
  kMinusInfinity,
  kAgo,
};

enum class Unit : uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kJulian,
  kOther,  // a unit that no field of an input can have: dow, doy, timezone
};

struct WordMeaning {
  Word word = Word::kNone;
  int value = 0;
};
// In a date or a time. Words are told apart by ten letters.
WordMeaning DateWord(absl::string_view word);
// In an interval: kUnit, kAgo or kIgnored.
WordMeaning IntervalWord(absl::string_view word);

}  // namespace isochron::sql::datetime

#endif  // ISOCHRON_SQL_TYPES_DATETIME_TOKENS_H_
