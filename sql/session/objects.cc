// SPDX-License-Identifier: Apache-2.0
//
// Statements about sequences, and the small ones that drivers and pg_dump send.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/ast_objects.h"
#include "sql/planner/planner.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/schema_edits.h"
#include "sql/session/session_impl.h"
#include "sql/session/session_names.h"

namespace isochron::sql {
namespace {

std::string TagOf(const ast::ObjectStatement& object) {
  struct Tag {
    std::string operator()(const ast::CreateSequence&) const { return "CREATE SEQUENCE"; }
    std::string operator()(const ast::AlterSequence&) const { return "ALTER SEQUENCE"; }
    std::string operator()(const ast::DropObjects& d) const {
      return d.kind == ast::ObjectKind::kView ? "DROP VIEW" : "DROP SEQUENCE";
    }
    std::string operator()(const ast::CreateView&) const { return "CREATE VIEW"; }
    std::string operator()(const ast::CreateTableAs&) const { return "CREATE TABLE AS"; }
    std::string operator()(const ast::Truncate&) const { return "TRUNCATE TABLE"; }
    std::string operator()(const ast::Comment&) const { return "COMMENT"; }
    std::string operator()(const ast::Discard& d) const {
      return d.kind == ast::DiscardKind::kAll         ? "DISCARD ALL"
             : d.kind == ast::DiscardKind::kPlans     ? "DISCARD PLANS"
             : d.kind == ast::DiscardKind::kSequences ? "DISCARD SEQUENCES"
                                                      : "DISCARD TEMP";
    }
    std::string operator()(const ast::LockTable&) const { return "LOCK TABLE"; }
    std::string operator()(const ast::Maintain& m) const { return m.tag; }
    std::string operator()(const ast::Accepted& a) const { return a.tag; }
    std::string operator()(const ast::SessionPtr&) const { return ""; }
    std::string operator()(const ast::NamesPtr&) const { return ""; }
    std::string operator()(const ast::TypePtr&) const { return ""; }
    std::string operator()(const ast::RolePtr&) const { return ""; }
    std::string operator()(const ast::DatabasePtr& d) const {
      return std::holds_alternative<ast::CreateDatabase>(d->node)      ? "CREATE DATABASE"
             : std::holds_alternative<ast::DropDatabase>(d->node)      ? "DROP DATABASE"
             : std::holds_alternative<ast::CommentOnDatabase>(d->node) ? "COMMENT"
                                                                       : "ALTER DATABASE";
    }
  };
  return std::visit(Tag(), object.node);
}

}  // namespace

absl::Status NotASequence(const std::string& name) {
  return SqlError(sqlstate::kWrongObjectType, absl::StrCat("\"", name, "\" is not a sequence"));
}

bool ChangesSchema(const ast::ObjectStatement& object) {
  return !std::holds_alternative<ast::CreateTableAs>(object.node) &&
         !std::holds_alternative<ast::SessionPtr>(object.node) &&
         !std::holds_alternative<ast::Discard>(object.node) &&
         !std::holds_alternative<ast::LockTable>(object.node) &&
         !std::holds_alternative<ast::Maintain>(object.node) &&
         !std::holds_alternative<ast::Accepted>(object.node);
}

absl::StatusOr<StatementResult> RunObjectInside(const ast::ObjectStatement& object) {
  StatementResult result;
  result.tag = TagOf(object);
  const auto* maintain = std::get_if<ast::Maintain>(&object.node);
  if ((maintain != nullptr && maintain->tag == "ANALYZE") ||
      std::holds_alternative<ast::LockTable>(object.node) ||
      std::holds_alternative<ast::Accepted>(object.node)) {
    return result;
  }
  return SqlError(sqlstate::kActiveTransaction,
                  absl::StrCat(result.tag, " cannot run inside a transaction block"));
}

Task<SessionImpl::Result> SessionImpl::Object(Ctx ctx, const ast::ObjectStatement* object,
                                              ResultSink* sink) {
  if (const auto* create = std::get_if<ast::CreateSequence>(&object->node)) {
    co_return co_await CreateSequence(ctx, create);
  }
  if (const auto* alter = std::get_if<ast::AlterSequence>(&object->node)) {
    co_return co_await AlterSequence(ctx, alter);
  }
  if (const auto* comment = std::get_if<ast::Comment>(&object->node)) {
    co_return co_await Comment(ctx, comment);
  }
  if (const auto* as = std::get_if<ast::CreateTableAs>(&object->node)) {
    co_return co_await CreateTableAs(ctx, as, sink);
  }
  if (const auto* view = std::get_if<ast::CreateView>(&object->node)) {
    co_return co_await CreateView(ctx, view);
  }
  if (const auto* drop = std::get_if<ast::DropObjects>(&object->node)) {
    co_return co_await Drop(
        ctx, drop->names,
        drop->kind == ast::ObjectKind::kView ? RelationKind::kView : RelationKind::kSequence,
        drop->if_exists, drop->cascade);
  }
  if (const auto* database = std::get_if<ast::DatabasePtr>(&object->node)) {
    co_return co_await Database(ctx, database->get());
  }
  StatementResult result;
  result.tag = TagOf(*object);
  if (std::holds_alternative<ast::Accepted>(object->node)) co_return result;
  if (const auto* maintain = std::get_if<ast::Maintain>(&object->node)) {
    for (const ast::TableName& name : maintain->tables) {
      if (!VirtualSchemaOf(name).empty()) continue;
      ISO_CO_RETURN_IF_ERROR((co_await engine_->catalog().Resolve(ctx, FullNameOf(name))).status());
    }
    co_return result;
  }
  if (const auto* discard = std::get_if<ast::Discard>(&object->node)) {
    if (discard->kind == ast::DiscardKind::kAll) {
      settings_->ResetAll();
      settings_->SetWho({settings_->who().login, settings_->who().login, std::nullopt});
      ISO_CO_RETURN_IF_ERROR(co_await engine_->advisory().UnlockAll(ctx, id_));
      settings_->names()->held.clear();
      settings_->names()->statements.CloseAll();
    }
    if (discard->kind == ast::DiscardKind::kAll || discard->kind == ast::DiscardKind::kSequences) {
      settings_->sequences() = SequenceMemory();
    }
    co_return result;
  }
  if (std::holds_alternative<ast::LockTable>(object->node)) {
    co_return SqlError(sqlstate::kNoActiveTransaction,
                       "LOCK TABLE can only be used in transaction blocks");
  }
  co_return SqlError(sqlstate::kUnsupported, absl::StrCat(result.tag, " is not supported yet"), -1,
                     "docs/reference/sql.md lists what is.");
}

std::string OwnerName(const std::vector<std::string>& owner, const TableDescriptor& sequence) {
  return FullName(owner.size() > 2 ? owner[owner.size() - 3] : sequence.schema,
                  owner[owner.size() - 2]);
}

absl::Status OwnSequence(const std::vector<std::string>& owner, const TablePtr& table,
                         TableDescriptor* sequence) {
  sequence->owner_table = TableId();
  sequence->owner_column = 0;
  if (owner.empty()) return absl::OkStatus();
  if (owner.size() < 2) {
    return SqlError(sqlstate::kSyntaxError, "invalid OWNED BY option", -1,
                    "Specify OWNED BY table.column or OWNED BY NONE.");
  }
  const int column = table->FindColumn(owner.back());
  if (column < 0) {
    return SqlError(sqlstate::kUndefinedColumn,
                    absl::StrCat("column \"", owner.back(), "\" of relation \"",
                                 table->local_name(), "\" does not exist"));
  }
  sequence->owner_table = table->id;
  sequence->owner_column = table->columns[static_cast<size_t>(column)].id;
  return absl::OkStatus();
}

Task<absl::Status> SessionImpl::SetOwner(Ctx ctx, std::vector<std::string> owner,
                                         TableDescriptor* sequence) {
  TablePtr table;
  if (owner.size() >= 2) {
    ISO_CO_ASSIGN_OR_RETURN(table,
                            co_await engine_->catalog().Resolve(ctx, OwnerName(owner, *sequence)));
  }
  co_return OwnSequence(owner, table, sequence);
}

Task<SessionImpl::Result> SessionImpl::CreateSequence(Ctx ctx, const ast::CreateSequence* create) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor sequence,
                          DefineSequence(FullNameOf(create->name), create->options, Type::kInt8));
  ISO_CO_RETURN_IF_ERROR(co_await SetOwner(ctx, create->options.owner, &sequence));
  sequence.owner = settings_->acting().role;
  txn::CommitResult commit;
  ISO_CO_ASSIGN_OR_RETURN(bool made, co_await engine_->catalog().Create(
                                         ctx, std::move(sequence), create->if_not_exists, &commit));
  StatementResult result;
  result.tag = "CREATE SEQUENCE";
  if (made) {
    result.commit_timestamp = commit.commit_timestamp;
    settings_->SetCommitTimestamp(commit.commit_timestamp);
  } else {
    result.notices.push_back(
        {"NOTICE", sqlstate::kDuplicateTable,
         absl::StrCat("relation \"", create->name.name, "\" already exists, skipping")});
  }
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::AlterSequence(Ctx ctx, const ast::AlterSequence* alter) {
  StatementResult result;
  result.tag = "ALTER SEQUENCE";
  auto found = co_await engine_->catalog().Resolve(ctx, FullNameOf(alter->name));
  if (!found.ok() && SqlStateOf(found.status()) == sqlstate::kUndefinedTable && alter->if_exists) {
    result.notices.push_back(
        {"NOTICE", "00000",
         absl::StrCat("relation \"", alter->name.name, "\" does not exist, skipping")});
    co_return result;
  }
  if (!found.ok()) co_return found.status();
  const TablePtr sequence = *std::move(found);
  if (sequence->kind != RelationKind::kSequence) co_return NotASequence(alter->name.name);
  SequenceOptions options = sequence->sequence;
  ISO_CO_RETURN_IF_ERROR(ChangeSequence(alter->options, &options));
  if (!(options == sequence->sequence)) {
    co_return SqlError(sqlstate::kUnsupported,
                       "ALTER SEQUENCE is not supported yet, but for RESTART and OWNED BY");
  }
  if (alter->options.owned) {
    TableDescriptor owned = *sequence;
    ISO_CO_RETURN_IF_ERROR(co_await SetOwner(ctx, alter->options.owner, &owned));
    txn::CommitResult commit;
    ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().Annotate(
        ctx, sequence->name,
        [&owned](TableDescriptor* t) {
          t->owner_table = owned.owner_table;
          t->owner_column = owned.owner_column;
          return absl::OkStatus();
        },
        &commit));
  }
  if (alter->options.restart) {
    const int64_t value = alter->options.restart_with.value_or(options.start);
    if (value < options.min || value > options.max) {
      co_return SqlError(
          sqlstate::kInvalidParameter,
          value < options.min
              ? absl::StrCat("RESTART value (", value, ") cannot be less than MINVALUE (",
                             options.min, ")")
              : absl::StrCat("RESTART value (", value, ") cannot be greater than MAXVALUE (",
                             options.max, ")"));
    }
    ISO_CO_RETURN_IF_ERROR(co_await engine_->sequences().Set(ctx, sequence, value, false));
  }
  co_return result;
}

}  // namespace isochron::sql
