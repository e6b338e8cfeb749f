// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/descriptor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/object_sections.h"
#include "sql/catalog/row_codec.h"
#include "sql/pg_catalog/oids.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Format 2 has sections behind each column and behind the key: a tag and bytes, by ascending tag.
constexpr uint8_t kFirstFormat = 1, kFormat = 2;
constexpr uint8_t kNotNull = 1, kHidden = 2;

enum ColumnSection : uint64_t {
  kMissingValue = 1,
  kNotNullPending = 2,
  kTypmod = 3,
  kEnumType = 4,
};
enum TableSection : uint64_t { kIndexes = 1, kForeignKeys = 2, kReferencing = 3, kKeyName = 4 };
enum IndexFlag : uint8_t {
  kUnique = 1,
  kConstraint = 2,
  kPartial = 4,
  kDescending = 1,
  kNullsFirst = 2
};
enum ForeignKeyFlag : uint8_t { kMatchFull = 1, kValidated = 2, kDeferrable = 4, kDeferred = 8 };

using Sections = object_sections::Sections;

void WriteSections(const Sections& sections, Writer* out) {
  out->Varint(sections.size());
  for (const auto& [tag, bytes] : sections) {
    out->Varint(tag);
    out->Bytes(bytes);
  }
}

// Calls read(tag, bytes) for each section.
template <typename Read>
bool ReadSections(Reader* in, Read read) {
  uint64_t count, last = 0;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t tag;
    absl::string_view bytes;
    if (!in->Varint(&tag) || tag <= last || !in->Bytes(&bytes)) return false;
    last = tag;
    Reader section(bytes);
    if (!read(tag, &section) || !section.AtEnd()) return false;
  }
  return true;
}

void WritePositions(const std::vector<uint32_t>& positions, Writer* out) {
  out->Varint(positions.size());
  for (uint32_t p : positions) out->Varint(p);
}

bool ReadPositions(Reader* in, uint64_t limit, std::vector<uint32_t>* positions) {
  uint64_t count;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t p;
    if (!in->Varint32(&p) || p >= limit) return false;
    positions->push_back(p);
  }
  return true;
}

Type EnumTypeFrom(TableId id, const std::string& full_name, std::vector<EnumLabel> labels) {
  EnumType type;
  type.id = id.value;
  type.oid = TableOid(id);
  type.full_name = full_name;
  type.name = LocalName(full_name);
  type.array_name = absl::StrCat("_", type.name);
  type.shown = PlainSqlName(full_name);
  type.shown_array = absl::StrCat(type.shown, "[]");
  type.labels = std::move(labels);
  return TypeOfEnum(type);
}

Sections SectionsOf(const ColumnDescriptor& c) {
  Sections sections;
  if (c.has_missing) {
    std::string bytes;
    Writer out(&bytes);
    WriteDatum(c.missing_value, &out);
    sections.emplace_back(kMissingValue, std::move(bytes));
  }
  if (c.not_null_pending) sections.emplace_back(kNotNullPending, "");
  if (c.typmod >= 0) {
    std::string bytes;
    Writer(&bytes).Varint(static_cast<uint32_t>(c.typmod));
    sections.emplace_back(kTypmod, std::move(bytes));
  }
  if (const EnumType* type = EnumOf(c.type)) {
    std::string bytes;
    Writer out(&bytes);
    out.Varint(type->id);
    out.Bytes(type->full_name);
    object_sections::WriteLabels(type->labels, &out);
    sections.emplace_back(kEnumType, std::move(bytes));
  }
  object_sections::Add(c, &sections);
  return sections;
}

bool ReadEnumType(Reader* in, ColumnDescriptor* c) {
  TableId id;
  std::string name;
  std::vector<EnumLabel> labels;
  if (KindOf(ElementOf(c->type)) != Type::kEnum || !in->Varint(&id.value) || !in->Bytes(&name) ||
      !object_sections::ReadLabels(in, &labels)) {
    return false;
  }
  const Type type = EnumTypeFrom(id, name, std::move(labels));
  c->type = IsArray(c->type) ? ArrayOf(type) : type;
  return true;
}

bool ReadColumnSection(uint64_t tag, Reader* in, ColumnDescriptor* c) {
  switch (tag) {
    case kMissingValue:
      c->has_missing = true;
      return ReadDatum(in, &c->missing_value) && HasShapeOf(c->type, c->missing_value);
    case kNotNullPending:
      c->not_null_pending = true;
      return true;
    case kTypmod: {
      uint32_t typmod;
      if (!in->Varint32(&typmod) || typmod > std::numeric_limits<int32_t>::max()) return false;
      c->typmod = static_cast<int32_t>(typmod);
      return true;
    }
    case kEnumType:
      return ReadEnumType(in, c);
    default:
      return object_sections::Read(tag, in, c);
  }
}

