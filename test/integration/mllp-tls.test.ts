import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createAck } from '../../adapters/hl7v2/ack.ts';
import { createMllpListener } from '../../adapters/hl7v2/listener.ts';
import type { MllpListener } from '../../adapters/hl7v2/listener.ts';
import { parseMessage } from '../../adapters/hl7v2/parse.ts';
import { systemClock } from '../../src/clock.ts';
import { startCore } from './mllp-core.ts';
import { makePool, outcome, send } from './mllp-pool.ts';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A self-signed certificate: trusted by whoever is given it as `ca`. */
function selfSigned(folder: string, name: string): Identity {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const what = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const whom = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:core.test,IP:127.0.0.1'];
  execFileSync('openssl', [...what, ...whom, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

const available = hasOpenssl();

describe.skipIf(!available)(
  `MLLP over TLS${available ? '' : ' (skipped: no openssl to make certificates with)'}`,
  () => {
    let folder: string;
    let server: Identity;
    let client: Identity;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'ficus-tls-'));
      server = selfSigned(folder, 'server');
      client = selfSigned(folder, 'client');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    const listen = async (): Promise<number> => (await listening()).port;

    async function listening(): Promise<MllpListener> {
      const listener = await createMllpListener({
        handler: (payload) => createAck(parseMessage(payload), 'AA', { controlId: '1', now: 0 }).toBytes(),
        port: 0,
        clock: systemClock,
        tls: { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true },
      });
      onTestFinished(() => listener.close());
      return listener;
    }

    it('exchanges messages when both sides show a certificate that the other trusts', async () => {
      const pool = makePool(await listen(), { tls: { ...client, ca: server.cert }, connections: 2 });
      const all = await Promise.all(
        ['M1', 'M2', 'M3', 'M4'].map((id) => outcome(send(pool, id, { expects: 'write' }))),
      );
      expect(all).toEqual(['AA', 'AA', 'AA', 'AA']);
      expect(pool.stats.connects).toBe(2);
    });

    it('sends nothing to a core whose certificate is not trusted or is of another name', async () => {
      const port = await listen();
      const stranger = makePool(port, { tls: { ...client, ca: client.cert } });
      expect(await outcome(send(stranger, 'M1', { expects: 'write' }))).toBe('unavailable');
      const other = makePool(port, { tls: { ...client, ca: server.cert, servername: 'elsewhere.test' } });
      expect(await outcome(send(other, 'M1', { expects: 'write' }))).toBe('unavailable');
    });

    it('is not let in without a client certificate', async () => {
      const pool = makePool(await listen(), { tls: { ca: server.cert } });
      // TLS 1.3 refuses after the client thinks itself connected: the message may be on its way, and nothing says it was not taken.
      expect(['unavailable', 'outcome-unknown']).toContain(
        await outcome(send(pool, 'M1', { expects: 'write' })),
      );
    });

    it('goes on with renewed certificates: the connection that the former let in ends, the next shows the new one', async () => {
      const listener = await listening();
      let shown = client;
      const live = { ca: server.cert, get cert() { return shown.cert; }, get key() { return shown.key; } }; // prettier-ignore
      const pool = makePool(listener.port, { tls: live, connections: 1 });
      expect(await outcome(send(pool, 'M1', { expects: 'write' }))).toBe('AA');
      const next = selfSigned(folder, 'next');
      listener.renew({ ...server, ca: next.cert });
      await expect.poll(() => [pool.stats.open, listener.stats.connections]).toEqual([0, 0]);
      expect(await outcome(send(pool, 'M2', { expects: 'write' }))).not.toBe('AA');
      shown = next;
      await expect.poll(() => outcome(send(pool, 'M3', { expects: 'write' }))).toBe('AA');
    });

    it('gives up a core that never shakes hands, after the connect timeout', async () => {
      const core = await startCore(() => {});
      onTestFinished(() => core.close());
      const pool = makePool(core.port, { tls: { ca: server.cert }, connectTimeoutMs: 50 });
      expect(await outcome(send(pool, 'M1', { expects: 'write' }))).toBe('unavailable');
    });
  },
);
