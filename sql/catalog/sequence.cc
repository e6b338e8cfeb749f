// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/sequence.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

enum Column : size_t { kLastValue, kLogCount, kIsCalled, kGeneration, kHolder, kRowId, kColumns };

}  // namespace

TableDescriptor SequenceDescriptor(std::string name) {
  TableDescriptor t;
  t.name = std::move(name);
  t.kind = RelationKind::kSequence;
  const auto add = [&t](const char* column, Type type, bool hidden) {
    ColumnDescriptor c;
    c.id = t.next_column_id++;
    c.name = column;
    c.type = type;
    c.not_null = true;
    c.hidden = hidden;
    t.columns.push_back(std::move(c));
  };
  add("last_value", Type::kInt8, false);
  add("log_cnt", Type::kInt8, false);
  add("is_called", Type::kBool, false);
  add("generation", Type::kInt8, true);
  add("holder", Type::kInt8, true);
  add("rowid", Type::kInt8, true);
  t.key = {kRowId};
  return t;
}

std::string SequenceRowKey(const TableDescriptor& sequence) {
  Row row(kColumns);
  row[kRowId] = Datum::Int(0);
  return EncodeRowKey(sequence, row);
}

std::string EncodeSequenceRow(const TableDescriptor& sequence, const SequenceState& state) {
  Row row(kColumns);
  row[kLastValue] = Datum::Int(state.last_value);
  row[kLogCount] = Datum::Int(0);
  row[kIsCalled] = Datum::Bool(state.is_called);
  row[kGeneration] = Datum::Int(state.generation);
  row[kHolder] = Datum::Int(state.holder);
  row[kRowId] = Datum::Int(0);
  return EncodeRowValue(sequence, row);
}

absl::StatusOr<SequenceState> DecodeSequenceRow(const TableDescriptor& sequence,
                                                absl::string_view value) {
  Row row;
  ISO_RETURN_IF_ERROR(DecodeRow(sequence, SequenceRowKey(sequence), value, &row));
  for (const Datum& d : row) {
    if (d.is_null()) {
      return absl::DataLossError(absl::StrCat("sequence ", sequence.name, " cannot be read"));
    }
  }
  return SequenceState{row[kLastValue].int_value(), row[kIsCalled].bool_value(),
                       row[kGeneration].int_value(), row[kHolder].int_value()};
}

absl::StatusOr<SequenceRun> TakeRun(const TableDescriptor& sequence, int64_t count,
                                    SequenceState* state) {
  const SequenceOptions& s = sequence.sequence;
  const bool up = s.increment > 0;
  __int128 first = state->last_value;
  if (state->is_called) first += s.increment;
  if (up ? first > s.max : first < s.min) {
    if (!s.cycle) {
      return SqlError(
          sqlstate::kSequenceLimit,
          absl::StrCat("nextval: reached ", up ? "maximum" : "minimum", " value of sequence \"",
                       sequence.name, "\" (", up ? s.max : s.min, ")"));
    }
    first = up ? s.min : s.max;
  }
  const __int128 room = up ? (static_cast<__int128>(s.max) - first) / s.increment
                           : (first - static_cast<__int128>(s.min)) / -s.increment;
  const __int128 taken = std::min<__int128>(std::max<int64_t>(count, 1), room + 1);
  SequenceRun run;
  run.first = static_cast<int64_t>(first);
  run.count = static_cast<int64_t>(taken);
  state->last_value = static_cast<int64_t>(first + (taken - 1) * s.increment);
  state->is_called = true;
  return run;
}

int64_t SequenceValue(const TableDescriptor& sequence, int64_t counted) {
  if (!sequence.sequence.bit_reversed) return counted;
  uint64_t in = static_cast<uint64_t>(counted), out = 0;
  for (int i = 0; i < 64; ++i) {
    out = out << 1 | (in & 1);
    in >>= 1;
  }
  return static_cast<int64_t>(out >> 1);
}

int64_t DefaultMin(Type type, bool ascending) {
  if (ascending) return 1;
  return type == Type::kInt2   ? std::numeric_limits<int16_t>::min()
         : type == Type::kInt4 ? std::numeric_limits<int32_t>::min()
                               : std::numeric_limits<int64_t>::min();
}

int64_t DefaultMax(Type type, bool ascending) {
  if (!ascending) return -1;
  return type == Type::kInt2   ? std::numeric_limits<int16_t>::max()
         : type == Type::kInt4 ? std::numeric_limits<int32_t>::max()
                               : std::numeric_limits<int64_t>::max();
}

}  // namespace isochron::sql
