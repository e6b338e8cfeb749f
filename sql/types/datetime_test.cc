// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datetime_parse.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sql/types/datetime_text.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

enum class Kind : uint8_t { kDate, kTime, kTimestamp, kTimestamptz, kInterval };

// What PostgreSQL 15 answers; errors as "E SQLSTATE message".
struct Vector {
  Kind kind;
  const char* zone;
  DateOrder order;
  const char* in;
  const char* out;
};
constexpr Vector kVectors[] = {
    {Kind::kDate, "Europe/Berlin", DateOrder::kMdy, "2024-02-29 04:05 AM", "2024-02-29"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kDmy, "on 2024-01-02 04:05:06", "2024-01-02"},
    {Kind::kDate, "FOO+3", DateOrder::kMdy, "2024-366 h4 mm5 s6.5", "2024-12-31"},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kMdy, "January 8, 1999 04:05:06-1200",
     "1999-01-08"},
    {Kind::kDate, "America/New_York", DateOrder::kYmd, "2024 01 02 12:00 pm", "2024-01-02"},
    {Kind::kDate, "FOO+3", DateOrder::kDmy, "on 2024-01-02 04:05:06 am+15:59:59", "2024-01-02"},
    {Kind::kDate, "UTC", DateOrder::kMdy, "294277-01-01 04:05:06 am pst", "294277-01-01"},
    {Kind::kDate, "Europe/Berlin", DateOrder::kMdy, "julian 2451187 h4 mm5 s6.5 EDT", "1999-01-08"},
    {Kind::kDate, "FOO+3", DateOrder::kMdy, "2024-jan-02 040506", "2024-01-02"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kMdy, "on 2024-01-02 4:5:6 z", "2024-01-02"},
    {Kind::kDate, "FOO+3", DateOrder::kYmd, "2024-01-02 040506.789", "2024-01-02"},
    {Kind::kDate, "Europe/Berlin", DateOrder::kYmd, "294277-01-01 04:05:06 zulu", "294277-01-01"},
    {Kind::kDate, "UTC", DateOrder::kMdy, "-infinity 04:05:06.789 zulu", "-infinity"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kDmy, "2023-366T04:05:06 MSK", "2024-01-01"},
    {Kind::kDate, "UTC", DateOrder::kDmy, "2024-02-29 04:05:06.7891239 BST", "2024-02-29"},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kDmy, "1999.008 05:06.7 GMT+3", "1999-01-08"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kYmd, "2024-366 04:05 AM BST", "2024-12-31"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kDmy, "2023-366 04:05:06 am pst", "2024-01-01"},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kYmd, "294277-01-01 040506.789Z",
     "294277-01-01"},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kYmd, "69-1-1 04:05:06.", "2069-01-01"},
    {Kind::kDate, "UTC", DateOrder::kMdy, "1/18/1999 040506.789", "1999-01-18"},
    {Kind::kDate, "America/New_York", DateOrder::kMdy, "2024-02-29", "2024-02-29"},
    {Kind::kDate, "Europe/Berlin", DateOrder::kMdy, "july-4-2020 h4 mm5 s6.5", "2020-07-04"},
    {Kind::kDate, "America/New_York", DateOrder::kYmd, "72-1-1T04:05:06", "1972-01-01"},
    {Kind::kDate, "America/New_York", DateOrder::kYmd, "2024-01-02 0405.06", "2024-01-02"},
    {Kind::kDate, "America/New_York", DateOrder::kMdy, "2024 100 13:00 pm+15:59:59",
     "E 22008 date/time field value out of range: \"2024 100 13:00 pm+15:59:59\""},
    {Kind::kDate, "FOO+3", DateOrder::kDmy, "   04:05:06 pst",
     "E 22007 invalid input syntax for type date: \"   04:05:06 pst\""},
    {Kind::kDate, "America/New_York", DateOrder::kDmy, "20240102T04 BST",
     "E 22007 invalid input syntax for type date: \"20240102T04 BST\""},
    {Kind::kDate, "Asia/Kolkata", DateOrder::kDmy, "1999.008 04:05:06,5 -0330",
     "E 22007 invalid input syntax for type date: \"1999.008 04:05:06,5 -0330\""},
    {Kind::kDate, "America/New_York", DateOrder::kMdy, "abc h4 mm5 s6.5 UTC+2",
     "E 22007 invalid input syntax for type date: \"abc h4 mm5 s6.5 UTC+2\""},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kDmy, "2024 jan 04:05:06.7891239 utc",
     "E 22007 invalid input syntax for type date: \"2024 jan 04:05:06.7891239 utc\""},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kYmd, "Jan 2, 2024 25:00 america/new_york",
     "E 22008 date/time field value out of range: \"Jan 2, 2024 25:00 america/new_york\""},
    {Kind::kDate, "Australia/Lord_Howe", DateOrder::kYmd, "5874897-12-31 allballs foo",
     "E 22007 invalid input syntax for type date: \"5874897-12-31 allballs foo\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "05:06.7+1", "00:05:06.7"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05 MET DST", "04:05:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "040506.789 +02:00:01", "04:05:06.789"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "1:2:3 pm z", "13:02:03"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "0405 MSK", "04:05:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "23:59:60+02", "24:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "T04:05:06+5:30", "04:05:06"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05:06.PST", "04:05:06"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "h4 mm5 s6.5 utc", "04:05:06.5"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "1:2:3 pm zulu", "13:02:03"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "12:00 am +02:00:01", "00:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05:06.-08:00", "04:05:06"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "allballs", "00:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "24:00:00", "24:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "12:00 pm-08:00", "12:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05:06.+15:59:59", "04:05:06"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "040506.789+5:30", "04:05:06.789"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "T040506 UTC+2", "04:05:06"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "24:00:00 zulu", "24:00:00"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "h4 mm5 s6.5 UTC+2", "04:05:06.5"},
    {Kind::kTime, "UTC", DateOrder::kMdy, "12:00 pm foo",
     "E 22007 invalid input syntax for type time: \"12:00 pm foo\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04.5 GMT+3",
     "E 22007 invalid input syntax for type time: \"04.5 GMT+3\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05 AM+16",
     "E 22009 time zone displacement out of range: \"04:05 AM+16\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "04:05+02:60",
     "E 22009 time zone displacement out of range: \"04:05+02:60\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "12:00 pm+02:60",
     "E 22009 time zone displacement out of range: \"12:00 pm+02:60\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "040506-08+16",
     "E 22009 time zone displacement out of range: \"040506-08+16\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "25:00 zulu",
     "E 22008 date/time field value out of range: \"25:00 zulu\""},
    {Kind::kTime, "UTC", DateOrder::kMdy, "23:59:61+15:59:59",
     "E 22008 date/time field value out of range: \"23:59:61+15:59:59\""},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 23:59:60Z",
     "2024-04-01 00:00:00"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 04:05 UTC+2",
     "2024-03-31 04:05:00"},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 12:00 pm BST",
     "2024-03-31 12:00:00"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 4:5:6 Asia/Kolkata",
     "2024-03-31 04:05:06"},
    {Kind::kTimestamp, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 04:05 AM MSK",
     "2024-03-31 04:05:00"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 h4 mm5 s6.5PST",
     "2024-03-31 04:05:06.5"},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 040506Z",
     "2024-03-31 04:05:06"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 040506.789 pst",
     "2024-03-31 04:05:06.789"},
    {Kind::kTimestamp, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 12:00 am PST8PDT",
     "2024-03-31 00:00:00"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-001 MSK",
     "2024-01-01 00:00:00"},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 04:05:06.7891239 MET DST",
     "2024-03-31 04:05:06.789124"},
    {Kind::kTimestamp, "Europe/Berlin", DateOrder::kDmy, "2 jan 2024 1:2:3 pm GMT+3",
     "2024-01-02 13:02:03"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31  pst",
     "2024-03-31 00:00:00"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kDmy, "01 02 2024 24:00:00 utc",
     "2024-02-02 00:00:00"},
    {Kind::kTimestamp, "America/New_York", DateOrder::kMdy, "2024-03-31 04:05:06.789 GMT+3",
     "2024-03-31 04:05:06.789"},
    {Kind::kTimestamp, "FOO+3", DateOrder::kMdy, "2024-03-31 040506.789 Asia/Kolkata",
     "2024-03-31 04:05:06.789"},
    {Kind::kTimestamp, "America/New_York", DateOrder::kMdy, "2024-03-31 h4 mm5 s6.5+02",
     "2024-03-31 04:05:06.5"},
    {Kind::kTimestamp, "America/New_York", DateOrder::kMdy, "2024-03-31 040506-08",
     "2024-03-31 04:05:06"},
    {Kind::kTimestamp, "FOO+3", DateOrder::kMdy, "January 8, 99 BC 0405", "0099-01-08 04:05:00 BC"},
    {Kind::kTimestamp, "FOO+3", DateOrder::kMdy, "0001-01-01 12:00 pm", "0001-01-01 12:00:00"},
    {Kind::kTimestamp, "FOO+3", DateOrder::kDmy, "on 2024-01-02T040506", "2024-01-02 04:05:06"},
    {Kind::kTimestamp, "America/New_York", DateOrder::kMdy, "2024-03-31  GMT+3",
     "2024-03-31 00:00:00"},
    {Kind::kTimestamp, "America/New_York", DateOrder::kMdy, "infinity 5 04:05Z", "infinity"},
    {Kind::kTimestamp, "FOO+3", DateOrder::kDmy, "January 8, 1999 24:00:00 pst",
     "1999-01-09 00:00:00"},
    {Kind::kTimestamp, "UTC", DateOrder::kMdy, "2024-03-31 T04:05:06 BST", "2024-03-31 04:05:06"},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 25:00 EST5EDT",
     "E 22008 date/time field value out of range: \"2024-03-31 25:00 EST5EDT\""},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2023-02-29 12:00 pm",
     "E 22008 date/time field value out of range: \"2023-02-29 12:00 pm\""},
    {Kind::kTimestamp, "Europe/Berlin", DateOrder::kDmy, "2024 100 0405 foo",
     "E 22007 invalid input syntax for type timestamp: \"2024 100 0405 foo\""},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kDmy, "1999.008 040506-08 zulu",
     "E 22007 invalid input syntax for type timestamp: \"1999.008 040506-08 zulu\""},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kDmy, "2024-01-02 at 23:59:61+02:60",
     "E 22008 date/time field value out of range: \"2024-01-02 at 23:59:61+02:60\""},
    {Kind::kTimestamp, "America/New_York", DateOrder::kYmd, "5874898-01-01 040506.789 Asia/Kolkata",
     "E 22008 timestamp out of range: \"5874898-01-01 040506.789 Asia/Kolkata\""},
    {Kind::kTimestamp, "UTC", DateOrder::kDmy, "2024-jan-02 allballs+15:59:59",
     "E 22007 invalid input syntax for type timestamp: \"2024-jan-02 allballs+15:59:59\""},
    {Kind::kTimestamp, "FOO+3", DateOrder::kMdy, "2024 jan 4:5:6PST",
     "E 22007 invalid input syntax for type timestamp: \"2024 jan 4:5:6PST\""},
    {Kind::kTimestamp, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 040506 foo",
     "E 22007 invalid input syntax for type timestamp: \"2024-03-31 040506 foo\""},
    {Kind::kTimestamp, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 04:05 foo",
     "E 22007 invalid input syntax for type timestamp: \"2024-03-31 04:05 foo\""},
    {Kind::kTimestamptz, "Africa/Cairo", DateOrder::kMdy, "290000-03-10 02:30",
     "290000-03-10 02:30:00+02"},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kMdy, "infinity 12:00 pm+5:30", "infinity"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kYmd, "240102 04:05:06.789 MSK",
     "2024-01-01 20:05:06.789-05"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "1800-12-30 00:00",
     "1800-12-30 00:00:00+05:53:28"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "1900-04-07 01:45",
     "1900-04-07 01:45:00+05:21:10"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "9999-12-30 00:00",
     "9999-12-30 00:00:00+11"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "240102 040506 america/new_york",
     "2024-01-02 14:35:06+05:30"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 T040506 PST8PDT",
     "2024-03-31 13:05:06+02"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "1883-12-30 00:00",
     "1883-12-30 00:00:00+10:36:20"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2037-07-01 12:00",
     "2037-07-01 12:00:00+02"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "2024-03-31 0405 utc",
     "2024-03-31 00:05:00-04"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "1800-07-01 12:00",
     "1800-07-01 12:00:00+00:53:28"},
    {Kind::kTimestamptz, "Pacific/Apia", DateOrder::kMdy, "1883-03-31 02:30",
     "1883-03-31 02:30:00+12:33:04"},
    {Kind::kTimestamptz, "Pacific/Apia", DateOrder::kMdy, "2500-07-01 12:00",
     "2500-07-01 12:00:00+13"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "+02 2024-11-03",
     "2024-11-02 23:00:00+01"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "1918-03-10 02:30",
     "1918-03-10 02:30:00-05"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2024-001 04:05 PM",
     "2024-01-01 16:05:00+05:30"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2024-jan-02 1:2:3 pm",
     "2024-01-02 13:02:03+01"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "2024-03-31 04:05:06.7891239 -0330",
     "2024-03-31 03:35:06.789124-04"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "1/2/03 12:00 pm",
     "2003-01-02 12:00:00+01"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "Jan-08-99 0405.06 pst",
     "1999-01-08 17:35:00.06+05:30"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kDmy, "0044-03-15 BC 4:5:6",
     "0044-03-15 04:05:06+00:53:28 BC"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "290000-03-31 02:30",
     "290000-03-31 02:30:00+02"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "2050-07-01 12:00",
     "2050-07-01 12:00:00-04"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2024-jan-02",
     "2024-01-02 00:00:00+05:30"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2024-1-2 04:05:06.7891239",
     "2024-01-02 04:05:06.789124+05:30"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2024-03-31 04:05:06. +02:00:01",
     "2024-03-31 07:35:05+05:30"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy,
     "2024-03-31 04:05 america/new_york", "2024-03-31 19:05:00+11"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "1883-04-07 01:45",
     "1883-04-07 01:45:00+05:21:10"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kYmd, "julian 2451187 1:2:3 pm EDT",
     "1999-01-09 04:02:03+11"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kDmy, "2024.01.02T040506+5:30",
     "2024-01-01 17:35:06-05"},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kMdy, "2024-03-31 02:30", "2024-03-31 02:30:00-03"},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kYmd, "20240102 040506.789",
     "2024-01-02 04:05:06.789-03"},
    {Kind::kTimestamptz, "Africa/Cairo", DateOrder::kMdy, "2500-10-06 02:15",
     "2500-10-06 02:15:00+03"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 04:05 PM",
     "2024-03-31 16:05:00+02"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 04:05:06.7891239+1",
     "2024-03-31 05:05:06.789124+02"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "2024-03-31 24:00:00 EDT",
     "2024-04-01 00:00:00-04"},
    {Kind::kTimestamptz, "UTC", DateOrder::kYmd, "y2024m1d2 04:05 PM", "2024-01-02 16:05:00+00"},
    {Kind::kTimestamptz, "Pacific/Apia", DateOrder::kMdy, "1970-03-31 02:30",
     "1970-03-31 02:30:00-11"},
    {Kind::kTimestamptz, "Africa/Cairo", DateOrder::kMdy, "2050-03-31 02:30",
     "2050-03-31 02:30:00+02"},
    {Kind::kTimestamptz, "UTC", DateOrder::kMdy, "2024-03-31 T040506 EDT",
     "2024-03-31 08:05:06+00"},
    {Kind::kTimestamptz, "UTC", DateOrder::kMdy, "1970-10-27 02:30", "1970-10-27 02:30:00+00"},
    {Kind::kTimestamptz, "Africa/Cairo", DateOrder::kMdy, "9999-11-03 01:30",
     "9999-11-03 01:30:00+02"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "1999-10-06 02:15",
     "1999-10-06 02:15:00-04"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 t04:05 z",
     "2024-03-31 15:05:00+11"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2050-10-27 02:30",
     "2050-10-27 02:30:00+05:30"},
    {Kind::kTimestamptz, "Africa/Cairo", DateOrder::kMdy, "2500-12-30 00:00",
     "2500-12-30 00:00:00+02"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "9999-03-10 02:30",
     "9999-03-10 02:30:00+01"},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kMdy, "1970-04-07 01:45", "1970-04-07 01:45:00-03"},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "1900-10-06 02:15",
     "1900-10-06 02:15:00+01"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kYmd, "0044-03-15 BC",
     "0044-03-15 00:00:00+10:36:20 BC"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "1945-10-27 02:30",
     "1945-10-27 02:30:00+05:30"},
    {Kind::kTimestamptz, "America/Sao_Paulo", DateOrder::kMdy, "2500-11-03 01:30",
     "2500-11-03 01:30:00-03"},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "1918-10-27 02:30",
     "1918-10-27 02:30:00-05"},
    {Kind::kTimestamptz, "UTC", DateOrder::kYmd, "on 2024-01-02 12:00 pm +02:00:01",
     "2024-01-02 09:59:59+00"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "2024-03-31 1:2:3 pm MSK",
     "2024-03-31 21:02:03+11"},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "2024-03-10 02:30",
     "2024-03-10 02:30:00+05:30"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "1900-03-10 02:30",
     "1900-03-10 02:30:00+10"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "1800-10-06 02:15",
     "1800-10-06 02:15:00+10:36:20"},
    {Kind::kTimestamptz, "UTC", DateOrder::kYmd, "2024-001 23:59:60 MET DST",
     "2024-01-01 22:00:00+00"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "12:00 pm+5:30 2024-11-03",
     "E 22007 invalid input syntax for type timestamp with time zone: \"12:00 pm+5:30 "
     "2024-11-03\""},
    {Kind::kTimestamptz, "UTC", DateOrder::kMdy, "05:06.7 z 2024-11-03",
     "E 22007 invalid input syntax for type timestamp with time zone: \"05:06.7 z 2024-11-03\""},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kMdy, "04:05:06.9999999 +02:00:01 2024-11-03",
     "E 22007 invalid input syntax for type timestamp with time zone: \"04:05:06.9999999 +02:00:01 "
     "2024-11-03\""},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "04:05:06,5-08:00 2024-11-03",
     "E 22007 invalid input syntax for type timestamp with time zone: \"04:05:06,5-08:00 "
     "2024-11-03\""},
    {Kind::kTimestamptz, "America/New_York", DateOrder::kMdy, "12:00 pm+16 2024-11-03",
     "E 22009 time zone displacement out of range: \"12:00 pm+16 2024-11-03\""},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kMdy, "25:00+5:30 2024-11-03",
     "E 22008 date/time field value out of range: \"25:00+5:30 2024-11-03\""},
    {Kind::kTimestamptz, "FOO+3", DateOrder::kMdy, "20240102 23:59:61Z",
     "E 22008 date/time field value out of range: \"20240102 23:59:61Z\""},
    {Kind::kTimestamptz, "Asia/Kolkata", DateOrder::kMdy, "04.5+15:59:59 2024-11-03",
     "E 22007 invalid input syntax for type timestamp with time zone: \"04.5+15:59:59 "
     "2024-11-03\""},
    {Kind::kTimestamptz, "Europe/Berlin", DateOrder::kMdy, "2024-03-31 13:00 pm Europe/Nowhere",
     "E 22023 time zone \"europe/nowhere\" not recognized"},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kYmd, "1/18/1999 04:05:06.9999999",
     "E 22008 date/time field value out of range: \"1/18/1999 04:05:06.9999999\""},
    {Kind::kTimestamptz, "UTC", DateOrder::kMdy, "2024-03-31 23:60-1200",
     "E 22008 date/time field value out of range: \"2024-03-31 23:60-1200\""},
    {Kind::kTimestamptz, "Australia/Lord_Howe", DateOrder::kYmd, "mon jan 2 2024 13:00 pm+15:59:59",
     "E 22008 date/time field value out of range: \"mon jan 2 2024 13:00 pm+15:59:59\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1.5 decade", "-15 years"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7 ms", "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "2147483647 d -1-2 milliseconds",
     "-1 years -2 mons +2147483647 days"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "+1:00 min", "01:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.999999999", "00:00:02"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7weeks 0.0000005 y 0decades",
     "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1 hours", "-01:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1.5 decades", "-15 years"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1 minutes", "-00:01:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "100000000:00:00 seconds", "100000000:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "178956970 years", "178956970 years"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-2147483648 minutes 1.5day 0",
     "1 day -35791382:08:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1:2 sec", "01:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "04:05:06 day", "04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1-2 min", "1 year 2 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "+1:00 qtr", "01:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1-2 decades", "1 year 2 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1:2", "01:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.999999999 usec", "00:00:00.000002"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1:2 minutes", "01:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "100000000:00:00 yrs", "100000000:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.1 w", "16:48:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1 years", "-1 years"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "PT0.000001S", "00:00:00.000001"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "12345 s", "03:25:45"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1:2 mil", "01:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.5mon +2 days 0.1 us .5w",
     "1 mon 20 days 12:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.0000005 mil", "00:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.999999999 hours", "01:59:59.999996"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.333333 mil", "333 years 4 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "04:05:06 millennium", "04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1-2 mil", "1 year 2 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "+2millennium 1:2yrs ago", "-2000 years -01:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.1 us", "00:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.1 minutes", "00:00:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "04:05:06 mon", "04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7 sec", "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.333333 us", "00:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.333333 months", "9 days 23:59:59.136"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-2147483648 days", "-2147483648 days"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0 millennia", "00:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7 hours", "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.0000005 month", "00:00:01.296"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "PT36H", "36:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1 microseconds", "00:00:00.000001"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.999999999 days", "1 day 23:59:59.999914"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.333333 usec", "00:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, ".5 w", "3 days 12:00:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.5 ms", "00:00:00.0015"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1.5centuries 04:05:06usec ago",
     "150 years -04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1-2 us", "-1 years -2 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "04:05:06 milliseconds", "04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1-2 3 4:05:06", "1 year 2 mons 3 days 04:05:06"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1-2 y", "1 year 2 mons"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1.999999999 millennia", "2000 years"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7 months", "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "+2 minutes", "00:02:00"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-04:05:06.7 millennium", "-04:05:06.7"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "12345 usec", "00:00:00.012345"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.0000005hours", "00:00:00.0018"},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.333333millennium -1 d 0.333333 qtr 04:05:06 qtr",
     "E 22007 invalid input syntax for type interval: \"0.333333millennium -1 d 0.333333 qtr "
     "04:05:06 qtr\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy,
     "@ -1ms 178956970minutes 1:60 day 9223372036854775808seconds",
     "E 22015 interval field value out of range: \"@ -1ms 178956970minutes 1:60 day "
     "9223372036854775808seconds\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "12345 centuries -1 min 0.333333ago",
     "E 22007 invalid input syntax for type interval: \"12345 centuries -1 min 0.333333ago\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy,
     "@ 1e3 month -2147483648day 0.333333qtr 0.1 month ago",
     "E 22007 invalid input syntax for type interval: \"@ 1e3 month -2147483648day 0.333333qtr 0.1 "
     "month ago\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.1 dow 1-2weeks 0.333333ms +1:00d",
     "E 22007 invalid input syntax for type interval: \"0.1 dow 1-2weeks 0.333333ms +1:00d\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.0000005 min 9223372036854775808 us 0.0000005 us",
     "E 22015 interval field value out of range: \"0.0000005 min 9223372036854775808 us 0.0000005 "
     "us\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "0.0000005 2147483648m 1.5 w",
     "E 22007 invalid input syntax for type interval: \"0.0000005 2147483648m 1.5 w\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1e3yrs -1.5 millennia 0.0000005 y 1.999999999min",
     "E 22007 invalid input syntax for type interval: \"1e3yrs -1.5 millennia 0.0000005 y "
     "1.999999999min\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "@ 178956970c 2562047788:00:54.775807 yrs",
     "E 22015 interval field value out of range: \"@ 178956970c 2562047788:00:54.775807 yrs\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy,
     "0.0000005milliseconds 1:60 dow 0.0000005d -2147483648",
     "E 22007 invalid input syntax for type interval: \"0.0000005milliseconds 1:60 dow 0.0000005d "
     "-2147483648\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-.5 qtr",
     "E 22007 invalid input syntax for type interval: \"-.5 qtr\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1.5yrs 0.333333 days 1:60decade",
     "E 22015 interval field value out of range: \"-1.5yrs 0.333333 days 1:60decade\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "1:60 microseconds",
     "E 22015 interval field value out of range: \"1:60 microseconds\""},
    {Kind::kInterval, "UTC", DateOrder::kMdy,
     "@ 0.1 milliseconds 0.1sec -04:05:06.7minutes 178956970 ",
     "E 22007 invalid input syntax for type interval: \"@ 0.1 milliseconds 0.1sec "
     "-04:05:06.7minutes 178956970 \""},
    {Kind::kInterval, "UTC", DateOrder::kMdy, "-1 ago",
     "E 22007 invalid input syntax for type interval: \"-1 ago\""},
};

