import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Revocation, RevocationStore } from '../../src/privacy-ports.ts';
import { LONGEST_LIFE_MS, endOfRevocation, openRevocationRegister } from '../../src/security/revocations.ts';
import type { RevocationRegister } from '../../src/security/revocations.ts';
import { createMemoryPrivacyStores } from '../../src/store/privacy-stores.ts';
import { compose } from '../../src/compose.ts';
import { adminConfig } from '../../src/config/admin-schema.ts';
import { securityConfig } from '../../src/config/security-schema.ts';
import { createLogger } from '../../src/log.ts';
import { fedConfig, makeHome } from '../support/fed.ts';
import { startGuarded } from '../support/guarded.ts';
import type { Guarded } from '../support/guarded.ts';
import { PATIENT, makeKey, startIssuer } from '../support/issuer.ts';
import type { SigningKey } from '../support/issuer.ts';

/** Seconds that the clock of an issuer may differ. */
const SKEW = 30;

let key: SigningKey;
let guarded: Guarded;
let store: RevocationStore;
let register: RevocationRegister;
/** Tokens that were told of as used for the first time. */
let used: string[];

const open = () => openRevocationRegister({ store, clock: { now: () => guarded.now() } });

beforeAll(async () => {
  key = await makeKey('one');
});
beforeEach(async () => {
  used = [];
  store = createMemoryPrivacyStores().revocations;
  guarded = await startGuarded({
    key,
    authenticator: {
      revoked: (token, issuedAt) => register.revoked(token, issuedAt),
      firstUse: async ({ access }) => void used.push(access!.tokenId),
    },
  });
  register = await open();
});
afterEach(() => guarded.close());

let revocations = 0;
async function revoke(what: Pick<Revocation, 'tokenId' | 'subject' | 'client'>): Promise<Revocation> {
  const [at, until] = [guarded.now(), endOfRevocation(guarded.now())].map((one) =>
    new Date(one).toISOString(),
  );
  const id = `v${(revocations += 1)}`;
  const revocation = { id, ...what, reason: 'leaked', by: 'officer', at: at!, until: until! };
  await store.add(revocation);
  register.take(revocation);
  return revocation;
}

const status = async (token: string): Promise<number> => (await guarded.with(token)).status;

describe('a token that was revoked here', () => {
  it('is refused at once, remembered as it is, and others are not', async () => {
    const [leaked, other] = [await guarded.token({ jti: 'leaked' }), await guarded.token()];
    expect([await status(leaked), await status(other)]).toEqual([200, 200]);
    await revoke({ tokenId: 'leaked' });
    const refused = await guarded.with(leaked);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain(
      'error="invalid_token", error_description="The token is not active"',
    );
    expect(await status(other)).toBe(200);
    expect(guarded.outcomes).toEqual(['verified', 'verified', 'revoked', 'remembered']);
  });

  it('is refused when it was never seen, and is not told of as used', async () => {
    await revoke({ tokenId: 'leaked' });
    expect(await status(await guarded.token({ jti: 'leaked' }))).toBe(401);
    expect(used).toEqual([]);
    expect(guarded.callers).toEqual([]);
  });

  it('is refused after a restart', async () => {
    const leaked = await guarded.token({ jti: 'leaked' });
    await revoke({ tokenId: 'leaked' });
    register = await open();
    expect(await status(leaked)).toBe(401);
  });

  it('is good again when that is lifted', async () => {
    const leaked = await guarded.token({ jti: 'leaked' });
    const revocation = await revoke({ tokenId: 'leaked' });
    expect(await status(leaked)).toBe(401);
    const lifted = { by: 'officer', at: revocation.at, reason: 'it was another one' };
    await store.lift(revocation.id, lifted);
    register.take({ ...revocation, lifted });
    expect(await status(leaked)).toBe(200);
    register = await open();
    expect(await status(leaked)).toBe(200);
  });

  it('without an id is found by its hash', async () => {
    await guarded.close();
    guarded = await startGuarded({
      key,
      rules: { types: ['JWT'] },
      authenticator: { revoked: (token, issuedAt) => register.revoked(token, issuedAt) },
    });
    const leaked = await guarded.token({}, { without: ['jti'], header: { typ: 'JWT' } });
    expect(await status(leaked)).toBe(200);
    await revoke({ tokenId: guarded.callers[0]!.access!.tokenId });
    expect(await status(leaked)).toBe(401);
    // The same token in another spelling: its signature with the padding that base64url leaves out.
    expect(await status(`${leaked}==`)).toBe(401);
  });
});

