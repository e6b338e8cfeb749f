// SPDX-License-Identifier: Apache-2.0
#include "sql/session/referential.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/row_codec.h"
#include "sql/planner/planner.h"
#include "sql/session/engine_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of actions that bring others about.
constexpr int kMaxDepth = 50;

std::vector<Datum> KeyOf(const Row& row, const std::vector<uint32_t>& columns) {
  std::vector<Datum> key;
  for (uint32_t c : columns) key.push_back(row[c]);
  return key;
}

bool HasNull(const std::vector<Datum>& key) {
  return std::any_of(key.begin(), key.end(), [](const Datum& d) { return d.is_null(); });
}

std::string Names(const TableDescriptor& table, const std::vector<uint32_t>& columns) {
  std::vector<std::string> names;
  for (uint32_t c : columns) names.push_back(table.columns[c].name);
  return absl::StrJoin(names, ", ");
}

std::string Values(const TableDescriptor& table, const std::vector<uint32_t>& columns,
                   const std::vector<Datum>& key) {
  std::vector<std::string> values;
  for (size_t i = 0; i < key.size(); ++i) {
    values.push_back(DatumToText(table.columns[columns[i]].type, key[i]));
  }
  return absl::StrJoin(values, ", ");
}

// " WHERE a = $1 AND b = $2", and the parameters for it.
// The values have the types of columns of another table.
std::string Where(const TableDescriptor& table, const std::vector<uint32_t>& columns,
                  const TableDescriptor& of, const std::vector<uint32_t>& of_columns,
                  const std::vector<Datum>& key, Params* params) {
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i) {
    const ColumnDescriptor& c = table.columns[columns[i]];
    params->push_back({of.columns[of_columns[i]].type, key[i]});
    absl::StrAppend(&out, i == 0 ? " WHERE " : " AND ", QuoteIdentifier(c.name), " = $",
                    params->size());
  }
  return out;
}

absl::Status Violation(const TableDescriptor& child, const ForeignKey& key, absl::string_view what,
                       std::string detail) {
  return WithFields(SqlError(sqlstate::kForeignKeyViolation, what),
                    {std::move(detail), SchemaIn(child.name), child.local_name(), "", key.name});
}

absl::Status NotPresent(const TableDescriptor& child, const ForeignKey& key, std::string detail) {
  return Violation(child, key,
                   absl::StrCat("insert or update on table \"", child.local_name(),
                                "\" violates foreign key constraint \"", key.name, "\""),
                   std::move(detail));
}

absl::Status Missing(const TableDescriptor& child, const ForeignKey& key,
                     const TableDescriptor& parent, const std::vector<Datum>& wanted) {
  return NotPresent(
      child, key,
      absl::StrCat("Key (", Names(child, key.columns), ")=(", Values(child, key.columns, wanted),
                   ") is not present in table \"", parent.local_name(), "\"."));
}

absl::Status StillReferenced(const TableDescriptor& parent, const std::vector<uint32_t>& columns,
                             const TableDescriptor& child, const ForeignKey& key,
                             const std::vector<Datum>& values) {
  return Violation(
      child, key,
      absl::StrCat("update or delete on table \"", parent.local_name(),
                   "\" violates foreign key constraint \"", key.name, "\" on table \"",
                   child.local_name(), "\""),
      absl::StrCat("Key (", Names(parent, columns), ")=(", Values(parent, columns, values),
                   ") is still referenced from table \"", child.local_name(), "\"."));
}

std::vector<Type> TypesOf(const TableDescriptor& table, const std::vector<uint32_t>& columns) {
  std::vector<Type> out;
  for (uint32_t c : columns) out.push_back(table.columns[c].type);
  return out;
}

