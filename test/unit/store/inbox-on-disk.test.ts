import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, describe, it } from 'vitest';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { journalOf } from '../../../src/store/inbox-journal.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { openInboxDatabase } from '../../../src/store/inbox-schema.ts';
import { selection } from '../../../src/store/inbox-rows.ts';
import { OWNERS, arrival, newInboxFile, openCommitter, openSqliteInbox } from './inbox-support.ts';

describe('an inbox on disk', () => {
  it('goes on where it was when it is opened again', async () => {
    const file = newInboxFile();
    const before = await openSqliteInbox(file);
    await before.intake.receive(arrival('a', 'x', { sequence: 4 }));
    await before.close();
    const after = await openSqliteInbox(file);
    expect(await after.intake.lastSequence('adt', 'ADT|EAST')).toBe(4);
    expect(await after.intake.receive(arrival('a'))).toEqual({ kind: 'duplicate', of: 1 });
    expect(await after.intake.receive(arrival('b'))).toEqual({ kind: 'stored', seq: 2 });
    expect(after.ledger.counts()).toMatchObject({ received: 3, waiting: 2, duplicate: 1 });
    expect(after.ledger.audit().holds).toBe(true);
    await after.close();
  });

  it('has on disk what it gave a receipt for, when it gives it', async () => {
    const file = newInboxFile();
    const intake = await openInboxIntake({ file, owners: OWNERS });
    const reader = new DatabaseSync(file, { readOnly: true });
    const bytesOf = reader.prepare('SELECT bytes FROM content WHERE seq = ?');
    let journaled = 0;
    for (let nth = 0; nth < 20; nth++) {
      const sent = arrival(`m${nth}`);
      const receipt = await intake.receive(sent);
      const inJournal = readFileSync(journalOf(file)).includes(Buffer.from(sent.bytes));
      const kept = bytesOf.get(receipt.kind === 'stored' ? receipt.seq : 0)?.['bytes'];
      if (!inJournal) expect(Buffer.from(kept as Uint8Array)).toEqual(sent.bytes);
      if (inJournal) journaled += 1;
    }
    // The first makes its sender known.
    expect(journaled).toBe(19);
    reader.close();
    await intake.close();
  });

  it('files what was safe and not filed yet when it is opened again', () => {
    const file = newInboxFile();
    const before = openCommitter(file);
    before.committer.commit([], [arrival('a')]);
    before.append(2, arrival('b', 'x', { sequence: 7 }), arrival('', 'y'));
    before.close();
    const after = openCommitter(file);
    const again = after.committer;
    expect(again.beginning.last).toBe(3);
    expect(again.sequences()).toEqual([{ source: 'adt', sender: 'ADT|EAST', sequence: 7 }]);
    expect(again.commit([], [arrival('b'), arrival('c')])).toEqual({
      receipts: [
        { kind: 'duplicate', of: 2 },
        { kind: 'stored', seq: 4 },
      ],
      stored: 1,
    });
    const ledger = openInboxLedger(file);
    expect(ledger.waiting(9).map(({ record }) => [record.seq, record.controlId])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, ''],
      [4, 'c'],
    ]);
    expect(ledger.audit()).toMatchObject({ holds: true, counts: { received: 5, duplicate: 1 } });
    ledger.close();
    after.close();
    // What is filed is not in the journal any more, and not filed again.
    expect(readFileSync(journalOf(file)).every((byte) => byte === 0)).toBe(true);
    const third = openCommitter(file);
    expect(third.committer.beginning.last).toBe(4);
    third.close();
  });

  it('files what a process without a journal left behind', () => {
    const file = newInboxFile();
    const before = openCommitter(file);
    before.committer.commit([], [arrival('a')]);
    const head = JSON.stringify(['adt', 'ADT|EAST', 'b', 'ADT^A01', 1_000, 7]);
    before.database
      .prepare('INSERT INTO content (seq, bytes, head) VALUES (2, ?, ?)')
      .run(arrival('b').bytes, head);
    before.close();
    const after = openCommitter(file);
    expect(after.committer.sequences()).toEqual([{ source: 'adt', sender: 'ADT|EAST', sequence: 7 }]);
    after.close();
    const ledger = openInboxLedger(file);
    expect(ledger.audit()).toMatchObject({ holds: true, counts: { received: 2, waiting: 2 } });
    expect(Buffer.from(ledger.find(2)!.bytes!)).toEqual(arrival('b').bytes);
    ledger.close();
  });

  it('files the whole records of a journal whose end is missing, and none of before it was begun anew', () => {
    const file = newInboxFile();
    const before = openCommitter(file);
    before.committer.commit([], [arrival('a')]);
    // Nobody was told of these; what is left of them is behind what came later.
    before.append(2, arrival('x'), arrival('y'), arrival('z'));
    before.committer.commit([], [arrival('b')]);
    before.append(3, arrival('c'));
    before.close();
    const after = openCommitter(file);
    expect(after.committer.beginning.last).toBe(3);
    after.append(4, arrival('d'));
    const torn = after.append(5, arrival('e'));
    after.close();
    const bytes = readFileSync(journalOf(file));
    bytes[torn.to - 1]! ^= 1;
    writeFileSync(journalOf(file), bytes);
    const last = openCommitter(file);
    expect(last.committer.beginning.last).toBe(4);
    last.close();
    const ledger = openInboxLedger(file);
    expect(ledger.list({ limit: 9 }).map(({ controlId }) => controlId)).toEqual(['a', 'b', 'c', 'd']);
    ledger.close();
  });

  it('files regions of the journal in order, before whatever comes with them', () => {
    const inbox = openCommitter(newInboxFile());
    const { committer } = inbox;
    committer.commit([], [arrival('first')]);
    const regions = [inbox.append(2, arrival('a')), inbox.append(3, arrival('b'))];
    expect(committer.commit(regions, [arrival('c'), arrival('b'), arrival('d'), arrival('d', 'y')])).toEqual({
      receipts: [
        { kind: 'stored', seq: 4 },
        { kind: 'duplicate', of: 3 },
        { kind: 'stored', seq: 5 },
        { kind: 'conflict', seq: 6, of: 5 },
      ],
      stored: 4,
    });
    inbox.close();
  });

  it('tries again to file what could not be filed, and goes on syncing', async () => {
    const file = newInboxFile();
    const inbox = await openSqliteInbox(file);
    await inbox.intake.receive(arrival('first'));
    const other = new DatabaseSync(file);
    other.exec("CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    const intake = { receive: inbox.safe };
    expect(await intake.receive(arrival('a'))).toEqual({ kind: 'stored', seq: 2 });
    expect(await intake.receive(arrival('b'))).toEqual({ kind: 'stored', seq: 3 });
    // Refused: it cannot be filed, and may not be journaled.
    await expect(intake.receive(arrival('b', 'y'))).rejects.toThrow(/SQLite/);
    expect(inbox.ledger.counts()).toMatchObject({ received: 1 });
    other.exec('DROP TRIGGER full');
    other.close();
    await expect.poll(() => inbox.ledger.counts().received).toBe(3);
    expect(await inbox.intake.receive(arrival('c'))).toEqual({ kind: 'stored', seq: 4 });
    expect(inbox.ledger.audit().holds).toBe(true);
    await inbox.close();
  });

  it('is made safe in groups: many arrivals, few transactions', async () => {
    const file = newInboxFile();
    let woken = 0;
    const inbox = await openSqliteInbox(file, () => (woken += 1));
    const arrivals = Array.from({ length: 1_000 }, (_, nth) => arrival(`m${nth}`, 'x'.repeat(nth)));
    const receipts = await Promise.all(arrivals.map((one) => inbox.intake.receive(one)));
    expect(receipts).toEqual(arrivals.map((_, nth) => ({ kind: 'stored', seq: nth + 1 })));
    expect(woken).toBeLessThanOrEqual(20);
    expect(inbox.ledger.waiting(2_000).map(({ bytes }) => Buffer.from(bytes))).toEqual(
      arrivals.map(({ bytes }) => bytes),
    );
    await inbox.close();
  });

  it('tells what waits for the disk, and refuses before it keeps too much in memory', async () => {
    const intake = await openInboxIntake({ file: newInboxFile(), owners: OWNERS, most: 1_000 });
    const big = arrival('a', 'x'.repeat(600));
    const first = intake.receive(big);
    expect(intake.pending).toEqual({ messages: 1, bytes: big.bytes.byteLength });
    await expect(intake.receive(arrival('b', 'x'.repeat(600)))).rejects.toThrow(/too many wait/);
    expect(await first).toEqual({ kind: 'stored', seq: 1 });
    expect(intake.pending).toEqual({ messages: 0, bytes: 0 });
    expect(await intake.receive(arrival('b', 'x'.repeat(600)))).toEqual({ kind: 'stored', seq: 2 });
    await intake.close();
  });

  it('refuses all of a group that could not be committed, keeps nothing of it, and goes on', async () => {
    const file = newInboxFile();
    const inbox = await openSqliteInbox(file);
    await inbox.intake.receive(arrival('a', 'x', { sequence: 1 }));
    const other = new DatabaseSync(file);
    other.exec("CREATE TRIGGER full BEFORE INSERT ON content BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    const results = await Promise.allSettled(
      ['b', 'c'].map((id) => inbox.intake.receive(arrival(id, 'x', { sequence: 2, sender: 'NEW|NEW' }))),
    );
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    expect(await inbox.intake.lastSequence('adt', 'NEW|NEW')).toBeUndefined();
    other.exec('DROP TRIGGER full');
    expect(await inbox.intake.receive(arrival('b', 'x', { sender: 'NEW|NEW' }))).toEqual({
      kind: 'stored',
      seq: 2,
    });
    expect(inbox.ledger.counts()).toMatchObject({ received: 2, waiting: 2 });
    expect(inbox.ledger.audit().holds).toBe(true);
    other.close();
    await inbox.close();
  });

  it('makes safe what it was given before it closes, and takes nothing after', async () => {
    const file = newInboxFile();
    const intake = await openInboxIntake({ file, owners: OWNERS });
    const receipts = ['a', 'b'].map((id) => intake.receive(arrival(id)));
    const closed = intake.close();
    await expect(intake.receive(arrival('c'))).rejects.toThrow(/closing/);
    await closed;
    expect(await Promise.all(receipts)).toEqual([
      { kind: 'stored', seq: 1 },
      { kind: 'stored', seq: 2 },
    ]);
  });

  it('cannot be opened where there is no file to be had', async () => {
    await expect(openInboxIntake({ file: '/dev/null/inbox.sqlite', owners: OWNERS })).rejects.toThrow();
  });

  it('is refused by the database itself when the conservation law would be broken', () => {
    const inbox = openCommitter(newInboxFile());
    const { database, committer } = inbox;
    committer.commit([], [arrival('a')]);
    expect(() => database.exec('UPDATE tally SET waiting = waiting - 1')).toThrow(/CHECK/);
    expect(() => database.exec('UPDATE tally SET waiting = -1, processed = 2')).toThrow(/CHECK/);
    inbox.close();
  });

  it('gives an owner to what an older Ficus refused', () => {
    const file = newInboxFile();
    const verdict = { state: 'rejected', reason: 'malformed', detail: 'PID is missing' } as const;
    const older = openCommitter(file);
    older.committer.commit([], [arrival('a', 'x', { verdict }), arrival('b', 'x', { sender: '', verdict })]);
    older.database.exec('UPDATE message SET owner = NULL; PRAGMA user_version = 2');
    older.close();
    openCommitter(file).close();
    const ledger = openInboxLedger(file);
    expect(ledger.list({ limit: 9 }).map(({ owner }) => owner)).toEqual(['sender ADT|EAST', 'adt']);
    ledger.close();
  });

  it('sees in its audit what the counts do not say', () => {
    const file = newInboxFile();
    const inbox = openCommitter(file);
    const { database, committer } = inbox;
    committer.commit([], [arrival('a'), arrival('b')]);
    database.exec("UPDATE message SET state = 'processed' WHERE seq = 1");
    const ledger = openInboxLedger(file);
    expect(ledger.audit()).toMatchObject({ holds: false, counts: { waiting: 1, processed: 1 } });
    ledger.close();
    inbox.close();
  });

  it('syncs every commit of arrivals, whatever was filed before', () => {
    const inbox = openCommitter(newInboxFile());
    const { database, committer } = inbox;
    committer.commit([], [arrival('a')]);
    committer.file([inbox.append(2, arrival('b'))], false);
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(() => committer.file([{ from: 0, to: 9 }], false)).toThrow('does not hold');
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    inbox.close();
  });

  it.each([
    [{ states: ['waiting'], limit: 1 }, /message_open/],
    [{ states: ['parked', 'rejected'], limit: 1 }, /message_open/],
    [{ states: ['duplicate'], limit: 1 }, /message_repeated/],
    [{ controlId: 'a', limit: 1 }, /message_first[^]*message_other/],
  ] as const)('finds %j by an index', (filter, index) => {
    const database = openInboxDatabase(newInboxFile());
    const { sql, values } = selection(filter);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    expect(plan.map(({ detail }) => String(detail)).join('\n')).toMatch(index);
    database.close();
  });
});