std::string EncodeIndexes(const TableDescriptor& table) {
  std::string bytes;
  Writer out(&bytes);
  out.Varint(table.next_index_id);
  out.Varint(table.indexes.size());
  for (const IndexDescriptor& index : table.indexes) {
    out.Varint(index.id);
    out.Bytes(index.name);
    const bool partial = !index.predicate_sql.empty();
    out.Byte(static_cast<uint8_t>((index.unique ? kUnique : 0) |
                                  (index.constraint ? kConstraint : 0) | (partial ? kPartial : 0)));
    out.Byte(static_cast<uint8_t>(index.state));
    out.Varint(index.columns.size());
    for (const IndexColumn& c : index.columns) {
      out.Varint(c.column);
      out.Byte(static_cast<uint8_t>((c.descending ? kDescending : 0) |
                                    (c.nulls_first ? kNullsFirst : 0)));
    }
    WritePositions(index.include, &out);
    if (partial) out.Bytes(index.predicate_sql);
  }
  return bytes;
}

bool ReadIndexes(Reader* in, TableDescriptor* t) {
  uint64_t count;
  if (!in->Varint(&t->next_index_id) || !in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    IndexDescriptor index;
    uint8_t flags, state;
    uint64_t columns;
    if (!in->Varint(&index.id) || index.id == 0 || index.id >= t->next_index_id ||
        !in->Bytes(&index.name) || !in->Byte(&flags) ||
        flags > (kUnique | kConstraint | kPartial) || !in->Byte(&state) ||
        state < static_cast<uint8_t>(IndexState::kBuilding) ||
        state > static_cast<uint8_t>(IndexState::kPublic) || !in->Varint(&columns)) {
      return false;
    }
    index.unique = (flags & kUnique) != 0;
    index.constraint = (flags & kConstraint) != 0;
    const bool partial = (flags & kPartial) != 0;
    index.state = static_cast<IndexState>(state);
    for (uint64_t k = 0; k < columns; ++k) {
      IndexColumn c;
      if (!in->Varint32(&c.column) || c.column >= t->columns.size() || !in->Byte(&flags) ||
          flags > (kDescending | kNullsFirst)) {
        return false;
      }
      c.descending = (flags & kDescending) != 0;
      c.nulls_first = (flags & kNullsFirst) != 0;
      index.columns.push_back(c);
    }
    if (index.columns.empty() || !ReadPositions(in, t->columns.size(), &index.include)) {
      return false;
    }
    if (partial && (!in->Bytes(&index.predicate_sql) || index.predicate_sql.empty())) return false;
    t->indexes.push_back(std::move(index));
  }
  return true;
}

std::string EncodeForeignKeys(const TableDescriptor& table) {
  std::string bytes;
  Writer out(&bytes);
  out.Varint(table.foreign_keys.size());
  for (const ForeignKey& f : table.foreign_keys) {
    out.Varint(f.id);
    out.Bytes(f.name);
    WritePositions(f.columns, &out);
    out.Varint(f.parent.value);
    out.Bytes(f.parent_name);
    WritePositions(f.parent_columns, &out);
    out.Byte(static_cast<uint8_t>(f.on_delete));
    out.Byte(static_cast<uint8_t>(f.on_update));
    out.Byte(static_cast<uint8_t>((f.match_full ? kMatchFull : 0) | (f.validated ? kValidated : 0) |
                                  (f.deferrable ? kDeferrable : 0) | (f.deferred ? kDeferred : 0)));
  }
  return bytes;
}

bool IsAction(uint8_t letter) {
  return letter == 'a' || letter == 'r' || letter == 'c' || letter == 'n' || letter == 'd';
}

bool ReadForeignKeys(Reader* in, TableDescriptor* t) {
  uint64_t count;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    ForeignKey f;
    uint8_t on_delete, on_update, flags;
    if (!in->Varint(&f.id) || !in->Bytes(&f.name) ||
        !ReadPositions(in, t->columns.size(), &f.columns) || !in->Varint(&f.parent.value) ||
        !in->Bytes(&f.parent_name) || !ReadPositions(in, UINT32_MAX, &f.parent_columns) ||
        !in->Byte(&on_delete) || !in->Byte(&on_update) || !IsAction(on_delete) ||
        !IsAction(on_update) || !in->Byte(&flags) ||
        flags > (kMatchFull | kValidated | kDeferrable | kDeferred) || f.columns.empty() ||
        f.columns.size() != f.parent_columns.size()) {
      return false;
    }
    f.on_delete = static_cast<ForeignKeyAction>(on_delete);
    f.on_update = static_cast<ForeignKeyAction>(on_update);
    f.match_full = (flags & kMatchFull) != 0;
    f.validated = (flags & kValidated) != 0;
    f.deferrable = (flags & kDeferrable) != 0;
    f.deferred = (flags & kDeferred) != 0;
    t->foreign_keys.push_back(std::move(f));
  }
  return true;
}

