// SPDX-License-Identifier: Apache-2.0

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Errors with their fields, savepoints, modes, and transactions that are run again after 40001. */
final class Transactions {
  private Transactions() {}

  static void run(Conformance to) throws Exception {
    errors(to);
    savepoints(to);
    modes(to);
    retries(to);
  }

  private static void errors(Conformance to) {
    Conformance.part("errors", () -> {
      try (Connection c = to.connect()) {
        Statement s = c.createStatement();
        String[] wrong = {
          "select nope from item", "selec 1", "select * from nowhere", "select 1 / 0", "select 'x'::int", "select lower(1, 2)",
          "insert into item (name) values (null)", "insert into item (name, n) values ('neg', -1)",
          "insert into item (name) values ('false1')", "insert into line values (-5, 1)", "select 32768::smallint",
          "select 1 where 'a'", "select count(*) from item group by", "select name from item group by id having 1",
          "insert into item (name, name) values (1, 2)", "select '2024-13-01'::date", "select (select id from item)",
          "delete from item where id in (select item from missing)", "create table item (a int)", "drop view item",
          "select $1", "set nothing_like_it = 1", "fetch 1 from no_cursor", "rollback to savepoint nothing", "select 1 +",
          "select id, count(*) from item",
        };
        for (String sql : wrong) {
          Conformance.fails(sql, () -> s.execute(sql));
        }
        c.setAutoCommit(false);
        Conformance.fails("first", () -> s.execute("select nope"));
        Conformance.fails("then", () -> s.execute("select 1"));
        c.rollback();
        Conformance.say("after", Conformance.query(c, "select 1"));
      }
    });
    Conformance.part("refused at the door", () -> {
      Conformance.fails("no such database", () -> java.sql.DriverManager.getConnection(
          "jdbc:postgresql://" + to.address() + "/no_such_database?user=" + to.user() + "&sslmode=disable").close());
    });
  }

  private static void savepoints(Conformance to) {
    Conformance.part("savepoints", () -> {
      try (Connection c = to.connect()) {
        c.setAutoCommit(false);
        Statement s = c.createStatement();
        s.execute("create table saved (id int primary key)");
        c.commit();
        s.execute("insert into saved values (1)");
        Savepoint unnamed = c.setSavepoint();
        s.execute("insert into saved values (2)");
        Savepoint named = c.setSavepoint("A \"name\"");
        Conformance.fails("twice", () -> s.execute("insert into saved values (1)"));
        c.rollback(named);
        s.execute("insert into saved values (3)");
        c.rollback(unnamed);
        s.execute("insert into saved values (4)");
        c.releaseSavepoint(unnamed);
        c.commit();
        Conformance.say("rows", Conformance.query(c, "select * from saved order by id"));
      }
      try (Connection c = to.connect("autosave", "always")) {
        c.setAutoCommit(false);
        Statement s = c.createStatement();
        s.execute("insert into saved values (10)");
        Conformance.fails("autosave", () -> s.execute("insert into saved values (10)"));
        s.execute("insert into saved values (11)");
        c.commit();
        Conformance.say("rows", Conformance.query(c, "select * from saved where id >= 10 order by id"));
      }
    });
  }

  private static void modes(Conformance to) {
    Conformance.part("modes", () -> {
      try (Connection c = to.connect("ApplicationName", "jdbc test")) {
        Conformance.say("name", Conformance.query(c, "show application_name"));
        c.setReadOnly(true);
        Conformance.fails("read only", () -> c.createStatement().execute("insert into saved values (20)"));
        c.setReadOnly(false);
        for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ,
            Connection.TRANSACTION_SERIALIZABLE}) {
          c.setTransactionIsolation(level);
          c.setAutoCommit(false);
          Conformance.say("rows", Conformance.query(c, "select count(*) from saved"));
          c.commit();
          c.setAutoCommit(true);
        }
        c.setSchema("public");
        Conformance.say("schema", c.getSchema() + " " + c.getCatalog());
        c.setClientInfo("ApplicationName", "another");
        Conformance.say("name", Conformance.query(c, "show application_name"));
      }
    });
  }

  /** Withdrawals that read first: some are told 40001, and run again until they are through. */
  private static void retries(Conformance to) {
    Conformance.part("40001", () -> {
      try (Connection c = to.connect()) {
        c.createStatement().execute("create table balance (id int primary key, n int not null)");
        c.createStatement().execute("insert into balance select i, 0 from generate_series(1, 4) i");
      }
      AtomicInteger wrong = new AtomicInteger();
      List<Thread> threads = new ArrayList<>();
      for (int k = 0; k < 6; ++k) {
        final int seed = k;
        threads.add(new Thread(() -> {
          try (Connection c = to.connect()) {
            c.setAutoCommit(false);
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            for (int done = 0; done < 20; ) {
              try {
                increment(c, 1 + (seed + done) % 4);
                ++done;
              } catch (SQLException e) {
                c.rollback();
                // 40P01: what PostgreSQL calls a deadlock.
                if (!"40001".equals(e.getSQLState()) && !"40P01".equals(e.getSQLState())) {
                  throw e;
                }
              }
            }
          } catch (SQLException e) {
            wrong.incrementAndGet();
            Conformance.say("failed", Conformance.describe(e));
          }
        }));
      }
      for (Thread t : threads) {
        t.start();
      }
      for (Thread t : threads) {
        t.join();
      }
      try (Connection c = to.connect()) {
        Conformance.say("wrong", wrong);
        Conformance.say("sum", Conformance.query(c, "select sum(n) from balance"));
      }
    });
  }

  private static void increment(Connection c, int id) throws SQLException {
    int n = Integer.parseInt(Conformance.query(c, "select n from balance where id = " + id).get(0));
    try (var p = c.prepareStatement("update balance set n = ? where id = ?")) {
      p.setInt(1, n + 1);
      p.setInt(2, id);
      p.executeUpdate();
    }
    c.commit();
  }
}
