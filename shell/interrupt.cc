// SPDX-License-Identifier: Apache-2.0
#include "shell/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

namespace isochron::shell {
namespace {

volatile sig_atomic_t interrupted = 0;

sigset_t InterruptSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void BlockInterrupts() {
  const sigset_t set = InterruptSet();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

AllowInterrupts::AllowInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);  // without SA_RESTART: the read ends
  const sigset_t set = InterruptSet();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

AllowInterrupts::~AllowInterrupts() { BlockInterrupts(); }

bool AllowInterrupts::TakeInterrupted() {
  const bool was = interrupted != 0;
  interrupted = 0;
  return was;
}

Watcher::Watcher(std::function<void()> on_interrupt, std::function<void()> on_second) {
  const sigset_t set = InterruptSet();
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread(  // lint: allow(thread): see the header
      [this, interrupt = std::move(on_interrupt), second = std::move(on_second)] {
        Loop(interrupt, second);
      });
}

Watcher::~Watcher() {
  const uint64_t one = 1;
  (void)!write(stop_, &one, sizeof(one));
  thread_.join();
  close(signals_);
  close(stop_);
}

void Watcher::Loop(const std::function<void()>& on_interrupt,
                   const std::function<void()>& on_second) {
  while (true) {
    pollfd fds[2] = {{signals_, POLLIN, 0}, {stop_, POLLIN, 0}};
    const int ready = poll(fds, 2, 1000);
    if (ready == 0) on_second();
    if (ready <= 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof(info)) == sizeof(info)) on_interrupt();
  }
}

}  // namespace isochron::shell
