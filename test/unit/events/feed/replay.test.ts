import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changedPaths } from '../../../../src/events/feed/changed-paths.ts';
import { createProcessor } from '../../../../src/events/feed/processor.ts';
import { createReplay } from '../../../../src/events/feed/replay.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import { createMemoryInbox } from '../../../../src/store/memory-inbox.ts';
import { messageOf, openTestProjection, readTestMessage } from './support.ts';
import type { TestMessage } from './support.ts';

let inbox: ReturnType<typeof createMemoryInbox>;
let projection: ReturnType<typeof openTestProjection>;
let read: typeof readTestMessage;
const wake = vi.fn<() => void>();

const replay = () =>
  createReplay({
    ledger: inbox.ledger,
    writer: projection,
    read: (bytes) => read(bytes),
    clock: { now: () => 9_000 },
    wake,
  });
const step = () =>
  createProcessor({
    ledger: inbox.ledger,
    writer: projection,
    read: (bytes) => read(bytes),
    ownerOf: () => 'somebody',
    clock: { now: () => 5_000 },
  }).step(99);

async function process(...messages: readonly TestMessage[]): Promise<void> {
  for (const [nth, message] of messages.entries()) await inbox.intake.receive(messageOf(`m${nth}`, message));
  step();
}

beforeEach(() => {
  inbox = createMemoryInbox({ owners: {} });
  projection = openTestProjection();
  read = readTestMessage;
  wake.mockClear();
});

describe('a dry run of a replay', () => {
  it('tells the places that would change, and the values only to whom asks for them', async () => {
    await process(
      { patient: 'p', value: 'known' },
      { patient: 'p', value: 'SECRET', fails: 'mapping-needed' },
    );
    read = (bytes) => {
      const { fails: _fails, ...said } = JSON.parse(Buffer.from(bytes).toString()) as TestMessage;
      return readTestMessage(Buffer.from(JSON.stringify(said)));
    };
    const change = { type: 'Patient', id: 'p', paths: ['name[0].family'] };
    const [told] = replay().rehearse({ seqs: [2] }, false);
    expect(told).toEqual({ seq: 2, state: 'parked', would: 'change', changes: [change] });
    const patient = (family: string) => ({ resourceType: 'Patient', id: 'p', name: [{ family }] });
    const [shown] = replay().rehearse({ seqs: [2] }, true);
    expect(shown!.changes).toEqual([{ ...change, before: patient('known'), after: patient('SECRET') }]);
    expect(projection.valueOf('p')).toBe('known');
    expect(inbox.ledger.find(2)!.record).toMatchObject({ state: 'parked', replays: 0 });
    expect(wake).not.toHaveBeenCalled();
  });

  it('tells when nothing would change, and when it would be parked again', async () => {
    await process(
      { patient: 'p', value: 'one' },
      { patient: 'p', value: 'SECRET', fails: 'mapping-needed' },
      { patient: 'p', value: 'SECRET', fails: 'read' },
    );
    const filter = { states: ['processed', 'parked'], limit: 9 } as const;
    const told = replay().rehearse({ filter }, true);
    expect(told).toEqual([
      { seq: 1, state: 'processed', would: 'nothing', changes: [] },
      {
        seq: 2,
        state: 'parked',
        would: 'parked',
        reason: 'mapping-needed',
        detail: 'PID-8 is not mapped',
        changes: [],
      },
      { seq: 3, state: 'parked', would: 'parked', reason: 'failed', detail: 'TypeError', changes: [] },
    ]);
    expect(JSON.stringify(told)).not.toContain('SECRET');
  });

  it('says why a message cannot be replayed', async () => {
    await process({ patient: 'p', value: 'one' });
    await inbox.intake.receive(messageOf('waits', { patient: 'p', value: 'two' }));
    const verdict = { state: 'rejected', reason: 'not-supported', detail: 'MSH-9' } as const;
    await inbox.intake.receive(messageOf('no', { patient: 'p', value: 'three' }, { verdict }));
    inbox.ledger.forget(99_000);
    const told = replay().rehearse({ seqs: [1, 2, 3, 4] }, false);
    expect(told.map(({ would, detail }) => [would, detail])).toEqual([
      ['impossible', 'its bytes are gone: retention'],
      ['impossible', 'it is waiting'],
      ['impossible', 'its sender was told no, and has to send it again'],
      ['impossible', 'there is no such message'],
    ]);
  });
});

describe('a replay', () => {
  it('processes what a filter finds once more, in the order of receipt', async () => {
    await process(
      { patient: 'p', value: 'one', fails: 'read' },
      { patient: 'q', value: 'two' },
      { patient: 'p', value: 'three', fails: 'read' },
    );
    read = (bytes) =>
      readTestMessage(Buffer.from(Buffer.from(bytes).toString().replace(',"fails":"read"', '')));
    const parked = { states: ['parked'], newestFirst: true, limit: 9 } as const;
    expect(replay().replay({ filter: parked })).toBe(2);
    expect(wake).toHaveBeenCalledOnce();
    expect(step()).toBe(2);
    expect(projection.valueOf('p')).toBe('three');
    expect(inbox.ledger.list(parked)).toEqual([]);
    expect(projection.effects()).toEqual(
      new Map([
        ['1/1', 1],
        ['2/0', 1],
        ['3/1', 1],
      ]),
    );
  });

  it('wakes nobody when there is nothing to do', () => {
    expect(replay().replay({ seqs: [7] })).toBe(0);
    expect(wake).not.toHaveBeenCalled();
  });
});

describe('the places where two versions of a resource differ', () => {
  const patient = (more: object) => ({ resourceType: 'Patient', id: 'p', ...more }) as Resource;
  it.each<readonly [string, object | undefined, object | undefined, readonly string[]]>([
    ['nothing', { active: true }, { active: true }, []],
    ['a value', { active: true }, { active: false }, ['active']],
    ['a new element', {}, { name: [{ family: 'x' }] }, ['name']],
    ['an element that goes', { name: [{ family: 'x' }] }, {}, ['name']],
    ['a part of a list', { name: [{ family: 'x' }] }, { name: [{ family: 'y' }] }, ['name[0].family']],
    [
      'a list that grows',
      { name: [{ family: 'x' }] },
      { name: [{ family: 'x' }, { text: 'y' }] },
      ['name[1]'],
    ],
    ['digits', { value: JSON.rawJSON('1.50') }, { value: 1.5 }, ['value']],
    ['the same digits', { value: JSON.rawJSON('1.50') }, { value: JSON.rawJSON('1.50') }, []],
    [
      'the version alone',
      { meta: { versionId: '1', lastUpdated: 'a' } },
      { meta: { versionId: '2', lastUpdated: 'b' } },
      [],
    ],
    ['a new resource', undefined, {}, ['resourceType', 'id']],
  ])('are told: %s', (_what, before, after, paths) => {
    expect(changedPaths(before && patient(before), after && patient(after))).toEqual(paths);
  });
});