describe('what a subject had', () => {
  it('is refused, and what it gets later is not', async () => {
    const [own, other] = [await guarded.token({ sub: 'dr-one' }), await guarded.token({ sub: 'dr-two' })];
    expect(await status(own)).toBe(200);
    guarded.pass(1_000);
    await revoke({ subject: 'dr-one' });
    expect([await status(own), await status(other)]).toEqual([401, 200]);
    guarded.pass((SKEW + 1) * 1_000);
    expect(await status(await guarded.token({ sub: 'dr-one' }))).toBe(200);
    expect(await status(own)).toBe(401);
  });

  it('is refused, too, where the clock of the issuer is ahead', async () => {
    const iat = Math.floor(guarded.now() / 1000) + SKEW - 1;
    const own = await guarded.token({ sub: 'dr-one', iat });
    await revoke({ subject: 'dr-one' });
    expect(await status(own)).toBe(401);
  });

  it('is refused where it does not say when it was issued', async () => {
    await guarded.close();
    guarded = await startGuarded({
      key,
      rules: { types: ['JWT'] },
      authenticator: { revoked: (token, issuedAt) => register.revoked(token, issuedAt) },
    });
    await revoke({ subject: 'dr-one' });
    guarded.pass(60_000);
    const undated = await guarded.token({ sub: 'dr-one' }, { without: ['iat'], header: { typ: 'JWT' } });
    expect(await status(undated)).toBe(401);
  });

  it('of one application is refused, and of another is not', async () => {
    const [one, other] = await Promise.all(
      ['growth-chart', 'lab-viewer'].map((client) => guarded.token({ sub: 'dr-one', client_id: client })),
    );
    await revoke({ subject: 'dr-one', client: 'growth-chart' });
    expect([await status(one!), await status(other!)]).toEqual([401, 200]);
    expect(await status(await guarded.token({ sub: 'dr-two', client_id: 'growth-chart' }))).toBe(200);
  });
});

describe('what an application had', () => {
  it('is refused, whoever used it', async () => {
    const tokens = await Promise.all(
      ['dr-one', 'dr-two'].map((sub) => guarded.token({ sub, client_id: 'growth-chart' })),
    );
    const other = await guarded.token({ client_id: 'lab-viewer' });
    await revoke({ client: 'growth-chart' });
    expect(await Promise.all(tokens.map(status))).toEqual([401, 401]);
    expect(await status(other)).toBe(200);
  });
});

describe('a revocation', () => {
  it('ends when nothing that it is about is believed any more, whatever the token says', async () => {
    const seconds = Math.floor(guarded.now() / 1000);
    const forever = await guarded.token({ jti: 'leaked', exp: seconds + 100 * 366 * 86_400 });
    expect(await status(forever)).toBe(200);
    await revoke({ tokenId: 'leaked' });
    guarded.pass(LONGEST_LIFE_MS + 2 * 86_400_000);
    register = await open();
    expect(register.all()).toEqual([]);
    const refused = await guarded.with(forever);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('The token has expired');
  });
});

describe('a Ficus', () => {
  it('refuses what was revoked by its admin API before it was started again, there too', async () => {
    const home = makeHome();
    const issuer = await startIssuer({ now: () => Date.now(), audience: () => 'https://ficus.example', key });
    const loaded = fedConfig(home);
    const config = {
      ...loaded.config,
      admin: adminConfig.parse({
        host: '127.0.0.1',
        port: 0,
        access: { audience: ['https://ficus.example'] },
      }),
      security: securityConfig.parse({
        issuers: [{ issuer: issuer.url, audience: ['https://ficus.example'] }],
        egress: PATIENT,
      }),
    };
    const start = () => compose({ ...loaded, config }, { log: createLogger({ level: 'silent' }) });
    const send = async (address: string, token: string, body?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const init = body ? { method: 'POST', body: JSON.stringify(body), headers } : { headers };
      const response = await fetch(address, init);
      return { status: response.status, text: await response.text() };
    };
    const officer = await issuer.token({ sub: 'officer', roles: ['privacy-officer'] });
    const leaked = await issuer.token({ jti: 'leaked', roles: ['viewer'], scope: 'user/*.rs' });
    const reports = '/DiagnosticReport?patient=p1';
    let ficus = await start();
    const statuses = async () => [
      (await send(`${ficus.publicBase}${reports}`, leaked)).status,
      (await send(`${ficus.adminBase}/routes`, leaked)).status,
    ];
    try {
      expect(await statuses()).toEqual([200, 200]);
      const path = '/security/revocations';
      const body = { tokenId: 'leaked', reason: 'leaked' };
      expect((await send(`${ficus.adminBase}${path}`, leaked, body)).status).toBe(403);
      const revoked = await send(`${ficus.adminBase}${path}`, officer, body);
      expect([revoked.status, revoked.text]).toEqual([201, expect.stringContaining('"by":"officer"')]);
      expect(await statuses()).toEqual([401, 401]);
      await ficus.stop();
      ficus = await start();
      expect(await statuses()).toEqual([401, 401]);
      expect((await send(`${ficus.adminBase}${path}`, officer)).text).toContain('"tokenId":"leaked"');
    } finally {
      await ficus.stop();
      await issuer.close();
      home.remove();
    }
  });
});
