import { createHmac } from 'node:crypto';
import { exportSPKI } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JWKS, makeKey } from '../support/issuer.ts';
import type { SigningKey } from '../support/issuer.ts';
import { startGuarded } from '../support/guarded.ts';
import type { Guarded } from '../support/guarded.ts';
import { rawExchange } from '../unit/http/fhir-server.ts';

let key: SigningKey;
let stranger: SigningKey;
let guarded: Guarded;

beforeAll(async () => {
  [key, stranger] = await Promise.all([makeKey('one'), makeKey('one')]);
  guarded = await startGuarded({ key });
});

afterAll(() => guarded.close());

beforeEach(() => {
  guarded.callers.length = 0;
  guarded.outcomes.length = 0;
});

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** `WWW-Authenticate` without the realm, which every one has. */
async function challenge(answer: Response): Promise<string> {
  const header = answer.headers.get('www-authenticate') ?? '';
  expect(header).toContain(`Bearer realm="${guarded.base}"`);
  expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'login' }] });
  return header.replace(`Bearer realm="${guarded.base}"`, '').replace(/^, /, '');
}

describe('a token', () => {
  it('lets its bearer in, and says who they are', async () => {
    const token = await guarded.token({
      patient: 'p1',
      scope: 'patient/Observation.rs launch/patient',
      fhirUser: `${guarded.base}/Practitioner/17`,
      purpose_of_use: 'TREAT',
      roles: ['viewer'],
      facility: 'EAST',
    });
    const answer = await guarded.with(token);
    expect(answer.status).toBe(403);
    const reading = await guarded.token({ scope: 'user/Patient.rs', fhirUser: 'Practitioner/17', jti: 'j1' });
    expect((await guarded.with(reading)).status).toBe(200);
    expect(guarded.callers).toMatchObject([
      {
        client: 'growth-chart',
        access: { subject: 'clinician-1', fhirUser: 'Practitioner/17', tokenId: 'j1', mayBreakGlass: false },
      },
    ]);
  });

  it('is verified once, and known afterwards', async () => {
    const token = await guarded.token();
    for (const _ of [1, 2, 3]) expect((await guarded.with(token)).status).toBe(200);
    expect(guarded.outcomes).toEqual(['verified', 'remembered', 'remembered']);
    expect(guarded.callers[1]).toBe(guarded.callers[2]);
  });

  it('is verified once for many requests that come at once', async () => {
    const token = await guarded.token();
    const answers = await Promise.all(Array.from({ length: 20 }, () => guarded.with(token)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(new Set(guarded.callers).size).toBe(1);
  });

  it('may come with its scheme in any case', async () => {
    const token = await guarded.token();
    for (const scheme of ['bearer', 'BEARER'])
      expect((await guarded.get({ authorization: `${scheme} ${token}` })).status).toBe(200);
  });

  it.each(['RS384', 'PS256', 'ES256', 'ES384'])('may be signed with %s', async (alg) => {
    const other = await makeKey(`with-${alg}`, alg);
    guarded.issuer.published = [key, other];
    guarded.pass(10_000);
    expect((await guarded.with(await guarded.token({}, { key: other }))).status).toBe(200);
  });

  it('may be for several, us among them', async () => {
    const token = await guarded.token({ aud: ['https://other.example', guarded.base] });
    expect((await guarded.with(token)).status).toBe(200);
  });

  it('gives its pages to the token that follows it, and to no other', async () => {
    for (const claims of [{}, {}, { scope: 'user/*.rs' }, { sub: 'clinician-2' }, { patient: 'p1' }])
      await guarded.with(await guarded.token(claims));
    const [first, refreshed, ...others] = guarded.callers.map((one) => one.key);
    expect(refreshed).toBe(first);
    expect(new Set([first, ...others]).size).toBe(4);
  });

  it('that has ended is good for the difference of the clocks, and then no more', async () => {
    const token = await guarded.token();
    expect((await guarded.with(token)).status).toBe(200);
    guarded.pass(329_000);
    expect((await guarded.with(token)).status).toBe(200);
    guarded.pass(2_000);
    const answer = await guarded.with(token);
    expect(answer.status).toBe(401);
    expect(await challenge(answer)).toBe('error="invalid_token", error_description="The token has expired"');
  });
});

describe('no token', () => {
  it('is told where one is had, and no error code', async () => {
    const answer = await guarded.get();
    expect(answer.status).toBe(401);
    expect(await challenge(answer.clone())).toBe('');
    expect(JSON.stringify(await answer.json())).toContain('/.well-known/smart-configuration');
    expect(guarded.outcomes).toEqual(['missing']);
  });

  it.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer  '])('nor is %j one', async (authorization) => {
    const answer = await guarded.get({ authorization });
    expect([answer.status, await challenge(answer)]).toEqual([401, '']);
  });

  it('is needed to read /metadata', async () => {
    expect((await guarded.get({}, '/metadata')).status).toBe(200);
  });
});

