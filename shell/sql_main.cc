// SPDX-License-Identifier: Apache-2.0
#include "shell/sql_main.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/session.h"
#include "shell/format.h"
#include "shell/interrupt.h"
#include "shell/line_editor.h"
#include "shell/options.h"
#include "shell/runner.h"
#include "shell/script.h"

namespace isochron::shell {
namespace {

constexpr const char* kKeywords[] = {
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "AS",
    "ASC",
    "AVG",
    "BEGIN",
    "BETWEEN",
    "BIGINT",
    "BOOLEAN",
    "BY",
    "BYTEA",
    "CASE",
    "COLUMN",
    "COMMIT",
    "CONFLICT",
    "COUNT",
    "CREATE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DO",
    "DOUBLE",
    "DROP",
    "ELSE",
    "END",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INSERT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LIKE",
    "LIMIT",
    "MAX",
    "MIN",
    "NOT",
    "NOTHING",
    "NULL",
    "OFFSET",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "PRECISION",
    "PRIMARY",
    "READ",
    "RELEASE",
    "RETURNING",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "SUM",
    "TABLE",
    "TABLES",
    "TEXT",
    "TIMESTAMPTZ",
    "TO",
    "TRANSACTION",
    "TRUE",
    "UPDATE",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
    "isochron.clocks",
    "isochron.counters",
    "isochron.groups",
    "isochron.locks",
    "isochron.nodes",
    "isochron.regions",
    "isochron.replicas",
    "isochron.sessions",
    "isochron.merge",
    "isochron.split",
    "isochron.splits",
    "isochron.statements",
};

constexpr char kHelp[] =
    "End a statement with a semicolon; it may span lines. Ctrl-C cancels, Ctrl-D leaves.\n"
    "  \\d              tables            \\d TABLE         columns of a table\n"
    "  \\format FORMAT  aligned, csv, json\n"
    "  \\timing         times and timestamps on or off\n"
    "  \\q              leave\n";

std::vector<FlagSpec> Specs() {
  return {
      {"target", false, "localhost:9010", "HOST:PORT of a node's Spanner API", 't', {}},
      {"execute", false, "", "run these statements and leave; may be given again", 'e', {}},
      {"file", false, "", "run the statements of a file and leave", 'f', {}},
      {"format", false, "aligned", "aligned, csv or json", 0, {"aligned", "csv", "json"}},
      {"database",
       false,
       "projects/isochron/instances/default/databases/isochron",
       "the database's name",
       'd',
       {}},
      {"timing", true, "", "show times and commit timestamps", 0, {}},
      {"timeout", false, "60", "seconds that a statement may take", 0, {}},
      {"help", true, "", "this", 'h', {}},
  };
}

// -e, -f and standard input: up to the first failure.
int RunScript(Runner* runner, const std::string& text) {
  Script script = CutStatements(text);
  if (!IsBlank(script.rest)) {
    script.statements.emplace_back(absl::StripAsciiWhitespace(script.rest));
  }
  for (const std::string& statement : script.statements) {
    if (!runner->Run(statement).ok()) return 1;
  }
  return 0;
}

class Interactive {
 public:
  explicit Interactive(Runner* runner)
      : runner_(runner),
        editor_(HistoryFile(), [this](const std::string& word) { return Complete(word); }) {}

  int Loop() {
    std::cout << "Isochron shell. \\? for help, \\q to leave.\n";
    std::string text;
    while (true) {
      std::string line;
      const bool begun = !IsBlank(text);
      switch (editor_.Read(begun ? "       -> " : "isochron> ", &line)) {
        case LineEditor::Outcome::kEnd:
          std::cout << "\n";
          return 0;
        case LineEditor::Outcome::kInterrupted:
          text.clear();
          continue;
        case LineEditor::Outcome::kLine:
          break;
      }
      if (!begun && absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "\\")) {
        editor_.Remember(std::string(absl::StripAsciiWhitespace(line)));
        if (!Meta(std::string(absl::StripAsciiWhitespace(line)))) return 0;
        continue;
      }
      text += line;
      Script script = CutStatements(text);
      text = std::move(script.rest);
      for (const std::string& statement : script.statements) {
        editor_.Remember(statement + ";");
        if (!runner_->Run(statement).ok()) break;
        const bool ddl = absl::StartsWithIgnoreCase(statement, "create") ||
                         absl::StartsWithIgnoreCase(statement, "drop");
        if (ddl) tables_known_ = false;
      }
    }
  }

