import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import type { Arrival, ParkReason } from '../../../../src/feed-ports.ts';
import type { Applied, MessageContent, ProjectionWriter } from '../../../../src/projection-ports.ts';
import type { Clock } from '../../../../src/ports.ts';
import type { Content } from '../../../../src/events/feed/content.ts';
import { transaction } from '../../../../src/store/database.ts';

/** A message of these tests: what it is about, and what is to become of it. */
export interface TestMessage {
  /** Key of the patient whose record it changes. */
  readonly patient: string;
  /** What it writes. */
  readonly value: string;
  readonly eventAt?: number;
  /** `read`: reading throws; `apply`: applying throws; a reason: parked by the mapping. */
  readonly fails?: 'read' | 'apply' | ParkReason;
}

export function messageOf(controlId: string, said: TestMessage, changes: Partial<Arrival> = {}): Arrival {
  return {
    source: 'adt',
    sender: 'ADT|EAST',
    controlId,
    type: 'ADT^A08',
    at: 1_000,
    bytes: Buffer.from(JSON.stringify(said)),
    ...changes,
  };
}

/** Reads a message of these tests. */
export function readTestMessage(bytes: Uint8Array): Content {
  const { patient, value, eventAt = 0, fails } = JSON.parse(Buffer.from(bytes).toString()) as TestMessage;
  if (fails === 'read') throw new TypeError(`the value ${value} cannot be read`);
  if (fails && fails !== 'apply') return { parked: fails, detail: 'PID-8 is not mapped' };
  const content: MessageContent = {
    patient,
    eventAt,
    changes: [
      {
        resource: { resourceType: 'Patient', id: patient, name: [{ family: value }] },
        mode: 'update',
        ...(fails ? { deleted: ['fails'] } : {}),
      },
    ],
    identity: [],
    hashed: [],
  };
  return { content };
}

/** What a projection of these tests knows, and what was done to it. */
export interface TestProjection extends ProjectionWriter {
  /** How often each message was applied, by `seq`/`replay`. */
  effects(): ReadonlyMap<string, number>;
  valueOf(patient: string): string | undefined;
  readonly database: DatabaseSync;
}

/**
 * A small projection on a real database: newest event time wins, a mark of each message in the transaction that applies it. What it counts as
 * effects is not guarded by the mark's key, so that applying twice would be seen.
 */
export function openTestProjection(file = ':memory:'): TestProjection {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS patient (id TEXT PRIMARY KEY, value TEXT, event_at INTEGER, version INTEGER);
    CREATE TABLE IF NOT EXISTS mark (seq INTEGER, replay INTEGER, told TEXT, PRIMARY KEY (seq, replay));
    CREATE TABLE IF NOT EXISTS effect (seq INTEGER, replay INTEGER);`);
  const known = database.prepare('SELECT value, event_at, version FROM patient WHERE id = ?');
  const put = database.prepare('INSERT OR REPLACE INTO patient VALUES (?, ?, ?, ?)');
  const marked = database.prepare('SELECT told FROM mark WHERE seq = ? AND replay = ?');
  const mark = database.prepare('INSERT INTO mark VALUES (?, ?, ?)');
  const effect = database.prepare('INSERT INTO effect VALUES (?, ?)');

  function applyOne(seq: number, replay: number, { changes, eventAt }: MessageContent): Applied {
    const before = marked.get(seq, replay);
    if (before) return JSON.parse(String(before['told'])) as Applied;
    const { resource, deleted } = changes[0]!;
    const { id } = resource;
    const row = known.get(id);
    const version = Number(row?.['version'] ?? 0) + 1;
    const late = row !== undefined && Number(row['event_at']) > eventAt;
    const told: Applied = late
      ? { changed: [], superseded: [{ type: 'Patient', id }] }
      : { changed: [{ type: 'Patient', id, version }], superseded: [] };
    effect.run(seq, replay);
    if (!late) put.run(id, familyOf(resource), eventAt, version);
    mark.run(seq, replay, JSON.stringify(told));
    if (deleted) throw new RangeError(`${familyOf(resource)} is out of range`);
    return told;
  }

  return {
    database,
    apply: (messages) =>
      transaction(database, () =>
        messages.map(({ seq, replay, content }) => {
          database.exec('SAVEPOINT one');
          try {
            const told = applyOne(seq, replay, content);
            database.exec('RELEASE one');
            return told;
          } catch (error) {
            database.exec('ROLLBACK TO one; RELEASE one');
            return { error };
          }
        }),
      ),
    rehearse: ({ changes, eventAt }) =>
      changes.map(({ resource }) => {
        const row = known.get(resource.id);
        const before = row && {
          resourceType: 'Patient',
          id: resource.id,
          name: [{ family: String(row['value']) }],
        };
        const late = row !== undefined && Number(row['event_at']) > eventAt;
        return { type: 'Patient', id: resource.id, before, after: late ? before : resource };
      }),
    effects() {
      const rows = database
        .prepare('SELECT seq, replay, count(*) AS n FROM effect GROUP BY seq, replay')
        .all();
      return new Map(rows.map(({ seq, replay, n }) => [`${String(seq)}/${String(replay)}`, Number(n)]));
    },
    valueOf: (patient) => {
      const row = known.get(patient);
      return row && String(row['value']);
    },
    close: () => database.close(),
  };
}

function familyOf(resource: { readonly [name: string]: unknown }): string {
  return (resource['name'] as readonly { readonly family: string }[])[0]!.family;
}

/** A clock that stands still until it is moved. */
export function createTestClock(start = 0): Clock & { advance(ms: number): void } {
  let now = start;
  let timers: { readonly at: number; readonly callback: () => void }[] = [];
  return {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const due = timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((other) => other !== due);
        now = Math.max(now, due.at);
        due.callback();
      }
      now = until;
    },
  };
}

/** Lets the event loop turn until something is so. */
export async function until(so: () => boolean): Promise<void> {
  for (let turns = 0; turns < 20_000 && !so(); turns++) await turn();
  if (!so()) throw new Error('it did not come to be');
}