Sections SectionsOf(const TableDescriptor& table) {
  Sections sections;
  if (table.next_index_id > 1) sections.emplace_back(kIndexes, EncodeIndexes(table));
  if (!table.foreign_keys.empty()) {
    sections.emplace_back(kForeignKeys, EncodeForeignKeys(table));
  }
  if (!table.referencing.empty()) {
    std::string bytes;
    Writer out(&bytes);
    out.Varint(table.referencing.size());
    for (const ReferencingTable& r : table.referencing) {
      out.Varint(r.id.value);
      out.Bytes(r.name);
    }
    sections.emplace_back(kReferencing, std::move(bytes));
  }
  if (!table.key_name.empty()) {
    std::string bytes;
    Writer(&bytes).Bytes(table.key_name);
    sections.emplace_back(kKeyName, std::move(bytes));
  }
  object_sections::Add(table, &sections);
  return sections;
}

// Of which enum a column is comes behind its kind.
bool MayBeOf(Type type) { return IsReady(type) || ElementOf(type) == Type::kEnum; }

bool ReadTableSection(uint64_t tag, Reader* in, TableDescriptor* t) {
  switch (tag) {
    case kIndexes:
      return ReadIndexes(in, t);
    case kForeignKeys:
      return ReadForeignKeys(in, t);
    case kReferencing: {
      uint64_t count;
      if (!in->Varint(&count)) return false;
      for (uint64_t i = 0; i < count; ++i) {
        ReferencingTable r;
        if (!in->Varint(&r.id.value) || !in->Bytes(&r.name)) return false;
        t->referencing.push_back(std::move(r));
      }
      return true;
    }
    case kKeyName:
      return in->Bytes(&t->key_name);
    default:
      return object_sections::Read(tag, in, t);
  }
}

}  // namespace

Acl TableDescriptor::EffectiveAcl() const {
  if (acl.has_value()) return *acl;
  return DefaultAcl(kind == RelationKind::kSequence   ? AclKind::kSequence
                    : kind == RelationKind::kSchema   ? AclKind::kSchema
                    : kind == RelationKind::kDatabase ? AclKind::kDatabase
                                                      : AclKind::kTable,
                    owner);
}

Type EnumTypeOf(const TableDescriptor& description) {
  return EnumTypeFrom(description.id, description.name, description.labels);
}

TableId EnumIdOf(const ColumnDescriptor& column) {
  const EnumType* type = EnumOf(column.type);
  return type == nullptr ? TableId() : TableId(type->id);
}

std::string TableDescriptor::local_name() const { return LocalName(name); }

int TableDescriptor::FindColumn(absl::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].hidden && columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

int TableDescriptor::KeyPosition(uint32_t column) const {
  for (size_t i = 0; i < key.size(); ++i) {
    if (key[i] == column) return static_cast<int>(i);
  }
  return -1;
}

const IndexDescriptor* TableDescriptor::FindIndex(absl::string_view index) const {
  for (const IndexDescriptor& i : indexes) {
    if (i.name == index) return &i;
  }
  return nullptr;
}

const IndexDescriptor* TableDescriptor::FindIndex(uint64_t index_id) const {
  for (const IndexDescriptor& i : indexes) {
    if (i.id == index_id) return &i;
  }
  return nullptr;
}

const ForeignKey* TableDescriptor::FindForeignKey(absl::string_view constraint) const {
  for (const ForeignKey& f : foreign_keys) {
    if (f.name == constraint) return &f;
  }
  return nullptr;
}

bool TableDescriptor::Computes(const IndexDescriptor& index) const {
  return !index.predicate_sql.empty() ||
         std::any_of(index.columns.begin(), index.columns.end(), [this](const IndexColumn& c) {
           return !columns[c.column].computed_sql.empty();
         });
}

void TableDescriptor::SetPartComment(bool of_index, uint64_t id_of_part, std::string text) {
  std::erase_if(part_comments,
                [&](const PartComment& c) { return c.of_index == of_index && c.id == id_of_part; });
  if (!text.empty()) part_comments.push_back({of_index, id_of_part, std::move(text)});
}

std::string TableDescriptor::PartCommentOf(bool of_index, uint64_t id_of_part) const {
  for (const PartComment& c : part_comments) {
    if (c.of_index == of_index && c.id == id_of_part) return c.text;
  }
  return "";
}

