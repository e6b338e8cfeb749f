// SPDX-License-Identifier: Apache-2.0
#include "sql/session/settings.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/causal_token.h"
#include "common/status_macros.h"
#include "sql/session/access.h"
#include "sql/session/session_names.h"
#include "sql/types/time_text.h"

namespace isochron::sql {
namespace {

constexpr char kTransactional[] = "TRANSACTIONAL";
constexpr char kPartitioned[] = "PARTITIONED_NON_ATOMIC";
constexpr char kDmlMode[] = "spanner.autocommit_dml_mode";
constexpr char kStaleness[] = "spanner.read_only_staleness";
constexpr char kCommitTimestamp[] = "spanner.commit_timestamp";
constexpr char kReadTimestamp[] = "spanner.read_timestamp";
constexpr char kCausalToken[] = "spanner.causal_token";
constexpr char kRole[] = "role";
constexpr char kSessionAuthorization[] = "session_authorization";

// What clients and pg_dump set, which changes no answer here; and what drivers ask.
constexpr std::pair<const char*, const char*> kHabits[] = {
    {"array_nulls", "on"},
    {"backslash_quote", "safe_encoding"},
    {"check_function_bodies", "on"},
    {"constraint_exclusion", "partition"},
    {"cursor_tuple_fraction", "0.1"},
    {"default_statistics_target", "100"},
    {"default_table_access_method", "heap"},
    {"default_tablespace", ""},
    {"default_transaction_deferrable", "off"},
    {"effective_cache_size", "4GB"},
    {"enable_bitmapscan", "on"},
    {"enable_hashagg", "on"},
    {"enable_hashjoin", "on"},
    {"enable_indexonlyscan", "on"},
    {"enable_indexscan", "on"},
    {"enable_material", "on"},
    {"enable_mergejoin", "on"},
    {"enable_nestloop", "on"},
    {"enable_seqscan", "on"},
    {"enable_sort", "on"},
    {"escape_string_warning", "on"},
    {"geqo", "on"},
    {"in_hot_standby", "off"},
    {"is_superuser", "on"},
    {"isochron.pushdown", "on"},
    {"jit", "off"},
    {"lc_collate", "C"},
    {"lc_ctype", "C"},
    {"lc_messages", "C"},
    {"lc_monetary", "C"},
    {"lc_numeric", "C"},
    {"lc_time", "C"},
    {"log_min_messages", "warning"},
    {"log_statement", "none"},
    {"maintenance_work_mem", "64MB"},
    {"max_index_keys", "32"},
    {"password_encryption", "scram-sha-256"},
    {"plan_cache_mode", "auto"},
    {"quote_all_identifiers", "off"},
    {"random_page_cost", "4"},
    {"row_security", "on"},
    {"seq_page_cost", "1"},
    {"session_replication_role", "origin"},
    {"synchronize_seqscans", "on"},
    {"synchronous_commit", "on"},
    {"transaction_deferrable", "off"},
    {"work_mem", "4MB"},
    {"xmlbinary", "base64"},
    {"xmloption", "content"},
};

bool IsFixed(const std::string& name) {
  return name == "server_version" || name == "server_encoding" || name == "transaction_isolation" ||
         name == kCommitTimestamp || name == kReadTimestamp || name == "server_version_num" ||
         name == "integer_datetimes" || name == "max_identifier_length" ||
         name == "in_hot_standby" || name == "is_superuser" || name == "lc_collate" ||
         name == "lc_ctype" || name == "max_index_keys";
}

bool IsIdentity(const std::string& name) { return name == kRole || name == kSessionAuthorization; }

std::string TimestampText(Timestamp t) { return t.us == 0 ? "" : FormatRfc3339(t.us); }

absl::Status BadValue(const std::string& name, const std::string& value, absl::string_view hint) {
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("invalid value for parameter \"", name, "\": \"", value, "\""), -1,
                  hint);
}

std::string TimeText(Micros us) {
  if (us == 0) return "0";
  return us % 1'000'000 == 0 ? absl::StrCat(us / 1'000'000, "s") : absl::StrCat(us / 1000, "ms");
}

absl::StatusOr<bool> OnOff(const std::string& name, const std::string& value) {
  auto d = DatumFromText(Type::kBool, value);
  if (!d.ok()) return BadValue(name, value, "Use on or off.");
  return d->bool_value();
}

}  // namespace

