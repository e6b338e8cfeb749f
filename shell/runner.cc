// SPDX-License-Identifier: Apache-2.0
#include "shell/runner.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "shell/interrupt.h"

namespace isochron::shell {
namespace {

double NowMs() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())  // lint: allow(clock): shown
      .count();
}

}  // namespace

absl::Status Runner::Ensure() {
  if (session_ != nullptr && session_->usable()) return absl::OkStatus();
  const bool again = session_ != nullptr;
  ISO_ASSIGN_OR_RETURN(session_, opener_());
  if (again) *err_ << "connected again; an open transaction and settings are gone" << std::endl;
  return absl::OkStatus();
}

void Runner::ShowError(const std::string& statement, const absl::Status& status) {
  const std::string state = client::SqlState(status);
  *err_ << "ERROR:  " << status.message()
        << (state.empty() ? absl::StrCat(" (", absl::StatusCodeToString(status.code()), ")")
                          : absl::StrCat(" (SQLSTATE ", state, ")"))
        << "\n";
  const std::string caret = Caret(statement, client::Position(status));
  if (!caret.empty()) *err_ << caret << "\n";
  const std::string hint = client::Hint(status);
  if (!hint.empty()) *err_ << "HINT:  " << hint << "\n";
  err_->flush();
}

void Runner::ShowEnd(const client::Result& result, bool rows, double ms) {
  if (!rows && options_.format == Format::kAligned && !result.tag.empty()) {
    *out_ << result.tag << "\n";
  }
  out_->flush();
  if (!options_.timing) return;
  std::string line = absl::StrFormat("Time: %.1f ms", ms);
  if (result.commit_timestamp && result.commit_timestamp->us > 0) {
    absl::StrAppend(&line, ", committed at ", client::TimeToText(*result.commit_timestamp));
  } else if (result.read_timestamp && result.read_timestamp->us > 0) {
    absl::StrAppend(&line, ", read at ", client::TimeToText(*result.read_timestamp));
  }
  *err_ << line << std::endl;
}

absl::Status Runner::Run(const std::string& statement) {
  if (absl::Status s = Ensure(); !s.ok()) {
    ShowError(statement, s);
    return s;
  }
  const double begun = NowMs();
  std::atomic<uint64_t> count{0};
  bool shown = false;
  std::unique_ptr<RowWriter> writer;
  const auto sink = [&](client::Row row) {
    if (writer == nullptr) {
      writer = MakeRowWriter(options_.format, out_);
      writer->Begin(row.columns());
    }
    writer->Write(row);
    ++count;
    return true;
  };
  absl::StatusOr<client::Result> result = absl::UnknownError("");
  {
    std::optional<Watcher> watcher;
    if (options_.catch_ctrl_c) {
      watcher.emplace([this] { session_->Cancel(); },
                      [&] {
                        if (!options_.progress) return;
                        shown = true;
                        std::fprintf(stderr, "\rrunning for %.0f s, %llu rows; Ctrl-C cancels ",
                                     (NowMs() - begun) / 1000,
                                     static_cast<unsigned long long>(count.load()));
                      });
    }
    result = session_->Execute(statement, {}, nullptr, sink);
  }
  if (shown) std::fprintf(stderr, "\r%60s\r", "");
  if (!result.ok()) {
    if (writer != nullptr) writer->End();
    out_->flush();
    ShowError(statement, result.status());
    return result.status();
  }
  const bool rows = !result->columns->empty();
  if (rows && writer == nullptr) {
    writer = MakeRowWriter(options_.format, out_);
    writer->Begin(*result->columns);
  }
  if (writer != nullptr) writer->End();
  ShowEnd(*result, rows, NowMs() - begun);
  return absl::OkStatus();
}

std::vector<std::string> Runner::Names(const std::string& query) {
  std::vector<std::string> names;
  if (!Ensure().ok()) return names;
  absl::StatusOr<client::Result> result = session_->Execute(query);
  if (!result.ok()) return names;
  for (const client::Row& row : result->rows) {
    if (row.size() > 0) names.push_back(row[0].ToText());
  }
  return names;
}

}  // namespace isochron::shell
