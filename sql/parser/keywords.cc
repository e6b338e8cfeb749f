// SPDX-License-Identifier: Apache-2.0
#include "sql/parser/keywords.h"

#include <pg_query.h>

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "third_party/sys/pg_query.pb.h"

namespace isochron::sql {
namespace {

// The scanner does not know of these. Sorted.
constexpr absl::string_view kNeedAs[] = {
    "array",   "as",     "char",     "character", "create",    "day",     "except", "fetch",
    "filter",  "for",    "from",     "grant",     "group",     "having",  "hour",   "intersect",
    "into",    "isnull", "limit",    "minute",    "month",     "notnull", "offset", "on",
    "order",   "over",   "overlaps", "precision", "returning", "second",  "to",     "union",
    "varying", "where",  "window",   "with",      "within",    "without", "year",
};

char CategoryOf(pg_query::KeywordKind kind) {
  switch (kind) {
    case pg_query::COL_NAME_KEYWORD:
      return 'C';
    case pg_query::TYPE_FUNC_NAME_KEYWORD:
      return 'T';
    case pg_query::RESERVED_KEYWORD:
      return 'R';
    default:
      return 'U';
  }
}

std::vector<Keyword> Make() {
  // What tokens are called, some with a _P behind, to be scanned: what is a keyword then is one.
  std::set<std::string> words;
  const auto* tokens = pg_query::Token_descriptor();
  for (int i = 0; i < tokens->value_count(); ++i) {
    words.insert(absl::AsciiStrToLower(absl::StripSuffix(tokens->value(i)->name(), "_P")));
  }
  std::string text;
  for (const std::string& word : words) absl::StrAppend(&text, word, " ");
  const PgQueryScanResult scanned = pg_query_scan(text.c_str());
  std::vector<Keyword> out;
  pg_query::ScanResult result;
  if (scanned.error == nullptr &&
      result.ParseFromArray(scanned.pbuf.data, static_cast<int>(scanned.pbuf.len))) {
    for (const pg_query::ScanToken& token : result.tokens()) {
      if (token.keyword_kind() == pg_query::NO_KEYWORD) continue;
      const size_t from = static_cast<size_t>(token.start());
      Keyword k;
      k.word = text.substr(from, static_cast<size_t>(token.end()) - from);
      k.category = CategoryOf(token.keyword_kind());
      k.bare_label = !std::binary_search(std::begin(kNeedAs), std::end(kNeedAs), k.word);
      out.push_back(std::move(k));
    }
  }
  pg_query_free_scan_result(scanned);
  std::sort(out.begin(), out.end(),
            [](const Keyword& a, const Keyword& b) { return a.word < b.word; });
  return out;
}

}  // namespace

const std::vector<Keyword>& Keywords() {
  static const auto* const kKeywords = new std::vector<Keyword>(Make());
  return *kKeywords;
}

}  // namespace isochron::sql
