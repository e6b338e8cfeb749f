// SPDX-License-Identifier: Apache-2.0
#include "sql/session/named_statements.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// As much as it takes, about.
size_t BytesOf(const std::string& name, const NamedStatement& s) {
  size_t columns = 0;
  for (const auto& c : s.description.columns) columns += sizeof(c) + c.name.size();
  return sizeof(NamedStatement) + name.size() + s.sql.size() + s.shown.size() +
         s.params.size() * (2 * sizeof(Type) + sizeof(int32_t)) + columns;
}

}  // namespace

absl::Status NamedStatements::CheckName(const std::string& name) const {
  if (name.empty() || !statements_.contains(name)) return absl::OkStatus();
  return SqlError("42P05", absl::StrCat("prepared statement \"", name, "\" already exists"));
}

absl::Status NamedStatements::Add(const std::string& name,
                                  std::shared_ptr<const NamedStatement> statement) {
  ISO_RETURN_IF_ERROR(CheckName(name));
  Close(name);
  const size_t bytes = BytesOf(name, *statement);
  if (statements_.size() >= kMaxCount || bytes_ + bytes > kMaxBytes) {
    return SqlError(
        sqlstate::kProgramLimit,
        absl::StrCat("the connection keeps ", statements_.size(), " prepared statements of ",
                     bytes_, " bytes, and this one would take ", bytes),
        -1, "Close those that are not used any more.");
  }
  bytes_ += bytes;
  statements_[name] = std::move(statement);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const NamedStatement>> NamedStatements::Find(
    const std::string& name) const {
  auto it = statements_.find(name);
  if (it != statements_.end()) return it->second;
  return SqlError("26000", name.empty()
                               ? "unnamed prepared statement does not exist"
                               : absl::StrCat("prepared statement \"", name, "\" does not exist"));
}

bool NamedStatements::Close(const std::string& name) {
  auto it = statements_.find(name);
  if (it == statements_.end()) return false;
  bytes_ -= BytesOf(name, *it->second);
  statements_.erase(it);
  return true;
}

void NamedStatements::CloseAll() {
  std::shared_ptr<const NamedStatement> unnamed;
  if (auto it = statements_.find(""); it != statements_.end()) unnamed = it->second;
  statements_.clear();
  bytes_ = 0;
  if (unnamed == nullptr) return;
  bytes_ = BytesOf("", *unnamed);
  statements_[""] = std::move(unnamed);
}

}  // namespace isochron::sql
