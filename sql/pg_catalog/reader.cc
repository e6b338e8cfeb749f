// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/reader.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/pg_catalog/describe.h"
#include "sql/pg_catalog/functions.h"
#include "sql/types/catalog_types.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Values that are equal have one key.
std::string KeyOf(const Datum& d) {
  if (d.shape() == Datum::Shape::kInt) return absl::StrCat("i", d.int_value());
  if (d.shape() == Datum::Shape::kBool) return d.bool_value() ? "t" : "f";
  return absl::StrCat("s", d.string_value());
}

Type TypeOfText(absl::string_view text) {
  std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  if (absl::StartsWith(name, "pg_catalog.")) name = name.substr(11);
  if (const size_t paren = name.find('('); paren != std::string::npos) {
    const size_t end = name.find(')', paren);
    name = name.substr(0, paren) + (end == std::string::npos ? "" : name.substr(end + 1));
  }
  if (name.size() > 2 && name[0] == '"' && name.back() == '"' && name != "\"char\"") {
    name = name.substr(1, name.size() - 2);
  }
  const Type type = TypeFromSqlName(name);
  if (type != Type::kUnknown) return type;
  if (absl::EndsWith(name, "[]")) {
    const Type element = TypeFromName(name.substr(0, name.size() - 2));
    return element == Type::kUnknown ? element : ArrayOf(element);
  }
  return TypeFromName(name);
}

std::string TypeList(const std::vector<int32_t>& oids) {
  return absl::StrJoin(oids, ", ", [](std::string* out, int32_t oid) {
    const Type t = TypeFromOid(oid);
    absl::StrAppend(out, t != Type::kUnknown ? TypeName(t)
                         : oid == 2277       ? "anyarray"
                         : oid == 2283       ? "anyelement"
                                             : "\"any\"");
  });
}

const CatalogFunction* FunctionOf(int64_t oid) {
  for (const CatalogFunction& f : AllCatalogFunctions()) {
    if (f.oid == oid) return &f;
  }
  return nullptr;
}

std::vector<std::string> SearchPath(const SessionReader* session) {
  return session == nullptr ? std::vector<std::string>{"public"} : session->Path();
}

absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}

}  // namespace

CatalogReaderImpl::CatalogReaderImpl(std::vector<TablePtr> tables, const SessionReader* session,
                                     int64_t now_us)
    : snapshot_(std::move(tables), SearchPath(session),
                session == nullptr ? kFirstDatabase : session->current_database()),
      context_{&snapshot_, session, this, now_us, &progress_} {}

CatalogReaderImpl::Kept& CatalogReaderImpl::Of(absl::string_view schema,
                                               absl::string_view name) const {
  auto [it, fresh] = kept_.try_emplace(absl::StrCat(schema, ".", name));
  Kept& kept = it->second;
  if (!fresh) return kept;
  const CatalogTable* table = FindCatalogTable(schema, name);
  const MakeRows make =
      schema == "information_schema" ? RowsOfInformationSchema(name) : RowsOfPgCatalog(name);
  if (table == nullptr || make == nullptr) return kept;
  RowMaker maker(*table, &kept.rows);
  make(context_, &maker);
  return kept;
}

const std::vector<Row>& CatalogReaderImpl::Rows(absl::string_view schema,
                                                absl::string_view name) const {
  return Of(schema, name).rows;
}

std::vector<size_t> CatalogReaderImpl::RowsWhere(absl::string_view schema, absl::string_view name,
                                                 size_t column, const Datum& value) const {
  Kept& kept = Of(schema, name);
  auto [it, fresh] = kept.by_column.try_emplace(column);
  if (fresh) {
    for (size_t i = 0; i < kept.rows.size(); ++i) {
      const Datum& d = kept.rows[i][column];
      if (!d.is_null()) it->second[KeyOf(d)].push_back(i);
    }
  }
  auto places = it->second.find(KeyOf(value));
  return places == it->second.end() ? std::vector<size_t>() : places->second;
}

