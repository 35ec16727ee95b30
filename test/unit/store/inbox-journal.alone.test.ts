import type * as nodeFs from 'node:fs';
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { PART_BYTES, journalOf } from '../../../src/store/inbox-journal.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { OWNERS, arrival, newInboxFile, openCommitter, openSqliteInbox } from './inbox-support.ts';

const disk = vi.hoisted(() => ({ fails: false }));
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof nodeFs>();
  const write = (...all: unknown[]): void => {
    const done = all.at(-1) as (error: Error | null, count?: number) => void;
    if (disk.fails) setImmediate(done, Object.assign(new Error('input/output'), { code: 'EIO' }));
    else (fs.write as (...all: unknown[]) => void)(...all);
  };
  const writeSync = (...all: unknown[]): number => {
    if (disk.fails) throw Object.assign(new Error('input/output'), { code: 'EIO' });
    return (fs.writeSync as (...all: unknown[]) => number)(...all);
  };
  return { ...fs, write, writeSync };
});

const KIB = 1024;
const isEmpty = (file: string): boolean => readFileSync(journalOf(file)).every((byte) => byte === 0);

it('is made whole at once, for its owner only', async () => {
  const file = newInboxFile();
  await (await openInboxIntake({ file, owners: OWNERS })).close();
  const { size, mode } = statSync(journalOf(file));
  expect(size).toBe(2 * PART_BYTES);
  expect(mode & 0o777).toBe(0o600);
  expect(isEmpty(file)).toBe(true);
});

it('goes on in its other part when one is full, again and again, and files all of it', async () => {
  const file = newInboxFile();
  const intake = await openInboxIntake({ file, owners: OWNERS });
  const ledger = openInboxLedger(file);
  const count = 1_201;
  const bodyOf = (nth: number): string => String(nth).padStart(16 * KIB, '.');
  for (let first = 0; first < count; first += 75) {
    const wave = Array.from({ length: Math.min(75, count - first) }, (_, nth) =>
      arrival(`m${first + nth}`, bodyOf(first + nth)),
    );
    const receipts = await Promise.all(wave.map((one) => intake.receive(one)));
    expect(receipts).toEqual(wave.map((_, nth) => ({ kind: 'stored', seq: first + nth + 1 })));
  }
  expect(count * 16 * KIB).toBeGreaterThan(2 * 2 * PART_BYTES);
  await expect.poll(() => ledger.counts().received).toBe(count);
  for (const nth of [0, 300, 600, 1_200])
    expect(Buffer.from(ledger.find(nth + 1)!.bytes!)).toEqual(arrival(`m${nth}`, bodyOf(nth)).bytes);
  expect(ledger.audit().holds).toBe(true);
  ledger.close();
  await intake.close();
});

it('takes a message that is larger than a part, and what comes with it, in order', async () => {
  const inbox = await openSqliteInbox(newInboxFile());
  await inbox.intake.receive(arrival('first'));
  const large = arrival('large', 'x'.repeat(PART_BYTES));
  const receipts = await Promise.all([arrival('a'), large, arrival('b')].map((one) => inbox.safe(one)));
  expect(receipts).toEqual([2, 3, 4].map((seq) => ({ kind: 'stored', seq })));
  expect(Buffer.from(inbox.ledger.find(3)!.bytes!)).toEqual(large.bytes);
  await inbox.close();
});

it('holds no bytes of messages when nothing has come for a while, nor when it is closed', async () => {
  const file = newInboxFile();
  const inbox = await openSqliteInbox(file);
  await inbox.safe(arrival('first'));
  await inbox.safe(arrival('a'));
  expect(isEmpty(file)).toBe(false);
  await expect.poll(() => isEmpty(file)).toBe(true);
  await inbox.safe(arrival('b'));
  expect(isEmpty(file)).toBe(false);
  await inbox.close();
  expect(isEmpty(file)).toBe(true);
});

