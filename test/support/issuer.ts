import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';

/** A key pair that signs tokens. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export async function makeKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, publicKey, jwk };
}

/** What an endpoint of the issuer does in place of its work. */
export type Misbehaviour = (req: IncomingMessage, res: ServerResponse) => void;

/** An authorization server of the test's own, over a socket: keys, metadata, introspection. */
export interface TestIssuer {
  readonly url: string;
  /** Keys that it publishes now. */
  published: readonly SigningKey[];
  /** Members of its metadata beside the plain ones. */
  metadata: Record<string, unknown>;
  /** Answers about tokens; one that is not here is not active. */
  readonly active: Map<string, Record<string, unknown>>;
  /** By path: done in place of answering. */
  readonly instead: Map<string, Misbehaviour>;
  /** How often each path was asked. */
  readonly asked: Map<string, number>;
  /** Who asked after a token the last time: `Authorization`, or the client of an assertion that was right. */
  askedBy: string | undefined;
  /** Public key that assertions of clients are verified with. */
  clientKey: CryptoKey | undefined;
  /** Claims on top of what every token has; a header on top of `alg`, `kid` and `typ`. */
  token(claims?: JWTPayload, options?: TokenOptions): Promise<string>;
  /** Nobody answers from now on; `open` again. */
  close(): Promise<void>;
  open(): Promise<void>;
}

export interface TokenOptions {
  readonly key?: SigningKey;
  readonly header?: Record<string, unknown>;
  /** Members that are left out. */
  readonly without?: readonly string[];
}

/** `security.egress`, for an issuer that shares the test's process, and the machine with other tests. */
export const PATIENT = { deadlineMs: 60_000 };

export const JWKS = '/jwks';
export const INTROSPECTION = '/introspect';
export const OPENID = '/.well-known/openid-configuration';

/** @param parts.now epoch milliseconds; @param parts.audience `aud` of its tokens */
export async function startIssuer(parts: {
  readonly now: () => number;
  readonly audience: () => string;
  readonly key: SigningKey;
}): Promise<TestIssuer> {
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?')[0]!;
    issuer.asked.set(path, (issuer.asked.get(path) ?? 0) + 1);
    const misbehave = issuer.instead.get(path);
    if (misbehave) misbehave(req, res);
    else void answer(req, res, path);
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  let serial = 0;
  const issuer: TestIssuer = {
    url,
    published: [parts.key],
    metadata: {},
    active: new Map(),
    instead: new Map(),
    asked: new Map(),
    askedBy: undefined,
    clientKey: undefined,
    token(claims = {}, { key = parts.key, header = {}, without = [] } = {}) {
      const seconds = Math.floor(parts.now() / 1000);
      const all: JWTPayload = {
        iss: url,
        aud: parts.audience(),
        sub: 'clinician-1',
        fhirUser: 'Practitioner/17',
        client_id: 'growth-chart',
        scope: 'user/Patient.rs',
        iat: seconds,
        exp: seconds + 300,
        jti: `token-${(serial += 1)}`,
        ...claims,
      };
      const payload = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(key.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    open: () => listen(port),
  };

  async function answer(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    if (path === OPENID) return json(res, { issuer: url, jwks_uri: `${url}${JWKS}`, introspection_endpoint: `${url}${INTROSPECTION}`, ...issuer.metadata }); // prettier-ignore
    if (path === JWKS) return json(res, { keys: issuer.published.map(({ jwk }) => jwk) });
    if (path !== INTROSPECTION) return void res.writeHead(404).end();
    const form = new URLSearchParams(await textOf(req));
    issuer.askedBy = await whoAsks(req, form);
    const said = issuer.active.get(form.get('token') ?? '');
    return json(res, said ? { active: true, ...said } : { active: false });
  }

  async function whoAsks(req: IncomingMessage, form: URLSearchParams): Promise<string | undefined> {
    const assertion = form.get('client_assertion');
    if (assertion === null || !issuer.clientKey) return req.headers.authorization;
    const currentDate = new Date(parts.now());
    const { payload } = await jwtVerify(assertion, issuer.clientKey, { audience: url, currentDate });
    return payload.sub;
  }
  return issuer;
}

function json(res: ServerResponse, body: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function textOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
