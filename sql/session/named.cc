// SPDX-License-Identifier: Apache-2.0
//
// Prepared statements by name, and cursors where no transaction is open.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/type_names.h"
#include "sql/parser/ast_session.h"
#include "sql/session/session_impl.h"
#include "sql/session/session_names.h"
#include "sql/types/enum_type.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

const ast::SessionStatement& StatementOf(const PreparedText& text, size_t index) {
  const auto& object = std::get<ast::ObjectPtr>(text.statements[index].ast.node);
  return *std::get<ast::SessionPtr>(object->node);
}

absl::Status WrongCount(const std::string& name, size_t want, size_t got) {
  ErrorFields fields;
  fields.detail = absl::StrCat("Expected ", want, " parameters but got ", got, ".");
  return WithFields(
      SqlError(sqlstate::kSyntaxError,
               absl::StrCat("wrong number of parameters for prepared statement \"", name, "\"")),
      fields);
}

}  // namespace

NamedStatements* SessionImpl::statements() { return &settings_->names()->statements; }

Task<SessionImpl::Result> SessionImpl::Named(Ctx ctx, PreparedPtr text, size_t index, Params params,
                                             ResultSink* sink) {
  const ast::SessionStatement& statement = StatementOf(*text, index);
  const bool cursors = std::holds_alternative<ast::DeclareCursor>(statement.node) ||
                       std::holds_alternative<ast::FetchCursor>(statement.node) ||
                       std::holds_alternative<ast::CloseCursor>(statement.node);
  if (transaction_ != nullptr &&
      (cursors || transaction_->state() != SqlTransaction::State::kOpen)) {
    std::shared_ptr<TransactionImpl> txn = transaction_;
    co_return co_await txn->ExecuteOne(ctx, std::move(text), index, std::move(params), sink);
  }
  if (cursors) {
    co_return co_await CursorAlone(ctx, std::move(text), index, std::move(params), sink);
  }
  if (std::holds_alternative<ast::PrepareStatement>(statement.node)) {
    co_return co_await PrepareNamed(ctx, std::move(text), index);
  }
  if (const auto* away = std::get_if<ast::Deallocate>(&statement.node)) {
    StatementResult result;
    result.tag = away->all ? "DEALLOCATE ALL" : "DEALLOCATE";
    if (away->all) {
      statements()->CloseAll();
    } else if (!statements()->Close(away->name)) {
      co_return statements()->Find(away->name).status();
    }
    co_return result;
  }
  co_return co_await ExecuteNamed(ctx, std::move(text), index, std::move(params), sink);
}

Task<SessionImpl::Result> SessionImpl::PrepareNamed(Ctx ctx, PreparedPtr text, size_t index) {
  const auto& prepare = std::get<ast::PrepareStatement>(StatementOf(*text, index).node);
  ISO_CO_RETURN_IF_ERROR(statements()->CheckName(prepare.name));
  std::vector<Type> types;
  for (const ast::TypeName& name : prepare.types) {
    if (!TypesMeantBy(name.name).empty()) {
      co_return SqlError(sqlstate::kUnsupported,
                         absl::StrCat("PREPARE with a parameter of type \"", name.name,
                                      "\": types that users made are not supported there"),
                         -1, "Leave the types out: they follow from the statement.");
    }
    ISO_CO_ASSIGN_OR_RETURN(const ResolvedType type, ResolveType(name.name, name.modifiers, -1));
    types.push_back(type.type);
  }
  auto named = std::make_shared<NamedStatement>();
  named->sql = prepare.sql;
  const ast::Statement& whole = text->statements[index].ast;
  const absl::string_view said(text->text);
  named->shown = std::string(absl::StripAsciiWhitespace(
      said.substr(static_cast<size_t>(whole.position), static_cast<size_t>(whole.length))));
  named->from_sql = true;
  ISO_CO_ASSIGN_OR_RETURN(named->made, engine_->SqlNow());
  ISO_CO_ASSIGN_OR_RETURN(named->description, co_await Describe(ctx, prepare.sql, types));
  named->params = named->description.params;
  for (size_t i = named->params.size(); i < types.size(); ++i) named->params.push_back(types[i]);
  for (Type type : named->params) named->oids.push_back(OidOf(type));
  ISO_CO_RETURN_IF_ERROR(statements()->Add(prepare.name, std::move(named)));
  StatementResult result;
  result.tag = "PREPARE";
  co_return result;
}