absl::StatusOr<int64_t> CatalogReaderImpl::ClassOfName(absl::string_view text) const {
  ISO_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitName(text));
  const std::string schema = parts.size() > 1 ? parts[parts.size() - 2] : "";
  const CatalogRelation* r = snapshot_.Relation(schema, parts.back());
  if (r != nullptr) return r->oid;
  return SqlError(sqlstate::kUndefinedTable,
                  absl::StrCat("relation \"", absl::StrJoin(parts, "."), "\" does not exist"));
}

const CatalogType* CatalogReaderImpl::MadeTypeOf(absl::string_view text) const {
  text = absl::StripAsciiWhitespace(text);
  const bool array = absl::ConsumeSuffix(&text, "[]");
  auto parts = SplitName(text);
  if (!parts.ok() || parts->empty()) return nullptr;
  const std::string schema = parts->size() > 1 ? (*parts)[parts->size() - 2] : "";
  return snapshot_.TypeNamed(schema, absl::StrCat(array ? "_" : "", parts->back()));
}

absl::StatusOr<int64_t> CatalogReaderImpl::OidOfName(Type type, absl::string_view text) const {
  switch (type) {
    case Type::kRegclass:
      return ClassOfName(text);
    case Type::kRegtype: {
      const Type t = TypeOfText(text);
      if (t != Type::kUnknown) return OidOf(t);
      if (const CatalogType* made = MadeTypeOf(text)) return made->oid;
      return SqlError(sqlstate::kUndefinedObject,
                      absl::StrCat("type \"", text, "\" does not exist"));
    }
    case Type::kRegnamespace: {
      ISO_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitName(text));
      const CatalogSchema* s = snapshot_.Schema(parts.back());
      if (s != nullptr) return s->oid;
      return SqlError(sqlstate::kInvalidSchema,
                      absl::StrCat("schema \"", parts.back(), "\" does not exist"));
    }
    default: {
      ISO_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitName(text));
      int64_t found = 0;
      for (const CatalogFunction& f : AllCatalogFunctions()) {
        if (f.name != parts.back()) continue;
        if (found != 0) {
          return SqlError("42725", absl::StrCat("more than one function named \"", text, "\""));
        }
        found = f.oid;
      }
      if (found != 0) return found;
      return SqlError(sqlstate::kUndefinedFunction,
                      absl::StrCat("function \"", text, "\" does not exist"));
    }
  }
}

std::string CatalogReaderImpl::NameOfOid(Type type, int64_t oid) const {
  const std::string number = absl::StrCat(oid);
  if (oid == 0) return "-";
  if (type == Type::kRegclass) {
    const CatalogRelation* r = snapshot_.Relation(oid);
    return r == nullptr ? number : snapshot_.DisplayName(*r);
  }
  if (type == Type::kRegtype) {
    if (const CatalogType* made = snapshot_.TypeOf(oid)) return snapshot_.DisplayName(*made);
    const Type t = TypeFromOid(static_cast<int32_t>(oid));
    return t == Type::kUnknown ? number : std::string(TypeName(t));
  }
  if (type == Type::kRegnamespace) {
    const CatalogSchema* s = snapshot_.Schema(oid);
    return s == nullptr ? number : QuoteIfNeeded(s->name);
  }
  const CatalogFunction* f = FunctionOf(oid);
  return f == nullptr ? number : f->name;
}

