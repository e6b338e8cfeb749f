// SPDX-License-Identifier: Apache-2.0

import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Time;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.UUID;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

/** Every type, as parameter and as column, in text and in binary. */
final class Types {
  private static final String COLUMNS =
      "id int primary key, b boolean, s smallint, i integer, l bigint, r real, d double precision, n numeric(20,5), "
          + "m numeric, t text, v varchar(20), c char(5), y bytea, da date, ti time, ts timestamp, tz timestamptz, "
          + "iv interval, u uuid, j json, jb jsonb, ai integer[], at text[], an numeric[], ad date[], ab boolean[]";

  private Types() {}

  static void run(Conformance to) throws Exception {
    Conformance.part("types", () -> {
      try (Connection c = to.connect()) {
        c.createStatement().execute("create table types (" + COLUMNS + ")");
      }
    });
    // Prepared at the server from the first time on: parameters and results in binary; and never: all in text.
    write(to, "binary", 1, "prepareThreshold", "-1");
    write(to, "text", 3, "binaryTransfer", "false", "prepareThreshold", "0");
    write(to, "simple", 5, "preferQueryMode", "simple");
    for (String[] how : new String[][] {{"prepareThreshold", "-1"}, {"binaryTransfer", "false"},
        {"preferQueryMode", "simple"}, {"prepareThreshold", "3"}}) {
      read(to, how);
    }
    describe(to);
    zones(to);
  }

  private static void write(Conformance to, String name, int id, String... how) {
    Conformance.part("types written in " + name, () -> {
      try (Connection c = to.connect(how)) {
        PreparedStatement p =
            c.prepareStatement("insert into types values (" + "?, ".repeat(25) + "?)");
        for (int at = id; at <= id + 1; ++at) {
          if (at == id) {
            set(c, p);
            if (name.equals("simple")) {
              p.setObject(13, object("bytea", "\\x0001ff5c"));  // the driver has no bytes in a simple query
            }
          } else {
            for (int k = 2; k <= 26; ++k) {
              p.setNull(k, java.sql.Types.NULL);
            }
          }
          p.setInt(1, at);
          Conformance.say("inserted", p.executeUpdate());
        }
      }
    });
  }

