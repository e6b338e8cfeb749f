// SPDX-License-Identifier: Apache-2.0
//
// The schemas of the tables in a query's text.
#include <pg_query.h>

#include <set>

#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/parser/parser.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Calls `visit` for every message within `message`, itself too.
template <typename Visit>
void Walk(Message* message, const Visit& visit) {
  visit(message);
  const google::protobuf::Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      Walk(reflection->MutableMessage(message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      Walk(reflection->MutableRepeatedMessage(message, field, i), visit);
    }
  }
}

bool Read(const PgQueryProtobuf& bytes, convert::pg::ParseResult* tree) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data),
                                            static_cast<int>(bytes.len));
  in.SetRecursionLimit(4000);
  return tree->ParseFromCodedStream(&in);
}

}  // namespace

absl::StatusOr<std::string> QualifyTables(const std::string& query,
                                          const std::map<std::string, std::string>& schemas) {
  const PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(query.c_str());
  convert::pg::ParseResult tree;
  const bool ok = parsed.error == nullptr && Read(parsed.parse_tree, &tree);
  pg_query_free_protobuf_parse_result(parsed);
  if (!ok || tree.stmts_size() != 1) {
    return SqlError(sqlstate::kInternal, "the text of a query cannot be read again");
  }
  std::set<std::string> ctes;
  Walk(&tree, [&ctes](Message* m) {
    if (auto* cte = dynamic_cast<convert::pg::CommonTableExpr*>(m)) ctes.insert(cte->ctename());
  });
  Walk(&tree, [&](Message* m) {
    if (auto* type = dynamic_cast<convert::pg::TypeName*>(m); type != nullptr) {
      if (type->names_size() != 1) return;
      auto it = schemas.find(type->names(0).string().sval());
      if (it == schemas.end()) return;
      *type->add_names() = type->names(0);
      type->mutable_names(0)->mutable_string()->set_sval(it->second);
      return;
    }
    auto* range = dynamic_cast<convert::pg::RangeVar*>(m);
    if (range == nullptr || !range->schemaname().empty() || ctes.contains(range->relname())) return;
    auto it = schemas.find(range->relname());
    if (it != schemas.end()) range->set_schemaname(it->second);
  });
  return convert::DeparseQuery(tree.stmts(0).stmt());
}

}  // namespace isochron::sql
