// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PUSHDOWN_PROGRAM_H_
#define ISOCHRON_SQL_PUSHDOWN_PROGRAM_H_

// What a tablet makes of the rows of one table that it holds (txn/api/scan_program.h): which of
// them count, by what they are grouped, and partial aggregates of each group; or the rows that
// count, as they are.
//
// As bytes it goes from the gateway to whichever node holds the rows, so only expressions travel
// whose value depends on nothing but the row: no parameter, time zone, clock, random number or
// catalog (Portable), and of functions only those listed in portable.cc, by name and types. The
// first byte is a version: a node that does not know it answers with rows. The bytes are checked
// when they are read, so that no program can make an evaluation look beyond its row.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "sql/binder/expr.h"
#include "sql/types/datum.h"

namespace isochron::sql {

enum class ReduceOp : uint8_t {
  kCountRows = 0,
  kCount = 1,  // of values that are not NULL, as the others
  kSum = 2,    // of integers or numerics; with their count
  kMin = 3,
  kMax = 4,
};

struct ReduceCall {
  ReduceOp op = ReduceOp::kCountRows;
  ExprPtr arg;     // null for kCountRows
  ExprPtr filter;  // null: all rows count
};

// A column of the row that the expressions see.
struct ProgramColumn {
  Type type = Type::kUnknown;
  int key_part = -1;  // in the key; else `id` says where in the value
  uint32_t id = 0;
  Datum missing;  // of a row that says nothing of it
};

struct ProgramOrder {
  ExprPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

// Which rows a program without groups and calls gives, and what of them.
struct GivenRows {
  bool keeps_all = true;       // of a row's value
  std::vector<uint32_t> kept;  // else the ids of the columns that stay in it, ascending
  // Not empty: of each page only the first `most` in this order, those with smaller keys first
  // where it leaves a choice.
  std::vector<ProgramOrder> order;
  uint64_t most = 0;
};

struct Program {
  std::optional<GivenRows> rows;  // those that pass the filter; none: partial aggregates
  TableId table;
  std::vector<Type> key;  // the key's parts, up to the last that is wanted
  std::vector<ProgramColumn> columns;
  ExprPtr filter;  // may be null
  std::vector<ExprPtr> groups;
  std::vector<ReduceCall> calls;
};

// More rows of a page than these are not asked for in an order.
inline constexpr uint64_t kMostOrdered = 1000;

std::string EncodeProgram(const Program& program);
// UNIMPLEMENTED for what is not known here, and for bytes that are no program.
absl::StatusOr<Program> DecodeProgram(absl::string_view bytes);

// Whether a node of its own (its arguments apart) may stand in a program.
bool PortableNode(const Expr& e);
// Whether values of the type may be compared, grouped by and travel in a program: equal values of
// it look the same, so it does not matter which of them is met first.
bool PortableType(Type type);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PUSHDOWN_PROGRAM_H_
