import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createReadAhead } from '../../../src/compose/feed/read-ahead.ts';
import { saidBy } from '../../../src/compose/feed/reading.ts';
import type { FromReading, ToReading } from '../../../src/compose/feed/reading.ts';
import type { Content } from '../../../src/events/feed/content.ts';
import type { MessageReader } from '../../../src/events/feed/message-reader.ts';
import type { WaitingMessage } from '../../../src/events/feed/processor.ts';
import type { Json } from '../../../src/fhir/types.ts';
import type { MappingRelease } from '../../../src/mapping/release.ts';

const waiting = (seq: number, replays = 0): WaitingMessage => ({
  record: {
    seq,
    source: 'lab',
    sender: 'LAB',
    controlId: `C${seq}`,
    type: 'ORU^R01',
    receivedAt: 0,
    state: 'waiting',
    stateAt: 0,
    repeats: 0,
    replays,
    size: 1,
  },
  bytes: Buffer.from(String(seq)),
});
const many = Array.from({ length: 40 }, (_, nth) => waiting(nth + 1));

/** Content that tells by which mappings, and where, it was read. */
const contentBy = (who: string, { record }: Pick<WaitingMessage, 'record'>): Content => ({
  content: {
    patient: who,
    eventAt: record.seq,
    changes: [
      {
        resource: {
          resourceType: 'Observation',
          id: `o${record.seq}`,
          valueQuantity: { value: JSON.rawJSON('1.50') as Json },
        },
        mode: 'snapshot',
        deleted: ['Observation.note'],
      },
    ],
    identity: [],
    hashed: [],
  },
});

/** A reader, and a thread that reads at once what it is told: nothing is left to chance. */
function world({ begins = true, throwsAt = 0 } = {}) {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port2.close());
  const turns = new Int32Array(new SharedArrayBuffer(4));
  let releases = 'first';
  const held: (() => void)[] = [];
  let holding = false;
  const say = (message: FromReading): void => {
    port2.postMessage(message);
    Atomics.add(turns, 0, 1);
  };
  const started: (readonly MappingRelease[])[] = [];
  port1.postMessage = (message: ToReading): void => {
    if (message.kind === 'use') return;
    const { order, messages } = message;
    const by = `${releases} elsewhere`;
    const answer = (): void =>
      say({
        order,
        said: messages.map((it) =>
          saidBy((_bytes, record) => {
            if (record.seq === throwsAt) throw new TypeError('no');
            return contentBy(by, { record });
          }, it),
        ),
      });
    if (holding) held.push(answer);
    else answer();
  };
  const reading = {
    read: (_bytes: Uint8Array, record: WaitingMessage['record']) => contentBy(`${releases} here`, { record }),
    fields: () => undefined,
    explain: () => undefined,
  };
  const own: MessageReader = {
    now: reading,
    by: () => reading,
    use: () => void (releases = 'second'),
    check: () => [],
  };
  const { reader, ahead } = createReadAhead(own, [], (now) => {
    started.push(now);
    if (begins) say('ready');
    return { port: port1, turns };
  });
  const read = (it: WaitingMessage): string | undefined => {
    const said = reader.now.read(it.bytes, it.record);
    return 'content' in said ? said.content.patient : undefined;
  };
  return {
    ahead,
    read,
    reader,
    started,
    hold: () => void (holding = true),
    release: () => {
      holding = false;
      for (const answer of held.splice(0)) answer();
    },
  };
}

describe('reading ahead', () => {
  it('says what reading here would have said, every digit of it', () => {
    const { ahead, reader } = world();
    ahead(many);
    for (const { bytes, record } of many)
      expect(JSON.stringify(reader.now.read(bytes, record))).toBe(
        JSON.stringify(contentBy('first elsewhere', { record })),
      );
  });

  it('reads here what it did not give away, and what was replayed since', () => {
    const { ahead, read } = world();
    ahead(many.slice(1));
    expect(read(many[0]!)).toBe('first here');
    expect(read(waiting(2, 1))).toBe('first here');
    expect(read(many[2]!)).toBe('first elsewhere');
    expect(read(many[2]!)).toBe('first here');
  });

  it('starts nothing for a few, and waits for nobody who has not begun', () => {
    const few = world();
    few.ahead(many.slice(0, 5));
    expect(few.started).toHaveLength(0);
    expect(few.read(many[0]!)).toBe('first here');
    const slow = world({ begins: false });
    slow.ahead(many);
    expect(slow.started).toHaveLength(1);
    expect(slow.read(many[0]!)).toBe('first here');
  });

  it('uses nothing that was read by other mappings, though it comes afterwards', () => {
    const { ahead, read, reader, hold, release } = world();
    hold();
    ahead(many);
    reader.use([]);
    release();
    expect(read(many[0]!)).toBe('second here');
    ahead(many);
    expect(read(many[1]!)).toBe('second elsewhere');
  });

  it('reads here what could not be read elsewhere, so that it fails here', () => {
    const { ahead, read } = world({ throwsAt: 3 });
    ahead(many);
    expect([read(many[1]!), read(many[2]!), read(many[3]!)]).toEqual([
      'first elsewhere',
      'first here',
      'first elsewhere',
    ]);
  });
});
