// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datetime_tokens.h"

#include "absl/strings/ascii.h"

namespace isochron::sql::datetime {
namespace {

constexpr size_t kMaxFields = 25;
constexpr size_t kWordLetters = 10;

struct Entry {
  const char* name;
  Word word;
  int value;
};

constexpr int U(Unit unit) { return static_cast<int>(unit); }

constexpr Entry kDateWords[] = {
    {"-infinity", Word::kMinusInfinity, 0},
    {"ad", Word::kEra, 0},
    {"allballs", Word::kMidnight, 0},
    {"am", Word::kAmPm, 0},
    {"apr", Word::kMonth, 4},
    {"april", Word::kMonth, 4},
    {"at", Word::kIgnored, 0},
    {"aug", Word::kMonth, 8},
    {"august", Word::kMonth, 8},
    {"bc", Word::kEra, 1},
    {"d", Word::kUnit, U(Unit::kDay)},
    {"dec", Word::kMonth, 12},
    {"december", Word::kMonth, 12},
    {"dow", Word::kUnit, U(Unit::kOther)},
    {"doy", Word::kUnit, U(Unit::kOther)},
    {"dst", Word::kDst, 0},
    {"epoch", Word::kEpoch, 0},
    {"feb", Word::kMonth, 2},
    {"february", Word::kMonth, 2},
    {"fri", Word::kDay, 5},
    {"friday", Word::kDay, 5},
    {"h", Word::kUnit, U(Unit::kHour)},
    {"infinity", Word::kInfinity, 0},
    {"isodow", Word::kUnit, U(Unit::kOther)},
    {"isoyear", Word::kUnit, U(Unit::kOther)},
    {"j", Word::kUnit, U(Unit::kJulian)},
    {"jan", Word::kMonth, 1},
    {"january", Word::kMonth, 1},
    {"jd", Word::kUnit, U(Unit::kJulian)},
    {"jul", Word::kMonth, 7},
    {"julian", Word::kUnit, U(Unit::kJulian)},
    {"july", Word::kMonth, 7},
    {"jun", Word::kMonth, 6},
    {"june", Word::kMonth, 6},
    {"m", Word::kUnit, U(Unit::kMonth)},
    {"mar", Word::kMonth, 3},
    {"march", Word::kMonth, 3},
    {"may", Word::kMonth, 5},
    {"mm", Word::kUnit, U(Unit::kMinute)},
    {"mon", Word::kDay, 1},
    {"monday", Word::kDay, 1},
    {"nov", Word::kMonth, 11},
    {"november", Word::kMonth, 11},
    {"now", Word::kNow, 0},
    {"oct", Word::kMonth, 10},
    {"october", Word::kMonth, 10},
    {"on", Word::kIgnored, 0},
    {"pm", Word::kAmPm, 1},
    {"s", Word::kUnit, U(Unit::kSecond)},
    {"sat", Word::kDay, 6},
    {"saturday", Word::kDay, 6},
    {"sep", Word::kMonth, 9},
    {"sept", Word::kMonth, 9},
    {"september", Word::kMonth, 9},
    {"sun", Word::kDay, 0},
    {"sunday", Word::kDay, 0},
    {"t", Word::kIsoTime, 0},
    {"thu", Word::kDay, 4},
    {"thur", Word::kDay, 4},
    {"thurs", Word::kDay, 4},
    {"thursday", Word::kDay, 4},
    {"today", Word::kToday, 0},
    {"tomorrow", Word::kTomorrow, 0},
    {"tue", Word::kDay, 2},
    {"tues", Word::kDay, 2},
    {"tuesday", Word::kDay, 2},
    {"wed", Word::kDay, 3},
    {"wednesday", Word::kDay, 3},
    {"weds", Word::kDay, 3},
    {"y", Word::kUnit, U(Unit::kYear)},
    {"yesterday", Word::kYesterday, 0},
};

constexpr Entry kIntervalWords[] = {
    {"ago", Word::kAgo, 0},
    {"c", Word::kUnit, U(Unit::kCentury)},
    {"cent", Word::kUnit, U(Unit::kCentury)},
    {"centuries", Word::kUnit, U(Unit::kCentury)},
    {"century", Word::kUnit, U(Unit::kCentury)},
    {"d", Word::kUnit, U(Unit::kDay)},
    {"day", Word::kUnit, U(Unit::kDay)},
    {"days", Word::kUnit, U(Unit::kDay)},
    {"dec", Word::kUnit, U(Unit::kDecade)},
    {"decade", Word::kUnit, U(Unit::kDecade)},
    {"decades", Word::kUnit, U(Unit::kDecade)},
    {"decs", Word::kUnit, U(Unit::kDecade)},
    {"h", Word::kUnit, U(Unit::kHour)},
    {"hour", Word::kUnit, U(Unit::kHour)},
    {"hours", Word::kUnit, U(Unit::kHour)},
    {"hr", Word::kUnit, U(Unit::kHour)},
    {"hrs", Word::kUnit, U(Unit::kHour)},
    {"m", Word::kUnit, U(Unit::kMinute)},
    {"microsecon", Word::kUnit, U(Unit::kMicrosecond)},
    {"mil", Word::kUnit, U(Unit::kMillennium)},
    {"millennia", Word::kUnit, U(Unit::kMillennium)},
    {"millennium", Word::kUnit, U(Unit::kMillennium)},
    {"millisecon", Word::kUnit, U(Unit::kMillisecond)},
    {"mils", Word::kUnit, U(Unit::kMillennium)},
    {"min", Word::kUnit, U(Unit::kMinute)},
    {"mins", Word::kUnit, U(Unit::kMinute)},
    {"minute", Word::kUnit, U(Unit::kMinute)},
    {"minutes", Word::kUnit, U(Unit::kMinute)},
    {"mon", Word::kUnit, U(Unit::kMonth)},
    {"mons", Word::kUnit, U(Unit::kMonth)},
    {"month", Word::kUnit, U(Unit::kMonth)},
    {"months", Word::kUnit, U(Unit::kMonth)},
    {"ms", Word::kUnit, U(Unit::kMillisecond)},
    {"msec", Word::kUnit, U(Unit::kMillisecond)},
    {"msecond", Word::kUnit, U(Unit::kMillisecond)},
    {"mseconds", Word::kUnit, U(Unit::kMillisecond)},
    {"msecs", Word::kUnit, U(Unit::kMillisecond)},
    {"qtr", Word::kUnit, U(Unit::kQuarter)},
    {"quarter", Word::kUnit, U(Unit::kQuarter)},
    {"s", Word::kUnit, U(Unit::kSecond)},
    {"sec", Word::kUnit, U(Unit::kSecond)},
    {"second", Word::kUnit, U(Unit::kSecond)},
    {"seconds", Word::kUnit, U(Unit::kSecond)},
    {"secs", Word::kUnit, U(Unit::kSecond)},
    {"timezone", Word::kUnit, U(Unit::kOther)},
    {"us", Word::kUnit, U(Unit::kMicrosecond)},
    {"usec", Word::kUnit, U(Unit::kMicrosecond)},
    {"usecond", Word::kUnit, U(Unit::kMicrosecond)},
    {"useconds", Word::kUnit, U(Unit::kMicrosecond)},
    {"usecs", Word::kUnit, U(Unit::kMicrosecond)},
    {"w", Word::kUnit, U(Unit::kWeek)},
    {"week", Word::kUnit, U(Unit::kWeek)},
    {"weeks", Word::kUnit, U(Unit::kWeek)},
    {"y", Word::kUnit, U(Unit::kYear)},
    {"year", Word::kUnit, U(Unit::kYear)},
    {"years", Word::kUnit, U(Unit::kYear)},
    {"yr", Word::kUnit, U(Unit::kYear)},
    {"yrs", Word::kUnit, U(Unit::kYear)},
};

template <size_t kCount>
WordMeaning Find(const Entry (&entries)[kCount], absl::string_view word) {
  word = word.substr(0, kWordLetters);
  for (const Entry& e : entries) {
    if (word == e.name) return {e.word, e.value};
  }
  return {};
}

// Walks over the text once.
class Splitter {
 public:
  explicit Splitter(absl::string_view in) : in_(in) {}

