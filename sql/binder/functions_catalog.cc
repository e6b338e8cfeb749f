// SPDX-License-Identifier: Apache-2.0
//
// Functions that ask the catalog or the session, names and what goes with them, and the casts of
// the catalog's types.
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/binder/catalog_reader.h"
#include "sql/binder/functions.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}
absl::Status Bool(bool v, Datum* out) {
  *out = Datum::Bool(v);
  return absl::OkStatus();
}
absl::Status Nothing(Ctx, const Datum*, size_t, Datum*) { return absl::OkStatus(); }
absl::Status True(Ctx, const Datum*, size_t, Datum* out) { return Bool(true, out); }
absl::Status False(Ctx, const Datum*, size_t, Datum* out) { return Bool(false, out); }
absl::Status Zero(Ctx, const Datum*, size_t, Datum* out) {
  *out = Datum::Int(0);
  return absl::OkStatus();
}

absl::Status NoCatalog() {
  return SqlError(sqlstate::kUnsupported, "the catalog cannot be asked here");
}

template <CatalogCall kCall>
absl::Status Ask(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  if (ctx.catalog == nullptr) return NoCatalog();
  return ctx.catalog->Call(kCall, a, n, out);
}

template <Type kType>
absl::Status ToReg(Ctx ctx, const Datum* a, size_t, Datum* out) {
  if (ctx.catalog == nullptr) return NoCatalog();
  auto oid = ctx.catalog->OidOfName(kType, a[0].string_value());
  if (oid.ok()) *out = NamedOid(*oid, ctx.catalog->NameOfOid(kType, *oid));
  return absl::OkStatus();
}

// Types that only signatures have.
const char* PseudoType(int32_t oid) {
  constexpr std::pair<int32_t, const char*> kNames[] = {
      {2249, "record"},        {2275, "cstring"},
      {2276, "\"any\""},       {2277, "anyarray"},
      {2278, "void"},          {2279, "trigger"},
      {2281, "internal"},      {2283, "anyelement"},
      {2287, "record[]"},      {2776, "anynonarray"},
      {3500, "anyenum"},       {3831, "anyrange"},
      {5077, "anycompatible"}, {5078, "anycompatiblearray"},
  };
  for (const auto& [number, name] : kNames) {
    if (number == oid) return name;
  }
  return "???";
}

absl::Status FormatType(Ctx ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  const auto oid = static_cast<int32_t>(a[0].int_value());
  const Type type = TypeFromOid(oid);
  if (oid == 0) return Text("-", out);
  if (type == Type::kUnknown && ctx.catalog != nullptr) {
    std::string made = ctx.catalog->NameOfOid(Type::kRegtype, oid);
    if (made != absl::StrCat(oid)) return Text(std::move(made), out);
  }
  if (type == Type::kUnknown) return Text(oid == OidOf(type) ? "unknown" : PseudoType(oid), out);
  const bool plain = a[1].is_null();
  return Text(TypeNameWithModifier(type, plain ? -1 : static_cast<int32_t>(a[1].int_value())), out);
}

absl::Status NoText(Ctx, const Datum*, size_t, Datum* out) {
  *out = Datum::Null();
  return absl::OkStatus();
}

absl::Status Expression(Ctx, const Datum* a, size_t, Datum* out) {
  *out = a[0];
  return absl::OkStatus();
}
absl::Status EncodingName(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(a[0].int_value() == 6 ? "UTF8" : "", out);
}
absl::Status EncodingNumber(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string name = absl::AsciiStrToUpper(a[0].string_value());
  *out = Datum::Int(name == "UTF8" || name == "UTF-8" || name == "UNICODE" ? 6 : -1);
  return absl::OkStatus();
}
absl::Status ClientEncoding(Ctx, const Datum*, size_t, Datum* out) { return Text("UTF8", out); }

absl::Status QuoteIdent(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(QuoteIfNeeded(a[0].string_value()), out);
}
absl::Status QuoteValue(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(QuoteLiteral(a[0].string_value()), out);
}
absl::Status QuoteNullable(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  return a[0].is_null() ? Text("NULL", out) : QuoteValue(ctx, a, n, out);
}
absl::Status NameSubscript(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string& name = a[0].string_value();
  const int64_t at = a[1].int_value();
  if (at < 0 || at > 63) return absl::OkStatus();
  return Text(static_cast<size_t>(at) < name.size() ? name.substr(static_cast<size_t>(at), 1) : "",
              out);
}

