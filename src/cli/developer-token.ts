import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SignJWT, importJWK } from 'jose';
import type { JWK } from 'jose';

/** What a developer may wish of the sandbox's authorization server; all of it may be left out. */
export interface TokenWish {
  /** Scopes, separated by spaces. */
  readonly scope?: string;
  /** Logical id, number or a part of the name; the scopes are then of that patient. */
  readonly patient?: string;
  /** User of the sandbox, by id or a part of the name. */
  readonly user?: string;
  /** Role at Ficus itself, e.g. `privacy-officer`. */
  readonly role?: string;
  /** Registered client that the token is for. */
  readonly client?: string;
  /** Seconds that it lasts. */
  readonly seconds?: number;
}

interface Developer {
  readonly issuer: string;
  readonly client_id: string;
  readonly key: JWK;
}

interface TokenAnswer {
  readonly access_token?: string;
  readonly error?: string;
  readonly error_description?: string;
}

/** The sandbox's own grant; see sandbox/authorization/developer-grant.ts. No hospital's server has it. */
const GRANT = 'urn:ficus:sandbox:developer';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const PATIENCE_MS = 15_000;

/** Where the authorization server of a sandbox keeps its keys, and the developer's. */
export function authorizationDir(stateDir: string): string {
  return resolve(stateDir, 'authorization');
}

function readDeveloper(stateDir: string): Developer {
  const file = resolve(authorizationDir(stateDir), 'developer.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Developer;
  } catch (cause) {
    const words = `There is no ${file}. It is made by "npm start" and "ficus sandbox"; --state says where another one keeps it.`;
    throw new Error(words, { cause });
  }
}

async function ask(developer: Developer, parameters: Record<string, string>, path = ''): Promise<Response> {
  const { issuer, client_id: client, key } = developer;
  const address = `${issuer}/token${path}`;
  const assertion = await new SignJWT({ iss: client, sub: client, aud: issuer, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES384', kid: key.kid ?? '' })
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(await importJWK(key, 'ES384'));
  const body = { ...parameters, client_assertion_type: ASSERTION, client_assertion: assertion };
  return fetch(address, {
    method: 'POST',
    body: new URLSearchParams(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((cause: unknown) => {
    throw new Error(`The sandbox's authorization server does not answer at ${issuer}.`, { cause });
  });
}

/**
 * An access token of the sandbox that keeps its state in a folder, without pages.
 *
 * @throws Error in the server's words
 */
export async function developerToken(stateDir: string, wish: TokenWish): Promise<string> {
  const { client, seconds, ...others } = wish;
  const wished = { ...others, for_client: client, expires_in: seconds?.toString() };
  const given = Object.entries(wished).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const developer = readDeveloper(stateDir);
  const response = await ask(developer, { grant_type: GRANT, ...Object.fromEntries(given) });
  const answer = (await response.json().catch(() => ({}))) as TokenAnswer;
  if (answer.access_token !== undefined) return answer.access_token;
  throw new Error(`No token: ${answer.error_description ?? answer.error ?? response.status}.`);
}

/** Takes a token back, whoever has it. @throws Error when the server does not */
export async function revokeToken(stateDir: string, token: string): Promise<void> {
  const response = await ask(readDeveloper(stateDir), { token }, '/revocation');
  if (!response.ok) throw new Error(`The token was not revoked: ${response.status}.`);
}
