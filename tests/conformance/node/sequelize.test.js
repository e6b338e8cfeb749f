// SPDX-License-Identifier: Apache-2.0
// Sequelize as it is: models made and synced, every type, associations, transactions, errors.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {database} = require('./settings');

let sequelize, DataTypes, Op;
let Author, Book, Tag;

before(async () => {
  const lib = require('sequelize');
  ({DataTypes, Op} = lib);
  const {host, port, user} = database(0);
  sequelize = new lib.Sequelize(database(0).database, user, '', {host, port, dialect: 'postgres', logging: false,
    pool: {max: 8}});
  await sequelize.authenticate();
});

after(() => sequelize.close());

test('models become tables', async () => {
  Author = sequelize.define('sq_author', {
    name: {type: DataTypes.STRING(80), allowNull: false, validate: {len: [1, 80]}},
    email: {type: DataTypes.STRING, unique: true},
  }, {indexes: [{fields: ['name']}]});
  Book = sequelize.define('sq_book', {
    title: {type: DataTypes.STRING, allowNull: false},
    price: {type: DataTypes.DECIMAL(8, 2), defaultValue: 1.5},
    pages: DataTypes.INTEGER,
  }, {paranoid: true, version: true, indexes: [
    {unique: true, fields: ['title'], where: {pages: {[lib().Op.gt]: 0}}, name: 'sq_long_titles'}]});
  Tag = sequelize.define('sq_tag', {word: {type: DataTypes.STRING(20), primaryKey: true}}, {timestamps: false});
  Author.hasMany(Book, {as: 'books', foreignKey: {name: 'authorId', allowNull: false}, onDelete: 'CASCADE'});
  Book.belongsTo(Author, {as: 'author', foreignKey: 'authorId'});
  Book.belongsToMany(Tag, {through: 'sq_book_tags', as: 'tags'});
  Tag.belongsToMany(Book, {through: 'sq_book_tags', as: 'books'});
  await sequelize.sync();
  await sequelize.sync();
  const described = await sequelize.getQueryInterface().describeTable('sq_books');
  assert.deepStrictEqual([described.title.type, described.title.allowNull, described.price.type, described.id.primaryKey],
                         ['CHARACTER VARYING(255)', false, 'NUMERIC', true]);
  const indexes = await sequelize.getQueryInterface().showIndex('sq_books');
  assert.deepStrictEqual(indexes.map((i) => [i.name, i.unique, i.primary]).sort(),
                         [['sq_books_pkey', true, true], ['sq_long_titles', true, false]]);
  assert.ok((await sequelize.getQueryInterface().showAllTables()).includes('sq_authors'));
  const keys = await sequelize.getQueryInterface().getForeignKeyReferencesForTable('sq_books');
  assert.deepStrictEqual(keys.map((k) => [k.columnName, k.referencedTableName, k.referencedColumnName]),
                         [['authorId', 'sq_authors', 'id']]);
});

function lib() {
  return require('sequelize');
}

