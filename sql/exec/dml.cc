// SPDX-License-Identifier: Apache-2.0
//
// INSERT, UPDATE and DELETE. Secondary indexes go along (index_writer.h).
#include "sql/exec/dml.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/sequence_access.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/constraints.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {
constexpr size_t kRowsAtOnce = 2000;
}  // namespace

DmlOperator::DmlOperator(const PlanNode& child, const TablePtr& table, const IndexRules& rules,
                         const std::vector<ExprPtr>& returning, ExecContext* exec)
    : Operator(exec),
      table_(*table),
      index_rules_(rules),
      index_(*table, rules, exec),
      returning_(returning),
      returning_settler_(exec, returning),
      child_(MakeOperator(child, exec)) {}

DmlOperator::~DmlOperator() { exec_->ctx->memory.Release(bytes_); }

Task<absl::StatusOr<bool>> DmlOperator::Next(Batch* out) {
  if (exec_->writer == nullptr) {
    co_return SqlError(sqlstate::kReadOnlyTransaction, "cannot write in a read-only transaction");
  }
  ISO_CO_RETURN_IF_ERROR(co_await Drain(child_.get(), exec_, &input_, &bytes_));
  ISO_CO_RETURN_IF_ERROR(co_await Apply(out));
  for (const Row& row : to_return_) {
    ISO_CO_RETURN_IF_ERROR(co_await returning_settler_.Settle(&row));
    ISO_CO_RETURN_IF_ERROR(Return(row, out));
  }
  co_return false;
}

Task<absl::Status> DmlOperator::Breathe(size_t row) {
  if (row % kRowsAtOnce != kRowsAtOnce - 1) co_return absl::OkStatus();
  co_await SleepFor(exec_->executor, 0);
  co_return Alive();
}

absl::Status DmlOperator::Put(const std::string& key, const Row& row) {
  std::string value = EncodeRowValue(table_, row);
  if (static_cast<int64_t>(value.size() + key.size()) > exec_->max_value_bytes) {
    return SqlError(
        sqlstate::kProgramLimit,
        absl::StrCat("a row of table \"", table_.name, "\" takes ", value.size() + key.size(),
                     " bytes; the limit is ", exec_->max_value_bytes));
  }
  return BufferPut(exec_, key, std::move(value));
}

absl::Status DmlOperator::Erase(const std::string& key) { return BufferDelete(exec_, key); }

absl::Status DmlOperator::NoteIndexes(const Row* before, const std::string& before_key,
                                      const Row* after, const std::string& after_key) {
  ISO_RETURN_IF_ERROR(NoteReferences(before, after));
  if (index_.idle()) return absl::OkStatus();
  int64_t bytes = 0;
  ISO_RETURN_IF_ERROR(index_.Note(before, before_key, after, after_key, &bytes));
  return Charge(bytes);
}

absl::Status DmlOperator::NoteReferences(const Row* before, const Row* after) {
  const bool refers = !table_.foreign_keys.empty(), referred = !table_.referencing.empty();
  if ((!refers && !referred) || exec_->references == nullptr) return absl::OkStatus();
  if (before == nullptr && !refers) return absl::OkStatus();
  if (after == nullptr && !referred) return absl::OkStatus();
  if (before != nullptr && after != nullptr) {
    const auto same = [&](uint32_t c) { return (*before)[c] == (*after)[c]; };
    bool all = true;
    for (const ForeignKey& f : table_.foreign_keys) {
      all = all && std::all_of(f.columns.begin(), f.columns.end(), same);
    }
    if (referred) {
      all = all && std::all_of(table_.key.begin(), table_.key.end(), same);
      for (const IndexDescriptor& index : table_.indexes) {
        if (!table_.IsKey(index)) continue;
        for (const IndexColumn& c : index.columns) all = all && same(c.column);
      }
    }
    if (all) return absl::OkStatus();
  }
  return exec_->references->Add(table_, before, after);
}

