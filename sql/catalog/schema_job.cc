// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/schema_job.h"

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/key_encoding.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr uint8_t kFormat = 1;

}  // namespace

absl::Status SchemaJob::Error() const {
  return WithFields(SqlError(sql_state.empty() ? sqlstate::kInternal : sql_state, message),
                    {detail, SchemaIn(table_name), LocalName(table_name), "", index_name});
}

void SchemaJob::SetError(const absl::Status& status) {
  state = SchemaJobState::kFailed;
  sql_state = SqlStateOf(status);
  message = std::string(status.message());
  detail = FieldsOf(status).detail;
}

std::string SchemaJobPrefix() { return std::string({kCatalogPrefix, 'j'}); }

std::string SchemaJobKey(TableId table, uint64_t index) {
  return absl::StrCat(SchemaJobPrefix(), TablePrefix(table, index));
}

std::string EncodeSchemaJob(const SchemaJob& job) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(kFormat);
  out.Varint(job.table.value);
  out.Varint(job.index);
  out.Bytes(job.table_name);
  out.Bytes(job.index_name);
  out.Byte(static_cast<uint8_t>(job.state));
  out.Fixed64(job.owner);
  out.Time(job.claimed_until);
  out.Bytes(job.position);
  out.Varint(job.rows);
  out.Bytes(job.sql_state);
  out.Bytes(job.message);
  out.Bytes(job.detail);
  return bytes;
}

absl::StatusOr<SchemaJob> DecodeSchemaJob(absl::string_view bytes) {
  SchemaJob job;
  Reader in(bytes);
  uint8_t format, state;
  if (!in.Byte(&format) || format != kFormat || !in.Varint(&job.table.value) ||
      !in.Varint(&job.index) || !in.Bytes(&job.table_name) || !in.Bytes(&job.index_name) ||
      !in.Byte(&state) || state < 1 || state > 2 || !in.Fixed64(&job.owner) ||
      !in.Time(&job.claimed_until) || !in.Bytes(&job.position) || !in.Varint(&job.rows) ||
      !in.Bytes(&job.sql_state) || !in.Bytes(&job.message) || !in.Bytes(&job.detail) ||
      !in.AtEnd()) {
    return absl::DataLossError("a schema job cannot be read");
  }
  job.state = static_cast<SchemaJobState>(state);
  return job;
}

}  // namespace isochron::sql