absl::Status CatalogReaderImpl::ObjectComment(const Datum* args, size_t count, Datum* out) const {
  if (count > 1 && args[1].string_value() == "pg_database") {
    const CatalogDatabase* database = snapshot_.Database(args[0].int_value());
    if (database == nullptr || database->comment.empty()) return absl::OkStatus();
    return Text(database->comment, out);
  }
  const CatalogType* type = snapshot_.TypeOf(args[0].int_value());
  if (count > 1 ? args[1].string_value() == "pg_type" : type != nullptr) {
    if (type == nullptr || IsArray(type->type)) return absl::OkStatus();
    const std::string& comment = type->description->comment;
    return comment.empty() ? absl::OkStatus() : Text(comment, out);
  }
  if (count > 1 && args[1].string_value() == "pg_namespace") {
    auto it = snapshot_.comments().find(args[0].int_value());
    if (it == snapshot_.comments().end() || it->second.empty()) return absl::OkStatus();
    return Text(it->second, out);
  }
  if (count > 1 && args[1].string_value() == "pg_constraint") {
    const CatalogConstraint* c = snapshot_.Constraint(args[0].int_value());
    const std::string comment = c == nullptr ? "" : CommentOf(*c);
    return comment.empty() ? absl::OkStatus() : Text(comment, out);
  }
  if (count > 1 && args[1].string_value() != "pg_class") return absl::OkStatus();
  const CatalogRelation* r = snapshot_.Relation(args[0].int_value());
  if (r == nullptr) return absl::OkStatus();
  const std::string comment = CommentOf(*r);
  return comment.empty() ? absl::OkStatus() : Text(comment, out);
}

absl::Status CatalogReaderImpl::SerialSequence(const Datum* args, Datum* out) const {
  ISO_ASSIGN_OR_RETURN(const int64_t oid, ClassOfName(args[0].string_value()));
  const CatalogRelation* r = snapshot_.Relation(oid);
  if (r->table == nullptr || r->table->FindColumn(args[1].string_value()) < 0) {
    return SqlError(sqlstate::kUndefinedColumn,
                    absl::StrCat("column \"", args[1].string_value(), "\" of relation \"", r->name,
                                 "\" does not exist"));
  }
  const std::string sequence = SequenceOf(
      snapshot_, *r->table, static_cast<uint32_t>(r->table->FindColumn(args[1].string_value())));
  return sequence.empty() ? absl::OkStatus() : Text(sequence, out);
}

absl::StatusOr<uint64_t> CatalogReaderImpl::RoleArgument(const Datum& role) const {
  const RoleCatalog& roles = snapshot_.roles();
  if (role.shape() == Datum::Shape::kInt) {
    // Nobody has the rights of a number that is no role's.
    return RoleOfOid(roles, role.int_value()).value_or(kPublicRole);
  }
  if (role.string_value() == "public") return kPublicRole;
  const std::optional<uint64_t> id = roles.IdOf(role.string_value());
  if (id.has_value()) return *id;
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("role \"", role.string_value(), "\" does not exist"));
}