  private static void set(Connection c, PreparedStatement p) throws Exception {
    p.setBoolean(2, true);
    p.setShort(3, (short) -32768);
    p.setInt(4, 2147483647);
    p.setLong(5, Long.MIN_VALUE);
    p.setFloat(6, 1.5e-10f);
    p.setDouble(7, -0.1);
    p.setBigDecimal(8, new BigDecimal("-123456789012345.67891"));
    p.setBigDecimal(9, new BigDecimal("0.000000000000000000000000001200"));
    p.setString(10, "Größe \t\\ 'quoted' \u20ac \ud83d\ude00");
    p.setString(11, "varying");
    p.setString(12, "ab");
    p.setBytes(13, new byte[] {0, 1, -1, 92});
    p.setObject(14, LocalDate.of(2024, 2, 29));
    p.setObject(15, LocalTime.of(23, 59, 59, 123456000));
    p.setObject(16, LocalDateTime.of(1969, 12, 31, 23, 59, 59, 999999000));
    p.setObject(17, OffsetDateTime.of(2024, 7, 1, 12, 0, 0, 1000, ZoneOffset.ofHours(5)));
    p.setObject(18, new PGInterval("1 year 2 months -3 days 04:05:06.789"));
    p.setObject(19, UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
    p.setObject(20, object("json", "{\"b\": 1, \"a\": [true, null]}"));
    p.setObject(21, object("jsonb", "{\"b\": 1, \"a\": [true, null]}"));
    p.setArray(22, c.createArrayOf("int4", new Integer[] {1, null, -3}));
    p.setArray(23, c.createArrayOf("text", new String[] {"a,b", "", "NULL", null, "\"q\""}));
    p.setArray(24, c.createArrayOf("numeric", new BigDecimal[] {new BigDecimal("1.50"), null}));
    p.setArray(25, c.createArrayOf("date", new Date[] {Date.valueOf("2000-01-01")}));
    p.setArray(26, c.createArrayOf("bool", new Boolean[] {true, false}));
  }

  private static PGobject object(String type, String value) throws Exception {
    PGobject o = new PGobject();
    o.setType(type);
    o.setValue(value);
    return o;
  }

  private static String show(Object o) throws Exception {
    if (o instanceof byte[] bytes) {
      return Arrays.toString(bytes);
    }
    if (o instanceof Array array) {
      return array.getBaseTypeName() + Arrays.deepToString((Object[]) array.getArray());
    }
    return String.valueOf(o);
  }

  private static void read(Conformance to, String... how) {
    Conformance.part("types read with " + String.join("=", how), () -> {
      try (Connection c = to.connect(how)) {
        PreparedStatement p = c.prepareStatement("select * from types where id >= ? order by id");
        // More often than the driver's threshold, from which on it asks for binary.
        for (int round = 0; round < 7; ++round) {
          p.setInt(1, round == 6 ? 1 : 5);
          ResultSet rs = p.executeQuery();
          while (rs.next() && round == 6) {
            StringBuilder out = new StringBuilder();
            for (int k = 1; k <= 26; ++k) {
              out.append(k > 1 ? " | " : "").append(show(rs.getObject(k)));
            }
            Conformance.say("row", out);
            typed(rs);
          }
          rs.close();
        }
      }
    });
  }

  private static void typed(ResultSet rs) throws Exception {
    Conformance.say("typed", rs.getObject("da", LocalDate.class) + " " + rs.getObject("ti", LocalTime.class) + " "
        + rs.getObject("ts", LocalDateTime.class) + " " + rs.getObject("tz", OffsetDateTime.class) + " "
        + rs.getBigDecimal("n") + " " + rs.getBigDecimal("l") + " " + rs.getString("c") + " " + rs.getFloat("r") + " "
        + Arrays.toString(rs.getBytes("y")) + " " + rs.getString("d") + " " + rs.getString("iv"));
  }

  private static void describe(Conformance to) {
    Conformance.part("types described", () -> {
      try (Connection c = to.connect()) {
        PreparedStatement p = c.prepareStatement("select * from types where l = ? and t = ? and n = ? and tz > ?");
        ResultSetMetaData meta = p.getMetaData();
        for (int k = 1; k <= meta.getColumnCount(); ++k) {
          Conformance.say(meta.getColumnName(k), meta.getColumnTypeName(k) + " " + meta.getColumnType(k) + " "
              + meta.getColumnClassName(k) + " " + meta.getPrecision(k) + " " + meta.getScale(k) + " "
              + meta.getColumnDisplaySize(k) + " " + meta.isNullable(k) + " " + meta.isSigned(k) + " "
              + meta.isAutoIncrement(k) + " " + meta.getTableName(k));
        }
        for (int k = 1; k <= p.getParameterMetaData().getParameterCount(); ++k) {
          Conformance.say("parameter " + k, p.getParameterMetaData().getParameterTypeName(k));
        }
      }
    });
  }

  private static void zones(Conformance to) {
    Conformance.part("zones", () -> {
      for (String how : new String[] {"true", "false"}) {
        try (Connection c = to.connect("prepareThreshold", "-1", "binaryTransfer", how)) {
          c.createStatement().execute("set time zone 'Asia/Kolkata'");
          PreparedStatement p = c.prepareStatement("select ?::timestamptz, ?::timestamp, ?::date, ?::time, now() = now()");
          p.setTimestamp(1, new Timestamp(0));
          p.setTimestamp(2, Timestamp.valueOf("2024-03-31 02:30:00.5"));
          p.setDate(3, Date.valueOf("1999-12-31"));
          p.setTime(4, Time.valueOf("11:22:33"));
          ResultSet rs = p.executeQuery();
          rs.next();
          Conformance.say("zone", rs.getTimestamp(1).getTime() + " " + rs.getString(1) + " " + rs.getString(2) + " " + rs.getDate(3)
              + " " + rs.getTime(4) + " " + rs.getBoolean(5));
        }
      }
    });
  }
}