absl::Status SizePretty(Ctx, const Datum* a, size_t, Datum* out) {
  static constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  int64_t size = a[0].int_value();
  const bool negative = size < 0;
  uint64_t v = negative ? 0 - static_cast<uint64_t>(size) : static_cast<uint64_t>(size);
  size_t unit = 0;
  // A unit is left when its number would have more than five digits; halves go up.
  bool half = false;
  while (v >= 10240 * (unit == 0 ? 1u : 2u) - (unit == 0 ? 0u : 1u) && unit + 1 < 6) {
    if (unit == 0) {
      v >>= 9;
    } else {
      v >>= 10;
    }
    half = true;
    ++unit;
  }
  if (half) v = (v + 1) >> 1;
  return Text(absl::StrCat(negative ? "-" : "", v, " ", kUnits[unit]), out);
}

absl::Status Setting(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  if (ctx.session == nullptr) return NoCatalog();
  if (std::optional<std::string> value = ctx.session->Setting(name)) return Text(*value, out);
  if (n > 1 && a[1].bool_value()) return absl::OkStatus();
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("unrecognized configuration parameter \"", name, "\""));
}
absl::Status SetConfig(Ctx ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null()) {
    return SqlError("22004", "SET requires parameter name");
  }
  if (ctx.session == nullptr) return NoCatalog();
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  const bool local = !a[2].is_null() && a[2].bool_value();
  ISO_RETURN_IF_ERROR(
      ctx.session->SetSetting(name, a[1].is_null() ? "" : a[1].string_value(), local));
  return Text(ctx.session->Setting(name).value_or(""), out);
}
absl::Status BackendPid(Ctx ctx, const Datum*, size_t, Datum* out) {
  if (ctx.session == nullptr) return NoCatalog();
  *out = Datum::Int(static_cast<int64_t>(ctx.session->id()));
  return absl::OkStatus();
}
absl::Status Schemas(Ctx ctx, const Datum* a, size_t, Datum* out) {
  if (ctx.session == nullptr) return NoCatalog();
  std::vector<Datum> names;
  if (a[0].bool_value()) names.push_back(Datum::String("pg_catalog"));
  for (const std::string& schema : ctx.session->Path()) names.push_back(Datum::String(schema));
  *out = ArrayDatum(MakeVector(std::move(names)));
  return absl::OkStatus();
}

absl::Status NoTransactionIds(Ctx, const Datum*, size_t, Datum*) {
  return SqlError(sqlstate::kUnsupported, "transactions have no numbers here", -1,
                  "SHOW spanner.commit_timestamp tells when one was committed.");
}

template <Type kType>
absl::Status TypeOf(Ctx, const Datum*, size_t, Datum* out) {
  *out = NamedOid(OidOf(kType), std::string(TypeName(kType)));
  return absl::OkStatus();
}

#define ISO_COMPARE(NAME, OP)                                  \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) { \
    return Bool(CompareDatums(a[0], a[1]) OP 0, out);          \
  }
ISO_COMPARE(Eq, ==)
ISO_COMPARE(Ne, !=)
ISO_COMPARE(Lt, <)
ISO_COMPARE(Le, <=)
ISO_COMPARE(Gt, >)
ISO_COMPARE(Ge, >=)
#undef ISO_COMPARE

