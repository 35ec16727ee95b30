import { hash } from 'node:crypto';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Arrival, ParkReason, Receipt } from '../feed-ports.ts';
import { ownerOf } from './inbox-owner.ts';
import type { Recorded } from './inbox-record.ts';
import { createTally } from './inbox-tally.ts';

/** A sender as the committer remembers it. */
interface Sender {
  readonly id: number;
  readonly source: string;
  readonly name: string;
  sequence: number | undefined;
}

/** Files arrivals: decides what is new, counts, and keeps a row of each. All within a transaction of the caller's. */
export interface Filing {
  /** @param seq the number that the message gets if it is kept */
  file(arrival: Arrival, seq: number): Receipt;
  /**
   * Files arrivals that were plainly new when they were made safe.
   * @throws Error when one is new no more: the transaction is to be taken back
   */
  fileNew(records: readonly Recorded[]): void;
  /** Writes what was gathered; before the transaction ends. */
  write(): void;
  /** Forgets what a transaction that was taken back had done. */
  reload(): void;
  sequences(): readonly { readonly source: string; readonly sender: string; readonly sequence: number }[];
}

/** Rows that one statement inserts: called once for each of them SQLite costs half as much again. */
const TOGETHER = 32;

/**
 * The rules of what is new (semantics of the inbox):
 * the same sender, control id and bytes (SHA-256) as a message that is kept: a duplicate, counted on the one that is
 * kept; the same control id with other bytes, a changed MSH-7 included: kept, and parked as `control-id-reused`; the
 * same bytes again are that conflict again; a message without a control id is always new; a refused message is compared
 * with refused ones only: sent again when it is allowed, it is new.
 *
 * @param owners owner of each interface by its name: who looks at what is parked
 */
