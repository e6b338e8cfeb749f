// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TIME_ZONE_H_
#define ISOCHRON_SQL_TYPES_TIME_ZONE_H_

// Time zones: those of the system's tzdata by name, and fixed offsets.
//
// A local time that a jump forward skips is read with the offset before the jump, one that comes
// twice with the offset after it, as PostgreSQL does. Offsets are seconds east of UTC. Values are
// small and immutable. Names are looked up among those that tzdata holds, whatever their case, so
// that no text of a client's makes the process open a file or remember a name.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace isochron::sql {

class TimeZone {
 public:
  // UTC.
  TimeZone() = default;
  static TimeZone Fixed(int offset_s, std::string name, std::string abbreviation);
  // A name of tzdata ("Europe/Berlin", any case), "UTC", or a POSIX text without rules ("FOO+3",
  // "<-03>3": west is positive). False if it is none.
  static bool Find(absl::string_view name, TimeZone* out);

  // As SHOW timezone gives it.
  const std::string& name() const { return name_; }
  bool is_fixed() const { return fixed_; }
  bool is_utc() const { return fixed_ && offset_s_ == 0; }

  struct Local {
    int offset_s = 0;
    bool is_dst = false;
    std::string abbreviation;
  };
  int OffsetAt(int64_t utc_us) const;
  Local At(int64_t utc_us) const;
  // The offset that local time (microseconds as if of UTC) has. Any number.
  int OffsetOfLocal(int64_t local_us) const;
  // Local time, microseconds as if of UTC.
  int64_t ToLocal(int64_t utc_us) const { return utc_us + OffsetAt(utc_us) * int64_t{1'000'000}; }
  int64_t ToUtc(int64_t local_us) const {
    return local_us - OffsetOfLocal(local_us) * int64_t{1'000'000};
  }

 private:
  bool fixed_ = true;
  int offset_s_ = 0;
  std::string name_ = "UTC";
  std::string abbreviation_ = "UTC";
  absl::TimeZone zone_;
};

// The values that SET TIME ZONE takes besides names: hours east ("-3.5", "8"), and intervals of
// hours and minutes, which the caller parses. False if `text` is no number. The zone's name is
// PostgreSQL's, "<-03:30>+03:30".
bool TimeZoneOfHours(absl::string_view text, TimeZone* out);
TimeZone TimeZoneOfOffset(int offset_s);

// Names of tzdata in order, each once.
const std::vector<std::string>& TimeZoneNames();

// What an abbreviation in a date means ("EST", "MSK", any case). `zone` is set instead of the
// offset where the offset depends on the date.
struct ZoneAbbreviation {
  const char* name;
  int16_t offset_minutes;
  bool is_dst;
  const char* zone;
};
// Null if there is none.
const ZoneAbbreviation* FindZoneAbbreviation(absl::string_view name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TIME_ZONE_H_
