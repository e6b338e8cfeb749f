// SPDX-License-Identifier: Apache-2.0
#include "sql/types/regex.h"

#include <re2/re2.h>

#include <list>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kKeptRegexes = 32;
constexpr size_t kMaxPattern = 64 << 10;
constexpr int64_t kMaxProgramBytes = 8 << 20;

absl::Status Invalid(absl::string_view why) {
  return SqlError("2201B", absl::StrCat("invalid regular expression: ", why));
}
absl::Status Refused(absl::string_view what) {
  return SqlError("2201B",
                  absl::StrCat("invalid regular expression: ", what, " is not supported here"), -1,
                  "docs/reference/sql.md says what of PostgreSQL's regular expressions is.");
}

absl::string_view Why(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorMissingParen:
    case RE2::ErrorUnexpectedParen:
      return "parentheses () not balanced";
    case RE2::ErrorMissingBracket:
      return "brackets [] not balanced";
    case RE2::ErrorBadCharRange:
      return "invalid character range";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorRepeatArgument:
    case RE2::ErrorRepeatOp:
      return "quantifier operand invalid";
    case RE2::ErrorRepeatSize:
      return "invalid repetition count(s)";
    case RE2::ErrorBadEscape:
    case RE2::ErrorTrailingBackslash:
      return "invalid escape \\ sequence";
    case RE2::ErrorPatternTooLarge:
      return "regular expression is too complex";
    default:
      return "it cannot be read";
  }
}

// PostgreSQL's pattern to RE2's, from left to right.
class Translator {
 public:
  Translator(absl::string_view pattern, RegexFlags* flags) : in_(pattern), flags_(flags) {}

  absl::StatusOr<std::string> Run() {
    ISO_RETURN_IF_ERROR(Prologue());
    if (flags_->literal) return RE2::QuoteMeta(std::string(in_.substr(at_)));
    while (at_ < in_.size()) ISO_RETURN_IF_ERROR(One());
    return std::move(out_);
  }
  bool lazy() const { return lazy_; }

 private:
  // "***:", "***=", "(?i)".
  absl::Status Prologue() {
    if (absl::StartsWith(in_, "***=")) {
      flags_->literal = true;
      at_ = 4;
      return absl::OkStatus();
    }
    if (absl::StartsWith(in_, "***:")) at_ = 4;
    if (!absl::StartsWith(in_.substr(at_), "(?")) return absl::OkStatus();
    if (at_ + 2 >= in_.size() || !absl::ascii_isalpha(in_[at_ + 2])) return absl::OkStatus();
    const size_t end = in_.find(')', at_);
    if (end == absl::string_view::npos) return Invalid("parentheses () not balanced");
    for (char c : in_.substr(at_ + 2, end - at_ - 2)) {
      if (!Letter(c)) return Invalid("invalid embedded option");
    }
    at_ = end + 1;
    return absl::OkStatus();
  }

  bool Letter(char c) {
    switch (c) {
      case 'c':
        flags_->fold_case = false;
        return true;
      case 'i':
        flags_->fold_case = true;
        return true;
      case 'm':
      case 'n':
        flags_->dot_newline = false;
        flags_->line_anchors = true;
        return true;
      case 'p':
        flags_->dot_newline = false;
        flags_->line_anchors = false;
        return true;
      case 'w':
        flags_->dot_newline = true;
        flags_->line_anchors = true;
        return true;
      case 's':
        flags_->dot_newline = true;
        flags_->line_anchors = false;
        return true;
      case 'q':
        flags_->literal = true;
        return true;
      case 't':
        flags_->expanded = false;
        return true;
      case 'x':
        flags_->expanded = true;
        return true;
      case 'e':
        return true;
      default:
        return false;
    }
  }

