// SPDX-License-Identifier: Apache-2.0
//
// ORDER BY lists, and windows.
#include <utility>

#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// PostgreSQL's FRAMEOPTION_ bits (parsenodes.h).
constexpr int kNonDefault = 0x00001;
constexpr int kRows = 0x00004;
constexpr int kGroups = 0x00008;
constexpr int kEndUnboundedFollowing = 0x00100;
constexpr int kStartCurrentRow = 0x00200;
constexpr int kEndCurrentRow = 0x00400;
constexpr int kStartPreceding = 0x00800;
constexpr int kEndPreceding = 0x01000;
constexpr int kStartFollowing = 0x02000;
constexpr int kEndFollowing = 0x04000;
constexpr int kExcludeCurrentRow = 0x08000;
constexpr int kExcludeGroup = 0x10000;
constexpr int kExcludeTies = 0x20000;

ast::FrameBound BoundOf(int options, int preceding, int current, int following,
                        ast::FrameBound otherwise) {
  if (options & preceding) return ast::FrameBound::kPreceding;
  if (options & current) return ast::FrameBound::kCurrentRow;
  if (options & following) return ast::FrameBound::kFollowing;
  return otherwise;
}

void Frame(int options, ast::Window* out) {
  out->has_frame = (options & kNonDefault) != 0;
  out->mode = options & kRows     ? ast::FrameMode::kRows
              : options & kGroups ? ast::FrameMode::kGroups
                                  : ast::FrameMode::kRange;
  out->start = BoundOf(options, kStartPreceding, kStartCurrentRow, kStartFollowing,
                       ast::FrameBound::kUnboundedPreceding);
  out->end = BoundOf(options, kEndPreceding, kEndCurrentRow, kEndFollowing,
                     options & kEndUnboundedFollowing ? ast::FrameBound::kUnboundedFollowing
                                                      : ast::FrameBound::kUnboundedPreceding);
  out->exclusion = options & kExcludeCurrentRow ? ast::FrameExclusion::kCurrentRow
                   : options & kExcludeGroup    ? ast::FrameExclusion::kGroup
                   : options & kExcludeTies     ? ast::FrameExclusion::kTies
                                                : ast::FrameExclusion::kNone;
}

}  // namespace

absl::StatusOr<std::vector<ast::OrderItem>> OrderItems(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<ast::OrderItem> out;
  for (const pg::Node& node : nodes) {
    const pg::SortBy& sort = node.sort_by();
    ast::OrderItem item;
    item.descending = sort.sortby_dir() == pg::SORTBY_DESC;
    if (sort.sortby_dir() == pg::SORTBY_USING) {
      const std::vector<std::string> op = Strings(sort.use_op());
      if (op.empty() || (op.back() != "<" && op.back() != ">")) {
        return SqlError(sqlstate::kWrongObjectType, "this operator is not an ordering operator",
                        sort.location(), "ORDER BY ... USING takes < or >.");
      }
      item.descending = op.back() == ">";
    }
    ISO_ASSIGN_OR_RETURN(item.expr, Expression(state, sort.node()));
    item.nulls_first = sort.sortby_nulls() == pg::SORTBY_NULLS_FIRST ||
                       (sort.sortby_nulls() != pg::SORTBY_NULLS_LAST && item.descending);
    out.push_back(std::move(item));
  }
  return out;
}

absl::StatusOr<ast::WindowPtr> WindowDefinition(State* state, const pg::WindowDef& def) {
  auto out = std::make_shared<ast::Window>();
  out->name = def.name();
  out->base = def.refname();
  out->position = def.location();
  ISO_ASSIGN_OR_RETURN(out->partition, Expressions(state, def.partition_clause()));
  ISO_ASSIGN_OR_RETURN(out->order, OrderItems(state, def.order_clause()));
  Frame(def.frame_options(), out.get());
  if (def.has_start_offset()) {
    ISO_ASSIGN_OR_RETURN(out->start_offset, Expression(state, def.start_offset()));
  }
  if (def.has_end_offset()) {
    ISO_ASSIGN_OR_RETURN(out->end_offset, Expression(state, def.end_offset()));
  }
  return out;
}

}  // namespace isochron::sql::convert