const ForeignKey* FindKey(const TableDescriptor& table, uint64_t id) {
  for (const ForeignKey& key : table.foreign_keys) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

// The key under which a row of `parent` with these values is found: the row's own, or that of the
// entry of a unique index. Empty: nothing can be equal to them.
absl::StatusOr<std::string> ParentKey(const TableDescriptor& child, const ForeignKey& key,
                                      const TableDescriptor& parent,
                                      const std::vector<uint32_t>& columns,
                                      const std::vector<Datum>& wanted) {
  Row row(parent.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const Type from = child.columns[key.columns[i]].type;
    const Type to = parent.columns[columns[i]].type;
    if (from == to || SameForm(from, to)) {
      row[columns[i]] = wanted[i];
      continue;
    }
    absl::Status cast = CastDatum(from, to, wanted[i], &row[columns[i]]);
    // A bigint that no integer is: nothing there is equal to it.
    if (SqlStateOf(cast) == sqlstate::kValueOutOfRange) return std::string();
    ISO_RETURN_IF_ERROR(cast);
  }
  std::vector<uint32_t> sorted = columns, primary = parent.key;
  std::sort(sorted.begin(), sorted.end());
  std::sort(primary.begin(), primary.end());
  if (sorted == primary) return EncodeRowKey(parent, row);
  for (const IndexDescriptor& index : parent.indexes) {
    if (!parent.IsKey(index) || index.state != IndexState::kPublic) continue;
    std::vector<uint32_t> unique;
    for (const IndexColumn& c : index.columns) unique.push_back(c.column);
    std::sort(unique.begin(), unique.end());
    if (unique == sorted) return EncodeIndexEntry(parent, index, row).key;
  }
  return absl::AbortedError("the key that a foreign key refers to has gone");
}

constexpr size_t kKeysAtOnce = 1000;
// Found, and not looked for again.
constexpr size_t kKnownKeys = 10'000;

}  // namespace

std::vector<uint32_t> ParentColumns(const TableDescriptor& parent, const ForeignKey& key) {
  std::vector<uint32_t> out;
  for (uint32_t id : key.parent_columns) {
    const int position = parent.FindColumnId(id);
    if (position >= 0) out.push_back(static_cast<uint32_t>(position));
  }
  return out;
}

