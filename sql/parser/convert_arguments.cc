// SPDX-License-Identifier: Apache-2.0
//
// Arguments by name, f(a => 1): put in their places, for the functions of which PostgreSQL's
// documentation gives the names.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

struct Parameters {
  const char* function;
  std::vector<const char*> names;
  size_t required;  // those behind have defaults
};

const std::vector<Parameters>& AllParameters() {
  static const auto* const all = new std::vector<Parameters>{
      {"make_interval", {"years", "months", "weeks", "days", "hours", "mins", "secs"}, 0},
      {"make_date", {"year", "month", "day"}, 3},
      {"make_time", {"hour", "min", "sec"}, 3},
      {"make_timestamp", {"year", "month", "mday", "hour", "min", "sec"}, 6},
      {"make_timestamptz", {"year", "month", "mday", "hour", "min", "sec", "timezone"}, 6},
      {"jsonb_set", {"jsonb_in", "path", "replacement", "create_if_missing"}, 3},
      {"jsonb_insert", {"jsonb_in", "path", "replacement", "insert_after"}, 3},
  };
  return *all;
}

absl::Status None(const std::string& function, int position) {
  return SqlError(sqlstate::kUndefinedFunction,
                  absl::StrCat("function ", function, " has no such arguments"), position,
                  "No function matches the given name and argument names.");
}

ast::ExprPtr Zero(int position) {
  auto e = std::make_unique<ast::Expr>();
  e->kind = ast::ExprKind::kInt;
  e->position = position;
  return e;
}

}  // namespace

absl::StatusOr<std::vector<ast::ExprPtr>> Arguments(State* state, const std::string& function,
                                                    const pg::FuncCall& call) {
  const Parameters* parameters = nullptr;
  std::vector<ast::ExprPtr> args;
  size_t positional = 0;
  for (const pg::Node& node : call.args()) {
    if (!node.has_named_arg_expr()) {
      if (parameters != nullptr) {
        return SqlError(sqlstate::kSyntaxError, "positional argument cannot follow named argument",
                        call.location());
      }
      ISO_ASSIGN_OR_RETURN(ast::ExprPtr arg, Expression(state, node));
      args.push_back(std::move(arg));
      ++positional;
      continue;
    }
    const pg::NamedArgExpr& named = node.named_arg_expr();
    for (const Parameters& p : AllParameters()) {
      if (function == p.function) parameters = &p;
    }
    if (parameters == nullptr) return None(function, call.location());
    const auto at = std::find(parameters->names.begin(), parameters->names.end(), named.name());
    if (at == parameters->names.end()) return None(function, call.location());
    const size_t place = static_cast<size_t>(at - parameters->names.begin());
    if (place < positional) return None(function, call.location());
    if (place < args.size() && args[place] != nullptr) {
      return SqlError(sqlstate::kSyntaxError,
                      absl::StrCat("argument name \"", named.name(), "\" used more than once"),
                      named.location());
    }
    if (args.size() <= place) args.resize(place + 1);
    ISO_ASSIGN_OR_RETURN(args[place], Expression(state, named.arg()));
  }
  if (parameters == nullptr) return args;
  if (args.size() < parameters->required) return None(function, call.location());
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] != nullptr) continue;
    // Of those that are left out between others, only make_interval's have a default.
    if (i < parameters->required || parameters->required > 0)
      return None(function, call.location());
    args[i] = Zero(call.location());
  }
  return args;
}

}  // namespace isochron::sql::convert
