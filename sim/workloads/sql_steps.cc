// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/sql_steps.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sim/workloads/recorder.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr size_t kMaxAnomalies = 5;

}  // namespace

SqlSteps::Recorded::Recorded(Session* session, std::string note, std::string turn)
    : session_(session) {
  op_ = &session->history->Invoke(OpKind::kReadWrite, session->client, session->scheduler->now());
  op_->note = std::move(note);
  op_->turn = std::move(turn);
}

void SqlSteps::Recorded::End(const absl::Status& status) {
  if (!status.ok()) absl::StrAppend(&op_->note, " ", status.ToString());
  session_->history->Complete(*op_, OutcomeOf(status), session_->scheduler->now());
}

void SqlSteps::Report(std::string name, std::string what) {
  if (anomalies_.size() == kMaxAnomalies) return;
  anomalies_.push_back(Anomaly{std::move(name), std::move(what), {}});
}

Task<absl::StatusOr<sql::StatementResult>> SqlSteps::Execute(Session* session, sql::Session* sql,
                                                             std::string statement) {
  sql::CollectingSink sink;
  co_return co_await sql->Execute(session->NewContext(), std::move(statement), {}, &sink);
}

Task<absl::Status> SqlSteps::Make(Session* session, std::vector<std::string> statements) {
  std::unique_ptr<sql::Session> sql = session->sql->NewSession();
  for (std::string& statement : statements) {
    auto made = co_await Execute(session, sql.get(), std::move(statement));
    const std::string state = sql::SqlStateOf(made.status());
    if (!made.ok() && state != sql::sqlstate::kDuplicateObject &&
        state != sql::sqlstate::kDuplicateTable) {
      co_return made.status();
    }
  }
  co_return absl::OkStatus();
}

bool SqlSteps::IsMistake(const absl::Status& status) {
  return !status.ok() && absl::StartsWith(sql::SqlStateOf(status), "42");
}

std::string SqlSteps::Told(const std::string& statement, const absl::Status& status) {
  return absl::StrCat("`", statement, "`: ", sql::SqlStateOf(status), " ",
                      std::string(status.message()));
}

std::string SqlSteps::Render(const sql::CollectingSink::Statement& result) {
  std::string out;
  for (const sql::Row& row : result.rows) {
    if (!out.empty()) out += "; ";
    for (size_t i = 0; i < row.size(); ++i) {
      const bool is_bool = result.columns[i].type == sql::Type::kBool;
      const std::string text = sql::DatumToText(result.columns[i].type, row[i]);
      absl::StrAppend(&out, i > 0 ? ", " : "",
                      is_bool && text == "t"   ? "true"
                      : is_bool && text == "f" ? "false"
                                               : text);
    }
  }
  return out;
}

}  // namespace isochron::sim
