import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { createInserts } from '../../../src/projection/inserts.ts';

function table(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE pair (a INTEGER PRIMARY KEY, b TEXT) STRICT');
  return database;
}
const rowsOf = (database: DatabaseSync) =>
  database
    .prepare('SELECT a, b FROM pair ORDER BY a')
    .all()
    .map(({ a, b }) => [a, b]);

test.each([0, 1, 15, 16, 17, 100])('all of %i rows are in the table once it was flushed', (count) => {
  const database = table();
  const inserts = createInserts(database, 'IGNORE', 'pair', ['a', 'b']);
  const rows = Array.from({ length: count }, (_, at) => [at, at % 3 === 0 ? null : `b${at}`]);
  for (const row of rows) inserts.add(['not this', ...row], 1);
  inserts.flush();
  expect(rowsOf(database)).toEqual(rows);
  inserts.flush();
  expect(rowsOf(database)).toEqual(rows);
  database.close();
});

test('a row that is there already is left out, or throws', () => {
  const database = table();
  const lenient = createInserts(database, 'IGNORE', 'pair', ['a', 'b']);
  for (let at = 0; at < 40; at += 1) lenient.add([at % 20, `b${at}`]);
  lenient.flush();
  expect(rowsOf(database)).toEqual(Array.from({ length: 20 }, (_, at) => [at, `b${at}`]));
  const strict = createInserts(database, 'FAIL', 'pair', ['a', 'b']);
  strict.add([7, 'again']);
  expect(() => strict.flush()).toThrow(/UNIQUE/);
  strict.flush();
  database.close();
});

test('a row that is dropped is not inserted, however often it was added', () => {
  const database = table();
  const inserts = createInserts(database, 'IGNORE', 'pair', ['a', 'b']);
  for (const [a, b] of [
    [1, 'x'],
    [2, 'x'],
    [1, 'x'],
    [1, 'y'],
  ] as const)
    inserts.add([a, b]);
  inserts.drop(['not this', 1, 'x'], 1);
  inserts.drop([3, 'x']);
  inserts.flush();
  expect(rowsOf(database)).toEqual([
    [1, 'y'],
    [2, 'x'],
  ]);
  database.close();
});

test('what is forgotten is never inserted', () => {
  const database = table();
  const inserts = createInserts(database, 'FAIL', 'pair', ['a', 'b']);
  for (let at = 0; at < 20; at += 1) inserts.add([at, 'b']);
  inserts.forget();
  inserts.flush();
  expect(rowsOf(database)).toHaveLength(16);
  database.close();
});