absl::Status DmlOperator::OncePerRow(bool joined) {
  if (!joined && exec_->deferred == nullptr) return absl::OkStatus();
  absl::flat_hash_set<std::string> met;  // lint: no iteration
  size_t kept = 0;
  for (size_t i = 0; i < input_.size(); ++i) {
    std::string key = EncodeRowKey(table_, input_[i]);
    if (WrittenBefore(key)) continue;
    ISO_RETURN_IF_ERROR(Charge(joined ? static_cast<int64_t>(key.size()) + 48 : 0));
    if (joined && !met.insert(std::move(key)).second) continue;
    if (kept++ != i) input_[kept - 1] = std::move(input_[i]);
  }
  input_.resize(kept);
  return absl::OkStatus();
}

absl::Status DmlOperator::Changed(Row row, Batch* out) {
  ++exec_->rows_changed;
  if (returning_.empty()) return absl::OkStatus();
  if (returning_settler_.empty()) return Return(row, out);
  ISO_RETURN_IF_ERROR(ChargeRow(row));
  to_return_.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status DmlOperator::Return(const Row& row, Batch* out) {
  Row result(returning_.size());
  for (size_t i = 0; i < result.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*returning_[i], exec_->eval, row, &result[i]));
  }
  ISO_RETURN_IF_ERROR(ChargeRow(result));
  out->push_back(std::move(result));
  return absl::OkStatus();
}

namespace {

class InsertOperator : public DmlOperator {
 public:
  InsertOperator(const InsertPlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.rules.indexes, plan.returning, exec),
        plan_(plan),
        settler_(exec, Exprs(plan)) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    for (size_t from = 0; from < input_.size(); from += kKeysAtOnce) {
      const size_t to = std::min(input_.size(), from + kKeysAtOnce);
      std::vector<Row> rows;
      std::vector<std::string> keys;
      for (size_t i = from; i < to; ++i) {
        Row row;
        absl::Status complete = Complete(std::move(input_[i]), &row);
        if (!complete.ok()) {
          if (exec_->eval.sequences != nullptr) exec_->eval.sequences->Expect(input_.size() - i);
          co_return complete;
        }
        keys.push_back(EncodeRowKey(table_, row));
        rows.push_back(std::move(row));
      }
      if (plan_.overwrites) {
        for (size_t i = 0; i < rows.size(); ++i) {
          ISO_CO_RETURN_IF_ERROR(Overwrite(keys[i], rows[i], out));
        }
        continue;
      }
      ISO_CO_RETURN_IF_ERROR(co_await InsertRows(keys, std::move(rows), out));
    }
    co_return absl::OkStatus();
  }

 private:
  static std::vector<const Expr*> Exprs(const InsertPlan& plan) {
    std::vector<const Expr*> out = {plan.where.get()};
    for (const auto& [column, value] : plan.set) out.push_back(value.get());
    return out;
  }

  absl::Status Complete(Row source, Row* row) {
    row->resize(table_.columns.size());
    const Row none;
    for (size_t i = 0; i < row->size(); ++i) {
      if (plan_.source[i] >= 0) {
        (*row)[i] = std::move(source[static_cast<size_t>(plan_.source[i])]);
      } else if (plan_.defaults[i] != nullptr) {
        ISO_RETURN_IF_ERROR(Eval(*plan_.defaults[i], exec_->eval, none, &(*row)[i]));
      } else if (table_.columns[i].hidden && table_.columns[i].computed_sql.empty()) {
        (*row)[i] = Datum::Int(static_cast<int64_t>(exec_->random->Next()));
      }
    }
    return FinishRow(table_, plan_.rules, exec_->eval, row);
  }

  absl::Status Overwrite(const std::string& key, const Row& row, Batch* out) {
    if (!MarkWritten(key)) return SecondTime();
    ISO_RETURN_IF_ERROR(Put(key, row));
    return Changed(row, out);
  }

  // False where this statement, here or in another part of it, has written a row of that key.
  bool MarkWritten(const std::string& key) {
    const auto* before = exec_->deferred != nullptr ? exec_->deferred->Find(key) : nullptr;
    return written_.insert(key).second && (before == nullptr || !before->has_value());
  }

