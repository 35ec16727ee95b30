import type { DatabaseSync } from 'node:sqlite';
import type { WrittenResource } from '../projection-ports.ts';
import type { Resource } from '../fhir/types.ts';
import { Recent } from './by-name.ts';
import { stampedText, unstamped } from './content.ts';
import { keptDecimals, parseKept } from './decimals.ts';
import { createIndexWriter, type Indexed } from './index/write.ts';
import { createInserts } from './inserts.ts';
import type { IndexedNames } from './index/parameters.ts';
import type { RowContext } from './index/rows.ts';
import type { Names } from './names.ts';
import { createResourceNumbers, NO_EVENT } from './resource-numbers.ts';
import { surveyOf, type Survey } from './survey.ts';

/** A resource as the file has it. Version 0: others refer to it, and nobody has told of it yet. */
export interface ResourceRecord {
  readonly rid: number;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** Epoch milliseconds of the event that it was last changed by; NO_EVENT: none that counts. */
  readonly eventAt: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  readonly message: number;
  readonly json?: string;
  /** Without what the projection writes into its `meta`. */
  readonly resource?: Resource;
  /** Its row is written with its first version. */
  readonly fresh?: true;
  /** JSON text of the update that it is as of. */
  readonly said?: string | undefined;
  /** What was worked out of the resource when it was stored; absent: it was read from the file. */
  readonly known?: { readonly indexed: Indexed; readonly references: ReadonlySet<string> };
}

/** What makes a new version. */
export interface Cause {
  readonly eventAt: number;
  readonly message: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The resource as text, where it is just what a message wrote. */
  readonly written?: WrittenResource | undefined;
  readonly said?: string | undefined;
  /** Of the resource, where it is known already. */
  readonly survey?: Survey | undefined;
}

const CACHED = 5_000;

/** The resources of the file as the one writer sees them. */
export interface Records {
  find(type: string, id: string): ResourceRecord | undefined;
  /** The record if it is in memory. */
  recent(type: string, id: string): ResourceRecord | undefined;
  /** The record; an empty one that is not in the file when there is none: for `put`. */
  open(type: string, id: string): ResourceRecord;
  /** The record, made empty when there is none. */
  ensure(type: string, id: string): ResourceRecord;
  byRid(rid: number): ResourceRecord;
  /** Stores a new version of a resource, and its index rows. */
  put(record: ResourceRecord, resource: Resource, cause: Cause): ResourceRecord;
  /** Remembers that an event said the same, no older than the last one. */
  confirm(record: ResourceRecord, eventAt: number, said?: string): void;
  /** Writes the rows of those that were only referred to; until then they are not in the file. */
  settle(): void;
  /** Writes the rows of the index that are not in the file yet. To be called before a commit. */
  flush(): void;
  /** Every resource that refers to this one, of the types in MERGEABLE. */
  referrersOf(rid: number): readonly number[];
  /** `seq` of the message that first told of a resource. */
  firstMessageOf(rid: number): number;
  /** Writes the index of everything anew. */
  reindex(): void;
  /** Forgets what a transaction that was taken back had changed. */
  forget(): void;
}

export interface RecordsOptions extends RowContext {
  readonly names: Names;
  readonly indexed: IndexedNames;
}

