// SPDX-License-Identifier: Apache-2.0
//
// Sequences that come with a table.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/sequence.h"
#include "sql/types/error.h"

namespace isochron::sql {

// In a transaction of its own: nobody knows its id before the description is committed.
Task<absl::Status> Catalog::StartSequence(Ctx ctx, TableDescriptor sequence) {
  SequenceState state;
  state.last_value = sequence.sequence.start;
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store_->Begin(ctx));
  for (int attempt = 0;; ++attempt) {
    absl::Status done = txn->Put(SequenceRowKey(sequence), EncodeSequenceRow(sequence, state));
    if (done.ok()) done = (co_await txn->Commit(ctx, txn::CommitOptions{})).status();
    const bool again =
        done.code() == absl::StatusCode::kAborted || done.code() == absl::StatusCode::kUnknown;
    if (!again) co_return done;
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done));
    ISO_CO_ASSIGN_OR_RETURN(txn, store_->Begin(ctx));
  }
}

Task<absl::Status> Catalog::AddSequences(Ctx ctx, txn::ReadWriteTransaction* txn,
                                         TableDescriptor* table,
                                         std::vector<TableDescriptor> sequences, uint64_t next,
                                         Made* made) {
  std::set<std::string> taken = {table->name};
  for (TableDescriptor& sequence : sequences) {
    const std::string wanted = sequence.name;
    for (int n = 1;; ++n) {
      auto standing =
          co_await txn->Get(ctx, DescriptorKey(sequence.name), txn::LockMode::kExclusive);
      if (!standing.ok()) co_return standing.status();
      if (!standing->has_value() && taken.insert(sequence.name).second) break;
      sequence.name = absl::StrCat(wanted, n);
    }
    sequence.id = TableId(next++);
    sequence.owner_table = table->id;
    sequence.owner = table->owner;
    for (ColumnDescriptor& c : table->columns) {
      if (c.id != sequence.owner_column || sequence.name == wanted) continue;
      // As the default's text writes it (NextValueSql).
      const std::string quoted = QuoteLiteral(PlainSqlName(wanted));
      const size_t at = c.default_sql.rfind(absl::StrCat(quoted, "::regclass)"));
      if (at == std::string::npos) {
        co_return SqlError(sqlstate::kDuplicateTable,
                           absl::StrCat("relation \"", LocalName(wanted), "\" already exists"));
      }
      c.default_sql.replace(at, quoted.size(), QuoteLiteral(PlainSqlName(sequence.name)));
    }
    ISO_CO_RETURN_IF_ERROR(txn->Put(DescriptorKey(sequence.name), EncodeDescriptor(sequence)));
    ISO_CO_RETURN_IF_ERROR(co_await StartSequence(ctx, sequence));
    made->relations.emplace_back(sequence.name, sequence.id);
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Catalog::Annotate(Ctx ctx, std::string name,
                                     std::function<absl::Status(TableDescriptor*)> change,
                                     txn::CommitResult* commit) {
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> txn, store_->Begin(ctx));
  for (int attempt = 0;; ++attempt) {
    auto value = co_await txn->Get(ctx, DescriptorKey(name), txn::LockMode::kExclusive);
    absl::Status done = value.status();
    if (done.ok()) {
      ISO_CO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
      TableRecord record;
      if (value->has_value()) {
        ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
      }
      if (!value->has_value() || record.At(now.latest) == nullptr) {
        txn->Rollback();
        co_return SqlError(sqlstate::kUndefinedTable,
                           absl::StrCat("relation \"", LocalName(name), "\" does not exist"));
      }
      // What is in force, and what is about to be.
      for (std::optional<TableDescriptor>* table : {&record.now, &record.next}) {
        if (done.ok() && table->has_value()) done = change(&**table);
      }
      if (!done.ok()) {
        txn->Rollback();
        co_return done;
      }
      done = txn->Put(DescriptorKey(name), EncodeTableRecord(record));
    }
    if (done.ok()) {
      auto committed = co_await txn->Commit(ctx, txn::CommitOptions{});
      if (committed.ok()) {
        *commit = *committed;
        co_return absl::OkStatus();
      }
      done = committed.status();
    }
    if (done.code() != absl::StatusCode::kUnknown) txn->Rollback();
    if (done.code() != absl::StatusCode::kAborted) co_return done;
    ISO_CO_RETURN_IF_ERROR(co_await Backoff(ctx, attempt, done));
    ISO_CO_ASSIGN_OR_RETURN(txn, store_->Retry(ctx, *txn));
  }
}

}  // namespace isochron::sql
