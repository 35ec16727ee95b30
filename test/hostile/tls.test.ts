import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createModernBackend } from '../../adapters/modern/backend.ts';
import { systemClock } from '../../src/clock.ts';
import { createCertificates } from '../../src/compose/certificates.ts';
import { clientTls } from '../../src/compose/client-tls.ts';
import { createAuthority, hasOpenssl } from '../integration/certificates.ts';
import type { Authority, Identity } from '../integration/certificates.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

const available = hasOpenssl();
const WITHIN = { timeout: 10_000, interval: 50 };

describe.skipIf(!available)(
  `TLS of a whole Ficus${available ? '' : ' (SKIPPED: openssl is not installed)'}`,
  () => {
    let folder: string;
    let authority: Authority;
    const undo: (() => Promise<void> | void)[] = [];
    const at = (name: string): string => join(folder, name);
    const put = (identity: Identity, name = 'ours'): void => {
      writeFileSync(at(`${name}.crt`), identity.cert);
      writeFileSync(at(`${name}.key`), identity.key);
    };

    /** Clients of the FHIR API may show certificates, those of the admin API must. */
    let hospital: Hospital;
    let known: { readonly cert: string; readonly key: string };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ficus-tls-'));
      authority = createAuthority();
      const app = authority.issue('/CN=app');
      known = { cert: app.cert, key: app.key };
      hospital = await start();
    });
    afterEach(async () => {
      for (const step of undo.splice(0)) await step();
    });
    afterAll(async () => {
      await hospital.close();
      authority.remove();
      rmSync(folder, { recursive: true });
    });

    async function start(): Promise<Hospital> {
      put(authority.issue('/CN=first'), 'shared');
      writeFileSync(at('clients.crt'), authority.ca);
      const tls = (certificate: 'required' | 'optional') => ({
        certificate: at('shared.crt'),
        key: { file: at('shared.key') },
        minVersion: '1.2' as const,
        clients: { ca: at('clients.crt'), certificate },
      });
      return startHospital(({ config, ...loaded }) => ({
        ...loaded,
        config: {
          ...config,
          listen: { ...config.listen, tls: tls('optional') },
          admin: { ...config.admin, tls: tls('required') },
        },
      }));
    }

    /** One request on a connection of its own, its status, headers and the subject of who answered; else the code of the failure. */
    function ask(url: string, options: RequestOptions = {}) {
      return new Promise<{
        status: number;
        headers: NodeJS.Dict<string | string[]>;
        by: string;
        body: string;
      }>((resolve, reject) => {
        const asking = request(url, { ca: authority.ca, agent: false, ...options }, (res) => {
          const by = (res.socket as TLSSocket).getPeerCertificate().subject.CN;
          let body = '';
          res.setEncoding('utf8').on('data', (text: string) => (body += text));
          res.on('end', () =>
            resolve({ status: res.statusCode ?? 0, headers: res.headers, by: String(by), body }),
          );
        });
        asking.on('error', reject).end();
      });
    }
    const portOf = (url: string): number => Number(new URL(url).port);

    it('answers over HTTPS alone, by TLS 1.2 at least, and says that it stays so', async () => {
      const { base, ficus } = hospital;
      expect(base).toMatch(/^https:/);
      const answer = await ask(`${base}/metadata`);
      expect(answer).toMatchObject({ status: 200, by: 'first' });
      expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
      expect((await ask(`${ficus.adminBase}/healthz`, known)).status).toBe(200);
      await expect(
        ask(`${base}/metadata`, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }),
      ).rejects.toThrow();
      await expect(
        ask(`${base}/metadata`, { ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' }),
      ).rejects.toThrow();
      await expect(ask(`${base}/metadata`, { servername: 'other.example', headers: { host: 'other.example' } })).rejects.toThrow(); // prettier-ignore
      const plain = connectPlain(portOf(base), '127.0.0.1');
      plain.end('GET /fhir/r4/metadata HTTP/1.1\r\nHost: x\r\n\r\n');
      const bytes: Buffer[] = [];
      plain.on('data', (chunk: Buffer) => bytes.push(chunk));
      plain.on('error', () => {});
      await once(plain, 'close');
      expect(Buffer.concat(bytes).toString('latin1')).not.toContain('HTTP/');
      expect((await ask(`${base}/metadata`)).status).toBe(200);
    });

    it('takes a new certificate without a restart, keeps the former when the new one is broken, and says so', async () => {
      const { base, ficus, log } = hospital;
      const problems = async () => (await ask(`${ficus.adminBase}/readyz`, known)).body;
      put(authority.issue('/CN=second'), 'shared');
      await vi.waitFor(async () => expect((await ask(`${base}/metadata`)).by).toBe('second'), WITHIN);
      expect((await ask(`${ficus.adminBase}/healthz`, known)).by).toBe('second');
      writeFileSync(at('shared.crt'), authority.issue('/CN=third').cert);
      await vi.waitFor(async () => expect(await problems()).toContain('former certificate stays'), WITHIN);
      expect((await ask(`${base}/metadata`)).by).toBe('second');
      put(authority.issue('/CN=ended', { days: -1 }), 'shared');
      await vi.waitFor(async () => expect(await problems()).toContain('has expired'), WITHIN);
      expect((await ask(`${base}/metadata`)).by).toBe('second');
      expect(log().filter(({ level }) => level === 'error')).toContainEqual(
        expect.objectContaining({ section: 'listen.tls', reason: 'the certificate has expired' }),
      );
      expect(await problems()).not.toContain(folder);
      put(authority.issue('/CN=fourth', { days: 90 }), 'shared');
      await vi.waitFor(async () => expect((await ask(`${base}/metadata`)).by).toBe('fourth'), WITHIN);
      expect(await problems()).not.toContain('certificate');
    });

    it('lets in who shows no certificate where none is needed, and not who shows a wrong one', async () => {
      const { base } = hospital;
      expect((await ask(`${base}/metadata`)).status).toBe(200);
      const strange = createAuthority();
      undo.push(() => strange.remove());
      const stranger = strange.issue('/CN=app');
      await expect(ask(`${base}/metadata`, { cert: stranger.cert, key: stranger.key })).rejects.toThrow();
    });

    it('does not start with a key that is not the certificate’s', () => {
      put({ ...authority.issue('/CN=one'), key: authority.issue('/CN=other').key });
      const secret = (): string => readFileSync(at('ours.key'), 'utf8');
      const certificates = createCertificates({ baseDir: folder, clock: systemClock, secret });
      const files = { certificate: at('ours.crt'), key: { file: at('ours.key') } };
      expect(() => certificates.use('listen.tls', files)).toThrow('listen.tls');
    });

    it('shows a service a new client certificate from the next connection on', async () => {
      writeFileSync(at('ca.crt'), authority.ca);
      const service = authority.issue('/CN=service');
      const callers: string[] = [];
      const open = new Set<Duplex>();
      const server = createServer(
        { cert: service.cert, key: service.key, ca: authority.ca, requestCert: true },
        (req, res) => {
          callers.push(String((req.socket as TLSSocket).getPeerCertificate().subject.CN));
          res.writeHead(200, { 'content-type': 'application/fhir+json', connection: 'close' });
          res.end('{"resourceType":"Patient","id":"p"}');
        },
      ).listen(0, '127.0.0.1');
      server.on('connection', (socket) => open.add(socket));
      await once(server, 'listening');
      const keys = new Map<string, string>();
      const certificates = createCertificates({
        baseDir: folder,
        clock: systemClock,
        secret: (source) => keys.get('file' in source ? source.file : source.env) ?? '',
      });
      const use = (identity: Identity): void => {
        keys.set(at('ours.key'), identity.key);
        put(identity);
      };
      use(authority.issue('/CN=before'));
      const tls = clientTls(
        'backends.new.tls',
        { ca: at('ca.crt'), certificate: at('ours.crt'), key: { file: at('ours.key') } },
        certificates,
      );
      const renewals: string[] = [];
      const log = {
        debug() {},
        info: (text: string) => void renewals.push(text),
        warn() {},
        error() {},
        child: () => log,
      };
      certificates.watch(log);
      const backend = createModernBackend({
        name: 'new',
        url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        publicBase: () => 'http://localhost/fhir/r4',
        endpoints: ['Patient.read'],
        tls,
      });
      undo.push(async () => {
        await backend.close();
        certificates.close();
        server.close();
        for (const socket of open) socket.destroy();
      });
      const read = async (): Promise<void> => {
        const answer = await backend.handle(
          { interaction: 'read', type: 'Patient', id: 'p', handling: 'lenient' },
          {
            requestId: 'r',
            traceparent: '',
            principal: { key: 'a' },
            signal: new AbortController().signal,
            deadline: systemClock.now() + 5_000,
            log,
            timing: () => {},
          },
        );
        if (answer.body.kind === 'pipe') answer.body.discard();
      };
      await read();
      use(authority.issue('/CN=after'));
      await vi.waitFor(() => expect(renewals).toHaveLength(1), WITHIN);
      await read();
      expect(callers).toEqual(['before', 'after']);
    });

    it('lets nobody in whose certificate its authorities do not vouch for, nor whose they no longer do', async () => {
      const url = `${hospital.ficus.adminBase}/healthz`;
      expect((await ask(url, known)).status).toBe(200);
      await expect(ask(url)).rejects.toThrow();
      const strange = createAuthority();
      undo.push(() => strange.remove());
      const stranger = strange.issue('/CN=app');
      await expect(ask(url, { cert: stranger.cert, key: stranger.key })).rejects.toThrow();
      const ended = authority.issue('/CN=app', { days: -1 });
      await expect(ask(url, { cert: ended.cert, key: ended.key })).rejects.toThrow();

      // A connection that was let in, and a session of it that could be taken up again.
      const kept = connectTls({ port: portOf(url), host: '127.0.0.1', ca: authority.ca, servername: 'localhost', ...known }); // prettier-ignore
      let session: Buffer | undefined;
      kept.on('session', (one: Buffer) => (session = one));
      kept.on('error', () => {});
      kept.resume();
      kept.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await vi.waitFor(() => expect(session).toBeDefined(), WITHIN);
      const gone = once(kept, 'close');
      writeFileSync(at('clients.crt'), strange.ca);
      await gone;
      await expect(ask(url, { ...known, ...(session ? { session } : {}) })).rejects.toThrow();
      expect((await ask(url, { cert: stranger.cert, key: stranger.key })).status).toBe(200);
    });
  },
);
