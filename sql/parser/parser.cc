// SPDX-License-Identifier: Apache-2.0
#include "sql/parser/parser.h"

#include <pg_query.h>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/parser/length.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// The byte offset of the character at 1-based `position`.
int ByteOffset(absl::string_view text, int position) {
  int characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && ++characters == position) {
      return static_cast<int>(i);
    }
  }
  return static_cast<int>(text.size());
}

absl::Status SyntaxError(absl::string_view text, const PgQueryError& error) {
  const std::string message = error.message ? error.message : "syntax error";
  if (message.find("stack depth") != std::string::npos) {
    return SqlError("54001", "the statement is nested too deeply");
  }
  return SqlError(sqlstate::kSyntaxError, message,
                  error.cursorpos > 0 ? ByteOffset(text, error.cursorpos) : -1);
}

// Frees the library's result at the end of the scope.
struct ParseGuard {
  explicit ParseGuard(const char* text) : result(pg_query_parse_protobuf(text)) {}
  ~ParseGuard() { pg_query_free_protobuf_parse_result(result); }
  PgQueryProtobufParseResult result;
};

}  // namespace

absl::StatusOr<std::vector<ast::Statement>> Parse(absl::string_view text) {
  if (text.find('\0') != absl::string_view::npos) {
    return SqlError(sqlstate::kSyntaxError, "a statement cannot hold a zero byte",
                    static_cast<int>(text.find('\0')));
  }
  if (const size_t words = CountWords(text); words > kMaxWords) {
    return SqlError(
        sqlstate::kProgramLimit,
        absl::StrCat("the text has ", words, " words and signs, at most ", kMaxWords, " are taken"),
        -1, "Send it in parts, as parameters, or by COPY.");
  }
  std::string owned(text);
  // A word of Spanner's PostgreSQL dialect, which PostgreSQL's grammar does not have: among a
  // sequence's options it goes as one that only pg_dump writes.
  ReplaceWord("BIT_REVERSED_POSITIVE", "SEQUENCE NAME bit_rev", &owned);
  ParseGuard guard(owned.c_str());
  if (guard.result.error != nullptr) return SyntaxError(text, *guard.result.error);
  pg_query::ParseResult tree;
  google::protobuf::io::CodedInputStream in(
      reinterpret_cast<const uint8_t*>(guard.result.parse_tree.data),
      static_cast<int>(guard.result.parse_tree.len));
  in.SetRecursionLimit(4000);
  if (!tree.ParseFromCodedStream(&in)) {
    return SqlError("54001", "the statement is nested too deeply");
  }
  std::vector<ast::Statement> out;
  for (const pg_query::RawStmt& raw : tree.stmts()) {
    convert::State state;
    ast::Statement statement;
    statement.position = raw.stmt_location();
    statement.length =
        raw.stmt_len() > 0 ? raw.stmt_len() : static_cast<int>(text.size()) - raw.stmt_location();
    state.text = text;
    state.begin = static_cast<size_t>(statement.position);
    state.length = static_cast<size_t>(statement.length);
    ISO_RETURN_IF_ERROR(convert::StatementNode(&state, raw.stmt(), &statement));
    statement.param_count = state.param_count;
    out.push_back(std::move(statement));
  }
  return out;
}

namespace {

// Tells columns by reflection: they may stand anywhere.
void RenameIn(google::protobuf::Message* message, const std::string& from, const std::string& to) {
  if (auto* column = dynamic_cast<pg_query::ColumnRef*>(message)) {
    pg_query::Node* last = column->mutable_fields(column->fields_size() - 1);
    if (last->has_string() && last->string().sval() == from) last->mutable_string()->set_sval(to);
    return;
  }
  const google::protobuf::Reflection* reflection = message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      RenameIn(reflection->MutableMessage(message, field), from, to);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      RenameIn(reflection->MutableRepeatedMessage(message, field, i), from, to);
    }
  }
}

bool Names(const google::protobuf::Message& message, const std::string& column) {
  if (const auto* name = dynamic_cast<const pg_query::String*>(&message)) {
    return name->sval() == column;
  }
  if (dynamic_cast<const pg_query::A_Star*>(&message) != nullptr) return true;
  const google::protobuf::Reflection* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (Names(reflection->GetMessage(message, field), column)) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (Names(reflection->GetRepeatedMessage(message, field, i), column)) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> MayNameColumn(const std::string& query, const std::string& column) {
  ParseGuard guard(query.c_str());
  if (guard.result.error != nullptr) return SyntaxError(query, *guard.result.error);
  pg_query::ParseResult tree;
  if (!tree.ParseFromArray(guard.result.parse_tree.data,
                           static_cast<int>(guard.result.parse_tree.len))) {
    return true;
  }
  return Names(tree, column);
}

absl::StatusOr<std::string> RenameColumnIn(const std::string& text, const std::string& from,
                                           const std::string& to) {
  const std::string query = absl::StrCat("SELECT ", text);
  ParseGuard guard(query.c_str());
  if (guard.result.error != nullptr) return SyntaxError(query, *guard.result.error);
  pg_query::ParseResult tree;
  if (!tree.ParseFromArray(guard.result.parse_tree.data,
                           static_cast<int>(guard.result.parse_tree.len)) ||
      tree.stmts_size() != 1) {
    return SqlError(sqlstate::kProgramLimit, "the expression is nested too deeply");
  }
  pg_query::Node* statement = tree.mutable_stmts(0)->mutable_stmt();
  if (statement->select_stmt().target_list_size() != 1) {
    return SqlError(sqlstate::kSyntaxError, "one expression is wanted here");
  }
  pg_query::Node* value =
      statement->mutable_select_stmt()->mutable_target_list(0)->mutable_res_target()->mutable_val();
  RenameIn(value, from, to);
  return convert::Deparse(*value);
}

absl::StatusOr<ast::ExprPtr> ParseExpression(absl::string_view text) {
  ISO_ASSIGN_OR_RETURN(std::vector<ast::Statement> parsed, Parse(absl::StrCat("SELECT ", text)));
  auto* select = parsed.size() == 1 ? std::get_if<ast::Select>(&parsed[0].node) : nullptr;
  if (select == nullptr || select->items.size() != 1 || !select->from.empty()) {
    return SqlError(sqlstate::kSyntaxError, "one expression is wanted here");
  }
  return std::move(select->items[0].expr);
}

}  // namespace isochron::sql