absl::StatusOr<Params> SessionImpl::ExecuteArguments(Ctx ctx, const ast::ExecuteStatement& execute,
                                                     const NamedStatement& named,
                                                     const Params& params) {
  if (execute.args.size() != named.params.size()) {
    return WrongCount(execute.name, named.params.size(), execute.args.size());
  }
  std::vector<Type> types;
  for (const TypedDatum& p : params) types.push_back(p.type);
  Scope nothing;
  Binder binder(&nothing, &types, nullptr, "EXECUTE parameter");
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_.get();
  ISO_ASSIGN_OR_RETURN(const Timestamp now, engine_->SqlNow());
  exec.eval.SetNow(now, settings_->time());
  Params out;
  for (size_t i = 0; i < execute.args.size(); ++i) {
    Type type = named.params[i];
    if (EnumOf(type) != nullptr) {
      // Which labels it has shows when the statement is planned.
      ISO_ASSIGN_OR_RETURN(const ExprPtr given, binder.Bind(*execute.args[i]));
      if (given->type == Type::kUnknown) type = Type::kUnknown;
    }
    auto bound = binder.BindAssignment(*execute.args[i], absl::StrCat("$", i + 1),
                                       type == Type::kUnknown ? Type::kText : type);
    if (SqlStateOf(bound.status()) == sqlstate::kDatatypeMismatch) {
      ISO_ASSIGN_OR_RETURN(const ExprPtr given, binder.Bind(*execute.args[i]));
      return SqlError(sqlstate::kDatatypeMismatch,
                      absl::StrCat("parameter $", i + 1, " of type ", TypeName(given->type),
                                   " cannot be coerced to the expected type ", TypeName(type)),
                      execute.args[i]->position,
                      "You will need to rewrite or cast the expression.");
    }
    ISO_RETURN_IF_ERROR(bound.status());
    Plan plan;
    plan.params = types;
    ISO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
    TypedDatum& value = out.emplace_back();
    value.type = type;
    ISO_RETURN_IF_ERROR(Eval(**bound, exec.eval, Row(), &value.value));
  }
  return out;
}

Task<SessionImpl::Result> SessionImpl::ExecuteNamed(Ctx ctx, PreparedPtr text, size_t index,
                                                    Params params, ResultSink* sink) {
  const auto& execute = std::get<ast::ExecuteStatement>(StatementOf(*text, index).node);
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const NamedStatement> named,
                          statements()->Find(execute.name));
  ISO_CO_ASSIGN_OR_RETURN(Params args, ExecuteArguments(ctx, execute, *named, params));
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr inner, engine_->cache().Get(named->sql, args, text->path));
  if (inner->statements.empty()) co_return StatementResult();
  if (inner->statements[0].verb == Verb::kSession) {
    co_return SqlError(sqlstate::kUnsupported,
                       "EXECUTE of a statement about prepared statements or cursors");
  }
  auto result = co_await One(ctx, std::move(inner), 0, std::move(args), sink);
  if (result.ok()) co_return result;
  // A position is one in the text of PREPARE.
  co_return ResolvePosition(result.status(), named->sql, 0);
}

Task<SessionImpl::Result> SessionImpl::CursorAlone(Ctx ctx, PreparedPtr text, size_t index,
                                                   Params params, ResultSink* sink) {
  const ast::SessionStatement& statement = StatementOf(*text, index);
  Cursors& held = settings_->names()->held;
  StatementResult result;
  if (const auto* close = std::get_if<ast::CloseCursor>(&statement.node)) {
    result.tag = close->all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    if (!close->all) ISO_CO_RETURN_IF_ERROR(FindCursor({}, held, close->name).status());
    close->all ? held.clear() : static_cast<void>(held.erase(close->name));
    co_return result;
  }
  if (const auto* fetch = std::get_if<ast::FetchCursor>(&statement.node)) {
    ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<Cursor> cursor, FindCursor({}, held, fetch->name));
    co_return co_await FetchFrom(std::move(ctx), std::move(cursor), fetch, sink);
  }
  if (!std::get<ast::DeclareCursor>(statement.node).hold) {
    co_return SqlError(sqlstate::kNoActiveTransaction,
                       "DECLARE CURSOR can only be used in transaction blocks");
  }
  // A transaction of its own.
  auto txn = std::make_shared<TransactionImpl>(
      engine_, settings_, TransactionOptions{.read_only = settings_->default_read_only()});
  ISO_CO_RETURN_IF_ERROR(txn->Start(ctx));
  ISO_CO_ASSIGN_OR_RETURN(
      result, co_await txn->ExecuteOne(ctx, std::move(text), index, std::move(params), sink));
  auto committed = co_await txn->Commit(ctx);
  if (!committed.ok()) co_return committed.status();
  co_return result;
}

