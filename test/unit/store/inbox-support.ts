import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { Arrival, InboxIntake, InboxLedger } from '../../../src/feed-ports.ts';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { createMemoryInbox } from '../../../src/store/memory-inbox.ts';

export interface Inbox {
  readonly intake: InboxIntake;
  readonly ledger: InboxLedger;
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
        await allFiled(looking);
        return receipt;
      },
    },
    ledger,
    async close() {
      await intake.close();
      ledger.close();
      looking.close();
    },
  };
}

/** Resolves when what is safe can be seen by ledgers: a moment after it was acknowledged. */
export async function allFiled(database: DatabaseSync): Promise<void> {
  const unfiled = database.prepare(
    'SELECT count(*) AS count FROM content WHERE seq > (SELECT coalesce(max(seq), 0) FROM message)',
  );
  while (Number(unfiled.get()?.['count']) > 0) await sleep(1);
}

/** Every implementation of the inbox. */
export const INBOXES: readonly (readonly [name: string, open: (onStored?: () => void) => Promise<Inbox>])[] =
  [
    [
      'memory',
      async (onStored) => ({
        ...createMemoryInbox({ owners: OWNERS, ...(onStored ? { onStored } : {}) }),
        close: async () => {},
      }),
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
