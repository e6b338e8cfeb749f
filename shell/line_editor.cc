// SPDX-License-Identifier: Apache-2.0
#include "shell/line_editor.h"

#include <histedit.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "shell/interrupt.h"
#include "shell/script.h"

namespace isochron::shell {

struct LineEditor::Impl {
  EditLine* edit = nullptr;
  History* history = nullptr;
  HistEvent event = {};
  std::string prompt;
  std::string history_file;
  Completer completer;

  static Impl* Of(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return static_cast<Impl*>(data);
  }
  static char* Prompt(EditLine* edit) { return Of(edit)->prompt.data(); }
  static unsigned char Complete(EditLine* edit, int) {
    Impl* self = Of(edit);
    const LineInfo* info = el_line(edit);
    const std::string before(info->buffer, info->cursor);
    const std::string word = before.substr(WordStart(before));
    const std::vector<std::string> words = self->completer(word);
    if (words.empty()) return CC_REFRESH_BEEP;
    // As far as all agree.
    std::string common = words[0];
    for (const std::string& w : words) {
      size_t n = 0;
      while (n < common.size() && n < w.size() && common[n] == w[n]) ++n;
      common.resize(n);
    }
    if (words.size() == 1) common += " ";
    if (common.size() > word.size()) {
      el_deletestr(edit, static_cast<int>(word.size()));
      el_insertstr(edit, common.c_str());
      return CC_REFRESH;
    }
    std::printf("\n");
    for (const std::string& w : words) std::printf("%s  ", w.c_str());
    std::printf("\n");
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(std::string history_file, Completer completer) : impl_(new Impl) {
  impl_->history_file = std::move(history_file);
  impl_->completer = std::move(completer);
  impl_->edit = el_init("isochron", stdin, stdout, stderr);
  impl_->history = history_init();
  history(impl_->history, &impl_->event, H_SETSIZE, 1000);
  history(impl_->history, &impl_->event, H_SETUNIQUE, 1);
  if (!impl_->history_file.empty()) {
    history(impl_->history, &impl_->event, H_LOAD, impl_->history_file.c_str());
  }
  el_set(impl_->edit, EL_CLIENTDATA, impl_);
  el_set(impl_->edit, EL_PROMPT, &Impl::Prompt);
  el_set(impl_->edit, EL_EDITOR, "emacs");
  el_set(impl_->edit, EL_HIST, history, impl_->history);
  el_set(impl_->edit, EL_ADDFN, "complete", "completes a word", &Impl::Complete);
  el_set(impl_->edit, EL_BIND, "^I", "complete", nullptr);
}

LineEditor::~LineEditor() {
  if (!impl_->history_file.empty()) {
    history(impl_->history, &impl_->event, H_SAVE, impl_->history_file.c_str());
  }
  el_end(impl_->edit);
  history_end(impl_->history);
  delete impl_;
}

LineEditor::Outcome LineEditor::Read(const std::string& prompt, std::string* line) {
  impl_->prompt = prompt;
  AllowInterrupts allow;
  int length = 0;
  const char* text = el_gets(impl_->edit, &length);
  if (AllowInterrupts::TakeInterrupted()) {
    el_set(impl_->edit, EL_PREP_TERM, 0);
    std::printf("\n");
    return Outcome::kInterrupted;
  }
  if (text == nullptr || length <= 0) return Outcome::kEnd;
  line->assign(text, static_cast<size_t>(length));
  return Outcome::kLine;
}

void LineEditor::Remember(const std::string& statement) {
  std::string one_line = statement;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  history(impl_->history, &impl_->event, H_ENTER, one_line.c_str());
}

}  // namespace isochron::shell