const INVALID = 'error="invalid_token", error_description="The token is not valid"';

describe('what is no good signature is told in the same words, whatever is wrong with it', () => {
  it.each<[string, () => Promise<string>]>([
    ['another key under the same name', () => guarded.token({}, { key: stranger })],
    ['a key that nobody published', () => guarded.token({}, { key: { ...stranger, kid: 'two' } })],
    ['another issuer', () => guarded.token({ iss: 'https://evil.example' })],
    ['no issuer', () => guarded.token({}, { without: ['iss'] })],
    ['no JWT', async () => 'mF_9.B5f-4.1JqM'],
    ['an opaque token', async () => 'mF_9B5f4'],
    ['a changed payload', async () => {
      const [head, , signature] = (await guarded.token()).split('.');
      const payload = base64url({ iss: guarded.issuer.url, aud: guarded.base, sub: 'admin', exp: 9e9 });
      return `${head}.${payload}.${signature}`;
    }],
    ['alg: none', async () => {
      const [, payload] = (await guarded.token()).split('.');
      return `${base64url({ alg: 'none', typ: 'at+jwt' })}.${payload}.`;
    }],
    ['alg: nOnE', async () => {
      const [, payload] = (await guarded.token()).split('.');
      return `${base64url({ alg: 'nOnE', typ: 'at+jwt' })}.${payload}.`;
    }],
    ['HS256 with the public key as its secret', async () => {
      const [, payload] = (await guarded.token()).split('.');
      const input = `${base64url({ alg: 'HS256', kid: 'one', typ: 'at+jwt' })}.${payload}`;
      const secret = await exportSPKI(key.publicKey);
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    }],
    ['RS512, which is not on the list', () => guarded.token({}, { key: { ...key, alg: 'RS256' }, header: { alg: 'RS512' } }).catch(async () => {
      const [, payload, signature] = (await guarded.token()).split('.');
      return `${base64url({ alg: 'RS512', kid: 'one', typ: 'at+jwt' })}.${payload}.${signature}`;
    })],
    ['its own key in its header', () => guarded.token({}, { key: stranger, header: { jwk: stranger.jwk, kid: undefined } })],
    ['an address of its own keys', () => guarded.token({}, { key: stranger, header: { jku: `${guarded.issuer.url}${JWKS}`, x5u: 'https://evil.example' } })],
    ['a path as kid', () => guarded.token({}, { header: { kid: '../../../../dev/null' } })],
    ['a command as kid', () => guarded.token({}, { header: { kid: "one' UNION SELECT 'x" } })],
    ['a kid without end', () => guarded.token({}, { header: { kid: 'k'.repeat(300) } })],
    ['a header without end', () => guarded.token({}, { header: { x: 'k'.repeat(3_000) } })],
    ['a token without end', () => guarded.token({ x: 'k'.repeat(7_000) })],
    ['a critical header that nobody knows', async () => {
      const [, payload, signature] = (await guarded.token()).split('.');
      return `${base64url({ alg: 'RS256', kid: 'one', typ: 'at+jwt', crit: ['exp'], exp: 1 })}.${payload}.${signature}`;
    }],
  ])('%s', async (_, make) => {
    const answer = await guarded.with(await make());
    expect(answer.status).toBe(401);
    expect(await challenge(answer)).toBe(INVALID);
    expect(guarded.callers).toEqual([]);
  }); // prettier-ignore
});