  static absl::Status SecondTime() {
    return SqlError(sqlstate::kCardinalityViolation,
                    "ON CONFLICT DO UPDATE command cannot affect row a second time", -1,
                    "Ensure that no rows proposed for insertion within the same command have "
                    "duplicate constrained values.");
  }

  using Entries = std::vector<std::optional<IndexEntry>>;  // by index

  absl::StatusOr<Entries> EntriesOf(const Row& row) const {
    Entries entries;
    for (const IndexDescriptor* index : index_.indexes()) {
      ISO_ASSIGN_OR_RETURN(std::optional<IndexEntry> entry,
                           MakeEntry(table_, *index, index_rules_, row));
      entries.push_back(std::move(entry));
    }
    return entries;
  }

  // Those of them that only one row may have.
  static std::vector<const IndexEntry*> Exclusive(const Entries& entries) {
    std::vector<const IndexEntry*> out;
    for (const std::optional<IndexEntry>& entry : entries) {
      if (entry.has_value() && entry->exclusive) out.push_back(&*entry);
    }
    return out;
  }

  absl::Status Taken(const IndexDescriptor& index, const Row& row) const {
    Row full;
    ISO_RETURN_IF_ERROR(MakeEntry(table_, index, index_rules_, row, &full).status());
    return UniqueViolation(table_, index, full);
  }

