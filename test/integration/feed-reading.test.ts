import { availableParallelism } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { systemClock } from '../../src/clock.ts';
import { assemble } from '../../src/compose/assembly.ts';
import { messageReaderOf } from '../../src/compose/feed/message-reader.ts';
import { createReadAhead } from '../../src/compose/feed/read-ahead.ts';
import { startReading } from '../../src/compose/feed/reading.ts';
import type { WaitingMessage } from '../../src/events/feed/processor.ts';
import { fedConfig, makeHome } from '../support/fed.ts';

it.runIf(availableParallelism() > 1)(
  'a thread that reads ahead says of a day of messages what reading them here says, byte for byte',
  async () => {
    const home = makeHome();
    onTestFinished(() => home.remove());
    const loaded = fedConfig(home);
    const own = messageReaderOf(assemble(loaded, process.env, systemClock), [], systemClock);
    const here: number[] = [];
    const watched: typeof own = {
      ...own,
      now: {
        ...own.now,
        read(bytes, record) {
          here.push(record.seq);
          return own.now.read(bytes, record);
        },
      },
    };
    const { reader, ahead } = createReadAhead(watched, [], (releases) => {
      const thread = startReading({ loaded, env: process.env, releases });
      onTestFinished(() => thread?.port.close());
      return thread;
    });
    const day = feedOf(createDay({ patients: 12, seed: 3 }), {}, 3).map(
      ({ event, bytes }, nth): WaitingMessage => {
        const seq = nth + 1;
        return {
          record: {
            seq,
            source: 'hospix',
            sender: 'HOSPIX|MAIN',
            controlId: `C${seq}`,
            type: event.type,
            receivedAt: 0,
            state: 'waiting',
            stateAt: 0,
            repeats: 0,
            replays: 0,
            size: bytes.byteLength,
          },
          bytes,
        };
      },
    );
    const said = (it: WaitingMessage, by = reader): string =>
      JSON.stringify(by.now.read(it.bytes, it.record));
    // Until the thread has begun, everything is read here.
    do {
      await turn();
      here.length = 0;
      ahead(day);
      said(day[0]!);
    } while (here.length > 0);
    expect(day.length).toBeGreaterThan(60);
    for (const one of day.slice(1)) expect(said(one)).toBe(said(one, own));
    expect(here).toEqual([]);
  },
  60_000,
);
