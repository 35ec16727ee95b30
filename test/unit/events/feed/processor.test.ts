import { beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import { createProcessor } from '../../../../src/events/feed/processor.ts';
import type { ProcessorPorts } from '../../../../src/events/feed/processor.ts';
import type { MessageOutcome } from '../../../../src/feed-ports.ts';
import { createMemoryInbox } from '../../../../src/store/memory-inbox.ts';
import { messageOf, openTestProjection, readTestMessage } from './support.ts';
import type { TestMessage } from './support.ts';

type Inbox = ReturnType<typeof createMemoryInbox>;
let inbox: Inbox;
let projection: ReturnType<typeof openTestProjection>;
let told: MessageOutcome[];

beforeEach(() => {
  inbox = createMemoryInbox({ owners: { adt: 'ADT team' } });
  projection = openTestProjection();
  told = [];
});

const processor = (changes: Partial<ProcessorPorts> = {}) =>
  createProcessor({
    ledger: inbox.ledger,
    writer: projection,
    read: readTestMessage,
    ownerOf: (reason, { source }) => `${source} ${reason}`,
    clock: { now: () => 5_000 },
    onSettled: (outcomes) => told.push(...outcomes),
    ...changes,
  });

async function receive(...messages: readonly TestMessage[]): Promise<void> {
  for (const [nth, message] of messages.entries()) await inbox.intake.receive(messageOf(`m${nth}`, message));
}
const states = () => inbox.ledger.list({ limit: 99 }).map(({ state }) => state);

describe('a step of the processor', () => {
  it('applies what waits in the order of receipt, and says how it ended', async () => {
    await receive(
      { patient: 'p', value: 'one' },
      { patient: 'p', value: 'two' },
      { patient: 'q', value: 'x' },
    );
    expect(processor().step(10)).toBe(3);
    expect(projection.valueOf('p')).toBe('two');
    expect(states()).toEqual(['processed', 'processed', 'processed']);
    expect(inbox.ledger.find(1)!.record.stateAt).toBe(5_000);
    expect(told.map(({ seq, state }) => [seq, state])).toEqual([1, 2, 3].map((seq) => [seq, 'processed']));
    expect(processor().step(10)).toBe(0);
  });

  it('takes no more than it is asked to', async () => {
    await receive({ patient: 'p', value: 'one' }, { patient: 'p', value: 'two' });
    expect(processor().step(1)).toBe(1);
    expect(projection.valueOf('p')).toBe('one');
    expect(states()).toEqual(['processed', 'waiting']);
  });

  it.each([
    [
      'cannot be read',
      { fails: 'read' },
      { reason: 'failed', detail: 'could not be read: TypeError', owner: 'adt failed' },
    ],
    [
      'cannot be applied',
      { fails: 'apply' },
      { reason: 'failed', detail: 'could not be applied: RangeError', owner: 'adt failed' },
    ],
    [
      'needs somebody to look',
      { fails: 'mapping-needed' },
      { reason: 'mapping-needed', detail: 'PID-8 is not mapped', owner: 'adt mapping-needed' },
    ],
  ] as const)('parks a message that %s alone, in words without values', async (_what, fault, expected) => {
    await receive(
      { patient: 'p', value: 'one' },
      { patient: 'p', value: 'SECRET', ...fault },
      { patient: 'p', value: 'three' },
    );
    expect(processor().step(10)).toBe(3);
    expect(states()).toEqual(['processed', 'parked', 'processed']);
    const { record } = inbox.ledger.find(2)!;
    expect(record).toMatchObject(expected);
    expect(JSON.stringify(record)).not.toContain('SECRET');
    expect(projection.valueOf('p')).toBe('three');
  });

  it('tells the words of our own errors', async () => {
    await receive({ patient: 'p', value: 'one' });
    const read = (): never => {
      throw new FicusError('malformed', 'Segment 3 has no name.');
    };
    processor({ read }).step(10);
    expect(inbox.ledger.find(1)!.record.detail).toBe('could not be read: Segment 3 has no name.');
  });

  it('ends a late message as superseded', async () => {
    await receive(
      { patient: 'p', value: 'new', eventAt: 2_000 },
      { patient: 'p', value: 'old', eventAt: 1_000 },
    );
    processor().step(10);
    expect(projection.valueOf('p')).toBe('new');
    expect(inbox.ledger.find(2)!.record).toMatchObject({
      state: 'superseded',
      detail: '1 of 1 resources left alone: something newer is known of them',
    });
  });

  it('does nothing twice when it was stopped between applying and recording', async () => {
    await receive({ patient: 'p', value: 'one' }, { patient: 'p', value: 'two' });
    const stopped = processor({
      ledger: {
        waiting: (limit) => inbox.ledger.waiting(limit),
        settle: () => {
          throw new Error('stopped');
        },
      },
    });
    expect(() => stopped.step(10)).toThrow('stopped');
    expect(states()).toEqual(['waiting', 'waiting']);
    expect(told).toEqual([]);
    processor().step(10);
    expect(states()).toEqual(['processed', 'processed']);
    expect([...projection.effects()]).toEqual([
      ['1/0', 1],
      ['2/0', 1],
    ]);
  });

  it('applies a message that is replayed once more, and marks that apart', async () => {
    await receive({ patient: 'p', value: 'one' });
    processor().step(10);
    inbox.ledger.requeue([1], 6_000);
    processor().step(10);
    expect([...projection.effects()]).toEqual([
      ['1/0', 1],
      ['1/1', 1],
    ]);
  });

  it('parks nothing when the disk is full: what was not applied waits, and the step throws', async () => {
    await receive({ patient: 'p', value: 'one' }, { patient: 'q', value: 'two' });
    const full = Object.assign(new Error('database or disk is full'), { errcode: 13 });
    const writer: ProcessorPorts['writer'] = {
      apply: () => [{ changed: [], superseded: [] }, { error: full }],
    };
    expect(() => processor({ writer }).step(10)).toThrow(full);
    expect(states()).toEqual(['processed', 'waiting']);
    const broken: ProcessorPorts['writer'] = {
      apply: () => {
        throw full;
      },
    };
    expect(() => processor({ writer: broken }).step(10)).toThrow(full);
    expect(states()).toEqual(['processed', 'waiting']);
  });
});