  Task<absl::Status> InsertRows(const std::vector<std::string>& keys, std::vector<Row> rows,
                                Batch* out) {
    std::vector<Entries> entries;
    std::vector<std::string> locks = keys;
    std::vector<const IndexDescriptor*> of;  // by lock behind `keys`
    for (const Row& row : rows) {
      ISO_CO_ASSIGN_OR_RETURN(Entries made, EntriesOf(row));
      entries.push_back(std::move(made));
      for (size_t k = 0; k < entries.back().size(); ++k) {
        const std::optional<IndexEntry>& entry = entries.back()[k];
        if (!entry.has_value() || !entry->exclusive) continue;
        locks.push_back(entry->key);
        of.push_back(index_.indexes()[k]);
      }
    }
    ISO_CO_ASSIGN_OR_RETURN(auto standing, co_await LockKeys(exec_, locks));
    for (size_t i = keys.size(); i < standing.size(); ++i) {
      // With the owner's key, which a row of this statement may become.
      ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(locks[i].size() + 128)));
      std::optional<std::string>& owner = owners_[locks[i]];
      owner.reset();
      if (!standing[i].has_value()) continue;
      ISO_CO_ASSIGN_OR_RETURN(owner, index_.OwnerOf(*of[i - keys.size()], locks[i], *standing[i]));
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      const Clash clash = Find(keys[i], standing[i].has_value(), entries[i]);
      if (!clash.any) {
        ISO_CO_RETURN_IF_ERROR(Insert(keys[i], rows[i], std::move(entries[i]), out));
        continue;
      }
      ISO_CO_RETURN_IF_ERROR(
          co_await OnConflict(clash, keys[i], std::move(rows[i]), standing[i], out));
    }
    co_return absl::OkStatus();
  }

  absl::Status Insert(const std::string& key, const Row& row, Entries entries, Batch* out) {
    ISO_RETURN_IF_ERROR(Put(key, row));
    ISO_RETURN_IF_ERROR(NoteReferences(nullptr, &row));
    written_.insert(key);
    for (const IndexEntry* entry : Exclusive(entries)) owners_[entry->key] = key;
    for (std::optional<IndexEntry>& entry : entries) {
      if (!entry.has_value()) continue;
      ISO_RETURN_IF_ERROR(BufferPut(exec_, entry->key, std::move(entry->value)));
    }
    return Changed(row, out);
  }

  // Another row has the place that a row wants.
  struct Clash {
    bool any = false;
    const IndexDescriptor* index = nullptr;  // null: in the primary key
    std::string owner;                       // the other row's key
  };

  // The clash that ON CONFLICT asks about comes first.
  Clash Find(const std::string& key, bool standing, const Entries& entries) const {
    Clash first;
    if (standing || written_.count(key) > 0) first = {true, nullptr, key};
    if (first.any && (plan_.any_arbiter || plan_.arbiter == 0)) return first;
    for (size_t k = 0; k < entries.size(); ++k) {
      const IndexDescriptor* index = index_.indexes()[k];
      const std::optional<IndexEntry>& entry = entries[k];
      auto it = entry.has_value() && entry->exclusive ? owners_.find(entry->key) : owners_.end();
      if (it == owners_.end() || !it->second.has_value()) continue;
      if (!first.any || (!plan_.any_arbiter && plan_.arbiter == index->id)) {
        first = {true, index, *it->second};
      }
    }
    return first;
  }

  Task<absl::Status> OnConflict(const Clash& clash, const std::string& key, Row row,
                                std::optional<std::string> standing, Batch* out) {
    const uint64_t at = clash.index != nullptr ? clash.index->id : 0;
    const bool arbitrated = plan_.any_arbiter || plan_.arbiter == at;
    if (plan_.conflict == InsertPlan::Conflict::kError || !arbitrated) {
      co_return clash.index == nullptr ? PrimaryKeyViolation(table_, row)
                                       : Taken(*clash.index, row);
    }
    if (plan_.conflict == InsertPlan::Conflict::kNothing) co_return absl::OkStatus();
    if (!MarkWritten(clash.owner)) co_return SecondTime();
    if (clash.owner != key) {
      std::vector<std::string> keys = {clash.owner};
      ISO_CO_ASSIGN_OR_RETURN(auto found, co_await LockKeys(exec_, std::move(keys)));
      standing = std::move(found[0]);
    }
    // Two reads of one transaction differ only once its locks are lost.
    if (!standing.has_value()) co_return absl::AbortedError("the row of an index entry is gone");
    Row before;
    ISO_CO_RETURN_IF_ERROR(DecodeRow(table_, clash.owner, *standing, &before));
    Row both = before;
    both.insert(both.end(), std::make_move_iterator(row.begin()),
                std::make_move_iterator(row.end()));
    if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&both));
    if (plan_.where != nullptr) {
      bool apply = false;
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.where, exec_->eval, both, &apply));
      if (!apply) co_return absl::OkStatus();
    }
    Row updated = before;
    for (const auto& [column, value] : plan_.set) {
      ISO_CO_RETURN_IF_ERROR(
          Eval(*value, exec_->eval, both, &updated[static_cast<size_t>(column)]));
    }
    ISO_CO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &updated));
    ISO_CO_RETURN_IF_ERROR(Put(clash.owner, updated));
    ISO_CO_RETURN_IF_ERROR(NoteIndexes(&before, clash.owner, &updated, clash.owner));
    ISO_CO_RETURN_IF_ERROR(co_await index_.Apply());
    Entries old;
    for (const IndexDescriptor* index : index_.indexes()) {
      old.push_back(StandingEntry(table_, *index, index_rules_, before));
    }
    for (const IndexEntry* entry : Exclusive(old)) owners_[entry->key].reset();
    ISO_CO_ASSIGN_OR_RETURN(const Entries now, EntriesOf(updated));
    for (const IndexEntry* entry : Exclusive(now)) owners_[entry->key] = clash.owner;
    co_return Changed(std::move(updated), out);
  }

  const InsertPlan& plan_;
  const Settler settler_;
  std::set<std::string> written_;
  // Who has the places in unique indexes that this statement looked at.
  std::map<std::string, std::optional<std::string>> owners_;
};

