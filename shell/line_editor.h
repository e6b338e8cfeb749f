// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_LINE_EDITOR_H_
#define ISOCHRON_SHELL_LINE_EDITOR_H_

// A line from the terminal, with editing, a history kept in a file, and completion by Tab
// (libedit). One a process.

#include <functional>
#include <string>
#include <vector>

namespace isochron::shell {

class LineEditor {
 public:
  enum class Outcome { kLine, kInterrupted, kEnd };
  // Words that may stand where `word` (what is typed so far) stands.
  using Completer = std::function<std::vector<std::string>(const std::string& word)>;

  // `history_file` may be empty: no file then.
  LineEditor(std::string history_file, Completer completer);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  Outcome Read(const std::string& prompt, std::string* line);
  // A whole statement, for the history.
  void Remember(const std::string& statement);

 private:
  struct Impl;
  Impl* const impl_;
};

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_LINE_EDITOR_H_