absl::StatusOr<ReadBound> ParseReadBound(const std::string& text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  const size_t space = trimmed.find(' ');
  const std::string word = absl::AsciiStrToUpper(trimmed.substr(0, space));
  const absl::string_view rest =
      space == absl::string_view::npos ? "" : absl::StripAsciiWhitespace(trimmed.substr(space));
  ReadBound bound;
  if (word == "STRONG" && rest.empty()) return bound;
  if (word == "CAUSAL" && rest.empty()) {
    bound.kind = ReadBound::Kind::kCausal;
    return bound;
  }
  if (word == "EXACT_STALENESS" || word == "MAX_STALENESS") {
    bound.kind = word[0] == 'E' ? ReadBound::Kind::kExactStaleness : ReadBound::Kind::kMaxStaleness;
    ISO_ASSIGN_OR_RETURN(bound.value_us, ParseDuration(rest, 1'000'000));
    return bound;
  }
  if (word == "READ_TIMESTAMP" || word == "MIN_READ_TIMESTAMP") {
    bound.kind =
        word[0] == 'R' ? ReadBound::Kind::kReadTimestamp : ReadBound::Kind::kMinReadTimestamp;
    ISO_ASSIGN_OR_RETURN(bound.value_us, ParseTimestamp(rest));
    return bound;
  }
  return BadValue(kStaleness, text,
                  "Use STRONG, EXACT_STALENESS 5s, MAX_STALENESS 5s, READ_TIMESTAMP <timestamp>, "
                  "MIN_READ_TIMESTAMP <timestamp> or CAUSAL.");
}

absl::Status Settings::SetSetting(const std::string& name, const std::string& value,
                                  bool is_local) {
  if (is_local) {
    return SqlError(sqlstate::kUnsupported,
                    "a setting for the transaction alone is not supported yet");
  }
  if (IsIdentity(name)) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("set_config of ", name, " is not supported"), -1,
                    "Use SET ROLE or SET SESSION AUTHORIZATION.");
  }
  return Set(name, value);
}

void Settings::SetWho(Who who) {
  who_ = std::move(who);
  access_ = nullptr;
  path_is_plain_ = false;  // "$user"
}

absl::Status Settings::SetIdentity(const std::string& name,
                                   const std::optional<std::string>& value) {
  Who who = who_;
  const bool nobody = !value.has_value() || (name == kRole && *value == "none");
  Identity identity = who_.login;
  if (!nobody) {
    const auto it = known_.find(*value);
    if (it == known_.end() && *value != who_.login.name) {
      return SqlError(sqlstate::kUndefinedObject,
                      absl::StrCat("role \"", *value, "\" does not exist"));
    }
    if (it != known_.end()) identity = {it->first, it->second};
  }
  if (name == kRole) {
    who.role = nobody ? std::nullopt : std::optional<Identity>(identity);
  } else {
    who.session = identity;
    who.role.reset();
  }
  SetWho(std::move(who));
  return absl::OkStatus();
}

Settings::Settings(Timeouts timeouts, std::string version, uint64_t session, std::string database)
    : timeouts_(timeouts),
      session_(session),
      database_(std::move(database)),
      names_(std::make_shared<SessionNames>()) {
  defaults_ = {{"application_name", ""},
               {"bytea_output", "hex"},
               {"client_encoding", "UTF8"},
               {"client_min_messages", "notice"},
               {"datestyle", "ISO, MDY"},
               {"default_transaction_isolation", "serializable"},
               {"default_transaction_read_only", "off"},
               {"extra_float_digits", "1"},
               {"idle_in_transaction_session_timeout", TimeText(timeouts.idle_in_transaction_us)},
               {"idle_session_timeout", "0"},
               {"integer_datetimes", "on"},
               {"intervalstyle", "postgres"},
               {"lock_timeout", TimeText(timeouts.lock_us)},
               {"max_identifier_length", "63"},
               {"search_path", "\"$user\", public"},
               {kRole, "none"},
               {"server_encoding", "UTF8"},
               {"server_version", absl::StrCat("15.1 (", version, ")")},
               {"server_version_num", "150001"},
               {kDmlMode, kTransactional},
               {kCommitTimestamp, ""},
               {kCausalToken, ""},
               {kReadTimestamp, ""},
               {kSessionAuthorization, kBootstrapRoleName},
               {kStaleness, "STRONG"},
               {"standard_conforming_strings", "on"},
               {"statement_timeout", TimeText(timeouts.statement_us)},
               {"timezone", "UTC"},
               {"transaction_isolation", "serializable"}};
  for (const auto& [name, value] : kHabits) defaults_[name] = value;
  values_ = defaults_;
}