Task<absl::Status> Referential::CheckRows(Ctx ctx, const TableDescriptor* child,
                                          const ForeignKey* key, const TableDescriptor* parent,
                                          const std::vector<Row>* rows,
                                          txn::ReadTransaction* reader,
                                          std::set<std::string>* known) {
  const std::vector<uint32_t> columns = ParentColumns(*parent, *key);
  if (parent->id != key->parent || columns.size() != key->columns.size()) {
    co_return absl::AbortedError("the table that a foreign key refers to has changed");
  }
  std::vector<std::string> keys;
  std::vector<Key> values;
  for (const Row& row : *rows) {
    if (row.empty()) continue;
    Key wanted = KeyOf(row, key->columns);
    if (HasNull(wanted)) {
      const bool all =
          std::all_of(wanted.begin(), wanted.end(), [](const Datum& d) { return d.is_null(); });
      if (!key->match_full || all) continue;
      co_return NotPresent(*child, *key,
                           "MATCH FULL does not allow mixing of null and nonnull key values.");
    }
    ISO_CO_ASSIGN_OR_RETURN(std::string at, ParentKey(*child, *key, *parent, columns, wanted));
    if (at.empty()) co_return Missing(*child, *key, *parent, wanted);
    if (!known->insert(at).second) continue;
    keys.push_back(std::move(at));
    values.push_back(std::move(wanted));
  }
  for (size_t from = 0; from < keys.size(); from += kKeysAtOnce) {
    const size_t to = std::min(keys.size(), from + kKeysAtOnce);
    std::vector<std::string> some(keys.begin() + static_cast<std::ptrdiff_t>(from),
                                  keys.begin() + static_cast<std::ptrdiff_t>(to));
    auto found = co_await reader->MultiGet(ctx, std::move(some), txn::LockMode::kShared);
    if (!found.ok()) co_return found.status();
    for (size_t i = from; i < to; ++i) {
      if (!(*found)[i - from].has_value()) co_return Missing(*child, *key, *parent, values[i]);
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Referential::CheckTable(Ctx ctx, Executor* executor,
                                           const TableDescriptor* child, const ForeignKey* key,
                                           const TableDescriptor* parent,
                                           txn::ReadTransaction* reader) {
  std::set<std::string> known;
  txn::ScanRequest request;
  request.range = PrefixRange(RowPrefix(*child));
  request.limit_rows = kKeysAtOnce;
  for (;;) {
    auto page = co_await reader->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    std::vector<Row> rows;
    for (const txn::KeyValue& kv : page->rows) {
      Row row;
      ISO_CO_RETURN_IF_ERROR(DecodeRow(*child, kv.key, kv.value, &row));
      rows.push_back(std::move(row));
    }
    ISO_CO_RETURN_IF_ERROR(co_await CheckRows(ctx, child, key, parent, &rows, reader, &known));
    if (known.size() > kKnownKeys) known.clear();
    if (!page->rest.has_value()) co_return absl::OkStatus();
    request.range = *page->rest;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor->MonotonicNow()));
    co_await SleepFor(executor, 0);
  }
}

Task<absl::StatusOr<TablePtr>> Referential::Resolve(std::string name) {
  TablePtr table;
  if (exec_->inside != nullptr && exec_->inside->contains(name)) {
    table = exec_->inside->at(name);
    if (table == nullptr) co_return absl::AbortedError("a table of a foreign key has gone");
  } else {
    ISO_CO_ASSIGN_OR_RETURN(table, co_await engine_->catalog().Resolve(exec_->ctx, name));
  }
  exec_->used.push_back({table->name, table->id, table->version});
  co_return table;
}

Task<absl::Status> Referential::Check(const ReferentialNotes* notes) {
  for (const ReferentialNotes::Of& of : notes->tables()) {
    for (const ForeignKey& key : of.table->foreign_keys) {
      ISO_CO_RETURN_IF_ERROR(co_await CheckParent(&of, &key));
    }
    const bool any = std::any_of(of.before.begin(), of.before.end(),
                                 [](const Row& row) { return !row.empty(); });
    if (!any) continue;
    for (const ReferencingTable& referencing : of.table->referencing) {
      ISO_CO_ASSIGN_OR_RETURN(TablePtr child, co_await Resolve(referencing.name));
      for (const ForeignKey& key : child->foreign_keys) {
        if (key.parent != of.table->id) continue;
        ISO_CO_RETURN_IF_ERROR(co_await TellChild(&of, child, &key));
      }
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Referential::CheckParent(const ReferentialNotes::Of* of, const ForeignKey* key) {
  std::vector<Row> rows;
  for (size_t i = 0; i < of->after.size(); ++i) {
    const Row& after = of->after[i];
    if (after.empty()) continue;
    const Row& before = of->before[i];
    if (!before.empty() && KeyOf(before, key->columns) == KeyOf(after, key->columns)) continue;
    rows.push_back(after);
  }
  ISO_CO_RETURN_IF_ERROR(PutOff(*of->table, *key, &rows).status());
  if (rows.empty()) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(TablePtr parent, co_await Resolve(key->parent_name));
  std::set<std::string> known;
  std::unique_ptr<txn::ReadTransaction> unlocked;
  txn::ReadTransaction* reader = exec_->writer;
  if (engine_->deps().sabotage.Is(Sabotage::kForeignKeyUnlocked)) {
    ISO_CO_ASSIGN_OR_RETURN(unlocked,
                            engine_->deps().store->BeginReadOnly(exec_->ctx, std::nullopt));
    reader = unlocked.get();
  }
  co_return co_await CheckRows(exec_->ctx, of->table, key, parent.get(), &rows, reader, &known);
}

Task<absl::Status> Referential::TellChild(const ReferentialNotes::Of* of, TablePtr child,
                                          const ForeignKey* key) {
  const std::vector<uint32_t> columns = ParentColumns(*of->table, *key);
  for (size_t i = 0; i < of->before.size(); ++i) {
    if (of->before[i].empty()) continue;
    const Key old_key = KeyOf(of->before[i], columns);
    if (HasNull(old_key)) continue;
    const bool gone = of->after[i].empty();
    const Key new_key = gone ? Key() : KeyOf(of->after[i], columns);
    if (!gone && new_key == old_key) continue;
    ISO_CO_RETURN_IF_ERROR(
        co_await Act(of->table, child, key, &old_key, gone ? nullptr : &new_key));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Referential::Act(const TableDescriptor* table, TablePtr child,
                                    const ForeignKey* key, const Key* old_key, const Key* new_key) {
  const std::vector<uint32_t> columns = ParentColumns(*table, *key);
  const ForeignKeyAction action = new_key == nullptr ? key->on_delete : key->on_update;
  const std::string name = SqlName(child->name);
  const bool cascades = action == ForeignKeyAction::kCascade;
  Params params;
  if (cascades && new_key == nullptr) {
    std::string where = Where(*child, key->columns, *table, columns, *old_key, &params);
    auto ran = co_await Run(absl::StrCat("DELETE FROM ", name, where), std::move(params));
    co_return ran.status();
  }
  if (cascades || action == ForeignKeyAction::kSetNull || action == ForeignKeyAction::kSetDefault) {
    std::vector<std::string> set;
    for (size_t i = 0; i < key->columns.size(); ++i) {
      const ColumnDescriptor& c = child->columns[key->columns[i]];
      std::string value = action == ForeignKeyAction::kSetNull ? "NULL" : "DEFAULT";
      if (cascades) {
        params.push_back({table->columns[columns[i]].type, (*new_key)[i]});
        value = absl::StrCat("$", params.size());
      }
      set.push_back(absl::StrCat(QuoteIdentifier(c.name), " = ", value));
    }
    std::string where = Where(*child, key->columns, *table, columns, *old_key, &params);
    auto ran = co_await Run(absl::StrCat("UPDATE ", name, " SET ", absl::StrJoin(set, ", "), where),
                            std::move(params));
    co_return ran.status();
  }
  if (action == ForeignKeyAction::kNoAction && exec_->deferred_keys != nullptr &&
      exec_->deferred_keys->Defers(*child, *key)) {
    co_return exec_->deferred_keys->Add(*child, *key, true, TypesOf(*table, columns), *old_key);
  }
  ISO_CO_ASSIGN_OR_RETURN(bool referenced,
                          co_await Exists(child.get(), key->columns, table, columns, *old_key));
  if (!referenced) co_return absl::OkStatus();
  if (action == ForeignKeyAction::kNoAction) {
    // Another row may have taken the key by now.
    ISO_CO_ASSIGN_OR_RETURN(bool still, co_await Exists(table, columns, table, columns, *old_key));
    if (still) co_return absl::OkStatus();
  }
  co_return StillReferenced(*table, columns, *child, *key, *old_key);
}

absl::StatusOr<bool> Referential::PutOff(const TableDescriptor& child, const ForeignKey& key,
                                         std::vector<Row>* rows) {
  if (exec_->deferred_keys == nullptr || !exec_->deferred_keys->Defers(child, key)) return false;
  std::vector<Row> left;
  for (Row& row : *rows) {
    Key values = KeyOf(row, key.columns);
    if (HasNull(values)) {
      left.push_back(std::move(row));
      continue;
    }
    ISO_RETURN_IF_ERROR(exec_->deferred_keys->Add(child, key, false, TypesOf(child, key.columns),
                                                  std::move(values)));
  }
  *rows = std::move(left);
  return true;
}

Task<absl::Status> Referential::CheckDeferred(const std::vector<DeferredKeys::Key>* keys) {
  for (size_t from = 0; from < keys->size();) {
    const DeferredKeys::Key& first = (*keys)[from];
    size_t to = from + 1;
    while (to < keys->size() && (*keys)[to].table == first.table && (*keys)[to].id == first.id &&
           (*keys)[to].goes == first.goes) {
      ++to;
    }
    bool there = false;
    if (!first.goes && to - from > 1) {
      // Mostly all of them are there: one read.
      ISO_CO_ASSIGN_OR_RETURN(TablePtr child, co_await Resolve(first.child));
      const ForeignKey* key = FindKey(*child, first.id);
      if (key != nullptr) {
        ISO_CO_ASSIGN_OR_RETURN(TablePtr parent, co_await Resolve(key->parent_name));
        std::vector<Row> rows;
        for (size_t i = from; i < to; ++i) {
          Row row(child->columns.size());
          for (size_t k = 0; k < key->columns.size(); ++k) {
            row[key->columns[k]] = (*keys)[i].values[k];
          }
          rows.push_back(std::move(row));
        }
        std::set<std::string> known;
        absl::Status all = co_await CheckRows(exec_->ctx, child.get(), key, parent.get(), &rows,
                                              exec_->writer, &known);
        if (!all.ok() && SqlStateOf(all) != sqlstate::kForeignKeyViolation) co_return all;
        there = all.ok();
      }
    }
    for (; from < to; ++from) {
      if (!there) ISO_CO_RETURN_IF_ERROR(co_await CheckDeferredKey(&(*keys)[from]));
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Referential::CheckDeferredKey(const DeferredKeys::Key* deferred) {
  ISO_CO_ASSIGN_OR_RETURN(TablePtr child, co_await Resolve(deferred->child));
  const ForeignKey* key = FindKey(*child, deferred->id);
  if (key == nullptr) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(TablePtr parent, co_await Resolve(key->parent_name));
  const std::vector<uint32_t> columns = ParentColumns(*parent, *key);
  const TableDescriptor* of = deferred->goes ? parent.get() : child.get();
  const std::vector<uint32_t>& of_columns = deferred->goes ? columns : key->columns;
  ISO_CO_ASSIGN_OR_RETURN(const bool there,
                          co_await Exists(parent.get(), columns, of, of_columns, deferred->values));
  if (there) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(const bool wanted, co_await Exists(child.get(), key->columns, of,
                                                             of_columns, deferred->values));
  if (!wanted) co_return absl::OkStatus();
  co_return deferred->goes ? StillReferenced(*parent, columns, *child, *key, deferred->values)
                           : Missing(*child, *key, *parent, deferred->values);
}

Task<absl::StatusOr<bool>> Referential::Exists(const TableDescriptor* table,
                                               std::vector<uint32_t> columns,
                                               const TableDescriptor* of,
                                               std::vector<uint32_t> of_columns, Key key) {
  Params params;
  const std::string where = Where(*table, columns, *of, of_columns, key, &params);
  ISO_CO_ASSIGN_OR_RETURN(
      int64_t rows,
      co_await Run(absl::StrCat("SELECT 1 FROM ", SqlName(table->name), where, " LIMIT 1"),
                   std::move(params)));
  co_return rows > 0;
}

Task<absl::StatusOr<int64_t>> Referential::Run(std::string sql, Params params) {
  if (exec_->depth >= kMaxDepth) {
    co_return SqlError("54001", "foreign keys bring about one another too deeply");
  }
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text, engine_->cache().Get(sql, params));
  const Prepared* statement = &text->statements[0];
  std::shared_ptr<const Plan> plan;
  if (exec_->inside == nullptr) {
    ISO_CO_ASSIGN_OR_RETURN(plan, co_await engine_->PlanNow(exec_->ctx, text, statement));
  } else {
    ISO_CO_ASSIGN_OR_RETURN(EngineImpl::TableMap tables,
                            co_await engine_->ResolveTablesAt(exec_->ctx, statement, Timestamp(),
                                                              nullptr, exec_->inside));
    ISO_CO_ASSIGN_OR_RETURN(Plan made, MakePlan(statement->ast, tables, text->param_types));
    plan = std::make_shared<const Plan>(std::move(made));
  }
  ExecContext inner = engine_->MakeExec(exec_->ctx);
  inner.eval.session = exec_->eval.session;
  inner.eval.now = exec_->eval.now;
  inner.eval.time = exec_->eval.time;
  ISO_CO_ASSIGN_OR_RETURN(inner.eval.params, engine_->BindParams(*plan, params, exec_->eval.time));
  inner.reader = exec_->writer;
  inner.writer = exec_->writer;
  inner.inside = exec_->inside;
  inner.deferred_keys = exec_->deferred_keys;
  inner.depth = exec_->depth + 1;
  CollectingSink sink;
  auto result = co_await engine_->Run(plan, &inner, &sink, false);
  for (const UsedTable& table : plan->tables) exec_->used.push_back(table);
  for (UsedTable& table : inner.used) exec_->used.push_back(std::move(table));
  if (!result.ok()) co_return result.status();
  co_return result->rows;
}

}  // namespace isochron::sql
