import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LRUCache } from 'lru-cache';
import { parseJson } from '../../fhir/json.ts';
import type { Resource } from '../../fhir/types.ts';
import type { MergeReview } from '../merges.ts';
import { parseKept } from '../decimals.ts';
import { createNames, type Names } from '../names.ts';
import { MERGEABLE } from '../records.ts';
import type { Bound, Sql } from './condition.ts';

/** A resource in the file, as it is read. */
export interface Found {
  readonly rid: number;
  readonly version: number;
  readonly updatedAt: number;
  readonly resource: Resource;
}

/** One version of a resource. */
export interface FoundVersion {
  readonly version: number;
  readonly updatedAt: number;
  readonly resource: Resource;
}

/** The file as those see it who only read. */
export interface Reading {
  readonly names: Names;
  /** Runs `work` on one state of the file. */
  consistently<T>(work: () => T): T;
  all(sql: Sql): readonly Record<string, unknown>[];
  first(sql: Sql): Record<string, unknown> | undefined;
  iterate(sql: Sql): Iterable<Record<string, unknown>>;
  /** The number of a resource, known or only referred to. */
  ridOf(type: string, id: string): number | undefined;
  ridsOfId(id: string): readonly number[];
  /** The resource now; undefined: nobody has told of it. */
  byRid(rid: number): Found | undefined;
  /** Those that are there of several, in their order. */
  byRids(rids: readonly number[]): readonly Found[];
  read(type: string, id: string): Found | undefined;
  /** One version; undefined: there is none of that number. */
  version(rid: number, versionId: string): FoundVersion | undefined;
  /** All versions, the newest first. */
  versions(rid: number): readonly FoundVersion[];
  /** Who stands for a resource now; undefined: it was not merged. */
  survivorOf(rid: number): number | undefined;
  /** `Patient/1` of a number. */
  nameOf(rid: number): string;
  /** What un-merges left for somebody to look at, the newest un-merge first. */
  reviews(limit: number): readonly MergeReview[];
  /** The legacy key of an id that was made by keyed hash. */
  hashed(id: string): { readonly type: string; readonly key: string } | undefined;
  /** Epoch milliseconds of the last batch that was applied. */
  appliedAt(): number | undefined;
}

const CACHED = 4_000;
const STATEMENTS = 500;

