// SPDX-License-Identifier: Apache-2.0
//
// DECLARE, FETCH, MOVE and CLOSE inside a transaction.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/parser/ast_objects.h"
#include "sql/session/session_names.h"
#include "sql/session/transaction_impl.h"

namespace isochron::sql {

TransactionImpl::~TransactionImpl() {
  if (settings_->names()->open == &cursors_) settings_->names()->open = nullptr;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunCursor(Ctx ctx, PreparedPtr text,
                                                                 size_t index, Params params,
                                                                 Draws* draws, ResultSink* sink) {
  const auto& object = std::get<ast::ObjectPtr>(text->statements[index].ast.node);
  const ast::SessionStatement& statement = *std::get<ast::SessionPtr>(object->node);
  settings_->names()->open = &cursors_;
  if (std::holds_alternative<ast::DeclareCursor>(statement.node)) {
    co_return co_await Declare(std::move(ctx), std::move(text), index, std::move(params), draws);
  }
  if (const auto* fetch = std::get_if<ast::FetchCursor>(&statement.node)) {
    Cursors& held = settings_->names()->held;
    ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<Cursor> cursor,
                            FindCursor(cursors_, held, fetch->name));
    if (!cursors_.contains(fetch->name)) {
      held_before_.emplace(fetch->name, Held{cursor, cursor->position()});
    }
    co_return co_await FetchFrom(std::move(ctx), std::move(cursor), fetch, sink);
  }
  if (const auto* close = std::get_if<ast::CloseCursor>(&statement.node)) co_return Close(*close);
  co_return SqlError(sqlstate::kInternal, "a statement of no known kind");
}

absl::StatusOr<StatementResult> TransactionImpl::Close(const ast::CloseCursor& close) {
  Cursors& held = settings_->names()->held;
  StatementResult result;
  result.tag = close.all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
  if (!close.all) ISO_RETURN_IF_ERROR(FindCursor(cursors_, held, close.name).status());
  for (auto it = held.begin(); it != held.end();) {
    if (close.all || (it->first == close.name && !cursors_.contains(close.name))) {
      held_before_.emplace(it->first, Held{it->second, it->second->position()});
      it = held.erase(it);
    } else {
      ++it;
    }
  }
  if (close.all) cursors_.clear();
  cursors_.erase(close.name);
  return result;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::Declare(Ctx ctx, PreparedPtr text,
                                                               size_t index, Params params,
                                                               Draws* draws) {
  const Prepared& outer = text->statements[index];
  const auto& object = std::get<ast::ObjectPtr>(outer.ast.node);
  const auto& declare = std::get<ast::DeclareCursor>(std::get<ast::SessionPtr>(object->node)->node);
  if (!declare.portal &&
      (cursors_.contains(declare.name) || settings_->names()->held.contains(declare.name))) {
    co_return SqlError("42P03", absl::StrCat("cursor \"", declare.name, "\" already exists"));
  }
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr query, engine_->cache().Get(declare.sql, params, text->path));
  Cursor::About about{
      .name = declare.name,
      .sql = declare.portal
                 ? declare.sql
                 : std::string(absl::StripAsciiWhitespace(
                       absl::string_view(text->text).substr(outer.ast.position, outer.ast.length))),
      .binary = declare.binary,
      .hold = declare.hold,
      .scroll = declare.scroll,
      .no_scroll = declare.no_scroll || declare.portal,
      .made = now_};
  ISO_CO_ASSIGN_OR_RETURN(
      std::shared_ptr<Cursor> cursor,
      co_await Open(std::move(ctx), std::move(query), std::move(params), std::move(about), draws));
  cursors_[declare.name] = std::move(cursor);
  declared_[declare.name] = next_cursor_++;
  StatementResult result;
  result.tag = "DECLARE CURSOR";
  co_return result;
}

Task<absl::StatusOr<std::shared_ptr<Cursor>>> TransactionImpl::Open(Ctx ctx, PreparedPtr text,
                                                                    Params params,
                                                                    Cursor::About about,
                                                                    Draws* draws) {
  const Prepared* statement = &text->statements[0];
  const bool select = std::holds_alternative<ast::Select>(statement->ast.node);
  if (text->statements.size() != 1 || statement->verb != Verb::kPlanned || !select) {
    co_return SqlError(sqlstate::kUnsupported, "a cursor of this statement is not supported");
  }
  ISO_CO_RETURN_IF_ERROR(CheckWrites(*statement));
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                          co_await PlanHere(ctx, text, statement));
  if (options_.read_only && read_timestamp().us == 0 && !plan->descriptors.empty()) {
    // Its first rows may come much later than it is planned: the timestamp is chosen now, and the
    // plan made for it.
    auto none = co_await reader_->Get(ctx, TableDataPrefix(plan->descriptors[0]->id),
                                      txn::LockMode::kShared);
    if (!none.ok()) co_return none.status();
    ISO_CO_ASSIGN_OR_RETURN(plan, co_await PlanHere(ctx, text, statement));
  }
  if (plan->writes()) {
    co_return SqlError(sqlstate::kUnsupported,
                       "DECLARE CURSOR must not contain data-modifying statements in WITH");
  }
  if (engine_->NeedsCheck(*plan, *settings_)) {
    const bool past = options_.read_only && bound_.value_or(read_timestamp()).us != 0;
    std::vector<UsedTable> used;
    ISO_CO_RETURN_IF_ERROR(
        co_await engine_->CheckPlan(ctx, plan, settings_.get(), relations(), past, &used));
    if (!options_.read_only) ISO_CO_RETURN_IF_ERROR(Use(used));
  }
  ISO_CO_ASSIGN_OR_RETURN(ExecContext exec, ExecHere(ctx, *plan, params));
  if (!statement->draws) {
    auto run = std::make_unique<PlanRun>(engine_, plan, std::move(exec));
    ISO_CO_RETURN_IF_ERROR(co_await run->Start());
    co_return std::make_shared<Cursor>(std::move(about), std::move(ctx), plan->columns,
                                       std::move(run));
  }
  // What draws from a sequence may have to begin again: it runs to its end now.
  BufferSink buffer(ctx);
  absl::StatusOr<StatementResult> result;
  do {
    buffer.Clear();
    result = co_await engine_->RunDrawing(plan, &exec, &buffer, draws, false);
  } while (draws->again());
  if (!result.ok()) co_return buffer.status().ok() ? result.status() : buffer.status();
  auto cursor = std::make_shared<Cursor>(std::move(about), std::move(ctx), plan->columns, nullptr);
  auto [rows, charged] = buffer.Take();
  cursor->Fill(std::move(rows), charged);
  co_return cursor;
}

