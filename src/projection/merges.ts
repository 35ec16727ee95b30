import type { DatabaseSync } from 'node:sqlite';
import type { JsonObject } from '../fhir/types.ts';
import { parseJson } from '../fhir/json.ts';

/** One merge that was carried out. */
export interface Merge {
  readonly merge: number;
  readonly retired: number;
  readonly survivor: number;
  /** Epoch milliseconds of the event. */
  readonly eventAt: number;
  readonly message: number;
  /** What the retired one said of itself before, by element. */
  readonly was: JsonObject;
  /** The identifiers that it left to the survivor, marked as old. */
  readonly identifiers: readonly JsonObject[];
}

/** What somebody has to look at after an un-merge. */
export interface MergeReview {
  readonly type: string;
  readonly id: string;
  readonly why: 'came after the merge' | 'changed after the merge' | 'referred to both';
  /** FHIR ids of the one that came back and of whom it was taken from. */
  readonly restored: string;
  readonly survivor: string;
  /** `seq` of the message that took the merge back. */
  readonly message: number;
  /** When that was applied; epoch milliseconds. */
  readonly since: number;
}

/** A resource whose references a merge changed. `both`: it referred to the survivor as well. */
export interface MovedResource {
  readonly rid: number;
  readonly both: boolean;
}

/** Which identities went into which, and what that moved. Resources are named by their numbers. */
export interface Merges {
  /** Whether there is any merge at all. */
  readonly any: boolean;
  /**
   * Number of the one that stands for a retired resource, by its reference (`Patient/1`); undefined: it is not retired.
   */
  survivorOfReference(reference: string): number | undefined;
  /** Who stands for a resource now: itself unless it was merged. */
  survivorOf(rid: number): number;
  isRetired(rid: number): boolean;
  isSurvivor(rid: number): boolean;
  /** The merge by which a resource went. */
  of(retired: number): Merge | undefined;
  /** Merges into this one that hold, oldest first. */
  into(survivor: number): readonly Merge[];
  /** Merges into this one that were taken back. */
  undoneInto(survivor: number): readonly Merge[];
  /** Event time of the last merge or un-merge of a resource; undefined: there was none. */
  lastEventOf(retired: number): number | undefined;
  add(merge: Omit<Merge, 'merge'> & { readonly type: number; readonly at: number }): number;
  undo(merge: number, by: { readonly message: number; readonly at: number; readonly eventAt: number }): void;
  moved(merge: number): readonly MovedResource[];
  addMoved(merge: number, rid: number, both: boolean): void;
  addReview(merge: number, rid: number, why: MergeReview['why']): void;
  /** Reads anew what holds. */
  load(): void;
}

export function createMerges(database: DatabaseSync): Merges {
  const survivors = new Map<number, number>();
  const retiredReferences = new Map<string, number>();
  const counts = new Map<number, number>();
  /** Merges by survivor, once they were asked for. */
  const intos = new Map<number, readonly Merge[]>();
  const named = "n.text || '/' || r.id AS reference FROM resource r JOIN name n ON n.nid = r.type";
  const active = database.prepare(
    `SELECT m.retired, m.survivor, ${named} JOIN merge m ON m.retired = r.rid WHERE m.undone_at IS NULL ORDER BY m.merge`,
  );
  const referenceOf = database.prepare(`SELECT ${named} WHERE r.rid = ?`);
  const byRetired = database.prepare('SELECT * FROM merge WHERE retired = ? AND undone_at IS NULL');
  const bySurvivor = database.prepare(
    'SELECT * FROM merge WHERE survivor = ? AND undone_at IS NULL ORDER BY merge',
  );
  const undoneBySurvivor = database.prepare(
    'SELECT * FROM merge WHERE survivor = ? AND undone_at IS NOT NULL ORDER BY merge',
  );
  const last = database.prepare(
    'SELECT coalesce(undone_event_at, event_at) AS at FROM merge WHERE retired = ? ORDER BY merge DESC LIMIT 1',
  );
  const insert = database.prepare(
    'INSERT INTO merge (type, retired, survivor, event_at, message, at, was, identifiers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const undo = database.prepare(
    'UPDATE merge SET undone_at = ?, undone_by = ?, undone_event_at = ? WHERE merge = ?',
  );
  const moved = database.prepare('SELECT rid, both FROM merge_moved WHERE merge = ? ORDER BY rid');
  const addMoved = database.prepare('INSERT OR IGNORE INTO merge_moved (merge, rid, both) VALUES (?, ?, ?)');
  const addReview = database.prepare('INSERT OR IGNORE INTO merge_review (merge, rid, why) VALUES (?, ?, ?)');

  const remember = (retired: number, survivor: number, reference: string): void => {
    survivors.set(retired, survivor);
    retiredReferences.set(reference, retired);
    counts.set(survivor, (counts.get(survivor) ?? 0) + 1);
    intos.delete(survivor);
  };
  const load = (): void => {
    survivors.clear();
    retiredReferences.clear();
    counts.clear();
    intos.clear();
    for (const row of active.all())
      remember(Number(row['retired']), Number(row['survivor']), String(row['reference']));
  };
  load();

  function survivorOf(rid: number): number {
    let at = rid;
    for (let next = survivors.get(at); next !== undefined; next = survivors.get(at)) at = next;
    return at;
  }

  function into(survivor: number): readonly Merge[] {
    let known = intos.get(survivor);
    if (!known) intos.set(survivor, (known = bySurvivor.all(survivor).map(mergeOf)));
    return known;
  }

  return {
    get any() {
      return survivors.size > 0;
    },
    survivorOfReference(reference) {
      const retired = retiredReferences.get(reference);
      return retired === undefined ? undefined : survivorOf(retired);
    },
    survivorOf,
    isRetired: (rid) => survivors.has(rid),
    isSurvivor: (rid) => counts.has(rid),
    of: (retired) => byRetired.all(retired).map(mergeOf)[0],
    undoneInto: (survivor) => undoneBySurvivor.all(survivor).map(mergeOf),
    into,
    lastEventOf(retired) {
      const at = last.get(retired)?.['at'];
      return typeof at === 'number' ? at : undefined;
    },
    add(merge) {
      const { type, retired, survivor, eventAt, message, at, was, identifiers } = merge;
      const { lastInsertRowid } = insert.run(
        type,
        retired,
        survivor,
        eventAt,
        message,
        at,
        JSON.stringify(was),
        JSON.stringify(identifiers),
      );
      remember(retired, survivor, String(referenceOf.get(retired)?.['reference']));
      return Number(lastInsertRowid);
    },
    undo(merge, by) {
      undo.run(by.at, by.message, by.eventAt, merge);
      load();
    },
    moved: (merge) => moved.all(merge).map((row) => ({ rid: Number(row['rid']), both: row['both'] === 1 })),
    addMoved: (merge, rid, both) => void addMoved.run(merge, rid, both ? 1 : 0),
    addReview: (merge, rid, why) => void addReview.run(merge, rid, why),
    load,
  };
}

function mergeOf(row: Record<string, unknown>): Merge {
  return {
    merge: Number(row['merge']),
    retired: Number(row['retired']),
    survivor: Number(row['survivor']),
    eventAt: Number(row['event_at']),
    message: Number(row['message']),
    was: parseJson(String(row['was'])) as JsonObject,
    identifiers: parseJson(String(row['identifiers'])) as unknown as readonly JsonObject[],
  };
}
