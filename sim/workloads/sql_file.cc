// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/sql_file.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"

namespace isochron::sim {
namespace {

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The end of the quoted text that begins at `at`.
size_t EndOfQuote(absl::string_view text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == quote) return at + 1;
  }
  return at;
}

class Parser {
 public:
  absl::StatusOr<SqlFile> Parse(absl::string_view text) {
    size_t number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      absl::string_view directive = absl::StripAsciiWhitespace(line);
      absl::Status status =
          absl::ConsumePrefix(&directive, "--:") ? Directive(directive) : Sql(line);
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", number, ": ", std::string(status.message())));
      }
    }
    absl::Status whole = EndSection();
    if (whole.ok() && file_.transactions.empty()) {
      whole = absl::InvalidArgumentError("it has no `--: transaction NAME`");
    }
    if (whole.ok() && file_.invariants.empty()) {
      whole =
          absl::InvalidArgumentError("it has no `--: invariant NAME`: nothing would be checked");
    }
    if (!whole.ok()) return whole;
    return std::move(file_);
  }

 private:
  enum class Section { kNone, kSetup, kTransaction, kInvariant };

  absl::Status Directive(absl::string_view words) {
    words = absl::StripAsciiWhitespace(words);
    if (absl::ConsumePrefix(&words, "let ")) return Let(words);
    ISO_RETURN_IF_ERROR(EndSection());
    if (words == "setup") {
      section_ = Section::kSetup;
    } else if (absl::ConsumePrefix(&words, "transaction ")) {
      section_ = Section::kTransaction;
      return BeginTransaction(words);
    } else if (absl::ConsumePrefix(&words, "invariant ")) {
      section_ = Section::kInvariant;
      file_.invariants.push_back({std::string(absl::StripAsciiWhitespace(words)), ""});
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown directive `", words, "`; there are setup, transaction, let and invariant"));
    }
    return absl::OkStatus();
  }

  absl::Status BeginTransaction(absl::string_view words) {
    SqlFile::Transaction& t = file_.transactions.emplace_back();
    for (absl::string_view word : absl::StrSplit(words, ' ', absl::SkipEmpty())) {
      if (!absl::ConsumePrefix(&word, "weight=")) {
        absl::StrAppend(&t.name, t.name.empty() ? "" : " ", word);
      } else if (!absl::SimpleAtoi(word, &t.weight) || t.weight < 1) {
        return absl::InvalidArgumentError("weight= wants a number from 1");
      }
    }
    return absl::OkStatus();
  }

  absl::Status Let(absl::string_view words) {
    if (section_ != Section::kTransaction) {
      return absl::InvalidArgumentError("`let` belongs below `--: transaction NAME`");
    }
    const std::pair<absl::string_view, absl::string_view> sides =
        absl::StrSplit(words, absl::MaxSplits('=', 1));
    SqlFile::Variable v;
    v.name = std::string(absl::StripAsciiWhitespace(sides.first));
    const absl::string_view values = absl::StripAsciiWhitespace(sides.second);
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(values, absl::MaxSplits("..", 1));
    const bool is_range = absl::SimpleAtoi(ends.first, &v.low) &&
                          absl::SimpleAtoi(ends.second, &v.high) && v.low <= v.high;
    if (!is_range) {
      for (absl::string_view choice : absl::StrSplit(values, ',')) {
        choice = absl::StripAsciiWhitespace(choice);
        if (!choice.empty()) v.choices.emplace_back(choice);
      }
    }
    if (v.name.empty() || (!is_range && v.choices.empty())) {
      return absl::InvalidArgumentError("write `let NAME = 1..10` or `let NAME = 'a', 'b'`");
    }
    file_.transactions.back().variables.push_back(std::move(v));
    return absl::OkStatus();
  }

  // Cuts at semicolons outside of quotes; comments go.
  absl::Status Sql(absl::string_view line) {
    for (size_t i = 0; i < line.size();) {
      if (line.substr(i, 2) == "--") break;
      if (line[i] == '\'' || line[i] == '"') {
        const size_t end = EndOfQuote(line, i);
        absl::StrAppend(&statement_, line.substr(i, end - i));
        i = end;
      } else if (line[i] == ';') {
        ISO_RETURN_IF_ERROR(EndStatement());
        ++i;
      } else {
        statement_.push_back(line[i++]);
      }
    }
    statement_.push_back('\n');
    return absl::OkStatus();
  }

  absl::Status EndStatement() {
    std::string statement(absl::StripAsciiWhitespace(statement_));
    statement_.clear();
    if (statement.empty()) return absl::OkStatus();
    switch (section_) {
      case Section::kNone:
        return absl::InvalidArgumentError("a statement before the first directive, `--: setup`");
      case Section::kSetup:
        file_.setup.push_back(std::move(statement));
        break;
      case Section::kTransaction:
        file_.transactions.back().statements.push_back(std::move(statement));
        break;
      case Section::kInvariant:
        if (!file_.invariants.back().query.empty()) {
          return absl::InvalidArgumentError("an invariant is one query");
        }
        file_.invariants.back().query = std::move(statement);
        break;
    }
    return absl::OkStatus();
  }

  absl::Status EndSection() {
    if (!absl::StripAsciiWhitespace(statement_).empty()) {
      return absl::InvalidArgumentError("the statement before it has no semicolon");
    }
    const bool empty =
        (section_ == Section::kTransaction && file_.transactions.back().statements.empty()) ||
        (section_ == Section::kInvariant && file_.invariants.back().query.empty());
    if (empty) return absl::InvalidArgumentError("the section before it has no statement");
    return absl::OkStatus();
  }

  SqlFile file_;
  Section section_ = Section::kNone;
  std::string statement_;
};

}  // namespace

absl::StatusOr<SqlFile> ParseSqlFile(absl::string_view text) { return Parser().Parse(text); }

std::vector<std::string> DrawStatements(const SqlFile::Transaction& transaction, Random* random) {
  std::map<std::string, std::string> values;
  for (const SqlFile::Variable& v : transaction.variables) {
    values[v.name] = v.choices.empty() ? absl::StrCat(random->Between(v.low, v.high))
                                       : v.choices[random->Below(v.choices.size())];
  }
  std::vector<std::string> statements;
  for (const std::string& text : transaction.statements) {
    std::string& out = statements.emplace_back();
    for (size_t i = 0; i < text.size();) {
      size_t end = i + 1;
      if (text[i] == '\'' || text[i] == '"') {
        end = EndOfQuote(text, i);
      } else if (text[i] == ':' && text.compare(i, 2, "::") == 0) {
        end = i + 2;  // a cast
      } else if (text[i] == ':') {
        while (end < text.size() && IsWord(text[end])) ++end;
        auto value = values.find(text.substr(i + 1, end - i - 1));
        if (value != values.end()) {
          out += value->second;
          i = end;
          continue;
        }
      }
      out.append(text, i, end - i);
      i = end;
    }
  }
  return statements;
}

}  // namespace isochron::sim
