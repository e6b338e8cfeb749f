// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/sequence_def.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/sequence.h"
#include "sql/planner/definitions.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of the few values of a smallint a node takes fewer at once.
constexpr int64_t kSmallBlock = 32;

absl::Status Wrong(const std::string& message, int position = -1) {
  return SqlError(sqlstate::kInvalidParameter, message, position);
}

absl::Status CheckOptions(const SequenceOptions& s) {
  const int64_t least = DefaultMin(s.type, false), most = DefaultMax(s.type, true);
  if (s.max > most) {
    return Wrong(absl::StrCat("MAXVALUE (", s.max, ") is out of range for sequence data type ",
                              TypeName(s.type)));
  }
  if (s.min < least) {
    return Wrong(absl::StrCat("MINVALUE (", s.min, ") is out of range for sequence data type ",
                              TypeName(s.type)));
  }
  if (s.min >= s.max) {
    return Wrong(absl::StrCat("MINVALUE (", s.min, ") must be less than MAXVALUE (", s.max, ")"));
  }
  if (s.start < s.min) {
    return Wrong(
        absl::StrCat("START value (", s.start, ") cannot be less than MINVALUE (", s.min, ")"));
  }
  if (s.start > s.max) {
    return Wrong(
        absl::StrCat("START value (", s.start, ") cannot be greater than MAXVALUE (", s.max, ")"));
  }
  return absl::OkStatus();
}

absl::Status SetType(const ast::SequenceClause& clause, SequenceOptions* options) {
  if (clause.type.empty()) return absl::OkStatus();
  options->type = TypeFromName(clause.type);
  if (IsInteger(options->type)) return absl::OkStatus();
  return Wrong("sequence type must be smallint, integer, or bigint");
}

absl::Status SetCounts(const ast::SequenceClause& clause, SequenceOptions* options) {
  if (clause.increment.has_value()) options->increment = *clause.increment;
  if (options->increment == 0) return Wrong("INCREMENT must not be zero");
  if (clause.cache.has_value()) options->cache = *clause.cache;
  if (options->cache <= 0) {
    return Wrong(absl::StrCat("CACHE (", options->cache, ") must be greater than zero"));
  }
  if (clause.cycle.has_value()) options->cycle = *clause.cycle;
  return absl::OkStatus();
}

}  // namespace

std::string NextValueSql(const std::string& sequence) {
  return absl::StrCat("nextval(", QuoteLiteral(PlainSqlName(sequence)), "::regclass)");
}

absl::StatusOr<TableDescriptor> DefineSequence(const std::string& name,
                                               const ast::SequenceClause& clause, Type type) {
  TableDescriptor sequence = SequenceDescriptor(name);
  if (SchemaIn(name) != kPublicSchema) sequence.schema = SchemaIn(name);
  SequenceOptions& s = sequence.sequence;
  s.type = type;
  ISO_RETURN_IF_ERROR(SetType(clause, &s));
  s.cache = s.type == Type::kInt2 ? kSmallBlock : kSequenceBlock;
  ISO_RETURN_IF_ERROR(SetCounts(clause, &s));
  const bool up = s.increment > 0;
  s.bit_reversed = clause.bit_reversed;
  if (s.bit_reversed && (!up || s.cycle || s.type != Type::kInt8)) {
    return SqlError(sqlstate::kUnsupported,
                    "a bit-reversed sequence counts upwards, over bigint, without CYCLE");
  }
  s.min = clause.min.value_or(DefaultMin(s.type, up));
  s.max = clause.max.value_or(DefaultMax(s.type, up));
  s.start = clause.start.value_or(up ? s.min : s.max);
  ISO_RETURN_IF_ERROR(CheckOptions(s));
  return sequence;
}

absl::Status ChangeSequence(const ast::SequenceClause& clause, SequenceOptions* options) {
  SequenceOptions s = *options;
  const bool was_up = s.increment > 0;
  const bool all_min = s.min == DefaultMin(s.type, was_up);
  const bool all_max = s.max == DefaultMax(s.type, was_up);
  ISO_RETURN_IF_ERROR(SetType(clause, &s));
  ISO_RETURN_IF_ERROR(SetCounts(clause, &s));
  const bool up = s.increment > 0;
  const bool retyped = s.type != options->type;
  if (clause.no_min || (retyped && all_min)) s.min = DefaultMin(s.type, up);
  if (clause.no_max || (retyped && all_max)) s.max = DefaultMax(s.type, up);
  if (clause.min.has_value()) s.min = *clause.min;
  if (clause.max.has_value()) s.max = *clause.max;
  if (clause.start.has_value()) s.start = *clause.start;
  if (clause.bit_reversed != s.bit_reversed && clause.bit_reversed) {
    return SqlError(sqlstate::kUnsupported, "a sequence cannot become bit-reversed", -1,
                    "Make a new one.");
  }
  ISO_RETURN_IF_ERROR(CheckOptions(s));
  *options = s;
  return absl::OkStatus();
}

absl::StatusOr<TableDescriptor> DefineIdentity(const ast::ColumnDef& def,
                                               const TableDescriptor& table,
                                               ColumnDescriptor* column) {
  if (!IsInteger(column->type)) {
    return Wrong("identity column type must be smallint, integer, or bigint");
  }
  const ast::SequenceClause none;
  const ast::SequenceClause& clause = def.sequence != nullptr ? *def.sequence : none;
  const std::string name = FullName(
      table.schema,
      clause.name.empty() ? ObjectName(table.local_name(), column->name, "seq") : clause.name);
  ISO_ASSIGN_OR_RETURN(TableDescriptor sequence, DefineSequence(name, clause, column->type));
  sequence.owner_column = column->id;
  column->identity = def.identity_always       ? Identity::kAlways
                     : def.identity_by_default ? Identity::kByDefault
                                               : Identity::kNone;
  column->default_kind = DefaultKind::kExpression;
  column->default_sql = NextValueSql(name);
  return sequence;
}

absl::StatusOr<std::vector<TableDescriptor>> DefineSerials(const ast::CreateTable& create,
                                                           TableDescriptor* table) {
  std::vector<TableDescriptor> sequences;
  for (size_t i = 0; i < create.columns.size(); ++i) {
    const ast::ColumnDef& def = create.columns[i];
    const bool identity = def.identity_always || def.identity_by_default;
    if (!def.serial && !identity) continue;
    ColumnDescriptor& c = table->columns[i];
    if (def.default_value != nullptr || def.generated != nullptr || (def.serial && identity)) {
      const char* const both =
          def.generated != nullptr ? "identity and generation expression" : "default and identity";
      return SqlError(sqlstate::kSyntaxError,
                      identity && !def.serial
                          ? absl::StrCat("both ", both, " specified for column \"", c.name,
                                         "\" of table \"", table->local_name(), "\"")
                          : absl::StrCat("multiple default values specified for column \"", c.name,
                                         "\" of table \"", table->local_name(), "\""),
                      def.position);
    }
    ISO_ASSIGN_OR_RETURN(TableDescriptor sequence, DefineIdentity(def, *table, &c));
    c.not_null = true;
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

std::string MonotoneKey(const TableDescriptor& table,
                        const std::vector<TableDescriptor>& sequences) {
  const ColumnDescriptor& first = table.columns[table.key[0]];
  if (first.default_kind == DefaultKind::kNow) return first.name;
  for (const TableDescriptor& sequence : sequences) {
    if (sequence.owner_column == first.id && !sequence.sequence.bit_reversed) return first.name;
  }
  return "";
}

}  // namespace isochron::sql
