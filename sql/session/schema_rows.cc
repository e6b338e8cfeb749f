// SPDX-License-Identifier: Apache-2.0
//
// What a change of the schema inside a transaction reads and writes of rows.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/status_macros.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/index_entries.h"
#include "sql/session/referential.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr uint64_t kPageRows = 1000;
// Rows whose keys may be there already. Two keys of one mark are rare but for duplicates.
constexpr size_t kMaxDoubtful = 100;
// What a key costs in the set.
constexpr int64_t kKeyBytes = 20;

// Says of most keys of a table that they were not there before, in a few bytes each.
class KeySieve {
 public:
  explicit KeySieve(Ctx ctx) : ctx_(std::move(ctx)) {}
  ~KeySieve() { ctx_->memory.Release(charged_); }
  KeySieve(const KeySieve&) = delete;
  KeySieve& operator=(const KeySieve&) = delete;

  // False: perhaps it was. RESOURCE_EXHAUSTED.
  absl::StatusOr<bool> Add(absl::string_view key) {
    ISO_RETURN_IF_ERROR(ctx_->memory.Charge(kKeyBytes));
    charged_ += kKeyBytes;
    uint64_t mark = 0xcbf29ce484222325ull;
    for (const char c : key) {
      mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    }
    return marks_.insert(mark).second;
  }

 private:
  const Ctx ctx_;
  int64_t charged_ = 0;
  absl::flat_hash_set<uint64_t> marks_;  // lint: no iteration
};

}  // namespace

absl::Status SchemaTransaction::Doubt(const Row& row, std::string key, std::string value,
                                      std::vector<Doubtful>* to) {
  // So many are duplicates: the first will tell.
  if (to->size() < kMaxDoubtful) to->push_back({row, std::move(key), std::move(value)});
  return absl::OkStatus();
}

Task<absl::StatusOr<txn::ReadTransaction*>> SchemaTransaction::ReaderOf(
    Ctx ctx, TablePtr one, TablePtr two, std::unique_ptr<txn::ReadTransaction>* snapshot) {
  for (const TablePtr& table : {one, two}) {
    if (scope_.made.contains(table->id) || dirty_->contains(table->id)) co_return &writer_;
  }
  // From here on nobody commits a write of them without a lock on their descriptions, which is
  // held.
  ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().WaitUntilPast(ctx, scope_.from));
  ISO_CO_ASSIGN_OR_RETURN(*snapshot, engine_->deps().store->BeginReadOnly(ctx, std::nullopt));
  co_return snapshot->get();
}

Task<absl::Status> SchemaTransaction::ForEachRow(Ctx ctx, TablePtr table, EachRow each) {
  std::unique_ptr<txn::ReadTransaction> snapshot;
  ISO_CO_ASSIGN_OR_RETURN(txn::ReadTransaction* const reader,
                          co_await ReaderOf(ctx, table, table, &snapshot));
  txn::ScanRequest request;
  request.range = PrefixRange(RowPrefix(*table));
  request.limit_rows = kPageRows;
  for (;;) {
    auto page = co_await reader->Scan(ctx, request);
    if (!page.ok()) co_return page.status();
    for (const txn::KeyValue& kv : page->rows) {
      Row row;
      ISO_CO_RETURN_IF_ERROR(DecodeRow(*table, kv.key, kv.value, &row));
      ISO_CO_RETURN_IF_ERROR(each(row, kv.key));
    }
    ISO_CO_RETURN_IF_ERROR(co_await writer_.Relieve(ctx));
    if (!page->rest.has_value()) co_return absl::OkStatus();
    request.range = *page->rest;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(engine_->deps().executor->MonotonicNow()));
    co_await SleepFor(engine_->deps().executor, 0);
  }
}

