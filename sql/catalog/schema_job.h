// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_SCHEMA_JOB_H_
#define ISOCHRON_SQL_CATALOG_SCHEMA_JOB_H_

// What is left to do in the background for a change of the schema: a row of the catalog, made by
// the transaction that ordered the change, taken away by the one that ends it. It names who does it
// and until when nobody else should, so that another node goes on when that one dies.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::sql {

enum class SchemaJobState : uint8_t {
  kRunning = 1,
  kFailed = 2,  // undone; `error` is for whoever waits
};

struct SchemaJob {
  TableId table;
  uint64_t index = 0;
  std::string table_name, index_name;
  SchemaJobState state = SchemaJobState::kRunning;
  uint64_t owner = 0;       // of a process; 0: nobody
  Timestamp claimed_until;  // by `owner`
  std::string position;     // keys of the table up to here are done
  uint64_t rows = 0;        // looked at so far
  // Of a failed one.
  std::string sql_state, message, detail;

  absl::Status Error() const;
  void SetError(const absl::Status& status);
};

std::string SchemaJobPrefix();
std::string SchemaJobKey(TableId table, uint64_t index);
std::string EncodeSchemaJob(const SchemaJob& job);
// DATA_LOSS if malformed.
absl::StatusOr<SchemaJob> DecodeSchemaJob(absl::string_view bytes);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_SCHEMA_JOB_H_