describe('a token with a good signature is refused', () => {
  const soon = (seconds: number): number => Math.floor(guarded.now() / 1000) + seconds;

  it.each<[string, () => Promise<string>, string]>([
    ['for another service', () => guarded.token({ aud: 'https://other.example' }), 'is not for this service'],
    ['for no service', () => guarded.token({}, { without: ['aud'] }), 'is not for this service'],
    ['without an end', () => guarded.token({}, { without: ['exp'] }), 'does not say what it has to'],
    ['that begins later', () => guarded.token({ nbf: soon(60) }), 'is not valid yet'],
    ['made in the future', () => guarded.token({ iat: soon(60) }), 'is not valid yet'],
    ['that is an id token', () => guarded.token({}, { header: { typ: 'JWT' } }), 'is not an access token'],
    ['that says not what it is', () => guarded.token({}, { header: { typ: undefined } }), 'is not an access token'],
    ['that is a logout token', () => guarded.token({}, { header: { typ: 'logout+jwt' } }), 'is not an access token'],
    ['without a subject', () => guarded.token({}, { without: ['sub'] }), 'does not say what it has to'],
    ['without an id', () => guarded.token({}, { without: ['jti'] }), 'does not say what it has to'],
    ['with a patient that is none', () => guarded.token({ patient: '../p2' }), 'does not say what it has to'],
    ['with two patients', () => guarded.token({ patient: ['p1', 'p2'] }), 'does not say what it has to'],
    ['of a patient of another server', () => guarded.token({ fhirUser: 'https://other.example/Patient/1' }), 'does not say what it has to'],
    ['with a user that is none', () => guarded.token({ fhirUser: 'somebody' }), 'does not say what it has to'],
    ['with roles that are none', () => guarded.token({ roles: [{ admin: true }] }), 'does not say what it has to'],
    ['bound to a key', () => guarded.token({ cnf: { jkt: 'x' } }), 'is bound to a key'],
  ])('%s', async (_, make, words) => {
    const answer = await guarded.with(await make());
    expect(answer.status).toBe(401);
    expect(await challenge(answer)).toContain(`error="invalid_token", error_description="The token ${words}`);
    expect(guarded.callers).toEqual([]);
  }); // prettier-ignore

  it('within the difference of the clocks it is not', async () => {
    const token = await guarded.token({ nbf: soon(20), iat: soon(20) });
    expect((await guarded.with(token)).status).toBe(200);
  });

  it('where DPoP would prove whose it is, in words that say so', async () => {
    const answer = await guarded.get({ authorization: `DPoP ${await guarded.token()}` });
    expect(answer.status).toBe(401);
    expect(await challenge(answer)).toContain(
      'error="invalid_request", error_description="DPoP is not spoken',
    );
  });
});

describe('a token that stands where it does not belong', () => {
  const words = 'A token belongs into the Authorization header, and nowhere else';

  it.each(['access_token', '%61ccess_token'])(
    'in the address as %s is refused, and logged nowhere',
    async (name) => {
      const token = await guarded.token();
      const answer = await guarded.get({}, `/Patient?${name}=${token}&family=x`);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="invalid_request", error_description="${words}"`,
      );
      expect(await answer.text()).not.toContain(token.slice(0, 20));
      expect(JSON.stringify(guarded.running.lines)).not.toContain(token.slice(0, 20));
    },
  );

  it('in a form is refused', async () => {
    const token = await guarded.token();
    const answer = await fetch(`${guarded.base}/Patient/_search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams({ access_token: token }),
    });
    expect([answer.status, guarded.callers]).toEqual([400, []]);
  });

  it('beside another one in a second header is refused', async () => {
    const token = await guarded.token();
    const answer = await rawExchange(
      guarded.running.server.port,
      `GET /fhir/r4/Patient/p1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nauthorization: Bearer other\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(guarded.callers).toEqual([]);
  });
});