  absl::Status One() {
    const char c = in_[at_];
    if (c == '\\') return Escape(false);
    if (c == '[') return Bracket();
    if (c == '(') return Paren();
    if (c == '?' && at_ > 0 && quantified_) lazy_ = true;
    quantified_ = c == '*' || c == '+' || c == '?' || c == '}';
    if (flags_->expanded && absl::ascii_isspace(c)) {
      ++at_;
      return absl::OkStatus();
    }
    if (flags_->expanded && c == '#') {
      while (at_ < in_.size() && in_[at_] != '\n') ++at_;
      return absl::OkStatus();
    }
    out_.push_back(c);
    ++at_;
    return absl::OkStatus();
  }

  absl::Status Paren() {
    quantified_ = false;
    if (at_ + 1 < in_.size() && in_[at_ + 1] == '?') {
      const char kind = at_ + 2 < in_.size() ? in_[at_ + 2] : ')';
      if (kind == '#') {
        const size_t end = in_.find(')', at_);
        if (end == absl::string_view::npos) return Invalid("parentheses () not balanced");
        at_ = end + 1;
        return absl::OkStatus();
      }
      if (kind == '=' || kind == '!') return Refused("looking ahead, (?=...) and (?!...),");
      if (kind == '<') return Refused("looking behind, (?<=...) and (?<!...),");
      if (kind != ':') return Invalid("quantifier operand invalid");
      out_.append("(?:");
      at_ += 3;
      return absl::OkStatus();
    }
    out_.push_back('(');
    ++at_;
    return absl::OkStatus();
  }

  absl::Status Bracket() {
    quantified_ = false;
    if (absl::StartsWith(in_.substr(at_), "[[:<:]]") ||
        absl::StartsWith(in_.substr(at_), "[[:>:]]")) {
      return Refused("the beginning or end of a word, [[:<:]] and [[:>:]],");
    }
    out_.push_back('[');
    ++at_;
    if (at_ < in_.size() && in_[at_] == '^') {
      out_.push_back('^');
      // With newlines told apart, no class that is negated holds one.
      if (!flags_->dot_newline) out_.append("\\n");
      ++at_;
    }
    for (bool first = true; at_ < in_.size(); first = false) {
      const char c = in_[at_];
      if (c == ']' && !first) {
        out_.push_back(']');
        ++at_;
        return absl::OkStatus();
      }
      if (c == '\\') {
        ISO_RETURN_IF_ERROR(Escape(true));
        continue;
      }
      if (c == '[' && at_ + 1 < in_.size() && (in_[at_ + 1] == '.' || in_[at_ + 1] == '=')) {
        return Refused("a collating element, [.x.] and [=x=],");
      }
      if (c == '[' && at_ + 1 < in_.size() && in_[at_ + 1] == ':') {
        const size_t end = in_.find(":]", at_ + 2);
        if (end == absl::string_view::npos) return Invalid("brackets [] not balanced");
        absl::StrAppend(&out_, in_.substr(at_, end + 2 - at_));
        at_ = end + 2;
        continue;
      }
      if (c == '[' || c == ']' || c == '&' || c == '~') out_.push_back('\\');
      out_.push_back(c);
      ++at_;
    }
    return Invalid("brackets [] not balanced");
  }

  void Code(uint32_t code) { absl::StrAppend(&out_, "\\x{", absl::Hex(code), "}"); }

  // Reads up to `most` hexadecimal digits.
  absl::Status Hex(size_t least, size_t most) {
    uint32_t code = 0;
    size_t n = 0;
    while (n < most && at_ < in_.size() && absl::ascii_isxdigit(in_[at_])) {
      const char c = absl::ascii_tolower(in_[at_]);
      code = code * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      ++at_;
      ++n;
    }
    if (n < least || code > 0x10ffff) return Invalid("invalid escape \\ sequence");
    Code(code);
    return absl::OkStatus();
  }

