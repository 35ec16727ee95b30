import type { ServerResponse } from 'node:http';
import { exportPKCS8 } from 'jose';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startGuarded } from '../support/guarded.ts';
import type { Guarded, GuardedOptions } from '../support/guarded.ts';
import { INTROSPECTION, makeKey } from '../support/issuer.ts';
import type { SigningKey } from '../support/issuer.ts';

let key: SigningKey;
let guarded: Guarded;

const SECRET = { clientId: 'ficus', proof: { kind: 'secret', secret: 'p:ä s' }, everyMs: 4_000 } as const;

beforeAll(async () => {
  key = await makeKey('one');
});

afterEach(() => guarded.close());

async function start(rules: GuardedOptions['rules'] = {}): Promise<void> {
  guarded = await startGuarded({ key, rules: { introspection: SECRET, ...rules } });
}

const asked = (): number => guarded.issuer.asked.get(INTROSPECTION) ?? 0;
const statusWith = async (token: string): Promise<number> => (await guarded.with(token)).status;

/** A token that its issuer stands by. */
async function goodToken(): Promise<string> {
  const token = await guarded.token();
  guarded.issuer.active.set(token, {});
  return token;
}

describe('a token that its issuer can be asked after', () => {
  it('works only while the issuer stands by it', async () => {
    await start();
    const token = await guarded.token();
    const answer = await guarded.with(token);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('error_description="The token is not active"');
    guarded.issuer.active.set(token, {});
    expect(await statusWith(token)).toBe(200);
  });

  it('is revoked within five seconds, whoever uses it', async () => {
    await start();
    const token = await goodToken();
    expect(await statusWith(token)).toBe(200);
    guarded.issuer.active.clear();
    guarded.pass(5_000);
    const answers = await Promise.all(Array.from({ length: 10 }, () => statusWith(token)));
    expect(new Set(answers)).toEqual(new Set([401]));
    expect(asked()).toBe(2);
    // It stays so, without asking again.
    expect([await statusWith(token), asked()]).toEqual([401, 2]);
  });

  it('is asked after beside the requests, before the time is over, once at a time', async () => {
    await start();
    const token = await goodToken();
    await statusWith(token);
    guarded.pass(1_900);
    await statusWith(token);
    expect(asked()).toBe(1);
    guarded.pass(200);
    let answerIt = (): void => {};
    guarded.issuer.instead.set(INTROSPECTION, (_, res) => {
      answerIt = () => void res.end('{"active":true}');
    });
    for (const _ of [1, 2, 3]) expect(await statusWith(token)).toBe(200);
    await expect.poll(asked).toBe(2);
    answerIt();
    guarded.issuer.instead.clear();
    guarded.pass(2_000);
    expect(await statusWith(token)).toBe(200);
  });

  it('is not believed when nobody can be asked: 503 once the time is over, and not before', async () => {
    await start();
    const token = await goodToken();
    expect(await statusWith(token)).toBe(200);
    await guarded.issuer.close();
    guarded.pass(3_900);
    expect(await statusWith(token)).toBe(200);
    guarded.pass(200);
    const answer = await guarded.with(token);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    await guarded.issuer.open();
    guarded.pass(1_000);
    expect(await statusWith(token)).toBe(200);
  });

  it.each<[string, (res: ServerResponse) => void]>([
    ['an error', (res) => void res.writeHead(500).end()],
    ['no access', (res) => void res.writeHead(401).end('{"active":true}')],
    ['no JSON', (res) => void res.end('true')],
    ['another type', (res) => void res.end('{"active":"true"}')],
    ['nothing', () => {}],
  ])('is not believed when the answer is %s', async (_, misbehave) => {
    guarded = await startGuarded({ key, rules: { introspection: SECRET }, egress: { ms: 1_000 } });
    const token = await goodToken();
    guarded.issuer.instead.set(INTROSPECTION, (_req, res) => misbehave(res));
    expect(await statusWith(token)).toBe(503);
    expect(guarded.callers).toEqual([]);
  });

  it('may be narrowed by its issuer, and then is another caller', async () => {
    await start();
    const token = await goodToken();
    await statusWith(token);
    guarded.issuer.active.set(token, { scope: 'user/Observation.rs' });
    guarded.pass(5_000);
    expect(await statusWith(token)).toBe(403);
  });

  it.each([
    ['another subject', { sub: 'somebody' }],
    ['another client', { client_id: 'other' }],
    ['another issuer', { iss: 'https://other.example' }],
  ])('is not believed when the issuer says that it is of %s', async (_, said) => {
    await start();
    const token = await guarded.token();
    guarded.issuer.active.set(token, said);
    expect(await statusWith(token)).toBe(401);
  });

  it('is asked after by a client with a secret, encoded as in a form', async () => {
    await start();
    await statusWith(await goodToken());
    const pair = Buffer.from(guarded.issuer.askedBy!.replace('Basic ', ''), 'base64').toString();
    expect(pair).toBe('ficus:p%3A%C3%A4+s');
  });

  it.each(['RS384', 'ES384'] as const)('is asked after by a client with a key (%s)', async (algorithm) => {
    const own = await makeKey('ficus-1', algorithm);
    const pem = await exportPKCS8(own.privateKey);
    const proof = { kind: 'key', pem, keyId: 'ficus-1', algorithm } as const;
    await start({ introspection: { ...SECRET, proof } });
    guarded.issuer.clientKey = own.publicKey;
    expect(await statusWith(await goodToken())).toBe(200);
    expect(guarded.issuer.askedBy).toBe('ficus');
  });
});