export function createReading(database: DatabaseSync): Reading {
  database.exec('PRAGMA cache_size = -65536');
  const names = createNames(database);
  const statements = new LRUCache<string, StatementSync>({ max: STATEMENTS });
  const parsed = new LRUCache<number, Found>({ max: CACHED });
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text);
    if (known) return known;
    const made = database.prepare(text);
    statements.set(text, made);
    return made;
  };
  const ridById = database.prepare('SELECT rid FROM resource WHERE id = ? AND type = ?');
  const byId = database.prepare('SELECT rid FROM resource WHERE id = ?');
  const versionOf = database.prepare('SELECT version FROM resource WHERE rid = ?');
  const content = 'rid, version, updated_at, decimals, json FROM resource';
  const load = database.prepare(`SELECT ${content} WHERE rid = ? AND version > 0`);
  const several = 'rid IN (SELECT value FROM json_each(?)) AND version > 0';
  const loadAll = database.prepare(`SELECT ${content} WHERE ${several}`);
  const versionsOf = database.prepare(`SELECT rid, version FROM resource WHERE ${several}`);
  const older = database.prepare(
    'SELECT version, updated_at, json FROM version WHERE rid = ? ORDER BY version DESC',
  );
  const one = database.prepare('SELECT version, updated_at, json FROM version WHERE rid = ? AND version = ?');
  const survivor = database.prepare('SELECT survivor FROM merge WHERE retired = ? AND undone_at IS NULL');
  const name = database.prepare('SELECT type, id FROM resource WHERE rid = ?');
  const crosswalk = database.prepare('SELECT type, key FROM crosswalk WHERE id = ?');
  const review = database.prepare(
    `SELECT r.type, r.id, v.why, m.retired, m.survivor FROM merge_review v JOIN merge m ON m.merge = v.merge
       JOIN resource r ON r.rid = v.rid ORDER BY m.undone_at DESC, v.merge DESC, v.rid LIMIT ?`,
  );
  const applied = database.prepare("SELECT value FROM setting WHERE name = 'applied_at'");

  function ridOf(type: string, id: string): number | undefined {
    const nid = names.find(type);
    const row = nid === undefined ? undefined : ridById.get(id, nid);
    return row && Number(row['rid']);
  }

  function foundOf(row: Record<string, unknown>): Found {
    const json = String(row['json']);
    const resource = parseKept(json, row['decimals']) as Resource;
    const rid = Number(row['rid']);
    const found = { rid, version: Number(row['version']), updatedAt: Number(row['updated_at']), resource };
    parsed.set(rid, found);
    return found;
  }

  function byRid(rid: number): Found | undefined {
    const known = parsed.get(rid);
    if (known && versionOf.get(rid)?.['version'] === known.version) return known;
    const row = load.get(rid);
    return row && foundOf(row);
  }

  function byRids(rids: readonly number[]): readonly Found[] {
    const found = new Map<number, Found>();
    const remembered = rids.filter((rid) => parsed.has(rid));
    for (const row of remembered.length > 0 ? versionsOf.all(JSON.stringify(remembered)) : []) {
      const known = parsed.get(Number(row['rid']));
      if (known && known.version === row['version']) found.set(known.rid, known);
    }
    const missing = rids.filter((rid) => !found.has(rid));
    if (missing.length > 0) {
      for (const row of loadAll.all(JSON.stringify(missing))) found.set(Number(row['rid']), foundOf(row));
    }
    return rids.flatMap((rid) => found.get(rid) ?? []);
  }

  function nameOf(rid: number): string {
    const row = name.get(rid);
    return row ? `${names.text(Number(row['type']))}/${String(row['id'])}` : '';
  }

  const values = (sql: Sql): Bound[] => [...sql.values];
  return {
    names,
    consistently(work) {
      if (database.isTransaction) return work();
      database.exec('BEGIN');
      try {
        return work();
      } finally {
        database.exec('COMMIT');
      }
    },
    all: (sql) => prepared(sql.text).all(...values(sql)),
    first: (sql) => prepared(sql.text).get(...values(sql)),
    iterate: (sql) => prepared(sql.text).iterate(...values(sql)),
    ridOf,
    ridsOfId: (id) => byId.all(id).map((row) => Number(row['rid'])),
    byRid,
    byRids,
    read(type, id) {
      const rid = ridOf(type, id);
      return rid === undefined ? undefined : byRid(rid);
    },
    version(rid, versionId) {
      const now = byRid(rid);
      if (String(now?.version) === versionId) return now;
      const row = /^[1-9]\d{0,14}$/.test(versionId) ? one.get(rid, Number(versionId)) : undefined;
      return row && versionOfRow(row);
    },
    versions(rid) {
      const now = byRid(rid);
      return now ? [now, ...older.all(rid).map(versionOfRow)] : [];
    },
    survivorOf(rid) {
      let at: number | undefined;
      for (let next = survivor.get(rid); next; next = survivor.get(at)) at = Number(next['survivor']);
      return at;
    },
    nameOf,
    reviews: (limit) =>
      review.all(limit).map((row) => ({
        type: names.text(Number(row['type'])),
        id: String(row['id']),
        why: row['why'] as MergeReview['why'],
        restored: nameOf(Number(row['retired'])),
        survivor: nameOf(Number(row['survivor'])),
      })),
    hashed(id) {
      const row = crosswalk.get(id);
      return row && { type: String(row['type']), key: String(row['key']) };
    },
    appliedAt() {
      const value = applied.get()?.['value'];
      return value === undefined ? undefined : Number(value);
    },
  };
}

function versionOfRow(row: Record<string, unknown>): FoundVersion {
  return {
    version: Number(row['version']),
    updatedAt: Number(row['updated_at']),
    resource: parseJson(String(row['json'])) as Resource,
  };
}

/** Whether resources of a type can be merged: only of these it is asked who stands for them. */
export function canBeMerged(type: string): boolean {
  return MERGEABLE.includes(type);
}
