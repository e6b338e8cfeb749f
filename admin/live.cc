// SPDX-License-Identifier: Apache-2.0
#include "admin/live.h"

#include <iostream>
#include <memory>

#include "client/session.h"
#include "common/status_macros.h"
#include "shell/format.h"

namespace isochron::admin {

absl::Status RunSql(const LiveOptions& options, const std::vector<std::string>& statements) {
  client::Session::Options session_options;
  session_options.timeout_ms = options.timeout_s * 1000;
  ISO_ASSIGN_OR_RETURN(
      const std::unique_ptr<client::Session> session,
      client::Session::Open(client::Session::Connect(options.target), session_options));
  for (const std::string& sql : statements) {
    ISO_ASSIGN_OR_RETURN(const client::Result result, session->Execute(sql));
    if (result.columns == nullptr) continue;
    const auto writer = shell::MakeRowWriter(
        options.json ? shell::Format::kJson : shell::Format::kAligned, &std::cout);
    writer->Begin(*result.columns);
    for (const client::Row& row : result.rows) writer->Write(row);
    writer->End();
  }
  return absl::OkStatus();
}

}  // namespace isochron::admin
