import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import type { Config } from '../../src/config/schema.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** A request as the system behind the pass-through saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** A whole Ficus to attack, with a system behind `/portal` that is no FHIR. */
export interface Target extends Hospital {
  readonly port: number;
  readonly seen: Seen[];
  /** Sends bytes as they are; all that comes back until the connection closes, or has been silent for `silentMs`. */
  readonly raw: (bytes: string | Buffer, silentMs?: number) => Promise<Exchanged>;
  /** Answers a normal request, for the same patient as ever. */
  readonly serves: () => Promise<void>;
}

export interface Exchanged {
  readonly text: string;
  /** Of each answer, in their order. */
  readonly statuses: readonly number[];
  readonly closed: boolean;
}

export async function startTarget(adjust: (config: Config) => Config = (it) => it): Promise<Target> {
  const seen: Seen[] = [];
  const behind = createServer((req, res) => {
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers });
    req.resume();
    const location = req.headers['x-test-location'];
    if (typeof location === 'string') res.setHeader('location', location);
    req.on('end', () => res.end('the old portal\n'));
  });
  behind.listen(0, '127.0.0.1');
  await once(behind, 'listening');
  const origin = `http://127.0.0.1:${(behind.address() as AddressInfo).port}`;
  const hospital = await startHospital(({ config, ...loaded }) => ({
    ...loaded,
    config: adjust({ ...config, passthrough: [{ prefix: '/portal', target: origin, deadlineMs: 5_000 }] }),
  }));
  const port = Number(new URL(hospital.base).port);
  const patient = await hospital.patientId('100001');
  return {
    ...hospital,
    port,
    seen,
    raw: (bytes, silentMs = 10_000) => exchange(port, bytes, silentMs),
    serves: async () => {
      const ask = `GET /fhir/r4/Patient/${patient} HTTP/1.1\r\nHost: ficus.example\r\nConnection: close\r\n\r\n`;
      const { statuses, text } = await exchange(port, ask, 10_000);
      expect(statuses).toEqual([200]);
      expect(text).toContain(`"id":"${patient}"`);
    },
    close: async () => {
      await hospital.close();
      behind.closeAllConnections();
      behind.close();
    },
  };
}

function exchange(port: number, bytes: string | Buffer, silentMs: number): Promise<Exchanged> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const done = (closed: boolean): void => {
      const text = Buffer.concat(chunks).toString('latin1');
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      resolve({ text, statuses, closed });
      socket.destroy();
    };
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => done(true));
    socket.setTimeout(silentMs, () => done(false));
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  });
}

/** An answer to an attack says nothing of how Ficus is made, and nothing of a patient. */
export function leaksNothing(text: string): void {
  expect(text).not.toMatch(/node_modules|\.ts:\d|\bat [A-Za-z.<>]+ \(|\/(?:tmp|home|work|app)\//);
  expect(text).not.toMatch(/haller|100001/i);
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Bytes of live objects. */
export async function heapUsed(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