// ([role,] object, privileges): any of those that are named, WITH GRANT OPTION asked for or not.
absl::Status CatalogReaderImpl::Privilege(CatalogCall call, const Datum* args, size_t count,
                                          Datum* out) const {
  const RoleCatalog& roles = snapshot_.roles();
  const Datum& object = args[count - 2];
  uint64_t role = kBootstrapRole;
  if (count > 2) {
    ISO_ASSIGN_OR_RETURN(role, RoleArgument(args[0]));
  } else if (context_.session != nullptr) {
    role = roles.IdOf(context_.session->current_user()).value_or(kPublicRole);
  }
  const bool superuser = roles.IsSuperuser(role);
  const std::set<uint64_t> has = snapshot_.RolesOf(role);
  if (call == CatalogCall::kRolePrivilege) {
    ISO_ASSIGN_OR_RETURN(const uint64_t of, RoleArgument(object));
    const bool member =
        absl::StartsWith(absl::AsciiStrToUpper(args[count - 1].string_value()), "MEMBER");
    *out = Datum::Bool(superuser || (member ? roles.Has(role, true) : has).contains(of));
    return absl::OkStatus();
  }
  Acl acl;
  uint64_t owner = kBootstrapRole;
  AclKind kind = AclKind::kTable;
  if (call == CatalogCall::kDatabasePrivilege) {
    kind = AclKind::kDatabase;
    const bool by_number = object.shape() == Datum::Shape::kInt;
    const CatalogDatabase* database = by_number ? snapshot_.Database(object.int_value())
                                                : snapshot_.Database(object.string_value());
    if (database == nullptr && by_number) return absl::OkStatus();
    if (database == nullptr) {
      return SqlError(sqlstate::kInvalidCatalog,
                      absl::StrCat("database \"", object.string_value(), "\" does not exist"));
    }
    owner = database->owner;
    acl = database->acl.value_or(DefaultAcl(kind, owner));
  } else if (call == CatalogCall::kSchemaPrivilege) {
    kind = AclKind::kSchema;
    const bool by_number = object.shape() == Datum::Shape::kInt;
    const CatalogSchema* schema =
        by_number ? snapshot_.Schema(object.int_value()) : snapshot_.Schema(object.string_value());
    if (schema == nullptr && by_number) return absl::OkStatus();
    if (schema == nullptr) {
      return SqlError(sqlstate::kInvalidSchema,
                      absl::StrCat("schema \"", object.string_value(), "\" does not exist"));
    }
    const TablePtr made = snapshot_.SchemaDescription(schema->oid);
    acl = {{kPublicRole, kBootstrapRole, kRightUsage, 0}};  // of the system
    if (made != nullptr) acl = made->EffectiveAcl();
    if (made != nullptr) owner = made->owner;
    if (schema->oid == kPublicOid) {
      acl = snapshot_.database().public_acl.value_or(DefaultPublicAcl());
      owner = kDatabaseOwnerRole;
    }
  } else {
    int64_t oid = 0;
    if (object.shape() == Datum::Shape::kInt) {
      oid = object.int_value();
    } else {
      ISO_ASSIGN_OR_RETURN(oid, ClassOfName(object.string_value()));
    }
    const CatalogRelation* r = snapshot_.Relation(oid);
    if (r == nullptr) return absl::OkStatus();
    const bool secret = r->name == "pg_authid" || r->name == "pg_shadow";
    if (r->table == nullptr && !secret) acl = {{kPublicRole, kBootstrapRole, kRightSelect, 0}};
    if (r->table != nullptr) acl = r->table->EffectiveAcl();
    if (r->table != nullptr) owner = r->table->owner;
    if (r->kind == 'S') kind = AclKind::kSequence;
  }
  bool any = false;
  for (absl::string_view word : absl::StrSplit(args[count - 1].string_value(), ',')) {
    std::string name = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(word));
    const bool option = absl::EndsWith(name, " WITH GRANT OPTION");
    if (option) name.resize(name.size() - 18);
    const uint32_t right = RightNamed(name);
    if ((right & (AllRights(kind) | AllRights(AclKind::kTable))) == 0) {
      return SqlError(sqlstate::kInvalidParameter,
                      absl::StrCat("unrecognized privilege type: \"", word, "\""));
    }
    uint32_t options = has.contains(owner) ? AllRights(kind) : 0;
    for (uint64_t id : has) options |= OptionsOf(acl, id);
    any = any || superuser || ((option ? options : RightsOf(acl, has)) & right) != 0;
  }
  *out = Datum::Bool(any);
  return absl::OkStatus();
}