describe('an opaque token', () => {
  const startOpaque = () => start({ opaque: true });
  const said = () => ({
    aud: guarded.base,
    sub: 'clinician-1',
    client_id: 'growth-chart',
    fhirUser: 'Practitioner/17',
    scope: 'user/Patient.rs',
    token_type: 'Bearer',
    exp: guarded.now() / 1000 + 60,
  });

  it('is what its issuer says of it', async () => {
    await startOpaque();
    guarded.issuer.active.set('opaque-1', said());
    expect(await statusWith('opaque-1')).toBe(200);
    expect(guarded.callers).toMatchObject([{ client: 'growth-chart', access: { subject: 'clinician-1' } }]);
    expect(guarded.callers[0]!.access!.tokenId).not.toContain('opaque');
    expect(await statusWith('opaque-2')).toBe(401);
    expect(await statusWith('not a token')).toBe(401);
    expect(asked()).toBe(2);
  });

  it('ends when its issuer said', async () => {
    await startOpaque();
    guarded.issuer.active.set('opaque-1', said());
    await statusWith('opaque-1');
    guarded.pass(95_000);
    expect(await statusWith('opaque-1')).toBe(401);
  });

  it.each<[string, object]>([
    ['for another service', { aud: 'https://other.example' }],
    ['for nobody in particular', { aud: undefined }],
    ['that has ended', { exp: 1 }],
    ['that begins later', { nbf: 9_999_999_999 }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['that is to be proven', { token_type: 'DPoP' }],
    ['that is bound', { cnf: { jkt: 'x' } }],
    ['with an end in words', { exp: 'tomorrow' }],
    ['of nobody', { sub: undefined, client_id: undefined }],
  ])('%s is refused', async (_, wrong) => {
    await startOpaque();
    guarded.issuer.active.set('opaque-1', { ...said(), ...wrong });
    expect(await statusWith('opaque-1')).toBe(401);
    expect(guarded.callers).toEqual([]);
  });
});

describe('what follows from a token', () => {
  it('is told before it is believed, once a token', async () => {
    const told: string[] = [];
    let fails = true;
    guarded = await startGuarded({
      key,
      authenticator: {
        firstUse: async ({ access }) => {
          if (fails) throw new Error('no room');
          told.push(access!.tokenId);
        },
      },
    });
    const token = await guarded.token({ jti: 'j1' });
    expect(await statusWith(token)).toBe(500);
    fails = false;
    for (const _ of [1, 2]) expect(await statusWith(token)).toBe(200);
    expect(told).toEqual(['j1']);
  });

  it('a tester may choose a side, and nobody else', async () => {
    guarded = await startGuarded({
      key,
      authenticator: { tester: { role: 'migration-lead', header: 'x-ficus-side' } },
    });
    for (const roles of [['migration-lead'], ['viewer']]) {
      const token = await guarded.token({ roles });
      for (const side of ['modern', 'both'])
        await guarded.get({ authorization: `Bearer ${token}`, 'x-ficus-side': side });
    }
    expect(guarded.callers.map(({ side }) => side)).toEqual(['modern', undefined, undefined, undefined]);
  });

  it('the purposes of IHE IUA are read, those of other systems are not', async () => {
    guarded = await startGuarded({ key });
    const purpose = (system: string, code: string) => ({ system, code });
    const purpose_of_use = [
      purpose('http://terminology.hl7.org/CodeSystem/v3-ActReason', 'TREAT'),
      purpose('https://other.example', 'BTG'),
    ];
    await statusWith(await guarded.token({ extensions: { ihe_iua: { purpose_of_use } } }));
    expect(guarded.callers[0]!.access!.purposes).toEqual(['TREAT']);
  });
});
