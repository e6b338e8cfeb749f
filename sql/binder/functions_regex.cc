// SPDX-License-Identifier: Apache-2.0
//
// Operators and functions of regular expressions, and SIMILAR TO.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/regex.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;
using RegexPtr = std::shared_ptr<const Regex>;

constexpr size_t kMaxString = 64 << 20;

absl::Status Operator(const Datum* a, bool fold, bool negated, Datum* out) {
  RegexFlags flags;
  flags.fold_case = fold;
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  *out = Datum::Bool(regex->Matches(a[0].string_value()) != negated);
  return absl::OkStatus();
}
absl::Status Match(Ctx, const Datum* a, size_t, Datum* out) {
  return Operator(a, false, false, out);
}
absl::Status MatchFolded(Ctx, const Datum* a, size_t, Datum* out) {
  return Operator(a, true, false, out);
}
absl::Status NoMatch(Ctx, const Datum* a, size_t, Datum* out) {
  return Operator(a, false, true, out);
}
absl::Status NoMatchFolded(Ctx, const Datum* a, size_t, Datum* out) {
  return Operator(a, true, true, out);
}

// Where to look for the next match, behind one that may be empty.
size_t Behind(absl::string_view text, const RegexSpan& match) {
  size_t at = match.to;
  if (match.from != match.to) return at;
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

size_t OffsetOf(absl::string_view text, int64_t characters) {
  size_t at = 0;
  for (; characters > 0 && at < text.size(); --characters) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return characters > 0 ? text.size() + 1 : at;
}
int64_t CharactersIn(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// The flags in argument `index`, if it is there. `global` says whether g may be.
absl::StatusOr<RegexFlags> Flags(const Datum* a, size_t n, size_t index, const char* function,
                                 bool global) {
  if (index >= n) return RegexFlags();
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, ParseRegexFlags(a[index].string_value()));
  if (flags.global && !global) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat(function, "() does not support the \"global\" option"), -1,
                    "Use the function that gives all matches.");
  }
  return flags;
}

Datum Part(absl::string_view text, const RegexSpan& span) {
  if (!span.matched()) return Datum::Null();
  return Datum::String(std::string(text.substr(span.from, span.to - span.from)));
}

// The groups of a match, or all of it where there are none.
Datum Groups(absl::string_view text, const std::vector<RegexSpan>& spans) {
  std::vector<Datum> parts;
  for (size_t i = spans.size() > 1 ? 1 : 0; i < spans.size(); ++i) {
    parts.push_back(Part(text, spans[i]));
  }
  return ArrayDatum(MakeVector(std::move(parts)));
}

absl::Status RegexpMatch(Ctx, const Datum* a, size_t n, Datum* out) {
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 2, "regexp_match", false));
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  std::vector<RegexSpan> spans;
  if (regex->Find(a[0].string_value(), 0, &spans)) *out = Groups(a[0].string_value(), spans);
  return absl::OkStatus();
}

absl::Status RegexpSubstring(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), RegexFlags()));
  std::vector<RegexSpan> spans;
  if (regex->Find(a[0].string_value(), 0, &spans)) {
    *out = Part(a[0].string_value(), spans[spans.size() > 1 ? 1 : 0]);
  }
  return absl::OkStatus();
}

void AppendReplacement(absl::string_view text, const std::vector<RegexSpan>& spans,
                       absl::string_view replacement, std::string* out) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\' || i + 1 == replacement.size()) {
      out->push_back(replacement[i]);
      continue;
    }
    const char c = replacement[++i];
    if (c == '&' || (c >= '1' && c <= '9')) {
      const size_t group = c == '&' ? 0 : static_cast<size_t>(c - '0');
      if (group < spans.size() && spans[group].matched()) {
        absl::StrAppend(out, text.substr(spans[group].from, spans[group].to - spans[group].from));
      }
    } else {
      if (c != '\\') out->push_back('\\');
      out->push_back(c);
    }
  }
}

// Replaces the `which`th match at or behind `from`, all for 0.
absl::Status Replace(const Datum* a, const RegexFlags& flags, size_t from, int64_t which,
                     Datum* out) {
  const std::string& text = a[0].string_value();
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  std::string result;
  size_t copied = 0;
  std::vector<RegexSpan> spans;
  for (int64_t number = 1; from <= text.size() && regex->Find(text, from, &spans); ++number) {
    from = Behind(text, spans[0]);
    if (which != 0 && number < which) continue;
    result.append(text, copied, spans[0].from - copied);
    AppendReplacement(text, spans, a[2].string_value(), &result);
    copied = spans[0].to;
    if (result.size() > kMaxString) {
      return SqlError(sqlstate::kProgramLimit, "the result of regexp_replace would be too long");
    }
    if (which != 0) break;
  }
  result.append(text, copied, std::string::npos);
  *out = Datum::String(std::move(result));
  return absl::OkStatus();
}
absl::Status RegexpReplace(Ctx, const Datum* a, size_t n, Datum* out) {
  if (n > 3 && !a[3].string_value().empty() && absl::ascii_isdigit(a[3].string_value()[0])) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("invalid regular expression option: \"",
                                 a[3].string_value().substr(0, 1), "\""),
                    -1,
                    "If you meant to use regexp_replace() with a start parameter, cast the fourth "
                    "argument to integer explicitly.");
  }
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 3, "regexp_replace", true));
  return Replace(a, flags, 0, flags.global ? 0 : 1, out);
}