it('has what a power failure took back of the files that are not synced', async () => {
  const file = newInboxFile();
  const inbox = await openSqliteInbox(file);
  await inbox.intake.receive(arrival('first'));
  const after = newInboxFile();
  mkdirSync(dirname(after));
  for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${after}${part}`);
  for (let nth = 0; nth < 20; nth++)
    await Promise.all([0, 1, 2].map((of) => inbox.intake.receive(arrival(`m${nth}.${of}`))));
  copyFileSync(journalOf(file), journalOf(after));
  await inbox.close();

  const again = openCommitter(after);
  expect(again.committer.beginning.last).toBe(61);
  again.close();
  const ledger = openInboxLedger(after);
  expect(ledger.find(61)!.record.controlId).toBe('m19.2');
  expect(ledger.audit()).toMatchObject({ holds: true, counts: { received: 61, waiting: 61 } });
  ledger.close();
});

it('refuses what could not be written, and is not written again at once: the rest is made safe without it', async () => {
  const file = newInboxFile();
  const inbox = await openSqliteInbox(file);
  await inbox.safe(arrival('first'));
  await inbox.safe(arrival('a'));
  disk.fails = true;
  const refused = await Promise.allSettled([inbox.safe(arrival('b')), inbox.safe(arrival('c'))]);
  for (const result of refused)
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', message: /EIO/ } });
  const before = readFileSync(journalOf(file));
  expect(await inbox.intake.receive(arrival('b'))).toEqual({ kind: 'stored', seq: 3 });
  expect(await inbox.intake.receive(arrival('a'))).toEqual({ kind: 'duplicate', of: 2 });
  disk.fails = false;
  expect(await inbox.intake.receive(arrival('c'))).toEqual({ kind: 'stored', seq: 4 });
  expect(readFileSync(journalOf(file)).equals(before)).toBe(true);
  expect(inbox.ledger.audit()).toMatchObject({ holds: true, counts: { received: 5, duplicate: 1 } });
  await inbox.close();
});

it('is written again after a while, when the disk takes it', async () => {
  const file = newInboxFile();
  const intake = await openInboxIntake({ file, owners: OWNERS });
  const ledger = openInboxLedger(file);
  let sent = 0;
  const send = () => intake.receive(arrival(`m${++sent}`));
  await send();
  expect(intake.journal).toEqual({ failures: 0 });
  disk.fails = true;
  const error = { code: 'unavailable', message: expect.stringMatching(/EIO/) as string };
  await expect(Promise.all([send(), send()])).rejects.toMatchObject(error);
  expect(intake.journal).toEqual({ failures: 1, failing: { since: expect.any(Number), code: 'EIO' } });
  disk.fails = false;
  await expect
    .poll(async () => {
      await send();
      return intake.journal;
    })
    .toEqual({ failures: 1 });
  const last = arrival('last');
  expect(await intake.receive(last)).toMatchObject({ kind: 'stored' });
  expect(readFileSync(journalOf(file)).includes(Buffer.from(last.bytes))).toBe(true);
  await intake.close();
  expect(isEmpty(file)).toBe(true);
  // All but the two that were refused.
  expect(ledger.audit()).toMatchObject({ holds: true, counts: { received: sent - 1 } });
  ledger.close();
});

it('is written again when nothing comes, and holds nothing of what could not be written', async () => {
  const file = newInboxFile();
  const intake = await openInboxIntake({ file, owners: OWNERS });
  await intake.receive(arrival('first'));
  disk.fails = true;
  await expect(intake.receive(arrival('a'))).rejects.toMatchObject({ code: 'unavailable' });
  disk.fails = false;
  await expect.poll(() => intake.journal).toEqual({ failures: 1 });
  expect(isEmpty(file)).toBe(true);
  const next = arrival('b');
  await intake.receive(next);
  expect(readFileSync(journalOf(file)).includes(Buffer.from(next.bytes))).toBe(true);
  await intake.close();
});