Task<absl::Status> SchemaTransaction::FillIndexes(Ctx ctx, std::vector<SchemaJob> jobs) {
  for (const SchemaJob& job : jobs) {
    ISO_CO_ASSIGN_OR_RETURN(TablePtr table, co_await Resolve(ctx, job.table_name));
    const IndexDescriptor* index = table->FindIndex(job.index);
    if (index != nullptr) ISO_CO_RETURN_IF_ERROR(co_await FillIndex(ctx, table, index));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaTransaction::FillIndex(Ctx ctx, TablePtr table,
                                                const IndexDescriptor* index) {
  writer_.Add(IndexPrefix(*table, *index));
  KeySieve keys(ctx);
  std::vector<Doubtful> doubtful;
  ISO_CO_ASSIGN_OR_RETURN(const IndexRules rules, BindIndexRules(*table));
  const auto each = [&](const Row& row, const std::string&) -> absl::Status {
    Row full;
    ISO_ASSIGN_OR_RETURN(std::optional<IndexEntry> entry,
                         MakeEntry(*table, *index, rules, row, &full));
    if (!entry.has_value()) return absl::OkStatus();
    if (entry->exclusive) {
      ISO_ASSIGN_OR_RETURN(const bool fresh, keys.Add(entry->key));
      if (!fresh) return Doubt(full, std::move(entry->key), std::move(entry->value), &doubtful);
    }
    return writer_.Put(std::move(entry->key), std::move(entry->value));
  };
  ISO_CO_RETURN_IF_ERROR(co_await ForEachRow(ctx, table, each));
  co_return co_await Settle(ctx, table, index, std::move(doubtful));
}

Task<absl::Status> SchemaTransaction::Settle(Ctx ctx, TablePtr table, const IndexDescriptor* index,
                                             std::vector<Doubtful> doubtful) {
  for (Doubtful& one : doubtful) {
    auto standing = co_await writer_.Get(ctx, one.key, txn::LockMode::kExclusive);
    if (!standing.ok()) co_return standing.status();
    if (standing->has_value()) co_return DuplicatedKey(*table, *index, one.row);
    ISO_CO_RETURN_IF_ERROR(writer_.Put(std::move(one.key), std::move(one.value)));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SchemaTransaction::CheckNotNull(Ctx ctx, TablePtr table,
                                                   std::vector<uint32_t> columns) {
  const auto each = [&](const Row& row, const std::string&) {
    return NoNullsIn(*table, columns, row);
  };
  co_return co_await ForEachRow(ctx, table, each);
}

Task<absl::Status> SchemaTransaction::Rewrite(Ctx ctx, TablePtr before, TablePtr after,
                                              const Conversions* conversions) {
  ISO_CO_ASSIGN_OR_RETURN(const IndexRules rules, BindIndexRules(*after));
  std::vector<int> from;                  // by column of `after`: where it was
  std::map<size_t, const Expr*> convert;  // by column of `after`
  std::vector<uint32_t> never_null;
  IndexDescriptor primary;
  primary.name = after->primary_key_name();
  for (const ColumnDescriptor& c : after->columns) from.push_back(before->FindColumnId(c.id));
  for (uint32_t k : after->key) {
    never_null.push_back(after->columns[k].id);
    primary.columns.push_back({k, false, false});
  }
  for (const auto& [id, value] : *conversions) {
    const auto position = static_cast<size_t>(after->FindColumnId(id));
    convert[position] = value.get();
    if (after->columns[position].not_null) never_null.push_back(id);
  }
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_;
  ISO_CO_ASSIGN_OR_RETURN(const Timestamp moment, engine_->SqlNow());
  exec.eval.SetNow(moment, settings_->time());
  KeySieve keys(ctx);
  std::vector<Doubtful> doubtful;
  std::map<uint64_t, std::vector<Doubtful>> of_index;
  const auto each = [&](const Row& row, const std::string&) -> absl::Status {
    Row now(after->columns.size());
    for (size_t i = 0; i < now.size(); ++i) {
      const ColumnDescriptor& c = after->columns[i];
      if (auto it = convert.find(i); it != convert.end()) {
        ISO_RETURN_IF_ERROR(Eval(*it->second, exec.eval, row, &now[i]));
      } else {
        now[i] = from[i] < 0 ? c.missing_value : row[static_cast<size_t>(from[i])];
      }
    }
    ISO_RETURN_IF_ERROR(NoNullsIn(*after, never_null, now));
    for (const IndexDescriptor& index : after->indexes) {
      Row full;
      ISO_ASSIGN_OR_RETURN(std::optional<IndexEntry> entry,
                           MakeEntry(*after, index, rules, now, &full));
      if (!entry.has_value()) continue;
      // Values that differed may not any more.
      if (entry->exclusive && !convert.empty()) {
        ISO_ASSIGN_OR_RETURN(const bool fresh, keys.Add(entry->key));
        if (!fresh) {
          ISO_RETURN_IF_ERROR(
              Doubt(full, std::move(entry->key), std::move(entry->value), &of_index[index.id]));
          continue;
        }
      }
      ISO_RETURN_IF_ERROR(writer_.Put(std::move(entry->key), std::move(entry->value)));
    }
    std::string key = EncodeRowKey(*after, now);
    ISO_ASSIGN_OR_RETURN(const bool fresh, keys.Add(key));
    if (!fresh) return Doubt(now, std::move(key), EncodeRowValue(*after, now), &doubtful);
    return writer_.Put(std::move(key), EncodeRowValue(*after, now));
  };
  ISO_CO_RETURN_IF_ERROR(co_await ForEachRow(ctx, before, each));
  for (auto& [id, rows] : of_index) {
    ISO_CO_RETURN_IF_ERROR(co_await Settle(ctx, after, after->FindIndex(id), std::move(rows)));
  }
  co_return co_await Settle(ctx, after, &primary, std::move(doubtful));
}

Task<absl::Status> SchemaTransaction::ValidateForeignKey(Ctx ctx, std::string name,
                                                         std::string constraint) {
  ISO_CO_ASSIGN_OR_RETURN(TablePtr child, co_await Resolve(ctx, name));
  const ForeignKey* key = child->FindForeignKey(constraint);
  if (key == nullptr) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(TablePtr parent, co_await Resolve(ctx, key->parent_name));
  std::unique_ptr<txn::ReadTransaction> snapshot;
  ISO_CO_ASSIGN_OR_RETURN(txn::ReadTransaction* const reader,
                          co_await ReaderOf(ctx, child, parent, &snapshot));
  ISO_CO_RETURN_IF_ERROR(co_await Referential::CheckTable(ctx, engine_->deps().executor,
                                                          child.get(), key, parent.get(), reader));
  ForeignKeyEdit end(name, constraint, true);
  co_return (co_await Edit(ctx, &end, "")).status();
}

Task<absl::Status> SchemaTransaction::ValidateCheck(Ctx ctx, std::string name,
                                                    CheckConstraint check) {
  ISO_CO_ASSIGN_OR_RETURN(TablePtr table, co_await Resolve(ctx, name));
  std::unique_ptr<txn::ReadTransaction> snapshot;
  ISO_CO_ASSIGN_OR_RETURN(txn::ReadTransaction* const reader,
                          co_await ReaderOf(ctx, table, table, &snapshot));
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text,
                          engine_->cache().Get(CheckQuery(name, check), Params()));
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                          co_await PlanHere(ctx, text, &text->statements[0]));
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_;
  ISO_CO_ASSIGN_OR_RETURN(const Timestamp now, engine_->SqlNow());
  exec.eval.SetNow(now, settings_->time());
  exec.reader = reader;
  CollectingSink sink;
  auto ran = co_await engine_->Run(plan, &exec, &sink, false);
  if (!ran.ok()) co_return ran.status();
  co_return ran->rows == 0 ? absl::OkStatus() : CheckBroken(name, check);
}

}  // namespace isochron::sql
