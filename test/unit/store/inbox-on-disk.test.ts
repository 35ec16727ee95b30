import { DatabaseSync } from 'node:sqlite';
import { expect, describe, it } from 'vitest';
import { createCommitter } from '../../../src/store/inbox-committer.ts';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { openInboxDatabase } from '../../../src/store/inbox-schema.ts';
import { selection } from '../../../src/store/inbox-rows.ts';
import { OWNERS, arrival, newInboxFile, openSqliteInbox } from './inbox-support.ts';

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
    for (let nth = 0; nth < 20; nth++) {
      const sent = arrival(`m${nth}`);
      const receipt = await intake.receive(sent);
      const kept = bytesOf.get(receipt.kind === 'stored' ? receipt.seq : 0);
      expect(Buffer.from(kept?.['bytes'] as Uint8Array)).toEqual(sent.bytes);
    }
    reader.close();
    await intake.close();
  });

  it('files what was safe and not filed yet when it is opened again', () => {
    const file = newInboxFile();
    const before = openInboxDatabase(file);
    const committer = createCommitter(before, OWNERS);
    committer.commit([arrival('a')]);
    committer.commit([arrival('b', 'x', { sequence: 7 }), arrival('', 'y')]);
    expect(committer.unfiled).toBe(2);
    before.close();
    const after = openInboxDatabase(file);
    const again = createCommitter(after, OWNERS);
    expect(again.unfiled).toBe(0);
    expect(again.sequences()).toEqual([{ source: 'adt', sender: 'ADT|EAST', sequence: 7 }]);
    expect(again.commit([arrival('b'), arrival('c')])).toEqual([
      { kind: 'duplicate', of: 2 },
      { kind: 'stored', seq: 4 },
    ]);
    again.file();
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
  });

  it('knows what is safe and not filed yet: it comes again, and comes with other content', () => {
    const database = openInboxDatabase(newInboxFile());
    const committer = createCommitter(database, OWNERS);
    committer.commit([arrival('first')]);
    const receipts = committer.commit(['a', 'b'].map((id) => arrival(id)));
    expect(committer.unfiled).toBe(2);
    expect([
      ...receipts,
      ...committer.commit([arrival('c'), arrival('b'), arrival('d'), arrival('d', 'y')]),
    ]).toEqual([
      { kind: 'stored', seq: 2 },
      { kind: 'stored', seq: 3 },
      { kind: 'stored', seq: 4 },
      { kind: 'duplicate', of: 3 },
      { kind: 'stored', seq: 5 },
      { kind: 'conflict', seq: 6, of: 5 },
    ]);
    expect(committer.unfiled).toBe(0);
    expect(committer.filed).toBe(5);
    database.close();
  });

  it('tries again to file what could not be filed, and goes on syncing', () => {
    const database = openInboxDatabase(newInboxFile());
    const committer = createCommitter(database, OWNERS);
    committer.commit([arrival('first')]);
    committer.commit([arrival('a')]);
    database.exec("CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    expect(() => committer.file()).toThrow('disk full');
    expect(committer.commit([arrival('b')])).toEqual([{ kind: 'stored', seq: 3 }]);
    expect(committer.unfiled).toBe(2);
    database.exec('DROP TRIGGER full');
    committer.file();
    expect(committer.unfiled).toBe(0);
    expect(database.prepare('SELECT count(*) AS count FROM message').get()).toEqual({ count: 3 });
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    database.close();
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
    const database = openInboxDatabase(newInboxFile());
    createCommitter(database, OWNERS).commit([arrival('a')]);
    expect(() => database.exec('UPDATE tally SET waiting = waiting - 1')).toThrow(/CHECK/);
    expect(() => database.exec('UPDATE tally SET waiting = -1, processed = 2')).toThrow(/CHECK/);
    database.close();
  });

  it('sees in its audit what the counts do not say', () => {
    const file = newInboxFile();
    const database = openInboxDatabase(file);
    const committer = createCommitter(database, OWNERS);
    committer.commit([arrival('a'), arrival('b')]);
    committer.file();
    database.exec("UPDATE message SET state = 'processed' WHERE seq = 1");
    const ledger = openInboxLedger(file);
    expect(ledger.audit()).toMatchObject({ holds: false, counts: { waiting: 1, processed: 1 } });
    ledger.close();
    database.close();
  });

  it('syncs every commit of arrivals', () => {
    const database = openInboxDatabase(newInboxFile());
    const committer = createCommitter(database, OWNERS);
    committer.commit([arrival('a')]);
    committer.commit([arrival('b')]);
    committer.file();
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
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