  absl::Status Escape(bool in_bracket) {
    quantified_ = false;
    if (at_ + 1 >= in_.size()) return Invalid("invalid escape \\ sequence");
    const char c = in_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 'd':
      case 'D':
      case 's':
      case 'S':
      case 'w':
      case 'W':
        if (in_bracket && absl::ascii_isupper(c)) return Invalid("invalid escape \\ sequence");
        // PostgreSQL's \s has the vertical tab.
        if (c == 's') {
          out_.append(in_bracket ? "[:space:]" : "[[:space:]]");
        } else if (c == 'S') {
          out_.append("[[:^space:]]");
        } else {
          absl::StrAppend(&out_, "\\", std::string(1, c));
        }
        return absl::OkStatus();
      case 'a':
        Code(7);
        return absl::OkStatus();
      case 'b':
        Code(8);
        return absl::OkStatus();
      case 'B':
        out_.append("\\\\");
        return absl::OkStatus();
      case 'e':
        Code(27);
        return absl::OkStatus();
      case 'f':
      case 'n':
      case 'r':
      case 't':
      case 'v':
        absl::StrAppend(&out_, "\\", std::string(1, c));
        return absl::OkStatus();
      case 'c':
        if (at_ >= in_.size()) return Invalid("invalid escape \\ sequence");
        Code(static_cast<uint32_t>(in_[at_++] & 0x1f));
        return absl::OkStatus();
      case 'u':
        return Hex(4, 4);
      case 'U':
        return Hex(8, 8);
      case 'x':
        return Hex(1, 255);
      default:
        break;
    }
    if (c == '0') {
      uint32_t code = 0;
      for (int n = 0; n < 2 && at_ < in_.size() && in_[at_] >= '0' && in_[at_] <= '7'; ++n) {
        code = code * 8 + static_cast<uint32_t>(in_[at_++] - '0');
      }
      Code(code);
      return absl::OkStatus();
    }
    if (absl::ascii_isdigit(c)) return Refused("a back reference, \\1 and so on,");
    if (!absl::ascii_isalpha(c)) {
      out_.push_back('\\');
      out_.push_back(c);
      return absl::OkStatus();
    }
    if (in_bracket) return Invalid("invalid escape \\ sequence");
    return Constraint(c);
  }

  absl::Status Constraint(char c) {
    switch (c) {
      case 'A':
        out_.append("\\A");
        return absl::OkStatus();
      case 'Z':
        out_.append("\\z");
        return absl::OkStatus();
      case 'y':
        out_.append("\\b");
        return absl::OkStatus();
      case 'Y':
        out_.append("\\B");
        return absl::OkStatus();
      case 'm':
      case 'M':
        return Refused("the beginning or end of a word, \\m and \\M,");
      default:
        return Invalid("invalid escape \\ sequence");
    }
  }

  const absl::string_view in_;
  RegexFlags* const flags_;
  size_t at_ = 0;
  bool quantified_ = false;  // the last sign was a quantifier
  bool lazy_ = false;
  std::string out_;
};

class Re2Regex : public Regex {
 public:
  Re2Regex(const std::string& pattern, const RE2::Options& options) : re_(pattern, options) {}
  const RE2& re() const { return re_; }
  int groups() const override { return re_.NumberOfCapturingGroups(); }
  bool Matches(absl::string_view text) const override {
    return re_.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED,
                     nullptr, 0);
  }
  bool Find(absl::string_view text, size_t from, std::vector<RegexSpan>* spans) const override {
    std::vector<re2::StringPiece> found(static_cast<size_t>(groups()) + 1);
    if (from > text.size() ||
        !re_.Match(re2::StringPiece(text.data(), text.size()), from, text.size(), RE2::UNANCHORED,
                   found.data(), static_cast<int>(found.size()))) {
      return false;
    }
    spans->assign(found.size(), RegexSpan());
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i].data() == nullptr) continue;
      (*spans)[i].from = static_cast<size_t>(found[i].data() - text.data());
      (*spans)[i].to = (*spans)[i].from + found[i].size();
    }
    return true;
  }

 private:
  RE2 re_;
};

