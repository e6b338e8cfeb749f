// SPDX-License-Identifier: Apache-2.0
#include "sql/types/number_format.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

using Key = NumberTemplate::Key;
using Anchor = NumberTemplate::Anchor;

absl::Status Bad(absl::string_view what) { return SqlError(sqlstate::kSyntaxError, what); }

absl::Status Twice(absl::string_view pattern) {
  return Bad(absl::StrCat("cannot use \"", pattern, "\" twice"));
}

absl::Status AddDigit(bool zero, NumberTemplate* t) {
  if (t->bracket) return Bad("\"9\" must be ahead of \"PR\"");
  if (zero && !t->zero && !t->decimal) {
    t->zero = true;
    t->zero_start = t->pre;
  }
  if (!zero && t->multi) {
    ++t->multiply;
  } else {
    ++(t->decimal ? t->post : t->pre);
  }
  if (zero) t->zero_end = t->pre + t->post;
  t->nodes.push_back({zero ? Key::kZero : Key::kNine, false, ""});
  return absl::OkStatus();
}

absl::Status AddPoint(NumberTemplate* t) {
  if (t->decimal) return Bad("multiple decimal points");
  if (t->multi) return Bad("cannot use \"V\" and decimal point together");
  t->decimal = true;
  t->nodes.push_back({Key::kPoint, false, ""});
  return absl::OkStatus();
}