// Functions of the catalog, by the type of what they are asked about.
void AddAsking(std::vector<Function>* out) {
  constexpr Type kO = Type::kOid, kT = Type::kText, kB = Type::kBool, kI = Type::kInt4,
                 kN = Type::kName;
  const std::vector<Function> asking = {
      {"pg_table_is_visible", {kO}, kB, Ask<CatalogCall::kVisible>},
      {"format_type", {kO, Type::kInt4}, kT, FormatType, false},
      {"pg_type_is_visible", {kO}, kB, Ask<CatalogCall::kTypeVisible>},
      {"pg_get_constraintdef", {kO}, kT, Ask<CatalogCall::kConstraintDef>},
      {"pg_get_constraintdef", {kO, kB}, kT, Ask<CatalogCall::kConstraintDef>},
      {"pg_get_indexdef", {kO}, kT, Ask<CatalogCall::kIndexDef>},
      {"pg_get_indexdef", {kO, kI, kB}, kT, Ask<CatalogCall::kIndexDef>},
      {"pg_get_viewdef", {kO}, kT, Ask<CatalogCall::kViewDef>},
      {"pg_get_viewdef", {kO, kB}, kT, Ask<CatalogCall::kViewDef>},
      {"pg_get_viewdef", {kO, kI}, kT, Ask<CatalogCall::kViewDef>},
      {"obj_description", {kO, kN}, kT, Ask<CatalogCall::kObjectComment>},
      {"obj_description", {kO}, kT, Ask<CatalogCall::kObjectComment>},
      {"shobj_description", {kO, kN}, kT, Ask<CatalogCall::kObjectComment>},
      {"col_description", {kO, kI}, kT, Ask<CatalogCall::kColumnComment>},
      {"pg_get_serial_sequence", {kT, kT}, kT, Ask<CatalogCall::kSerialSequence>},
      {"pg_get_function_result", {kO}, kT, Ask<CatalogCall::kFunctionResult>},
      {"pg_get_function_arguments", {kO}, kT, Ask<CatalogCall::kFunctionArguments>},
      {"pg_get_function_identity_arguments", {kO}, kT, Ask<CatalogCall::kFunctionArguments>},
  };
  out->insert(out->end(), asking.begin(), asking.end());
  for (const auto& [name, call] :
       {std::pair<const char*, EvalFn>{"has_table_privilege", Ask<CatalogCall::kTablePrivilege>},
        std::pair<const char*, EvalFn>{"has_any_column_privilege",
                                       Ask<CatalogCall::kTablePrivilege>},
        std::pair<const char*, EvalFn>{"has_sequence_privilege",
                                       Ask<CatalogCall::kSequencePrivilege>},
        std::pair<const char*, EvalFn>{"has_database_privilege",
                                       Ask<CatalogCall::kDatabasePrivilege>},
        std::pair<const char*, EvalFn>{"pg_has_role", Ask<CatalogCall::kRolePrivilege>},
        std::pair<const char*, EvalFn>{"has_schema_privilege",
                                       Ask<CatalogCall::kSchemaPrivilege>}}) {
    out->push_back({name, {kT, kT}, kB, call});
    out->push_back({name, {kO, kT}, kB, call});
    out->push_back({name, {kN, kT, kT}, kB, call});
    out->push_back({name, {kN, kO, kT}, kB, call});
    out->push_back({name, {kO, kT, kT}, kB, call});
    out->push_back({name, {kO, kO, kT}, kB, call});
  }
  out->push_back({"pg_get_userbyid", {kO}, kN, Ask<CatalogCall::kRoleName>});
  out->push_back({"acldefault", {Type::kChar, kO}, ArrayOf(kT), Ask<CatalogCall::kDefaultAcl>});
  out->push_back({"to_regclass", {kT}, Type::kRegclass, ToReg<Type::kRegclass>});
  out->push_back({"to_regtype", {kT}, Type::kRegtype, ToReg<Type::kRegtype>});
  out->push_back({"to_regproc", {kT}, Type::kRegproc, ToReg<Type::kRegproc>});
  out->push_back({"to_regnamespace", {kT}, Type::kRegnamespace, ToReg<Type::kRegnamespace>});
}