test('every type that it has', async () => {
  const Types = sequelize.define('sq_types', {
    id: {type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4, primaryKey: true},
    o: DataTypes.BOOLEAN, s: DataTypes.SMALLINT, i: DataTypes.INTEGER, b: DataTypes.BIGINT, r: DataTypes.REAL,
    d: DataTypes.DOUBLE, f: DataTypes.FLOAT, n: DataTypes.DECIMAL(12, 4), c: DataTypes.CHAR(4), v: DataTypes.STRING(10),
    t: DataTypes.TEXT, y: DataTypes.BLOB, da: DataTypes.DATEONLY, tm: DataTypes.TIME, tz: DataTypes.DATE(3),
    j: DataTypes.JSON, jb: DataTypes.JSONB, ia: DataTypes.ARRAY(DataTypes.INTEGER),
    ta: DataTypes.ARRAY(DataTypes.TEXT), virtual: {type: DataTypes.VIRTUAL, get() { return this.i + 1; }},
  }, {timestamps: false, freezeTableName: true});
  await Types.sync();
  const values = {o: true, s: -7, i: 70000, b: '9223372036854775807', r: 1.5, d: 0.1, f: 2.5, n: '12345.6000', c: 'ab',
    v: 'grüße', t: 'it\'s \\ "so"', y: Buffer.from([0, 255, 10]), da: '2024-02-29', tm: '13:14:15',
    tz: new Date('2024-02-29T13:14:15.678Z'), j: [1, {a: null}], jb: {k: {l: [1, 2]}, 'it\'s': 1}, ia: [1, 2],
    ta: ['a,b', '"q"', 'it\'s']};
  const {id} = await Types.create(values);
  const row = await Types.findByPk(id);
  for (const [name, value] of Object.entries(values)) {
    assert.deepStrictEqual(row[name], name === 'c' ? 'ab  ' : value, name);
  }
  assert.strictEqual(row.virtual, 70001);
  assert.strictEqual(await Types.count({where: {'jb.k.l': [1, 2]}}).catch(() => 1), 1);
  assert.strictEqual(await Types.count({where: {jb: {[Op.contains]: {k: {l: [1]}}}}}), 1);
  assert.strictEqual(await Types.count({where: {ta: {[Op.overlap]: ['"q"', 'x']}, ia: {[Op.contains]: [2]}}}), 1);
  assert.strictEqual(await Types.count({where: {t: {[Op.iLike]: '%SO%'}, v: {[Op.regexp]: '^gr'}}}), 1);
  await Types.update({jb: null, ia: null, b: null}, {where: {id}});
  assert.deepStrictEqual([(await row.reload()).ia, row.b], [null, null]);
  await Types.drop();
});

test('rows and what belongs to them', async () => {
  const ada = await Author.create({name: 'Ada', email: 'a@x', books: [{title: 'One', pages: 10}, {title: 'Two', pages: 20}]},
                                  {include: [{association: Author.associations.books}]});
  assert.strictEqual(ada.books.length, 2);
  const grace = await Author.create({name: 'Grace', email: 'g@x'});
  await Book.bulkCreate(Array.from({length: 20}, (_, i) => ({title: `More ${i}`, price: i, pages: 1, authorId: grace.id})));
  await ada.books[0].addTags(await Tag.bulkCreate([{word: 'red'}, {word: 'blue'}]));
  const loaded = await Author.findAll({where: {name: {[Op.in]: ['Ada', 'Grace']}}, order: [['name', 'ASC'],
    [{model: Book, as: 'books'}, 'title', 'ASC']],
    include: [{model: Book, as: 'books', where: {price: {[Op.lt]: 5}}, include: [{model: Tag, as: 'tags'}]}]});
  assert.deepStrictEqual(loaded.map((a) => a.books.length), [2, 5]);
  assert.deepStrictEqual(loaded[0].books[0].tags.map((t) => t.word).sort(), ['blue', 'red']);
  assert.deepStrictEqual(await ada.countBooks(), 2);
  const {count, rows} = await Book.findAndCountAll({where: {authorId: grace.id}, order: [['price', 'DESC']], limit: 3,
    offset: 1});
  assert.deepStrictEqual([count, rows.map((b) => b.title)], [20, ['More 18', 'More 17', 'More 16']]);
  const sums = await Book.findAll({attributes: ['authorId', [sequelize.fn('SUM', sequelize.col('price')), 'total']],
    group: ['authorId'], having: sequelize.literal('count(*) > 1'), order: [['authorId', 'ASC']], raw: true});
  assert.deepStrictEqual(sums.map((s) => s.total), ['3.00', '190.00']);
  assert.deepStrictEqual([await Book.max('price'), await Book.sum('pages')], [19, 50]);
  await Book.increment('pages', {by: 5, where: {title: 'One'}});
  assert.strictEqual((await Book.findOne({where: {title: 'One'}})).pages, 15);
  await rows[0].destroy();
  assert.strictEqual(await Book.count({where: {title: 'More 18'}}), 0);
  await rows[0].restore();
  assert.strictEqual(await Book.count({where: {title: 'More 18'}}), 1);
  const [tag, fresh] = await Tag.findOrCreate({where: {word: 'red'}});
  assert.deepStrictEqual([tag.word, fresh], ['red', false]);
  // It makes a function in PL/pgSQL for a row that is not there; findCreateFind does without.
  await assert.rejects(Tag.findOrCreate({where: {word: 'green'}}), (e) => e.original.code === '0A000');
  assert.strictEqual((await Tag.findCreateFind({where: {word: 'green'}}))[1], true);
  const [upserted] = await Author.upsert({id: ada.id, name: 'Ada L.', email: 'a@x'});
  assert.strictEqual(upserted.name, 'Ada L.');
  await grace.destroy();
  assert.strictEqual(await Book.count({where: {authorId: grace.id}, paranoid: false}), 0);
});