absl::StatusOr<size_t> Start(const Datum& d, absl::string_view text) {
  if (d.int_value() < 1) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("invalid value for parameter \"start\": ", d.int_value()));
  }
  return OffsetOf(text, d.int_value() - 1);
}
absl::Status CheckNumber(const Datum& d, const char* name, int64_t least) {
  if (d.int_value() >= least) return absl::OkStatus();
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("invalid value for parameter \"", name, "\": ", d.int_value()));
}

absl::Status RegexpReplaceFrom(Ctx, const Datum* a, size_t n, Datum* out) {
  ISO_ASSIGN_OR_RETURN(size_t from, Start(a[3], a[0].string_value()));
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 5, "regexp_replace", true));
  int64_t which = flags.global ? 0 : 1;
  if (n > 4) {
    ISO_RETURN_IF_ERROR(CheckNumber(a[4], "n", 0));
    which = a[4].int_value();
  }
  return Replace(a, flags, from, which, out);
}

absl::Status RegexpLike(Ctx, const Datum* a, size_t n, Datum* out) {
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 2, "regexp_like", false));
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  *out = Datum::Bool(regex->Matches(a[0].string_value()));
  return absl::OkStatus();
}

absl::Status RegexpCount(Ctx, const Datum* a, size_t n, Datum* out) {
  const std::string& text = a[0].string_value();
  size_t from = 0;
  if (n > 2) {
    ISO_ASSIGN_OR_RETURN(from, Start(a[2], text));
  }
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 3, "regexp_count", false));
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  int64_t count = 0;
  std::vector<RegexSpan> spans;
  for (; from <= text.size() && regex->Find(text, from, &spans); ++count) {
    from = Behind(text, spans[0]);
  }
  *out = Datum::Int(count);
  return absl::OkStatus();
}

// The `which`th match at or behind `from`, or its group; not matched if there is none.
absl::StatusOr<RegexSpan> Nth(const Datum* a, const RegexFlags& flags, size_t from, int64_t which,
                              int64_t group) {
  const std::string& text = a[0].string_value();
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  if (group > regex->groups()) return RegexSpan();
  std::vector<RegexSpan> spans;
  for (; from <= text.size() && regex->Find(text, from, &spans); --which) {
    if (which == 1) return spans[static_cast<size_t>(group)];
    from = Behind(text, spans[0]);
  }
  return RegexSpan();
}

// regexp_substr(string, pattern, start, N, flags, subexpr)
absl::Status RegexpSubstr(Ctx, const Datum* a, size_t n, Datum* out) {
  size_t from = 0;
  if (n > 2) {
    ISO_ASSIGN_OR_RETURN(from, Start(a[2], a[0].string_value()));
  }
  if (n > 3) ISO_RETURN_IF_ERROR(CheckNumber(a[3], "n", 1));
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 4, "regexp_substr", false));
  if (n > 5) ISO_RETURN_IF_ERROR(CheckNumber(a[5], "subexpr", 0));
  ISO_ASSIGN_OR_RETURN(RegexSpan span, Nth(a, flags, from, n > 3 ? a[3].int_value() : 1,
                                           n > 5 ? a[5].int_value() : 0));
  *out = Part(a[0].string_value(), span);
  return absl::OkStatus();
}

// regexp_instr(string, pattern, start, N, endoption, flags, subexpr)
absl::Status RegexpInstr(Ctx, const Datum* a, size_t n, Datum* out) {
  const std::string& text = a[0].string_value();
  size_t from = 0;
  if (n > 2) {
    ISO_ASSIGN_OR_RETURN(from, Start(a[2], text));
  }
  if (n > 3) ISO_RETURN_IF_ERROR(CheckNumber(a[3], "n", 1));
  if (n > 4 && a[4].int_value() != 0 && a[4].int_value() != 1) {
    return CheckNumber(a[4], "endoption", INT64_MAX);
  }
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 5, "regexp_instr", false));
  if (n > 6) ISO_RETURN_IF_ERROR(CheckNumber(a[6], "subexpr", 0));
  ISO_ASSIGN_OR_RETURN(RegexSpan span, Nth(a, flags, from, n > 3 ? a[3].int_value() : 1,
                                           n > 6 ? a[6].int_value() : 0));
  *out = Datum::Int(0);
  if (!span.matched()) return absl::OkStatus();
  const bool end = n > 4 && a[4].int_value() == 1;
  const absl::string_view before(text.data(), end ? span.to : span.from);
  *out = Datum::Int(CharactersIn(before) + 1);
  return absl::OkStatus();
}