  bool Run(std::vector<Field>* out) {
    while (at_ < in_.size()) {
      if (absl::ascii_isspace(in_[at_])) {
        ++at_;
        continue;
      }
      field_.clear();
      FieldKind kind;
      if (absl::ascii_isdigit(in_[at_])) {
        kind = Digits();
      } else if (in_[at_] == '.') {
        Take();
        TakeDigits();
        kind = FieldKind::kNumber;
      } else if (absl::ascii_isalpha(in_[at_])) {
        kind = Letters();
      } else if (in_[at_] == '+' || in_[at_] == '-') {
        if (!Signed(&kind)) return false;
      } else if (absl::ascii_ispunct(in_[at_])) {
        ++at_;
        continue;
      } else {
        return false;
      }
      if (out->size() == kMaxFields) return false;
      out->push_back({kind, field_});
    }
    return true;
  }

 private:
  char Now() const { return at_ < in_.size() ? in_[at_] : '\0'; }
  void Take() { field_.push_back(absl::ascii_tolower(in_[at_++])); }
  void TakeDigits() {
    while (absl::ascii_isdigit(Now())) Take();
  }

  FieldKind Digits() {
    TakeDigits();
    if (Now() == ':') {
      while (absl::ascii_isdigit(Now()) || Now() == ':' || Now() == '.') Take();
      return FieldKind::kTime;
    }
    const char mark = Now();
    if (mark != '-' && mark != '/' && mark != '.') return FieldKind::kNumber;
    Take();
    if (!absl::ascii_isdigit(Now())) {
      // 12-jan-2024, or a number with a point and nothing behind it.
      while (absl::ascii_isalnum(Now()) || Now() == mark) Take();
      return FieldKind::kDate;
    }
    TakeDigits();
    if (Now() != mark) return mark == '.' ? FieldKind::kNumber : FieldKind::kDate;
    while (absl::ascii_isdigit(Now()) || Now() == mark) Take();
    return FieldKind::kDate;
  }

