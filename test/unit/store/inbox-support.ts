import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { Arrival, InboxIntake, InboxLedger, Receipt } from '../../../src/feed-ports.ts';
import { createCommitter } from '../../../src/store/inbox-committer.ts';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { journalOf, openJournalFile } from '../../../src/store/inbox-journal.ts';
import type { Region } from '../../../src/store/inbox-journal.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { writeRecord } from '../../../src/store/inbox-record.ts';
import { openInboxDatabase } from '../../../src/store/inbox-schema.ts';
import { createMemoryInbox } from '../../../src/store/memory-inbox.ts';

export interface Inbox {
  readonly intake: InboxIntake;
  readonly ledger: InboxLedger;
  /** As `intake.receive`, without waiting until ledgers see it. */
  readonly safe: InboxIntake['receive'];
  close(): Promise<void>;
}

export const OWNERS = { adt: 'ADT team', lab: 'lab team' };

const folder = mkdtempSync(join(tmpdir(), 'ficus-inbox-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
export const newInboxFile = (): string => join(folder, `${++files}`, 'inbox.sqlite');

export async function openSqliteInbox(file: string, onStored?: () => void): Promise<Inbox> {
  const intake = await openInboxIntake({ file, owners: OWNERS, ...(onStored ? { onStored } : {}) });
  const ledger = openInboxLedger(file);
  const looking = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  return {
    intake: {
      ...intake,
      async receive(arrival) {
        const receipt = await intake.receive(arrival);
        await filed(looking, receipt);
        return receipt;
      },
    },
    ledger,
    safe: (arrival) => intake.receive(arrival),
    async close() {
      await intake.close();
      ledger.close();
      looking.close();
    },
  };
}

/** Resolves when what a receipt was given for can be seen by ledgers: a moment after it was acknowledged. */
export async function filed(database: DatabaseSync, receipt: Receipt): Promise<void> {
  const find = database.prepare('SELECT 1 FROM message WHERE seq = ?');
  while (!find.get(receipt.kind === 'duplicate' ? receipt.of : receipt.seq)) await sleep(1);
}

/** A committer of an inbox on disk, and the journal that whoever takes messages writes for it. */
export function openCommitter(file: string, owners: Readonly<Record<string, string>> = OWNERS) {
  const database = openInboxDatabase(file);
  const journal = openJournalFile(journalOf(file));
  const committer = createCommitter(database, owners, journal);
  let at = 0;
  let mark = 0;
  return {
    database,
    committer,
    /** Makes arrivals safe. @returns where they are */
    append(first: number, ...arrivals: readonly Arrival[]): Region {
      const bytes = Buffer.alloc(1 << 20);
      let end = 0;
      if (mark !== committer.beginning.mark) at = 0;
      ({ mark } = committer.beginning);
      for (const [nth, one] of arrivals.entries()) end = writeRecord(bytes, end, mark, first + nth, one);
      const file = openSync(journalOf(database.location()!), 'r+');
      writeSync(file, bytes, 0, end, at);
      closeSync(file);
      const region = { from: at, to: at + end };
      at += end;
      return region;
    },
    close() {
      database.close();
      journal.close();
    },
  };
}

/** Every implementation of the inbox. */
export const INBOXES: readonly (readonly [name: string, open: (onStored?: () => void) => Promise<Inbox>])[] =
  [
    [
      'memory',
      async (onStored) => {
        const { intake, ledger } = createMemoryInbox({ owners: OWNERS, ...(onStored ? { onStored } : {}) });
        return { intake, ledger, safe: (arrival) => intake.receive(arrival), close: async () => {} };
      },
    ],
    ['sqlite', (onStored) => openSqliteInbox(newInboxFile(), onStored)],
  ];

/** An arrival of the interface `adt`; its bytes name the control id and `body`. */
export function arrival(controlId: string, body = 'x', changes: Partial<Arrival> = {}): Arrival {
  return {
    source: 'adt',
    sender: 'ADT|EAST',
    controlId,
    type: 'ADT^A01',
    at: 1_000,
    bytes: Buffer.from(`MSH|^~\\&|ADT|EAST|||||ADT^A01|${controlId}|P|2.5.1\rZZZ|${body}\r`),
    ...changes,
  };
}
