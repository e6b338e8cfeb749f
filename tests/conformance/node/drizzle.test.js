// SPDX-License-Identifier: Apache-2.0
// Drizzle as it is.
'use strict';
const assert = require('node:assert');
const {test} = require('node:test');

test('Drizzle', async () => {
  const {drizzle} = require('drizzle-orm/node-postgres');
  const {eq, gt, sql, desc} = require('drizzle-orm');
  const {integer, jsonb, numeric, pgTable, serial, text, timestamp} = require('drizzle-orm/pg-core');
  const {Pool} = require('pg');
  const pool = new Pool();
  try {
    const db = drizzle(pool);
    const things = pgTable('dz_things', {
      id: serial('id').primaryKey(), name: text('name').notNull(), size: integer('size').default(3),
      cost: numeric('cost', {precision: 8, scale: 2}), meta: jsonb('meta'), at: timestamp('at').defaultNow()});
    await db.execute(sql`CREATE TABLE dz_things (id serial PRIMARY KEY, name text NOT NULL, size integer DEFAULT 3,
        cost numeric(8,2), meta jsonb, at timestamp DEFAULT now())`);
    const made = await db.insert(things).values([{name: 'a', cost: '1.50'}, {name: 'b', size: 9, meta: {k: 1}}]).returning();
    assert.deepStrictEqual(made.map((t) => [t.size, t.cost, t.meta]), [[3, '1.50', null], [9, null, {k: 1}]]);
    assert.ok(made[0].at instanceof Date);
    await db.update(things).set({size: sql`${things.size} + 1`}).where(eq(things.name, 'a'));
    assert.deepStrictEqual(await db.select({n: things.name}).from(things).where(gt(things.size, 3)).orderBy(desc(things.size)),
                           [{n: 'b'}, {n: 'a'}]);
    await db.insert(things).values({id: made[0].id, name: 'c'})
        .onConflictDoUpdate({target: things.id, set: {name: sql`excluded.name`}});
    await assert.rejects(db.transaction(async (tx) => {
      await tx.delete(things);
      tx.rollback();
    }));
    assert.deepStrictEqual((await db.select().from(things).orderBy(things.name)).map((t) => t.name), ['b', 'c']);
    await db.execute(sql`DROP TABLE dz_things`);
  } finally {
    await pool.end();
  }
});
