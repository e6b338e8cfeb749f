// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/index_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/constraints.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kKeysAtOnce = 1000;

absl::Status Buffered(absl::Status s) {
  if (s.code() != absl::StatusCode::kResourceExhausted) return s;
  return SqlError(sqlstate::kProgramLimit, s.message(), -1, "Write fewer rows in one transaction.");
}

std::vector<uint32_t> ColumnsOf(const IndexDescriptor& index) {
  std::vector<uint32_t> columns;
  for (const IndexColumn& c : index.columns) columns.push_back(c.column);
  return columns;
}

}  // namespace

absl::Status PrimaryKeyViolation(const TableDescriptor& table, const Row& row) {
  return DuplicateKey(table, table.primary_key_name(), table.key, row);
}

absl::Status UniqueViolation(const TableDescriptor& table, const IndexDescriptor& index,
                             const Row& row) {
  return DuplicateKey(table, index.name, ColumnsOf(index), row);
}

absl::Status BufferPut(ExecContext* exec, const std::string& key, std::string value) {
  if (exec->deferred != nullptr) return exec->deferred->Write(key, std::move(value));
  return Buffered(exec->writer->Put(key, std::move(value)));
}

absl::Status BufferDelete(ExecContext* exec, const std::string& key) {
  if (exec->deferred != nullptr) return exec->deferred->Write(key, std::nullopt);
  return Buffered(exec->writer->Delete(key));
}

Task<absl::StatusOr<std::vector<std::optional<std::string>>>> LockKeys(
    ExecContext* exec, std::vector<std::string> keys) {
  std::vector<std::optional<std::string>> out;
  const std::vector<std::string> asked =
      exec->deferred != nullptr ? keys : std::vector<std::string>();
  if (keys.size() == 1) {
    auto value = co_await exec->writer->Get(exec->ctx, keys[0], txn::LockMode::kExclusive);
    if (!value.ok()) co_return value.status();
    out.push_back(*std::move(value));
  } else if (!keys.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(out, co_await exec->writer->MultiGet(exec->ctx, std::move(keys),
                                                                 txn::LockMode::kExclusive));
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    if (const auto* written = exec->deferred->Find(asked[i])) out[i] = *written;
  }
  co_return out;
}

IndexWriter::IndexWriter(const TableDescriptor& table, const IndexRules& rules, ExecContext* exec)
    : table_(table), rules_(rules), exec_(exec) {
  for (const IndexDescriptor& index : table.indexes) indexes_.push_back(&index);
}

void IndexWriter::OnlyFor(const std::vector<bool>& changed) {
  indexes_.erase(
      std::remove_if(indexes_.begin(), indexes_.end(),
                     [&](const IndexDescriptor* index) {
                       const IndexRules::One* rule = rules_.Find(index->id);
                       const auto is_changed = [&](uint32_t c) { return changed[c]; };
                       return !IndexDependsOn(table_, *index, changed) &&
                              (rule == nullptr ||
                               std::none_of(rule->reads.begin(), rule->reads.end(), is_changed));
                     }),
      indexes_.end());
}