// As aclitem[]: the owner everything.
absl::Status CatalogReaderImpl::DefaultRights(const Datum* args, Datum* out) const {
  static constexpr std::pair<char, const char*> kRights[] = {
      {'r', "arwdDxt"}, {'s', "rwU"}, {'d', "CTc"}, {'f', "X"}, {'l', "U"},
      {'n', "UC"},      {'T', "U"},   {'F', "U"},   {'S', "U"}, {'t', "C"}};
  const std::string& kind = args[0].string_value();
  const RoleCatalog& roles = snapshot_.roles();
  const std::string owner =
      QuoteIfNeeded(roles.NameOf(RoleOfOid(roles, args[1].int_value()).value_or(kBootstrapRole)));
  std::vector<std::string> items;
  for (const auto& [letter, rights] : kRights) {
    if (kind.empty() || kind[0] != letter) continue;
    if (letter == 'f' || letter == 'l' || letter == 'T') {
      items.push_back(absl::StrCat("=", rights, "/", owner));
    }
    if (letter == 'd') items.push_back(absl::StrCat("=Tc/", owner));
    items.push_back(absl::StrCat(owner, "=", rights, "/", owner));
  }
  *out = TextArray(items);
  return absl::OkStatus();
}

absl::Status CatalogReaderImpl::Call(CatalogCall call, const Datum* args, size_t count,
                                     Datum* out) const {
  const int64_t oid = args[0].shape() == Datum::Shape::kInt ? args[0].int_value() : 0;
  const CatalogRelation* r = snapshot_.Relation(oid);
  switch (call) {
    case CatalogCall::kVisible:
      if (r != nullptr) *out = Datum::Bool(snapshot_.IsVisible(*r));
      return absl::OkStatus();
    case CatalogCall::kTypeVisible: {
      const CatalogType* made = snapshot_.TypeOf(oid);
      *out = Datum::Bool(made == nullptr || snapshot_.IsVisible(*made));
      return absl::OkStatus();
    }
    case CatalogCall::kConstraintDef: {
      const CatalogConstraint* c = snapshot_.Constraint(oid);
      return c == nullptr ? absl::OkStatus() : Text(ConstraintDefinition(snapshot_, *c), out);
    }
    case CatalogCall::kIndexDef: {
      if (r == nullptr || r->kind != 'i') return absl::OkStatus();
      return Text(IndexDefinition(snapshot_, *r, count > 1 ? args[1].int_value() : 0,
                                  count > 2 && args[2].bool_value()),
                  out);
    }
    case CatalogCall::kViewDef:
      if (r == nullptr || r->kind != 'v' || r->table == nullptr) return absl::OkStatus();
      return Text(ViewSql(*r->table), out);
    case CatalogCall::kObjectComment:
      return ObjectComment(args, count, out);
    case CatalogCall::kColumnComment: {
      if (r == nullptr || r->table == nullptr) return absl::OkStatus();
      const int at = r->table->FindColumnId(static_cast<uint32_t>(args[1].int_value()));
      const std::string comment = at < 0 ? "" : CommentOf(*r->table, static_cast<uint32_t>(at));
      return comment.empty() ? absl::OkStatus() : Text(comment, out);
    }
    case CatalogCall::kSerialSequence:
      return SerialSequence(args, out);
    case CatalogCall::kFunctionResult: {
      const CatalogFunction* f = FunctionOf(oid);
      return f == nullptr ? absl::OkStatus() : Text(TypeList({f->result}), out);
    }
    case CatalogCall::kFunctionArguments: {
      const CatalogFunction* f = FunctionOf(oid);
      return f == nullptr ? absl::OkStatus() : Text(TypeList(f->args), out);
    }
    case CatalogCall::kSchemaPrivilege:
    case CatalogCall::kTablePrivilege:
    case CatalogCall::kSequencePrivilege:
    case CatalogCall::kDatabasePrivilege:
    case CatalogCall::kRolePrivilege:
      return Privilege(call, args, count, out);
    case CatalogCall::kRoleName: {
      const std::optional<uint64_t> role = RoleOfOid(snapshot_.roles(), oid);
      return Text(role.has_value() ? snapshot_.roles().NameOf(*role)
                                   : absl::StrCat("unknown (OID=", oid, ")"),
                  out);
    }
    case CatalogCall::kDefaultAcl:
      return DefaultRights(args, out);
  }
  return absl::OkStatus();
}

}  // namespace isochron::sql
