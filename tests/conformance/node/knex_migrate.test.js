// SPDX-License-Identifier: Apache-2.0
// Knex's migrations as they are: up, down, one that fails, and from two nodes at once.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {database} = require('./settings');

const ups = [];
const steps = {
  '1_people': {
    async up(knex) {
      ups.push('1_people');
      await knex.schema.createTable('km_people', (t) => {
        t.increments('id');
        t.string('name').notNullable();
      });
      await knex('km_people').insert([{name: 'Ada'}, {name: 'Grace'}]);
    },
    down: (knex) => knex.schema.dropTable('km_people'),
  },
  '2_pets': {
    async up(knex) {
      ups.push('2_pets');
      await knex.schema.createTable('km_pets', (t) => {
        t.increments('id');
        t.integer('owner').notNullable().references('km_people.id');
      });
      await knex.schema.alterTable('km_people', (t) => t.string('email').unique());
      await knex('km_pets').insert({owner: knex('km_people').min('id')});
    },
    async down(knex) {
      await knex.schema.alterTable('km_people', (t) => t.dropColumn('email'));
      await knex.schema.dropTable('km_pets');
    },
  },
};
const broken = {
  '3_broken': {
    async up(knex) {
      await knex.schema.createTable('km_never', (t) => t.increments('id'));
      await knex('km_people').insert({name: 'never'});
      await knex('km_people').insert({name: null});
    },
    down: async () => {},
  },
};

const source = (of) => ({
  getMigrations: async () => Object.keys(of),
  getMigrationName: (name) => name,
  getMigration: async (name) => of[name],
});
const settings = (of) => ({migrationSource: source(of), tableName: 'km_migrations'});

let nodes;

before(() => {
  nodes = [0, 1].map((i) => require('knex')({client: 'pg', connection: database(i), pool: {min: 0, max: 4}}));
});

after(() => Promise.all(nodes.map((n) => n.destroy())));

test('two nodes at once: each step is taken once', async () => {
  // Both make the tables that it keeps its list and its lock in: one may find them there.
  await nodes[0].migrate.currentVersion(settings(steps));
  const done = await Promise.allSettled(nodes.map((n) => n.migrate.latest(settings(steps))));
  const applied = done.filter((d) => d.status === 'fulfilled' && d.value[1].length > 0);
  assert.deepStrictEqual(applied.map((d) => d.value[1]), [['1_people', '2_pets']], JSON.stringify(done));
  for (const d of done) {
    // The other finds the lock taken, or nothing left to do.
    if (d.status === 'rejected') assert.match(String(d.reason), /lock|40001|could not serialize/i);
  }
  assert.strictEqual((await nodes[1]('km_migrations').count('* as n').first()).n, '2');
  assert.strictEqual((await nodes[1]('km_people').count('* as n').first()).n, '2');
  assert.deepStrictEqual((await nodes[1].migrate.latest(settings(steps)))[1], []);
  assert.strictEqual(await nodes[1].migrate.currentVersion(settings(steps)), '2');
});

test('a step that fails leaves nothing', async () => {
  await assert.rejects(nodes[0].migrate.latest(settings({...steps, ...broken})), {code: '23502'});
  assert.strictEqual(await nodes[1].schema.hasTable('km_never'), false);
  assert.strictEqual((await nodes[1]('km_people').where({name: 'never'})).length, 0);
  assert.strictEqual((await nodes[1]('km_migrations_lock').first()).is_locked, 0);
});

test('down and up again', async () => {
  const [, undone] = await nodes[1].migrate.down(settings(steps));
  assert.deepStrictEqual(undone, ['2_pets']);
  assert.strictEqual(await nodes[0].schema.hasTable('km_pets'), false);
  assert.strictEqual(await nodes[0].schema.hasColumn('km_people', 'email'), false);
  const [done, open] = await nodes[0].migrate.list(settings(steps));
  assert.deepStrictEqual([done.map((d) => d.name), open], [['1_people'], ['2_pets']]);
  assert.deepStrictEqual((await nodes[0].migrate.up(settings(steps)))[1], ['2_pets']);
  await nodes[0].migrate.rollback(settings(steps), true);
  assert.strictEqual(await nodes[1].schema.hasTable('km_people'), false);
});
