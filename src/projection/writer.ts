import type { DatabaseSync } from 'node:sqlite';
import type { Applied, ProjectionWriter, ResourceChange } from '../projection-ports.ts';
import { parseJson } from '../fhir/json.ts';
import { evaluable } from '../search/parameter.ts';
import type { Resource } from '../fhir/types.ts';
import { applyChange } from './change.ts';
import { sameContent, unstamped } from './content.ts';
import { createEventWriter, newestOf } from './event-log.ts';
import { createFollowing } from './following.ts';
import { adopt } from './identities.ts';
import { createIdentityChanges, type Told } from './identity-change.ts';
import { bringIndexForward } from './index/forward.ts';
import type { IndexedNames } from './index/parameters.ts';
import type { RowContext } from './index/rows.ts';
import { createInserts } from './inserts.ts';
import { isLate } from './late.ts';
import { createMerges } from './merges.ts';
import { createNames } from './names.ts';
import { createRecords, type Cause, type ResourceRecord } from './records.ts';
import { NO_EVENT } from './resource-numbers.ts';
import { MERGEABLE, surveyOf } from './survey.ts';
import { wordsOf } from './written-change.ts';

export interface ProjectionWriterOptions extends RowContext {
  /**
   * Which search parameters are indexed, by type: the contract's; absent: all that R4 defines. Others are still found,
   * by looking at every resource of the type.
   */
  readonly indexed?: IndexedNames;
}

interface Named {
  readonly type: string;
  readonly id: string;
}

function nameOf(change: ResourceChange): Named {
  if (change.written) return change.written;
  const { resourceType: type, id } = change.resource;
  return { type, id };
}

/** Stands for the `seq` of a message that is not applied for good. */
const REHEARSAL = -1;

type Message = Parameters<ProjectionWriter['apply']>[0][number];

/**
 * The one writer of `projection.sqlite`. `database` is opened with PROJECTION_MIGRATIONS and is closed with it. When
 * the parameters that are indexed, the zone or the base address are not those of the last time, the index is written
 * anew first.
 */