absl::Status AddSign(NumberTemplate* t) {
  if (t->anchor != Anchor::kNone) return Twice("S");
  if (t->plus || t->minus || t->bracket) {
    return Bad("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
  }
  t->anchor = t->decimal ? Anchor::kAfter : Anchor::kBefore;
  if (!t->decimal) t->pre_at_sign = t->pre;
  return absl::OkStatus();
}

// What stands apart from the digits. Beside S it cannot.
absl::Status AddApart(Key key, absl::string_view pattern, NumberTemplate* t) {
  if (t->anchor != Anchor::kNone) {
    return Bad(absl::StrCat("cannot use \"S\" and \"", pattern, "\" together"));
  }
  t->minus = t->minus || key == Key::kMinus || key == Key::kSign;
  t->plus = t->plus || key == Key::kPlus || key == Key::kSign;
  t->nodes.push_back({key, false, ""});
  return absl::OkStatus();
}

struct Pattern {
  const char* text;  // upper case
  absl::Status (*add)(bool upper, NumberTemplate* t);
};

// The longer of two that begin alike comes first.
constexpr Pattern kPatterns[] = {
    {",",
     [](bool, NumberTemplate* t) {
       t->nodes.push_back({Key::kComma, false, ""});
       return absl::OkStatus();
     }},
    {".", [](bool, NumberTemplate* t) { return AddPoint(t); }},
    {"0", [](bool, NumberTemplate* t) { return AddDigit(true, t); }},
    {"9", [](bool, NumberTemplate* t) { return AddDigit(false, t); }},
    {"B",
     [](bool, NumberTemplate* t) {
       t->blank = t->pre == 0 && t->post == 0 && !t->zero;
       return absl::OkStatus();
     }},
    {"C", [](bool, NumberTemplate*) { return absl::OkStatus(); }},
    {"D", [](bool, NumberTemplate* t) { return AddPoint(t); }},
    {"EEEE",
     [](bool, NumberTemplate* t) {
       if (t->scientific) return Twice("EEEE");
       if (t->zero || t->fill || t->anchor != Anchor::kNone || t->bracket || t->minus || t->plus ||
           t->roman || t->multi) {
         return SqlError(sqlstate::kSyntaxError, "\"EEEE\" is incompatible with other formats", -1,
                         "\"EEEE\" may only be used together with digit and decimal point "
                         "patterns.");
       }
       t->scientific = true;
       return absl::OkStatus();
     }},
    {"FM",
     [](bool, NumberTemplate* t) {
       t->fill = true;
       return absl::OkStatus();
     }},
    {"G",
     [](bool, NumberTemplate* t) {
       t->nodes.push_back({Key::kComma, false, ""});
       return absl::OkStatus();
     }},
    {"L",
     [](bool, NumberTemplate* t) {
       t->nodes.push_back({Key::kCurrency, false, ""});
       return absl::OkStatus();
     }},
    {"MI", [](bool, NumberTemplate* t) { return AddApart(Key::kMinus, "MI", t); }},
    {"PL", [](bool, NumberTemplate* t) { return AddApart(Key::kPlus, "PL", t); }},
    {"PR",
     [](bool, NumberTemplate* t) {
       if (t->anchor != Anchor::kNone || t->plus || t->minus) {
         return Bad("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
       }
       t->bracket = true;
       return absl::OkStatus();
     }},
    {"RN",
     [](bool upper, NumberTemplate* t) {
       t->roman = true;
       t->nodes.push_back({Key::kRoman, upper, ""});
       return absl::OkStatus();
     }},
    {"SG", [](bool, NumberTemplate* t) { return AddApart(Key::kSign, "SG", t); }},
    {"S", [](bool, NumberTemplate* t) { return AddSign(t); }},
    {"TH",
     [](bool upper, NumberTemplate* t) {
       t->nodes.push_back({Key::kOrdinal, upper, ""});
       return absl::OkStatus();
     }},
    {"V",
     [](bool, NumberTemplate* t) {
       if (t->decimal) return Bad("cannot use \"V\" and decimal point together");
       t->multi = true;
       return absl::OkStatus();
     }},
};

std::string Roman(int64_t n) {
  static constexpr struct {
    int value;
    const char* text;
  } kParts[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                {5, "V"},    {4, "IV"},   {1, "I"}};
  if (n < 1 || n > 3999) return std::string(15, '#');
  std::string out;
  for (const auto& part : kParts) {
    for (; n >= part.value; n -= part.value) out += part.text;
  }
  return out;
}

const char* OrdinalOf(absl::string_view number, bool upper) {
  static constexpr const char* kLower[] = {"th", "st", "nd", "rd"};
  static constexpr const char* kUpper[] = {"TH", "ST", "ND", "RD"};
  const int last = number.back() - '0';
  const bool teen = number.size() > 1 && number[number.size() - 2] == '1';
  const int which = teen || last < 1 || last > 3 ? 0 : last;
  return (upper ? kUpper : kLower)[which];
}

// Fills one template with one number, whose digits it walks as the template's nodes come.
class Filler {
 public:
  // `number`: without sign, with as many digits behind the point as the template has.
  Filler(const NumberTemplate& t, char sign, std::string number, int spaces)
      : t_(t),
        sign_(sign),
        number_(std::move(number)),
        spaces_(spaces),
        anchor_(t.anchor),
        bracket_(t.bracket && !(sign != '-' && t.fill && !t.plus && !t.minus)) {
    if (t.plus || t.minus) {
      sign_wrote_ = !(t.plus && !t.minus);
    } else {
      sign_wrote_ = sign == '+' && t.fill && anchor_ == Anchor::kNone;
      if (anchor_ == Anchor::kBefore && t.pre == t.pre_at_sign) anchor_ = Anchor::kAfter;
    }
    count_ = t.post + t.pre - 1;
    if (t.fill && t.decimal) FindLastRelevant();
    if (!sign_wrote_ && spaces == 0) ++count_;
  }

  std::string Fill() {
    for (const NumberTemplate::Node& node : t_.nodes) Add(node);
    return out_.substr(0, out_.find('\0'));
  }

 private:
  static constexpr size_t kNowhere = std::string::npos;

  char Current() const { return at_ < number_.size() ? number_[at_] : '\0'; }
  bool LastIsPoint() const { return last_ != kNowhere && number_[last_] == '.'; }

  // With FM, zeros at the end of the fraction are not shown, but where the template says 0.
  void FindLastRelevant() {
    last_ = number_.find('.');
    if (last_ == kNowhere) return;
    for (size_t i = last_ + 1; i < number_.size(); ++i) {
      if (number_[i] != '0') last_ = i;
    }
    if (t_.zero_end > spaces_) {
      const auto zero = static_cast<size_t>(
          std::min(static_cast<int>(number_.size()) - 1, t_.zero_end - spaces_));
      last_ = std::max(last_, zero);
    }
  }

  // '0.1' in 9.9 is ' .1'.
  bool LeadingZero() const { return !t_.zero && at_ == 0 && Current() == '0' && t_.post != 0; }

  void WriteSign() {
    const bool due = digit_ >= spaces_ || (t_.zero && t_.zero_start == digit_);
    if (sign_wrote_ || !due || (LeadingZero() && !LastIsPoint())) return;
    if (anchor_ != Anchor::kNone) {
      if (anchor_ != Anchor::kBefore) return;
      out_.push_back(sign_);
    } else if (bracket_) {
      out_.push_back(sign_ == '+' ? ' ' : '<');
    } else if (sign_ == '+') {
      if (!t_.fill) out_.push_back(' ');
    } else {
      out_.push_back('-');
    }
    sign_wrote_ = true;
  }

  void WriteDigit(bool zero) {
    if (Current() == '.') {
      if (!LastIsPoint() || t_.fill) out_.push_back('.');
    } else if (last_ != kNowhere && at_ > last_ && !zero) {
      // Not shown.
    } else if (LeadingZero()) {
      if (!t_.fill) {
        out_.push_back(' ');
      } else if (LastIsPoint()) {
        out_.push_back('0');
      }
    } else {
      out_.push_back(Current());
      any_ = true;
    }
    if (at_ < number_.size()) ++at_;
  }

  void AddDigit(bool zero) {
    WriteSign();
    if (digit_ < spaces_ && (t_.zero_start > digit_ || !t_.zero)) {
      if (!t_.fill) out_.push_back(' ');
    } else if (t_.zero && digit_ < spaces_ && t_.zero_start <= digit_) {
      out_.push_back('0');
      any_ = true;
    } else {
      WriteDigit(zero);
    }
    int end = count_ + (spaces_ != 0 ? 1 : 0) + (t_.decimal ? 1 : 0);
    if (last_ != kNowhere && last_ == at_) end = digit_;
    if (digit_ + 1 == end) {
      if (sign_wrote_ && bracket_) {
        out_.push_back(sign_ == '+' ? ' ' : '>');
      } else if (anchor_ == Anchor::kAfter) {
        out_.push_back(sign_);
      }
    }
    ++digit_;
  }

  void Add(const NumberTemplate::Node& node) {
    switch (node.key) {
      case Key::kNine:
      case Key::kZero:
      case Key::kPoint:
        if (!t_.roman) AddDigit(node.key == Key::kZero);
        return;
      case Key::kComma:
        if (any_) {
          out_.push_back(',');
        } else if (!t_.fill) {
          out_.push_back(' ');
        }
        return;
      case Key::kCurrency:
        out_.push_back(' ');
        return;
      case Key::kMinus:
        if (sign_ == '-') {
          out_.push_back('-');
        } else if (!t_.fill) {
          out_.push_back(' ');
        }
        return;
      case Key::kPlus:
        if (sign_ == '+') {
          out_.push_back('+');
        } else if (!t_.fill) {
          out_.push_back(' ');
        }
        return;
      case Key::kSign:
        out_.push_back(sign_);
        return;
      case Key::kOrdinal:
        if (t_.roman || number_[0] == '#' || sign_ == '-' || t_.decimal) return;
        out_ += OrdinalOf(number_, node.upper);
        return;
      case Key::kRoman: {
        const std::string text = node.upper ? number_ : absl::AsciiStrToLower(number_);
        out_ += t_.fill ? text : absl::StrFormat("%15s", text);
        return;
      }
      case Key::kLiteral:
        out_ += node.text;
        return;
      case Key::kNothing:
        return;
    }
  }

  const NumberTemplate& t_;
  const char sign_;
  const std::string number_;
  const int spaces_;  // digits of the template that the number does not fill
  Anchor anchor_;
  const bool bracket_;
  bool sign_wrote_ = false;
  bool any_ = false;  // a digit was written
  int count_ = 0, digit_ = 0;
  size_t at_ = 0, last_ = kNowhere;
  std::string out_;
};

absl::StatusOr<std::string> Scientific(const Datum& value, int pre, int post) {
  if (!numeric::IsFinite(value)) {
    return absl::StrCat(" ", std::string(static_cast<size_t>(pre), '#'), ".",
                        std::string(static_cast<size_t>(post) + 4, '#'));
  }
  std::string digits;
  for (char c : numeric::ToText(value)) {
    if (absl::ascii_isdigit(c)) digits.push_back(c);
  }
  const size_t first = digits.find_first_not_of('0');
  int64_t exponent = 0;
  if (first != std::string::npos) {
    exponent = static_cast<int64_t>(digits.size() - first) - 1 - numeric::ScaleOf(value);
  }
  Datum power, mantissa, rounded;
  ISO_ASSIGN_OR_RETURN(power, numeric::FromText(absl::StrCat("1e", -exponent)));
  ISO_RETURN_IF_ERROR(numeric::Multiply(value, power, &mantissa));
  ISO_RETURN_IF_ERROR(numeric::Round(mantissa, post, &rounded));
  return absl::StrCat(numeric::SignOf(value) < 0 ? "" : " ", numeric::ToText(rounded), "e",
                      exponent < 0 ? "-" : "+",
                      absl::Dec(exponent < 0 ? -exponent : exponent, absl::kZeroPad2));
}

}  // namespace

absl::StatusOr<NumberTemplate> ParseNumberTemplate(absl::string_view text) {
  NumberTemplate t;
  for (size_t i = 0; i < text.size();) {
    if (t.scientific) {
      return SqlError(sqlstate::kSyntaxError, "\"EEEE\" must be the last pattern used");
    }
    if (text[i] == '"') {
      std::string literal;
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        literal.push_back(text[i]);
      }
      ++i;
      t.nodes.push_back({Key::kLiteral, false, literal});
      continue;
    }
    const Pattern* found = nullptr;
    for (const Pattern& p : kPatterns) {
      if (found == nullptr && absl::StartsWithIgnoreCase(text.substr(i), p.text)) found = &p;
    }
    if (found != nullptr) {
      ISO_RETURN_IF_ERROR(found->add(absl::ascii_isupper(text[i]), &t));
      i += absl::string_view(found->text).size();
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"') ++i;
    t.nodes.push_back({Key::kLiteral, false, std::string(1, text[i])});
    ++i;
  }
  return t;
}

absl::StatusOr<std::string> FormatNumber(const Datum& value, absl::string_view format) {
  ISO_ASSIGN_OR_RETURN(NumberTemplate t, ParseNumberTemplate(format));
  if (t.scientific) return Scientific(value, t.pre, t.post);
  if (t.roman) {
    auto n = numeric::ToInt(value, Type::kInt4);
    if (!n.ok()) return n.status();
    return Filler(t, '+', Roman(*n), 0).Fill();
  }
  Datum v = value;
  if (t.multi) {
    Datum power, scaled;
    ISO_ASSIGN_OR_RETURN(power, numeric::FromText(absl::StrCat("1e", t.multiply)));
    ISO_RETURN_IF_ERROR(numeric::Multiply(v, power, &scaled));
    v = std::move(scaled);
    t.pre += t.multiply;
  }
  Datum rounded;
  ISO_RETURN_IF_ERROR(numeric::Round(v, t.post, &rounded));
  std::string number = numeric::ToText(rounded);
  const char sign = number[0] == '-' ? '-' : '+';
  if (sign == '-') number.erase(0, 1);
  const auto before = static_cast<int>(std::min(number.find('.'), number.size()));
  const int spaces = std::max(t.pre - before, 0);
  if (before > t.pre) {
    number = absl::StrCat(std::string(static_cast<size_t>(t.pre), '#'), ".",
                          std::string(static_cast<size_t>(t.post), '#'));
  }
  const bool ordinal = std::any_of(t.nodes.begin(), t.nodes.end(),
                                   [](const auto& node) { return node.key == Key::kOrdinal; });
  if (ordinal && sign == '+' && !t.decimal && absl::ascii_isalpha(number[0])) {
    return SqlError(sqlstate::kInvalidText, absl::StrCat("\"", number, "\" is not a number"));
  }
  return Filler(t, sign, std::move(number), spaces).Fill();
}

absl::StatusOr<Datum> ParseNumber(absl::string_view text, absl::string_view format) {
  ISO_ASSIGN_OR_RETURN(const NumberTemplate t, ParseNumberTemplate(format));
  if (t.scientific || t.roman) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("\"", t.roman ? "RN" : "EEEE", "\" not supported for input"));
  }
  std::string digits;
  bool point = false;
  int post = 0;
  size_t i = 0;
  for (const NumberTemplate::Node& node : t.nodes) {
    const bool digit = node.key == Key::kNine || node.key == Key::kZero || node.key == Key::kPoint;
    if (digit && i < text.size() && text[i] == ' ') ++i;
    if (digit && digits.empty() && i < text.size() &&
        (text[i] == '-' || text[i] == '+' || (t.bracket && text[i] == '<'))) {
      ++i;
    }
    if (i >= text.size()) break;
    if (node.key == Key::kComma && text[i] != ',') continue;
    if (digit && absl::ascii_isdigit(text[i])) {
      if (point && post++ == t.post) break;
      digits.push_back(text[i]);
    } else if (digit && t.decimal && !point && text[i] == '.') {
      digits.push_back('.');
      point = true;
    }
    ++i;
  }
  const bool negative = absl::StrContains(text, '-') || (t.bracket && absl::StrContains(text, '<'));
  auto value = numeric::FromText(absl::StrCat(negative ? "-" : "", digits.empty() ? " " : digits));
  if (!value.ok() || !t.multi) return value;
  Datum quotient, power;
  ISO_ASSIGN_OR_RETURN(power, numeric::FromText(absl::StrCat("1e", t.multiply)));
  ISO_RETURN_IF_ERROR(numeric::Divide(*value, power, &quotient));
  return quotient;
}

}  // namespace isochron::sql
