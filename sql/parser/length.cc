// SPDX-License-Identifier: Apache-2.0
#include "sql/parser/length.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace isochron::sql {
namespace {

bool InName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0;
}

// The end of what begins at `from` and ends with `last`; with backslash escapes, if so said.
size_t EndOf(absl::string_view text, size_t from, absl::string_view last, bool escapes) {
  for (size_t i = from; i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (text.substr(i, last.size()) == last) {
      return i + last.size();
    }
  }
  return text.size();
}

// Comments may hold others.
size_t EndOfComment(absl::string_view text, size_t from) {
  int depth = 1;
  for (size_t i = from; i < text.size(); ++i) {
    const absl::string_view two = text.substr(i, 2);
    if (two != "/*" && two != "*/") continue;
    depth += two == "/*" ? 1 : -1;
    ++i;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

// Of "$tag$" at `at`: its length, or 0 when there is none.
size_t DollarTag(absl::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && InName(text[end])) ++end;
  const bool digit = end > at + 1 && absl::ascii_isdigit(static_cast<unsigned char>(text[at + 1]));
  return !digit && end < text.size() && text[end] == '$' ? end + 1 - at : 0;
}

template <typename Word>
void Walk(absl::string_view text, size_t from, Word word) {
  for (size_t i = from; i < text.size();) {
    const char c = text[i];
    const absl::string_view two = text.substr(i, 2);
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      ++i;
      continue;
    }
    if (two == "--" || two == "/*") {
      i = two == "--" ? EndOf(text, i, "\n", false) : EndOfComment(text, i + 2);
      continue;
    }
    const size_t begin = i;
    if (c == '\'' || c == '"') {
      const bool escapes = c == '\'' && i > 0 && (text[i - 1] == 'e' || text[i - 1] == 'E') &&
                           (i < 2 || !InName(text[i - 2]));
      i = EndOf(text, i + 1, text.substr(i, 1), escapes);
    } else if (const size_t tag = c == '$' ? DollarTag(text, i) : 0; tag > 0) {
      i = EndOf(text, i + tag, text.substr(i, tag), false);
    } else if (InName(c)) {
      while (i < text.size() && (InName(text[i]) || text[i] == '$')) ++i;
    } else {
      ++i;
    }
    word(begin, i);
  }
}

}  // namespace

void ForEachWord(absl::string_view text, size_t from,
                 absl::FunctionRef<void(size_t, size_t)> word) {
  Walk(text, from, word);
}

size_t CountWords(absl::string_view text) {
  size_t words = 0;
  Walk(text, 0, [&words](size_t, size_t) { ++words; });
  return words;
}

void ReplaceWord(absl::string_view word, absl::string_view by, std::string* text) {
  const auto same = [](char a, char b) {
    return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
           absl::ascii_tolower(static_cast<unsigned char>(b));
  };
  // Nearly every text lacks it.
  if (std::search(text->begin(), text->end(), word.begin(), word.end(), same) == text->end()) {
    return;
  }
  const std::string before = *text;
  Walk(before, 0, [&](size_t begin, size_t end) {
    if (absl::EqualsIgnoreCase(absl::string_view(before).substr(begin, end - begin), word)) {
      text->replace(begin, end - begin, by.data(), by.size());
    }
  });
}

}  // namespace isochron::sql
