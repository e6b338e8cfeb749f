// SPDX-License-Identifier: Apache-2.0
//
// Deferred foreign keys within a transaction: SET CONSTRAINTS, and the end.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/session/referential.h"
#include "sql/session/transaction_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {

Task<absl::Status> TransactionImpl::CheckDeferred(Ctx ctx, bool all) {
  const std::vector<DeferredKeys::Key> keys = deferred_.Take(all);
  if (keys.empty()) co_return absl::OkStatus();
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_.get();
  exec.eval.SetNow(now_, settings_->time());
  exec.reader = writer();
  exec.writer = writer();
  exec.inside = relations();
  absl::Status checked = co_await Referential(engine_, &exec).CheckDeferred(&keys);
  ISO_CO_RETURN_IF_ERROR(Use(exec.used));
  co_return checked;
}

Task<absl::Status> TransactionImpl::SettleDeferred(Ctx ctx) {
  if (deferred_.empty()) co_return absl::OkStatus();
  // What holds now, only a later statement can break, which then says so itself.
  const DeferredKeys as_it_was = deferred_;
  const absl::Status checked = co_await CheckDeferred(ctx, true);
  if (SqlStateOf(checked) != sqlstate::kForeignKeyViolation) co_return checked;
  deferred_ = as_it_was;
  co_return SqlError(sqlstate::kObjectInUse,
                     absl::StrCat("the schema cannot be changed while deferred checks are pending "
                                  "that do not hold: ",
                                  checked.message()),
                     -1, "Write the rows that are missing first.");
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::SetConstraints(
    Ctx ctx, const ast::SetConstraints* set) {
  StatementResult result;
  result.tag = "SET CONSTRAINTS";
  if (options_.read_only) co_return result;
  // Whatever is found, what is not is said before anything changes.
  std::vector<std::pair<TablePtr, const ForeignKey*>> found;
  if (!set->names.empty()) {
    // By a snapshot: the names of all others need not stay as they are.
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                            engine_->deps().store->BeginReadOnly(ctx, std::nullopt));
    ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> tables,
                            co_await engine_->catalog().List(ctx, reader.get()));
    if (relations() != nullptr) {
      std::erase_if(tables, [this](const TablePtr& t) { return relations()->contains(t->name); });
      for (const auto& [name, table] : *relations()) {
        if (table != nullptr) tables.push_back(table);
      }
    }
    for (const ast::TableName& name : set->names) {
      const size_t before = found.size();
      for (const TablePtr& table : tables) {
        const ForeignKey* key = table->FindForeignKey(name.name);
        if (key == nullptr) continue;
        if (!key->deferrable) {
          co_return SqlError(sqlstate::kWrongObjectType,
                             absl::StrCat("constraint \"", name.name, "\" is not deferrable"));
        }
        found.emplace_back(table, key);
      }
      if (found.size() > before) continue;
      co_return SqlError(sqlstate::kUndefinedObject,
                         absl::StrCat("constraint \"", name.name, "\" does not exist"));
    }
  }
  const DeferredKeys as_it_was = deferred_;
  if (set->names.empty()) deferred_.Set(set->deferred);
  for (const auto& [table, key] : found) deferred_.Set(table->id, key->id, set->deferred);
  absl::Status checked = co_await CheckDeferred(ctx, false);
  if (!checked.ok()) {
    deferred_ = as_it_was;
    co_return checked;
  }
  co_return result;
}

}  // namespace isochron::sql
