// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/object_sections.h"

namespace isochron::sql::object_sections {
namespace {

enum ColumnTag : uint64_t {
  kDefaultSql = 16,
  kGeneratedSql = 17,
  kIdentity = 18,
  kColumnComment = 19,
  kComputedSql = 20,
};
enum TableTag : uint64_t {
  kKind = 16,
  kSchema = 17,
  kChecks = 18,
  kTableComment = 19,
  kViewSql = 20,
  kDependsOn = 21,
  kSequence = 22,
  kOwner = 23,
  kLabels = 24,
  kNotValidChecks = 40,
  kPartComments = 41,
  kOwnerRole = 42,
  kAcl = 43,
  kRoleCatalog = 44,
  kPublicAcl = 45,
};

void AddText(uint64_t tag, const std::string& text, Sections* out) {
  if (text.empty()) return;
  std::string bytes;
  Writer(&bytes).Bytes(text);
  out->emplace_back(tag, std::move(bytes));
}

bool ReadText(Reader* in, std::string* text) { return in->Bytes(text) && !text->empty(); }

std::string EncodeChecks(const std::vector<CheckConstraint>& checks) {
  std::string bytes;
  Writer out(&bytes);
  out.Varint(checks.size());
  for (const CheckConstraint& check : checks) {
    out.Bytes(check.name);
    out.Bytes(check.sql);
    out.Bytes(check.comment);
  }
  return bytes;
}

bool ReadChecks(Reader* in, std::vector<CheckConstraint>* checks) {
  uint64_t count;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    CheckConstraint check;
    if (!in->Bytes(&check.name) || !in->Bytes(&check.sql) || !in->Bytes(&check.comment)) {
      return false;
    }
    checks->push_back(std::move(check));
  }
  return count > 0;
}

std::string EncodeSequence(const SequenceOptions& s) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(static_cast<uint8_t>(s.type));
  for (int64_t v : {s.start, s.increment, s.min, s.max, s.cache}) out.Zigzag(v);
  out.Bool(s.cycle);
  out.Bool(s.bit_reversed);
  return bytes;
}

bool ReadSequence(Reader* in, SequenceOptions* s) {
  uint8_t type;
  if (!in->Byte(&type) || !in->Zigzag(&s->start) || !in->Zigzag(&s->increment) ||
      !in->Zigzag(&s->min) || !in->Zigzag(&s->max) || !in->Zigzag(&s->cache) ||
      !in->Bool(&s->cycle) || !in->Bool(&s->bit_reversed)) {
    return false;
  }
  s->type = static_cast<Type>(type);
  return IsInteger(s->type) && s->increment != 0 && s->cache > 0 && s->min < s->max &&
         s->start >= s->min && s->start <= s->max;
}

bool ReadDependencies(Reader* in, std::vector<Dependency>* out) {
  uint64_t count;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    Dependency d;
    if (!in->Varint(&d.relation.value) || !in->Varint32(&d.next_column_id)) return false;
    out->push_back(d);
  }
  return count > 0;
}

void AddRoles(const TableDescriptor& t, Sections* out) {
  std::string bytes;
  if (t.owner != kBootstrapRole) {
    Writer(&bytes).Varint(t.owner);
    out->emplace_back(kOwnerRole, std::move(bytes));
  }
  if (t.acl.has_value()) {
    bytes.clear();
    Writer writer(&bytes);
    WriteAcl(*t.acl, &writer);
    out->emplace_back(kAcl, std::move(bytes));
  }
  if (t.roles != nullptr) {
    bytes.clear();
    Writer writer(&bytes);
    WriteRoles(*t.roles, &writer);
    out->emplace_back(kRoleCatalog, std::move(bytes));
  }
  if (t.public_acl.has_value()) {
    bytes.clear();
    Writer writer(&bytes);
    WriteAcl(*t.public_acl, &writer);
    out->emplace_back(kPublicAcl, std::move(bytes));
  }
}

bool ReadRoleCatalog(Reader* in, TableDescriptor* t) {
  RoleCatalog roles;
  if (t->kind != RelationKind::kRoles || !ReadRoles(in, &roles)) return false;
  t->roles = std::make_shared<const RoleCatalog>(std::move(roles));
  return true;
}

}  // namespace

void WriteLabels(const std::vector<EnumLabel>& labels, Writer* out) {
  out->Varint(labels.size());
  for (const EnumLabel& label : labels) {
    out->Zigzag(label.place);
    out->Bytes(label.name);
  }
}

bool ReadLabels(Reader* in, std::vector<EnumLabel>* labels) {
  uint64_t count;
  if (!in->Varint(&count) || count > kMostEnumLabels) return false;
  for (uint64_t i = 0; i < count; ++i) {
    EnumLabel label;
    if (!in->Zigzag(&label.place) || !in->Bytes(&label.name)) return false;
    if (i > 0 && label.place <= labels->back().place) return false;
    labels->push_back(std::move(label));
  }
  return true;
}