void TableDescriptor::RemoveIndex(size_t at) {
  SetPartComment(true, indexes[at].id, "");
  SetPartComment(false, indexes[at].id, "");
  std::vector<uint32_t> own;
  for (const IndexColumn& c : indexes[at].columns) {
    if (!columns[c.column].computed_sql.empty()) own.push_back(c.column);
  }
  indexes.erase(indexes.begin() + static_cast<std::ptrdiff_t>(at));
  std::sort(own.rbegin(), own.rend());
  for (uint32_t position : own) RemoveColumn(position);
}

int TableDescriptor::FindColumnId(uint32_t column_id) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].id == column_id) return static_cast<int>(i);
  }
  return -1;
}

void TableDescriptor::RemoveColumn(uint32_t position) {
  auto shift = [position](uint32_t* p) {
    if (*p > position) --*p;
  };
  columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(position));
  for (uint32_t& k : key) shift(&k);
  for (IndexDescriptor& index : indexes) {
    for (IndexColumn& c : index.columns) shift(&c.column);
    for (uint32_t& c : index.include) shift(&c);
  }
  for (ForeignKey& f : foreign_keys) {
    for (uint32_t& c : f.columns) shift(&c);
  }
}

std::string EncodeDescriptor(const TableDescriptor& table) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(kFormat);
  out.Varint(table.id.value);
  out.Bytes(table.name);
  out.Varint(table.version);
  out.Varint(table.next_column_id);
  out.Time(table.drop_at);
  out.Varint(table.columns.size());
  for (const ColumnDescriptor& c : table.columns) {
    out.Varint(c.id);
    out.Bytes(c.name);
    out.Byte(static_cast<uint8_t>(c.type));
    out.Byte(static_cast<uint8_t>((c.not_null ? kNotNull : 0) | (c.hidden ? kHidden : 0)));
    out.Byte(static_cast<uint8_t>(c.default_kind));
    if (c.default_kind == DefaultKind::kValue) WriteDatum(c.default_value, &out);
    WriteSections(SectionsOf(c), &out);
  }
  WritePositions(table.key, &out);
  WriteSections(SectionsOf(table), &out);
  return bytes;
}

absl::StatusOr<TableDescriptor> DecodeDescriptor(absl::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("a table descriptor cannot be read");
  Reader in(bytes);
  TableDescriptor t;
  uint8_t format;
  uint64_t count;
  if (!in.Byte(&format) || format < kFirstFormat || format > kFormat || !in.Varint(&t.id.value) ||
      !in.Bytes(&t.name) || !in.Varint(&t.version) || !in.Varint32(&t.next_column_id) ||
      !in.Time(&t.drop_at) || !in.Varint(&count)) {
    return damaged;
  }
  for (uint64_t i = 0; i < count; ++i) {
    ColumnDescriptor c;
    uint8_t type, flags, kind;
    if (!in.Varint32(&c.id) || !in.Bytes(&c.name) || !in.Byte(&type) || !in.Byte(&flags) ||
        !in.Byte(&kind) || !MayBeOf(static_cast<Type>(type)) ||
        kind > static_cast<uint8_t>(DefaultKind::kExpression)) {
      return damaged;
    }
    c.type = static_cast<Type>(type);
    c.not_null = (flags & kNotNull) != 0;
    c.hidden = (flags & kHidden) != 0;
    c.default_kind = static_cast<DefaultKind>(kind);
    if (c.default_kind == DefaultKind::kValue &&
        (!ReadDatum(&in, &c.default_value) || !HasShapeOf(c.type, c.default_value))) {
      return damaged;
    }
    bool of_enum = false;
    if (format > kFirstFormat && !ReadSections(&in, [&](uint64_t tag, Reader* section) {
          of_enum = of_enum || tag == kEnumType;
          return ReadColumnSection(tag, section, &c);
        })) {
      return damaged;
    }
    if (!IsReady(c.type)) return of_enum ? TooManyEnums() : damaged;
    if ((c.default_kind == DefaultKind::kExpression) == c.default_sql.empty()) return damaged;
    // Rows are read on the strength of it.
    if (!t.columns.empty() && c.id <= t.columns.back().id) return damaged;
    t.columns.push_back(std::move(c));
  }
  if (!ReadPositions(&in, t.columns.size(), &t.key)) return damaged;
  if (format > kFirstFormat && !ReadSections(&in, [&](uint64_t tag, Reader* section) {
        return ReadTableSection(tag, section, &t);
      })) {
    return damaged;
  }
  const bool keyless = t.kind == RelationKind::kView || !t.is_relation();
  if (!in.AtEnd() || t.key.empty() != keyless) return damaged;
  if (t.is_enum() && !IsReady(EnumTypeOf(t))) return TooManyEnums();
  return t;
}

}  // namespace isochron::sql
