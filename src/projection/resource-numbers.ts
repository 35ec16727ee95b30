import type { DatabaseSync } from 'node:sqlite';
import { ByName, Recent } from './by-name.ts';
import type { Names } from './names.ts';

/** Older than any event. */
export const NO_EVENT = -8_640_000_000_000_000;

const REMEMBERED = 20_000;

/** The numbers of resources (`rid`), of those too that others refer to and that have no row yet. */
export interface ResourceNumbers {
  /** Number of a resource, known or only referred to. */
  readonly ridOf: (type: string, id: string) => number;
  /** The same, by a relative reference (`Patient/1`). */
  ridOfReference(reference: string): number;
  /** Whether it was referred to and has no row yet. */
  isWaiting(type: string, id: string): boolean;
  /** Number for a resource that has no row. */
  give(type: string, id: string): number;
  /** It has a row, or is getting one. */
  told(type: string, id: string, rid: number): void;
  /** Writes rows of those that were only referred to; until then they are not in the file. */
  readonly settle: () => void;
  /** Forgets what a transaction that was taken back had added. */
  forget(): void;
}

export function createResourceNumbers(database: DatabaseSync, names: Names): ResourceNumbers {
  const ridById = database.prepare('SELECT rid FROM resource WHERE id = ? AND type = ?');
  const insert = database.prepare(
    `INSERT INTO resource (rid, type, id, version, event_at, updated_at, message) VALUES (?, ?, ?, 0, ${NO_EVENT}, 0, 0)`,
  );
  const highest = database.prepare('SELECT coalesce(max(rid), 0) AS rid FROM resource');
  const highestRid = (): number => Number(highest.get()?.['rid']);
  const rids = new Recent<number>(REMEMBERED);
  /** Most of these are told of by the same message, and their row is written once. */
  const waiting = new ByName<number>();
  let last = highestRid();

  function ridOf(type: string, id: string): number {
    const known = rids.get(type, id) ?? waiting.get(type, id);
    if (known !== undefined) return known;
    const row = ridById.get(id, names.number(type));
    const rid = row ? Number(row['rid']) : (last += 1);
    if (!row) waiting.set(type, id, rid);
    rids.set(type, id, rid);
    return rid;
  }

  return {
    ridOf,
    ridOfReference(reference) {
      const slash = reference.indexOf('/');
      return ridOf(reference.slice(0, slash), reference.slice(slash + 1));
    },
    isWaiting: (type, id) => waiting.size > 0 && waiting.get(type, id) !== undefined,
    give: (type, id) => waiting.get(type, id) ?? (last += 1),
    told(type, id, rid) {
      rids.set(type, id, rid);
      waiting.delete(type, id);
    },
    settle() {
      if (waiting.size === 0) return;
      for (const [type, id, rid] of waiting) insert.run(rid, names.number(type), id);
      waiting.clear();
    },
    forget() {
      rids.clear();
      waiting.clear();
      last = highestRid();
    },
  };
}