template <typename T, typename F>
std::string Show(const absl::StatusOr<T>& v, F format) {
  if (v.ok()) return format(*v);
  return absl::StrCat("E ", SqlStateOf(v.status()), " ", v.status().message());
}

std::string Answer(const Vector& v) {
  TimeContext context;
  EXPECT_TRUE(TimeZone::Find(v.zone, &context.zone)) << v.zone;
  context.order = v.order;
  switch (v.kind) {
    case Kind::kDate:
      return Show(ParseDate(v.in, context), FormatDate);
    case Kind::kTime:
      return Show(ParseTime(v.in, context), FormatTime);
    case Kind::kTimestamp:
      return Show(ParseTimestamp(v.in, context), [](int64_t us) { return FormatTimestamp(us); });
    case Kind::kTimestamptz:
      return Show(ParseTimestamptz(v.in, context),
                  [&](int64_t us) { return FormatTimestamptz(us, context.zone); });
    case Kind::kInterval:
      return Show(ParseInterval(v.in), FormatInterval);
  }
  return "";
}

TEST(DatetimeTest, ReadsAndWritesAsPostgresDoes) {
  for (const Vector& v : kVectors) EXPECT_EQ(Answer(v), v.out) << v.in << " in " << v.zone;
}

TEST(DatetimeTest, WhatIsWrittenReadsAsItself) {
  const TimeContext& plain = PlainTimeContext();
  for (int64_t us = kLeastTimestamp; us < kEndTimestamp - 12'345'678'901'234'567;
       us += 12'345'678'901'234'567) {
    EXPECT_EQ(ParseTimestamp(FormatTimestamp(us), plain).value_or(0), us);
    EXPECT_EQ(ParseTimestamptz(FormatTimestamptz(us, plain.zone), plain).value_or(0), us);
    EXPECT_EQ(ParseDate(FormatDate(us / kDayUs), plain).value_or(0), us / kDayUs);
  }
  for (const Interval& v :
       {Interval{}, Interval{-13, 5, -1}, Interval{14, -3, kHourUs},
        Interval{std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min(),
                 std::numeric_limits<int64_t>::max()}}) {
    EXPECT_EQ(ParseInterval(FormatInterval(v)).value_or(Interval{1, 2, 3}), v);
    EXPECT_EQ(UnpackInterval(PackInterval(v)), v);
  }
}

