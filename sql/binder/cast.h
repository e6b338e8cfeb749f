// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_CAST_H_
#define ISOCHRON_SQL_BINDER_CAST_H_

// Which types become which others, and where they do so by themselves: PostgreSQL's pg_cast.
//
// A conversion is implicit (wherever an expression stands), of assignment (where a value is stored)
// or explicit (CAST). One without a function changes nothing but the name of the type: a smallint
// is an integer as it is. Beside these, every type becomes text where it is stored, and text
// becomes every type where CAST says so, by the types' text forms.

#include <vector>

#include "absl/status/status.h"
#include "sql/types/datum.h"

namespace isochron::sql {

enum class CastContext : uint8_t { kImplicit = 0, kAssignment = 1, kExplicit = 2 };

// `in` is not NULL.
using CastFn = absl::Status (*)(const Datum& in, Datum* out);

// One that depends on the session's time zone.
using TimeCastFn = absl::Status (*)(const TimeContext& time, const Datum& in, Datum* out);

struct Cast {
  Type from;
  Type to;
  CastContext context;
  CastFn fn;  // null: the value stays as it is
  TimeCastFn time_fn = nullptr;
};

// Null if pg_cast has none.
const Cast* FindCast(Type from, Type to);

// Whether a value of `from` becomes one of `to` in that place. A literal of unknown type becomes
// anything.
bool CanCoerce(Type from, Type to, CastContext context);

// Whether the result depends on the session's settings or on the time: not to be done beforehand.
bool DependsOnSession(Type from, Type to);

// Whether it does so as it is: the same type, or a cast without a function.
bool SameForm(Type from, Type to);

namespace cast_groups {
// Each source file adds its part.
void AddNumbers(std::vector<Cast>* out);
void AddNumeric(std::vector<Cast>* out);
void AddStrings(std::vector<Cast>* out);
void AddTimes(std::vector<Cast>* out);
void AddCatalog(std::vector<Cast>* out);
void AddJson(std::vector<Cast>* out);
}  // namespace cast_groups

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_CAST_H_