Task<absl::Status> TransactionImpl::FinishCursors(Ctx ctx, bool held_only) {
  // By value: the map changes where a replay begins.
  const Cursors open = cursors_;
  for (const auto& [name, cursor] : open) {
    if (held_only && !cursor->about().hold) continue;
    ISO_CO_RETURN_IF_ERROR(co_await cursor->Finish(ctx));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> TransactionImpl::FinishFor(Ctx ctx, const Prepared& statement) {
  const auto& verb = std::get<ast::Transaction>(statement.ast.node);
  if (verb.verb != ast::TxnVerb::kRollbackTo || writer_ == nullptr) co_return absl::OkStatus();
  co_return co_await FinishCursors(std::move(ctx), false);
}

void TransactionImpl::KeepHeld() {
  for (auto& [name, cursor] : cursors_) {
    if (cursor->about().hold) settings_->names()->held[name] = std::move(cursor);
  }
  cursors_.clear();
  held_before_.clear();
}

void TransactionImpl::ForgetCursors() {
  cursors_.clear();
  declared_.clear();
  next_cursor_ = 0;
  for (auto& [name, held] : held_before_) {
    held.cursor->set_position(held.position);
    settings_->names()->held[name] = std::move(held.cursor);
  }
  held_before_.clear();
}

}  // namespace isochron::sql
