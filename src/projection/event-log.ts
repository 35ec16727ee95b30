import type { DatabaseSync } from 'node:sqlite';
import type { Applied, ProjectionEvent, ProjectionLog } from '../projection-ports.ts';
import { createInserts } from './inserts.ts';

/** An event before it has its number. Resources are named by their numbers. */
export interface EventDraft {
  readonly kind: ProjectionEvent['kind'];
  readonly rid: number;
  readonly version: number;
  readonly patient: number | undefined;
  readonly other: number | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly message: number;
}

/** The writing side of the log, and of what each message gave. */
export interface EventWriter {
  append(event: EventDraft): void;
  /** Number of the last event. */
  readonly last: number;
  /** What a message gave when it was applied; undefined: it was not. */
  applied(seq: number, replay: number): Applied | undefined;
  /** Marks a message as applied; its events are those after `first`, exclusive. */
  mark(seq: number, replay: number, first: number, superseded: Applied['superseded']): void;
  /** Writes what is not in the file yet. To be called before a commit. */
  flush(): void;
  /** Counts anew after a transaction was taken back. */
  forget(): void;
}

const EVENTS = `SELECT e.number, e.kind, n.text AS type, r.id AS id, e.version, p.id AS patient, o.id AS other, e.at, e.message
  FROM event e JOIN resource r ON r.rid = e.rid JOIN name n ON n.nid = r.type
  LEFT JOIN resource p ON p.rid = e.patient LEFT JOIN resource o ON o.rid = e.other`;

export function createEventWriter(database: DatabaseSync): EventWriter {
  // Alone, each would cost a table of its own that SQLite makes for the check of `kind`.
  const inserts = createInserts(database, 'FAIL', 'event', [
    'number',
    'kind',
    'rid',
    'version',
    'patient',
    'other',
    'at',
    'message',
  ]);
  const marks = createInserts(database, 'FAIL', 'applied', ['seq', 'replay', 'first', 'last', 'superseded']);
  const max = database.prepare('SELECT coalesce(max(number), 0) AS last FROM event');
  const find = database.prepare('SELECT first, last, superseded FROM applied WHERE seq = ? AND replay = ?');
  const changes = database.prepare(
    `${EVENTS} WHERE e.number > ? AND e.number <= ? AND e.kind = 'changed' ORDER BY e.number`,
  );
  const maxSeq = database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM applied');
  const count = (): number => Number(max.get()?.['last']);
  const highest = (): number => Number(maxSeq.get()?.['seq']);
  let last = count();
  /** Of messages after this one nothing was ever applied. */
  let lastSeq = highest();

  function flush(): void {
    inserts.flush();
    marks.flush();
  }

  return {
    flush,
    get last() {
      return last;
    },
    append({ kind, rid, version, patient, other, at, message }) {
      inserts.add([last + 1, kind, rid, version, patient ?? null, other ?? null, at, message]);
      last += 1;
    },
    applied(seq, replay) {
      if (seq > lastSeq) return undefined;
      flush();
      const row = find.get(seq, replay);
      if (!row) return undefined;
      const changed = changes.all(row['first']!, row['last']!).map((it) => ({
        type: String(it['type']),
        id: String(it['id']),
        version: Number(it['version']),
      }));
      const superseded = row['superseded'];
      return {
        changed: newestOf(changed),
        superseded: typeof superseded === 'string' ? (JSON.parse(superseded) as Applied['superseded']) : [],
      };
    },
    mark(seq, replay, first, superseded) {
      const left = superseded.length === 0 ? null : JSON.stringify(superseded);
      marks.add([seq, replay, first, last, left]);
      lastSeq = Math.max(lastSeq, seq);
    },
    forget() {
      inserts.forget();
      marks.forget();
      last = count();
      lastSeq = highest();
    },
  };
}

/** Each resource once, with the newest version that a message gave it. */
export function newestOf(changed: Applied['changed']): Applied['changed'] {
  if (changed.length < 2) return changed;
  return [...new Map(changed.map((it) => [`${it.type}/${it.id}`, it])).values()];
}

/** The log for those who follow it: `database` may be a connection of its own, which then also keeps the cursors. */
export function createProjectionLog(database: DatabaseSync): ProjectionLog {
  const after = database.prepare(`${EVENTS} WHERE e.number > ? ORDER BY e.number LIMIT ?`);
  const max = database.prepare('SELECT coalesce(max(number), 0) AS last FROM event');
  const cursor = database.prepare('SELECT cursor FROM follower WHERE name = ?');
  const advance = database.prepare(
    'INSERT INTO follower (name, cursor) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET cursor = max(cursor, ?2)',
  );
  return {
    events: (number, limit) => after.all(number, limit).map(eventOf),
    last: () => Number(max.get()?.['last']),
    cursor: (follower) => Number(cursor.get(follower)?.['cursor'] ?? 0),
    advance: (follower, to) => void advance.run(follower, to),
  };
}

function eventOf(row: Record<string, unknown>): ProjectionEvent {
  const { patient, other } = row;
  return {
    number: Number(row['number']),
    kind: row['kind'] as ProjectionEvent['kind'],
    type: String(row['type']),
    id: String(row['id']),
    version: Number(row['version']),
    ...(typeof patient === 'string' ? { patient } : {}),
    ...(typeof other === 'string' ? { other } : {}),
    at: Number(row['at']),
    message: Number(row['message']),
  };
}
