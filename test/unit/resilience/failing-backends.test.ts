import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FicusError } from '../../../src/errors.ts';
import type { Backend } from '../../../src/ports.ts';
import { createBreaker } from '../../../src/resilience/breaker.ts';
import type { Breaker } from '../../../src/resilience/breaker.ts';
import { createBulkhead } from '../../../src/resilience/bulkhead.ts';
import { conditional } from '../../../src/resilience/conditional.ts';
import { cannotBeAsked } from '../../../src/resilience/doubtful.ts';
import { deadline } from '../../../src/resilience/deadline.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { isWrite } from '../../../src/resilience/interaction.ts';
import { retry } from '../../../src/resilience/retry.ts';
import { singleFlight } from '../../../src/resilience/single-flight.ts';
import { versioned } from '../../../src/resilience/versioned.ts';
import { openSqliteStores } from '../../../src/store/stores.ts';
import type { Stores } from '../../../src/store/stores.ts';
import { answer, create, createContext, createTestLogger, outcome, patient, read } from './support.ts';

/** What a core does with a line it received. */
type Mood = (socket: Socket, line: string) => void;
const MOODS = {
  well: (socket, line) => socket.write(`OK ${line}\n`),
  hung: () => {},
  garbage: (socket) => socket.write('\u0000\u0001 what?\n'),
  closing: (socket) => socket.destroy(),
  refusing: (socket, line) => socket.write(`NO ${line}\n`),
} satisfies Record<string, Mood>;

interface Core {
  readonly server: Server;
  readonly port: number;
  readonly received: string[];
  mood: Mood;
  stop(): Promise<void>;
}

async function startCore(): Promise<Core> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.on('data', (data) => {
      const line = data.toString().trim();
      core.received.push(line);
      core.mood(socket, line);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const core: Core = {
    server,
    port: (server.address() as AddressInfo).port,
    received: [],
    mood: MOODS.well,
    async stop() {
      sockets.forEach((socket) => socket.destroy());
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  return core;
}

/** A line out, a line back, over a connection of its own. It says itself whether a write had been sent. */
function createLineAdapter(port: number): Backend {
  return {
    handle: (request, { signal }) =>
      new Promise((resolve, reject) => {
        let sent = false;
        const socket = createConnection({ port, host: '127.0.0.1' });
        const fail = (code: 'timeout' | 'unavailable' | 'legacy-malformed' | 'duplicate') => {
          socket.destroy();
          const unanswered = code !== 'legacy-malformed' && code !== 'duplicate';
          const known = sent && isWrite(request) && unanswered ? 'outcome-unknown' : code;
          reject(new FicusError(known, 'the line core failed'));
        };
        signal.addEventListener('abort', () => fail('timeout'), { once: true });
        socket.on('error', () => fail('unavailable'));
        socket.on('close', () => fail('unavailable'));
        socket.on('connect', () => {
          sent = true;
          socket.write(`${request.interaction} ${request.id ?? 'new'}\n`);
        });
        socket.on('data', (data) => {
          const [word] = data.toString().split(' ');
          if (word === 'OK') resolve(answer(patient(request.id ?? 'new'), isWrite(request) ? 201 : 200));
          else fail(word === 'NO' ? 'duplicate' : 'legacy-malformed');
          socket.destroy();
        });
      }),
  };
}

const clock = systemClock;
let stores: Stores;
let breakers: Breaker[];
let core: Core;
let other: Core;
let chain: Backend;
let otherChain: Backend;

/** The legacy side of docs/architecture.md, around an adapter that speaks to a real socket. */
function chained(name: string, adapter: Backend, ms: number): Backend {
  const breaker = createBreaker({
    name,
    errorPercent: 50,
    volume: 10,
    windowMs: 10_000,
    resetMs: 60_000,
    clock,
    log: createTestLogger(),
  });
  breakers.push(breaker);
  const bulkhead = createBulkhead({ limit: 4, queue: 8 });
  const guarded = breaker.layer(bulkhead.layer(deadline({ ms, graceMs: 50, clock })(adapter)));
  const store = stores.idempotency;
  return idempotency({ store, clock })(
    conditional({ store, clock })(
      singleFlight()(retry({ attempts: 1, clock })(versioned()(cannotBeAsked()(guarded)))),
    ),
  );
}

beforeEach(async () => {
  stores = openSqliteStores(':memory:');
  breakers = [];
  [core, other] = [await startCore(), await startCore()];
  chain = chained('core', createLineAdapter(core.port), 400);
  otherChain = chained('other', createLineAdapter(other.port), 8_000);
});
afterEach(async () => {
  breakers.forEach((breaker) => breaker.shutdown());
  await Promise.all([core.stop(), other.stop()]);
  stores.close();
});

const context = () => createContext(clock, { within: 10_000 });
let reads = 0;
const ask = (backend: Backend, request = read(`${++reads}`)) => outcome(backend.handle(request, context()));

describe('a core', () => {
  it('that is well answers', async () => {
    expect([await ask(chain), await ask(chain, create())]).toEqual(['answered', 'answered']);
  });

  it.each([
    ['hung', MOODS.hung, 'timeout', 'outcome-unknown'],
    ['talking garbage', MOODS.garbage, 'legacy-malformed', 'legacy-malformed'],
    ['closing its connections', MOODS.closing, 'unavailable', 'outcome-unknown'],
    ['refusing', MOODS.refusing, 'duplicate', 'duplicate'],
  ] as const)(
    'that is %s gives the right error to a read and to a write',
    async (_words, mood, onRead, onWrite) => {
      core.mood = mood;
      expect([await ask(chain), await ask(chain, create())]).toEqual([onRead, onWrite]);
      core.mood = MOODS.well;
      expect(await ask(chain)).toBe('answered');
    },
  );

  it('that is stopped is unavailable, for reads and writes alike, and nothing is unknown', async () => {
    await core.stop();
    const keyed = create({ idempotencyKey: 'k' });
    expect([await ask(chain), await ask(chain, keyed), await ask(chain, keyed)]).toEqual([
      'unavailable',
      'unavailable',
      'unavailable',
    ]);
  });

  it('that loses an acknowledgement gets the write once, however often it is repeated', async () => {
    core.mood = MOODS.hung;
    const keyed = create({ idempotencyKey: 'k' });
    const endings = await Promise.all(Array.from({ length: 8 }, () => ask(chain, keyed)));
    expect(new Set(endings)).toEqual(new Set(['outcome-unknown']));
    core.mood = MOODS.well;
    expect(await ask(chain, keyed)).toBe('outcome-unknown');
    expect(core.received).toEqual(['create new']);
  });

  it('that hangs is left alone after a while, holds nothing for ever, and harms no other', async () => {
    core.mood = MOODS.hung;
    const flood = Array.from({ length: 40 }, () => ask(chain));
    const beside = await Promise.all(Array.from({ length: 8 }, () => ask(otherChain)));
    expect(new Set(beside)).toEqual(new Set(['answered']));
    const endings = await Promise.all(flood);
    expect(new Set(endings)).toEqual(new Set(['timeout', 'unavailable']));
    expect(core.received.length).toBeLessThanOrEqual(4 + 8 + 12);
    while (breakers[0]?.state !== 'open') await ask(chain);
    const before = core.received.length;
    expect(await ask(chain)).toBe('unavailable');
    expect(core.received.length).toBe(before);
    expect(breakers[1]?.state).toBe('closed');
    expect(await ask(otherChain)).toBe('answered');
  });
});