absl::Status Settings::Set(const std::string& name, const std::optional<std::string>& value) {
  auto it = defaults_.find(name);
  if (it == defaults_.end()) {
    return SqlError(sqlstate::kUndefinedObject,
                    absl::StrCat("unrecognized configuration parameter \"", name, "\""), -1,
                    "SHOW ALL lists the settings.");
  }
  if (IsFixed(name)) {
    return SqlError("55P02", absl::StrCat("parameter \"", name, "\" cannot be changed"));
  }
  if (IsIdentity(name)) return SetIdentity(name, value);
  return Apply(name, value.value_or(it->second));
}

absl::Status Settings::Apply(const std::string& name, const std::string& value) {
  const std::string upper = absl::AsciiStrToUpper(value);
  if (name == "statement_timeout") {
    ISO_ASSIGN_OR_RETURN(timeouts_.statement_us, ParseDuration(value, 1000));
  } else if (name == "lock_timeout") {
    ISO_ASSIGN_OR_RETURN(timeouts_.lock_us, ParseDuration(value, 1000));
  } else if (name == "idle_in_transaction_session_timeout") {
    ISO_ASSIGN_OR_RETURN(timeouts_.idle_in_transaction_us, ParseDuration(value, 1000));
  } else if (name == "idle_session_timeout") {
    ISO_ASSIGN_OR_RETURN(timeouts_.idle_session_us, ParseDuration(value, 1000));
  } else if (name == kStaleness) {
    ISO_ASSIGN_OR_RETURN(read_bound_, ParseReadBound(value));
  } else if (name == kDmlMode) {
    if (upper != kTransactional && upper != kPartitioned) {
      return BadValue(kDmlMode, value,
                      absl::StrCat("Use ", kTransactional, " or ", kPartitioned, "."));
    }
    values_[name] = upper;
    return absl::OkStatus();
  } else if (name == kCausalToken) {
    if (value.empty()) {
      seen_ = Timestamp();
    } else {
      ISO_ASSIGN_OR_RETURN(Timestamp t, DecodeCausalToken(value));
      See(t);
      return absl::OkStatus();
    }
  } else if (name == "default_transaction_read_only") {
    ISO_ASSIGN_OR_RETURN(bool on, OnOff(name, value));
    set_default_read_only(on);
    return absl::OkStatus();
  } else if (name == "timezone") {
    ISO_ASSIGN_OR_RETURN(values_[name], SetTimeZone(value));
    return absl::OkStatus();
  } else if (name == "datestyle") {
    ISO_ASSIGN_OR_RETURN(values_[name], SetDateStyle(value));
    return absl::OkStatus();
  } else if (name == "intervalstyle") {
    if (upper != "POSTGRES") {
      return SqlError(sqlstate::kUnsupported, "the only IntervalStyle is postgres");
    }
  } else if (name == "client_encoding") {
    if (upper != "UTF8" && upper != "UTF-8" && upper != "UNICODE") {
      return SqlError(sqlstate::kUnsupported, "the only encoding is UTF8");
    }
  } else if (name == "standard_conforming_strings") {
    ISO_ASSIGN_OR_RETURN(bool on, OnOff(name, value));
    if (!on) return SqlError(sqlstate::kUnsupported, "standard_conforming_strings is always on");
  } else if ((name == "session_replication_role" && upper != "ORIGIN") ||
             (name == "default_tablespace" && !value.empty()) ||
             (name == "default_table_access_method" && upper != "HEAP")) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("parameter \"", name, "\" cannot be \"", value, "\" here"));
  } else if (name == "bytea_output" && upper != "HEX") {
    return SqlError(sqlstate::kUnsupported, "bytea is always written in hex");
  }
  if (name == "search_path") path_is_plain_ = false;
  values_[name] = value;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Settings::SetTimeZone(const std::string& value) {
  absl::string_view text = absl::StripAsciiWhitespace(value);
  TimeZone zone;
  const std::string lower = absl::AsciiStrToLower(text);
  if (absl::StartsWith(lower, "interval ")) {
    text = absl::StripAsciiWhitespace(text.substr(9));
    if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
      text = text.substr(1, text.size() - 2);
    }
    ISO_ASSIGN_OR_RETURN(const Interval v, ParseInterval(text, IntervalField::kHour));
    if (v.months != 0 || v.days != 0 || v.us % kSecondUs != 0 || v.us > 7 * kDayUs ||
        v.us < -7 * kDayUs) {
      return SqlError(sqlstate::kInvalidParameter,
                      "a time zone's interval has hours, minutes and seconds only");
    }
    zone = TimeZoneOfOffset(static_cast<int>(v.us / kSecondUs));
  } else if (lower != "local" && lower != "default" && !TimeZoneOfHours(text, &zone) &&
             !TimeZone::Find(text, &zone)) {
    return BadValue("TimeZone", value,
                    "Use a name of tzdata such as Europe/Berlin, or hours east of UTC.");
  }
  time_.zone = zone;
  return zone.name();
}

