import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import type { ModernBackend } from '../../adapters/modern/backend.ts';
import { systemClock } from '../../src/clock.ts';
import type { Backend } from '../../src/ports.ts';
import { createBulkhead } from '../../src/resilience/bulkhead.ts';
import type { Bulkhead } from '../../src/resilience/bulkhead.ts';
import { deadline } from '../../src/resilience/deadline.ts';
import { createExperiment } from '../../src/strangler/experiment/experiment.ts';
import type { RunningExperiment } from '../../src/strangler/experiment/experiment.ts';
import { answer, createTestLogger, read } from '../unit/resilience/support.ts';
import {
  KEY,
  compareMembers,
  createEvidence,
  parseNothing,
  person,
  route,
} from '../unit/strangler/experiment/support.ts';
import type { Evidence } from '../unit/strangler/experiment/support.ts'; // prettier-ignore

/** A modern service over HTTP whose behaviour a test sets, behind the Layers that bound every backend. */
interface Scene {
  readonly experiment: RunningExperiment;
  readonly evidence: Evidence;
  readonly modern: ModernBackend;
  readonly bulkhead: Bulkhead;
  readonly asked: IncomingMessage[];
  /** Tells the experiment of so many answers of legacy, at once. */
  readonly tell: (count: number) => void;
  readonly close: () => Promise<void>;
}

const FHIR = { 'content-type': 'application/fhir+json' };
const MEGABYTE = 1024 * 1024;
const LIMITS = {
  share: 1,
  concurrency: 2,
  perSecond: 1_000,
  deadlineMs: 1_500,
  maxBytes: MEGABYTE,
  rereadMs: 50,
  rereadsPerSecond: 1_000,
};

type Behave = (request: IncomingMessage, response: ServerResponse) => void;
let behave: Behave;
let scene: Scene;

const right: Behave = (_request, response) => {
  response.writeHead(200, FHIR).end(JSON.stringify(person()));
};

