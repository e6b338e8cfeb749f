// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/string_view.h"
#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

constexpr size_t kMaxPoints = 10'000;

// A condition of the form `column op constant`, or `column IN (constants)`.
struct Sargable {
  int column = -1;
  absl::string_view op;  // "=", "<", "<=", ">", ">=", "in", "set" for IN (SELECT ...), ANY (array)
  bool constant_left = false;
};

Sargable Recognise(const Expr& e) {
  Sargable out;
  if (e.kind == ExprKind::kIn && !e.negated && e.args[0]->kind == ExprKind::kColumn) {
    for (size_t i = 1; i < e.args.size(); ++i) {
      if (!IsConstant(*e.args[i])) return out;
    }
    out.column = e.args[0]->index;
    out.op = "in";
    return out;
  }
  if (e.kind == ExprKind::kSubquery && e.operands == 1 && !e.negated &&
      absl::string_view(e.function->name) == "=" && e.args[0]->kind == ExprKind::kColumn) {
    for (size_t i = 1; i < e.args.size(); ++i) {
      if (!IsConstant(*e.args[i])) return out;
    }
    out.column = e.args[0]->index;
    out.op = "set";
    return out;
  }
  if (e.kind == ExprKind::kAnyArray && !e.negated && absl::string_view(e.function->name) == "=" &&
      e.args[0]->kind == ExprKind::kColumn && IsConstant(*e.args[1])) {
    out.column = e.args[0]->index;
    out.op = "set";
    return out;
  }
  if (e.kind != ExprKind::kCall || e.args.size() != 2) return out;
  absl::string_view op = e.function->name;
  if (op != "=" && op != "<" && op != "<=" && op != ">" && op != ">=") return out;
  const Expr& left = *e.args[0];
  const Expr& right = *e.args[1];
  if (left.kind == ExprKind::kColumn && IsConstant(right)) {
    out.column = left.index;
    out.op = op;
  } else if (right.kind == ExprKind::kColumn && IsConstant(left)) {
    out.column = right.index;
    out.constant_left = true;
    out.op = op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
  }
  return out;
}

ExprPtr TakeConstant(Expr* e, const Sargable& s) {
  return std::move(e->args[s.constant_left ? 0 : 1]);
}