// Answers that do not depend on any object.
void AddPlain(std::vector<Function>* out) {
  constexpr Type kO = Type::kOid, kT = Type::kText, kB = Type::kBool, kI = Type::kInt4,
                 kI8 = Type::kInt8, kN = Type::kName, kC = Type::kChar;
  const std::vector<Function> plain = {
      // No function has a body in SQL, nor any that is shown.
      {"pg_get_function_sqlbody", {kO}, kT, NoText},
      {"pg_get_expr", {kT, kO}, kT, Expression},
      {"pg_get_expr", {kT, kO, kB}, kT, Expression},
      {"pg_encoding_to_char", {kI}, kN, EncodingName},
      {"pg_char_to_encoding", {kN}, kI, EncodingNumber},
      {"pg_client_encoding", {}, kN, ClientEncoding},
      {"getdatabaseencoding", {}, kN, ClientEncoding},
      {"quote_ident", {kT}, kT, QuoteIdent},
      {"quote_literal", {kT}, kT, QuoteValue},
      {"quote_nullable", {kT}, kT, QuoteNullable, false},
      {"name_subscript", {kT, kI}, kC, NameSubscript},
      {"pg_size_pretty", {kI8}, kT, SizePretty},
      {"current_setting", {kT}, kT, Setting},
      {"current_setting", {kT, kB}, kT, Setting},
      {"current_schemas", {kB}, ArrayOf(kN), Schemas},
      // There is nothing of these kinds.
      {"pg_is_in_recovery", {}, kB, False},
      {"pg_relation_is_publishable", {kO}, kB, True},
      {"pg_is_other_temp_schema", {kO}, kB, False},
      {"pg_my_temp_schema", {}, kO, Zero},
      {"row_security_active", {kO}, kB, False},
      {"pg_get_triggerdef", {kO}, kT, Nothing},
      {"pg_get_triggerdef", {kO, kB}, kT, Nothing},
      {"pg_get_ruledef", {kO}, kT, Nothing},
      {"pg_get_ruledef", {kO, kB}, kT, Nothing},
      {"pg_get_statisticsobjdef", {kO}, kT, Nothing},
      {"pg_get_statisticsobjdef_columns", {kO}, kT, Nothing},
      {"pg_get_partkeydef", {kO}, kT, Nothing},
      {"pg_get_partition_constraintdef", {kO}, kT, Nothing},
      {"pg_tablespace_location", {kO}, kT, Nothing},
      // Not known: the store counts no bytes by table.
      {"pg_relation_size", {kO}, kI8, Nothing},
      {"pg_relation_size", {kO, kT}, kI8, Nothing},
      {"pg_table_size", {kO}, kI8, Nothing},
      {"pg_indexes_size", {kO}, kI8, Nothing},
      {"pg_total_relation_size", {kO}, kI8, Nothing},
      {"pg_database_size", {kN}, kI8, Nothing},
      {"pg_database_size", {kO}, kI8, Nothing},
      {"inet_server_addr", {}, kT, Nothing},
      {"inet_server_port", {}, kI, Nothing},
      {"inet_client_addr", {}, kT, Nothing},
      {"inet_client_port", {}, kI, Nothing},
  };
  out->insert(out->end(), plain.begin(), plain.end());
  for (const char* name :
       {"pg_function_is_visible", "pg_operator_is_visible", "pg_opclass_is_visible",
        "pg_opfamily_is_visible", "pg_collation_is_visible", "pg_conversion_is_visible",
        "pg_statistics_obj_is_visible", "pg_ts_dict_is_visible", "pg_ts_config_is_visible",
        "pg_ts_parser_is_visible", "pg_ts_template_is_visible"}) {
    out->push_back({name, {kO}, kB, True});
  }
  // There is one user, who may do anything.
  for (const char* name : {"has_function_privilege", "has_language_privilege", "has_type_privilege",
                           "has_tablespace_privilege"}) {
    out->push_back({name, {kT, kT}, kB, True});
    out->push_back({name, {kO, kT}, kB, True});
    out->push_back({name, {kN, kT, kT}, kB, True});
    out->push_back({name, {kN, kO, kT}, kB, True});
    out->push_back({name, {kO, kO, kT}, kB, True});
  }
}

}  // namespace

absl::Status CastReg(const EvalContext& ctx, Type from, Type to, const Datum& in, Datum* out) {
  *out = Datum::Null();
  if (in.is_null()) return absl::OkStatus();
  if (IsRegType(to) && in.shape() == Datum::Shape::kString) {
    int64_t oid;
    if (!OidFromDigits(in.string_value(), &oid)) {
      if (ctx.catalog == nullptr) return NoCatalog();
      ISO_ASSIGN_OR_RETURN(oid, ctx.catalog->OidOfName(to, in.string_value()));
    }
    *out = NamedOid(oid, ctx.catalog == nullptr ? "" : ctx.catalog->NameOfOid(to, oid));
    return absl::OkStatus();
  }
  if (IsRegType(to)) {
    const int64_t oid = in.int_value() < 0 ? in.int_value() + (int64_t{1} << 32) : in.int_value();
    *out = NamedOid(oid, ctx.catalog == nullptr ? "" : ctx.catalog->NameOfOid(to, oid));
    return absl::OkStatus();
  }
  if (CategoryOf(to) == 'S') {
    const bool named = !in.string_value().empty() || ctx.catalog == nullptr || in.int_value() == 0;
    *out = Datum::String(named ? CatalogTypeToText(from, in)
                               : ctx.catalog->NameOfOid(from, in.int_value()));
    return absl::OkStatus();
  }
  return CastDatum(from, to, Datum::Int(in.int_value()), out);
}