async function startScene(limits: Partial<typeof LIMITS> = {}): Promise<Scene> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    behave(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const modern = createModernBackend({
    name: 'new',
    url: `http://127.0.0.1:${port}/fhir`,
    publicBase: () => 'http://ficus.example/fhir/r4',
    endpoints: ['Patient.read'],
  });
  const bulkhead = createBulkhead({ limit: 8, queue: 0 });
  const layered = bulkhead.layer(deadline({ ms: 60_000, clock: systemClock })(modern));
  const legacy: Backend = { handle: async () => answer(person()) };
  const evidence = createEvidence();
  const experiment = createExperiment({
    backends: new Map([
      ['core', legacy],
      ['new', layered],
    ]),
    limits: { ...LIMITS, ...limits },
    evidence,
    compare: compareMembers,
    rules: { forEndpoint: () => [] },
    parse: parseNothing,
    key: KEY,
    clock: systemClock,
    log: createTestLogger(),
  });
  return {
    experiment,
    evidence,
    modern,
    bulkhead,
    asked,
    tell(count) {
      for (let nth = 0; nth < count; nth++) {
        experiment.answered({
          route: route(),
          request: read('p1'),
          principal: { key: 'anonymous' },
          requestId: `r${nth}`,
          side: 'legacy',
          outcome: { response: answer(person()) },
          shape: 'read',
        });
      }
    },
    async close() {
      await experiment.stop();
      await modern.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

beforeEach(async () => {
  behave = right;
  scene = await startScene();
});
afterEach(() => scene.close());

const whys = () =>
  scene.evidence.comparisons.map(({ verdict, why }) => (why === undefined ? verdict : `${verdict}: ${why}`));

/** Each answer that was told of has come to exactly one end, and nothing is held any more. */
async function allAccountedFor(count: number): Promise<void> {
  await scene.experiment.idle();
  expect(scene.evidence.comparisons.length + scene.evidence.skips.length).toBe(count);
  expect(scene.experiment.running).toBe(0);
  await expect.poll(() => scene.bulkhead.inFlight).toBe(0);
}

describe('a shadow of a modern service over HTTP', () => {
  it('matches when the service says the same', async () => {
    scene.tell(2);
    await allAccountedFor(2);
    expect(whys()).toEqual(['match', 'match']);
    expect(scene.asked[0]?.headers).toMatchObject({
      'x-request-id': expect.stringMatching(/^r0\./) as string,
    });
  });

  it('does nothing in the turn in which the client was answered', () => {
    scene.tell(50);
    expect(scene.asked).toEqual([]);
    expect(scene.evidence.comparisons).toEqual([]);
    expect(scene.evidence.skips).toEqual(Array.from({ length: 48 }, () => 'concurrency'));
  });

  it.each<[string, Behave, string]>([
    ['hangs', () => {}, 'not-comparable: modern-failed'],
    ['sends a head and then nothing', (_, response) => response.writeHead(200, FHIR).flushHeaders(), 'not-comparable: modern-failed'],
    ['breaks the connection', ({ socket }) => socket.destroy(), 'not-comparable: modern-failed'],
    ['breaks off within the body', halfAnAnswer, 'not-comparable: modern-failed'],
    ['drips its body', drip, 'not-comparable: modern-failed'],
    ['answers HTML', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), 'not-comparable: modern-failed'],
    ['says JSON and sends garbage', (_, response) => response.writeHead(200, FHIR).end('}{'), 'not-comparable: modern-failed'],
    ['fails in FHIR', (_, response) => response.writeHead(500, FHIR).end('{"resourceType":"OperationOutcome"}'), 'not-comparable: modern-failed'],
    ['fails without a word', (_, response) => response.writeHead(503).end(), 'not-comparable: modern-failed'],
    ['redirects', (_, response) => response.writeHead(302, { location: 'http://elsewhere/' }).end(), 'not-comparable: modern-failed'],
    ['has no such record', (_, response) => response.writeHead(404).end(), 'different'],
    ['answers another record', (_, response) => response.writeHead(200, FHIR).end(JSON.stringify(person({ id: 'p2' }))), 'different'],
    ['answers nested too deep', (_, response) => response.writeHead(200, FHIR).end('[['.repeat(10_000)), 'not-comparable: modern-failed'],
  ])('comes to an end when the service %s', async (_name, how, verdict) => {
    behave = how;
    scene.tell(2);
    await allAccountedFor(2);
    expect(whys()).toEqual([verdict, verdict]);
    const failed = verdict !== 'different';
    expect(scene.evidence.calls.filter(({ side }) => side === 'modern').every(({ ok }) => ok !== failed)).toBe(true);
    // And then it goes on as if nothing had been.
    behave = right;
    scene.tell(1);
    await allAccountedFor(3);
    expect(whys().at(-1)).toBe('match');
  }); // prettier-ignore

  it.each<[string, Behave, number]>([
    // What two connections hold on both sides may be on its way, and no more.
    ['of 50 MB', pour(), 50 * MEGABYTE],
    // Compressed, all of it may be on its way before the first byte is read.
    ['of 50 MB that is small on the wire', pour('gzip'), 2 * 50 * MEGABYTE],
  ])('breaks off an answer %s at once', async (_name, how, most) => {
    behave = how;
    poured = 0;
    scene.tell(2);
    await allAccountedFor(2);
    expect(scene.evidence.skips).toEqual(['too-large', 'too-large']);
    expect(poured).toBeLessThanOrEqual(most);
    // The connections are closed.
    await expect.poll(() => open.size).toBe(0);
  });

  it('cannot be made to ask more than its budget, and counts every answer that it leaves out', async () => {
    let inFlight = 0;
    let most = 0;
    behave = (request, response) => {
      most = Math.max(most, (inFlight += 1));
      setTimeout(() => {
        inFlight -= 1;
        right(request, response);
      }, 100);
    };
    scene.tell(500);
    await allAccountedFor(500);
    expect([scene.asked.length, most]).toEqual([2, 2]);
    expect(scene.evidence.skips).toHaveLength(498);
  });

  it('keeps to its rate over all that is asked, second reads included', async () => {
    await scene.close();
    // None is given up on a slow machine: enough of them are read to the end.
    scene = await startScene({ perSecond: 10, concurrency: 8, deadlineMs: 60_000 });
    behave = (_, response) => response.writeHead(200, FHIR).end(JSON.stringify(person({ id: 'p2' })));
    const begun = systemClock.now();
    for (let nth = 0; nth < 40; nth++) {
      scene.tell(5);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await allAccountedFor(200);
    const seconds = (systemClock.now() - begun) / 1_000;
    expect(scene.asked.length).toBeLessThanOrEqual(10 + 10 * seconds + 1);
    expect(
      scene.evidence.comparisons.filter(({ verdict }) => verdict === 'different').length,
    ).toBeGreaterThan(4);
  });

  it('is stopped while the service hangs, and everything is counted', async () => {
    behave = () => {};
    await scene.close();
    scene = await startScene({ deadlineMs: 60_000 });
    scene.tell(3);
    await expect.poll(() => scene.asked.length).toBe(2);
    await scene.experiment.stop();
    expect(scene.evidence.skips.toSorted()).toEqual(['concurrency', 'stopping', 'stopping']);
    await expect.poll(() => scene.bulkhead.inFlight).toBe(0);
  });
});

function halfAnAnswer({ socket }: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { ...FHIR, 'content-length': '1000' });
  response.write('{"resourceType":', () => socket.destroy());
}

function drip(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, FHIR);
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
}

let poured = 0;
const open = new Set<ServerResponse>();

/** Writes 50 MB, as fast as they are taken. */
function pour(encoding?: 'gzip'): Behave {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  return (_request, response) => {
    open.add(response);
    response.on('close', () => open.delete(response));
    response.writeHead(200, { ...FHIR, ...(encoding ? { 'content-encoding': encoding } : {}) });
    const body = encoding ? createGzip() : response;
    if (body !== response) body.pipe(response);
    let left = (50 * MEGABYTE) / chunk.length;
    const go = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        poured += chunk.length;
        if (!body.write(chunk)) {
          body.once('drain', go);
          return;
        }
      }
      body.end();
    };
    go();
  };
}
