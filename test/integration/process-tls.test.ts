import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { demoConfig, ensureSecrets } from '../../src/cli/demo-config.ts';
import { HOME } from '../../src/compose.ts';
import type { Config } from '../../src/config/schema.ts';
import { createAuthority, hasOpenssl } from './certificates.ts';
import type { Authority, Identity } from './certificates.ts';
import { connectSender } from './feed-interface.ts';
import { unusedPort } from './mllp-core.ts';

const available = hasOpenssl();
const WITHIN = { timeout: 60_000, interval: 200 };
const PLACES = ['https', 'feed', 'core', 'clinical'] as const;
type Place = (typeof PLACES)[number];

/** A way to the sandbox by TLS, for which both sides show a certificate. */
interface Gate {
  readonly port: number;
  /** Common names of those who came, each as often as it did. */
  readonly callers: string[];
  /** Shows another certificate from now on, and ends what is open. */
  renew(identity: Identity): void;
  drop(): void;
  close(): void;
}

async function startGate(identity: Identity, ca: string, to: number): Promise<Gate> {
  const callers: string[] = [];
  const open = new Set<TLSSocket>();
  const asked = { ca, requestCert: true, rejectUnauthorized: true };
  const server: Server = createServer({ cert: identity.cert, key: identity.key, ...asked }, (socket) => {
    callers.push(String(socket.getPeerCertificate().subject.CN));
    open.add(socket);
    const onward = connect(to, '127.0.0.1');
    for (const end of [socket, onward]) {
      end.on('error', () => {});
      end.on('close', () => {
        open.delete(socket);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => {});
  await once(server, 'listening');
  const drop = (): void => open.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    callers,
    renew(next) {
      server.setSecureContext({ cert: next.cert, key: next.key, ca });
      drop();
    },
    drop,
    close() {
      drop();
      server.close();
    },
  };
}

/** Certificates of a `ficus serve` that runs on: replaced on disk at every place where it shows or checks one. */
describe.skipIf(!available)(
  `TLS of a Ficus that runs on${available ? '' : ' (SKIPPED: openssl is not installed)'}`,
  () => {
    let folder: string;
    let sandbox: Sandbox;
    let child: ChildProcess;
    let log = '';
    /** Vouches for everybody at first; `other` for whoever comes later. */
    let authority: Authority;
    let other: Authority;
    let app: Identity;
    let lab: Identity;
    const gates = new Map<Place, Gate>();
    let ports: { readonly fhir: number; readonly admin: number; readonly feed: number };
    const messages = feedOf(createDay({ patients: 3, seed: 5 }), {}, 5).map(({ bytes }) => bytes);

    const at = (place: Place, ending: 'crt' | 'key' | 'ca'): string => join(folder, `${place}.${ending}`);
    const put = (place: Place, { cert, key }: Identity): void => {
      writeFileSync(at(place, 'crt'), cert);
      writeFileSync(at(place, 'key'), key);
    };
    const trust = (place: Place, { ca }: Authority): void => writeFileSync(at(place, 'ca'), ca);
    const gate = (place: Place): Gate => gates.get(place)!;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ficus-process-tls-'));
      authority = createAuthority();
      other = createAuthority();
      app = authority.issue('/CN=app');
      lab = authority.issue('/CN=lab');
      for (const place of PLACES) {
        put(place, authority.issue(`/CN=${place}-before`));
        trust(place, authority);
      }
      const state = join(folder, 'state');
      const security = { user: 'ficus', password: ensureSecrets(state) };
      sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0, security });
      const behind = { core: sandbox.addresses.mllp, clinical: sandbox.addresses.soap } as const;
      for (const place of ['core', 'clinical'] as const) {
        const to = Number(new URL(behind[place]).port);
        gates.set(place, await startGate(authority.issue(`/CN=${place}`), authority.ca, to));
      }
      ports = { fhir: await unusedPort(), admin: await unusedPort(), feed: await unusedPort() };
      await start(join(folder, 'ficus.yaml'), configure(state));
    });
    afterAll(async () => {
      if (child?.exitCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGTERM');
        await gone;
      }
      for (const one of gates.values()) one.close();
      await sandbox?.close();
      authority.remove();
      other.remove();
      rmSync(folder, { recursive: true });
    });

    function configure(state: string): Config {
      const { config } = demoConfig(sandbox.addresses, state, ports);
      const { core, clinical } = config.backends;
      const hospix = config.feed?.interfaces['hospix'];
      if (core?.kind !== 'hl7v2' || clinical?.kind !== 'soap' || !config.feed || !hospix)
        throw new Error('The demo has other backends.');
      const pair = (place: Place) => ({ certificate: at(place, 'crt'), key: { file: at(place, 'key') } });
      const client = (place: Place) => ({ ...pair(place), ca: at(place, 'ca') });
      const serviceUrl = new URL(clinical.url);
      serviceUrl.protocol = 'https:';
      serviceUrl.port = String(gate('clinical').port);
      const clients = { ca: at('https', 'ca'), certificate: 'required' as const };
      const senders = { ca: at('feed', 'ca'), subjects: [], fingerprints: [] };
      return {
        ...config,
        log: { ...config.log, level: 'info' },
        listen: { ...config.listen, tls: { ...pair('https'), clients, minVersion: '1.2' } },
        backends: {
          ...config.backends,
          core: { ...core, port: gate('core').port, connections: 1, tls: client('core') },
          clinical: { ...clinical, url: serviceUrl.href, tls: client('clinical') },
        },
        feed: {
          ...config.feed,
          interfaces: { hospix: { ...hospix, tls: { ...pair('feed'), ...senders } } },
        },
      };
    }

    /** `ficus serve`, until it says that it is ready. */
    async function start(file: string, config: Config): Promise<void> {
      // YAML holds JSON.
      writeFileSync(file, JSON.stringify(config));
      child = spawn(process.execPath, [join(HOME, 'bin/ficus.js'), 'serve', '--config', file], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await new Promise<void>((resolve, reject) => {
        for (const stream of [child.stdout, child.stderr])
          stream?.on('data', (chunk) => {
            log += String(chunk);
            if (log.includes('Ficus is ready')) resolve();
          });
        child.once('exit', () => reject(new Error(`Ficus ended: ${log}`)));
      });
    }

    /** Replaces files, and waits until Ficus has taken them up: in the log, for each of its sections. */
    async function renewed(section: string, replace: () => void): Promise<void> {
      const count = (): number =>
        log.split('\n').filter((line) => line.includes('renewed') && line.includes(`"${section}"`)).length;
      const before = count();
      replace();
      await expect.poll(count, WITHIN).toBeGreaterThan(before);
    }

    interface Said {
      readonly status: number;
      /** Common name of the certificate that was shown. */
      readonly by: string;
      readonly body: string;
    }

    /** One request on a connection of its own. */
    function ask(path: string, shown: Identity | 'none' = app, trusted = authority): Promise<Said> {
      return new Promise((resolve, reject) => {
        const identity = shown === 'none' ? {} : { cert: shown.cert, key: shown.key };
        const url = `https://localhost:${ports.fhir}/fhir/r4${path}`;
        const asking = request(url, { ca: trusted.ca, agent: false, ...identity }, (res) => {
          const by = String((res.socket as TLSSocket).getPeerCertificate().subject.CN);
          let body = '';
          res.setEncoding('utf8').on('data', (text: string) => (body += text));
          res.on('end', () => resolve({ status: res.statusCode ?? 0, by, body }));
        });
        asking.on('error', reject).end();
      });
    }

    const PATIENT = `/Patient?identifier=${encodeURIComponent('urn:oid:2.999.1.1|100001')}`;
    const idOf = ({ body }: Said): string =>
      (JSON.parse(body) as { entry: { resource: { id: string } }[] }).entry[0]!.resource.id;
    let patient: string;

    it('is asked over HTTPS by whoever shows a certificate, and reaches both sides of the core with its own', async () => {
      const found = await ask(PATIENT);
      expect(found).toMatchObject({ status: 200, by: 'https-before' });
      patient = idOf(found);
      expect((await ask(`/AllergyIntolerance?patient=${patient}`)).status).toBe(200);
      expect(new Set(gate('core').callers)).toEqual(new Set(['core-before']));
      expect(new Set(gate('clinical').callers)).toEqual(new Set(['clinical-before']));
      await expect(ask('/metadata', 'none')).rejects.toThrow();
      await expect(ask('/metadata', other.issue('/CN=app'))).rejects.toThrow();
    });

    it.each([
      ['core', () => PATIENT],
      ['clinical', () => `/AllergyIntolerance?patient=${patient}`],
    ] as const)(
      'shows the %s another client certificate, and trusts another authority',
      async (place, path) => {
        const to = gate(place);
        const { callers } = to;
        const section = `backends.${place}.tls`;
        await renewed(section, () => put(place, authority.issue(`/CN=${place}-after`)));
        expect((await ask(path())).status).toBe(200);
        to.drop();
        await expect.poll(async () => (await ask(path())).status, WITHIN).toBe(200);
        expect(callers.at(-1)).toBe(`${place}-after`);

        // The core's certificate is renewed first, by an authority that nobody has heard of.
        to.renew(other.issue(`/CN=${place}`));
        const came = callers.length;
        const refused = await ask(path());
        expect(refused.status).toBe(503);
        expect(refused.body).toContain('OperationOutcome');
        expect(callers.length).toBe(came);
        await renewed(section, () => trust(place, other));
        await expect.poll(async () => (await ask(path())).status, WITHIN).toBe(200);
        expect(callers.at(-1)).toBe(`${place}-after`);
      },
    );

    it('shows senders of the feed another certificate, and lets others in than before', async () => {
      const reach = async (shown: Identity, trusted: Authority) => {
        const tls = { ca: trusted.ca, servername: 'localhost', cert: shown.cert, key: shown.key };
        const sender = await connectSender(ports.feed, tls);
        const by = String((sender.socket as TLSSocket).getPeerCertificate().subject?.CN);
        const next = messages.shift();
        sender.send(next ? next.toString('latin1') : '');
        await Promise.race([sender.answered(1), sender.closed()]);
        return { by, said: sender.answers[0]?.slice(0, 6) ?? 'closed', sender };
      };
      const before = await reach(lab, authority);
      expect(before).toMatchObject({ by: 'feed-before', said: 'MSA|AA' });
      await renewed('feed.interfaces.hospix.tls', () => put('feed', authority.issue('/CN=feed-after')));
      expect(await reach(lab, authority)).toMatchObject({ by: 'feed-after', said: 'MSA|AA' });
      await renewed('feed.interfaces.hospix.tls', () => trust('feed', other));
      await before.sender.closed();
      expect((await reach(lab, authority)).said).toBe('closed');
      expect(await reach(other.issue('/CN=lab'), authority)).toMatchObject({ said: 'MSA|AA' });
    });

    it('shows applications another certificate, and lets others in than before', async () => {
      await renewed('listen.tls', () => put('https', authority.issue('/CN=https-after')));
      expect(await ask('/metadata')).toMatchObject({ status: 200, by: 'https-after' });
      await renewed('listen.tls', () => trust('https', other));
      await expect(ask('/metadata')).rejects.toThrow();
      const next = other.issue('/CN=app');
      expect(await ask('/metadata', next)).toMatchObject({ status: 200, by: 'https-after' });
      await renewed('listen.tls', () => put('https', other.issue('/CN=https-other')));
      await expect(ask('/metadata', next)).rejects.toThrow();
      expect(await ask('/metadata', next, other)).toMatchObject({ status: 200, by: 'https-other' });
    });

    it('was never started again, and has said nothing of a key or a folder', () => {
      expect(child.exitCode).toBeNull();
      expect(log.match(/Ficus is ready/g)).toHaveLength(1);
      expect(log).not.toMatch(/PRIVATE KEY|BEGIN CERT/);
      const lines = log.split('\n').filter((line) => line.includes('ertificates'));
      expect(lines.length).toBeGreaterThan(7);
      expect(lines.join('\n')).not.toContain(folder);
    });
  },
);
