// SPDX-License-Identifier: Apache-2.0
// node-postgres as it is: types in both directions, cursors, COPY streams, pools, errors, cancelled statements.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {Client, Pool} = require('pg');
const Cursor = require('pg-cursor');
const {from: copyFrom, to: copyTo} = require('pg-copy-streams');
const {pipeline} = require('node:stream/promises');
const {Readable, Writable} = require('node:stream');

let client;

before(async () => {
  client = new Client();
  await client.connect();
});

after(() => client.end());

test('every type comes back as it went', async () => {
  await client.query(`CREATE TABLE js_types (id int PRIMARY KEY, o boolean, s smallint, b bigint, r real,
      d double precision, n numeric(10,2), t text, v varchar(5), c char(4), y bytea, da date, ti time, ts timestamp,
      tz timestamptz, iv interval, u uuid, j json, jb jsonb, ia int[], ta text[])`);
  const values = [1, true, -7, '9223372036854775807', 1.5, 0.1, '12345.60', 'grüße \\ \'', 'abc', 'ab',
    Buffer.from([0, 255, 10]), '2024-02-29', '13:14:15.678', '2024-02-29 13:14:15.678',
    new Date('2024-02-29T13:14:15.678Z'), '1 day 02:03:04', '12345678-1234-1234-1234-123456789abc', {a: [1, 'x']},
    JSON.stringify({b: null}), [1, 2, null], ['a,b', '"q"', null]];
  await client.query(`INSERT INTO js_types VALUES (${values.map((_, i) => '$' + (i + 1)).join(', ')})`, values);
  const {rows: [row], fields} = await client.query(
      `SELECT *, da::text AS da_text, ts::text AS ts_text FROM js_types WHERE id = $1`, [1]);
  assert.deepStrictEqual(fields.slice(0, 10).map((f) => f.dataTypeID), [23, 16, 21, 20, 700, 701, 1700, 25, 1043, 1042]);
  assert.strictEqual(row.o, true);
  assert.strictEqual(row.s, -7);
  assert.strictEqual(row.b, '9223372036854775807');
  assert.strictEqual(row.r, 1.5);
  assert.strictEqual(row.d, 0.1);
  assert.strictEqual(row.n, '12345.60');
  assert.strictEqual(row.t, 'grüße \\ \'');
  assert.strictEqual(row.v, 'abc');
  assert.strictEqual(row.c, 'ab  ');
  assert.deepStrictEqual(row.y, Buffer.from([0, 255, 10]));
  assert.strictEqual(row.da_text, '2024-02-29');
  assert.strictEqual(row.ti, '13:14:15.678');
  assert.strictEqual(row.ts_text, '2024-02-29 13:14:15.678');
  assert.strictEqual(row.tz.toISOString(), '2024-02-29T13:14:15.678Z');
  assert.deepStrictEqual({...row.iv}, {days: 1, hours: 2, minutes: 3, seconds: 4});
  assert.strictEqual(row.u, '12345678-1234-1234-1234-123456789abc');
  assert.deepStrictEqual(row.j, {a: [1, 'x']});
  assert.deepStrictEqual(row.jb, {b: null});
  assert.deepStrictEqual(row.ia, [1, 2, null]);
  assert.deepStrictEqual(row.ta, ['a,b', '"q"', null]);
  const nulls = values.map(() => null);
  nulls[0] = 2;
  await client.query(`INSERT INTO js_types VALUES (${values.map((_, i) => '$' + (i + 1)).join(', ')})`, nulls);
  const empty = await client.query('SELECT * FROM js_types WHERE id = 2');
  assert.ok(Object.entries(empty.rows[0]).every(([name, value]) => name === 'id' || value === null));
});

test('binary results', async () => {
  const {rows: [row]} = await client.query({
    text: `SELECT 1::int AS i, 2::bigint AS b, 1.5::float8 AS d, 'x'::text AS t, true AS o, '\\x00ff'::bytea AS y`,
    binary: true});
  assert.deepStrictEqual(row, {i: 1, b: '2', d: 1.5, t: 'x', o: true, y: Buffer.from([0, 255])});
});

