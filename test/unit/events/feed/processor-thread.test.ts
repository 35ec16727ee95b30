import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { connectProcessor } from '../../../../src/events/feed/processor-client.ts';
import type { ProcessorClient } from '../../../../src/events/feed/processor-client.ts';
import { runProcessorThread } from '../../../../src/events/feed/processor-thread.ts';
import type { MessageOutcome } from '../../../../src/feed-ports.ts';
import type { ProjectionWriter } from '../../../../src/projection-ports.ts';
import { createMemoryInbox } from '../../../../src/store/memory-inbox.ts';
import { messageOf, openTestProjection, readTestMessage, until } from './support.ts';
import type { TestMessage } from './support.ts';

let inbox: ReturnType<typeof createMemoryInbox>;
let port: MessagePort;
let projection: ReturnType<typeof openTestProjection>;
let client: ProcessorClient;
let settled: MessageOutcome[];
let full: boolean;
let closed: string[];

const receive = (controlId: string, said: TestMessage) => inbox.intake.receive(messageOf(controlId, said));

beforeEach(async () => {
  const told: MessageOutcome[] = [];
  settled = told;
  closed = [];
  full = false;
  inbox = createMemoryInbox({ owners: {}, onStored: () => client.wake() });
  projection = openTestProjection();
  const { port1, port2 } = new MessageChannel();
  port = port1;
  client = connectProcessor(port, (outcomes) => told.push(...outcomes));
  await receive('before', { patient: 'p', value: 'before' });
  const writer: ProjectionWriter = {
    apply(messages, now) {
      if (full) throw Object.assign(new Error('full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
      return projection.apply(messages, now);
    },
    rehearse: (content) => projection.rehearse(content),
    close: () => closed.push('writer'),
  };
  runProcessorThread({
    port: port2,
    ledger: { ...inbox.ledger, close: () => closed.push('ledger') },
    writer,
    reader: {
      now: { read: readTestMessage, fields: () => undefined, explain: () => undefined },
      by: () => ({ read: readTestMessage, fields: () => undefined, explain: () => undefined }),
      use: () => {},
      check: () => [],
    },
    ownerOf: () => 'somebody',
    clock: systemClock,
    log: { info: () => {}, error: () => {} },
    retentionDays: 30,
  });
});
afterEach(async () => {
  await client.stop();
  // The side whose client took it for lost is still there.
  port.postMessage({ kind: 'stop' });
  await until(() => closed.length === 2);
});

describe("the processor's thread", () => {
  it('begins with what was left waiting, goes on when it is woken, and tells how messages ended', async () => {
    await until(() => settled.length === 1);
    await receive('a', { patient: 'p', value: 'SECRET', fails: 'read' });
    await receive('b', { patient: 'p', value: 'after' });
    await until(() => settled.length === 3);
    const failed = {
      seq: 2,
      state: 'parked',
      reason: 'failed',
      detail: 'could not be read: TypeError',
      owner: 'somebody',
    };
    expect(settled.toSorted((x, y) => x.seq - y.seq)).toEqual([
      { seq: 1, state: 'processed' },
      failed,
      { seq: 3, state: 'processed' },
    ]);
    expect(projection.valueOf('p')).toBe('after');
  });

  it('answers questions: a dry run, a replay, a recount', async () => {
    await until(() => settled.length === 1);
    projection.database.exec("UPDATE patient SET value = 'other'");
    expect(await client.rehearse({ seqs: [1] }, true)).toEqual([
      {
        seq: 1,
        state: 'processed',
        would: 'change',
        changes: [
          {
            type: 'Patient',
            id: 'p',
            paths: ['name[0].family'],
            before: { resourceType: 'Patient', id: 'p', name: [{ family: 'other' }] },
            after: { resourceType: 'Patient', id: 'p', name: [{ family: 'before' }] },
          },
        ],
      },
    ]);
    expect(await client.replay({ seqs: [1] })).toBe(1);
    await until(() => settled.length === 2);
    expect(projection.valueOf('p')).toBe('before');
    expect(await client.audit()).toMatchObject({ holds: true, counts: { received: 1, processed: 1 } });
  });

  it('says what keeps it from going on, until it goes on again', async () => {
    await until(() => settled.length === 1);
    full = true;
    await receive('a', { patient: 'p', value: 'later' });
    await until(() => client.trouble !== undefined);
    expect(client.trouble).toBe('Error (ERR_SQLITE_ERROR)');
    full = false;
    await expect.poll(() => client.trouble).toBeUndefined();
    expect(projection.valueOf('p')).toBe('later');
  });

  it('closes its files when it is told to stop, and answers nothing after', async () => {
    await client.stop();
    expect(closed).toEqual(['ledger', 'writer']);
    await expect(client.audit()).rejects.toMatchObject({ code: 'unavailable' });
    client.wake();
  });

  it('lets nobody wait for an answer when it is gone', async () => {
    const answer = client.audit();
    client.lost('it ran out of memory');
    await expect(answer).rejects.toThrow(/ran out of memory/);
    expect(client.trouble).toBe('it ran out of memory');
  });
});