export function createFiling(database: DatabaseSync, owners: Readonly<Record<string, string>>): Filing {
  const allSenders = database.prepare('SELECT id, source, name, sequence FROM sender');
  const addSender = database.prepare('INSERT INTO sender (source, name) VALUES (?, ?)');
  const setSequence = database.prepare('UPDATE sender SET sequence = ? WHERE id = ?');
  const add = database.prepare(
    `INSERT INTO message (seq, sender, control_id, first, hash, type, sequence, received_at, size, state, state_at, reason, detail, owner)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?8, ?11, ?12, ?13)
     ON CONFLICT (sender, control_id) WHERE first = 1 DO NOTHING`,
  );
  const addContent = database.prepare('INSERT INTO content (seq, bytes) VALUES (?, ?)');
  const one = prepareRows(database, 1);
  const many = prepareRows(database, TOGETHER);
  const firstOf = database.prepare(
    'SELECT seq, hash FROM message WHERE sender = ? AND control_id = ? AND first = 1',
  );
  const otherOf = database.prepare(
    `SELECT seq, reason FROM message WHERE sender = ? AND control_id = ? AND hash = ? AND first = 0
     AND (state = 'rejected') = ? LIMIT 1`,
  );
  const repeat = database.prepare('UPDATE message SET repeats = repeats + 1 WHERE seq = ?');
  const tally = createTally(database);

  let senders = new Map<string, Sender>();
  let sequenced = new Set<Sender>();
  reload();

  function reload(): void {
    senders = new Map(
      allSenders.all().map(({ id, source, name, sequence }) => [
        `${String(source)}\n${String(name)}`,
        {
          id: Number(id),
          source: String(source),
          name: String(name),
          sequence: sequence === null ? undefined : Number(sequence),
        },
      ]),
    );
    sequenced = new Set();
    tally.clear();
  }

  function senderOf({ source, sender }: Arrival): Sender {
    const key = `${source}\n${sender}`;
    const known = senders.get(key);
    if (known) return known;
    const id = Number(addSender.run(source, sender).lastInsertRowid);
    const added: Sender = { id, source, name: sender, sequence: undefined };
    senders.set(key, added);
    return added;
  }

  /** False when it was to be the first of its control id, and is not. */
  function keep(
    arrival: Arrival,
    sender: Sender,
    digest: Uint8Array,
    first: 0 | 1 | null,
    seq: number,
    verdict: Arrival['verdict'],
  ): boolean {
    const added = add.run(
      seq,
      sender.id,
      arrival.controlId,
      first,
      digest,
      arrival.type,
      arrival.sequence ?? null,
      arrival.at,
      arrival.bytes.byteLength,
      verdict?.state ?? 'waiting',
      verdict?.reason ?? null,
      verdict?.detail ?? null,
      verdict ? ownerFor(verdict.reason, sender) : null,
    );
    if (added.changes === 0) return false;
    addContent.run(seq, arrival.bytes);
    tally.add(sender.source, verdict?.state ?? 'waiting', 1);
    return true;
  }

  function ownerFor(reason: ParkReason, { name, source }: Sender): string {
    return ownerOf(reason, name, owners[source] ?? source);
  }

  function again(sender: Sender, of: number): void {
    repeat.run(of);
    tally.add(sender.source, 'duplicate', 1);
  }

  function file(arrival: Arrival, seq: number): Receipt {
    const { controlId, verdict, bytes } = arrival;
    const sender = senderOf(arrival);
    tally.add(sender.source, 'received', 1);
    const digest = hash('sha256', bytes, 'buffer');
    const refused = verdict?.state === 'rejected';
    if (controlId === '' || !refused) {
      if (keep(arrival, sender, digest, controlId === '' ? null : 1, seq, verdict)) {
        if (!verdict) note(arrival, sender);
        return { kind: 'stored', seq };
      }
    }
    const first = refused ? undefined : firstOf.get(sender.id, controlId);
    const of = Number(first?.['seq']);
    if (first && digest.equals(first['hash'] as Uint8Array)) {
      again(sender, of);
      return { kind: 'duplicate', of };
    }
    const other = otherOf.get(sender.id, controlId, digest, Number(refused));
    if (other) {
      const known = Number(other['seq']);
      again(sender, known);
      return first && other['reason'] === 'control-id-reused'
        ? { kind: 'conflict', seq: known, of }
        : { kind: 'duplicate', of: known };
    }
    const reused = { ...REUSED, detail: `MSH-10 is that of message ${of}` };
    keep(arrival, sender, digest, 0, seq, refused ? verdict : reused);
    return refused ? { kind: 'stored', seq } : { kind: 'conflict', seq, of };
  }

  function fileNew(records: readonly Recorded[]): void {
    const whole = records.length - (records.length % TOGETHER);
    for (let at = 0; at < whole; at += TOGETHER) insert(records.slice(at, at + TOGETHER), many);
    for (const record of records.slice(whole)) insert([record], one);
  }

  function insert(records: readonly Recorded[], { messages, contents }: Rows): void {
    const rows: SQLInputValue[] = [];
    const bodies: SQLInputValue[] = [];
    for (const { seq, arrival } of records) {
      const { controlId, type, sequence = null, at, bytes } = arrival;
      const sender = senderOf(arrival);
      const digest = hash('sha256', bytes, 'buffer');
      const first = controlId === '' ? null : 1;
      rows.push(seq, sender.id, controlId, first, digest, type, sequence, at, bytes.byteLength, at);
      bodies.push(seq, bytes);
      tally.add(sender.source, 'received', 1);
      tally.add(sender.source, 'waiting', 1);
      note(arrival, sender);
    }
    messages.run(...rows);
    contents.run(...bodies);
  }

  function note({ sequence }: Arrival, sender: Sender): void {
    if (sequence === undefined) return;
    sender.sequence = sequence;
    sequenced.add(sender);
  }

  return {
    file,
    fileNew,
    write() {
      tally.write();
      for (const { id, sequence } of sequenced) setSequence.run(sequence ?? null, id);
      sequenced.clear();
    },
    reload,
    sequences: () =>
      [...senders.values()].flatMap(({ source, name, sequence }) =>
        sequence === undefined ? [] : [{ source, sender: name, sequence }],
      ),
  };
}

/** Inserts so many rows at once. */
interface Rows {
  readonly messages: StatementSync;
  readonly contents: StatementSync;
}

/**
 * Each ends at the first row that cannot be inserted: all is taken back then, and SQLite need not keep what the
 * statement changes.
 */
function prepareRows(database: DatabaseSync, count: number): Rows {
  const times = (row: string): string => Array.from({ length: count }, () => row).join(', ');
  return {
    messages: database.prepare(
      `INSERT OR FAIL INTO message (seq, sender, control_id, first, hash, type, sequence, received_at, size, state, state_at)
       VALUES ${times("(?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?)")}`,
    ),
    contents: database.prepare(`INSERT OR FAIL INTO content (seq, bytes) VALUES ${times('(?, ?)')}`),
  };
}

const REUSED = { state: 'parked', reason: 'control-id-reused' } as const;