absl::StatusOr<std::shared_ptr<const Regex>> Compile(absl::string_view pattern, RegexFlags flags) {
  if (pattern.size() > kMaxPattern) return Invalid("regular expression is too complex");
  Translator translator(pattern, &flags);
  ISO_ASSIGN_OR_RETURN(std::string translated, translator.Run());
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxProgramBytes);
  options.set_case_sensitive(!flags.fold_case);
  options.set_dot_nl(flags.dot_newline);
  options.set_longest_match(!translator.lazy());
  if (flags.line_anchors) translated = absl::StrCat("(?m)", translated);
  auto regex = std::make_shared<Re2Regex>(translated, options);
  if (!regex->re().ok()) return Invalid(Why(regex->re().error_code()));
  return std::shared_ptr<const Regex>(std::move(regex));
}

}  // namespace

absl::StatusOr<RegexFlags> ParseRegexFlags(absl::string_view letters) {
  RegexFlags flags;
  for (char c : letters) {
    switch (c) {
      case 'g':
        flags.global = true;
        break;
      case 'i':
        flags.fold_case = true;
        break;
      case 'c':
        flags.fold_case = false;
        break;
      case 'm':
      case 'n':
        flags.dot_newline = false;
        flags.line_anchors = true;
        break;
      case 'p':
        flags.dot_newline = false;
        flags.line_anchors = false;
        break;
      case 's':
        flags.dot_newline = true;
        flags.line_anchors = false;
        break;
      case 'w':
        flags.dot_newline = true;
        flags.line_anchors = true;
        break;
      case 'q':
        flags.literal = true;
        break;
      case 't':
        flags.expanded = false;
        break;
      case 'x':
        flags.expanded = true;
        break;
      case 'e':
        break;
      default:
        return SqlError(
            sqlstate::kInvalidParameter,
            absl::StrCat("invalid regular expression option: \"", std::string(1, c), "\""));
    }
  }
  return flags;
}

absl::StatusOr<std::shared_ptr<const Regex>> CompileRegex(absl::string_view pattern,
                                                          const RegexFlags& flags) {
  using Kept = std::list<std::pair<std::string, std::shared_ptr<const Regex>>>;
  thread_local Kept kept;  // the last used first
  std::string key = absl::StrCat(flags.fold_case, flags.literal, flags.expanded, flags.dot_newline,
                                 flags.line_anchors, pattern);
  for (auto it = kept.begin(); it != kept.end(); ++it) {
    if (it->first != key) continue;
    kept.splice(kept.begin(), kept, it);
    return kept.front().second;
  }
  ISO_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> regex, Compile(pattern, flags));
  kept.emplace_front(std::move(key), regex);
  if (kept.size() > kKeptRegexes) kept.pop_back();
  return regex;
}

absl::StatusOr<std::string> SimilarToRegex(absl::string_view pattern, absl::string_view escape) {
  std::string out = "^(?:";
  bool escaped = false;
  bool in_bracket = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (escaped) {
      if (absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80) {
        out.push_back(c);
      } else {
        out.push_back('\\');
        out.push_back(c);
      }
      escaped = false;
    } else if (!escape.empty() && absl::StartsWith(pattern.substr(i), escape)) {
      escaped = true;
      i += escape.size() - 1;
    } else if (in_bracket) {
      if (c == '\\') out.push_back('\\');
      out.push_back(c);
      in_bracket = c != ']';
    } else if (c == '[') {
      out.push_back(c);
      in_bracket = true;
    } else if (c == '%') {
      out.append(".*");
    } else if (c == '_') {
      out.push_back('.');
    } else if (c == '(') {
      out.append("(?:");
    } else {
      if (c == '\\' || c == '.' || c == '^' || c == '$') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out.append(")$");
}

}  // namespace isochron::sql
