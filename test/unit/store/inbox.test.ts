import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FeedCounts, MessageOutcome } from '../../../src/feed-ports.ts';
import { INBOXES, arrival } from './inbox-support.ts';
import type { Inbox } from './inbox-support.ts';

const NOTHING: FeedCounts = {
  received: 0,
  waiting: 0,
  processed: 0,
  duplicate: 0,
  superseded: 0,
  parked: 0,
  rejected: 0,
};
const done = (...seqs: readonly number[]): MessageOutcome[] =>
  seqs.map((seq) => ({ seq, state: 'processed' }));
const failed = (seq: number): MessageOutcome => ({
  seq,
  state: 'parked',
  reason: 'mapping-needed',
  detail: 'PID-8 has a code that no map knows',
  owner: 'ADT team',
});
const rejection = { state: 'rejected', reason: 'not-supported', detail: 'MSH-9 is none of ours' } as const;

describe.each(INBOXES)('an inbox (%s)', (_name, open) => {
  const onStored = vi.fn<() => void>();
  let inbox: Inbox;
  beforeEach(async () => {
    onStored.mockClear();
    inbox = await open(onStored);
  });
  afterEach(() => inbox.close());

  const receive = (...arrivals: ReturnType<typeof arrival>[]) =>
    Promise.all(arrivals.map((one) => inbox.intake.receive(one)));

  it('gives every message a number in the order of receipt, and its bytes back', async () => {
    const arrivals = ['a', 'b', 'c'].map((id) => arrival(id));
    expect(await receive(...arrivals)).toEqual([1, 2, 3].map((seq) => ({ kind: 'stored', seq })));
    const waiting = inbox.ledger.waiting(10);
    expect(waiting.map(({ record }) => record)).toEqual(
      arrivals.map(({ bytes, at, ...said }, nth) => ({
        ...said,
        seq: nth + 1,
        receivedAt: at,
        state: 'waiting',
        stateAt: at,
        repeats: 0,
        replays: 0,
        size: bytes.byteLength,
      })),
    );
    expect(waiting.map(({ bytes }) => Buffer.from(bytes))).toEqual(arrivals.map(({ bytes }) => bytes));
    expect(inbox.ledger.waiting(2).map(({ record }) => record.seq)).toEqual([1, 2]);
    expect(inbox.ledger.counts()).toEqual({ ...NOTHING, received: 3, waiting: 3 });
  });

  it('keeps bytes that are no text, and no bytes at all', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, nth) => nth);
    await receive(
      arrival('a', '', { bytes: bytes.subarray(3, 250) }),
      arrival('b', '', { bytes: new Uint8Array() }),
    );
    expect(Uint8Array.from(inbox.ledger.find(1)!.bytes!)).toEqual(bytes.subarray(3, 250));
    expect(inbox.ledger.find(2)!.bytes).toHaveLength(0);
  });

  it('counts the same message again on the first one, in one transaction with it and later', async () => {
    expect(await receive(arrival('a'), arrival('a'), arrival('b'))).toEqual([
      { kind: 'stored', seq: 1 },
      { kind: 'duplicate', of: 1 },
      { kind: 'stored', seq: 2 },
    ]);
    inbox.ledger.settle(done(1), 2_000);
    expect(await receive(arrival('a'))).toEqual([{ kind: 'duplicate', of: 1 }]);
    expect(inbox.ledger.find(1)!.record).toMatchObject({ repeats: 2, state: 'processed' });
    expect(inbox.ledger.counts()).toEqual({
      ...NOTHING,
      received: 4,
      waiting: 1,
      processed: 1,
      duplicate: 2,
    });
    expect(inbox.ledger.list({ states: ['duplicate'], limit: 9 }).map(({ seq }) => seq)).toEqual([1]);
  });

  it('knows a control id by its interface and its sender', async () => {
    const receipts = await receive(
      arrival('a'),
      arrival('a', 'x', { sender: 'ADT|WEST' }),
      arrival('a', 'x', { source: 'lab' }),
    );
    expect(receipts.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'stored']);
  });

  it('never takes a message without a control id for another one', async () => {
    expect(await receive(arrival(''), arrival(''))).toEqual([
      { kind: 'stored', seq: 1 },
      { kind: 'stored', seq: 2 },
    ]);
    expect(inbox.ledger.list({ controlId: '', limit: 9 })).toHaveLength(2);
  });

  it('parks other content under a known control id, for its sender, and knows it again', async () => {
    const other = { kind: 'conflict', seq: 2, of: 1 };
    expect(await receive(arrival('a'), arrival('a', 'y'), arrival('a', 'y'), arrival('a', 'z'))).toEqual([
      { kind: 'stored', seq: 1 },
      other,
      other,
      { kind: 'conflict', seq: 3, of: 1 },
    ]);
    expect(inbox.ledger.find(2)!.record).toMatchObject({
      state: 'parked',
      reason: 'control-id-reused',
      detail: 'MSH-10 is that of message 1',
      owner: 'sender ADT|EAST',
      repeats: 1,
    });
    expect(inbox.ledger.counts()).toEqual({ ...NOTHING, received: 4, waiting: 1, parked: 2, duplicate: 1 });
    // Somebody decided that it is to be taken: from now on it is a message like others.
    inbox.ledger.requeue([2], 2_000);
    expect(await receive(arrival('a', 'y'))).toEqual([{ kind: 'duplicate', of: 2 }]);
  });

  it('keeps what was refused or parked on arrival, and wakes nobody for it', async () => {
    const parked = { state: 'parked', reason: 'decode-error', detail: 'byte 90 is no UTF-8' } as const;
    await receive(arrival('a', 'x', { verdict: rejection }), arrival('b', 'x', { verdict: parked }));
    expect(onStored).not.toHaveBeenCalled();
    expect(inbox.ledger.waiting(9)).toEqual([]);
    expect(inbox.ledger.find(1)!.record).toMatchObject({ ...rejection, owner: 'sender ADT|EAST' });
    expect(inbox.ledger.find(2)!.record).toMatchObject({ ...parked, owner: 'sender ADT|EAST' });
    await receive(arrival('c'));
    await expect.poll(() => onStored).toHaveBeenCalled();
  });

  it('gives what was refused to the owner of the interface where its sender does not say who it is', async () => {
    await receive(arrival('a', 'x', { sender: '', verdict: rejection }));
    expect(inbox.ledger.find(1)!.record).toMatchObject({ ...rejection, owner: 'ADT team' });
  });

  it('takes a message that was refused before when it is sent again and allowed', async () => {
    const refused = arrival('a', 'x', { verdict: rejection });
    expect(await receive(refused, refused, arrival('a'), arrival('a'), refused)).toEqual([
      { kind: 'stored', seq: 1 },
      { kind: 'duplicate', of: 1 },
      { kind: 'stored', seq: 2 },
      { kind: 'duplicate', of: 2 },
      { kind: 'duplicate', of: 1 },
    ]);
    expect(inbox.ledger.counts()).toEqual({ ...NOTHING, received: 5, waiting: 1, rejected: 1, duplicate: 3 });
  });

  it('remembers the last sequence number that was taken of each sender', async () => {
    expect(await inbox.intake.lastSequence('adt', 'ADT|EAST')).toBeUndefined();
    await receive(arrival('a', 'x', { sequence: 7 }), arrival('b', 'x', { sequence: 8 }));
    await receive(arrival('a', 'x', { sequence: 7 }));
    await receive(
      arrival('c', 'x', {
        sequence: 12,
        verdict: { state: 'rejected', reason: 'out-of-sequence', detail: 'MSH-13' },
      }),
    );
    expect(await inbox.intake.lastSequence('adt', 'ADT|EAST')).toBe(8);
    expect(await inbox.intake.lastSequence('adt', 'ADT|WEST')).toBeUndefined();
  });

  it('records how messages ended, and leaves alone what does not wait', async () => {
    await receive(arrival('a'), arrival('b'), arrival('c'));
    inbox.ledger.settle([...done(1), failed(2), { seq: 3, state: 'superseded', detail: '1 of 2' }], 2_000);
    inbox.ledger.settle([...done(2), ...done(99)], 3_000);
    const { seq: _seq, ...outcome } = failed(2);
    expect(inbox.ledger.find(2)!.record).toMatchObject({ ...outcome, stateAt: 2_000 });
    expect(inbox.ledger.find(3)!.record).toMatchObject({ state: 'superseded', detail: '1 of 2' });
    expect(inbox.ledger.find(99)).toBeUndefined();
    expect(inbox.ledger.counts('adt')).toEqual({
      ...NOTHING,
      received: 3,
      processed: 1,
      parked: 1,
      superseded: 1,
    });
    expect(inbox.ledger.counts('lab')).toEqual(NOTHING);
    expect(inbox.ledger.audit()).toEqual({ holds: true, counts: inbox.ledger.counts() });
  });

  it('records alike how one message ended and how many did', async () => {
    const all = Array.from({ length: 40 }, (_, at) => at + 1);
    await receive(...all.map((at) => arrival(`m${at}`)));
    inbox.ledger.settle([...done(7), failed(8)], 2_000);
    // One twice, one that has ended, one that is not there.
    inbox.ledger.settle([...done(...all.slice(0, 38), 1, 99), failed(39)], 3_000);
    expect(
      all.map((seq) => inbox.ledger.find(seq)!.record).map(({ state, stateAt }) => [state, stateAt]),
    ).toEqual(
      all.map((seq) => {
        if (seq === 7) return ['processed', 2_000];
        if (seq === 8) return ['parked', 2_000];
        if (seq === 39) return ['parked', 3_000];
        return seq < 39 ? ['processed', 3_000] : ['waiting', expect.any(Number)];
      }),
    );
    expect(inbox.ledger.counts('adt')).toEqual({
      ...NOTHING,
      received: 40,
      waiting: 1,
      processed: 37,
      parked: 2,
    });
    expect(inbox.ledger.audit().holds).toBe(true);
  });

  it('puts messages back to be processed again, but neither waiting nor refused nor forgotten ones', async () => {
    await receive(arrival('a'), arrival('b'), arrival('c'), arrival('d', 'x', { verdict: rejection }));
    inbox.ledger.settle([...done(1), failed(2)], 2_000);
    expect(inbox.ledger.requeue([2, 1, 2, 3, 4, 99], 3_000)).toBe(2);
    expect(inbox.ledger.waiting(9).map(({ record }) => [record.seq, record.replays, record.reason])).toEqual([
      [1, 1, undefined],
      [2, 1, undefined],
      [3, 0, undefined],
    ]);
    inbox.ledger.settle(done(1), 4_000);
    inbox.ledger.forget(9_000);
    expect(inbox.ledger.requeue([1], 5_000)).toBe(0);
    expect(inbox.ledger.audit().holds).toBe(true);
  });

  it('lets go of the bytes of what ended, and never of what is parked or waits', async () => {
    await receive(...['a', 'b', 'c', 'd'].map((id) => arrival(id)));
    inbox.ledger.settle([failed(1), ...done(2, 3)], 2_000);
    await receive(arrival('e', 'x', { at: 5_000 }));
    inbox.ledger.settle(done(5), 6_000);
    expect(inbox.ledger.forget(2_000)).toBe(0);
    expect(inbox.ledger.forget(2_001, 1)).toBe(1);
    expect(inbox.ledger.find(2)!.bytes).toBeUndefined();
    expect(inbox.ledger.forget(2_001)).toBe(1);
    expect(inbox.ledger.forget(2_001)).toBe(0);
    expect([1, 2, 3, 4, 5].map((seq) => inbox.ledger.find(seq)!.bytes !== undefined)).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(inbox.ledger.find(2)!.record.size).toBe(0);
    expect(await receive(arrival('b'))).toEqual([{ kind: 'duplicate', of: 2 }]);
    expect(inbox.ledger.audit().holds).toBe(true);
  });

  it.each([
    ['all', { limit: 9 }, [1, 2, 3, 4, 5]],
    ['the newest', { limit: 2, newestFirst: true }, [5, 4]],
    ['the next page of the newest', { limit: 2, newestFirst: true, after: 4 }, [3, 2]],
    ['the next page of the oldest', { limit: 2, after: 2 }, [3, 4]],
    ['by state', { limit: 9, states: ['parked', 'rejected'] }, [2, 3, 5]],
    ['by no state', { limit: 9, states: [] }, []],
    ['by control id', { limit: 9, controlId: 'a' }, [1, 3, 4]],
    ['by type', { limit: 9, type: 'ORU^R01' }, [4]],
    ['by interface', { limit: 9, source: 'adt' }, [1, 2, 3, 5]],
    ['by reason', { limit: 9, reason: 'mapping-needed' }, [2]],
    ['by two things', { limit: 9, states: ['parked'], controlId: 'a' }, [3]],
  ] as const)('lists %s', async (_what, filter, seqs) => {
    await receive(
      arrival('a'),
      arrival('b'),
      arrival('a', 'y'),
      arrival('a', 'x', { source: 'lab', type: 'ORU^R01' }),
      arrival('e', 'x', { verdict: rejection }),
    );
    inbox.ledger.settle([...done(1), failed(2)], 2_000);
    expect(inbox.ledger.list(filter).map(({ seq }) => seq)).toEqual(seqs);
  });

  it('says what is there by interface and reason, and since when', async () => {
    expect(inbox.ledger.figures()).toEqual({ interfaces: [], parked: [], oldest: {} });
    await receive(
      ...['a', 'b', 'c', 'd'].map((id, nth) => arrival(id, 'x', { at: 1_000 + nth })),
      arrival('l', 'x', { source: 'lab' }),
    );
    inbox.ledger.settle([...done(1), failed(2), failed(3), failed(5)], 2_000);
    expect(inbox.ledger.figures()).toEqual({
      interfaces: [
        { source: 'adt', counts: { ...NOTHING, received: 4, processed: 1, parked: 2, waiting: 1 } },
        { source: 'lab', counts: { ...NOTHING, received: 1, parked: 1 } },
      ],
      parked: [
        { source: 'adt', reason: 'mapping-needed', count: 2 },
        { source: 'lab', reason: 'mapping-needed', count: 1 },
      ],
      oldest: { parked: 1_001, waiting: 1_003 },
    });
  });
});
