// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sql/planner/builder.h"
#include "sql/planner/tablets.h"

namespace isochron::sql {
namespace {

struct Lines : std::vector<std::string> {
  std::map<size_t, const PlanNode*> nodes;  // by the number of their line
};
using planner::OneValue;

std::string ExprList(const std::vector<ExprPtr>& exprs, const std::vector<std::string>& names) {
  Lines parts;
  for (const ExprPtr& e : exprs) parts.push_back(ExprToString(*e, names));
  return absl::StrJoin(parts, ", ");
}

std::vector<std::string> ColumnNames(const TableDescriptor& table) {
  return planner::TableScope(table, "").ColumnNames();
}

// Of a column that an index computes: the expression.
std::string KeyName(const ColumnDescriptor& column) {
  return column.computed_sql.empty() ? column.name : absl::StrCat("(", column.computed_sql, ")");
}

// "id = 1", "id IN (1, 2), n >= 3".
std::string BoundsText(const ScanPlan& scan) {
  Lines parts;
  for (size_t i = 0; i < scan.bounds.prefix.size(); ++i) {
    const std::string name = KeyName(scan.table->columns[scan.path[i].column]);
    const std::vector<ExprPtr>& values = scan.bounds.prefix[i];
    if (values.size() == 1 && !OneValue(values)) {
      parts.push_back(
          values[0]->kind == ExprKind::kAnyArray
              ? absl::StrCat(name, " = ANY (", ExprToString(*values[0]->args[1], {}), ")")
              : absl::StrCat(name, " IN (subquery ", values[0]->index + 1, ")"));
      continue;
    }
    parts.push_back(values.size() == 1 ? absl::StrCat(name, " = ", ExprToString(*values[0], {}))
                                       : absl::StrCat(name, " IN (", ExprList(values, {}), ")"));
  }
  if (scan.bounds.prefix.size() < scan.path.size()) {
    const std::string name =
        KeyName(scan.table->columns[scan.path[scan.bounds.prefix.size()].column]);
    if (scan.bounds.lower != nullptr) {
      parts.push_back(absl::StrCat(name, scan.bounds.lower_inclusive ? " >= " : " > ",
                                   ExprToString(*scan.bounds.lower, {})));
    }
    if (scan.bounds.upper != nullptr) {
      parts.push_back(absl::StrCat(name, scan.bounds.upper_inclusive ? " <= " : " < ",
                                   ExprToString(*scan.bounds.upper, {})));
    }
  }
  return parts.empty() ? "the whole table" : absl::StrJoin(parts, ", ");
}

std::string ScanText(const ScanPlan& scan) {
  bool one = scan.points();
  for (const auto& values : scan.bounds.prefix) one = one && OneValue(values);
  std::string out = absl::StrCat(one             ? "Point Get"
                                 : scan.points() ? "Multi Get"
                                 : scan.reverse  ? "Reverse Range Scan"
                                                 : "Range Scan",
                                 scan.index != nullptr ? " by index " : "",
                                 scan.index != nullptr ? scan.index->name : "", " on ",
                                 scan.table->name, "  keys: ", BoundsText(scan));
  if (scan.covering) absl::StrAppend(&out, "  rows: from the index");
  if (scan.exclusive) absl::StrAppend(&out, "  lock: exclusive");
  if (scan.no_wait) absl::StrAppend(&out, "  no wait");
  if (scan.limit != nullptr) {
    absl::StrAppend(&out, "  limit: ", ExprToString(*scan.limit, {}));
    if (scan.offset != nullptr) absl::StrAppend(&out, " + ", ExprToString(*scan.offset, {}));
  }
  return out;
}

std::string SetText(const TableDescriptor& table, const std::vector<std::pair<int, ExprPtr>>& set,
                    std::vector<std::string> names) {
  Lines parts;
  for (const auto& [column, value] : set) {
    parts.push_back(absl::StrCat(table.columns[static_cast<size_t>(column)].name, " = ",
                                 ExprToString(*value, names)));
  }
  return absl::StrJoin(parts, ", ");
}

void Node(const PlanNode& node, int depth, Lines* out);

void Line(int depth, absl::string_view text, Lines* out) {
  out->push_back(absl::StrCat(depth == 0 ? "" : std::string(static_cast<size_t>(depth) * 2, ' '),
                              depth == 0 ? "" : "-> ", text));
}

void Detail(int depth, absl::string_view text, Lines* out) {
  out->push_back(absl::StrCat(std::string(static_cast<size_t>(depth) * 2 + 5, ' '), text));
}

void JoinText(const JoinPlan& join, int depth, Lines* out) {
  Line(depth,
       absl::StrCat(!join.lets.empty()       ? "Lateral"
                    : join.left_keys.empty() ? "Nested Loop"
                                             : "Hash",
                    " Join",
                    join.semi == JoinPlan::Semi::kSemi    ? " (semi)"
                    : join.semi == JoinPlan::Semi::kAnti  ? " (anti)"
                    : join.left_outer && join.right_outer ? " (full)"
                    : join.left_outer                     ? " (left)"
                    : join.right_outer                    ? " (right)"
                                                          : ""),
       out);
  for (size_t i = 0; i < join.left_keys.size(); ++i) {
    Detail(depth,
           absl::StrCat("on left ", ExprToString(*join.left_keys[i], {}), " = right ",
                        ExprToString(*join.right_keys[i], {})),
           out);
  }
  if (join.lookup != JoinPlan::Lookup::kNone) {
    const bool left = join.lookup == JoinPlan::Lookup::kLeft;
    const PlanNode& side = left ? *join.child : *join.right;
    Detail(depth,
           absl::StrCat("by key of ", static_cast<const ScanPlan&>(side).table->name, " (",
                        left ? "left" : "right", ") where the other side is small"),
           out);
  }
  if (join.each != nullptr) {
    Detail(depth,
           absl::StrCat(ExprToString(*join.each, {}), " by itself where the left side is small"),
           out);
  }
  if (join.condition != nullptr) {
    Detail(depth, absl::StrCat("condition: ", ExprToString(*join.condition, {})), out);
  }
  Node(*join.child, depth + 1, out);
  Node(*join.right, depth + 1, out);
}

std::string FirstRowsText(const ScanPlan& scan) {
  Lines by;
  for (const OrderExpr& o : scan.first->by) {
    by.push_back(absl::StrCat(ExprToString(*o.expr, ColumnNames(*scan.table)),
                              o.descending ? " DESC" : "",
                              o.nulls_first == o.descending ? ""
                              : o.nulls_first               ? " NULLS FIRST"
                                                            : " NULLS LAST"));
  }
  return absl::StrCat("at the tablets: ", scan.filter != nullptr ? "filter, " : "", "the first ",
                      ExprToString(*scan.first->limit, {}),
                      scan.first->offset != nullptr ? " + " : "",
                      scan.first->offset != nullptr ? ExprToString(*scan.first->offset, {}) : "",
                      " by ", absl::StrJoin(by, ", "));
}

std::string LimitText(const LimitPlan& limit) {
  std::string text = "Limit";
  if (limit.limit != nullptr) absl::StrAppend(&text, " ", ExprToString(*limit.limit, {}));
  if (limit.offset != nullptr) {
    absl::StrAppend(&text, " offset ", ExprToString(*limit.offset, {}));
  }
  return limit.limit == nullptr && limit.offset == nullptr ? "Drop sort columns" : text;
}

void Node(const PlanNode& node, int depth, Lines* out) {
  if (node.kind != PlanKind::kLet) out->nodes[out->size()] = &node;
  switch (node.kind) {
    case PlanKind::kValues:
      Line(depth, absl::StrCat("Values  rows: ", static_cast<const ValuesPlan&>(node).rows.size()),
           out);
      return;
    case PlanKind::kScan: {
      const auto& scan = static_cast<const ScanPlan&>(node);
      Line(depth, ScanText(scan), out);
      if (scan.filter != nullptr) {
        Detail(depth,
               absl::StrCat("filter: ", ExprToString(*scan.filter, ColumnNames(*scan.table))), out);
      }
      if (MayGiveFirstRows(scan)) Detail(depth, FirstRowsText(scan), out);
      return;
    }
    case PlanKind::kVirtualScan: {
      const auto& scan = static_cast<const VirtualScanPlan&>(node);
      Line(depth, absl::StrCat("System Table ", scan.schema, ".", scan.name), out);
      return;
    }
    case PlanKind::kFilter:
      Line(depth, "Filter", out);
      break;
    case PlanKind::kProject: {
      // Says nothing that the statement does not.
      Node(*node.child, depth, out);
      return;
    }
    case PlanKind::kSort:
      Line(depth, "Sort", out);
      break;
    case PlanKind::kDistinct:
      Line(depth, static_cast<const DistinctPlan&>(node).on.empty() ? "Distinct" : "Distinct On",
           out);
      break;
    case PlanKind::kAppend:
      Line(depth, "Append", out);
      for (const PlanNodePtr& child : static_cast<const AppendPlan&>(node).children) {
        Node(*child, depth + 1, out);
      }
      return;
    case PlanKind::kSetOp: {
      const auto& op = static_cast<const SetOpPlan&>(node);
      Line(depth, absl::StrCat(op.intersect ? "Intersect" : "Except", op.all ? " All" : ""), out);
      Node(*op.child, depth + 1, out);
      Node(*op.right, depth + 1, out);
      return;
    }
    case PlanKind::kSubqueryScan: {
      const auto& scan = static_cast<const SubqueryScanPlan&>(node);
      Line(depth, absl::StrCat("Subquery ", scan.name, scan.restricted ? "" : "  in full"), out);
      break;
    }
    case PlanKind::kCteScan:
      Line(depth, absl::StrCat("WITH Query ", static_cast<const CteScanPlan&>(node).name), out);
      return;
    case PlanKind::kFunctionScan: {
      Lines parts;
      for (const auto& part : static_cast<const FunctionScanPlan&>(node).parts) {
        parts.push_back(part.scalar != nullptr
                            ? ExprToString(*part.scalar, {})
                            : absl::StrCat(part.name, "(", ExprList(part.call.args, {}), ")"));
      }
      Line(depth, absl::StrCat("Function Scan ", absl::StrJoin(parts, ", ")), out);
      return;
    }
    case PlanKind::kProjectSet:
      Line(depth, "Project Set", out);
      break;
    case PlanKind::kWindow: {
      const auto& window = static_cast<const WindowPlan&>(node);
      Line(depth,
           absl::StrCat("Window  windows: ", window.specs.size(), "  calls: ", window.calls.size()),
           out);
      break;
    }
    case PlanKind::kLet:
      Node(*node.child, depth, out);
      return;
    case PlanKind::kRecursiveUnion: {
      const auto& both = static_cast<const RecursiveUnionPlan&>(node);
      Line(depth, absl::StrCat("Recursive Union ", both.name, both.distinct ? "" : "  all"), out);
      Node(*both.child, depth + 1, out);
      Node(*both.recursive, depth + 1, out);
      return;
    }
    case PlanKind::kWorkTable:
      Line(depth, absl::StrCat("Work Table ", static_cast<const WorkTablePlan&>(node).name), out);
      return;
    case PlanKind::kLockRows:
      Line(depth,
           absl::StrCat("Lock Rows of ", static_cast<const LockRowsPlan&>(node).table->name,
                        "  skip locked"),
           out);
      break;
    case PlanKind::kLimit:
      Line(depth, LimitText(static_cast<const LimitPlan&>(node)), out);
      break;
    case PlanKind::kAggregate: {
      const auto& agg = static_cast<const AggregatePlan&>(node);
      Line(depth,
           absl::StrCat(agg.groups.empty() ? "Aggregate" : "Hash Aggregate",
                        "  groups: ", agg.groups.size(), "  aggregates: ", agg.calls.size(),
                        agg.sets.empty() ? "" : absl::StrCat("  sets: ", agg.sets.size())),
           out);
      if (RunsAtTablets(agg)) {
        const auto& scan = static_cast<const ScanPlan&>(*agg.child);
        Detail(depth,
               absl::StrCat("at the tablets: ", scan.filter != nullptr ? "filter, " : "",
                            "partial aggregates"),
               out);
      }
      break;
    }
    case PlanKind::kJoin:
      JoinText(static_cast<const JoinPlan&>(node), depth, out);
      return;
    case PlanKind::kInsert: {
      const auto& insert = static_cast<const InsertPlan&>(node);
      Line(depth,
           absl::StrCat("Insert into ", insert.table->name,
                        insert.conflict == InsertPlan::Conflict::kNothing ? "  on conflict: nothing"
                        : insert.overwrites ? "  on conflict: overwrite"
                        : insert.conflict == InsertPlan::Conflict::kUpdate ? "  on conflict: update"
                                                                           : ""),
           out);
      break;
    }
    case PlanKind::kUpdate: {
      const auto& update = static_cast<const UpdatePlan&>(node);
      Line(depth,
           absl::StrCat("Update ", update.table->name,
                        "  set: ", SetText(*update.table, update.set, ColumnNames(*update.table))),
           out);
      break;
    }
    case PlanKind::kDelete:
      Line(depth, absl::StrCat("Delete from ", static_cast<const DeletePlan&>(node).table->name),
           out);
      break;
    case PlanKind::kMerge:
      Line(depth, absl::StrCat("Merge into ", static_cast<const MergePlan&>(node).table->name),
           out);
      break;
  }
  if (node.child != nullptr) Node(*node.child, depth + 1, out);
}

}  // namespace

std::vector<std::string> ExplainPlan(const Plan& plan, std::map<size_t, const PlanNode*>* nodes) {
  Lines out;
  Node(*plan.root, 0, &out);
  for (const SubPlan& cte : plan.ctes) {
    Line(0, absl::StrCat("WITH query ", cte.name, ": in full, once, kept in memory"), &out);
    Node(*cte.root, 1, &out);
  }
  for (size_t i = 0; i < plan.subqueries.size(); ++i) {
    if (plan.subqueries[i].joined) continue;
    Line(0,
         absl::StrCat("Subquery ", i + 1, ": ",
                      plan.subqueries[i].correlated ? "for each row that asks" : "once"),
         &out);
    Node(*plan.subqueries[i].root, 1, &out);
  }
  if (nodes != nullptr) *nodes = std::move(out.nodes);
  return out;
}

}  // namespace isochron::sql
