// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_STATEMENTS_H_
#define ISOCHRON_SERVER_PGWIRE_STATEMENTS_H_

// What a client of the extended protocol keeps by name: statements (Parse), which are the session's
// (sql/session/named_statements.h), and portals (Bind), each with an unnamed one that the next
// replaces.
//
// A portal that is executed with a row limit is a cursor of the session, which reads as it is asked
// (sql/session/cursor.h), where its statement is a SELECT. Any other runs to its end at once and
// keeps the rows, within the statement's memory; later Executes take from them. Portals end with
// their transaction.
// Loop-thread only.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/message_writer.h"
#include "sql/session/named_statements.h"
#include "sql/session/session.h"

namespace isochron::pgwire {

using Statement = sql::NamedStatement;

struct Portal {
  ~Portal() {
    if (ctx && charged > 0) ctx->memory.Release(charged);
  }
  std::string name;
  std::shared_ptr<const Statement> statement;
  sql::Params params;  // until it runs
  size_t bytes = 0;    // of its name and parameters
  Formats formats;     // of the result
  bool ran = false;
  bool streams = false;  // its rows are a cursor of the session
  // Rows not sent yet, after an Execute with a limit.
  std::deque<sql::Row> rows;
  std::vector<sql::Type> types;  // theirs
  std::string tag;               // of the statement
  Ctx ctx;                       // holds the rows' memory
  int64_t charged = 0;
};

class Portals {
 public:
  // A connection keeps at most so many portals.
  static constexpr size_t kMaxCount = 10'000;
  // Parameters of portals, besides those of the last one.
  static constexpr size_t kMaxPortalBytes = 64 << 20;

  // 42P03 for a name that is taken, 54000 beyond the limits.
  absl::StatusOr<Portal*> AddPortal(const std::string& name, std::shared_ptr<Portal> portal);
  // 34000.
  absl::StatusOr<std::shared_ptr<Portal>> FindPortal(const std::string& name) const;
  void ClosePortal(const std::string& name);
  void ClosePortals();

  // About what all of it takes, without the rows that portals keep.
  size_t held_bytes() const { return portal_bytes_; }

 private:
  std::map<std::string, std::shared_ptr<Portal>> portals_;
  size_t portal_bytes_ = 0;
};

// The body of a Bind after its two names: parameters in the statement's types, formats. 08P01 when
// it does not fit the statement, 22P02 and the like for a value that is none.
absl::Status ReadBind(BodyReader* in, const sql::TimeContext& time,
                      const std::string& statement_name, const Statement& statement, Portal* out);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_STATEMENTS_H_