absl::Status SplitToArray(Ctx, const Datum* a, size_t n, Datum* out) {
  const std::string& text = a[0].string_value();
  ISO_ASSIGN_OR_RETURN(RegexFlags flags, Flags(a, n, 2, "regexp_split_to_array", false));
  ISO_ASSIGN_OR_RETURN(RegexPtr regex, CompileRegex(a[1].string_value(), flags));
  std::vector<Datum> parts;
  size_t begin = 0, from = 0;
  std::vector<RegexSpan> spans;
  while (from <= text.size() && regex->Find(text, from, &spans)) {
    const RegexSpan& m = spans[0];
    from = Behind(text, m);
    // An empty match at the beginning, the end or right behind another parts nothing.
    if (m.from == m.to && (m.from == begin || m.from == text.size())) continue;
    parts.push_back(Datum::String(text.substr(begin, m.from - begin)));
    begin = m.to;
  }
  parts.push_back(Datum::String(text.substr(begin)));
  *out = ArrayDatum(MakeVector(std::move(parts)));
  return absl::OkStatus();
}

absl::Status SimilarEscape(Ctx, const Datum* a, size_t n, Datum* out) {
  const std::string escape = n > 1 ? a[1].string_value() : "\\";
  if (CharactersIn(escape) > 1) {
    return SqlError("22019", "invalid escape string", -1,
                    "Escape string must be empty or one character.");
  }
  ISO_ASSIGN_OR_RETURN(std::string regex, SimilarToRegex(a[0].string_value(), escape));
  *out = Datum::String(std::move(regex));
  return absl::OkStatus();
}

}  // namespace

namespace function_groups {

void AddRegex(std::vector<Function>* out) {
  constexpr Type kT = Type::kText, kI = Type::kInt4, kB = Type::kBool;
  constexpr Type kA = ArrayOf(Type::kText);
  const std::vector<Function> regex = {
      {"~", {kT, kT}, kB, Match},
      {"~*", {kT, kT}, kB, MatchFolded},
      {"!~", {kT, kT}, kB, NoMatch},
      {"!~*", {kT, kT}, kB, NoMatchFolded},
      {"regexp_match", {kT, kT}, kA, RegexpMatch},
      {"regexp_match", {kT, kT, kT}, kA, RegexpMatch},
      {"regexp_like", {kT, kT}, kB, RegexpLike},
      {"regexp_like", {kT, kT, kT}, kB, RegexpLike},
      {"regexp_replace", {kT, kT, kT}, kT, RegexpReplace},
      {"regexp_replace", {kT, kT, kT, kT}, kT, RegexpReplace},
      {"regexp_replace", {kT, kT, kT, kI}, kT, RegexpReplaceFrom},
      {"regexp_replace", {kT, kT, kT, kI, kI}, kT, RegexpReplaceFrom},
      {"regexp_replace", {kT, kT, kT, kI, kI, kT}, kT, RegexpReplaceFrom},
      {"regexp_count", {kT, kT}, kI, RegexpCount},
      {"regexp_count", {kT, kT, kI}, kI, RegexpCount},
      {"regexp_count", {kT, kT, kI, kT}, kI, RegexpCount},
      {"regexp_substr", {kT, kT}, kT, RegexpSubstr},
      {"regexp_substr", {kT, kT, kI}, kT, RegexpSubstr},
      {"regexp_substr", {kT, kT, kI, kI}, kT, RegexpSubstr},
      {"regexp_substr", {kT, kT, kI, kI, kT}, kT, RegexpSubstr},
      {"regexp_substr", {kT, kT, kI, kI, kT, kI}, kT, RegexpSubstr},
      {"regexp_instr", {kT, kT}, kI, RegexpInstr},
      {"regexp_instr", {kT, kT, kI}, kI, RegexpInstr},
      {"regexp_instr", {kT, kT, kI, kI}, kI, RegexpInstr},
      {"regexp_instr", {kT, kT, kI, kI, kI}, kI, RegexpInstr},
      {"regexp_instr", {kT, kT, kI, kI, kI, kT}, kI, RegexpInstr},
      {"regexp_instr", {kT, kT, kI, kI, kI, kT, kI}, kI, RegexpInstr},
      {"regexp_split_to_array", {kT, kT}, kA, SplitToArray},
      {"regexp_split_to_array", {kT, kT, kT}, kA, SplitToArray},
      {"substring", {kT, kT}, kT, RegexpSubstring},
      {"similar_to_escape", {kT}, kT, SimilarEscape},
      {"similar_to_escape", {kT, kT}, kT, SimilarEscape}};
  out->insert(out->end(), regex.begin(), regex.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
