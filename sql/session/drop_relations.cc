// SPDX-License-Identifier: Apache-2.0
//
// What goes with a relation that is dropped, and what stands in the way.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/relation_edits.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {
namespace {

std::string Described(const TableDescriptor& t) {
  return absl::StrCat(t.kind == RelationKind::kView       ? "view "
                      : t.kind == RelationKind::kSequence ? "sequence "
                      : t.is_enum()                       ? "type "
                                                          : "table ",
                      PlainSqlName(t.name));
}

bool Holds(const std::vector<TablePtr>& list, TableId id) {
  return std::any_of(list.begin(), list.end(), [id](const TablePtr& t) { return t->id == id; });
}

bool Reads(const TableDescriptor& view, TableId id) {
  return std::any_of(view.depends_on.begin(), view.depends_on.end(),
                     [id](const Dependency& d) { return d.relation == id; });
}

absl::Status InUse(const TableDescriptor& target, std::vector<std::string> uses, bool can_cascade) {
  return WithFields(
      SqlError(
          sqlstate::kDependentObjects,
          absl::StrCat("cannot drop ", Described(target), " because other objects depend on it"),
          -1,
          can_cascade ? "Use DROP ... CASCADE to drop the dependent objects too."
                      : "Give the columns another default first: CASCADE does not do it."),
      {absl::StrJoin(uses, "\n")});
}

}  // namespace

absl::StatusOr<DropSet> WhatToDrop(const std::vector<TablePtr>& all, std::vector<TablePtr> targets,
                                   bool cascade) {
  DropSet out;
  out.relations = std::move(targets);
  const size_t named = out.relations.size();
  // Sequences go with the tables whose columns own them.
  for (size_t i = 0; i < named; ++i) {
    for (const TablePtr& t : all) {
      if (t->owner_table == out.relations[i]->id && !Holds(out.relations, t->id)) {
        out.relations.push_back(t);
      }
    }
  }
  std::vector<std::string> uses, cascades;
  const TableDescriptor* used = nullptr;
  for (size_t i = 0; i < out.relations.size(); ++i) {
    const TablePtr target = out.relations[i];
    for (const TablePtr& t : all) {
      if (!Reads(*t, target->id) || Holds(out.relations, t->id)) continue;
      uses.push_back(absl::StrCat(Described(*t), " depends on ", Described(*target)));
      cascades.push_back(absl::StrCat("drop cascades to ", Described(*t)));
      if (used == nullptr) used = target.get();
      out.relations.push_back(t);
    }
  }
  // Columns of a type that goes.
  std::vector<std::string> columns;
  for (const TablePtr& target : out.relations) {
    for (const TablePtr& t : all) {
      if (!target->is_enum() || !t->is_table() || Holds(out.relations, t->id)) continue;
      for (const ColumnDescriptor& c : t->columns) {
        if (EnumIdOf(c) != target->id || c.hidden) continue;
        columns.push_back(absl::StrCat("column ", c.name, " of table ", PlainSqlName(t->name),
                                       " depends on type ", PlainSqlName(target->name),
                                       IsArray(c.type) ? "[]" : ""));
        if (used == nullptr) used = target.get();
      }
    }
  }
  if (!columns.empty() && cascade) {
    return WithFields(SqlError(sqlstate::kUnsupported,
                               absl::StrCat("dropping columns along with type ",
                                            PlainSqlName(used->name), " is not supported yet"),
                               -1, "Drop the columns first."),
                      {absl::StrJoin(columns, "\n")});
  }
  uses.insert(uses.end(), columns.begin(), columns.end());
  // Foreign keys of tables that stay.
  for (const TablePtr& target : out.relations) {
    for (const TablePtr& t : all) {
      if (Holds(out.relations, t->id)) continue;
      for (const ForeignKey& key : t->foreign_keys) {
        if (key.parent != target->id) continue;
        const std::string what =
            absl::StrCat("constraint ", key.name, " on table ", PlainSqlName(t->name));
        uses.push_back(absl::StrCat(what, " depends on ", Described(*target)));
        cascades.push_back(absl::StrCat("drop cascades to ", what));
        if (used == nullptr) used = target.get();
        out.foreign_keys.emplace_back(t->name, key.name);
      }
    }
  }
  if (!uses.empty() && !cascade) return InUse(*used, std::move(uses), true);
  for (const TablePtr& target : out.relations) {
    if (target->kind != RelationKind::kSequence) continue;
    const std::string next = NextValueSql(target->name);
    for (const TablePtr& t : all) {
      if (Holds(out.relations, t->id)) continue;
      for (const ColumnDescriptor& c : t->columns) {
        if (c.default_sql != next) continue;
        return InUse(*target,
                     {absl::StrCat("default value for column ", c.name, " of table ",
                                   PlainSqlName(t->name), " depends on ", Described(*target))},
                     !cascade);
      }
    }
  }
  for (std::string& line : cascades) out.notices.push_back({"NOTICE", "00000", std::move(line)});
  return out;
}

Task<SessionImpl::Result> SessionImpl::DropTable(Ctx ctx, const ast::DropTable* drop) {
  co_return co_await Drop(ctx, drop->tables, RelationKind::kTable, drop->if_exists, drop->cascade);
}

absl::StatusOr<std::vector<TablePtr>> NamedToDrop(const std::vector<TablePtr>& all,
                                                  const std::vector<ast::TableName>& names,
                                                  RelationKind kind, bool if_exists,
                                                  StatementResult* result) {
  const absl::string_view word = kind == RelationKind::kView       ? "view"
                                 : kind == RelationKind::kSequence ? "sequence"
                                                                   : "table";
  result->tag = absl::AsciiStrToUpper(absl::StrCat("drop ", word));
  std::vector<TablePtr> targets;
  for (const ast::TableName& name : names) {
    const std::string full = FullNameOf(name);
    const auto found = std::find_if(all.begin(), all.end(), [&](const TablePtr& t) {
      return t->name == full && t->drop_at == Timestamp::Max();
    });
    const std::string missing = absl::StrCat(word, " \"", name.name, "\" does not exist");
    if (found == all.end() && !if_exists) {
      return SqlError(sqlstate::kUndefinedTable, missing);
    }
    if (found == all.end()) {
      result->notices.push_back({"NOTICE", "00000", absl::StrCat(missing, ", skipping")});
      continue;
    }
    if ((*found)->kind != kind) {
      const std::string is = Described(**found);
      const std::string other = is.substr(0, is.find(' '));
      return SqlError(
          sqlstate::kWrongObjectType, absl::StrCat("\"", name.name, "\" is not a ", word), -1,
          absl::StrCat("Use DROP ", absl::AsciiStrToUpper(other), " to remove a ", other, "."));
    }
    if (!Holds(targets, (*found)->id)) targets.push_back(*found);
  }
  return targets;
}

Task<SessionImpl::Result> SessionImpl::Drop(Ctx ctx, std::vector<ast::TableName> names,
                                            RelationKind kind, bool if_exists, bool cascade) {
  StatementResult result;
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> targets,
                          NamedToDrop(all, names, kind, if_exists, &result));
  ISO_CO_ASSIGN_OR_RETURN(DropSet drop, WhatToDrop(all, std::move(targets), cascade));
  for (Notice& notice : drop.notices) result.notices.push_back(std::move(notice));
  if (drop.relations.empty()) co_return result;
  // All end at one timestamp.
  DropEdit edit(&drop);
  ISO_CO_ASSIGN_OR_RETURN(StatementResult dropped, co_await Change(ctx, &edit, result.tag));
  dropped.notices = std::move(result.notices);
  co_return dropped;
}

}  // namespace isochron::sql