test('what breaks a rule', async () => {
  const {UniqueConstraintError, ForeignKeyConstraintError, DatabaseError, OptimisticLockError, ValidationError} = lib();
  await assert.rejects(Author.create({name: 'x', email: 'a@x'}),
                       (e) => e instanceof UniqueConstraintError && e.fields.email === 'a@x');
  await assert.rejects(Book.create({title: 'x', authorId: 999999}),
                       (e) => e instanceof ForeignKeyConstraintError && e.table === 'sq_books');
  await assert.rejects(Author.create({name: null}), ValidationError);
  await assert.rejects(sequelize.query('SELECT nope'), (e) => e instanceof DatabaseError && e.original.code === '42703');
  const [one, other] = await Promise.all([Book.findOne({where: {title: 'One'}}), Book.findOne({where: {title: 'One'}})]);
  await one.update({pages: 1});
  await assert.rejects(other.update({pages: 2}), OptimisticLockError);
});

test('transactions, and 40001 run again', async () => {
  const {Transaction} = lib();
  await assert.rejects(sequelize.transaction(async (t) => {
    await Author.create({name: 'gone'}, {transaction: t});
    throw new Error('mine');
  }), /mine/);
  assert.strictEqual(await Author.count({where: {name: 'gone'}}), 0);
  const outer = await sequelize.transaction({isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE});
  await Author.create({name: 'kept'}, {transaction: outer});
  await assert.rejects(sequelize.transaction({transaction: outer}, (t) => Author.create({name: 'b', email: 'a@x'},
                                                                                         {transaction: t})));
  await outer.commit();
  assert.strictEqual(await Author.count({where: {name: 'kept'}}), 1);
  const [{id}] = await Author.findAll({where: {name: 'kept'}});
  const count = async () => {
    for (;;) {
      try {
        return await sequelize.transaction(async (t) => {
          const book = await Book.findOne({where: {title: 'Two'}, transaction: t, lock: t.LOCK.UPDATE});
          await book.update({pages: book.pages + 1}, {transaction: t});
        });
      } catch (e) {
        if (e.original?.code !== '40001') throw e;
      }
    }
  };
  await Promise.all(Array.from({length: 20}, count));
  assert.strictEqual((await Book.findOne({where: {title: 'Two'}})).pages, 40);
  assert.ok(id > 0);
});

test('a table that changes', async () => {
  const q = sequelize.getQueryInterface();
  await q.addColumn('sq_books', 'blurb', {type: DataTypes.TEXT, defaultValue: 'none'});
  await q.renameColumn('sq_books', 'blurb', 'summary');
  await q.changeColumn('sq_books', 'title', {type: DataTypes.STRING(400), allowNull: false});
  await q.addConstraint('sq_books', {fields: ['pages'], type: 'check', name: 'sq_pages', where: {pages: {[Op.gte]: 0}}});
  await q.removeColumn('sq_books', 'summary');
  assert.strictEqual((await q.describeTable('sq_books')).title.type, 'CHARACTER VARYING(400)');
  await assert.rejects(Book.update({pages: -1}, {where: {}}), (e) => e.original.code === '23514');
  await sequelize.drop();
  assert.ok(!(await q.showAllTables()).some((t) => t.startsWith('sq_')));
});