// Takes an equality or IN on `column`; the values it may have.
bool TakeValues(int column, std::vector<ExprPtr>* conditions, size_t points,
                std::vector<ExprPtr>* values) {
  for (absl::string_view op : {"=", "in", "set"}) {
    for (size_t i = 0; i < conditions->size(); ++i) {
      const Sargable s = Recognise(*(*conditions)[i]);
      if (s.column != column || s.op != op) continue;
      Expr* e = (*conditions)[i].get();
      if (op == "=") {
        values->push_back(TakeConstant(e, s));
      } else if (op == "set") {
        // Its operand is not looked at: whatever the subquery or array gives, bounds the key.
        e->args[0] = MakeConst(e->args[0]->type, Datum::Null());
        values->push_back(std::move((*conditions)[i]));
      } else {
        if ((e->args.size() - 1) * points > kMaxPoints) continue;
        for (size_t k = 1; k < e->args.size(); ++k) values->push_back(std::move(e->args[k]));
      }
      conditions->erase(conditions->begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
  }
  return false;
}

}  // namespace

KeyBounds ExtractBounds(const TableDescriptor& table, const std::vector<IndexColumn>& path,
                        std::vector<ExprPtr>* conditions) {
  KeyBounds bounds;
  size_t points = 1;
  for (const IndexColumn& part : path) {
    const uint32_t column = part.column;
    if (table.columns[column].hidden && table.columns[column].computed_sql.empty()) break;
    std::vector<ExprPtr> values;
    if (TakeValues(static_cast<int>(column), conditions, points, &values)) {
      points *= values.size();
      bounds.prefix.push_back(std::move(values));
      continue;
    }
    for (size_t i = 0; i < conditions->size();) {
      const Sargable s = Recognise(*(*conditions)[i]);
      const bool lower = s.op == ">" || s.op == ">=";
      const bool upper = s.op == "<" || s.op == "<=";
      if (s.column != static_cast<int>(column) ||
          !(lower ? bounds.lower == nullptr : upper && bounds.upper == nullptr)) {
        ++i;
        continue;
      }
      (lower ? bounds.lower_inclusive : bounds.upper_inclusive) = s.op.size() == 2;
      (lower ? bounds.lower : bounds.upper) = TakeConstant((*conditions)[i].get(), s);
      conditions->erase(conditions->begin() + static_cast<std::ptrdiff_t>(i));
    }
    break;
  }
  return bounds;
}

bool KeyOrderServes(const ScanPlan& scan, const std::vector<const Expr*>& sort,
                    const std::vector<SortKey>& keys, bool* reverse_out) {
  const TableDescriptor& table = *scan.table;
  auto in_path = [&](const Expr& e) {
    for (size_t i = 0; i < scan.path.size(); ++i) {
      if (scan.path[i].column == static_cast<uint32_t>(e.index)) return static_cast<int>(i);
    }
    return -1;
  };
  // Columns bound to one value do not move.
  size_t at = 0;
  while (at < scan.bounds.prefix.size() && OneValue(scan.bounds.prefix[at])) ++at;
  bool first = true, distinct = true;
  for (size_t i = at; i < scan.path.size(); ++i) {
    distinct &= table.columns[scan.path[i].column].not_null;
  }
  for (size_t i = 0; i < sort.size(); ++i) {
    if (sort[i]->kind != ExprKind::kColumn) return false;
    const int position = in_path(*sort[i]);
    if (position >= 0 && static_cast<size_t>(position) < at) continue;  // fixed, or sorted already
    // The whole path is used: no two rows are equal.
    if (at == scan.path.size()) return distinct;
    if (position != static_cast<int>(at)) return false;
    const IndexColumn& column = scan.path[at];
    const bool reverse = keys[i].descending != column.descending;
    if (!first && reverse != *reverse_out) return false;
    const bool nulls_first = column.nulls_first != reverse;
    if (!table.columns[column.column].not_null && keys[i].nulls_first != nulls_first) return false;
    *reverse_out = reverse;
    first = false;
    ++at;
  }
  return true;
}

bool OneValue(const std::vector<ExprPtr>& values) {
  return values.size() == 1 && values[0]->kind != ExprKind::kAnyArray &&
         !(values[0]->kind == ExprKind::kSubquery && values[0]->function != nullptr);
}

namespace {

void ListAnd(const Expr& e, std::vector<const Expr*>* out) {
  if (e.kind != ExprKind::kAnd) return out->push_back(&e);
  for (const ExprPtr& a : e.args) ListAnd(*a, out);
}

bool GivesTheSameAgain(const Expr& e) {
  if (e.kind == ExprKind::kSubquery || (e.function != nullptr && e.function->is_volatile)) {
    return false;
  }
  return std::all_of(e.args.begin(), e.args.end(),
                     [](const ExprPtr& a) { return GivesTheSameAgain(*a); });
}

// What every branch of an OR asks for holds whichever it is: so it may decide how a join is made,
// or which keys are read.
void AddCommon(const Expr& either, std::vector<ExprPtr>* out) {
  std::vector<std::vector<const Expr*>> branches(either.args.size());
  for (size_t i = 0; i < branches.size(); ++i) ListAnd(*either.args[i], &branches[i]);
  for (const Expr* wanted : branches[0]) {
    const bool everywhere = std::all_of(branches.begin(), branches.end(), [&](const auto& branch) {
      return std::any_of(branch.begin(), branch.end(),
                         [&](const Expr* e) { return SameExpr(*e, *wanted); });
    });
    if (everywhere && GivesTheSameAgain(*wanted)) out->push_back(Clone(*wanted));
  }
}

}  // namespace

void SplitAnd(ExprPtr e, std::vector<ExprPtr>* out) {
  if (e == nullptr) return;
  if (e->kind == ExprKind::kOr) AddCommon(*e, out);
  if (e->kind != ExprKind::kAnd) {
    out->push_back(std::move(e));
    return;
  }
  for (ExprPtr& a : e->args) SplitAnd(std::move(a), out);
}

ExprPtr JoinAnd(std::vector<ExprPtr> parts) {
  if (parts.empty()) return nullptr;
  if (parts.size() == 1) return std::move(parts[0]);
  auto e = std::make_unique<Expr>();
  e->kind = ExprKind::kAnd;
  e->type = Type::kBool;
  e->args = std::move(parts);
  return e;
}

bool ReadsOnly(const Expr& e, int from, int to) {
  if (e.kind == ExprKind::kColumn) return e.index >= from && e.index < to;
  return std::all_of(e.args.begin(), e.args.end(),
                     [&](const ExprPtr& a) { return ReadsOnly(*a, from, to); });
}

void ShiftColumns(Expr* e, int by) {
  if (e->kind == ExprKind::kColumn) e->index += by;
  for (ExprPtr& a : e->args) ShiftColumns(a.get(), by);
}

}  // namespace isochron::sql::planner