TEST(DatetimeTest, SaysWhatOfTheSessionItUsed) {
  const auto uses = [](Kind kind, const char* text) {
    TimeContext context;
    context.now_us = 1'700'000'000'000'000;
    uint8_t used = 0;
    const bool ok = kind == Kind::kDate        ? ParseDate(text, context, &used).ok()
                    : kind == Kind::kTimestamp ? ParseTimestamp(text, context, &used).ok()
                                               : ParseTimestamptz(text, context, &used).ok();
    EXPECT_TRUE(ok) << text;
    return int{used};
  };
  EXPECT_EQ(uses(Kind::kDate, "2024-01-02"), 0);
  EXPECT_EQ(uses(Kind::kDate, "1/2/2024"), kUsesOrder);
  EXPECT_EQ(uses(Kind::kDate, "today"), kUsesNow);
  EXPECT_EQ(uses(Kind::kTimestamp, "2024-01-02 03:04"), 0);
  EXPECT_EQ(uses(Kind::kTimestamptz, "2024-01-02 03:04"), kUsesZone);
  EXPECT_EQ(uses(Kind::kTimestamptz, "2024-01-02 03:04+01"), 0);
  EXPECT_EQ(uses(Kind::kTimestamptz, "now"), kUsesNow | kUsesZone);
  EXPECT_EQ(uses(Kind::kTimestamptz, "infinity"), 0);
}

