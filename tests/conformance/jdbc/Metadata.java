// SPDX-License-Identifier: Apache-2.0

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;

/** DatabaseMetaData: what tools read to show a schema. */
final class Metadata {
  private Metadata() {}

  static void run(Conformance to) throws Exception {
    Conformance.part("metadata", () -> {
      try (Connection c = to.connect()) {
        var s = c.createStatement();
        s.execute("create table parent (a int, b text, note varchar(30) default 'x', primary key (a, b))");
        s.execute("create table child (id bigserial primary key, a int, b text, amount numeric(10,2) not null default 0, "
            + "at timestamp(3) with time zone, tags text[], twice int generated always as (a * 2) stored, "
            + "constraint child_parent foreign key (a, b) references parent (a, b) on delete cascade on update restrict)");
        s.execute("create unique index child_amount on child (amount desc, a)");
        s.execute("create index child_at on child (at)");
        s.execute("create view family as select p.a, c.amount from parent p join child c on c.a = p.a");
        s.execute("create sequence counting");
        s.execute("comment on table child is 'of a parent'");
        s.execute("comment on column child.amount is 'in euro'");
        DatabaseMetaData m = c.getMetaData();
        general(m);
        tables(m);
        keys(m);
        types(m);
      }
    });
  }

  private static void general(DatabaseMetaData m) throws Exception {
    Conformance.say("product", m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion());
    Conformance.say("version begins with 15.", m.getDatabaseProductVersion().startsWith("15."));
    Conformance.say("names", m.getMaxColumnNameLength() + " " + m.getMaxTableNameLength() + " " + " "
        + m.getMaxColumnsInIndex() + " " + m.getMaxColumnsInTable() + " " + m.getMaxColumnsInSelect());
    Conformance.say("isolation", m.getDefaultTransactionIsolation() == Connection.TRANSACTION_READ_COMMITTED);
    Conformance.say("keywords", m.getSQLKeywords().split(",").length > 50);
    Conformance.print("schemas", m.getSchemas(null, "public"), "TABLE_SCHEM");
    Conformance.print("table types", m.getTableTypes());
    Conformance.say("functions", Conformance.rows(m.getFunctions(null, "pg_catalog", "split_part"), "FUNCTION_NAME"));
    Conformance.print("columns of a function", m.getFunctionColumns(null, "pg_catalog", "split_part", null), "FUNCTION_NAME",
        "COLUMN_NAME", "COLUMN_TYPE", "TYPE_NAME", "ORDINAL_POSITION");
  }

  private static void tables(DatabaseMetaData m) throws Exception {
    for (String pattern : new String[] {"child", "pare%", "family", "counting", "child\\_%"}) {
      Conformance.print("tables " + pattern, m.getTables(null, "public", pattern, null), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE",
          "REMARKS");
    }
    Conformance.print("views", m.getTables(null, null, "fam%", new String[] {"VIEW", "TABLE"}), "TABLE_NAME", "TABLE_TYPE");
    Conformance.print("system tables", m.getTables(null, "pg_catalog", "pg_cla%", new String[] {"SYSTEM TABLE"}), "TABLE_NAME");
    for (String table : new String[] {"parent", "child", "family", "types"}) {
      Conformance.print("columns of " + table, m.getColumns(null, "public", table, null), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME",
          "COLUMN_SIZE", "DECIMAL_DIGITS", "NULLABLE", "REMARKS", "COLUMN_DEF", "ORDINAL_POSITION", "IS_NULLABLE",
          "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN");
    }
  }

  private static void keys(DatabaseMetaData m) throws Exception {
    Conformance.print("primary keys", m.getPrimaryKeys(null, "public", "parent"), "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME");
    String[] foreign = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE",
        "DELETE_RULE", "FK_NAME", "PK_NAME", "DEFERRABILITY"};
    Conformance.print("imported", m.getImportedKeys(null, "public", "child"), foreign);
    Conformance.print("exported", m.getExportedKeys(null, "public", "parent"), foreign);
    Conformance.print("crossed", m.getCrossReference(null, null, "item", null, null, "line"), foreign);
    for (String table : new String[] {"parent", "child"}) {
      for (boolean unique : new boolean[] {false, true}) {
        Conformance.print("indexes of " + table, m.getIndexInfo(null, "public", table, unique, true), "NON_UNIQUE", "INDEX_NAME", "TYPE",
            "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC", "FILTER_CONDITION");
      }
      Conformance.print("best row of " + table, m.getBestRowIdentifier(null, "public", table, DatabaseMetaData.bestRowSession, false),
          "COLUMN_NAME", "TYPE_NAME");
    }
    Conformance.say("version columns", Conformance.rows(m.getVersionColumns(null, "public", "child")).size() > 0);
    Conformance.say("privileges", Conformance.rows(m.getTablePrivileges(null, "public", "child"), "PRIVILEGE", "IS_GRANTABLE"));
  }

  private static void types(DatabaseMetaData m) throws Exception {
    try (ResultSet rs = m.getTypeInfo()) {
      while (rs.next()) {
        String name = rs.getString("TYPE_NAME");
        if (name.matches("bool|int[248]|float[48]|numeric|text|varchar|bpchar|bytea|date|time|timestamp|timestamptz|interval|uuid|jsonb?|_int4|_text")) {
          Conformance.say("type " + name, rs.getInt("DATA_TYPE") + " " + rs.getInt("PRECISION") + " " + rs.getBoolean("CASE_SENSITIVE")
              + " " + rs.getBoolean("UNSIGNED_ATTRIBUTE") + " " + rs.getInt("SEARCHABLE"));
        }
      }
    }
  }
}
