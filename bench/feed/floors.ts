import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { openDatabase, transaction } from '../../src/store/database.ts';
import { startRole } from '../facade/role.ts';
import { dayOf, p99OfReads, sendTo } from './traffic.ts';

// What this machine allows at all: the least that a projection and a read beside a feed can cost here.

/** Messages whose rows are one transaction, as the projection applies them. */
const BATCH = 200;

/** Rows of one table, on their way into an empty one. */
interface Rows {
  readonly insert: StatementSync;
  /** So many more of them, in about the order in which they came to be. */
  next(count: number): readonly SQLInputValue[][];
  readonly count: number;
}

/**
 * Messages a second when the rows that they became are inserted into empty tables of the same schema, in transactions of 200 messages; nothing is read, mapped or searched
 * for, and no row is written twice, as it is when a later message changes it. Reading the rows that are to be inserted is not measured.
 *
 * @param projection its path @param messages how many it has applied
 */
export function rateOfInserts(projection: string, folder: string, messages: number): number {
  const source = new DatabaseSync(projection);
  const target = openDatabase(join(folder, 'floor.sqlite'), PROJECTION_MIGRATIONS);
  // As the projection has them.
  target.exec('PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000');
  const tables = source
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    .all()
    .map(({ name }) => rowsOf(source, target, String(name)));
  const batches = Math.ceil(messages / BATCH);
  let ms = 0;
  for (let batch = 0; batch < batches; batch++) {
    const parts = tables.map((table) => ({
      insert: table.insert,
      rows: table.next(Math.ceil(table.count / batches)),
    }));
    const from = performance.now();
    transaction(target, () => {
      for (const { insert, rows } of parts) for (const row of rows) insert.run(...row);
    });
    ms += performance.now() - from;
  }
  target.close();
  source.close();
  return messages / (ms / 1000);
}

function rowsOf(source: DatabaseSync, target: DatabaseSync, table: string): Rows {
  const columns = source
    .prepare(`SELECT name FROM pragma_table_info('${table}')`)
    .all()
    .map(({ name }) => String(name));
  // Resources are numbered as they come, and versions and events have the number of their message.
  const order =
    ['message', 'rid'].find((column) => table !== 'resource' && columns.includes(column)) ?? columns[0]!;
  const select = source.prepare(`SELECT * FROM ${table} ORDER BY ${order}`);
  select.setReturnArrays(true);
  const rows = select.iterate() as unknown as Iterator<SQLInputValue[]>;
  return {
    insert: target.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`),
    count: Number(source.prepare(`SELECT count(*) AS count FROM ${table}`).get()!['count']),
    next(count) {
      const some: SQLInputValue[][] = [];
      while (some.length < count) {
        const { done, value } = rows.next();
        if (done) break;
        some.push(value);
      }
      return some;
    },
  };
}

/**
 * p99 of reads of a constant in milliseconds, without and with the floor of the intake (frames, a sync for all that wait, and nothing else) at full rate, each a process of its
 * own. This process sends and reads, as it does with Ficus.
 */
export async function bareReads(): Promise<{ readonly quiet: number; readonly busy: number }> {
  const server = await startRole('../feed/constant.ts', [], undefined);
  const floor = await startRole('../feed/server.ts', ['floor'], undefined);
  const addresses = [`http://127.0.0.1:${server.port}/`];
  const day = dayOf(1);
  try {
    await p99OfReads(addresses, () => false);
    const quiet = await p99OfReads(addresses, () => false);
    const enough = new AbortController();
    const feed = async (): Promise<void> => {
      while (!enough.signal.aborted) await sendTo(floor.port, day);
    };
    const feeding = feed();
    const busy = await p99OfReads(addresses, () => false);
    enough.abort();
    await feeding;
    return { quiet, busy };
  } finally {
    server.stop();
    floor.stop();
  }
}
