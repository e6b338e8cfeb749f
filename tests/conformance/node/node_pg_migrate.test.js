// SPDX-License-Identifier: Apache-2.0
// node-pg-migrate as it is: its lock (pg_try_advisory_lock), up, down, SQL files, one that fails, and two nodes at once.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const {after, before, test} = require('node:test');
const {Client} = require('pg');
const {database} = require('./settings');

const folder = fs.mkdtempSync(path.join(__dirname, 'migrations-'));
const files = {
  '1_shop.js': `
    exports.up = (pgm) => {
      pgm.createSchema('nm', {ifNotExists: true});
      pgm.createTable({schema: 'nm', name: 'customers'}, {
        id: 'id',
        email: {type: 'varchar(120)', notNull: true, unique: true, comment: 'where to write'},
        joined: {type: 'timestamptz', notNull: true, default: pgm.func('current_timestamp')},
      }, {comment: 'who buys'});
      pgm.createTable({schema: 'nm', name: 'orders'}, {
        id: {type: 'bigint', primaryKey: true, sequenceGenerated: {precedence: 'ALWAYS', start: 1000}},
        customer: {type: 'integer', notNull: true, references: {schema: 'nm', name: 'customers'}, onDelete: 'CASCADE'},
        total: {type: 'numeric(10,2)', check: 'total >= 0'},
        paid: {type: 'boolean', notNull: true, default: false},
      });
      pgm.createIndex({schema: 'nm', name: 'orders'}, [{name: 'total', sort: 'DESC'}], {where: 'NOT paid', name: 'unpaid'});
      pgm.sql("INSERT INTO nm.customers (email) VALUES ('a@x'), ('b@x')");
    };
    exports.down = (pgm) => pgm.dropSchema('nm', {cascade: true});`,
  '2_change.js': `
    exports.up = (pgm) => {
      const orders = {schema: 'nm', name: 'orders'};
      pgm.addColumns(orders, {note: {type: 'text', notNull: true, default: 'none'}});
      pgm.alterColumn(orders, 'total', {type: 'numeric(12,2)', notNull: true, default: 0});
      pgm.renameColumn(orders, 'note', 'remark');
      pgm.addConstraint(orders, 'remark_short', {check: 'length(remark) < 100'});
      pgm.createView({schema: 'nm', name: 'open'}, {}, 'SELECT id, total FROM nm.orders WHERE NOT paid');
      pgm.createSequence({schema: 'nm', name: 'numbers'}, {start: 5});
    };
    exports.down = (pgm) => {
      const orders = {schema: 'nm', name: 'orders'};
      pgm.dropSequence({schema: 'nm', name: 'numbers'});
      pgm.dropView({schema: 'nm', name: 'open'});
      pgm.dropConstraint(orders, 'remark_short');
      pgm.dropColumns(orders, ['remark']);
    };`,
  '3_rows.sql': `
    -- Up Migration
    INSERT INTO nm.orders (customer, total) SELECT id, 10 * id FROM nm.customers;
    -- Down Migration
    DELETE FROM nm.orders;`,
};

let runner, client;

const run = (node, options) => runner({databaseUrl: database(node), dir: folder, migrationsTable: 'done',
  migrationsSchema: 'tools', createMigrationsSchema: true, direction: 'up', count: Infinity, log: () => {}, ...options});
const names = (migrations) => migrations.map((m) => m.name);

before(async () => {
  ({runner} = require('node-pg-migrate'));
  client = new Client(database(2));
  await client.connect();
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
});

after(async () => {
  await client.end();
  fs.rmSync(folder, {recursive: true});
});

const one = async (sql) => Object.values((await client.query(sql)).rows[0])[0];

test('two nodes at once: each step is taken once', async () => {
  const done = await Promise.allSettled([run(0), run(1)]);
  const applied = done.filter((d) => d.status === 'fulfilled' && d.value.length > 0);
  assert.deepStrictEqual(applied.map((d) => names(d.value)), [['1_shop', '2_change', '3_rows']],
                         done.map((d) => String(d.reason?.stack)).join('\n'));
  for (const d of done) {
    if (d.status === 'rejected') assert.match(String(d.reason), /Another migration is already running/);
  }
  assert.strictEqual(await one('SELECT count(*)::int FROM nm.orders'), 2);
  assert.strictEqual(await one('SELECT count(*)::int FROM tools.done'), 3);
  assert.deepStrictEqual(await run(1), []);
});

test('what it made is what it said', async () => {
  const {rows} = await client.query('SELECT id, customer, total, paid, remark FROM nm.orders ORDER BY id');
  assert.deepStrictEqual(rows[0], {id: '1000', customer: 1, total: '10.00', paid: false, remark: 'none'});
  await assert.rejects(client.query('INSERT INTO nm.orders (customer, total) VALUES (1, -1)'), {code: '23514'});
  await assert.rejects(client.query('INSERT INTO nm.orders (customer) VALUES (77)'), {code: '23503'});
  assert.strictEqual(await one(`SELECT obj_description('nm.customers'::regclass)`), 'who buys');
  assert.strictEqual(await one(`SELECT nextval('nm.numbers')::int`), 5);
  assert.strictEqual(await one('SELECT count(*)::int FROM nm.open'), 2);
});

test('a step that fails leaves nothing', async () => {
  const file = path.join(folder, '4_broken.js');
  fs.writeFileSync(file, `
    exports.up = (pgm) => {
      pgm.createTable('nm_never', {id: 'id'});
      pgm.sql('INSERT INTO nm.orders (customer) VALUES (77)');
    };`);
  await assert.rejects(run(0), {code: '23503'});
  assert.strictEqual(await one(`SELECT to_regclass('nm_never')`), null);
  assert.strictEqual(await one('SELECT count(*)::int FROM tools.done'), 3);
  // Its lock is free again.
  fs.rmSync(file);
  assert.deepStrictEqual(await run(1), []);
});

test('down, step by step, and up again', async () => {
  assert.deepStrictEqual(names(await run(0, {direction: 'down', count: 2})), ['3_rows', '2_change']);
  assert.strictEqual(await one(`SELECT count(*)::int FROM information_schema.columns WHERE table_schema = 'nm'
      AND table_name = 'orders'`), 4);
  assert.deepStrictEqual(names(await run(1, {count: 1})), ['2_change']);
  assert.deepStrictEqual(names(await run(1, {direction: 'down', count: 2})), ['2_change', '1_shop']);
  assert.strictEqual(await one(`SELECT count(*)::int FROM pg_namespace WHERE nspname = 'nm'`), 0);
});