void Add(const ColumnDescriptor& c, Sections* out) {
  AddText(kDefaultSql, c.default_sql, out);
  AddText(kGeneratedSql, c.generated_sql, out);
  if (c.identity != Identity::kNone) {
    out->emplace_back(kIdentity, std::string(1, static_cast<char>(c.identity)));
  }
  AddText(kColumnComment, c.comment, out);
  AddText(kComputedSql, c.computed_sql, out);
}

void Add(const TableDescriptor& t, Sections* out) {
  if (!t.is_table()) out->emplace_back(kKind, std::string(1, static_cast<char>(t.kind)));
  AddText(kSchema, t.schema, out);
  if (!t.checks.empty()) out->emplace_back(kChecks, EncodeChecks(t.checks));
  AddText(kTableComment, t.comment, out);
  AddText(kViewSql, t.view_sql, out);
  if (!t.depends_on.empty()) {
    std::string bytes;
    Writer writer(&bytes);
    writer.Varint(t.depends_on.size());
    for (const Dependency& d : t.depends_on) {
      writer.Varint(d.relation.value);
      writer.Varint(d.next_column_id);
    }
    out->emplace_back(kDependsOn, std::move(bytes));
  }
  if (t.kind == RelationKind::kSequence) out->emplace_back(kSequence, EncodeSequence(t.sequence));
  if (t.owner_table.value != 0) {
    std::string bytes;
    Writer writer(&bytes);
    writer.Varint(t.owner_table.value);
    writer.Varint(t.owner_column);
    out->emplace_back(kOwner, std::move(bytes));
  }
  if (t.is_enum()) {
    std::string bytes;
    Writer writer(&bytes);
    WriteLabels(t.labels, &writer);
    out->emplace_back(kLabels, std::move(bytes));
  }
  std::string not_valid;
  for (const CheckConstraint& check : t.checks) {
    if (!check.validated) Writer(&not_valid).Bytes(check.name);
  }
  if (!not_valid.empty()) out->emplace_back(kNotValidChecks, std::move(not_valid));
  std::string comments;
  for (const PartComment& c : t.part_comments) {
    Writer writer(&comments);
    writer.Bool(c.of_index);
    writer.Varint(c.id);
    writer.Bytes(c.text);
  }
  if (!comments.empty()) out->emplace_back(kPartComments, std::move(comments));
  AddRoles(t, out);
}

bool Read(uint64_t tag, Reader* in, ColumnDescriptor* c) {
  uint8_t byte;
  switch (tag) {
    case kDefaultSql:
      return ReadText(in, &c->default_sql);
    case kGeneratedSql:
      return ReadText(in, &c->generated_sql);
    case kIdentity:
      if (!in->Byte(&byte) || byte == 0 || byte > static_cast<uint8_t>(Identity::kByDefault)) {
        return false;
      }
      c->identity = static_cast<Identity>(byte);
      return true;
    case kColumnComment:
      return ReadText(in, &c->comment);
    case kComputedSql:
      return c->hidden && ReadText(in, &c->computed_sql);
    default:
      return false;
  }
}

bool Read(uint64_t tag, Reader* in, TableDescriptor* t) {
  uint8_t byte;
  switch (tag) {
    case kKind:
      if (!in->Byte(&byte) || byte == 0 || byte > static_cast<uint8_t>(RelationKind::kDatabase)) {
        return false;
      }
      t->kind = static_cast<RelationKind>(byte);
      return true;
    case kSchema:
      return ReadText(in, &t->schema);
    case kChecks:
      return ReadChecks(in, &t->checks);
    case kTableComment:
      return ReadText(in, &t->comment);
    case kViewSql:
      return ReadText(in, &t->view_sql);
    case kDependsOn:
      return ReadDependencies(in, &t->depends_on);
    case kSequence:
      return t->kind == RelationKind::kSequence && ReadSequence(in, &t->sequence);
    case kOwner:
      return in->Varint(&t->owner_table.value) && in->Varint32(&t->owner_column) &&
             t->owner_table.value != 0;
    case kLabels:
      return t->is_enum() && ReadLabels(in, &t->labels);
    case kNotValidChecks:
      while (!in->AtEnd()) {
        std::string name;
        if (!in->Bytes(&name)) return false;
        for (CheckConstraint& check : t->checks) {
          if (check.name == name) check.validated = false;
        }
      }
      return true;
    case kPartComments:
      while (!in->AtEnd()) {
        PartComment c;
        if (!in->Bool(&c.of_index) || !in->Varint(&c.id) || !in->Bytes(&c.text)) return false;
        t->part_comments.push_back(std::move(c));
      }
      return true;
    case kOwnerRole:
      return in->Varint(&t->owner) && t->owner != kBootstrapRole;
    case kAcl:
      return ReadAcl(in, &t->acl.emplace());
    case kPublicAcl:
      return t->kind == RelationKind::kDatabase && ReadAcl(in, &t->public_acl.emplace());
    case kRoleCatalog:
      return ReadRoleCatalog(in, t);
    default:
      return false;
  }
}

}  // namespace isochron::sql::object_sections