export function createProjectionWriter(
  database: DatabaseSync,
  options: ProjectionWriterOptions,
): ProjectionWriter {
  database.exec('PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;');
  const names = createNames(database);
  const indexed = options.indexed ?? (() => undefined);
  const records = createRecords(database, { ...options, names, indexed });
  const merges = createMerges(database);
  const followed = createFollowing(records, merges);
  const identities = createIdentityChanges(records, merges, names);
  const events = createEventWriter(database);
  const crosswalk = createInserts(database, 'IGNORE', 'crosswalk', ['id', 'type', 'key']);
  const beat = database.prepare(
    "INSERT INTO setting (name, value) VALUES ('applied_at', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
  );
  const earlier = database.prepare(
    'SELECT json FROM version WHERE rid = ? AND message <> ? ORDER BY version DESC LIMIT 1',
  );
  bringIndexForward(database, records, { ...options, indexed });

  /** Writes what was put together to be inserted with few statements. */
  function flush(): void {
    records.flush();
    events.flush();
    crosswalk.flush();
  }

  /** What was in memory of a transaction that was taken back. */
  function forget(): void {
    crosswalk.forget();
    records.forget();
    merges.load();
    events.forget();
  }

  /** As nearly all that is mentioned is. Of what can be merged it is the survivor that has to be known. */
  function isKnown({ type, id }: Named): boolean {
    if (MERGEABLE.includes(type) && merges.survivorOfReference(`${type}/${id}`) !== undefined) return false;
    return records.find(type, id)?.resource !== undefined;
  }

  /**
   * The record that is as of the very same words; then nothing has to be taken apart. Words are remembered only where
   * no merge gave them another meaning; one that comes later makes another version of what they named.
   */
  function asSaid(change: ResourceChange): ResourceRecord | undefined {
    const { written } = change;
    const words = wordsOf(change);
    if (!written || words === undefined) return undefined;
    const record = records.recent(written.type, written.id);
    return record?.said === words ? record : undefined;
  }

  /** The resource as a change leaves it; `current` itself when it says nothing new. */
  function after(record: ResourceRecord, change: ResourceChange): Resource | undefined {
    const next = applyChange(record.resource, change);
    if (!merges.isSurvivor(record.rid)) return next;
    return merges
      .into(record.rid)
      .reduce((kept, { retired, identifiers }) => adopt(kept, records.byRid(retired).id, identifiers), next);
  }

  function change(
    said: ResourceChange,
    cause: Cause,
    told: Told,
    superseded: (record: ResourceRecord) => void,
  ): void {
    if (said.mode === 'mention' && isKnown(nameOf(said))) return;
    const again = asSaid(said);
    if (again && again.eventAt <= cause.eventAt) return records.confirm(again, cause.eventAt);
    const survey = surveyOf(said.resource);
    const followedChange = followed(said, survey.references);
    const { resource, mode, written } = followedChange;
    const record = records.open(resource.resourceType, resource.id);
    if (mode === 'mention') {
      if (record.resource) return;
      told('changed', records.put(record, resource, { ...cause, eventAt: NO_EVENT, written }));
      return;
    }
    if (isLate(cause, record.eventAt)) return superseded(record);
    const next = after(record, followedChange);
    if (next === undefined) return;
    const words = wordsOf(followedChange);
    if (record.resource && sameContent(next, record.resource))
      return records.confirm(record, cause.eventAt, words);
    told(
      'changed',
      records.put(record, next, {
        ...cause,
        written: next === resource ? written : undefined,
        survey: next === said.resource ? survey : undefined,
        said: words,
      }),
    );
  }

  function applyOne({ seq, content }: Pick<Message, 'seq' | 'content'>, now: number): Applied {
    const cause: Cause = { eventAt: content.eventAt, message: seq, now };
    const changed: { type: string; id: string; version: number }[] = [];
    const superseded: { type: string; id: string }[] = [];
    const late = ({ type, id }: { readonly type: string; readonly id: string }): void =>
      void superseded.push({ type, id });
    const told: Told = (kind, record, other) => {
      const { rid, type, id, version } = record;
      if (kind === 'changed') changed.push({ type, id, version });
      events.append({
        kind,
        rid,
        version,
        patient: patientOf(other ?? record),
        other: other?.rid,
        at: now,
        message: seq,
      });
    };
    for (const { id, type, key } of content.hashed) crosswalk.add([id, type, key]);
    const carryOut = (kinds: readonly string[]): void => {
      for (const identity of content.identity) {
        if (!kinds.includes(identity.kind)) continue;
        if (!identities.apply(identity, cause, told)) late({ type: identity.type, id: identity.from });
      }
    };
    // Who came back gets what the message says of him; who goes is known first, as far as the message tells.
    carryOut(['unmerge']);
    for (const each of content.changes) change(each, cause, told, late);
    carryOut(['merge', 'move']);
    records.settle();
    return { changed: newestOf(changed), superseded };
  }

  function patientOf(record: ResourceRecord): number | undefined {
    if (record.type === 'Patient') return record.rid;
    const items = record.resource ? (evaluable(record.type, 'patient')?.extract(record.resource) ?? []) : [];
    for (const item of items) {
      const reference =
        typeof item === 'object' && item !== null && 'reference' in item ? item['reference'] : undefined;
      if (typeof reference !== 'string' || !reference.startsWith('Patient/')) continue;
      return records.ensure('Patient', reference.slice('Patient/'.length)).rid;
    }
    return undefined;
  }

  /** One message, once. */
  function once(message: Message, now: number): Applied {
    const known = events.applied(message.seq, message.replay);
    if (known) return known;
    const first = events.last;
    const applied = applyOne(message, now);
    events.mark(message.seq, message.replay, first, applied.superseded);
    return applied;
  }

  /** All of them; or none, when one fails. */
  function together(messages: readonly Message[], now: number): readonly Applied[] | undefined {
    return transaction(() => {
      try {
        const result = messages.map((message) => once(message, now));
        flush();
        beat.run(String(now));
        return { result, keep: true };
      } catch {
        return { result: undefined, keep: false };
      }
    });
  }

  /**
   * Each all or nothing. A savepoint makes SQLite keep what every page was that a message touches: a quarter of all
   * that applying costs.
   */
  function apart(
    messages: readonly Message[],
    now: number,
  ): readonly (Applied | { readonly error: unknown })[] {
    return transaction(() => {
      const result = messages.map((message) => {
        database.exec('SAVEPOINT message');
        try {
          const applied = once(message, now);
          flush();
          database.exec('RELEASE message');
          return applied;
        } catch (error) {
          database.exec('ROLLBACK TO message; RELEASE message');
          forget();
          return { error };
        }
      });
      beat.run(String(now));
      return { result, keep: true };
    });
  }

  /** Runs `work` and takes it back unless it says to keep it. */
  function transaction<T>(work: () => { readonly result: T; readonly keep: boolean }): T {
    database.exec('BEGIN IMMEDIATE');
    try {
      const { result, keep } = work();
      database.exec(keep ? 'COMMIT' : 'ROLLBACK');
      if (!keep) forget();
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      forget();
      throw error;
    }
  }

  return {
    apply: (messages, now) => together(messages, now) ?? apart(messages, now),
    rehearse: (content) =>
      transaction(() => {
        const { changed } = applyOne({ seq: REHEARSAL, content }, 0);
        // What cannot be written is said as it would be.
        flush();
        const result = changed.map(({ type, id }) => {
          const record = records.find(type, id);
          const before = record && earlier.get(record.rid, REHEARSAL)?.['json'];
          return {
            type,
            id,
            before: typeof before === 'string' ? unstamped(parseJson(before) as Resource) : undefined,
            after: record?.resource && unstamped(record.resource),
          };
        });
        return { result, keep: false };
      }),
    close: () => database.close(),
  };
}
