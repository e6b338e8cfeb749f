// SPDX-License-Identifier: Apache-2.0
//
// Dates, times, intervals and JSON as text: PostgreSQL's input forms, templates of to_char and
// to_timestamp, zones.
#include "common/check.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datetime_text.h"
#include "sql/types/datum.h"
#include "sql/types/json.h"
#include "sql/types/time_datum.h"
#include "sql/types/time_format.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

using sql::Datum;
using sql::TimeContext;
using sql::Type;

constexpr Type kTypes[] = {Type::kDate,     Type::kTime, Type::kTimestamp, Type::kTimestamptz,
                           Type::kInterval, Type::kJson, Type::kJsonb};
constexpr uint8_t kKinds = 10;

// What is read is in range, and is read again as it is written.
void CheckValue(Type type, absl::string_view text, const TimeContext& context) {
  uint8_t uses = 0;
  auto d = sql::DatumFromText(type, text, context, &uses);
  if (!d.ok()) return;
  if (sql::IsTimeType(type)) ISO_CHECK(sql::IsTimeInRange(type, *d), "a time in range");
  const std::string written = sql::DatumToText(type, *d, context);
  auto again = sql::DatumFromText(type, written, context, &uses);
  ISO_CHECK(again.ok() && *again == *d, "a value is read as it was written");
  for (int32_t typmod : {0, 3, 6}) {
    if (!sql::IsTimeType(type)) break;
    Datum rounded = *d;
    if (sql::ApplyTimeTypmod(type, typmod, &rounded).ok()) {
      ISO_CHECK(type == Type::kTime || sql::IsTimeInRange(type, rounded), "rounded in range");
    }
  }
}

void CheckIntervals(absl::string_view text) {
  auto v = sql::ParseInterval(text);
  if (!v.ok()) return;
  (void)sql::FormatIntervalIso(*v);
  sql::Interval back;
  ISO_CHECK(sql::IntervalFromSortKey(sql::IntervalSortKey(*v), &back) &&
                sql::CompareIntervals(*v, back) == 0,
            "an interval's key tells its length");
  (void)sql::MultiplyInterval(*v, 1.5);
  (void)sql::JustifyInterval(*v);
  (void)sql::AddToTimestamp(0, *v);
}

void CheckTemplates(absl::string_view text) {
  const size_t bar = text.find('|');
  const absl::string_view form = text.substr(0, bar);
  sql::FormattedTime time;
  time.c = sql::ToCivil(1'709'175'906'789'123);
  time.days = 19'782;
  (void)sql::FormatWithTemplate(form, time);
  if (bar != absl::string_view::npos) (void)sql::ScanWithTemplate(text.substr(bar + 1), form);
}

void CheckJson(absl::string_view text) {
  const absl::Status checked = sql::CheckJson(text);
  auto json = sql::ParseJson(text, sql::JsonForm::kJson);
  ISO_CHECK(checked.ok() == json.ok(), "what is checked can be parsed");
  auto v = sql::ParseJson(text, sql::JsonForm::kJsonb);
  if (!v.ok()) return;
  const std::string written = sql::JsonbText(*v);
  const sql::JsonValue again = sql::ParseJsonb(written);
  ISO_CHECK(sql::JsonbText(again) == written && sql::CompareJson(*v, again) == 0,
            "jsonb there and back");
  ISO_CHECK(sql::JsonContains(*v, again), "a value holds itself");
  (void)sql::JsonbPretty(*v);
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* text : {"2024-02-29",
                           "Jan 8, 1999",
                           "08-Jan-99 BC",
                           "infinity",
                           "epoch",
                           "today",
                           "J2451187.5",
                           "04:05:06.789 PM",
                           "20240229T040506-08",
                           "2024-02-29 04:05:06 America/New_York",
                           "2024-02-29 04:05:06 MET DST",
                           "allballs",
                           "y2024m2d29 h4 mm5 s6.5",
                           "294246-12-31",
                           "1 year 2 mons -3 days +04:05:06.5",
                           "@ 1.5 weeks 2 hours ago",
                           "P1Y2M3DT4H5M6.7S",
                           "P0001-02-03T04:05:06",
                           "1-2 3 4:05:06",
                           "2147483647 days 9223372036854775807 us",
                           "{\"a\":[1,-2.50e3,\"\\u00e9\\n\",{\"b\":null,\"b\":true}]}",
                           "[[],{},\"\\ud83d\\ude00\"]",
                           "YYYY-MM-DD HH24:MI:SS.US|2024-02-29 04:05:06.789123",
                           "FMDay, DDth Month Y,YYY \"x\" am",
                           "IYYY-IW-ID J Q RM TZH:TZM|2024-09-5",
                           "FXYYYYMMDD|20240229"}) {
    for (char kind = 0; kind < static_cast<char>(kKinds); ++kind) {
      seeds.push_back(std::string(1, kind) + text);
    }
  }
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron;
  static const auto* context = [] {
    auto* c = new sql::TimeContext;
    (void)sql::TimeZone::Find("America/New_York", &c->zone);
    c->now_us = 1'709'175'906'789'123;
    return c;
  }();
  fuzz::Input in(data, size);
  const uint8_t kind = in.Byte() % fuzz::kKinds;
  const absl::string_view text = in.Rest();
  if (kind < std::size(fuzz::kTypes)) {
    fuzz::CheckValue(fuzz::kTypes[kind], text, *context);
  } else if (kind == 7) {
    fuzz::CheckIntervals(text);
  } else if (kind == 8) {
    fuzz::CheckTemplates(text);
  } else {
    fuzz::CheckJson(text);
  }
  return 0;
}
