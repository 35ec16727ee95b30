import type { DatabaseSync, SQLInputValue } from 'node:sqlite';

/** Rows of a statement. */
const TOGETHER = 16;

/** Inserts rows into one table, several a statement: what a statement costs beside its rows is paid once for all. */
export interface Inserts {
  /** Inserts a row now or later; its values begin `from` where they are not all of what is given. */
  add(values: readonly SQLInputValue[], from?: number): void;
  /** Drops a row, given as it was added, if it is not inserted yet. */
  drop(values: readonly SQLInputValue[], from?: number): void;
  /** Inserts what was added and not inserted yet. To be called before the table is looked at, and before a commit. */
  flush(): void;
  /** Drops what was not inserted yet. */
  forget(): void;
}

/**
 * @param or what becomes of a row that cannot be inserted: it is left out, or it throws. Rows of its statement may be
 *   there already then (otherwise SQLite keeps what a statement of many rows changes, to take it back): the transaction
 *   has to be taken back.
 */
export function createInserts(
  database: DatabaseSync,
  or: 'IGNORE' | 'FAIL',
  table: string,
  columns: readonly string[],
): Inserts {
  const row = `(${columns.map(() => '?').join(', ')})`;
  const rowsOf = (count: number) =>
    database.prepare(
      `INSERT OR ${or} INTO ${table} (${columns.join(', ')}) VALUES ${Array(count).fill(row).join(', ')}`,
    );
  const one = rowsOf(1);
  const many = rowsOf(TOGETHER);
  const width = columns.length;
  let values: SQLInputValue[] = [];

  return {
    add(row, from = 0) {
      for (let at = from; at < row.length; at += 1) values.push(row[at]!);
      if (values.length < width * TOGETHER) return;
      const all = values;
      values = [];
      many.run(...all);
    },
    drop(row, from = 0) {
      const isThere = (at: number): boolean => {
        for (let nth = 0; nth < width; nth += 1) if (values[at + nth] !== row[from + nth]) return false;
        return true;
      };
      for (let at = values.length - width; at >= 0; at -= width) if (isThere(at)) values.splice(at, width);
    },
    flush() {
      const left = values;
      values = [];
      for (let at = 0; at < left.length; at += width) one.run(...left.slice(at, at + width));
    },
    forget() {
      values = [];
    },
  };
}