class UpdateOperator : public DmlOperator {
 public:
  UpdateOperator(const UpdatePlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.rules.indexes, plan.returning, exec),
        plan_(plan),
        settler_(exec, Values(plan)) {
    std::vector<bool> changed(table_.columns.size(), false);
    for (const auto& [column, value] : plan.set) changed[static_cast<size_t>(column)] = true;
    for (const auto& [column, value] : plan.rules.generated) {
      changed[static_cast<size_t>(column)] = true;
    }
    index_.OnlyFor(changed);
  }

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    std::vector<std::string> keys;
    std::vector<std::string> left;   // keys that rows move from
    std::vector<std::string> moved;  // keys that rows move to
    std::vector<size_t> movers;
    ISO_CO_RETURN_IF_ERROR(OncePerRow(plan_.joined));
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      const std::string old_key = EncodeRowKey(table_, input_[i]);
      Row row = input_[i];
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&input_[i]));
      for (const auto& [column, value] : plan_.set) {
        ISO_CO_RETURN_IF_ERROR(
            Eval(*value, exec_->eval, input_[i], &row[static_cast<size_t>(column)]));
      }
      ISO_CO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &row));
      std::string key = plan_.moves_key ? EncodeRowKey(table_, row) : old_key;
      if (key != old_key) {
        left.push_back(old_key);
        moved.push_back(key);
        movers.push_back(i);
      }
      ISO_CO_RETURN_IF_ERROR(NoteIndexes(&input_[i], old_key, &row, key));
      keys.push_back(std::move(key));
      input_[i] = std::move(row);
    }
    // No value is computed from what this statement writes.
    for (const std::string& key : left) ISO_CO_RETURN_IF_ERROR(Erase(key));
    // Every row has left its old place: whatever stands in a new one is another row.
    std::set<std::string> taken;
    for (size_t from = 0; from < moved.size(); from += kKeysAtOnce) {
      const size_t to = std::min(moved.size(), from + kKeysAtOnce);
      auto standing = co_await LockKeys(
          exec_, std::vector<std::string>(moved.begin() + static_cast<std::ptrdiff_t>(from),
                                          moved.begin() + static_cast<std::ptrdiff_t>(to)));
      if (!standing.ok()) co_return standing.status();
      for (size_t i = from; i < to; ++i) {
        if ((*standing)[i - from].has_value() || !taken.insert(moved[i]).second) {
          co_return PrimaryKeyViolation(table_, input_[movers[i]]);
        }
      }
    }
    ISO_CO_RETURN_IF_ERROR(co_await index_.Apply());
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      ISO_CO_RETURN_IF_ERROR(Put(keys[i], input_[i]));
      ISO_CO_RETURN_IF_ERROR(Changed(std::move(input_[i]), out));
    }
    co_return absl::OkStatus();
  }

 private:
  static std::vector<const Expr*> Values(const UpdatePlan& plan) {
    std::vector<const Expr*> out;
    for (const auto& [column, value] : plan.set) out.push_back(value.get());
    return out;
  }

  const UpdatePlan& plan_;
  const Settler settler_;
};

class DeleteOperator : public DmlOperator {
 public:
  DeleteOperator(const DeletePlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.indexes, plan.returning, exec),
        joined_(plan.joined) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    ISO_CO_RETURN_IF_ERROR(OncePerRow(joined_));
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      const std::string key = EncodeRowKey(table_, input_[i]);
      ISO_CO_RETURN_IF_ERROR(Erase(key));
      ISO_CO_RETURN_IF_ERROR(NoteIndexes(&input_[i], key, nullptr, ""));
      ISO_CO_RETURN_IF_ERROR(Changed(std::move(input_[i]), out));
    }
    co_return co_await index_.Apply();
  }

 private:
  const bool joined_;
};

}  // namespace

namespace operators {
OperatorPtr MakeInsert(const InsertPlan& plan, ExecContext* exec) {
  return std::make_unique<InsertOperator>(plan, exec);
}
OperatorPtr MakeUpdate(const UpdatePlan& plan, ExecContext* exec) {
  return std::make_unique<UpdateOperator>(plan, exec);
}
OperatorPtr MakeDelete(const DeletePlan& plan, ExecContext* exec) {
  return std::make_unique<DeleteOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