test('a named statement is prepared once and used again', async () => {
  for (let i = 0; i < 5; ++i) {
    const {rows} = await client.query({name: 'plus', text: 'SELECT $1::int + $2::int AS sum', values: [i, 10]});
    assert.strictEqual(rows[0].sum, i + 10);
  }
});

test('a cursor reads in parts', async () => {
  await client.query('BEGIN');
  const cursor = client.query(new Cursor('SELECT g FROM generate_series(1, $1::int) g', [1000]));
  let sum = 0, parts = 0;
  for (let rows = await cursor.read(100); rows.length > 0; rows = await cursor.read(100)) {
    sum += rows.reduce((a, r) => a + r.g, 0);
    ++parts;
  }
  await cursor.close();
  await client.query('COMMIT');
  assert.strictEqual(sum, 500500);
  assert.strictEqual(parts, 10);
});

test('COPY in and out as streams', async () => {
  await client.query('CREATE TABLE js_copy (id int PRIMARY KEY, t text)');
  const lines = Array.from({length: 5000}, (_, i) => `${i}\tline ${i}\n`);
  await pipeline(Readable.from(lines), client.query(copyFrom('COPY js_copy FROM STDIN')));
  let bytes = '';
  await pipeline(client.query(copyTo('COPY (SELECT * FROM js_copy ORDER BY id) TO STDOUT')),
                 new Writable({write(chunk, _, done) { bytes += chunk; done(); }}));
  assert.strictEqual(bytes, lines.join(''));
  await assert.rejects(pipeline(Readable.from(['1\tdouble\n']), client.query(copyFrom('COPY js_copy FROM STDIN'))),
                       {code: '23505'});
  assert.strictEqual((await client.query('SELECT count(*)::int AS n FROM js_copy')).rows[0].n, 5000);
});

test('errors tell where and what', async () => {
  await assert.rejects(client.query('SELECT nope FROM js_copy'), (e) => e.code === '42703' && e.position === '8');
  await assert.rejects(client.query('INSERT INTO js_copy VALUES (1, $1)', ['x']),
                       (e) => e.code === '23505' && e.constraint === 'js_copy_pkey' && e.table === 'js_copy' &&
                           /Key \(id\)=\(1\) already exists/.test(e.detail));
  await assert.rejects(client.query('SELECT 1 / $1::int', [0]), {code: '22012'});
  await assert.rejects(client.query('INSERT INTO js_copy VALUES (null)'),
                       (e) => e.code === '23502' && e.column === 'id');
  assert.strictEqual((await client.query('SELECT 1 AS one')).rows[0].one, 1);
});

test('a transaction that fails takes nothing with it', async () => {
  await client.query('BEGIN');
  await client.query('DELETE FROM js_copy WHERE id < 10');
  await assert.rejects(client.query('SELECT 1 / 0'), {code: '22012'});
  await assert.rejects(client.query('SELECT 1'), {code: '25P02'});
  await client.query('ROLLBACK');
  assert.strictEqual((await client.query('SELECT count(*)::int AS n FROM js_copy WHERE id < 10')).rows[0].n, 10);
});

test('a statement that takes too long is cancelled', async () => {
  const slow = new Client({statement_timeout: 200});
  await slow.connect();
  await assert.rejects(slow.query('SELECT count(*) FROM generate_series(1, 1000000000)'), {code: '57014'});
  await slow.end();
});

test('a pool of clients increments one row', async () => {
  const pool = new Pool({max: 8});
  await pool.query('CREATE TABLE js_counter (id int PRIMARY KEY, n int)');
  await pool.query('INSERT INTO js_counter VALUES (1, 0)');
  const again = async (work) => {
    for (;;) {
      const c = await pool.connect();
      try {
        await c.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
        await work(c);
        await c.query('COMMIT');
        return;
      } catch (e) {
        await c.query('ROLLBACK');
        if (e.code !== '40001') throw e;
      } finally {
        c.release();
      }
    }
  };
  await Promise.all(Array.from({length: 40}, () => again(async (c) => {
    const {rows: [{n}]} = await c.query('SELECT n FROM js_counter WHERE id = 1');
    await c.query('UPDATE js_counter SET n = $1 WHERE id = 1', [n + 1]);
  })));
  assert.strictEqual((await pool.query('SELECT n FROM js_counter')).rows[0].n, 40);
  await pool.end();
});
