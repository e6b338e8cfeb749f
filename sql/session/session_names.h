// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SESSION_NAMES_H_
#define ISOCHRON_SQL_SESSION_SESSION_NAMES_H_

// What a session keeps by name: prepared statements, cursors WITH HOLD whose transactions have
// committed, and, for pg_cursors, those of the transaction that is open.

#include "sql/session/cursor.h"
#include "sql/session/named_statements.h"

namespace isochron::sql {

struct SessionNames {
  NamedStatements statements;
  Cursors held;
  const Cursors* open = nullptr;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SESSION_NAMES_H_
