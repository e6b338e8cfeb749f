// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SETTINGS_H_
#define ISOCHRON_SQL_SESSION_SETTINGS_H_

// What SET and SHOW know. A session owns one; its transactions share it.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/types.h"
#include "sql/binder/catalog_reader.h"
#include "sql/catalog/roles.h"
#include "sql/session/search_path.h"
#include "sql/session/sequences.h"
#include "sql/session/session.h"
#include "sql/types/datetime_parse.h"

namespace isochron::sql {

struct SessionNames;
struct Access;

class Settings : public SessionReader {
 public:
  // What SET changes, and RESET goes back to. 0: none.
  struct Timeouts {
    Micros statement_us = 0;
    Micros lock_us = 0;
    Micros idle_in_transaction_us = 0;
    Micros idle_session_us = 0;
  };
  Settings(Timeouts timeouts, std::string version, uint64_t session, std::string database);

  // 42704 for an unknown name, 22023 for a value it cannot take, 55P02 for one that cannot change.
  absl::Status Set(const std::string& name, const std::optional<std::string>& value);
  void ResetAll();
  // Undoes what was set since `before`.
  void GoBackTo(const Settings& before);
  // nullopt if there is no such setting.
  std::optional<std::string> Get(const std::string& name) const;
  std::vector<std::pair<std::string, std::string>> All() const;

  // Of currval and lastval.
  SequenceMemory& sequences() { return sequences_; }
  std::optional<std::string> Setting(const std::string& name) const override { return Get(name); }
  std::vector<std::pair<std::string, std::string>> AllSettings() const override { return All(); }
  // 0A000 for one that is to hold for a transaction only.
  absl::Status SetSetting(const std::string& name, const std::string& value,
                          bool is_local) override;
  uint64_t id() const override { return session_; }
  const std::string& current_database() const override { return database_; }
  // As it was last found (EngineImpl::PathOf).
  const PathPtr& path() const { return path_; }
  const std::vector<std::string>& Path() const override { return *path_; }
  // Whether it holds until search_path is set: the catalog was not asked.
  bool path_is_plain() const { return path_is_plain_; }
  void SetPath(SearchPath path, bool plain);
  // Who acts: the role that the client logged in as, the one that SET SESSION AUTHORIZATION made
  // of it, and that of SET ROLE, if any.
  struct Identity {
    std::string name = kBootstrapRoleName;
    uint64_t role = kBootstrapRole;
  };
  struct Who {
    Identity login, session;
    std::optional<Identity> role;
  };
  const Who& who() const { return who_; }
  void SetWho(Who who);
  // SET SESSION AUTHORIZATION and SET ROLE go back to these names when a transaction ends.
  void Know(const Identity& identity) { known_[identity.name] = identity.role; }
  const Identity& acting() const { return who_.role.has_value() ? *who_.role : who_.session; }
  // It may do everything, and nothing has to be looked up for it.
  bool acts_as_bootstrap() const { return acting().role == kBootstrapRole; }
  const std::string& current_user() const override { return acting().name; }
  const std::string& session_user() const override { return who_.session.name; }
  // What the acting role may do, as it was last found (EngineImpl::AccessOf); null for the
  // bootstrap role and before it was.
  const std::shared_ptr<const Access>& access() const { return access_; }
  void SetAccess(std::shared_ptr<const Access> access) { access_ = std::move(access); }
  std::vector<PreparedInfo> Prepared() const override;
  std::vector<CursorInfo> Cursors() const override;
  // Prepared statements and cursors of the session (session_names.h).
  SessionNames* names() const { return names_.get(); }

  const Timeouts& timeouts() const { return timeouts_; }
  const ReadBound& read_bound() const { return read_bound_; }
  // How times are read and written: timezone and datestyle.
  const TimeContext& time() const { return time_; }
  // A write that stands alone runs in parts, each a transaction.
  bool partitioned_dml() const;
  bool default_read_only() const { return default_read_only_; }
  void set_default_read_only(bool v);

  // What the last statement was given; SHOW spanner.commit_timestamp and spanner.read_timestamp.
  void SetCommitTimestamp(Timestamp t);
  void SetReadTimestamp(Timestamp t);
  // The greatest of these so far, and of the tokens that SET spanner.causal_token gave: bounded
  // reads of this session look no earlier.
  Timestamp seen() const { return seen_; }

 private:
  void See(Timestamp t);
  absl::Status Apply(const std::string& name, const std::string& value);
  absl::Status SetIdentity(const std::string& name, const std::optional<std::string>& value);
  absl::StatusOr<std::string> SetTimeZone(const std::string& value);
  absl::StatusOr<std::string> SetDateStyle(const std::string& value);

  std::map<std::string, std::string> defaults_;
  std::map<std::string, std::string> values_;
  Timeouts timeouts_;
  ReadBound read_bound_;
  TimeContext time_;
  Timestamp seen_;
  Timestamp committed_, read_;  // of the last statement; as text only when somebody asks
  bool default_read_only_ = false;
  SequenceMemory sequences_;
  uint64_t session_ = 0;
  std::string database_;
  std::shared_ptr<SessionNames> names_;
  PathPtr path_ = PublicPath();
  bool path_is_plain_ = false;
  Who who_;
  std::map<std::string, uint64_t> known_;
  std::shared_ptr<const Access> access_;
};

// "STRONG", "CAUSAL", "EXACT_STALENESS 5s", "MAX_STALENESS 5s", "READ_TIMESTAMP 2024-...",
// "MIN_READ_TIMESTAMP ...". 22023.
absl::StatusOr<ReadBound> ParseReadBound(const std::string& text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SETTINGS_H_
