import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportPKCS8, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { compose } from '../../src/compose.ts';
import type { Ficus } from '../../src/compose.ts';
import { createSecurity } from '../../src/compose/security.ts';
import type { Security, SecurityOptions } from '../../src/compose/security.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { securityConfig } from '../../src/config/security-schema.ts';
import { loadContract } from '../../src/contract/load.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { AuditEntry, Authenticator } from '../../src/security-ports.ts';
import { fedConfig, makeHome } from '../support/fed.ts';
import type { Home } from '../support/fed.ts';
import { INTROSPECTION, JWKS, PATIENT, makeKey, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { keepLines } from '../unit/http/fhir-server.ts';
import type { LogLine } from '../unit/http/fhir-server.ts';

let home: Home;
let issuer: TestIssuer;
let ficus: Ficus;
const CONTRACT = readFileSync(new URL('../../contracts/fhir-r4.yaml', import.meta.url), 'utf8');
const silent = createLogger({ level: 'silent' });

function guardedConfig(security: object): LoadedConfig {
  const loaded = fedConfig(home);
  return {
    ...loaded,
    config: { ...loaded.config, security: securityConfig.parse({ egress: PATIENT, ...security }) },
  };
}

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${ficus.publicBase}${path}`, { headers });
const checks = async () =>
  ((await (await fetch(`${ficus.adminBase}/readyz`)).json()) as { checks: object[] }).checks;

beforeAll(async () => {
  home = makeHome();
  writeFileSync(join(home.secrets, 'asker'), 'a secret of the test\n');
  issuer = await startIssuer({
    now: () => Date.now(),
    audience: () => ficus.publicBase,
    key: await makeKey('one'),
  });
  issuer.metadata = {
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    grant_types_supported: ['authorization_code', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'launch/patient'],
  };
  // Ficus starts without its issuer.
  await issuer.close();
  const introspection = { clientId: 'ficus', secret: { file: join(home.secrets, 'asker') } };
  ficus = await compose(guardedConfig({ issuers: [{ issuer: issuer.url, introspection }] }), { log: silent });
});

afterAll(async () => {
  await ficus.stop();
  await issuer.close();
  home.remove();
});

describe('Ficus with an issuer of tokens', () => {
  it('starts without it, says so, and answers tokens with 503 until it is there', async () => {
    await expect.poll(checks).toContainEqual({
      name: 'security',
      ok: true,
      detail: expect.stringMatching(new RegExp(`^${issuer.url}: .* cannot be reached`)) as unknown,
    });
    const authorization = `Bearer ${await issuer.token()}`;
    expect((await get('/Patient/p1', { authorization })).status).toBe(503);
    expect((await get('/.well-known/smart-configuration')).status).toBe(503);
    expect((await get('/Patient/p1')).status).toBe(401);
    await issuer.open();
    await expect.poll(async () => (await get('/.well-known/smart-configuration')).status).toBe(200);
  });

  it('wants a token for everything but /metadata and the way to one', async () => {
    expect((await get('/Patient?family=x')).status).toBe(401);
    expect((await fetch(ficus.publicBase, { method: 'POST', body: '{}' })).status).toBe(401);
    const token = await issuer.token({ scope: 'user/Patient.s' });
    issuer.active.set(token, {});
    const authorization = `Bearer ${token}`;
    await expect.poll(async () => (await get('/Patient?family=x', { authorization })).status).toBe(200);
    expect((await get('/Patient/p1', { authorization })).status).toBe(403);
    expect(issuer.asked.get(INTROSPECTION)).toBeGreaterThan(0);
    expect(await checks()).not.toContainEqual(expect.objectContaining({ name: 'security' }));
    const text = await (await fetch(`${ficus.adminBase}/metrics`)).text();
    expect(text).toMatch(/ficus_tokens_total\{outcome="missing"\} \d/);
    expect(text).toMatch(/ficus_tokens_total\{outcome="verified"\} 1/);
  });

  it('believes no header about who calls', async () => {
    const answer = await get('/Patient?family=x', { 'x-client-id': 'kiosk', 'x-facility': 'EAST' });
    expect(answer.status).toBe(401);
  });

  it('tells everyone where tokens are had', async () => {
    const answer = await get('/.well-known/smart-configuration', { origin: 'https://app.example' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({
      token_endpoint: `${issuer.url}/token`,
      capabilities: expect.arrayContaining(['launch-standalone', 'permission-v2']) as unknown,
      scopes_supported: expect.arrayContaining(['launch/patient', 'patient/*.rs']) as unknown,
    });
    const { origin } = new URL(ficus.publicBase);
    expect((await fetch(`${origin}/.well-known/smart-configuration`)).status).toBe(404);
    expect(
      (await fetch(`${ficus.publicBase}/.well-known/smart-configuration`, { method: 'POST' })).status,
    ).toBe(405);
    const metadata = (await (await get('/metadata')).json()) as { rest: [{ security: object }] };
    expect(metadata.rest[0].security).toMatchObject({
      service: [{ coding: [{ code: 'SMART-on-FHIR' }] }],
      extension: [
        { extension: expect.arrayContaining([{ url: 'token', valueUri: `${issuer.url}/token` }]) as unknown },
      ],
    });
  });
});

describe('a configuration of issuers', () => {
  const asker = (introspection: object): LoadedConfig =>
    guardedConfig({
      issuers: [{ issuer: issuer.url, introspection: { clientId: 'ficus', ...introspection } }],
    });

  it('without the secret that it names does not start', async () => {
    await expect(compose(asker({ secret: { env: 'NOWHERE' } }), { log: silent, env: {} })).rejects.toThrow(
      'security.issuers.0.introspection.secret: the environment variable NOWHERE is not set',
    );
  });

  /** What compose makes of the section, without the rest of Ficus. */
  function security(introspection: object | undefined, more: Partial<SecurityOptions> = {}): Security {
    const { config, baseDir } = introspection
      ? asker(introspection)
      : guardedConfig({ issuers: [{ issuer: issuer.url }] });
    if (config.security === 'open') throw new Error('it is guarded');
    return createSecurity({
      config: config.security,
      baseDir,
      publicBase: ficus.publicBase,
      sideHeader: 'x-side',
      contract: loadContract(CONTRACT),
      parseConstraint: () => {
        throw new Error('nobody searches');
      },
      secret: () => '',
      clock: systemClock,
      log: silent,
      metrics: createMetrics({ process: false }),
      ...more,
    });
  }

  it.each(['RS384', 'ES384'])('with a key that cannot sign %s does not start', async (algorithm) => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    for (const text of ['no key', await exportPKCS8(privateKey)])
      expect(() => security({ key: { file: 'a' }, algorithm }, { secret: () => text })).toThrow(
        `security.issuers.0.introspection.key: is no private key for ${algorithm}`,
      );
  });

  it('has the first use of each token written down, and gives other ports terms of their own', async () => {
    const written: AuditEntry[] = [];
    const made = security(undefined, { audit: { write: async (entries) => void written.push(...entries) } });
    const use = async (authenticator: Authenticator, token: string): Promise<unknown> =>
      authenticator.authenticate({
        headers: { authorization: `Bearer ${token}` },
        address: '192.0.2.7',
        requestId: 'request-1',
      });
    const api = made.authenticator();
    const token = await issuer.token({ jti: 'j1', patient: 'p1' });
    for (const _ of [1, 2]) await use(api, token);
    expect(written).toMatchObject([
      {
        kind: 'token',
        outcome: 'success',
        agent: { subject: 'clinician-1', client: 'growth-chart', tokenId: 'j1', address: '192.0.2.7' },
        requestId: 'request-1',
        patients: ['p1'],
      },
    ]);
    expect(JSON.stringify(written)).not.toContain(token.slice(0, 20));
    const admin = made.authenticator({ realm: 'http://admin.example', audience: ['http://admin.example'] });
    await expect(use(admin, token)).rejects.toMatchObject({ code: 'unauthenticated' });
    await use(admin, await issuer.token({ aud: 'http://admin.example' }));
    const nobodys = made.authenticator({ realm: 'r', audience: ['http://admin.example'], issuers: [] });
    const refused = use(nobodys, await issuer.token({ aud: 'http://admin.example' }));
    await expect(refused).rejects.toMatchObject({ code: 'unauthenticated' });
    await made.close();
  });

  it('says how long an issuer is waited for', async () => {
    const made = security(undefined, {
      config: securityConfig.parse({
        issuers: [{ issuer: issuer.url }],
        egress: { deadlineMs: 100 },
      }) as SecurityOptions['config'],
    });
    issuer.instead.set(JWKS, () => {});
    const limits = vi.spyOn(AbortSignal, 'timeout');
    const asked = made.authenticator().authenticate({
      headers: { authorization: `Bearer ${await issuer.token()}` },
      address: '192.0.2.7',
      requestId: 'request-1',
    });
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    expect(limits).toHaveBeenCalledWith(100);
    limits.mockRestore();
    issuer.instead.clear();
    await made.close();
  });

  it('says in the log that an issuer does not answer, once in a while', async () => {
    const lines: LogLine[] = [];
    const made = security(undefined, { log: keepLines(lines) });
    issuer.instead.set(JWKS, (_, res) => res.writeHead(500).end());
    const authenticator = made.authenticator();
    for (const _ of [1, 2, 3]) {
      const headers = { authorization: `Bearer ${await issuer.token()}` };
      const use = async (): Promise<unknown> =>
        authenticator.authenticate({ headers, address: '', requestId: 'r' });
      await expect(use()).rejects.toMatchObject({ code: 'unavailable', retryAfter: 1 });
    }
    issuer.instead.clear();
    const reason = `${issuer.url}: The issuer's keys cannot be had: HTTP status 500`;
    expect(lines).toMatchObject([{ level: 'warn', fields: { reason } }]);
    await made.close();
  });
});
