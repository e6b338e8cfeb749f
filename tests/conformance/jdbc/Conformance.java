// SPDX-License-Identifier: Apache-2.0

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * What a program sees through PostgreSQL's JDBC driver, printed line by line; the test compares it with what PostgreSQL 15 showed.
 * Usage: Conformance HOST:PORT DATABASE USER
 */
public final class Conformance {
  interface Body {
    void run() throws Exception;
  }

  private final String url;
  private final String user;

  private Conformance(String address, String database, String user) {
    this.url = "jdbc:postgresql://" + address + "/" + database;
    this.user = user;
  }

  /** A connection with more properties: name, value, name, value ... */
  Connection connect(String... more) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", user);
    properties.setProperty("sslmode", "disable");
    for (int i = 0; i < more.length; i += 2) {
      properties.setProperty(more[i], more[i + 1]);
    }
    return DriverManager.getConnection(url, properties);
  }

  String address() {
    return url.substring("jdbc:postgresql://".length(), url.lastIndexOf('/'));
  }

  String user() {
    return user;
  }

  static void say(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  static void part(String name, Body body) {
    System.out.println("== " + name);
    try {
      body.run();
    } catch (SQLException e) {
      say("failed", describe(e));
    } catch (Exception e) {
      say("failed", e);
    }
  }

  static String describe(SQLException e) {
    String out = e.getSQLState();
    ServerErrorMessage m = e instanceof PSQLException p ? p.getServerErrorMessage() : null;
    if (m == null) {
      return out + " " + e.getMessage();
    }
    out += " " + m.getMessage();
    out += m.getPosition() > 0 ? " at " + m.getPosition() : "";
    out += m.getConstraint() != null ? " constraint " + m.getConstraint() : "";
    out += m.getTable() != null ? " table " + m.getTable() : "";
    out += m.getColumn() != null ? " column " + m.getColumn() : "";
    return out;
  }

  static void fails(String what, Body body) throws Exception {
    try {
      body.run();
      say(what, "no error");
    } catch (SQLException e) {
      say(what, describe(e));
    }
  }

  static List<String> rows(ResultSet rs, String... columns) throws SQLException {
    List<String> out = new ArrayList<>();
    ResultSetMetaData meta = rs.getMetaData();
    while (rs.next()) {
      List<String> row = new ArrayList<>();
      if (columns.length == 0) {
        for (int i = 1; i <= meta.getColumnCount(); ++i) {
          row.add(rs.getString(i));
        }
      }
      for (String column : columns) {
        row.add(rs.getString(column));
      }
      out.add(String.join("|", row.stream().map(String::valueOf).toList()));
    }
    rs.close();
    return out;
  }

  static void print(String what, ResultSet rs, String... columns) throws SQLException {
    System.out.println("-- " + what);
    rows(rs, columns).forEach(System.out::println);
  }

  static List<String> query(Connection c, String sql) throws SQLException {
    try (var s = c.createStatement()) {
      return rows(s.executeQuery(sql));
    }
  }

  public static void main(String[] args) throws Exception {
    Conformance to = new Conformance(args[0], args[1], args[2]);
    Types.run(to);
    Statements.run(to);
    Transactions.run(to);
    Metadata.run(to);
    System.out.println("== end");
  }
}