namespace function_groups {

void AddCatalog(std::vector<Function>* out) {
  const size_t first = out->size();
  AddAsking(out);
  constexpr Type kT = Type::kText, kB = Type::kBool, kI = Type::kInt4;
  out->push_back({"set_config", {kT, kT, kB}, kT, SetConfig, false});
  out->push_back({"pg_backend_pid", {}, kI, BackendPid});
  for (size_t i = first; i < out->size(); ++i) (*out)[i].asks_catalog = true;
  AddPlain(out);
  out->push_back({"txid_current", {}, Type::kInt8, NoTransactionIds});
  out->push_back({"pg_current_xact_id", {}, Type::kXid, NoTransactionIds});
  struct Comparison {
    const char* name;
    EvalFn fn;
  };
  for (const Comparison& c : {Comparison{"=", Eq}, Comparison{"<>", Ne}, Comparison{"<", Lt},
                              Comparison{"<=", Le}, Comparison{">", Gt}, Comparison{">=", Ge}}) {
    for (Type t : {Type::kOid, Type::kName, Type::kChar})
      out->push_back({c.name, {t, t}, kB, c.fn});
    out->push_back({c.name, {Type::kName, kT}, kB, c.fn});
    out->push_back({c.name, {kT, Type::kName}, kB, c.fn});
  }
  out->push_back({"=", {Type::kXid, Type::kXid}, kB, Eq});
  out->push_back({"<>", {Type::kXid, Type::kXid}, kB, Ne});
  out->push_back({"=", {Type::kOidVector, Type::kOidVector}, kB, Eq});
}

}  // namespace function_groups

namespace {

absl::Status IntToOid(const Datum& in, Datum* out) {
  const int64_t v = in.int_value();
  if (v < -(int64_t{1} << 31) || v >= int64_t{1} << 32) {
    return SqlError(sqlstate::kValueOutOfRange, "OID out of range");
  }
  *out = Datum::Int(v < 0 ? v + (int64_t{1} << 32) : v);
  return absl::OkStatus();
}
absl::Status OidToInt4(const Datum& in, Datum* out) {
  *out = Datum::Int(static_cast<int32_t>(static_cast<uint32_t>(in.int_value())));
  return absl::OkStatus();
}
absl::Status Strip(const Datum& in, Datum* out) {
  *out = Datum::Int(in.int_value());
  return absl::OkStatus();
}
absl::Status TextToName(const Datum& in, Datum* out) {
  *out = Datum::String(CutName(in.string_value()));
  return absl::OkStatus();
}
absl::Status TextToChar(const Datum& in, Datum* out) {
  *out = Datum::String(in.string_value().substr(0, 1));
  return absl::OkStatus();
}

}  // namespace

namespace cast_groups {

void AddCatalog(std::vector<Cast>* out) {
  constexpr CastContext kI = CastContext::kImplicit, kA = CastContext::kAssignment;
  constexpr Type kOid = Type::kOid, kText = Type::kText;
  for (Type i : {Type::kInt2, Type::kInt4, Type::kInt8}) out->push_back({i, kOid, kI, IntToOid});
  out->push_back({kOid, Type::kInt8, kA, nullptr});
  out->push_back({kOid, Type::kInt4, kA, OidToInt4});
  for (Type reg : {Type::kRegclass, Type::kRegtype, Type::kRegproc, Type::kRegnamespace}) {
    out->push_back({kOid, reg, kI, Strip});
    out->push_back({reg, kOid, kI, Strip});
    for (Type i : {Type::kInt2, Type::kInt4, Type::kInt8}) out->push_back({i, reg, kI, IntToOid});
    out->push_back({reg, Type::kInt8, kA, Strip});
    out->push_back({reg, Type::kInt4, kA, OidToInt4});
  }
  out->push_back({kText, Type::kName, kI, TextToName});
  out->push_back({Type::kVarchar, Type::kName, kI, TextToName});
  out->push_back({Type::kName, kText, kI, nullptr});
  out->push_back({Type::kName, Type::kVarchar, kA, nullptr});
  out->push_back({Type::kChar, kText, kI, nullptr});
  out->push_back({kText, Type::kChar, kA, TextToChar});
}

}  // namespace cast_groups

}  // namespace isochron::sql
