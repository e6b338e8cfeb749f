// SPDX-License-Identifier: Apache-2.0
//
// The catalog's table descriptors, and rows: a descriptor, then a key and a value of its table.
#include "common/check.h"
#include "sql/catalog/descriptor.h"
#include "sql/catalog/row_codec.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

using sql::ColumnDescriptor;
using sql::Datum;
using sql::Type;

void CheckRow(const sql::TableDescriptor& table, absl::string_view key, absl::string_view value) {
  sql::Row row;
  if (!sql::DecodeRow(table, key, value, &row).ok()) return;
  ISO_CHECK(row.size() == table.columns.size(), "a row has its table's width");
  for (size_t i = 0; i < row.size(); ++i) {
    ISO_CHECK(sql::HasShapeOf(table.columns[i].type, row[i]), "a value has its column's shape");
    (void)sql::DatumToText(table.columns[i].type, row[i]);
    (void)sql::DatumToSql(table.columns[i].type, row[i]);
  }
  sql::Row again;
  ISO_CHECK(
      sql::DecodeRow(table, sql::EncodeRowKey(table, row), sql::EncodeRowValue(table, row), &again)
          .ok(),
      "a row that was read can be written and read");
  ISO_CHECK(again == row, "a row is read as it was written");
}

sql::TableDescriptor SeedTable() {
  sql::TableDescriptor table;
  table.id = TableId(100);
  table.name = "t";
  for (Type type :
       {Type::kInt8, Type::kText, Type::kBool, Type::kFloat8, Type::kTimestamptz, Type::kBytea,
        Type::kInt2, Type::kNumeric, Type::kBpchar, Type::kUuid, Type::kFloat4}) {
    ColumnDescriptor column;
    column.id = table.next_column_id++;
    column.name = "c" + std::to_string(column.id);
    column.type = type;
    column.not_null = type == Type::kInt8;
    if (type == Type::kTimestamptz) column.default_kind = sql::DefaultKind::kNow;
    if (type == Type::kFloat8) {
      column.default_kind = sql::DefaultKind::kValue;
      column.default_value = Datum::Float(0.5);
    }
    table.columns.push_back(column);
  }
  table.key = {0, 1, 4, 7, 8};
  return table;
}

}  // namespace

std::vector<std::string> Seeds() {
  const sql::TableDescriptor table = SeedTable();
  const sql::Row row = {Datum::Int(-7),
                        Datum::String("k\0y"),
                        Datum::Bool(true),
                        Datum::Float(2.5),
                        Datum::Int(1'700'000),
                        Datum::String("\x01\x02"),
                        Datum::Int(3),
                        Datum::SmallNumeric(110, 2),
                        Datum::Encoded(Datum::Shape::kBpchar, "ab "),
                        Datum::String("0123456789abcdef"),
                        Datum::Float(0.5)};
  const std::string key = sql::EncodeRowKey(table, row);
  const std::string value = sql::EncodeRowValue(table, row);
  const std::string descriptor = sql::EncodeDescriptor(table);
  return {Piece(descriptor) + Piece(key) + value, Piece("") + Piece(key) + value};
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron;
  fuzz::Input in(data, size);
  const absl::string_view bytes = in.Piece();
  // Without a descriptor, a row of a table that is known.
  auto table = sql::DecodeDescriptor(bytes.empty() ? sql::EncodeDescriptor(fuzz::SeedTable())
                                                   : std::string(bytes));
  if (!table.ok()) return 0;
  auto again = sql::DecodeDescriptor(sql::EncodeDescriptor(*table));
  ISO_CHECK(again.ok() && sql::EncodeDescriptor(*again) == sql::EncodeDescriptor(*table),
            "a descriptor is read as it was written");
  (void)table->has_hidden_key();
  (void)table->FindColumn("c1");
  const absl::string_view key = in.Piece();
  fuzz::CheckRow(*table, key, in.Rest());
  return 0;
}