TEST(DatetimeTest, RelativeDays) {
  TimeContext context;
  ASSERT_TRUE(TimeZone::Find("Pacific/Auckland", &context.zone));
  context.now_us = *ParseTimestamptz("2024-02-28 23:30:00+00", PlainTimeContext());
  EXPECT_EQ(FormatDate(*ParseDate("today", context)), "2024-02-29");
  EXPECT_EQ(FormatDate(*ParseDate("yesterday", context)), "2024-02-28");
  EXPECT_EQ(FormatTimestamp(*ParseTimestamp("tomorrow 06:00", context)), "2024-03-01 06:00:00");
  EXPECT_EQ(*ParseTimestamptz("now", context), context.now_us);
  EXPECT_EQ(FormatTime(*ParseTime("now", context)), "12:30:00");
}

TEST(IntervalTest, ArithmeticAndOrder) {
  const auto in = [](const char* text) { return *ParseInterval(text); };
  EXPECT_EQ(CompareIntervals(in("1 mon"), in("30 days")), 0);
  EXPECT_EQ(IntervalSortKey(in("1 mon")), IntervalSortKey(in("720:00")));
  for (const char* text : {"0", "-1 day +00:00:01", "178000000 years 3 days", "-178000000 years",
                           "178000000 years 2147483647 days 2562047788:00:00"}) {
    Interval back;
    EXPECT_TRUE(IntervalFromSortKey(IntervalSortKey(in(text)), &back)) << text;
    EXPECT_EQ(CompareIntervals(back, in(text)), 0) << text;
  }
  const char* ascending[] = {"-178000000 years",
                             "-1 mon",
                             "-1 day",
                             "-00:00:00.000001",
                             "0",
                             "1 us",
                             "23:59:59",
                             "1 day",
                             "29 days",
                             "1 mon",
                             "178000000 years"};
  for (size_t i = 1; i < std::size(ascending); ++i) {
    EXPECT_LT(CompareIntervals(in(ascending[i - 1]), in(ascending[i])), 0) << ascending[i];
    EXPECT_LT(IntervalSortKey(in(ascending[i - 1])), IntervalSortKey(in(ascending[i])));
  }
  EXPECT_EQ(FormatInterval(*MultiplyInterval(in("1 mon 3 days 04:05:06"), 1.5)),
            "1 mon 19 days 18:07:39");
  EXPECT_EQ(FormatInterval(*DivideInterval(in("1 year 1 day"), 7)),
            "1 mon 21 days 13:42:51.391543");
  EXPECT_EQ(SqlStateOf(DivideInterval(in("1 day"), 0).status()), "22012");
  EXPECT_EQ(SqlStateOf(MultiplyInterval(in("1 mon"), 1e10).status()), "22008");
  EXPECT_EQ(FormatInterval(*JustifyInterval(in("1 mon -1 hour"))), "29 days 23:00:00");
  EXPECT_EQ(FormatInterval(*JustifyHours(in("27 hours"))), "1 day 03:00:00");
  EXPECT_EQ(FormatInterval(*JustifyDays(in("35 days"))), "1 mon 5 days");
  EXPECT_EQ(FormatIntervalIso(in("1 year 2 mons -3 days 04:05:06.5")), "P1Y2M-3DT4H5M6.5S");
}

TEST(TimeZoneTest, NamesAndOffsets) {
  TimeZone zone;
  EXPECT_TRUE(TimeZone::Find("america/new_york", &zone));
  EXPECT_EQ(zone.name(), "America/New_York");
  EXPECT_FALSE(TimeZone::Find("../../etc/passwd", &zone));
  EXPECT_FALSE(TimeZone::Find("Nowhere", &zone));
  EXPECT_TRUE(TimeZone::Find("FOO+3", &zone));
  EXPECT_EQ(zone.OffsetAt(0), -3 * 3600);
  EXPECT_TRUE(TimeZoneOfHours("-3.5", &zone));
  EXPECT_EQ(zone.name(), "<-03:30>+03:30");
  EXPECT_EQ(zone.At(0).abbreviation, "-03:30");
  EXPECT_GT(TimeZoneNames().size(), 300u);
}

}  // namespace
}  // namespace isochron::sql