  FieldKind Letters() {
    while (absl::ascii_isalpha(Now())) Take();
    const char next = Now();
    const bool date =
        next == '-' || next == '/' || next == '.' ||
        ((next == '+' || absl::ascii_isdigit(next)) && DateWord(field_).word == Word::kNone);
    if (!date) return FieldKind::kWord;
    while (absl::ascii_isalnum(Now()) ||
           (Now() != '\0' && absl::string_view("+-/_.:").find(Now()) != absl::string_view::npos)) {
      Take();
    }
    return FieldKind::kDate;
  }

  bool Signed(FieldKind* kind) {
    Take();
    while (absl::ascii_isspace(Now())) ++at_;
    if (absl::ascii_isdigit(Now())) {
      while (absl::ascii_isdigit(Now()) || Now() == ':' || Now() == '.' || Now() == '-') Take();
      *kind = FieldKind::kZone;
      return true;
    }
    if (!absl::ascii_isalpha(Now())) return false;
    while (absl::ascii_isalpha(Now())) Take();
    *kind = FieldKind::kSpecial;
    return true;
  }

  const absl::string_view in_;
  size_t at_ = 0;
  std::string field_;
};

}  // namespace

bool SplitFields(absl::string_view text, std::vector<Field>* out) {
  return Splitter(text).Run(out);
}

WordMeaning DateWord(absl::string_view word) { return Find(kDateWords, word); }
WordMeaning IntervalWord(absl::string_view word) { return Find(kIntervalWords, word); }

}  // namespace isochron::sql::datetime
