// SPDX-License-Identifier: Apache-2.0
#include "shell/script.h"

#include "absl/strings/ascii.h"

namespace isochron::shell {
namespace {

bool IsWordChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// Past the end of the quoted text that begins at `i`; npos when it is not closed.
size_t SkipQuoted(absl::string_view t, size_t i, char quote, bool backslashes) {
  for (++i; i < t.size(); ++i) {
    if (backslashes && t[i] == '\\') {
      ++i;
    } else if (t[i] == quote) {
      if (i + 1 < t.size() && t[i + 1] == quote) {
        ++i;
      } else {
        return i + 1;
      }
    }
  }
  return absl::string_view::npos;
}

size_t SkipBlockComment(absl::string_view t, size_t i) {
  int depth = 0;
  for (; i + 1 < t.size(); ++i) {
    if (t[i] == '/' && t[i + 1] == '*') {
      ++depth;
      ++i;
    } else if (t[i] == '*' && t[i + 1] == '/') {
      ++i;
      if (--depth == 0) return i + 1;
    }
  }
  return absl::string_view::npos;
}

// The "$tag$" that begins at `i`, empty when there is none.
absl::string_view DollarTag(absl::string_view t, size_t i) {
  size_t end = i + 1;
  while (end < t.size() && IsWordChar(t[end])) ++end;
  if (end >= t.size() || t[end] != '$') return "";
  if (end > i + 1 && absl::ascii_isdigit(static_cast<unsigned char>(t[i + 1]))) return "";
  return t.substr(i, end - i + 1);
}

// Past the quoted text, comment or single character at `i`; npos when it is not closed.
size_t SkipToken(absl::string_view t, size_t i) {
  const char c = t[i];
  if (c == '\'') {
    const bool escapes =
        i > 0 && (t[i - 1] == 'E' || t[i - 1] == 'e') && (i < 2 || !IsWordChar(t[i - 2]));
    return SkipQuoted(t, i, '\'', escapes);
  }
  if (c == '"') return SkipQuoted(t, i, '"', false);
  if (c == '-' && i + 1 < t.size() && t[i + 1] == '-') {
    const size_t end = t.find('\n', i);
    return end == absl::string_view::npos ? t.size() : end + 1;
  }
  if (c == '/' && i + 1 < t.size() && t[i + 1] == '*') return SkipBlockComment(t, i);
  if (c == '$' && (i == 0 || !IsWordChar(t[i - 1]))) {
    const absl::string_view tag = DollarTag(t, i);
    if (!tag.empty()) {
      const size_t end = t.find(tag, i + tag.size());
      return end == absl::string_view::npos ? end : end + tag.size();
    }
  }
  return i + 1;
}

}  // namespace

bool IsBlank(absl::string_view t) {
  size_t i = 0;
  while (i < t.size()) {
    const bool comment =
        i + 1 < t.size() && ((t[i] == '-' && t[i + 1] == '-') || (t[i] == '/' && t[i + 1] == '*'));
    if (!comment && !absl::ascii_isspace(static_cast<unsigned char>(t[i]))) return false;
    i = SkipToken(t, i);
    if (i == absl::string_view::npos) return false;  // an open comment waits for its end
  }
  return true;
}

Script CutStatements(absl::string_view text) {
  Script script;
  size_t start = 0;
  size_t i = 0;
  while (i < text.size()) {
    if (text[i] == ';') {
      const absl::string_view statement = text.substr(start, i - start);
      if (!IsBlank(statement)) {
        script.statements.emplace_back(absl::StripLeadingAsciiWhitespace(statement));
      }
      start = ++i;
      continue;
    }
    i = SkipToken(text, i);
    if (i == absl::string_view::npos) break;
  }
  script.rest = std::string(text.substr(start));
  return script;
}

size_t WordStart(absl::string_view line) {
  size_t start = line.size();
  while (start > 0 && (IsWordChar(line[start - 1]) || line[start - 1] == '.')) --start;
  return start;
}

}  // namespace isochron::shell