Task<absl::StatusOr<StatementDescription>> SessionImpl::DescribeNamed(
    Ctx ctx, PreparedPtr text, std::vector<Type> param_types) {
  const ast::SessionStatement& statement = StatementOf(*text, 0);
  StatementDescription out;
  if (const auto* execute = std::get_if<ast::ExecuteStatement>(&statement.node)) {
    ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const NamedStatement> named,
                            statements()->Find(execute->name));
    out.columns = named->description.columns;
    out.is_dml = named->description.is_dml;
    out.is_query = named->description.is_query;
    if (execute->args.size() != named->params.size()) {
      co_return WrongCount(execute->name, named->params.size(), execute->args.size());
    }
    Scope nothing;
    Binder binder(&nothing, &param_types, nullptr, "EXECUTE parameter");
    for (size_t i = 0; i < execute->args.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(
          binder.BindAssignment(*execute->args[i], absl::StrCat("$", i + 1), named->params[i])
              .status());
    }
    out.params = std::move(param_types);
  } else if (const auto* fetch = std::get_if<ast::FetchCursor>(&statement.node)) {
    static const Cursors none;
    ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<Cursor> cursor,
                            FindCursor(transaction_ != nullptr ? transaction_->cursors() : none,
                                       settings_->names()->held, fetch->name));
    if (!fetch->move) out.columns = cursor->columns();
  } else if (const auto* declare = std::get_if<ast::DeclareCursor>(&statement.node)) {
    ISO_CO_ASSIGN_OR_RETURN(StatementDescription query,
                            co_await Describe(std::move(ctx), declare->sql, param_types));
    out.params = std::move(query.params);
  }
  co_return out;
}

Task<SessionImpl::Result> SessionImpl::RunSynthetic(Ctx ctx, ast::SessionStatement statement,
                                                    Params params, ResultSink* sink) {
  if (transaction_ == nullptr) {
    co_return SqlError("34000", "the cursor's transaction has ended");
  }
  auto text = std::make_shared<PreparedText>();
  text->path = settings_->path();
  Prepared& prepared = text->statements.emplace_back();
  prepared.verb = Verb::kSession;
  prepared.path = text->path;
  prepared.ast.node = std::make_shared<const ast::ObjectStatement>(
      ast::ObjectStatement{std::make_shared<const ast::SessionStatement>(std::move(statement))});
  Running running(this, text->text);
  StatementDeadline deadline(ctx, engine_->deps().executor, settings_->timeouts());
  if (!idle_error_.ok()) co_return idle_error_;
  std::shared_ptr<TransactionImpl> txn = transaction_;
  const LatencyAccount before = ctx->latency;
  auto result = co_await txn->ExecuteOne(ctx, std::move(text), 0, std::move(params), sink);
  if (result.ok()) result->latency = Difference(ctx->latency, before);
  co_return result;
}

Task<absl::Status> SessionImpl::OpenPortal(Ctx ctx, std::string name, std::string sql,
                                           Params params) {
  ast::DeclareCursor declare{.name = std::move(name), .sql = sql, .portal = true};
  CollectingSink none;
  auto result =
      co_await RunSynthetic(std::move(ctx), {std::move(declare)}, std::move(params), &none);
  co_return ResolvePosition(result.status(), sql, 0);
}

Task<absl::StatusOr<StatementResult>> SessionImpl::FetchPortal(Ctx ctx, std::string name,
                                                               int64_t count, ResultSink* sink) {
  ast::FetchCursor fetch{.name = name, .count = count > 0 ? count : ast::FetchCursor::kAll};
  Result result;
  auto& held = settings_->names()->held;
  if (transaction_ == nullptr && held.contains(name)) {
    result = co_await FetchFrom(std::move(ctx), held[name], &fetch, sink);
  } else {
    result = co_await RunSynthetic(std::move(ctx), {std::move(fetch)}, {}, sink);
  }
  if (result.ok()) result->tag = absl::StrCat("SELECT ", result->rows);
  co_return result;
}

bool SessionImpl::HasCursor(const std::string& name) const {
  return (transaction_ != nullptr && transaction_->cursors().contains(name)) ||
         settings_->names()->held.contains(name);
}

void SessionImpl::CloseCursor(const std::string& name) {
  if (transaction_ != nullptr) transaction_->CloseCursor(name);
}

}  // namespace isochron::sql