absl::StatusOr<std::string> Settings::SetDateStyle(const std::string& value) {
  DateOrder order = time_.order;
  for (absl::string_view word : absl::StrSplit(value, absl::ByAnyChar(", "), absl::SkipEmpty())) {
    const std::string lower = absl::AsciiStrToLower(word);
    if (lower == "iso") continue;
    if (lower == "mdy" || lower == "us" || lower == "default" ||
        absl::StartsWith(lower, "noneuro")) {
      order = DateOrder::kMdy;
    } else if (lower == "dmy" || absl::StartsWith(lower, "euro")) {
      order = DateOrder::kDmy;
    } else if (lower == "ymd") {
      order = DateOrder::kYmd;
    } else if (lower == "sql" || lower == "postgres" || lower == "german") {
      return SqlError(sqlstate::kUnsupported, absl::StrCat("DateStyle ", word, " is not supported"),
                      -1, "Dates are written in the style ISO.");
    } else {
      return BadValue("DateStyle", value, "Use ISO, and MDY, DMY or YMD.");
    }
  }
  time_.order = order;
  return absl::StrCat("ISO, ", order == DateOrder::kMdy   ? "MDY"
                               : order == DateOrder::kDmy ? "DMY"
                                                          : "YMD");
}

void Settings::ResetAll() {
  for (const auto& [name, value] : defaults_) {
    if (!IsFixed(name) && !IsIdentity(name)) (void)Apply(name, value);
  }
}

void Settings::SetPath(SearchPath path, bool plain) {
  path_is_plain_ = plain;
  if (path == *path_) return;
  path_ =
      path == *PublicPath() ? PublicPath() : std::make_shared<const SearchPath>(std::move(path));
}

void Settings::GoBackTo(const Settings& before) {
  path_is_plain_ = false;
  SetWho(before.who_);
  for (const auto& [name, value] : before.values_) {
    if (!IsFixed(name) && name != kCausalToken) values_[name] = value;
  }
  timeouts_ = before.timeouts_;
  read_bound_ = before.read_bound_;
  time_ = before.time_;
  default_read_only_ = before.default_read_only_;
}

void Settings::set_default_read_only(bool v) {
  default_read_only_ = v;
  values_["default_transaction_read_only"] = v ? "on" : "off";
}

bool Settings::partitioned_dml() const { return values_.at(kDmlMode) == kPartitioned; }

std::optional<std::string> Settings::Get(const std::string& name) const {
  auto it = values_.find(name);
  if (it == values_.end()) return std::nullopt;
  if (name == kCommitTimestamp) return TimestampText(committed_);
  if (name == kReadTimestamp) return TimestampText(read_);
  if (name == kCausalToken && seen_.us != 0) return EncodeCausalToken(seen_);
  if (name == kRole) return who_.role.has_value() ? who_.role->name : "none";
  if (name == kSessionAuthorization) return who_.session.name;
  if (name == "is_superuser") {
    return acts_as_bootstrap() || (access_ != nullptr && access_->superuser) ? "on" : "off";
  }
  return it->second;
}

std::vector<PreparedInfo> Settings::Prepared() const {
  std::vector<PreparedInfo> out;
  for (const auto& [name, s] : names_->statements.all()) {
    if (name.empty()) continue;
    out.push_back({name, s->shown.empty() ? s->sql : s->shown, s->made.us, s->params, s->from_sql});
  }
  return out;
}

std::vector<CursorInfo> Settings::Cursors() const {
  std::vector<CursorInfo> out;
  const auto add = [&out](const sql::Cursors& cursors) {
    for (const auto& [name, c] : cursors) {
      const Cursor::About& about = c->about();
      out.push_back({name, about.sql, about.made.us, about.hold, about.binary,
                     about.scroll || !about.no_scroll});
    }
  };
  add(names_->held);
  if (names_->open != nullptr) add(*names_->open);
  return out;
}

std::vector<std::pair<std::string, std::string>> Settings::All() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : values_) all.emplace_back(name, *Get(name));
  return all;
}

void Settings::See(Timestamp t) { seen_ = std::max(seen_, t); }

void Settings::SetCommitTimestamp(Timestamp t) {
  See(t);
  committed_ = t;
}
void Settings::SetReadTimestamp(Timestamp t) {
  See(t);
  read_ = t;
}

}  // namespace isochron::sql