absl::Status IndexWriter::Note(const Row* before, const std::string& before_key, const Row* after,
                               const std::string& after_key, int64_t* bytes) {
  for (const IndexDescriptor* index : indexes_) {
    std::optional<IndexEntry> old_entry, new_entry;
    Row full;
    if (before != nullptr) old_entry = StandingEntry(table_, *index, rules_, *before);
    if (after != nullptr) {
      ISO_ASSIGN_OR_RETURN(new_entry, MakeEntry(table_, *index, rules_, *after, &full));
    }
    const bool moves =
        !old_entry.has_value() || !new_entry.has_value() || old_entry->key != new_entry->key;
    if (!moves && old_entry->value == new_entry->value) continue;
    *bytes += static_cast<int64_t>(2 * before_key.size() + sizeof(Gone) + sizeof(Come));
    if (old_entry.has_value()) *bytes += static_cast<int64_t>(old_entry->key.size());
    if (old_entry.has_value() && moves) {
      gone_.push_back({index, std::move(old_entry->key), before_key});
    }
    if (!new_entry.has_value()) continue;
    *bytes += static_cast<int64_t>(new_entry->key.size() + new_entry->value.size());
    Come come{index, *std::move(new_entry), before != nullptr ? before_key : after_key, false, {}};
    // An entry that stays at its key is its row's own, unless the index is being built.
    come.check = come.entry.exclusive && (moves || Guarded(*index));
    if (come.check) {
      for (const IndexColumn& c : index->columns) come.values.push_back(full[c.column]);
    }
    come_.push_back(std::move(come));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> IndexWriter::OwnerOf(const IndexDescriptor& index,
                                                 const std::string& key,
                                                 const std::string& value) const {
  Row row;
  ISO_RETURN_IF_ERROR(DecodeIndexEntry(table_, index, key, value, &row));
  return EncodeRowKey(table_, row);
}

absl::Status IndexWriter::Violation(const Come& come) const {
  Row row(table_.columns.size());
  for (size_t i = 0; i < come.values.size(); ++i) {
    row[come.index->columns[i].column] = come.values[i];
  }
  return UniqueViolation(table_, *come.index, row);
}

Task<absl::Status> IndexWriter::Remove() {
  std::vector<const Gone*> guarded;
  for (const Gone& gone : gone_) {
    if (Guarded(*gone.index)) {
      guarded.push_back(&gone);
    } else {
      ISO_CO_RETURN_IF_ERROR(BufferDelete(exec_, gone.key));
    }
  }
  for (size_t from = 0; from < guarded.size(); from += kKeysAtOnce) {
    const size_t to = std::min(guarded.size(), from + kKeysAtOnce);
    std::vector<std::string> keys;
    for (size_t i = from; i < to; ++i) keys.push_back(guarded[i]->key);
    ISO_CO_ASSIGN_OR_RETURN(auto standing, co_await LockKeys(exec_, std::move(keys)));
    for (size_t i = from; i < to; ++i) {
      const Gone& gone = *guarded[i];
      if (!standing[i - from].has_value()) continue;
      ISO_CO_ASSIGN_OR_RETURN(std::string owner,
                              OwnerOf(*gone.index, gone.key, *standing[i - from]));
      if (owner == gone.owner) ISO_CO_RETURN_IF_ERROR(BufferDelete(exec_, gone.key));
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> IndexWriter::Check(size_t from, size_t to, const std::vector<size_t>& checked) {
  std::vector<std::string> keys;
  for (size_t i = from; i < to; ++i) keys.push_back(come_[checked[i]].entry.key);
  ISO_CO_ASSIGN_OR_RETURN(auto standing, co_await LockKeys(exec_, std::move(keys)));
  for (size_t i = from; i < to; ++i) {
    const Come& come = come_[checked[i]];
    if (!standing[i - from].has_value()) continue;
    ISO_CO_ASSIGN_OR_RETURN(std::string owner,
                            OwnerOf(*come.index, come.entry.key, *standing[i - from]));
    if (owner != come.owner) co_return Violation(come);
  }
  co_return absl::OkStatus();
}

Task<absl::Status> IndexWriter::Apply() {
  ISO_CO_RETURN_IF_ERROR(co_await Remove());
  std::vector<size_t> checked;
  std::set<absl::string_view> taken;
  for (size_t i = 0; i < come_.size(); ++i) {
    if (!come_[i].check) continue;
    if (!taken.insert(come_[i].entry.key).second) co_return Violation(come_[i]);
    checked.push_back(i);
  }
  for (size_t from = 0; from < checked.size(); from += kKeysAtOnce) {
    const size_t to = std::min(checked.size(), from + kKeysAtOnce);
    ISO_CO_RETURN_IF_ERROR(co_await Check(from, to, checked));
  }
  for (Come& come : come_) {
    ISO_CO_RETURN_IF_ERROR(BufferPut(exec_, come.entry.key, std::move(come.entry.value)));
  }
  gone_.clear();
  come_.clear();
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
