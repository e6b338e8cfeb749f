// SPDX-License-Identifier: Apache-2.0
//
// COMMENT, and what TRUNCATE names.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/planner/planner.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {
namespace {

absl::Status Missing(const ast::TableName& name) {
  return SqlError(sqlstate::kUndefinedTable,
                  absl::StrCat("relation \"", name.name, "\" does not exist"), name.position);
}

absl::Status CommentOnPart(const std::string& name, bool index, const std::string& text,
                           TableDescriptor* t) {
  if (!t->has_hidden_key() && name == t->primary_key_name()) {
    t->SetPartComment(index, kPrimaryIndex, text);
    return absl::OkStatus();
  }
  if (const IndexDescriptor* found = t->FindIndex(name);
      found != nullptr && (index || found->constraint)) {
    t->SetPartComment(index, found->id, text);
    return absl::OkStatus();
  }
  if (const ForeignKey* key = t->FindForeignKey(name); key != nullptr && !index) {
    t->SetPartComment(false, key->id, text);
    return absl::OkStatus();
  }
  return SqlError(sqlstate::kUndefinedObject, absl::StrCat("constraint \"", name, "\" for table \"",
                                                           t->local_name(), "\" does not exist"));
}

}  // namespace

absl::Status SetComment(const ast::Comment& comment, TableDescriptor* t) {
  const std::string text = comment.text.value_or("");
  const auto wrong = [t](absl::string_view what) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("\"", t->local_name(), "\" is not a ", what));
  };
  switch (comment.kind) {
    case ast::ObjectKind::kTable:
      if (!t->is_table()) return wrong("table");
      t->comment = text;
      return absl::OkStatus();
    case ast::ObjectKind::kView:
      if (t->kind != RelationKind::kView) return wrong("view");
      t->comment = text;
      return absl::OkStatus();
    case ast::ObjectKind::kSequence:
      if (t->kind != RelationKind::kSequence) return wrong("sequence");
      t->comment = text;
      return absl::OkStatus();
    case ast::ObjectKind::kColumn: {
      const int column = t->FindColumn(comment.part);
      if (column < 0) {
        return SqlError(sqlstate::kUndefinedColumn,
                        absl::StrCat("column \"", comment.part, "\" of relation \"",
                                     t->local_name(), "\" does not exist"));
      }
      t->columns[static_cast<size_t>(column)].comment = text;
      return absl::OkStatus();
    }
    case ast::ObjectKind::kConstraint:
      for (CheckConstraint& check : t->checks) {
        if (check.name != comment.part) continue;
        check.comment = text;
        return absl::OkStatus();
      }
      return CommentOnPart(comment.part, false, text, t);
    case ast::ObjectKind::kIndex:
      return CommentOnPart(comment.part, true, text, t);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CommentedRelation(const std::vector<TablePtr>& all,
                                              ast::Comment* comment) {
  if (comment->kind != ast::ObjectKind::kIndex) return FullNameOf(comment->relation);
  comment->part = comment->relation.name;
  for (const TablePtr& t : all) {
    if (IndexFullName(t->name, comment->part) != FullNameOf(comment->relation)) continue;
    const bool primary =
        t->is_table() && !t->has_hidden_key() && t->primary_key_name() == comment->part;
    if (primary || t->FindIndex(comment->part) != nullptr) return t->name;
  }
  return SqlError(sqlstate::kUndefinedTable,
                  absl::StrCat("relation \"", comment->part, "\" does not exist"),
                  comment->relation.position);
}

absl::StatusOr<std::vector<TablePtr>> WhatToTruncate(const std::vector<TablePtr>& all,
                                                     const ast::Truncate& truncate) {
  std::vector<TablePtr> targets;
  const auto known = [&targets](const TablePtr& t) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const TablePtr& k) { return k->id == t->id; });
  };
  for (const ast::TableName& name : truncate.tables) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const TablePtr& t) { return t->name == FullNameOf(name); });
    if (found == all.end()) return Missing(name);
    if (!(*found)->is_table()) {
      return SqlError(sqlstate::kWrongObjectType,
                      absl::StrCat("\"", name.name, "\" is not a table"));
    }
    if (!known(*found)) targets.push_back(*found);
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const TablePtr target = targets[i];
    for (const TablePtr& t : all) {
      const bool refers = std::any_of(t->foreign_keys.begin(), t->foreign_keys.end(),
                                      [&](const ForeignKey& f) { return f.parent == target->id; });
      if (!refers || known(t)) continue;
      if (!truncate.cascade) {
        return WithFields(
            SqlError(sqlstate::kUnsupported,
                     "cannot truncate a table referenced in a foreign key constraint", -1,
                     absl::StrCat("Truncate table \"", t->local_name(),
                                  "\" at the same time, or use TRUNCATE ... CASCADE.")),
            {absl::StrCat("Table \"", t->local_name(), "\" references \"", target->local_name(),
                          "\".")});
      }
      targets.push_back(t);
    }
  }
  return targets;
}

Task<absl::StatusOr<std::vector<TablePtr>>> SessionImpl::Relations(Ctx ctx) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadTransaction> reader,
                          engine_->deps().store->BeginReadOnly(ctx, std::nullopt));
  co_return co_await engine_->catalog().List(ctx, reader.get());
}

Task<SessionImpl::Result> SessionImpl::Comment(Ctx ctx, const ast::Comment* comment) {
  ast::Comment one = *comment;
  std::vector<TablePtr> all;
  if (one.kind == ast::ObjectKind::kIndex) {
    ISO_CO_ASSIGN_OR_RETURN(all, co_await Relations(ctx));
  }
  ISO_CO_ASSIGN_OR_RETURN(const std::string relation, CommentedRelation(all, &one));
  const auto set = [&one](TableDescriptor* t) { return SetComment(one, t); };
  txn::CommitResult commit;
  ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().Annotate(ctx, relation, set, &commit));
  StatementResult result;
  result.tag = "COMMENT";
  result.commit_timestamp = commit.commit_timestamp;
  settings_->SetCommitTimestamp(commit.commit_timestamp);
  co_return result;
}

}  // namespace isochron::sql
