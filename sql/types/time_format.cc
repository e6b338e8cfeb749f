// SPDX-License-Identifier: Apache-2.0
#include "sql/types/time_format.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace time_format {
namespace {

struct Keyword {
  const char* name;
  Pattern pattern;
  Letters letters;
  bool is_digit;
};

constexpr Letters kU = Letters::kUpper, kC = Letters::kCapital, kL = Letters::kLower;

// The longer before what it begins with.
constexpr Keyword kKeywords[] = {
    {"A.D.", Pattern::kBcDots, kU, false}, {"A.M.", Pattern::kAmDots, kU, false},
    {"AD", Pattern::kBc, kU, false},       {"AM", Pattern::kAm, kU, false},
    {"B.C.", Pattern::kBcDots, kU, false}, {"BC", Pattern::kBc, kU, false},
    {"CC", Pattern::kCc, kU, true},        {"DAY", Pattern::kDay, kU, false},
    {"DDD", Pattern::kDdd, kU, true},      {"DD", Pattern::kDd, kU, true},
    {"DY", Pattern::kDy, kU, false},       {"Day", Pattern::kDay, kC, false},
    {"Dy", Pattern::kDy, kC, false},       {"D", Pattern::kD, kU, true},
    {"FX", Pattern::kFx, kU, false},       {"HH24", Pattern::kHh24, kU, true},
    {"HH12", Pattern::kHh12, kU, true},    {"HH", Pattern::kHh12, kU, true},
    {"IDDD", Pattern::kIddd, kU, true},    {"ID", Pattern::kId, kU, true},
    {"IW", Pattern::kIw, kU, true},        {"IYYY", Pattern::kIyyy, kU, true},
    {"IYY", Pattern::kIyy, kU, true},      {"IY", Pattern::kIy, kU, true},
    {"I", Pattern::kI, kU, true},          {"J", Pattern::kJ, kU, true},
    {"MI", Pattern::kMi, kU, true},        {"MM", Pattern::kMm, kU, true},
    {"MONTH", Pattern::kMonth, kU, false}, {"MON", Pattern::kMon, kU, false},
    {"MS", Pattern::kMs, kU, true},        {"Month", Pattern::kMonth, kC, false},
    {"Mon", Pattern::kMon, kC, false},     {"OF", Pattern::kOf, kU, false},
    {"P.M.", Pattern::kAmDots, kU, false}, {"PM", Pattern::kAm, kU, false},
    {"Q", Pattern::kQ, kU, true},          {"RM", Pattern::kRm, kU, false},
    {"SSSSS", Pattern::kSssss, kU, true},  {"SSSS", Pattern::kSssss, kU, true},
    {"SS", Pattern::kSs, kU, true},        {"TZH", Pattern::kTzh, kU, false},
    {"TZM", Pattern::kTzm, kU, true},      {"TZ", Pattern::kTz, kU, false},
    {"US", Pattern::kUs, kU, true},        {"WW", Pattern::kWw, kU, true},
    {"W", Pattern::kW, kU, true},          {"Y,YYY", Pattern::kYComma, kU, true},
    {"YYYY", Pattern::kYyyy, kU, true},    {"YYY", Pattern::kYyy, kU, true},
    {"YY", Pattern::kYy, kU, true},        {"Y", Pattern::kY, kU, true},
};

// FF1 to FF6 stand apart.
bool FindField(absl::string_view text, Node* node) {
  if (text.size() >= 3 && absl::EqualsIgnoreCase(text.substr(0, 2), "FF") && text[2] >= '1' &&
      text[2] <= '6' && text[0] == text[1]) {
    *node = Node{Node::Kind::kField, std::string(text.substr(0, 3)), Pattern::kFf, kU, true,
                 text[2] - '0'};
    return true;
  }
  for (const Keyword& k : kKeywords) {
    const absl::string_view name(k.name);
    if (absl::StartsWith(text, name)) {
      *node = Node{Node::Kind::kField, std::string(name), k.pattern, k.letters, k.is_digit};
      return true;
    }
    if (k.letters == kU && absl::StartsWith(text, absl::AsciiStrToLower(name))) {
      *node = Node{Node::Kind::kField, std::string(text.substr(0, name.size())), k.pattern, kL,
                   k.is_digit};
      return true;
    }
  }
  return false;
}

bool IsSeparator(char c) { return absl::ascii_ispunct(c); }

size_t CharacterSize(absl::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// Takes prefixes; FM and TM, SP behind a field means nothing.
void Prefixes(absl::string_view* text, Node* node) {
  for (;;) {
    if (absl::StartsWith(*text, "FM") || absl::StartsWith(*text, "fm")) {
      node->fill = true;
    } else if (absl::StartsWith(*text, "TM") || absl::StartsWith(*text, "tm")) {
      node->translate = true;
    } else {
      return;
    }
    text->remove_prefix(2);
  }
}

void Suffixes(absl::string_view* text, Node* node) {
  if (absl::StartsWith(*text, "TH") || absl::StartsWith(*text, "th")) {
    node->ordinal = text->front() == 'T' ? 'T' : 't';
    text->remove_prefix(2);
  } else if (absl::StartsWith(*text, "SP") || absl::StartsWith(*text, "sp")) {
    text->remove_prefix(2);
  }
}

// Inside quotes every character is text; a backslash takes the next as it is.
void Quoted(absl::string_view* text, std::vector<Node>* out) {
  text->remove_prefix(1);
  while (!text->empty()) {
    if (text->front() == '"') {
      text->remove_prefix(1);
      return;
    }
    if (text->front() == '\\' && text->size() > 1) text->remove_prefix(1);
    const size_t n = CharacterSize(*text);
    out->push_back(Node{Node::Kind::kText, std::string(text->substr(0, n))});
    text->remove_prefix(n);
  }
}

}  // namespace

std::vector<Node> ParseTemplate(absl::string_view text) {
  std::vector<Node> out;
  while (!text.empty()) {
    Node prefixed;
    absl::string_view rest = text;
    Prefixes(&rest, &prefixed);
    Node node;
    if (FindField(rest, &node)) {
      rest.remove_prefix(node.text.size());
      node.fill = prefixed.fill;
      node.translate = prefixed.translate;
      Suffixes(&rest, &node);
      out.push_back(std::move(node));
      text = rest;
      continue;
    }
    // A prefix without a field is dropped, as PostgreSQL does.
    text = rest;
    if (text.empty()) break;
    if (text.front() == '"') {
      Quoted(&text, &out);
      continue;
    }
    if (text.front() == '\\' && text.size() > 1 && text[1] == '"') text.remove_prefix(1);
    const size_t n = CharacterSize(text);
    const char c = text.front();
    const auto kind = absl::ascii_isspace(c) ? Node::Kind::kSpace
                      : IsSeparator(c)       ? Node::Kind::kSeparator
                                             : Node::Kind::kText;
    out.push_back(Node{kind, std::string(text.substr(0, n))});
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace time_format

namespace {

using time_format::Letters;
using time_format::Node;
using time_format::Pattern;

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};
constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
constexpr const char* kRoman[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                  "VII", "VIII", "IX",  "X",  "XI", "XII"};

std::string Spelt(absl::string_view name, Letters letters) {
  return letters == Letters::kUpper   ? absl::AsciiStrToUpper(name)
         : letters == Letters::kLower ? absl::AsciiStrToLower(name)
                                      : std::string(name);
}

std::string Padded(std::string name, size_t width, const Node& n) {
  if (!n.fill && !n.translate && name.size() < width) name.resize(width, ' ');
  return name;
}

// With `width` digits; a minus sign is one more.
std::string Digits(int64_t v, int width, const Node& n) {
  const int w = n.fill ? 0 : v >= 0 ? width : width + 1;
  std::string out = absl::StrFormat("%0*d", w, v);
  if (n.ordinal == 0) return out;
  const char last = out.back();
  const bool teen = out.size() > 1 && out[out.size() - 2] == '1';
  const char* th = teen || last < '1' || last > '3' ? "th"
                   : last == '1'                    ? "st"
                   : last == '2'                    ? "nd"
                                                    : "rd";
  return absl::StrCat(out, n.ordinal == 'T' ? absl::AsciiStrToUpper(th) : th);
}

int64_t Shown(int64_t year, bool interval) { return interval || year > 0 ? year : 1 - year; }

bool NeedsDate(Pattern p) {
  switch (p) {
    case Pattern::kBc:
    case Pattern::kBcDots:
    case Pattern::kMonth:
    case Pattern::kMon:
    case Pattern::kDay:
    case Pattern::kDy:
    case Pattern::kTz:
    case Pattern::kTzh:
    case Pattern::kTzm:
    case Pattern::kOf:
    case Pattern::kD:
    case Pattern::kId:
      return true;
    default:
      return false;
  }
}

std::string Clock(const Node& n, const FormattedTime& t) {
  const int64_t twelve = t.hours % 12;
  const int64_t seconds = t.hours * 3600 + t.c.minute * 60 + t.c.second;
  switch (n.pattern) {
    case Pattern::kHh12:
      return Digits(twelve == 0 ? 12 : twelve, 2, n);
    case Pattern::kHh24:
      return Digits(t.hours, 2, n);
    case Pattern::kMi:
      return Digits(t.c.minute, 2, n);
    case Pattern::kSs:
      return Digits(t.c.second, 2, n);
    case Pattern::kMs: {
      Node whole = n;
      whole.fill = false;
      return Digits(t.c.micro / 1000, 3, whole);
    }
    case Pattern::kUs: {
      Node whole = n;
      whole.fill = false;
      return Digits(t.c.micro, 6, whole);
    }
    case Pattern::kFf: {
      static constexpr int kUnit[] = {1, 100000, 10000, 1000, 100, 10, 1};
      Node whole = n;
      whole.fill = false;
      return Digits(t.c.micro / kUnit[n.digits], n.digits, whole);
    }
    case Pattern::kSssss:
      return Digits(seconds, 0, n);
    case Pattern::kAm:
    case Pattern::kAmDots: {
      const bool pm = ((t.hours % 24) + 24) % 24 >= 12;
      const bool dots = n.pattern == Pattern::kAmDots;
      return Spelt(pm ? (dots ? "P.M." : "PM") : (dots ? "A.M." : "AM"), n.letters);
    }
    default:
      return "";
  }
}

std::string Zone(const Node& n, const FormattedTime& t) {
  if (!t.zoned && n.pattern == Pattern::kTz) return "";
  const int offset = t.zone.offset_s;
  const int abs = std::abs(offset);
  const char sign = offset >= 0 ? '+' : '-';
  switch (n.pattern) {
    case Pattern::kTz:
      return Spelt(t.zone.abbreviation,
                   n.letters == Letters::kLower ? Letters::kLower : Letters::kCapital);
    case Pattern::kTzh:
      return absl::StrFormat("%c%02d", sign, abs / 3600);
    case Pattern::kTzm:
      return absl::StrFormat("%02d", abs % 3600 / 60);
    default: {
      std::string out = absl::StrFormat("%c%0*d", sign, n.fill ? 0 : 2, abs / 3600);
      if (abs % 3600 != 0) absl::StrAppendFormat(&out, ":%02d", abs % 3600 / 60);
      return out;
    }
  }
}

std::string Year(const Node& n, const FormattedTime& t) {
  const bool iso = n.pattern == Pattern::kIyyy || n.pattern == Pattern::kIyy ||
                   n.pattern == Pattern::kIy || n.pattern == Pattern::kI;
  const int64_t y = Shown(iso && !t.interval ? IsoWeekOf(t.days).year : t.c.year, t.interval);
  switch (n.pattern) {
    case Pattern::kYComma: {
      Node plain = n;
      plain.fill = true;
      plain.ordinal = 0;
      Node three = n;
      three.fill = false;
      return absl::StrCat(Digits(y / 1000, 0, plain), ",", Digits(y % 1000, 3, three));
    }
    case Pattern::kYyyy:
    case Pattern::kIyyy:
      return Digits(y, 4, n);
    case Pattern::kYyy:
    case Pattern::kIyy:
      return Digits(y % 1000, 3, n);
    case Pattern::kYy:
    case Pattern::kIy:
      return Digits(y % 100, 2, n);
    default:
      return Digits(y % 10, 1, n);
  }
}

std::string Century(const Node& n, const FormattedTime& t) {
  const int64_t y = t.c.year;
  const int64_t v = t.interval ? y / 100 : y > 0 ? (y - 1) / 100 + 1 : y / 100 - 1;
  return Digits(v, v <= 99 && v >= -99 ? 2 : 0, n);
}

std::string Date(const Node& n, const FormattedTime& t) {
  const int day_of_year =
      t.interval ? static_cast<int>((t.c.year * 12 + t.c.month) * 30 + t.c.day) : DayOfYear(t.days);
  const int weekday = t.interval ? 0 : DayOfWeek(t.days);
  switch (n.pattern) {
    case Pattern::kBc:
      return Spelt(t.c.year <= 0 ? "BC" : "AD", n.letters);
    case Pattern::kBcDots:
      return Spelt(t.c.year <= 0 ? "B.C." : "A.D.", n.letters);
    case Pattern::kMonth:
      return Padded(Spelt(kMonths[t.c.month - 1], n.letters), 9, n);
    case Pattern::kMon:
      return Spelt(absl::string_view(kMonths[t.c.month - 1]).substr(0, 3), n.letters);
    case Pattern::kMm:
      return Digits(t.c.month, 2, n);
    case Pattern::kDay:
      return Padded(Spelt(kDays[weekday], n.letters), 9, n);
    case Pattern::kDy:
      return Spelt(absl::string_view(kDays[weekday]).substr(0, 3), n.letters);
    case Pattern::kDdd:
      return Digits(day_of_year, 3, n);
    case Pattern::kIddd: {
      const IsoWeek w = t.interval ? IsoWeek{0, 1} : IsoWeekOf(t.days);
      return Digits(t.interval ? day_of_year : t.days - DaysFromIsoWeek(w.year, 1) + 1, 3, n);
    }
    case Pattern::kDd:
      return Digits(t.c.day, 2, n);
    case Pattern::kD:
      return Digits(weekday + 1, 0, n);
    case Pattern::kId:
      return Digits(weekday == 0 ? 7 : weekday, 0, n);
    case Pattern::kWw:
      return Digits((day_of_year - 1) / 7 + 1, 2, n);
    case Pattern::kIw:
      return Digits(t.interval ? 1 : IsoWeekOf(t.days).week, 2, n);
    case Pattern::kQ:
      return t.c.month == 0 ? "" : Digits((t.c.month - 1) / 3 + 1, 0, n);
    case Pattern::kCc:
      return Century(n, t);
    case Pattern::kRm: {
      if (t.c.month == 0 && t.c.year == 0) return "";
      const int m = t.c.month == 0  ? (t.c.year >= 0 ? 12 : 1)
                    : t.c.month < 0 ? t.c.month + 13
                                    : t.c.month;
      return Padded(Spelt(kRoman[m - 1], n.letters), 4, n);
    }
    case Pattern::kW:
      return Digits((t.c.day - 1) / 7 + 1, 0, n);
    case Pattern::kJ:
      return Digits(t.days + kUnixJulian, 0, n);
    default:
      return Year(n, t);
  }
}

std::string Field(const Node& n, const FormattedTime& t) {
  switch (n.pattern) {
    case Pattern::kFx:
      return "";
    case Pattern::kHh12:
    case Pattern::kHh24:
    case Pattern::kMi:
    case Pattern::kSs:
    case Pattern::kMs:
    case Pattern::kUs:
    case Pattern::kFf:
    case Pattern::kSssss:
    case Pattern::kAm:
    case Pattern::kAmDots:
      return Clock(n, t);
    case Pattern::kTz:
    case Pattern::kTzh:
    case Pattern::kTzm:
    case Pattern::kOf:
      return Zone(n, t);
    default:
      return Date(n, t);
  }
}

}  // namespace

absl::StatusOr<std::string> FormatWithTemplate(absl::string_view text, const FormattedTime& time) {
  std::string out;
  for (const Node& n : time_format::ParseTemplate(text)) {
    if (n.kind != Node::Kind::kField) {
      out += n.text;
      continue;
    }
    if (time.interval && NeedsDate(n.pattern)) {
      return SqlError(sqlstate::kDatetimeFormat,
                      "invalid format specification for an interval value", -1,
                      "Intervals are not tied to specific calendar dates.");
    }
    out += Field(n, time);
  }
  return out;
}

}  // namespace isochron::sql
