import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LRUCache } from 'lru-cache';
import { parseJson } from '../../fhir/json.ts';
import type { Resource } from '../../fhir/types.ts';
import { Written } from '../../fhir/written.ts';
import type { MergeReview } from '../merges.ts';
import { parseKept } from '../decimals.ts';
import { createNames, type Names } from '../names.ts';
import { MERGEABLE } from '../survey.ts';
import type { Sql } from './condition.ts';

/** One version of a resource. */
export interface FoundVersion {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  readonly resource: Resource;
}

/** Which versions of a resource. */
export interface VersionPart {
  /** Epoch milliseconds: made then or later. */
  readonly since: number;
  /** The newest. */
  readonly upTo: number;
  /** Most of them. */
  readonly limit: number;
}

/** A resource in the file, as it is read: taken apart when somebody looks inside. */
export class Found extends Written implements FoundVersion {
  readonly rid: number;
  readonly version: number;
  readonly updatedAt: number;

  constructor(type: string, [rid, _type, id, version, updatedAt, decimals, json]: Row) {
    super(type, id, json, (text) => parseKept(text, decimals) as Resource);
    this.rid = rid;
    this.version = version;
    this.updatedAt = updatedAt;
  }
}

/** The file as those see it who only read. */
export interface Reading {
  readonly names: Names;
  /** Runs `work` on one state of the file. */
  consistently<T>(work: () => T): T;
  /** What a statement of one column finds, all at once or one by one: rids. */
  rids(sql: Sql): readonly number[];
  iterate(sql: Sql): Iterable<number>;
  /** The number that a statement finds; while nothing in the file changes, it is found once. */
  count(sql: Sql): number;
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
  /** Versions, the newest first. */
  versions(rid: number, part: VersionPart): readonly FoundVersion[];
  /** How many there are. */
  versionCount(rid: number, part: Pick<VersionPart, 'since' | 'upTo'>): number;
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
const COUNTED = 1_000;

/** A row of `content`. */
type Row = readonly [
  rid: number,
  type: number,
  id: string,
  version: number,
  updatedAt: number,
  decimals: string | null,
  json: string,
];

export function createReading(database: DatabaseSync): Reading {
  database.exec('PRAGMA cache_size = -65536');
  const names = createNames(database);
  const statements = new LRUCache<string, StatementSync>({ max: STATEMENTS });
  /** Those of `read` that are known to be what the file has now. */
  const current = new Set<number>();
  const read = new LRUCache<number, Found>({ max: CACHED, dispose: ({ rid }) => current.delete(rid) });
  const counted = new LRUCache<string, number>({ max: COUNTED });
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text);
    if (known) return known;
    const made = inColumns(database.prepare(text));
    statements.set(text, made);
    return made;
  };
  const begin = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  const ridById = database.prepare('SELECT rid FROM resource WHERE id = ? AND type = ?');
  const byId = database.prepare('SELECT rid FROM resource WHERE id = ?');
  const versionOf = database.prepare('SELECT version FROM resource WHERE rid = ?');
  const content = 'rid, type, id, version, updated_at, decimals, json FROM resource';
  const several = 'rid IN (SELECT value FROM json_each(?)) AND version > 0';
  const load = inColumns(database.prepare(`SELECT ${content} WHERE rid = ? AND version > 0`));
  const loadAll = inColumns(database.prepare(`SELECT ${content} WHERE ${several}`));
  const state = inColumns(database.prepare('SELECT data_version, total_changes() FROM pragma_data_version'));
  let seen = '';
  const versionsOf = database.prepare(`SELECT rid, version FROM resource WHERE ${several}`);
  const older = database.prepare(
    'SELECT version, updated_at, json FROM version WHERE rid = ? AND version <= ? AND updated_at >= ? ORDER BY version DESC LIMIT ?',
  );
  const countVersions = database.prepare(
    `SELECT (SELECT count(*) FROM version WHERE rid = ? AND version <= ? AND updated_at >= ?)
       + (SELECT count(*) FROM resource WHERE rid = ? AND version BETWEEN 1 AND ? AND updated_at >= ?) AS total`,
  );
  const one = database.prepare('SELECT version, updated_at, json FROM version WHERE rid = ? AND version = ?');
  const survivor = database.prepare('SELECT survivor FROM merge WHERE retired = ? AND undone_at IS NULL');
  const name = database.prepare('SELECT type, id FROM resource WHERE rid = ?');
  const crosswalk = database.prepare('SELECT type, key FROM crosswalk WHERE id = ?');
  const review = database.prepare(
    `SELECT r.type, r.id, v.why, m.retired, m.survivor, m.undone_by, m.undone_at FROM merge_review v JOIN merge m ON m.merge = v.merge
       JOIN resource r ON r.rid = v.rid ORDER BY m.undone_at DESC, v.merge DESC, v.rid LIMIT ?`,
  );
  const applied = database.prepare("SELECT value FROM setting WHERE name = 'applied_at'");

  function ridOf(type: string, id: string): number | undefined {
    const nid = names.find(type);
    const row = nid === undefined ? undefined : ridById.get(id, nid);
    return row && Number(row['rid']);
  }

  /** Forgets what was true of the file before somebody changed it. */
  function look(): void {
    const now = JSON.stringify(state.get());
    if (now === seen) return;
    seen = now;
    current.clear();
    counted.clear();
  }

  function foundOf(row: Row): Found {
    const found = new Found(names.text(row[1]), row);
    read.set(found.rid, found);
    current.add(found.rid);
    return found;
  }

  function byRid(rid: number): Found | undefined {
    look();
    const known = read.get(rid);
    if (known && (current.has(rid) || versionOf.get(rid)?.['version'] === known.version)) {
      current.add(rid);
      return known;
    }
    const row = load.get(rid) as Row | undefined;
    return row && foundOf(row);
  }

  function byRids(rids: readonly number[]): readonly Found[] {
    look();
    const found = new Map<number, Found>();
    const keep = (known: Found): void => {
      current.add(known.rid);
      found.set(known.rid, known);
    };
    const unsure: number[] = [];
    for (const rid of rids) {
      const known = read.get(rid);
      if (known && current.has(rid)) keep(known);
      else if (known) unsure.push(rid);
    }
    for (const row of unsure.length > 0 ? versionsOf.all(JSON.stringify(unsure)) : []) {
      const known = read.get(Number(row['rid']));
      if (known && known.version === row['version']) keep(known);
    }
    const missing = rids.filter((rid) => !found.has(rid));
    if (missing.length > 0) {
      for (const row of loadAll.all(JSON.stringify(missing)) as unknown as Row[])
        found.set(row[0], foundOf(row));
    }
    return rids.flatMap((rid) => found.get(rid) ?? []);
  }

  function nameOf(rid: number): string {
    const row = name.get(rid);
    return row ? `${names.text(Number(row['type']))}/${String(row['id'])}` : '';
  }

  const found = ({ text, values }: Sql) => prepared(text).all(...values) as unknown as [number][];
  return {
    names,
    consistently(work) {
      if (database.isTransaction) return work();
      begin.run();
      try {
        return work();
      } finally {
        commit.run();
      }
    },
    rids: (sql) => found(sql).map(([rid]) => rid),
    *iterate(sql) {
      for (const [rid] of prepared(sql.text).iterate(...sql.values) as Iterable<unknown> as Iterable<
        [number]
      >)
        yield rid;
    },
    count(sql) {
      look();
      const key = JSON.stringify(sql);
      const known = counted.get(key);
      if (known !== undefined) return known;
      const [total] = found(sql)[0]!;
      counted.set(key, total);
      return total;
    },
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
    versions(rid, { since, upTo, limit }) {
      const now = byRid(rid);
      const newest = now && now.version <= upTo && now.updatedAt >= since ? [now] : [];
      const rest = older.all(rid, upTo, since, limit).map(versionOfRow);
      return [...newest, ...rest].slice(0, limit);
    },
    versionCount: (rid, { since, upTo }) =>
      Number(countVersions.get(rid, upTo, since, rid, upTo, since)?.['total']),
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
        message: Number(row['undone_by']),
        since: Number(row['undone_at']),
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

function inColumns(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
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
