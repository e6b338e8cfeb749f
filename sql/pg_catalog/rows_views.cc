// SPDX-License-Identifier: Apache-2.0
//
// Views of the catalog: tables, indexes, views.
#include "sql/pg_catalog/describe.h"
#include "sql/pg_catalog/rows.h"
#include "sql/types/catalog_types.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

std::string SchemaName(const CatalogContext& context, const CatalogRelation& r) {
  const CatalogSchema* schema = context.snapshot->Schema(r.schema);
  return schema == nullptr ? "" : schema->name;
}

std::string OwnerName(const CatalogContext& context, const CatalogRelation& r) {
  return context.snapshot->roles().NameOf(r.table == nullptr ? kBootstrapRole : r.table->owner);
}

void Tables(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'r') continue;
    const bool stored = r.table != nullptr;
    out->New().Text("schemaname", SchemaName(context, r)).Text("tablename", r.name);
    out->Text("tableowner", OwnerName(context, r))
        .Bool("hasrules", false)
        .Bool("rowsecurity", false);
    out->Bool("hasindexes", stored && (!r.table->has_hidden_key() || !r.table->indexes.empty()));
    out->Bool("hastriggers",
              stored && (!r.table->foreign_keys.empty() || !r.table->referencing.empty()));
  }
}

void Views(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'v') continue;
    out->New().Text("schemaname", SchemaName(context, r)).Text("viewname", r.name);
    out->Text("viewowner", OwnerName(context, r));
    if (r.table != nullptr) out->Text("definition", ViewSql(*r.table));
  }
}

void Indexes(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'i') continue;
    out->New().Text("schemaname", SchemaName(context, r)).Text("tablename", r.table->local_name());
    out->Text("indexname", r.name);
    out->Text("indexdef", IndexDefinition(*context.snapshot, r, 0, false));
  }
}

void Sequences(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'S') continue;
    const SequenceOptions& s = r.table->sequence;
    out->New().Text("schemaname", SchemaName(context, r)).Text("sequencename", r.name);
    out->Text("sequenceowner", OwnerName(context, r))
        .Int("start_value", s.start)
        .Int("min_value", s.min);
    out->Set("data_type", NamedOid(OidOf(s.type), std::string(TypeName(s.type))));
    out->Int("max_value", s.max).Int("increment_by", s.increment).Bool("cycle", s.cycle);
    out->Int("cache_size", s.cache);
  }
}

// Which are the user's; how often they were read or written is not counted.
void TableStatistics(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'r' || r.table == nullptr) continue;
    out->New().Int("relid", r.oid).Text("schemaname", SchemaName(context, r));
    out->Text("relname", r.name);
  }
}

void IndexStatistics(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'i') continue;
    out->New().Int("relid", TableOid(r.table->id)).Int("indexrelid", r.oid);
    out->Text("schemaname", SchemaName(context, r)).Text("relname", r.table->local_name());
    out->Text("indexrelname", r.name);
  }
}

// Whoever builds it is no backend, and nothing was counted beforehand.
void CreateIndexProgress(const CatalogContext& context, RowMaker* out) {
  for (const IndexProgress& p : *context.progress) {
    out->New().Int("datid", context.snapshot->database().oid);
    out->Text("datname", context.snapshot->database().name);
    out->Int("relid", TableOid(p.table)).Int("index_relid", IndexOid(p.table, p.index));
    out->Text("command", "CREATE INDEX CONCURRENTLY");
    out->Text("phase", "building index: scanning table");
    out->Int("lockers_total", 0).Int("lockers_done", 0);
    out->Int("tuples_done", static_cast<int64_t>(p.rows));
  }
}

}  // namespace

namespace catalog_rows {

void AddViews(Makers* out) {
  (*out)["pg_tables"] = Tables;
  (*out)["pg_views"] = Views;
  (*out)["pg_indexes"] = Indexes;
  (*out)["pg_sequences"] = Sequences;
  (*out)["pg_stat_user_tables"] = TableStatistics;
  (*out)["pg_stat_all_tables"] = TableStatistics;
  (*out)["pg_statio_user_tables"] = TableStatistics;
  (*out)["pg_statio_all_tables"] = TableStatistics;
  (*out)["pg_stat_progress_create_index"] = CreateIndexProgress;
  (*out)["pg_stat_user_indexes"] = IndexStatistics;
  (*out)["pg_stat_all_indexes"] = IndexStatistics;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
