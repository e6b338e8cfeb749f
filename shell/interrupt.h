// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_INTERRUPT_H_
#define ISOCHRON_SHELL_INTERRUPT_H_

// Watches for Ctrl-C, and the time, while a statement runs.
//
// SIGINT must be blocked in every thread of the process (BlockInterrupts, before the first other
// thread is made); a watcher then takes it from a descriptor, so no signal handler runs.

#include <functional>
#include <thread>

namespace isochron::shell {

void BlockInterrupts();
// For the line editor, which runs between statements: Ctrl-C then interrupts its read.
class AllowInterrupts {
 public:
  AllowInterrupts();
  ~AllowInterrupts();
  AllowInterrupts(const AllowInterrupts&) = delete;
  AllowInterrupts& operator=(const AllowInterrupts&) = delete;
  static bool TakeInterrupted();  // and forgets it
};

class Watcher {
 public:
  // `on_interrupt` at each Ctrl-C, `on_second` each second, both on the watcher's own thread.
  Watcher(std::function<void()> on_interrupt, std::function<void()> on_second);
  ~Watcher();  // ends the thread at once
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void Loop(const std::function<void()>& on_interrupt, const std::function<void()>& on_second);
  int signals_;
  int stop_;
  std::thread thread_;  // lint: allow(thread): the shell's own, no protocol runs on it
};

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_INTERRUPT_H_
