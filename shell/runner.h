// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_RUNNER_H_
#define ISOCHRON_SHELL_RUNNER_H_

// Runs statements on a session and shows what comes of them: rows, tag, time and timestamps; or the
// error, with SQLSTATE, the place in the statement, and what to do.
//
// While a statement runs, Ctrl-C cancels it instead of ending the shell, and on a terminal one that
// lasts says how long it has run and how many rows came. One thread uses a runner.

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/session.h"
#include "shell/format.h"

namespace isochron::shell {

struct RunnerOptions {
  Format format = Format::kAligned;
  bool timing = false;
  bool progress = false;      // on standard error, which is a terminal
  bool catch_ctrl_c = false;  // SIGINT is blocked in every thread then
};

class Runner {
 public:
  // `session` opens a session, for the first statement and after the server was lost.
  using Opener = std::function<absl::StatusOr<std::unique_ptr<client::Session>>()>;
  Runner(Opener opener, RunnerOptions options, std::ostream* out, std::ostream* err)
      : opener_(std::move(opener)), options_(options), out_(out), err_(err) {}

  // OK if the statement succeeded. Everything is shown already.
  absl::Status Run(const std::string& statement);
  // Rows of one text column, quietly; empty when it fails.
  std::vector<std::string> Names(const std::string& query);

  RunnerOptions& options() { return options_; }

 private:
  absl::Status Ensure();
  void ShowError(const std::string& statement, const absl::Status& status);
  void ShowEnd(const client::Result& result, bool rows, double ms);

  const Opener opener_;
  RunnerOptions options_;
  std::ostream* const out_;
  std::ostream* const err_;
  std::unique_ptr<client::Session> session_;
};

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_RUNNER_H_
