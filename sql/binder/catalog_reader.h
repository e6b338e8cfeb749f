// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_CATALOG_READER_H_
#define ISOCHRON_SQL_BINDER_CATALOG_READER_H_

// What expressions may ask beside their row: the catalog as the statement sees it, and its session.
//
// Evaluation never waits, so the catalog is read before a statement that asks (Plan::uses_catalog),
// once. Implemented by sql/pg_catalog and sql/session.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

enum class CatalogCall : uint8_t {
  kVisible,         // (oid) of a relation
  kTypeVisible,     // (oid)
  kConstraintDef,   // (oid)
  kIndexDef,        // (oid, column)
  kViewDef,         // (oid)
  kObjectComment,   // (oid, catalog) or (oid)
  kColumnComment,   // (oid, column)
  kSerialSequence,  // (table, column)
  kFunctionResult,  // (oid)
  kFunctionArguments,
  // Whether the role, whoever acts where none is named, may: ([role,] object, privileges), the role
  // and the object by name or oid.
  kSchemaPrivilege,
  kTablePrivilege,
  kSequencePrivilege,
  kDatabasePrivilege,
  kRolePrivilege,  // MEMBER, USAGE
  kRoleName,       // (oid)
  kDefaultAcl,     // (kind, owner's oid)
};

class CatalogReader {
 public:
  virtual ~CatalogReader() = default;
  // What regclass and its kin read, and print. 42P01, 42704, 42883 for a name that nothing has.
  virtual absl::StatusOr<int64_t> OidOfName(Type type, absl::string_view text) const = 0;
  // The number where nothing has it.
  virtual std::string NameOfOid(Type type, int64_t oid) const = 0;
  virtual absl::Status Call(CatalogCall call, const Datum* args, size_t count,
                            Datum* out) const = 0;
  // The rows of a table of pg_catalog or information_schema; kept as long as the reader.
  virtual const std::vector<Row>& Rows(absl::string_view schema, absl::string_view name) const = 0;
  // Those whose column at `column` equals `value`, by their places.
  virtual std::vector<size_t> RowsWhere(absl::string_view schema, absl::string_view name,
                                        size_t column, const Datum& value) const = 0;
};

// Of pg_prepared_statements and pg_cursors.
struct PreparedInfo {
  std::string name, statement;
  int64_t made_us = 0;
  std::vector<Type> params;
  bool from_sql = false;
};
struct CursorInfo {
  std::string name, statement;
  int64_t made_us = 0;
  bool holdable = false, binary = false, scrollable = false;
};

// A session, as its statements see it.
class SessionReader {
 public:
  virtual ~SessionReader() = default;
  virtual std::optional<std::string> Setting(const std::string& name) const = 0;
  virtual std::vector<std::pair<std::string, std::string>> AllSettings() const = 0;
  // set_config.
  virtual absl::Status SetSetting(const std::string& name, const std::string& value,
                                  bool is_local) = 0;
  virtual uint64_t id() const = 0;
  virtual const std::string& current_database() const = 0;
  virtual const std::string& current_user() const = 0;
  virtual const std::string& session_user() const = 0;
  // The schemas of the search path that there are.
  virtual const std::vector<std::string>& Path() const = 0;
  virtual std::vector<PreparedInfo> Prepared() const { return {}; }
  virtual std::vector<CursorInfo> Cursors() const { return {}; }
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_CATALOG_READER_H_