export function createRecords(database: DatabaseSync, options: RecordsOptions): Records {
  const { names } = options;
  const numbers = createResourceNumbers(database, names);
  const { settle } = numbers;
  const cache = new Recent<ResourceRecord>(CACHED);
  const columns = 'rid, type, id, version, event_at, updated_at, message, decimals, json';
  const byId = database.prepare(`SELECT ${columns} FROM resource WHERE id = ? AND type = ?`);
  const byNumber = database.prepare(`SELECT ${columns} FROM resource WHERE rid = ?`);
  const insert = database.prepare(
    'INSERT INTO resource (version, event_at, updated_at, message, decimals, params, sorts, json, rid, type, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const update = database.prepare(
    `UPDATE resource SET version = ?, event_at = ?, updated_at = ?, message = ?, decimals = ?, params = ?, sorts = ?, json = ? WHERE rid = ?`,
  );
  const updateEvent = database.prepare('UPDATE resource SET event_at = ? WHERE rid = ?');
  const keep = database.prepare(
    'INSERT INTO version (rid, version, updated_at, message, json) VALUES (?, ?, ?, ?, ?)',
  );
  const addReferrer = createInserts(database, 'IGNORE', 'referrer', ['target', 'rid']);
  const dropReferrer = database.prepare('DELETE FROM referrer WHERE target = ? AND rid = ?');
  const referrers = database.prepare('SELECT rid FROM referrer WHERE target = ? ORDER BY rid');
  const firstVersion = database.prepare('SELECT message FROM version WHERE rid = ? ORDER BY version LIMIT 1');
  const everything = database.prepare(
    'SELECT rid FROM resource WHERE version > 0 AND rid > ? ORDER BY rid LIMIT 1000',
  );
  const updateIndex = database.prepare('UPDATE resource SET params = ?, sorts = ? WHERE rid = ?');
  const index = createIndexWriter(database, { ...options, ridOf: numbers.ridOf });
  let told = { at: NaN, text: '' };

  function flush(): void {
    addReferrer.flush();
    index.flush();
  }

  function recordOf(row: Record<string, unknown> | undefined): ResourceRecord | undefined {
    if (!row) return undefined;
    const [type, id] = [names.text(Number(row['type'])), String(row['id'])];
    // As merges ask for it, by its number.
    const known = cache.get(type, id);
    if (known) return known;
    const json = row['json'];
    const record: ResourceRecord = {
      rid: Number(row['rid']),
      type,
      id,
      version: Number(row['version']),
      eventAt: Number(row['event_at']),
      updatedAt: Number(row['updated_at']),
      message: Number(row['message']),
      ...(typeof json === 'string'
        ? { json, resource: unstamped(parseKept(json, row['decimals']) as Resource) }
        : {}),
    };
    cache.set(record.type, record.id, record);
    return record;
  }

  function find(type: string, id: string): ResourceRecord | undefined {
    const known = cache.get(type, id);
    if (known) return known;
    const nid = numbers.isWaiting(type, id) ? undefined : names.find(type);
    return nid === undefined ? undefined : recordOf(byId.get(id, nid));
  }

  function writeReferrers(rid: number, old: ReadonlySet<string>, now: ReadonlySet<string>): void {
    for (const reference of now)
      if (!old.has(reference)) addReferrer.add([numbers.ridOfReference(reference), rid]);
    for (const reference of old) {
      if (now.has(reference)) continue;
      const target = numbers.ridOfReference(reference);
      addReferrer.drop([target, rid]);
      dropReferrer.run(target, rid);
    }
  }

  const empty = (rid: number, type: string, id: string): ResourceRecord => ({
    rid,
    type,
    id,
    version: 0,
    eventAt: NO_EVENT,
    updatedAt: 0,
    message: 0,
  });

  /** An instant; many changes are of one. */
  function instant(at: number): string {
    if (told.at !== at) told = { at, text: new Date(at).toISOString() };
    return told.text;
  }

  return {
    find,
    recent: (type, id) => cache.get(type, id),
    open(type, id) {
      const found = find(type, id);
      if (found) return found;
      return { ...empty(numbers.give(type, id), type, id), fresh: true };
    },
    ensure(type, id) {
      const found = find(type, id);
      if (found) return found;
      const record = empty(numbers.ridOf(type, id), type, id);
      settle();
      cache.set(type, id, record);
      return record;
    },
    settle,
    flush,
    byRid(rid) {
      settle();
      const record = recordOf(byNumber.get(rid));
      if (!record) throw new Error('The projection refers to a resource that is not in it.');
      return record;
    },
    put(record, resource, { eventAt, message, now, written, said, survey = surveyOf(resource) }) {
      const { rid, type, id, version: old, json: oldJson, resource: before, fresh, known } = record;
      const version = old + 1;
      // It may refer to itself.
      numbers.told(type, id, rid);
      if (oldJson !== undefined) keep.run(rid, old, record.updatedAt, record.message, oldJson);
      const json = stampedText(resource, version, instant(now), written?.text);
      const { references, decimals } = survey;
      const { params, sorts, indexed } = index.write(
        rid,
        known?.indexed ?? (before && index.read(before)),
        resource,
      );
      const referred = known?.references ?? (before ? surveyOf(before).references : NONE);
      writeReferrers(rid, referred, references);
      const digits = written ? written.decimals : decimals ? keptDecimals(resource) : null;
      if (fresh)
        insert.run(version, eventAt, now, message, digits, params, sorts, json, rid, names.number(type), id);
      else update.run(version, eventAt, now, message, digits, params, sorts, json, rid);
      const stored: ResourceRecord = {
        rid,
        type,
        id,
        version,
        eventAt,
        updatedAt: now,
        message,
        json,
        resource,
        known: { indexed, references },
        said,
      };
      cache.set(type, id, stored);
      return stored;
    },
    confirm(record, eventAt, said = record.said) {
      if (eventAt !== record.eventAt) updateEvent.run(eventAt, record.rid);
      cache.set(record.type, record.id, { ...record, eventAt, said });
    },
    firstMessageOf(rid) {
      const row = firstVersion.get(rid) ?? byNumber.get(rid);
      return Number(row?.['message'] ?? 0);
    },
    referrersOf(rid) {
      addReferrer.flush();
      return referrers.all(rid).map((row) => Number(row['rid']));
    },
    reindex() {
      for (const table of [
        'token_value',
        'reference_value',
        'text_value',
        'date_value',
        'number_value',
        'referrer',
      ]) {
        database.exec(`DELETE FROM ${table}`);
      }
      let last = 0;
      for (;;) {
        const page = everything.all(last);
        if (page.length === 0) break;
        for (const row of page) {
          last = Number(row['rid']);
          const { resource } = this.byRid(last);
          if (!resource) continue;
          const { params, sorts } = index.write(last, undefined, resource);
          writeReferrers(last, NONE, surveyOf(resource).references);
          updateIndex.run(params, sorts, last);
        }
      }
      settle();
      flush();
    },
    forget() {
      addReferrer.forget();
      index.forget();
      cache.clear();
      numbers.forget();
      names.forget();
    },
  };
}

const NONE: ReadonlySet<string> = new Set();
