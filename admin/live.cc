// SPDX-License-Identifier: Apache-2.0
#include "admin/live.h"

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/session.h"
#include "common/status_macros.h"
#include "shell/format.h"

namespace isochron::admin {

namespace {

absl::StatusOr<std::unique_ptr<client::Session>> Connect(const LiveOptions& options) {
  client::Session::Options session_options;
  session_options.timeout_ms = options.timeout_s * 1000;
  return client::Session::Open(client::Session::Connect(options.target), session_options);
}

}  // namespace

absl::Status Repair(const LiveOptions& options, uint32_t node, std::optional<uint64_t> group) {
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<client::Session> session, Connect(options));
  const std::string which = group ? absl::StrCat("group_id = ", *group) : "kind = 'damaged'";
  ISO_ASSIGN_OR_RETURN(const client::Result found,
                       session->Execute(absl::StrCat(
                           "SELECT group_id, kind FROM isochron.replicas WHERE node = ", node,
                           " AND ", which, " ORDER BY group_id")));
  if (found.rows.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "node ", node, group ? " has no replica of that group" : " has no damaged replica",
        " (isochron admin replicas)"));
  }
  for (const client::Row& row : found.rows) {
    ISO_ASSIGN_OR_RETURN(const int64_t id, row.Get<int64_t>("group_id"));
    ISO_ASSIGN_OR_RETURN(const std::string kind, row.Get<std::string>("kind"));
    ISO_RETURN_IF_ERROR(
        session->Execute(absl::StrCat("SELECT isochron.remove_replica(", id, ", ", node, ")"))
            .status());
    ISO_RETURN_IF_ERROR(session
                            ->Execute(absl::StrCat("SELECT isochron.add_replica(", id, ", ", node,
                                                   kind == "read-only" ? ", 'read-only'" : "", ")"))
                            .status());
    std::cout << (options.json ? absl::StrCat("{\"group\":", id, ",\"node\":", node, ",\"was\":\"",
                                              kind, "\"}")
                               : absl::StrCat("group ", id, ": the replica of node ", node, ", ",
                                              kind, ", is replaced"))
              << std::endl;
  }
  return absl::OkStatus();
}

absl::Status RunSql(const LiveOptions& options, const std::vector<std::string>& statements) {
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<client::Session> session, Connect(options));
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