 private:
  static std::string HistoryFile() {
    const char* home = std::getenv("HOME");
    return home == nullptr ? "" : absl::StrCat(home, "/.isochron_history");
  }

  // False to leave.
  bool Meta(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words[0] == "\\q") return false;
    if (words[0] == "\\timing") {
      runner_->options().timing = !runner_->options().timing;
      std::cout << "timing is " << (runner_->options().timing ? "on" : "off") << "\n";
    } else if (words[0] == "\\format" && words.size() == 2 && FormatFromName(words[1])) {
      runner_->options().format = *FormatFromName(words[1]);
    } else if (words[0] == "\\d" && words.size() == 1) {
      (void)runner_->Run("SHOW TABLES");
    } else if (words[0] == "\\d" && words.size() == 2) {
      std::string name;
      for (char c : words[1]) name += c == '\'' ? "''" : std::string(1, c);
      (void)runner_->Run(
          absl::StrCat("SELECT column_name, data_type, is_nullable FROM "
                       "information_schema.columns WHERE table_name = '",
                       name, "'"));
    } else {
      std::cout << kHelp;
    }
    return true;
  }

  std::vector<std::string> Complete(const std::string& word) {
    if (!tables_known_) {
      tables_ = runner_->Names("SHOW TABLES");
      tables_known_ = true;
    }
    std::vector<std::string> found;
    if (word.empty()) return found;
    const bool lower = absl::ascii_islower(static_cast<unsigned char>(word[0]));
    for (const char* k : kKeywords) {
      if (!absl::StartsWithIgnoreCase(k, word)) continue;
      found.push_back(lower ? absl::AsciiStrToLower(k) : std::string(k));
    }
    for (const std::string& t : tables_) {
      if (absl::StartsWith(t, word)) found.push_back(t);
    }
    return found;
  }

  Runner* const runner_;
  std::vector<std::string> tables_;
  bool tables_known_ = false;
  LineEditor editor_;
};

int Usage(const std::string& why) {
  std::cerr << "isochron sql: " << why << "\n\nusage: isochron sql [FLAGS]\n" << FlagHelp(Specs());
  return 2;
}

}  // namespace

int RunSql(const std::vector<std::string>& args) {
  absl::StatusOr<Flags> flags = Flags::Parse(Specs(), args);
  if (!flags.ok()) return Usage(std::string(flags.status().message()));
  if (flags->On("help")) {
    std::cout << "usage: isochron sql [FLAGS]\n" << FlagHelp(Specs());
    return 0;
  }
  if (!flags->arguments().empty()) {
    return Usage(absl::StrCat("unexpected argument \"", flags->arguments()[0], "\""));
  }
  absl::StatusOr<int64_t> timeout = flags->Number("timeout", 1, 86'400);
  if (!timeout.ok()) return Usage(std::string(timeout.status().message()));

  const bool scripted = flags->Given("execute") || flags->Given("file");
  const bool interactive = !scripted && isatty(STDIN_FILENO) != 0;
  if (interactive) BlockInterrupts();
  RunnerOptions options;
  options.format = *FormatFromName(flags->Text("format"));
  options.timing = interactive || flags->On("timing");
  options.progress = interactive && isatty(STDERR_FILENO) != 0;
  options.catch_ctrl_c = interactive;
  client::Session::Options session;
  session.database = flags->Text("database");
  session.timeout_ms = *timeout * 1000;
  auto channel = client::Session::Connect(flags->Text("target"));
  Runner runner([=] { return client::Session::Open(channel, session); }, options, &std::cout,
                &std::cerr);
  if (interactive) return Interactive(&runner).Loop();

  std::string text;
  for (const std::string& e : flags->All("execute")) absl::StrAppend(&text, e, "\n;\n");
  for (const std::string& path : flags->All("file")) {
    std::ifstream file(path);
    if (!file) {
      std::cerr << "isochron sql: cannot read " << path << "\n";
      return 1;
    }
    text.append(std::istreambuf_iterator<char>(file), {});
    text += "\n";
  }
  if (!scripted) text.assign(std::istreambuf_iterator<char>(std::cin), {});
  return RunScript(&runner, text);
}

}  // namespace isochron::shell
