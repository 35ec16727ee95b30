import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { onTestFinished } from 'vitest';
import { createHl7v2Source, type Hl7v2Source, type Hl7v2SourceOptions } from '../../adapters/hl7v2/source.ts';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';
import type { JournalEntry } from '../../sandbox/faults/journal.ts';
import { parseDial } from '../../sandbox/faults/dial.ts';
import { systemClock } from '../../src/clock.ts';
import { loadMappings } from '../../src/config/mappings.ts';
import type { Authority } from '../../src/mapping/run.ts';
import type { LogFields, Logger, RequestContext } from '../../src/ports.ts';

/** The authorities of the sandbox's core, and one of another backend. */
export const AUTHORITIES: readonly Authority[] = [
  { name: 'HOSP', namespaces: ['HOSP'], oid: '2.999.1.1', system: 'urn:oid:2.999.1.1' },
  { name: 'CLINIC', namespaces: ['CLINIC'], oid: '2.999.1.2', system: 'urn:oid:2.999.1.2' },
  { name: 'FICUS', namespaces: ['FICUS'], oid: '2.999.1.99', system: 'urn:oid:2.999.1.99' },
  { name: 'APPT', system: 'http://hospix.example/appointment-numbers' },
];

const MAPPINGS = loadMappings('mappings');

/** A log line as it was written. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** The sandbox's core, and a source that talks to it over a real socket. */
export interface Scene {
  readonly core: LegacyCore;
  readonly source: Hl7v2Source;
  /** Messages that went out, where the scene is tapped. */
  readonly sent: () => readonly string[];
  readonly lines: Line[];
  /** `backend kind outcome` of every exchange. */
  readonly exchanges: string[];
  /** A context of its own for each request. */
  readonly context: (ms?: number) => RequestContext & { readonly legs: string[] };
  /** Turns a fault on, as the control API does. */
  readonly dial: (input: Readonly<Record<string, unknown>>) => void;
  /** Operations that the core received, in order: `QBP^Q22`. */
  readonly received: (operation?: string) => readonly JournalEntry[];
}

/** A line between source and core that keeps what goes out. */
async function openTap(port: number, sent: string[]): Promise<Server> {
  const tap = createServer((inside) => {
    const outside = connect(port, '127.0.0.1');
    let text = '';
    inside.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const frames = text.split('\u001c\r');
      text = frames.pop()!;
      sent.push(...frames.map((frame) => frame.slice(frame.indexOf('MSH'))));
    });
    inside.pipe(outside).pipe(inside);
    for (const socket of [inside, outside]) {
      socket.on('error', () => {});
      socket.on('close', () => [inside, outside].forEach((other) => other.destroy()));
    }
  });
  await new Promise<void>((resolve) => void tap.listen(0, '127.0.0.1', resolve));
  return tap;
}

export type SceneOptions = Partial<Hl7v2SourceOptions> & {
  /** Keeps what goes out: see `sent`. */
  readonly tapped?: boolean;
};

/** Starts both; they are gone when the test is done: one that runs beside others says how it is told of its end. */
export async function openScene(
  options: SceneOptions = {},
  finished: typeof onTestFinished = onTestFinished,
): Promise<Scene> {
  const scene = await startScene(options);
  finished(() => scene.close());
  return scene;
}

/** Starts both, for a whole file. */
export async function startScene({ tapped = false, ...options }: SceneOptions = {}): Promise<
  Scene & { readonly close: () => Promise<void> }
> {
  const core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security: false });
  const sent: string[] = [];
  const tap = tapped ? await openTap(core.mllpPort, sent) : undefined;
  const lines: Line[] = [];
  const exchanges: string[] = [];
  const log = recordingLog(lines);
  const source = createHl7v2Source({
    name: 'core',
    host: '127.0.0.1',
    port: tap ? (tap.address() as AddressInfo).port : core.mllpPort,
    connections: 2,
    minIntervalMs: 0,
    charset: 'UNICODE UTF-8',
    version: '2.5',
    sender: { application: 'FICUS', facility: 'GATE' },
    receiver: { application: 'HOSPIX', facility: 'MAIN' },
    acknowledgement: 'original',
    processing: 'P',
    timeZone: 'Europe/Berlin',
    mappings: MAPPINGS,
    authorities: AUTHORITIES,
    readable: (type) => type === 'Patient',
    clock: systemClock,
    log,
    metrics: {
      exchange: (backend, kind, outcome) => exchanges.push(`${backend} ${kind} ${outcome}`),
      count: () => {},
    },
    ...options,
  });
  return {
    core,
    source,
    sent: () => sent,
    close: async () => {
      await source.close();
      tap?.close();
      await core.close();
    },
    lines,
    exchanges,
    context: (ms = 5_000) => {
      const legs: string[] = [];
      return {
        requestId: 'r1',
        traceparent: '',
        principal: { key: 'test' },
        signal: AbortSignal.timeout(ms),
        deadline: systemClock.now() + ms,
        log,
        timing: (name, _durationMs, description) => legs.push(`${name} ${description}`),
        legs,
      };
    },
    dial: (input) => core.switchboard.set(parseDial({ protocol: 'mllp', ...input })),
    received: (operation) => core.journal.list(operation === undefined ? {} : { operation }),
  };
}

function recordingLog(lines: Line[]): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  const log: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}
